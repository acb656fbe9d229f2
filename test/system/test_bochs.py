# SPDX-License-Identifier: MIT
"""Bochs: the emulator here whose MWAIT sleeps until somebody stores to the line, whose TLB forgets by INVLPG exactly and
whose time is virtual. Baton enters from a CD by its 16-bit door; the next kernel is the state probe."""
import os

import pytest

from bochs import Bochs
from cd import write_cd
from harness import BATON, BUILD, FAULTS

PROBE = os.path.join(BUILD, "probe", "probe.bin")
WORDS = "baton.console=ttyS0,115200 "
RUN_S = 150             # 5 to 15 s on an idle host
KICK_US = 5000          # protocol rule 13: bare metal, which Bochs says it is


def start(tmp_path, words="", smp=2, baton=BATON, conf=("park mwait", "on-failure halt"), **more):
    assert os.path.exists(baton), baton + " is missing: make faults"
    cd = write_cd(tmp_path, WORDS + words, baton=baton, kernel=PROBE, initrds=(), conf=conf)
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


def test_page_tables(tmp_path):
    """selftest mm where INVLPG removes one page and no more; and where each fourth flush is left out, which it finds."""
    good = run(tmp_path / "good", "baton.seed=3 baton.selftest=mm:150", smp=4).event("selftest")
    assert good["verdict"] == "PASS" and int(good["rounds"]) > 0, good
    bad = run(tmp_path / "bad", "baton.seed=3 baton.fault=flush:4 baton.selftest=mm:20000", until="event=selftest .*verdict=",
              smp=4, baton=FAULTS).event("selftest")
    assert bad["verdict"] == "FAIL", bad
