# SPDX-License-Identifier: MIT
"""The framebuffer: Baton draws on it, and the next kernel goes on with it (boot_params.screen_info)."""
from harness import APPEND, FIRMWARE_S, machine, write_disk

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
    with machine(tmp_path, disk, smp=2) as vm:
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
