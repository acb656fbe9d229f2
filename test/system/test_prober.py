# SPDX-License-Identifier: MIT
"""What comes after the handover and hits the CPUs that Baton left parked: a second Baton attacks them before it takes them
(kernel/prober.h). Only their counters may move."""
import re

from harness import APPEND, FAULTS, FIRMWARE_S, finish, machine, write_disk

SMP = 4
PROBER_S = 240          # of it the guest's own deadlines are most; 15 s on an idle host
BANK = 1                # QEMU's broadcast uses it, too
STATUS = 0xb200000000000000     # VAL, UC, EN, PCC: only an uncorrected error raises #MC
MCIP_RIPV = 5
WORDS = "baton.loop=1 baton.fault="
EACH, BROADCASTS = 30, 10       # machine checks for each parked CPU alone, and for all CPUs at once


def inject(vm):
    """100 machine checks, each after the one before has been told; the boss gets the broadcast ones, too."""
    counted = boss = 0
    for n in range(EACH * (SMP - 1) + BROADCASTS):
        broadcast = n % 10 == 4
        said = vm.monitor("mce %s%d %d 0x%x %d 0 0" % ("-b " if broadcast else "", 1 + n % (SMP - 1), BANK, STATUS,
                                                       MCIP_RIPV))
        assert not said.strip(), said
        counted += SMP - 1 if broadcast else 1
        boss += broadcast
        vm.wait_for(r"event=prober mc=%d boss=%d\b|event=error" % (counted, boss), FIRMWARE_S)
    return counted


def test_attacked_cpus_stay_where_they_are(tmp_path):
    """10,000 paced NMIs, 10,000 at once, 100 machine checks, all free memory and the lines beside the block overwritten,
    and time: then all CPUs are taken by INIT-SIPI and Debian boots with them."""
    checks = EACH * (SMP - 1) + BROADCASTS * (SMP - 1)
    disk = write_disk(str(tmp_path / "disk.img"), baton=FAULTS, conf=("park mix", "on-failure halt"), append=APPEND)
    with machine(tmp_path, disk, smp=SMP, options=WORDS + "prober:%d@2" % checks) as vm:
        vm.wait_for(r"event=prober mc=0 boss=0 awaited=%d|event=error" % checks, FIRMWARE_S + PROBER_S)
        assert inject(vm) == checks
        result = finish(vm)
    lines = result.all("prober")
    facts = {key: value for line in lines for key, value in line.items()}
    assert not result.all("error"), result.tail()
    assert int(facts["filled"]) > 300 << 20
    assert [e["counted"] for e in lines if "nmis" in e] == ["10000"], lines
    assert 3 <= int(next(e["counted"] for e in lines if "burst" in e)) <= 10000 + 1000
    assert (facts["verdict"], facts["traps"], facts["answers"]) == ("PASS", "0", "3"), facts
    assert result.report["generation"] == 2 and result.facts["cpus_online"] == str(SMP), result.tail()
    assert {cpu["verdict"] for cpu in result.report["cpus"]} == {"ONLINE", "HALTED"}
    assert re.search(r"^guest: end$", result.text, re.M) and result.reason == "guest-shutdown", result.tail()


def hazard(text):
    """The line that says where the CPU stayed: code, stack and monitored line in memory that the next kernel has for free."""
    place, = re.findall(r"event=fault parked=3 code=0x[0-9a-f]+ stack=0x[0-9a-f]+ line=0x[0-9a-f]+ free=1", text)
    return place


def test_cpu_parked_in_old_memory_crashes(tmp_path):
    """The same attack where CPU 3 parks as kernels once did, in MWAIT in the memory of the one that is left and without a
    kick: QEMU's MWAIT falls through, it runs what has been written over its code, and the machine resets."""
    disk = write_disk(str(tmp_path / "disk.img"), baton=FAULTS, conf=("park mix", "on-failure halt"), append=APPEND)
    with machine(tmp_path, disk, smp=SMP, options=WORDS + "old-park:3@1,prober@2") as vm:
        vm.wait_for("event=generation n=1 ", FIRMWARE_S)
        result = finish(vm, PROBER_S)
    hazard(result.text)
    assert result.reason == "guest-reset", result.tail()
    assert not re.search(r"event=prober .*verdict=PASS", result.text) and "Linux version" not in result.text
