# SPDX-License-Identifier: MIT
"""Exceptions made on purpose: the dump names the function that made them, the policy acts, the next start tells."""
import os
import re
import subprocess

import pytest

import pagetables
from harness import BUILD, FAULTS, FIRMWARE_S, MENU, ROOT, machine, problem_pattern, write_disk

ELF = os.path.join(BUILD, "faults", "baton.elf")
END_S = 30


@pytest.fixture(autouse=True)
def faults_build():
    assert os.path.exists(FAULTS) and os.path.exists(ELF), FAULTS + " is missing: make faults"


def crash(tmp_path, fault, *conf):
    """The text from the grammar line to the menu of the next start, which must wait there."""
    disk = write_disk(str(tmp_path / "disk.img"), baton=FAULTS, conf=("reset-after 1", *conf))
    with machine(tmp_path, disk, smp=2, options="baton.fault=" + fault, reboot=True) as vm:
        vm.wait_for(r"event=reset in=1$", FIRMWARE_S)
        vm.wait_for("The last start of debian.conf was refused", FIRMWARE_S)
        vm.wait_for("Baton: E63: ", END_S)
        vm.wait_for(MENU, END_S)
        text = vm.text()
    assert "Linux version" not in text
    return text


def symbolized(text):
    done = subprocess.run([ROOT + "/tools/baton-symbolize", "--elf", ELF], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return re.findall(r"^        (\w+) \+0x[0-9a-f]+ = (\w+) at .*?(\w+/\w+\.[cS]):(\d+)", done.stdout, re.M), done.stdout


def check_dump(text, vector, function):
    """Registers, backtrace and load base are there, and turn into the function's own line and its callers'."""
    base = re.search(r"event=door name=efi image=(0x[0-9a-f]+)", text)[1]
    dump = re.search(r"event=exception vector=%d error=(0x[0-9a-f]+) rip=(0x[0-9a-f]+) base=%s cr2=(0x[0-9a-f]+) apic=0$"
                     % (vector, base), text, re.M)
    assert dump, text[-2000:]
    assert len(re.findall(r"event=registers .*\b(?:rax|r8|cs)=0x", text)) == 3
    places, printed = symbolized(text)
    assert ("rip", function, "kernel/faults.c") in [p[:3] for p in places], printed
    line = next(int(p[3]) for p in places if p[0] == "rip")
    with open(ROOT + "/kernel/faults.c", encoding="utf-8") as f:
        lines = f.read().split("\n")
    assert any(function + "(" in lines[n] for n in range(line - 4, line)), "line %d is not in %s()" % (line, function)
    callers = [p[1] for p in places if p[0] == "at"]
    assert callers[:3] == [function, "faults_trip", "with_all_cpus"], printed
    return dump


def test_invalid_instruction(tmp_path):
    text = crash(tmp_path, "crash")
    check_dump(text, 6, "invalid_instruction")
    assert re.search(problem_pattern(63) + r'text="exception 6 at image', text)


def test_write_to_a_protected_segment(tmp_path):
    """It faults at the store, with the address in CR2; error 3: a write, to a page that is there."""
    text = crash(tmp_path, "stray-write")
    dump = check_dump(text, 14, "stray_write")
    kernel = int(re.search(r"event=segment name=kernel .*addr=(0x[0-9a-f]+)", text)[1], 16)
    assert dump[1] == "0x3" and int(dump[3], 16) == kernel + 0x1234
    assert "survived=" not in text


def check_mappings(vm):
    """What Baton's own tables say of what they are for (docs/mm.md), on every CPU, at a time when the next image is placed."""
    cpus = pagetables.registers(vm)
    assert len(cpus) == 2 and len({cpu["CR3"] for cpu in cpus}) == 1, cpus
    text = vm.text()

    def at(address):
        leaf = pagetables.walk(vm, cpus[0]["CR3"], address)
        assert leaf is None or address - leaf.phys < leaf.size, hex(address)
        return leaf

    for name in ("kernel", "initrd"):
        segment = re.search(r"event=segment name=%s .*addr=(0x[0-9a-f]+) size=(\d+)" % name, text)
        for address in (int(segment[1], 16), int(segment[1], 16) + int(segment[2]) - 1):
            leaf = at(address)
            assert leaf and not leaf.writable and not leaf.executable, (name, leaf)
    block = re.search(r"event=segment name=block .*addr=(0x[0-9a-f]+)", text)
    assert not at(int(block[1], 16)).writable
    # The instruction after HLT, and each CPU's own stack, with a hole below it.
    for cpu in cpus:
        code, stack = at(cpu["RIP"]), at(cpu["RSP"])
        assert code.executable and not code.writable and code.size == 4096, code
        assert stack.writable and not stack.executable and stack.size == 4096, stack
        assert any(at(cpu["RSP"] - below) is None for below in range(0, 64 << 10, 4096)), hex(cpu["RSP"])
    # Tables of firmware: found as the next kernel would, below the end of memory.
    top = (512 << 20) - (16 << 20)
    memory = vm.read_memory(top, 16 << 20)
    rsdp = next(m.start() for m in re.finditer(b"RSD PTR ", memory)
                if memory[m.start() + 20] == 36 and sum(memory[m.start():m.start() + 36]) % 256 == 0)
    xsdt = int.from_bytes(memory[rsdp + 24:rsdp + 32], "little")
    for address in (top + rsdp, xsdt):
        leaf = at(address)
        assert leaf and not leaf.writable and not leaf.executable, (hex(address), leaf)
    # The framebuffer: write-combining, at index 6 of Baton's PAT.
    frame = at(int(re.search(r"BAR0: 32 bit prefetchable memory at (0x[0-9a-f]+)", vm.monitor("info pci"))[1], 16))
    assert frame and frame.writable and frame.pat_index == 6, frame


def test_policy_halt(tmp_path):
    """Another CPU stores into the placed kernel: it faults, it is named, and it is the one that ends everything."""
    disk = write_disk(str(tmp_path / "disk.img"), baton=FAULTS, conf=("on-failure halt",))
    with machine(tmp_path, disk, smp=2, options="baton.fault=stray-write:1") as vm:
        vm.wait_for(problem_pattern(63) + ".*, CPU with APIC ID 1\"$", FIRMWARE_S)
        vm.wait_for(r"event=halted seconds=0$", END_S)
        text = vm.text()
        assert "event=reset" not in text and "survived=" not in text and vm.process.poll() is None
        dump = re.search(r"event=exception vector=14 error=0x3 rip=\S+ base=\S+ cr2=(0x[0-9a-f]+) apic=1$", text, re.M)
        kernel = int(re.search(r"event=segment name=kernel .*addr=(0x[0-9a-f]+)", text)[1], 16)
        assert dump and int(dump[1], 16) == kernel + 0x1234, text[-2000:]
        places, printed = symbolized(text)
        assert [p[1] for p in places if p[0] == "at"][:2] == ["stray_write", "stray_write_here"], printed
        check_mappings(vm)


def block_of(text):
    match = re.search(r"event=block base=(0x[0-9a-f]+) size=(\d+)", text)
    return range(int(match[1], 16), int(match[1], 16) + int(match[2]))


@pytest.mark.parametrize("times", ("once", "twice"))
def test_exception_inside_the_block(tmp_path, times):
    """The kernel is gone; a second one in the handler ends in a line and the reset too, and does not lose the record."""
    text = crash(tmp_path, "crash-block:" + times)
    found = re.findall(r"event=exception vector=(\d+) .*\brip=(0x[0-9a-f]+) ", text)
    assert found and all(vector == "6" and int(rip, 16) in block_of(text) for vector, rip in found), found
    first = int(re.search(r"Baton: E63: vector 6 at (0x[0-9a-f]+) inside the block", text)[1], 16)
    assert len(found) == 1
    assert (int(found[0][1], 16) == first) == (times == "once"), "twice: the second is the one that could be said"
    assert bool(re.search(r"\bcode=E63 ", text)) == (times == "once")
