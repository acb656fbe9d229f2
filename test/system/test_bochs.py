# SPDX-License-Identifier: MIT
"""Bochs: the emulator here whose MWAIT sleeps until somebody stores to the line, whose TLB forgets by INVLPG exactly and
whose time is virtual. Baton enters from a CD by its 16-bit door; the next kernel is the state probe."""
import os
import re

import pytest

from bochs import Bochs
from cd import write_cd
from harness import BATON, BUILD, FAULTS

PROBE = os.path.join(BUILD, "probe", "probe.bin")
WORDS = "baton.console=ttyS0,115200 "
RUN_S = 150             # 5 to 15 s on an idle host
KICK_US = 5000          # protocol rule 13: bare metal, which Bochs says it is


def start(tmp_path, words="", smp=2, baton=BATON, conf=("park mwait", "on-failure halt"), change=None, **more):
    assert os.path.exists(baton), baton + " is missing: make faults"
    cd = write_cd(tmp_path, WORDS + words, baton=baton, kernel=PROBE, initrds=(), conf=conf, change=change)
    return Bochs(tmp_path / "bochs", cd, smp=smp, **more)


def run(tmp_path, words="", until="probe: end", **more):
    """To the end of the next kernel, or to another line."""
    with start(tmp_path, words, **more) as vm:
        vm.wait_for(until, RUN_S)
        return vm.result()


def handover(result, cpus):
    """The line of the last order, everybody having answered in time without INIT."""
    line = result.event("handover")
    assert (line["kicks"], line["answers"], line["inits"]) == (str(cpus - 1), str(cpus - 1), "0"), line
    halt = next(e for e in result.all("phase") if e["name"] == "halt")
    assert int(halt["us"]) < KICK_US, halt
    return line


@pytest.mark.parametrize("smp,mode", ((2, "mwait"), (4, "mix"), (8, "mwait")))
def test_boots(tmp_path, smp, mode):
    """All CPUs taken, parked and halted within 5 ms of virtual time."""
    result = run(tmp_path, smp=smp, conf=("park " + mode, "on-failure halt"))
    assert result.event("own")["platform"] == "bochs" and not result.all("error")
    assert result.event("cpus")["online"] == str(smp)
    modes = [e["mode"] for e in result.all("park")]
    assert set(modes) == ({"mwait"} if mode == "mwait" else {"mwait", "hlt"}) and len(modes) == smp - 1
    handover(result, smp)


def selftest(result, mode):
    """(one CPU at a time, all at once) of a mode, numbers as int."""
    lines = [{k: int(v) if v.isdigit() else v for k, v in e.items()} for e in result.all("selftest")
             if e.get("mode") == mode]
    return next(e for e in lines if "cpus" in e), next(e for e in lines if "cycles" in e)


def passed(result, others, init=0):
    last = result.event("selftest")
    assert (last["verdict"], last["online"], last["init"], last["lost"]) == ("PASS", str(others), str(init), "0"), last


@pytest.mark.parametrize("words", ("", "baton.fault=x2apic "))
def test_mwait_sleeps_and_wakes_by_its_own_line(tmp_path, words):
    """Not by reads, not by a neighbour's line; and with several of them, whose monitors this Bochs disarms, NMIs do the rest.
    In x2APIC mode, too, of which INIT takes each CPU out here."""
    result = run(tmp_path, words + "baton.selftest=smp:5", smp=4, baton=FAULTS)
    passed(result, 3)
    alone, together = selftest(result, "mwait")
    assert [alone[k] for k in ("cpus", "asleep", "by_read", "by_neighbour", "by_store", "without_nmi")] == \
        [3, 3, 0, 0, 3, 3], alone
    assert together["cycles"] == 5 and together["nmis"] >= 1 and together["without_nmi"] >= 1, together
    alone, _ = selftest(result, "hlt")
    assert [alone[k] for k in ("asleep", "by_store", "without_nmi")] == [3, 0, 0], alone
    handover(result, 4)


def test_mwait_that_misses_the_store(tmp_path):
    """The NMI after 50 us does it."""
    result = run(tmp_path, "baton.fault=lost-store:1,lost-store:3 baton.selftest=smp:2", smp=4, baton=FAULTS)
    passed(result, 3)
    alone, _ = selftest(result, "mwait")
    assert (alone["asleep"], alone["by_store"], alone["without_nmi"]) == (3, 1, 1), alone
    handover(result, 4)


def test_who_does_not_come_back_gets_init(tmp_path):
    """Spinning: an NMI is enough. Never back from the NMI's handler: INIT-SIPI, and the CPU is ONLINE."""
    result = run(tmp_path, "baton.fault=ignore-kick:1:spin,ignore-kick:2:counter baton.selftest=smp:2", smp=4,
                 baton=FAULTS)
    assert result.event("selftest")["verdict"] == "PASS" and result.event("selftest")["lost"] == "0"
    assert int(result.event("selftest")["init"]) >= 1, result.event("selftest")


def test_page_tables(tmp_path):
    """selftest mm where INVLPG removes one page and no more; and where each fourth flush is left out, which it finds."""
    good = run(tmp_path / "good", "baton.seed=3 baton.selftest=mm:150", smp=4).event("selftest")
    assert good["verdict"] == "PASS" and int(good["rounds"]) > 0, good
    bad = run(tmp_path / "bad", "baton.seed=3 baton.fault=flush:4 baton.selftest=mm:20000", until="event=selftest .*verdict=",
              smp=4, baton=FAULTS).event("selftest")
    assert bad["verdict"] == "FAIL", bad


def attack(tmp_path, words):
    """Baton, and a second Baton that attacks what the first parked; then the probe."""
    return start(tmp_path, "baton.loop=1 baton.fault=" + words, smp=3, baton=FAULTS, mem=64, change={"baton.efi": FAULTS})


def test_attacked_by_the_next_kernel(tmp_path):
    """All free memory and the lines beside the block written, NMIs: Baton's parked CPUs only count them."""
    with attack(tmp_path, "prober@2") as vm:
        vm.wait_for("probe: end", 2 * RUN_S)
        result = vm.result()
    facts = {key: value for line in result.all("prober") for key, value in line.items()}
    assert (facts["nmis"], facts["verdict"], facts["traps"]) == ("10000", "PASS", "0"), facts


def test_cpu_parked_in_old_memory_crashes(tmp_path):
    """The same where a CPU sleeps in MWAIT in the old kernel's memory and gets no kick: it sleeps through the jump, the store
    to its line wakes it, and what it then runs is not its code any more."""
    with attack(tmp_path, "old-park:2@1,prober@2") as vm:
        vm.wait_for("event=generation n=1 ", RUN_S)
        vm.wait_for(r"CPU2\s*\].*3rd \(\d+\) exception with no resolution", 2 * RUN_S, vm.log)
        text = vm.text()
    assert re.search(r"event=fault parked=2 code=\S+ stack=\S+ line=\S+ free=1", text), text[-2000:]
    assert "name=linux64" in text and "event=prober nmis" not in text and "probe:" not in text
