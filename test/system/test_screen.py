# SPDX-License-Identifier: MIT
"""The framebuffer: Baton draws on it, and the next kernel goes on with it (boot_params.screen_info)."""
import os
import re
import time

import pytest

import screentext
from harness import (APPEND, BUILD, FAULTS, FIRMWARE_S, USUAL_SCREEN, machine, problem_pattern, qemu, write_bundle,
                     write_disk)

PROBE = os.path.join(BUILD, "probe", "probe.bin")

LIT = bytes((0xaa, 0xaa, 0xaa))     # Linux's console: light grey


def pixels(path):
    """(width, height, bytes) of a binary PPM."""
    with open(path, "rb") as f:
        magic, size, depth, data = f.read().split(b"\n", 3)
    assert magic == b"P6" and depth == b"255"
    width, height = map(int, size.split())
    return width, height, data


def lit(data):
    return sum(data[at:at + 3] == LIT for at in range(0, len(data), 3))


def test_both_draw(tmp_path):
    disk = write_disk(str(tmp_path / "disk.img"), append=APPEND + " guest.shell")
    with machine(tmp_path, disk, smp=2, screen=USUAL_SCREEN) as vm:
        vm.wait_for(r"event=handover ", FIRMWARE_S)
        vm.screendump(str(tmp_path / "baton.ppm"))
        vm.wait_for(r"Linux version", FIRMWARE_S)
        vm.wait_for(r"guest: end", FIRMWARE_S)
        vm.screendump(str(tmp_path / "linux.ppm"))
    width, height, before = pixels(tmp_path / "baton.ppm")
    assert (width, height, len(before)) == (1280, 800, 1280 * 800 * 3)
    assert any(before), "Baton left the screen black"
    after = pixels(tmp_path / "linux.ppm")[2]
    assert after != before, "the screen is as Baton left it"
    assert lit(after) > 5000, "no text of Linux's console on the screen"


def failure_screen(tmp_path, options, wanted, conf=("on-failure halt",), **more):
    assert os.path.exists(FAULTS), FAULTS + " is missing: make faults"
    disk = write_disk(str(tmp_path / "disk.img"), baton=FAULTS, conf=conf)
    with machine(tmp_path, disk, options=options, screen=USUAL_SCREEN, **more) as vm:
        _, error = vm.wait_for(problem_pattern(wanted) + '.*text="(.*)"', FIRMWARE_S)
        vm.wait_for(r"event=(halted|reset) ", 20)
        time.sleep(2)       # the screen is drawn after the serial line, and counts down
        lines = screentext.read(vm.screendump(), BUILD)
    return lines, error[1]


def check_photograph(lines, number, text, where):
    """The facts stand in the last ten lines, none wider than 80, the problem's text among them word by word."""
    last = screentext.last_lines(lines)
    assert all(len(line) <= 80 for line in last), last
    assert not any("\0" in line for line in lines), "cells that are no text:\n" + "\n".join(lines)
    page = "\n".join(last)
    head = [i for i, line in enumerate(last) if re.fullmatch(r"=+ Baton stopped: E%02d =+" % number, line)]
    assert len(head) == 1, page
    facts = " ".join(last[head[0] + 1:])
    assert " ".join(text.split()) in facts, page
    assert "entry debian.conf" in page and "Baton 0.1 " in page and ", %s, " % where in page
    assert re.search(r"^(Halted for \d+ s|Restart in \d+ s)", last[-1]), page


@pytest.mark.parametrize("options,number,where", [
    ("baton.fault=canary", 84, "in the kernel"),
    ("baton.fault=crash", 63, "in the kernel"),
    ("baton.fault=flip:kernel", 81, "in the block"),
    ("baton.fault=crash-block:once", 63, "in the block"),
    ("baton.loop=9 baton.fault=stray@3", 86, "in the kernel"),
], ids=("kernel", "exception", "block", "block-exception", "generation"))
def test_failure_fits_a_photograph(tmp_path, options, number, where):
    lines, text = failure_screen(tmp_path, options, number)
    check_photograph(lines, number, text, where)
    if "loop" in options:
        assert re.search(r"^entry debian.conf, generation 4, seed \d+$", "\n".join(lines), re.M), lines


def test_countdown_does_not_scroll(tmp_path):
    """30 seconds count down on one line, below the facts; on a screen of 80 columns at three times the size."""
    lines, text = failure_screen(tmp_path, "baton.fault=flip:kernel", 81, conf=("reset-after 40",),
                                 args=("-global", "VGA.xres=1920", "-global", "VGA.yres=1080",
                                       "-global", "VGA.vgamem_mb=32"))
    check_photograph(lines, 81, text, "in the block")
    assert sum(line.startswith("Restart in") for line in lines) == 1


def text_screen(vm):
    """The lines of a VGA text mode, from its memory."""
    cells = [int(word, 16) for word in re.findall(r"\b0x([0-9a-f]{4})\b", vm.monitor("xp /2000hx 0xb8000"))]
    assert len(cells) == 2000 and all(cell >> 8 in (0, 7) for cell in cells)
    text = bytes(cell & 0xff for cell in cells).decode("latin-1")
    return [text[at:at + 80].rstrip() for at in range(0, 2000, 80)]


@pytest.mark.parametrize("fault,number,where", (
    ("canary", 84, "in the kernel"), ("crash", 63, "in the kernel"), ("flip:boot_params", 81, "in the block"),
), ids=("kernel", "exception", "block"))
def test_failure_on_a_bios_text_screen(tmp_path, fault, number, where):
    """A machine without EFI, in the text mode that its BIOS left: 80 x 25, the same facts."""
    bundle = write_bundle(str(tmp_path / "bundle.cpio"), kernel=PROBE, initrds=(), append="console=ttyS0",
                          conf=("on-failure halt",))
    with qemu.Machine(str(tmp_path / "bios"), smp=2, mem="512M", cpu="max", firmware=False, boot_args=[
            "-kernel", FAULTS, "-initrd", bundle, "-append", "baton.console=ttyS0,115200 baton.fault=" + fault]) as vm:
        _, error = vm.wait_for(problem_pattern(number) + '.*text="(.*)"', FIRMWARE_S)
        vm.wait_for(r"event=halted ", 20)
        time.sleep(2)
        lines = text_screen(vm)
    check_photograph(lines, number, error[1], where)
