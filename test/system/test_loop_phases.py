# SPDX-License-Identifier: MIT
"""A generation of a loop takes the whole way of a single boot: the same phases in the same order, and in every 32nd, the
third first, one more: a slice of selftest mm."""
from harness import BATON, problem_pattern, qemu, write_bundle
from test_linux16 import WORDS, machine

BOOT_S = 120
GENERATIONS, WITH_SLICE = 3, 3
CPUS = 4


def phases_of_starts(tmp_path, name, options):
    """[[names of phases] of each start of Baton]. The last start has no bundle and ends with E30."""
    (tmp_path / name).mkdir()
    bundle = write_bundle(str(tmp_path / name / "bundle.cpio"), kernel=BATON, initrds=(), digests=False,
                          conf=("on-failure halt",), change={"baton.efi": BATON})
    with machine(tmp_path / name, bundle, WORDS + " baton.log=full " + options, smp=CPUS) as vm:
        vm.wait_for(problem_pattern(30), BOOT_S)
        text = vm.text()
    starts = []
    for event in qemu.baton_events(text):
        if event.get("event") == "door":
            starts.append([])
        elif event.get("event") == "phase":
            starts[-1].append(event["name"])
    return starts


def test_phases_of_a_single_boot(tmp_path):
    single, end = phases_of_starts(tmp_path, "single", "")
    assert not end and {"own", "online", "load", "park", "rollcall", "verify", "halt"} <= set(single)
    looped = phases_of_starts(tmp_path, "loop", "baton.loop=%d" % GENERATIONS)
    assert [start.count("selftest") for start in looped] == [int(g == WITH_SLICE) for g in range(1, GENERATIONS + 3)]
    looped[WITH_SLICE - 1].remove("selftest")
    assert looped == [single] * (GENERATIONS + 1) + [[]]
