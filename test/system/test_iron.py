# SPDX-License-Identifier: MIT
"""A loop on a machine of its own: one status line that stays where it is, and the power button ends it."""
import re
import time

import screentext
from harness import BATON, BUILD, FIRMWARE_S, USUAL_SCREEN, finish, machine, problem_pattern, write_disk, check_good

STATUS = r"generation (\d+), (8:59:\d\d) left, \d+\.\d/s, \d+:\d\d:\d\d, last: (.+)"
STATUS_ROW = 3


def test_status_line_and_power_button(tmp_path):
    """Baton alone in the bundle, so what it starts in the end says E30: long before the generations are over."""
    disk = write_disk(str(tmp_path / "disk.img"), kernel=BATON, initrds=(), conf=("on-failure halt",), digests=False)
    with machine(tmp_path, disk, options="baton.hours=9 baton.seed=5", screen=USUAL_SCREEN) as vm:
        vm.wait_for('event=stop-button usable=1 port=0x600', FIRMWARE_S)
        vm.wait_for(r"event=generation n=5 ", 60)
        seen = []
        for name in ("a.ppm", "b.ppm"):
            time.sleep(2)
            seen.append(screentext.read(vm.screendump(name), BUILD))
        vm.qmp("system_powerdown")
        _, ends = vm.wait_for(r"event=loop-ends generation=(\d+) reason=button left=0$", 30)
        vm.wait_for(problem_pattern(30), 30)
        text = vm.text()
    for lines in seen:
        assert lines[0] == "Baton starts Baton: debian.conf, seed 5" and "9 hours" in lines[1], lines
        assert re.fullmatch(STATUS, lines[STATUS_ROW]), lines
        assert not any(lines[2:STATUS_ROW] + lines[STATUS_ROW + 1:]), "more than the status line: %s" % lines
    first, second = (int(re.match(STATUS, lines[STATUS_ROW])[1]) for lines in seen)
    assert 1 < first < second, (first, second)
    generations = [int(n) for n in re.findall(r"event=generation n=(\d+) ", text)]
    assert generations == list(range(1, generations[-1] + 1)) and int(ends[1]) == generations[-1]
