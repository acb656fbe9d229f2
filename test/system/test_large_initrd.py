# SPDX-License-Identifier: MIT
"""An initrd large enough that firmware's other CPUs hash it: every digest they made is checked in place by the block."""
import os

import pytest

from harness import INITRD, boot, check_good


@pytest.mark.parametrize("smp", (2, 4))
def test_hashed_on_firmware_cpus(tmp_path, smp):
    tail = tmp_path / "tail.img"
    tail.write_bytes(bytes(512) + os.urandom((48 << 20) + 4097))
    result = boot(tmp_path, smp=smp, mem="1G", initrds=(INITRD, str(tail)))
    check_good(result, smp)
    segment = next(s for s in result.report["segments"] if s["name"] == "initrd")
    assert segment["chunks"] > 48
