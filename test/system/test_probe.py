# SPDX-License-Identifier: MIT
"""The state that the next kernel finds at its first instruction, told by a next kernel of our own (test/probe) and
compared with docs/handover.md."""
import os
import re
import time

import pytest

from harness import BATON, BUILD, FIRMWARE_S, machine, qemu, write_bundle, write_disk

PROBE = os.path.join(BUILD, "probe", "probe.bin")
APPEND = "console=ttyS0 what the entry says"
LA57 = 1 << 12
HANDOVERS, HANDOVERS_S = 100, 400
MCE = 1 << 6

# Fields of boot_params that may differ from one boot of a machine to the next: none today.
VARYING = ()

EXACT = {
    "cr0": 0x80000031,              # PG NE ET PE
    "cr8": 0,
    "dr6": 0xffff0ff0, "dr7": 0x400,
    "cs": 0x10, "ds": 0x18, "es": 0x18, "fs": 0x18, "gs": 0x18, "ss": 0x18, "ldtr": 0, "tr": 0x20,
    "gdt_code": 0x00af9b000000ffff,  # present, code, long mode, accessed
    "gdt_data": 0x00cf93000000ffff,
    "idt_limit": 32 * 16 - 1,
    "fcw": 0x37f, "fsw": 0, "mxcsr": 0x1f80,
    "fs_base": 0, "gs_base": 0, "kernel_gs_base": 0,
    "debugctl": 0, "tsc_deadline": 0, "mcg_status": 0,
    "pat": 0x0007040600070406,      # as OVMF leaves it
    "lapic_timer": 0x10000, "lapic_thermal": 0x10000, "lapic_pmc": 0x10000, "lapic_error": 0x100fe,
    "lapic_lint0": 0x700, "lapic_lint1": 0x10400, "lapic_svr": 0x10f,   # the virtual wire as found
    "lapic_timer_initial": 0, "lapic_timer_current": 0, "lapic_esr": 0, "lapic_tpr": 0,
    "lapic_in_service": 0, "lapic_requested": 0,
    "ioapic_entries": 24, "ioapic_unmasked": 0,
    "pic_master_mask": 0xff, "pic_slave_mask": 0xff, "pic_master_in_service": 0,
}
EXACT.update({name: 0 for name in ("rax", "rbx", "rcx", "rdx", "rdi", "rbp", "r8", "r9", "r10", "r11", "r12", "r13",
                                   "r14", "r15")})


# What SeaBIOS leaves in the local APIC where OVMF leaves something else; LINT1 is masked by Baton.
FOUND_BY_BIOS = {"lapic_lint0": 0x8700, "lapic_lint1": 0x18400, "lapic_svr": 0x1ff}


class Facts:
    def __init__(self, text, registers):
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

    def field(self, at, size):
        return int.from_bytes(self.boot_params[at:at + size], "little")

    def e820(self):
        """[(address, size, type)]"""
        table = [self.boot_params[0x2d0 + 20 * i:0x2d0 + 20 * (i + 1)] for i in range(self.field(0x1e8, 1))]
        return [(int.from_bytes(e[:8], "little"), int.from_bytes(e[8:16], "little"),
                 int.from_bytes(e[16:], "little")) for e in table]


def problems(facts, efi=True):
    """Every difference from docs/handover.md, one text each."""
    v = facts.values
    exact = EXACT if efi else {**EXACT, **FOUND_BY_BIOS}
    found = ["%s is 0x%x, not 0x%x" % (name, v.get(name, -1), want) for name, want in exact.items()
             if v.get(name) != want]
    found += ["%s is outside the block: 0x%x" % (name, v[name]) for name in ("rsp", "cr3", "gdt_base", "idt_base")
              if v[name] not in facts.block]
    rules = {
        "rflags: interrupts or direction flag on": not v["rflags"] & 0x600,
        "cr4: more than PAE and LA57": v["cr4"] & ~LA57 == 0x20,
        "efer: not LMA LME NXE": v["efer"] == 0xd00,
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
        facts = Facts(vm.text(), vm.monitor("info registers -a"))
    os.unlink(disk)
    return facts


@pytest.mark.parametrize("cpu,mem", (("max", "512M"), ("qemu64", "6G")))
def test_state_at_the_first_instruction(tmp_path, cpu, mem):
    facts = probe(tmp_path, "vm", smp=4, cpu=cpu, mem=mem)
    assert len(facts.cpus) == 4 and len(facts.boot_params) == 4096
    assert not problems(facts)
    check_that_each_rule_can_fail(facts)


def bios_machine(tmp_path, words="", smp=4, **more):
    """Door 2 by the 16-bit entry, the bundle's kernel is the probe."""
    bundle = write_bundle(str(tmp_path / "bundle.cpio"), kernel=PROBE, initrds=(), append=APPEND + words,
                          conf=["park mix"])
    return qemu.Machine(str(tmp_path / "bios"), smp=smp, mem="512M", cpu="max", firmware=False, boot_args=[
        "-kernel", BATON, "-initrd", bundle, "-append", "baton.console=ttyS0,115200"], **more)


def test_state_behind_the_other_door(tmp_path):
    """The same, without EFI: Baton was started by SeaBIOS's 16-bit protocol."""
    with bios_machine(tmp_path) as vm:
        vm.wait_for("probe: end", FIRMWARE_S)
        facts = Facts(vm.text(), vm.monitor("info registers -a"))
    assert "event=door name=linux16 " in vm.text() and len(facts.cpus) == 4
    assert not problems(facts, efi=False)


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
    for name in [*EXACT, "rsp", "cr3", "gdt_base", "idt_base", "cr4", "efer", "hpet_config", "hpet_timer2"]:
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
