# SPDX-License-Identifier: MIT
"""baton.selftest=: page tables change at random while every CPU looks, CPUs go and come; and where each must fail."""
import os
import re

import pytest

from harness import FAULTS, FIRMWARE_S, boot, check_good, machine, problem_pattern, write_disk

OPERATIONS = {2: 400, 4: 300, 16: 120}


def fields(line):
    return dict(re.findall(r"(\w+)=(\S+)", line))


@pytest.mark.parametrize("smp", sorted(OPERATIONS))
def test_passes_and_boots_on(tmp_path, smp):
    """As many faults as the model says, no other; nothing leaks; the boot goes on to userspace."""
    operations = OPERATIONS[smp]
    result = boot(tmp_path, smp=smp, options="baton.seed=%d baton.selftest=mm:%d" % (smp, operations))
    line = re.search(r"event=selftest room=mm verdict=.*", result.text)
    assert line, result.tail()
    words = fields(line[0])
    assert words["verdict"] == "PASS" and words["operations"] == str(operations) and words["seed"] == "0x%x" % smp
    # It did something: every kind of outcome occurred, and other CPUs took part.
    for word in ("refused", "rounds", "probes", "faults", "idled"):
        assert int(words[word]) > 0, line[0]
    check_good(result, smp)


@pytest.mark.parametrize("smp", (2, 4))
def test_cpus_go_and_come_back(tmp_path, smp):
    """All CPUs offline and online again in HLT and in MWAIT, which TCG does not let sleep; the boot goes on."""
    result = boot(tmp_path, smp=smp, options="baton.selftest=smp:3")
    last = result.event("selftest")
    assert (last["verdict"], last["online"], last["init"], last["lost"]) == ("PASS", str(smp - 1), "0", "0"), last
    hlt = next(e for e in result.all("selftest") if e.get("mode") == "hlt" and "cpus" in e)
    assert hlt["by_store"] == "0" and hlt["without_nmi"] == "0", hlt
    check_good(result, smp)
    assert [(c["park"], c["cpus"], c["together"], c["cycles"]) for c in result.report["cycles"]] == \
        [(mode, smp - 1, smp - 1, 3) for mode in ("hlt", "mwait")]
    for cycles in result.report["cycles"]:      # the lines' own figures
        alone, together = (next(e for e in result.all("selftest") if e.get("mode") == cycles["park"] and word in e)
                           for word in ("cpus", "cycles"))
        for name in ("offline_ns", "kick_ns", "online_ns"):
            assert cycles[name] == int(alone[name]) > 0, (alone, cycles)
        for name in ("offline", "online"):
            assert cycles["together_%s_ns" % name] // 1000 == int(together[name + "_us"]) > 0, (together, cycles)


def test_entry_asks_for_it(tmp_path):
    result = boot(tmp_path, smp=2, conf=("selftest mm:20",))
    assert re.search(r"event=selftest room=mm verdict=PASS .*operations=20 ", result.text), result.tail()


def test_a_flush_left_out_is_found(tmp_path):
    """The faults build does not send every fourth flush: some CPU uses a translation that is gone."""
    assert os.path.exists(FAULTS), FAULTS + " is missing: make faults"
    disk = write_disk(str(tmp_path / "disk.img"), baton=FAULTS, conf=("on-failure halt",))
    options = "baton.seed=1 baton.fault=flush:4 baton.selftest=mm:50000"
    with machine(tmp_path, disk, smp=4, options=options) as vm:
        _, match = vm.wait_for("event=selftest room=mm verdict=(PASS|FAIL)", FIRMWARE_S)
        assert match[1] == "FAIL", match.string
        # E70 from the CPU that saw it, E54 from the allocator if it stored, E63 if it ran a freed page's poison.
        vm.wait_for("|".join(problem_pattern(n) for n in (70, 54, 63)), FIRMWARE_S)
        assert "Linux version" not in vm.text()


def test_a_cpu_that_never_reaches_the_lot_is_found(tmp_path):
    """selftest=smp can fail: a CPU that takes the order and does not go is LOST, and the handover is refused."""
    assert os.path.exists(FAULTS), FAULTS + " is missing: make faults"
    disk = write_disk(str(tmp_path / "disk.img"), baton=FAULTS, conf=("on-failure halt",))
    with machine(tmp_path, disk, smp=3, options="baton.fault=no-park:2 baton.selftest=smp:1") as vm:
        vm.wait_for("event=selftest room=smp verdict=FAIL .*lost=1", FIRMWARE_S)
        vm.wait_for(problem_pattern(61), FIRMWARE_S)
        assert "event=handover" not in vm.text() and "Linux version" not in vm.text()
