# SPDX-License-Identifier: MIT
"""The state that the next kernel finds at its first instruction, told by a next kernel of our own (test/probe) and
compared with docs/handover.md."""
import copy
import os
import re
import time

import pytest

from harness import (BATON, BOOT_S, BUILD, FAULTS, FIRMWARE_S, KERNEL, UNDER_TCG, machine, qemu, write_bundle,
                     write_disk, write_kexec_initrd)

PROBE = os.path.join(BUILD, "probe", "probe.bin")
APPEND = "console=ttyS0 what the entry says"
LA57 = 1 << 12
PHYSICAL_BITS = 40              # QEMU's models of CPUs
HANDOVERS, HANDOVERS_S = 100, 400
MCE = 1 << 6
MISC_MONITOR = 1 << 18          # on if the CPU has MONITOR

# Fields of boot_params that may differ from one boot of a machine to the next: none today.
VARYING = ()

EXACT = {
    "cr0": 0x80000031,              # PG NE ET PE
    "cr8": 0,
    "dr6": 0xffff0ff0, "dr7": 0x400,
    "cs": 0x10, "ds": 0x18, "es": 0x18, "fs": 0x18, "gs": 0x18, "ss": 0x18, "ldtr": 0, "tr": 0x20,
    "gdt_code": 0x00af9b000000ffff,  # present, code, long mode, accessed
    "gdt_data": 0x00cf93000000ffff, "gdt_limit": 6 * 8 - 1,
    "dr00": 0, "dr01": 0, "dr02": 0, "dr03": 0,
    "idt_limit": 32 * 16 - 1,
    "fcw": 0x37f, "fsw": 0, "mxcsr": 0x1f80,
    "fs_base": 0, "gs_base": 0, "kernel_gs_base": 0,
    "debugctl": 0, "tsc_deadline": 0, "mcg_status": 0, "perf_global_ctrl": 0, "spec_ctrl": 0,
    "pat": 0x0007040600070406,      # as OVMF leaves it
    "lapic_timer": 0x10000, "lapic_thermal": 0x10000, "lapic_pmc": 0x10000, "lapic_error": 0x100fe,
    "lapic_lint0": 0x700, "lapic_lint1": 0x10400, "lapic_svr": 0x10f,   # the virtual wire as found
    "lapic_timer_initial": 0, "lapic_timer_current": 0, "lapic_esr": 0, "lapic_tpr": 0,
    "lapic_in_service": 0, "lapic_requested": 0,
    "ioapic_entries": 24, "ioapic_unmasked": 0,
    "pic_master_mask": 0xff, "pic_slave_mask": 0xff, "pic_master_in_service": 0, "pic_slave_in_service": 0,
}
EXACT.update({name: 0 for name in ("rax", "rbx", "rcx", "rdx", "rdi", "rbp", "r8", "r9", "r10", "r11", "r12", "r13",
                                   "r14", "r15")})


# What SeaBIOS leaves in the local APIC where OVMF leaves something else; LINT1 is masked by Baton.
FOUND_BY_BIOS = {"lapic_lint0": 0x8700, "lapic_lint1": 0x18400, "lapic_svr": 0x1ff}


# The same behind Linux and its kexec: its PAT and task priority, the virtual wire as it restored it (with bits that are
# read-only on a processor and that QEMU keeps).
FOUND_BY_LINUX = {"pat": 0x0407050600070106, "cr8": 1, "lapic_tpr": 0x10, "lapic_lint0": 0x5700,
                  "lapic_lint1": 0x15400}

