# SPDX-License-Identifier: MIT
"""Debian's kernels from OVMF through Baton to userspace and power-off, over machines and policies."""
import struct

import pytest

from harness import APPEND, CLOUD, CLOUD_INITRD, INITRD, KERNEL, UNDER_TCG, boot, check_good, kernel_at

SMP = (1, 2, 4, 8, 16)
MEM = ("256M", "2G", "6G")
PARK = ("auto", "mwait", "hlt", "mix")
CPU = ("max", "max,-monitor", "qemu64")
NEXT = {"amd64": (KERNEL, [INITRD]), "cloud": (CLOUD, [CLOUD_INITRD])}

# Every pair of values of two columns occurs in some row; test_table_is_pairwise proves it.
TABLE = [
    (1, "256M", "auto", "max", "cloud"),
    (1, "2G", "mwait", "max,-monitor", "amd64"),
    (1, "6G", "hlt", "qemu64", "cloud"),
    (1, "256M", "mix", "qemu64", "amd64"),
    (2, "2G", "auto", "qemu64", "cloud"),
    (2, "256M", "mwait", "max", "amd64"),
    (2, "256M", "hlt", "max,-monitor", "amd64"),
    (2, "6G", "mix", "max", "cloud"),
    (4, "6G", "auto", "max,-monitor", "amd64"),
    (4, "2G", "hlt", "max", "amd64"),
    (4, "256M", "mwait", "qemu64", "cloud"),
    (4, "2G", "mix", "max,-monitor", "cloud"),
    (8, "6G", "mwait", "max", "cloud"),
    (8, "256M", "auto", "max,-monitor", "cloud"),
    (8, "2G", "hlt", "qemu64", "cloud"),
    (8, "2G", "mix", "max", "amd64"),
    (16, "256M", "hlt", "max,-monitor", "cloud"),
    (16, "2G", "mix", "qemu64", "cloud"),
    (16, "6G", "auto", "max", "cloud"),
    (16, "2G", "mwait", "max", "amd64"),
]


@pytest.mark.quick
def test_table_is_pairwise():
    columns = (SMP, MEM, PARK, CPU, tuple(NEXT))
    for i, left in enumerate(columns):
        for j in range(i):
            missing = {(a, b) for a in left for b in columns[j]} - {(row[i], row[j]) for row in TABLE}
            assert not missing


@pytest.mark.parametrize("smp,mem,park,cpu,kernel", TABLE, ids=lambda value: str(value).replace(",", ""))
def test_boot(tmp_path, smp, mem, park, cpu, kernel):
    image, initrds = NEXT[kernel]
    result = boot(tmp_path, smp=smp, mem=mem, cpu=cpu, conf=["park " + park], kernel=image, initrds=initrds)
    check_good(result, smp)
    check_park(result, park, monitor=cpu == "max")
    check_events(result, smp)


def check_park(result, park, monitor):
    """The policy is kept where the CPU has MONITOR; under a hypervisor auto means HLT (protocol rule 8)."""
    modes = {cpu["park"] for cpu in result.report["cpus"] if cpu["verdict"] == "HALTED"}
    if park in ("auto", "hlt") or not monitor:
        assert modes <= {"hlt"}
    elif park == "mwait":
        assert modes <= {"mwait"}
    else:
        assert modes == {"hlt", "mwait"} or len(result.report["cpus"]) < 3


def check_events(result, smp):
    """The serial lines say the same as the report."""
    verdicts = {e["apic"]: e["verdict"] for e in result.all("cpu")}
    assert len(verdicts) == smp and set(verdicts.values()) <= {"ONLINE", "IS_BSP"}
    assert result.event("door")["name"] == "efi"
    assert result.event("cpus")["online"] == str(smp)
    assert len(result.all("park")) == smp - 1
    assert result.event("handover"), "no event=handover"
    assert not result.all("error")


@pytest.mark.parametrize("turn", range(3))
def test_sixteen_cpus_with_monitor(tmp_path, turn):
    """Debian's own EFI stub panics on this machine, since firmware's APs spin in MWAIT; Baton takes them out. With the table's
    two, five starts of it."""
    check_good(boot(tmp_path, smp=16, mem="1G", cpu="max", conf=["park auto"], kernel=KERNEL), 16)


def test_command_line_reaches_the_kernel(tmp_path):
    words = "console=ttyS0 panic=-1 some.word=\"two words\" " + UNDER_TCG
    result = boot(tmp_path, append=words)
    check_good(result, 2)
    assert result.facts["cmdline"].rstrip() == words


def test_console_that_is_ram(tmp_path):
    """A wrong address for the serial port, where the kernel is to go: nothing is written there, the boot goes on."""
    result = boot(tmp_path, conf=["console uart8250,mmio,0x1600000"])
    assert result.facts.get("report_check") == "0", result.tail()
    assert not result.event("door"), "there is no serial port to speak on"


def test_without_digests(tmp_path):
    """An entry without baton-sha256 boots; the report says expected=first-read. The kernel says that it was linked for
    5 GiB, so that is where it goes and, without KASLR, where it stays."""
    with open(KERNEL, "rb") as f:
        kernel = bytearray(f.read())
    struct.pack_into("<Q", kernel, 0x258, 5 << 30)
    (tmp_path / "high").write_bytes(kernel)
    result = boot(tmp_path, digests=False, mem="6G", kernel=str(tmp_path / "high"), append=APPEND + " nokaslr")
    assert kernel_at(result)[0] == 5 << 30, result.tail()
    assert result.facts.get("report_check") == "0", result.tail()
    kinds = {s["name"]: s["expected"] for s in result.report["segments"]}
    assert kinds["kernel"] == kinds["initrd"] == "first-read"
