# SPDX-License-Identifier: MIT
"""The same on bookworm-backports' QEMU: its TCG has x2APIC, SHA-NI and RDSEED."""
import os
import subprocess

import pytest

from harness import CACHE, ROOT, boot, check_good

DIRECTORY = os.path.join(CACHE, "qemu-backports")
PACKAGES = ("qemu-system-x86", "qemu-system-data", "qemu-system-common")


@pytest.fixture(scope="module")
def newer():
    subprocess.run([os.path.join(ROOT, "tools/newer.sh"), DIRECTORY, "bookworm-backports", *PACKAGES], check=True)
    root = os.path.join(DIRECTORY, "root/usr")
    return {"qemu": os.path.join(root, "bin/qemu-system-x86_64"),
            "args": ["-L", os.path.join(root, "share/qemu"), "-L", "/usr/share/seabios", "-L", "/usr/share/qemu"]}


def test_boot(tmp_path, newer):
    check_good(boot(tmp_path, smp=4, conf=["park mix"], **newer), 4)