# What a kernel may expect of the hand-over, clause by clause, and the facts or rules of problems() that show it. Bus
# masters and IOMMUs are no state of a CPU's: test_iommu.py, test_loop_dma.py.
CLAUSES = {
    "CR0: PE PG ET NE set; WP AM TS EM CD NW clear": ("cr0",),
    "CR4: PAE, LA57 as found; no PGE PCIDE SMEP SMAP PKE CET PKS UINTR LAM FRED VMXE UMIP FSGSBASE": ("cr4",),
    "CR3: bits 63:61 and 11:0 zero; the root in memory that no segment overwrites": ("cr3", "cr3: flags"),
    "EFER: LME LMA NXE; SCE and SVME clear": ("efer",),
    "DR7 0x400, DR6 at its reset value": ("dr6", "dr7", "dr00", "dr01", "dr02", "dr03"),
    "FS, GS and KERNEL_GS bases 0": ("fs_base", "gs_base", "kernel_gs_base"),
    "DEBUGCTL and PERF_GLOBAL_CTRL 0, SPEC_CTRL as found": ("debugctl", "perf_global_ctrl", "spec_ctrl"),
    "PAT, MISC_ENABLE as found": ("pat", "misc_enable"),
    "XCR0 as found or 1, FPU clean": ("xcr0", "fcw", "fsw", "mxcsr"),
    "no VMX and no SVM": ("cr4", "efer"),
    "RSI boot_params, all else 0; IF and DF clear": ("rax", "rbx", "rcx", "rdx", "rdi", "rbp", "r8", "r9", "r10",
                                                    "r11", "r12", "r13", "r14", "r15", "rflags", "boot_params: sentinel"),
    "CS 0x10, data segments 0x18, flat, loaded from a table that stays": ("cs", "ds", "es", "fs", "gs", "ss", "ldtr", "tr",
                                                                        "gdt_code", "gdt_data", "gdt_base"),
    "a stack that stays": ("rsp",),
    "an IDT until the jump: an NMI finds a gate": ("idt_base", "idt_limit"),
    "I/O APICs: every entry masked": ("ioapic_entries", "ioapic_unmasked"),
    "APs stopped, in reserved memory": ("a CPU that is not in HLT in the block", "e820: the block is not reserved"),
    "APs: local APIC off, all of it masked, nothing in service": ("another CPU's local APIC",),
    "LAPIC: LVTERR with a vector and masked, timer, thermal, PMC masked, LINT1 too": (
        "lapic_error", "lapic_timer", "lapic_thermal", "lapic_pmc", "lapic_lint1"),
    "LAPIC: timer stopped, deadline 0, ESR clear": ("lapic_timer_initial", "lapic_timer_current", "tsc_deadline",
                                                    "lapic_esr"),
    "LAPIC: nothing in service or requested, priority as found": ("lapic_in_service", "lapic_requested", "lapic_tpr", "cr8"),
    "LAPIC: LINT0 and SVR as found, a virtual wire; its mode as found": ("lapic_lint0", "lapic_svr", "apic_base"),
    "8259s: all masked, nothing in service": ("pic_master_mask", "pic_slave_mask", "pic_master_in_service",
                                          "pic_slave_in_service"),
    "HPET and PIT stopped": ("hpet runs", "pit counts"),
    "machine checks: MCIP clear, banks untouched": ("mcg_status",),
}


class Facts:
    def __init__(self, vm):
        text, registers = vm.text(), vm.monitor("info registers -a")
        self.values = {}
        for name, value in re.findall(r"^probe: (\w+)=0x([0-9a-f]{16})", text, re.M):
            self.values.setdefault(name, int(value, 16))
        self.boot_params = b"".join(bytes.fromhex(line) for line in
                                    re.findall(r"^probe: boot_params [0-9a-f]{3} ([0-9a-f]{128})", text, re.M))
        self.cmdline = re.search(r"^probe: cmdline (.*)$", text, re.M)[1].strip()
        block = re.search(r"event=block base=0x([0-9a-f]+) size=(\d+)", text)
        self.block = range(int(block[1], 16), int(block[1], 16) + int(block[2]))
        self.cpus = [{name: int(value, 16) for name, value in
                      re.findall(r"\b(RIP|CR3|CR4|HLT|CR0)=([0-9a-f]+)", cpu)} for cpu in
                     registers.split("CPU#")[1:]]
        self.lapics = [vm.monitor("info lapic %d" % apic_id) for apic_id in range(1, len(self.cpus))]

    def ranges_by_mtrr(self):
        """{(address, size, type)} of the variable ranges in use."""
        pairs = [(self.values["mtrr_base%02d" % i], self.values["mtrr_mask%02d" % i]) for i in range(8)]
        return {(base & ~0xfff, (1 << PHYSICAL_BITS) - (mask & ~0xfff), base & 0xff) for base, mask in pairs if mask >> 11 & 1}

    @staticmethod
    def worst(facts):
        """Nothing is as it should be."""
        bad = copy.copy(facts)
        bad.values = {name: value ^ 0x5 << 60 ^ 0xf05 for name, value in facts.values.items()}
        bad.boot_params, bad.cmdline = bytes(0x1ef) + b"\xff" + bytes(4096 - 0x1f0), ""
        bad.cpus = [{**cpu, "HLT": 0} for cpu in facts.cpus]
        bad.lapics = [facts.lapics[0].replace("APIC disabled", "APIC enabled")]
        return bad

    def field(self, at, size):
        return int.from_bytes(self.boot_params[at:at + size], "little")

    def e820(self):
        """[(address, size, type)]"""
        table = [self.boot_params[0x2d0 + 20 * i:0x2d0 + 20 * (i + 1)] for i in range(self.field(0x1e8, 1))]
        return [(int.from_bytes(e[:8], "little"), int.from_bytes(e[8:16], "little"),
                 int.from_bytes(e[16:], "little")) for e in table]


