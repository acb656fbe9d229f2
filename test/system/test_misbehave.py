# SPDX-License-Identifier: MIT
"""test/campaign/misbehave.py: CPUs misbehave at random from generation to generation, and each report says which did."""
import os
import re
import subprocess
import sys

from harness import FAULTS, ROOT

sys.path.insert(0, os.path.join(ROOT, "test", "campaign"))
import misbehave  # noqa: E402

CPUS, SEED, GENERATIONS = 3, 11, 24
NOT_DRAWN = 2, 22               # APIC ID and generation of a fault that the tool does not know of
RUN_S = 500


def good(drawn):
    """The report that belongs to it."""
    cpus = {n: (misbehave.VERDICT[drawn.get(n, "")][0], 1) for n in range(1, CPUS + 1)}
    return misbehave.Was(7, 2, 0, CPUS, CPUS - sum(k == "dead" for k in drawn.values()),
                         sum(misbehave.VERDICT[k][1] for k in drawn.values()), {0: ("ONLINE", 0), **cpus})


def test_what_the_comparison_finds():
    """Missed, invented, taken for another: each alone, and none of them in a report that is right."""
    for kind in misbehave.GOING_ON:
        assert misbehave.compare(good({2: kind}), {2: kind}, CPUS) == []
    assert any("CPU 2: missed dead" in w for w in misbehave.compare(good({}), {2: "dead"}, CPUS))
    assert any("CPU 2: invented: LOST" in w for w in misbehave.compare(good({2: "dead"}), {}, CPUS))
    assert any("CPU 1: another than nmi: LOST" in w for w in misbehave.compare(good({1: "dead"}), {1: "nmi"}, CPUS))
    assert misbehave.compare(good({})._replace(answers=4), {}, CPUS) == ["answers is 4, not 3"]
    slow = 'event=error code=E61 text="handover refused: 1 CPUs were lost on their way in"'
    assert misbehave.compare_end(slow, {2: "LOST"}, {2: "slow"}, True) == []
    assert misbehave.compare_end(slow, {1: "LOST"}, {2: "slow"}, True) != []
    assert misbehave.compare_end(slow, {2: "LOST"}, {2: "no-park"}, True) != []


def test_every_fault_is_reported_as_what_it_was(tmp_path):
    """As drawn in every generation but the one with a fault that was not drawn; there it is called invented."""
    assert os.path.exists(FAULTS), FAULTS + " is missing: make faults"
    drawn = [misbehave.draw(SEED, g, CPUS) for g in range(1, GENERATIONS + 1)]
    assert any(kind in misbehave.ENDING for d in drawn for kind in d.values()) and not drawn[NOT_DRAWN[1] - 1]
    done = subprocess.run([sys.executable, "-B", os.path.join(ROOT, "test", "campaign", "misbehave.py"), "--generations",
                           str(GENERATIONS), "--cpus", str(CPUS), "--seed", str(SEED), "--out", str(tmp_path), "--fault",
                           "ignore-kick:%d:nmi@%d" % NOT_DRAWN], capture_output=True, text=True, timeout=RUN_S, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.findall(r"^generation (.*)", done.stdout, re.M) == [
        "%d: CPU %d: invented: INIT_RECALLED, not HALTED" % (NOT_DRAWN[1], NOT_DRAWN[0]),
        "%d: inits is 1, not 0" % NOT_DRAWN[1]], done.stdout
    assert re.search(r"^misbehave: %d generations, %d faults planted, 2 starts" % (GENERATIONS, sum(map(len, drawn))),
                     done.stdout, re.M), done.stdout
