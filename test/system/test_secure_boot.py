# SPDX-License-Identifier: MIT
"""Secure Boot with OVMF's snakeoil keys: who is started, who is refused, and what Linux makes of it."""
import subprocess

import pytest

from harness import (BATON, BOOT_S, FIRMWARE_S, INITRD, KERNEL, MENU, UNDER_TCG, finish, machine, problem_pattern,
                     write_disk)


def sign(keys, source, target):
    subprocess.run(["sbsign", "--key", keys[0], "--cert", keys[1], "--output", str(target), source], check=True,
                   capture_output=True)
    return str(target)


@pytest.fixture
def signed_baton(keys, tmp_path):
    return sign(keys, BATON, tmp_path / "baton-signed.efi")


@pytest.fixture
def signed_kernel(keys, tmp_path):
    """Signed with the snakeoil key in place of Debian's."""
    bare = tmp_path / "vmlinuz-bare"
    bare.write_bytes(open(KERNEL, "rb").read())
    subprocess.run(["sbattach", "--remove", str(bare)], capture_output=True, check=False)
    return sign(keys, str(bare), tmp_path / "vmlinuz-signed")


def secure_machine(tmp_path, disk):
    return machine(tmp_path, disk, smp=2, mem="1G", ovmf="snakeoil")


def test_unsigned_baton_is_refused_by_firmware(tmp_path):
    disk = write_disk(str(tmp_path / "disk.img"))
    with secure_machine(tmp_path, disk) as vm:
        vm.wait_for("Access Denied|Security Violation", FIRMWARE_S)
        assert "Baton 0." not in vm.text(), "Baton's banner: it was started"
        assert "Linux version" not in vm.text()


def test_signed_baton_refuses_unsigned_kernel(tmp_path, signed_baton):
    """Debian's own signature is by a key that these variables do not hold."""
    disk = write_disk(str(tmp_path / "disk.img"), baton=signed_baton)
    with secure_machine(tmp_path, disk) as vm:
        _, match = vm.wait_for(problem_pattern(27), FIRMWARE_S)
        assert "vmlinuz" in match.string
        vm.wait_for(MENU, 30)
        assert "Linux version" not in vm.text()


def test_signed_baton_starts_signed_kernel(tmp_path, signed_baton, signed_kernel):
    disk = write_disk(str(tmp_path / "disk.img"), baton=signed_baton, kernel=signed_kernel, initrds=[INITRD],
                      append="console=ttyS0 panic=-1 " + UNDER_TCG)
    with secure_machine(tmp_path, disk) as vm:
        result = finish(vm, BOOT_S)
    facts = result.facts
    assert facts.get("report_check") == "0", result.reason + "\n" + result.tail()
    assert facts["secure_boot"] == "3" and result.report["secure_boot"] == 3
    assert facts["lockdown"] == "integrity", "Debian locks down under Secure Boot, this says " + facts["lockdown"]
