# SPDX-License-Identifier: MIT
"""`make test-reach`: machines that are too large or too odd for every run. docs/smp.md has what is known."""
import re
import struct
import subprocess

import pytest

import mkimage
from harness import APPEND, BATON, CONF, INITRD, KERNEL, machine, write_disk
from test_newer_qemu import newer  # noqa: F401  a fixture

pytestmark = pytest.mark.reach
LARGE_S = 900       # 300 CPUs on two: firmware takes minutes
MAILBOX = 0x9f000
LAPIC = 0xfee00000


def test_300_cpus_with_x2apic(tmp_path, newer):  # noqa: F811
    """APIC IDs above 255 exist in x2APIC mode only: all are taken, parked, kicked and halted."""
    disk = write_disk(str(tmp_path / "disk.img"), digests=False, conf=["park hlt"])
    with machine(tmp_path, disk, smp=300, mem="4G", **newer) as vm:
        vm.wait_for(r"event=handover ", LARGE_S)
        text = vm.text()
        verdicts = re.findall(r"event=cpu apic=(\d+) verdict=(\w+)", text)
        assert len(verdicts) == 300 and {v for _, v in verdicts} == {"ONLINE"}, verdicts
        assert max(int(apic) for apic, _ in verdicts) > 255
        parked = re.findall(r"event=park apic=(\d+) verdict=(\w+)", text)
        assert len(parked) == 299 and {v for _, v in parked} == {"PARKED"}
        kick = re.search(r"event=handover kicks=(\d+) answers=(\d+) nmis=\d+ inits=(\d+)", text)
        assert kick.groups() == ("299", "299", "0"), kick[0]
        vm.wait_for("Linux version", LARGE_S)


# Without MONITOR firmware's APs halt while they wait; with it 250 of them spin, and the host is theirs for minutes.
@pytest.mark.parametrize("cpus,cpu", ((128, "max"), (250, "max,-monitor")))
def test_many_cpus_in_xapic_mode(tmp_path, cpus, cpu, record_property):
    """QEMU 7.2's TCG has no x2APIC: 250 CPUs is near the end. All are taken, parked and halted without one INIT; the NMIs of the
    kick are a figure, since each CPU that the host did not run for 1 ms gets one more."""
    disk = write_disk(str(tmp_path / "disk.img"), digests=False, conf=["park hlt"])
    with machine(tmp_path, disk, smp=cpus, mem="2G", cpu=cpu) as vm:
        _, kick = vm.wait_for(r"event=handover kicks=(\d+) answers=(\d+) nmis=(\d+) inits=(\d+) us=(\d+)", LARGE_S)
        text = vm.text()
        verdicts = re.findall(r"event=cpu apic=(\d+) verdict=(\w+)", text)
        assert len(verdicts) == cpus and {v for _, v in verdicts} == {"ONLINE"}, verdicts
        parked = re.findall(r"event=park apic=(\d+) verdict=(\w+)", text)
        assert len(parked) == cpus - 1 and {v for _, v in parked} == {"PARKED"}, parked
        assert kick.group(1, 2, 4) == (str(cpus - 1), str(cpus - 1), "0"), kick[0]
        print("\n%d CPUs: %s" % (cpus, kick[0]))
        record_property("kick", kick[0])
        vm.wait_for("Linux version", LARGE_S)


def madt_with_mailbox(cpus):
    """ACPI 6.5, 5.2.12: a MADT of that many CPUs, one I/O APIC and a Multiprocessor Wakeup structure (type 0x10)."""
    body = struct.pack("<II", LAPIC, 1)
    for n in range(cpus):
        body += struct.pack("<BBBBI", 0, 8, n, n, 1)
    body += struct.pack("<BBBBII", 1, 12, 0, 0, 0xfec00000, 0)
    body += struct.pack("<BBHIQ", 0x10, 16, 0, 0, MAILBOX)
    table = bytearray(b"APIC" + struct.pack("<IBB", 36 + len(body), 5, 0) + b"BATON " + b"MAILBOX "
                      + struct.pack("<I4sI", 1, b"BTN ", 1) + body)
    table[9] = -sum(table) & 0xff
    return bytes(table)


def grub_in_front(tmp_path):
    """GRUB exchanges one ACPI table and starts Baton."""
    config = tmp_path / "grub.cfg"
    config.write_text("search --file --set=root /madt.aml\nacpi --exclude=APIC /madt.aml\n"
                      "chainloader /EFI/baton.efi\nboot\n")
    target = str(tmp_path / "grub.efi")
    subprocess.run(["grub-mkstandalone", "-O", "x86_64-efi", "-o", target, "boot/grub/grub.cfg=" + str(config),
                    "--modules=part_gpt fat search search_fs_file acpi chain normal"], check=True, capture_output=True)
    return target


def test_mailbox_forbids_init(tmp_path):
    """MADT type 0x10: no INIT, no SIPI, one line says so, and the other CPUs stay where firmware has them."""
    files = mkimage.baton_tree(BATON, KERNEL, [INITRD], APPEND, list(CONF), False, (), 0)
    madt = tmp_path / "madt.aml"
    madt.write_bytes(madt_with_mailbox(4))
    files["/EFI/baton.efi"] = BATON
    files["/EFI/BOOT/BOOTX64.EFI"] = grub_in_front(tmp_path)
    files["/madt.aml"] = str(madt)
    disk = str(tmp_path / "disk.img")
    mkimage.make_image(disk, files)
    with machine(tmp_path, disk, smp=4) as vm:
        _, match = vm.wait_for(r"event=cpus listed=(\d+) online=(\d+) no_answer=(\d+)", 180)
        assert match.groups() == ("4", "1", "3"), match[0]
        vm.wait_for("MP wakeup mailbox: INIT-SIPI is not used", 30)
        # EDK2's loop is 32-bit code without paging; an AP that had got INIT would be in real mode, CR0 = 60000010.
        control = re.findall(r"^CR0=([0-9a-f]+)", vm.monitor("info registers -a"), re.M)
        assert len(control) == 4 and all(int(value, 16) & 1 for value in control), control