def problems(facts, efi=True, found_by=None):
    """Every difference from docs/handover.md, one text each. found_by: who left another state than OVMF."""
    v = facts.values
    exact = {**EXACT, **(found_by or {})}
    found = ["%s is 0x%x, not 0x%x" % (name, v.get(name, -1), want) for name, want in exact.items()
             if v.get(name) != want]
    found += ["%s is outside the block: 0x%x" % (name, v[name]) for name in ("rsp", "cr3", "gdt_base", "idt_base")
              if v[name] not in facts.block]
    rules = {
        "rflags: interrupts or direction flag on": not v["rflags"] & 0x600,
        "cr3: flags": v["cr3"] & 0xfff == 0 and v["cr3"] >> 61 == 0,
        "cr4: more than PAE and LA57": v["cr4"] & ~LA57 == 0x20,
        "efer: not LMA LME NXE": v["efer"] == 0xd00,
        "xcr0: not as found": v["xcr0"] in (0, 1, 3, 7) or found_by is FOUND_BY_LINUX and v["xcr0"] & 7 == 7,
        "apic_base: not enabled, in xAPIC mode, on the BSP": v["apic_base"] & 0xfff == 0x900,
        "misc_enable: not as QEMU has it": v["misc_enable"] & ~MISC_MONITOR == 1,
        "another CPU's local APIC": all(re.search(r"^SPIV\s.*APIC disabled", lapic, re.M) and "ISR\t (none)" in lapic and
                                        all("masked" in line for line in lapic.splitlines() if line.startswith("LVT"))
                                        for lapic in facts.lapics),
        "hpet runs": v["hpet_config"] & 3 == 0 and not any(v["hpet_timer%d" % i] & 4 for i in range(3)),
        "pit counts": v["pit_status"] & 0xce == 0x80,       # output high, count loaded, mode 0: it has ended
        "boot_params: sentinel": facts.field(0x1ef, 1) == 0,
        "boot_params: loader type": facts.field(0x210, 1) == 0xff,
        "boot_params: EFI signature": facts.boot_params[0x1c0:0x1c4] == (b"EL64" if efi else bytes(4)),
        "boot_params: RSDP": facts.field(0x70, 8) != 0,
        "command line": facts.cmdline == APPEND,
        "no report among setup_data": v.get("setup_data_type") == 0x42544f4e,
        "e820: the block is not reserved": any(a <= facts.block[0] and facts.block[-1] < a + s and kind == 2
                                               for a, s, kind in facts.e820()),
        "a CPU that is not in HLT in the block": all(cpu["HLT"] == 1 and cpu["RIP"] in facts.block and
                                                     cpu["CR3"] in facts.block and cpu["CR4"] & MCE
                                                     for cpu in facts.cpus[1:]),
    }
    return found + [text for text, good in rules.items() if not good]


def probe(tmp_path, name, **options):
    disk = write_disk(str(tmp_path / "disk.img"), kernel=PROBE, append=APPEND, conf=["park mix"])
    with machine(tmp_path, disk, name=name, **options) as vm:
        vm.wait_for("probe: end", FIRMWARE_S)
        facts = Facts(vm)
    os.unlink(disk)
    return facts


@pytest.mark.parametrize("cpu,mem", (("max", "512M"), ("qemu64", "6G")))
def test_state_at_the_first_instruction(tmp_path, cpu, mem):
    facts = probe(tmp_path, "vm", smp=4, cpu=cpu, mem=mem)
    assert len(facts.cpus) == 4 and len(facts.boot_params) == 4096
    assert not problems(facts)
    check_that_each_rule_can_fail(facts)


def bios_machine(tmp_path, words="", smp=4, image=BATON, baton="", **more):
    """Door 2 by the 16-bit entry, the bundle's kernel is the probe."""
    bundle = write_bundle(str(tmp_path / "bundle.cpio"), kernel=PROBE, initrds=(), append=APPEND + words,
                          conf=["park mix"])
    return qemu.Machine(str(tmp_path / "bios"), smp=smp, mem="512M", cpu="max", firmware=False, boot_args=[
        "-kernel", image, "-initrd", bundle, "-append", "baton.console=ttyS0,115200" + baton], **more)


@pytest.mark.parametrize("image,baton", ((BATON, ""), (FAULTS, " baton.fault=requests")))
def test_state_behind_the_other_door(tmp_path, image, baton):
    """The same, without EFI: Baton was started by SeaBIOS's 16-bit protocol. What somebody left requested in the local
    APIC (Linux its last tick, now and then) does not reach the probe."""
    with bios_machine(tmp_path, image=image, baton=baton) as vm:
        vm.wait_for("probe: end", FIRMWARE_S)
        facts = Facts(vm)
    assert "event=door name=linux16 " in vm.text() and len(facts.cpus) == 4
    assert not problems(facts, efi=False, found_by=FOUND_BY_BIOS)
    check_clauses(facts)


