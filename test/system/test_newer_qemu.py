# SPDX-License-Identifier: MIT
"""The same on bookworm-backports' QEMU: its TCG has x2APIC, SHA-NI and RDSEED."""
import os
import subprocess

import pytest

from harness import CACHE, FAULTS, ROOT, boot, check_good

DIRECTORY = os.path.join(CACHE, "qemu-backports")
PACKAGES = ("qemu-system-x86", "qemu-system-data", "qemu-system-common")


@pytest.fixture(scope="module")
def newer():
    subprocess.run([os.path.join(ROOT, "tools/newer.sh"), DIRECTORY, "bookworm-backports", *PACKAGES], check=True)
    root = os.path.join(DIRECTORY, "root/usr")
    return {"qemu": os.path.join(root, "bin/qemu-system-x86_64"),
            "args": ["-L", os.path.join(root, "share/qemu"), "-L", "/usr/share/seabios", "-L", "/usr/share/qemu"]}


def test_boot(tmp_path, newer):
    """Every CPU's vector state is set up: the boss and the parked ones verify by the SHA instructions, which this TCG has.
    A CPU without CR4.OSFXSR would take #UD for it, and miss."""
    result = boot(tmp_path, smp=4, baton=FAULTS, options="baton.fault=sha-instructions", conf=["park mix"], **newer)
    check_good(result, 4)
    assert result.report["sha256_ni"] == 1 and result.report["verify_cpus"] == 4, result.report
    assert all(cpu["verify_kib"] for cpu in result.report["cpus"]), result.report["cpus"]
    assert "missed=verify" not in result.text
