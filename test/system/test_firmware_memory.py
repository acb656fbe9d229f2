# SPDX-License-Identifier: MIT
"""Firmware's runtime, NVS and reserved memory is byte-identical when the mini-kernel starts and when it jumps, and the
tables that have to survive reach Linux: memory attributes, RNG seed, the TPM's logs (swtpm)."""
import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import time

from harness import APPEND, FIRMWARE_S, GRAMMAR, boot, check_good, machine, write_disk

# Linux's names in the listing that efi=debug prints.
LISTED = r"efi: mem\d+: \[(.*?)\s*\|.*?range=\[0x([0-9a-f]+)-0x([0-9a-f]+)\]"
KEPT = ("Runtime Code", "Runtime Data", "Reserved", "ACPI Mem NVS", "ACPI Reclaim Mem")
LIMIT = 16 << 20    # a larger range is sampled at both ends
MMIO_START, MMIO_END = 0xb0000000, 1 << 32   # q35: nothing but devices and flash


def kept_ranges(result):
    """[(name, base, size)] from efi=debug, without what Baton itself reserved."""
    ours = [(int(r["base"], 16), r["size"]) for r in result.report["reserved"]]
    ranges = []
    for name, first, last in re.findall(LISTED, result.text):
        base, end = int(first, 16), int(last, 16) + 1
        if name.strip() not in KEPT or MMIO_START <= base < MMIO_END or base >= 0xfd00000000:
            continue
        if not any(b < end and base < b + size for b, size in ours):
            ranges.append((name.strip(), base, end - base))
    return ranges


def snapshot(vm, ranges):
    vm.qmp("stop")
    content = {}
    for name, base, size in ranges:
        parts = [(base, size)] if size <= LIMIT else [(base, LIMIT // 2), (base + size - LIMIT // 2, LIMIT // 2)]
        content[name, base] = b"".join(vm.read_memory(*part) for part in parts)
    vm.qmp("cont")
    return content


@contextlib.contextmanager
def tpm():
    """QEMU's arguments for a TPM 2.0 that lives as long as QEMU does."""
    state = tempfile.mkdtemp(prefix="baton-tpm-")
    path = state + "/socket"
    process = subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", "dir=" + state, "--ctrl", "type=unixio,path=" + path,
                                "--terminate"])
    try:
        end = time.monotonic() + 30
        while not os.path.exists(path):
            assert process.poll() is None and time.monotonic() < end, "swtpm does not answer"
            time.sleep(0.05)
        yield ["-chardev", "socket,id=tpm,path=" + path, "-tpmdev", "emulator,id=tpm0,chardev=tpm", "-device",
               "tpm-tis,tpmdev=tpm0"]
    finally:
        process.kill()
        process.wait(30)
        shutil.rmtree(state)


def check_tables(result):
    """Linux finds what firmware left for it. OVMF has no ESRT."""
    tables = dict(re.findall(r"([\w ]+)=0x([0-9a-f]+)", result.facts["efi_tables"]))
    names = {name.strip() for name in tables}
    assert {"MEMATTR", "TPMFinalLog", "TPMEventLog", "RNG", "SMBIOS"} <= names, result.facts["efi_tables"]
    assert re.match(r"[1-9]\d{3,} hash=[0-9a-f]{64}$", result.facts["tpm_log"]), "Linux does not read the TPM's log"


def test_unchanged(tmp_path):
    append = APPEND + " efi=debug"
    with tpm() as args:
        first = boot(tmp_path, smp=4, append=append, args=args)
    check_good(first, 4)
    check_tables(first)
    ranges = kept_ranges(first)
    assert {"Runtime Code", "Runtime Data", "ACPI Mem NVS", "Reserved"} <= {name for name, _, _ in ranges}, ranges

    disk = write_disk(str(tmp_path / "disk.img"), append=append)
    with tpm() as args, machine(tmp_path, disk, name="second", smp=4, args=args) as vm:
        vm.wait_for(GRAMMAR, FIRMWARE_S)
        before = snapshot(vm, ranges)
        # Stopped within milliseconds of the jump; Linux relocates runtime services much later.
        vm.wait_for("baton: event=handover", 60)
        after = snapshot(vm, ranges)
        assert "Linux version" not in vm.text()
        nonzero = [key for key in before if any(before[key])]
        assert len(nonzero) > 1, "next to nothing but zeroes, wrong addresses? %s" % nonzero
        changed = [key for key in before if before[key] != after[key]]
        assert not changed, "changed: %s" % [(name, hex(base)) for name, base in changed]
        vm.wait_for("guest: report_check=0", 120)