def check_clauses(facts):
    """Each names something that is compared."""
    texts = [*problems(Facts.worst(facts), efi=False)]
    for clause, names in CLAUSES.items():
        for name in names:
            assert any(re.match(re.escape(name) + r"\b", text) for text in texts), clause + ": " + name


def test_state_behind_a_real_kexec(tmp_path):
    """Door 2 as Linux opens it: Debian's kernel, kexec, Baton, probe."""
    bundle = write_bundle(str(tmp_path / "bundle.cpio"), kernel=PROBE, initrds=(), append=APPEND, conf=["park mix"])
    guest = write_kexec_initrd(str(tmp_path / "guest.img"), bundle, "-l", "baton.console=ttyS0,115200")
    with qemu.Machine(str(tmp_path / "kexec"), smp=4, mem="1G", cpu="max", firmware=False, boot_args=[
            "-kernel", KERNEL, "-initrd", guest,
            "-append", "console=ttyS0,115200 panic=-1 guest.kexec " + UNDER_TCG]) as vm:
        vm.wait_for("probe: end", BOOT_S)
        facts = Facts(vm)
        lines = re.findall(r"^guest: mtrr=reg\d+: base=(0x\w+) .*size= *(\d+)([KM])B, .*: ([a-z-]+)", vm.text(), re.M)
    assert "event=door name=linux64 " in vm.text() and len(facts.cpus) == 4
    assert not problems(facts, efi=False, found_by=FOUND_BY_LINUX)
    types = {"uncachable": 0, "write-combining": 1, "write-through": 4, "write-protect": 5, "write-back": 6}
    assert lines and facts.ranges_by_mtrr() == {
        (int(base, 16), int(size) << {"K": 10, "M": 20}[unit], types[name]) for base, size, unit, name in lines}, lines


def test_hundred_handovers_one_boot_params(tmp_path):
    """One machine, reset by the probe each time: SeaBIOS, Baton, probe; every byte of the page is the same every time."""
    with bios_machine(tmp_path, " probe.again", smp=2, reboot=True) as vm:
        pages = hundred_pages(vm)
    assert len(pages) == HANDOVERS
    assert not differing(pages), "boot_params differ at " + ", ".join("0x%x" % at for at in differing(pages))
    assert differing([*pages, pages[0][:0x2d0] + b"\x77" + pages[0][0x2d1:]]) == [0x2d0]


def differing(pages):
    return sorted({at for page in pages for at in range(4096) if page[at] != pages[0][at] and at not in VARYING})


def hundred_pages(vm):
    deadline = time.monotonic() + HANDOVERS_S
    while time.monotonic() < deadline:
        found = re.findall(r"^probe: boot_params [0-9a-f]{3} ([0-9a-f]{128})", vm.text(), re.M)
        if len(found) >= 64 * HANDOVERS:
            break
        time.sleep(1)
    pages = [b"".join(bytes.fromhex(line) for line in found[at:at + 64]) for at in range(0, len(found) - 63, 64)]
    return pages[:HANDOVERS]


def check_that_each_rule_can_fail(facts):
    for name in [*EXACT, "xcr0", "apic_base", "rsp", "cr3", "gdt_base", "idt_base", "cr4", "efer", "hpet_config",
                 "hpet_timer2"]:
        before = facts.values[name]
        facts.values[name] = before ^ 0x5 << 60 ^ 0x5
        assert problems(facts), name + " may have any value"
        facts.values[name] = before
    for at, wrong in ((0x1ef, b"\xff"), (0x210, b"\0"), (0x1c0, b"EL32"), (0x70, bytes(8))):
        before = facts.boot_params
        facts.boot_params = before[:at] + wrong + before[at + len(wrong):]
        assert problems(facts), "boot_params 0x%x may have any value" % at
        facts.boot_params = before
    for cpu in facts.cpus[1:]:
        for name, other in (("HLT", 0), ("RIP", 0x1000), ("CR3", 0x1000), ("CR4", 0x20)):
            before, cpu[name] = cpu[name], other
            assert problems(facts), "a CPU's %s may have any value" % name
            cpu[name] = before


def test_boot_params_are_the_same_at_every_boot(tmp_path):
    """Reservations depend on the map and the CPU count only (protocol rule 18)."""
    pages = [probe(tmp_path, name, smp=2).boot_params for name in ("first", "second")]
    assert not differing(pages), "boot_params differ at " + ", ".join("0x%x" % at for at in differing(pages))
