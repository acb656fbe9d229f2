# SPDX-License-Identifier: MIT
"""The stick: the image of `make usb`'s tree, booted from an emulated USB stick."""
from harness import boot, check_good


def test_usb_stick(tmp_path):
    check_good(boot(tmp_path, smp=2, bus="usb"), 2)
