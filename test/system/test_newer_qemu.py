# SPDX-License-Identifier: MIT
"""The same on bookworm-backports' QEMU: its TCG has x2APIC, SHA-NI and RDSEED."""
import os
import subprocess

import pytest

from harness import CACHE, FAULTS, FIRMWARE_S, ROOT, Result, boot, machine, write_disk

DIRECTORY = os.path.join(CACHE, "qemu-backports")
PACKAGES = ("qemu-system-x86", "qemu-system-data", "qemu-system-common")


@pytest.fixture(scope="module")
def newer():
    subprocess.run([os.path.join(ROOT, "tools/newer.sh"), DIRECTORY, "bookworm-backports", *PACKAGES], check=True)
    root = os.path.join(DIRECTORY, "root/usr")
    return {"qemu": os.path.join(root, "bin/qemu-system-x86_64"),
            "args": ["-L", os.path.join(root, "share/qemu"), "-L", "/usr/share/seabios", "-L", "/usr/share/qemu"]}


ALL = "sha256-c,sha256-ni,crc32c-c,crc32c-sse42,crc32-c"


def test_engines_of_the_release(tmp_path, newer):
    """This TCG has SHA-NI: allowed, asked, measured beside plain C, and the faster one chosen, by image and block alike."""
    disk = write_disk(str(tmp_path / "disk.img"))
    with machine(tmp_path, disk, smp=1, **newer) as vm:
        vm.wait_for("event=handover", FIRMWARE_S)
        result = Result(vm.text(), "")
    lines = result.all("engines")
    assert [line["in"] for line in lines] == ["image", "block"] and not result.all("engine-refused")
    for line in lines:
        ticks = dict(zip(ALL.split(","), map(int, line["ticks"].split(","))))
        assert line["allowed"] == line["right"] == ALL, line
        assert ticks["crc32-c"] == 0 and all(t for name, t in ticks.items() if name != "crc32-c"), line
        faster = ["sha256-ni" if ticks["sha256-ni"] < ticks["sha256-c"] else "sha256-c",
                  "crc32c-sse42" if ticks["crc32c-sse42"] < ticks["crc32c-c"] else "crc32c-c", "crc32-c"]
        assert line["chosen"].split(",") == faster, line


def test_boot(tmp_path, newer):
    """Plain C answers wrong in the block, so that boss and parked CPUs verify by the SHA instructions, faster or not: every
    CPU's vector state is set up. A CPU without CR4.OSFXSR would take #UD, and miss. The report has a finding."""
    result = boot(tmp_path, smp=4, baton=FAULTS, options="baton.fault=engine:sha256-c", conf=["park mix"], **newer)
    report = result.report
    assert report["state"] == "handed-over" and result.facts["cpus_online"] == "4" and result.facts["report_check"] == "1"
    assert all(s["verified"] == 1 for s in report["segments"])
    assert [line for line in report["lines"] if "hash engine sha256-c gave wrong answers" in str(line)], report["lines"]
    engines = report["engines"]
    assert ",".join(engines["allowed"]) == ALL and "sha256-c" not in engines["right"]
    assert engines["chosen"][0] == "sha256-ni" and engines["ticks"]["sha256-c"] == 0
    assert report["sha256_ni"] == 1 and report["verify_cpus"] == 4, report
    assert all(cpu["verify_kib"] for cpu in result.report["cpus"]), result.report["cpus"]
    assert "missed=verify" not in result.text
