# SPDX-License-Identifier: MIT
"""A loop of Baton in QEMU that is stopped at its checkpoints, and what lies where in its memory then.

Snapshots of one generation: "placed" and "rollcall" at the lines of those names, "verified" inside the block when VERIFY
and HALT are over. Nothing in the guest takes part: breakpoints and writes come from outside.
"""
import os
import re
import struct
import subprocess
import time
import uuid

import gdbstub
import mkimage
import ovmfvars
import qemu

START_S = 180
CHECKPOINT_S = 60
TRIES = 20
PAGE = 4096
LOOPS = 100000000
PLAN_AT = 112           # in the block: right behind its header
PLAN_SEGMENT = struct.Struct("<IIQQQQQ32s")
PLAN_REPORT, PLAN_DIGESTS = 120, 128     # asserted in purgatory/plan.h
PLAN_SEGMENTS = 20      # entries of the table at the plan's end
REPORT_PATTERN_AT = 872
BLOB_MAGIC = struct.pack("<Q", 0x424f4c424e5442)
DOOR = re.compile(r"event=door name=\w+ image=0x([0-9a-f]+) size=0x([0-9a-f]+)")
CHECKPOINT = re.compile(r"event=checkpoint phase=(\w+) idle=0x([0-9a-f]+) size=(\d+)")
BLOCK = re.compile(r"event=block base=0x([0-9a-f]+) size=(\d+)")
GENERATION = re.compile(r"event=generation n=(\d+) ")
CONF = ["console ttyS0,115200", "on-failure halt", "park hlt"]


def symbols(path):
    """{name: address} of an ELF file."""
    text = subprocess.run(["nm", path], check=True, capture_output=True, text=True).stdout
    return {line.split()[2]: int(line.split()[0], 16) for line in text.splitlines() if len(line.split()) == 3}


def splitmix64(state):
    mask = (1 << 64) - 1
    state = (state + 0x9e3779b97f4a7c15) & mask
    state = ((state ^ state >> 30) * 0xbf58476d1ce4e5b9) & mask
    state = ((state ^ state >> 27) * 0x94d049bb133111eb) & mask
    return state ^ state >> 31


def next_image(folder, build):
    """Baton with some bytes more, so that its last page has a tail of zeroes to be checked."""
    path = os.path.join(folder, "baton.efi")
    with open(build["efi"], "rb") as source, open(path, "wb") as out:
        out.write(source.read() + b"\xa5" * 1000)
    return path


def efi_machine(folder, build, words):
    """Door 1: OVMF on the old board, whose devices can be saved (q35's AHCI cannot, once bus mastering is off)."""
    disk, baton = os.path.join(folder, "disk.img"), next_image(folder, build)
    mkimage.make_image(disk, mkimage.baton_tree(baton, baton, [], "", CONF, digests=False))
    sectors = os.path.getsize(disk) // mkimage.SECTOR - mkimage.FIRST_SECTOR - mkimage.MIB // mkimage.SECTOR
    variables = ovmfvars.write(qemu.ovmf_files()[1], os.path.join(folder, "vars.fd"), uuid.UUID(mkimage.PARTITION_GUID),
                               mkimage.FIRST_SECTOR, sectors, "\\EFI\\BOOT\\BOOTX64.EFI", words)
    return qemu.Machine(os.path.join(folder, "vm"), disk=disk, smp=2, mem="128M", board="pc", bootindex=False,
                        vars_file=variables, stoppable=True)


def bios_machine(folder, build, words):
    """Door 2: SeaBIOS, the bundle as initrd. The disk holds nothing but snapshots."""
    bundle, disk = os.path.join(folder, "bundle.cpio"), os.path.join(folder, "empty.img")
    stage = os.path.join(folder, "tree")
    os.makedirs(stage + "/loader/entries", exist_ok=True)
    for name, text in (("loader/baton.conf", "\n".join(CONF) + "\n"),
                       ("loader/entries/baton.conf", "title Baton\nlinux /baton.efi\n")):
        with open(os.path.join(stage, name), "w") as f:
            f.write(text)
    subprocess.run([os.path.join(qemu_root(), "tools", "baton-bundle"), bundle, "--tree", stage, "--file",
                    next_image(folder, build) + ":baton.efi"], check=True, capture_output=True)
    with open(disk, "wb") as f:
        f.truncate(1 << 20)
    return qemu.Machine(os.path.join(folder, "vm"), disk=disk, smp=3, mem="96M", board="pc", firmware=False, bootindex=False,
                        boot_args=["-kernel", build["efi"], "-initrd", bundle, "-append", words], stoppable=True)


def qemu_root():
    return os.path.dirname(os.path.dirname(os.path.abspath(qemu.__file__)))


MACHINES = {"efi": efi_machine, "bios": bios_machine}


class Layout:
    """What lies where at the checkpoint, read from guest memory: the plan, the report's list of patterns, canaries."""

    def __init__(self, vm, text, memory_bytes, canary_pages):
        base, size = BLOCK.findall(text)[-1]
        memory = vm.read_memory(0, memory_bytes)
        self.block, self.block_size = int(base, 16), int(size)
        plan = self.block + PLAN_AT
        self.plan_bytes, = struct.unpack_from("<I", memory, self.block + 44)
        table = plan + self.plan_bytes - PLAN_SEGMENTS * PLAN_SEGMENT.size
        self.digest_table, digests, segments = struct.unpack_from("<QII", memory, plan + PLAN_DIGESTS)
        self.table_bytes = digests * 1056
        report, = struct.unpack_from("<Q", memory, plan + PLAN_REPORT)
        self.segments = []
        for i in range(segments):
            _, _, dest, size, memory_size, _, _, name = PLAN_SEGMENT.unpack_from(
                memory, table + i * PLAN_SEGMENT.size)
            self.segments.append((name.split(b"\0")[0].decode(), dest, size, memory_size))
        offset, count, entry, _ = struct.unpack_from("<IIII", memory, report + REPORT_PATTERN_AT)
        self.patterns = [struct.unpack_from("<QQ", memory, report + offset + i * entry) for i in range(count)]
        self.canaries = [at for at in struct.unpack_from("<8Q", memory, canary_pages)
                         if at and struct.unpack_from("<Q", memory, at)[0] == splitmix64(at)]
        read_only = next(s for s in self.segments if s[0] == "block")
        self.blob = memory.find(BLOB_MAGIC, read_only[1], read_only[1] + read_only[2])
        idle = [int(n, 16 if i == 0 else 10) for i, n in enumerate(CHECKPOINT.findall(text)[-1][1:])]
        self.idle = subtract((idle[0], idle[1]), self.patterns)


def subtract(run, holes):
    """The pieces of (base, size) that no hole touches."""
    pieces = [(run[0], run[0] + run[1])]
    for base, size in holes:
        pieces = [piece for start, end in pieces
                  for piece in ((start, min(end, base)), (max(start, base + size), end)) if piece[0] < piece[1]]
    return [(start, end - start) for start, end in pieces]


class Guest:
    """with Guest(folder, door, build, words) as guest: guest.take(); guest.restore("placed"); ..."""

    def __init__(self, folder, door, build, words):
        os.makedirs(folder, exist_ok=True)
        words = "baton.loop=%d baton.log=full baton.console=ttyS0,115200 %s" % (LOOPS, words)
        self.vm = MACHINES[door](folder, build, words)
        self.door, self.build = door, build
        self.image, self.blob = symbols(build["elf"]), symbols(build["block"])
        self.gdb = self.layout = None
        self.generation = 0

    def __enter__(self):
        self.vm.start()
        try:
            self.vm.wait_for(r"event=generation n=2 ", START_S)
            self.gdb = gdbstub.Gdb(self.vm.gdb_path)
        except Exception:
            self.vm.stop()
            raise
        return self

    def __exit__(self, *_):
        if self.gdb:
            self.gdb.close()
        self.vm.stop()

    def mark(self):
        return len(self.vm.lines)

    def since(self, mark):
        with self.vm.changed:
            return [line for _, line in self.vm.lines[mark:]]

    def _wait_line(self, mark, pattern, timeout_s):
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            for line in self.since(mark):
                match = pattern.search(line)
                if match:
                    return match
            time.sleep(0.002)
        return None

    def _break(self, address, what, timeout_s):
        """Runs to address; the breakpoint is gone then. False: it did not come there in time."""
        self.gdb.break_at(address)
        self.gdb.go()
        there = self.gdb.wait_stop(timeout_s)
        self.gdb.stop()
        self.gdb.remove(address)
        return there

    def _save(self, name):
        answer = self.vm.monitor("savevm " + name)
        if answer.strip():
            raise qemu.MachineError("savevm: " + answer.strip())

    def _next_generation(self):
        """Stands at the next generation's "placed"; False: it ran past while it was being stopped."""
        mark = self.mark()
        self.gdb.go()
        match = self._wait_line(mark, DOOR, CHECKPOINT_S)
        self.gdb.stop()
        if not match:
            raise qemu.MachineError("the loop stands still")
        mark = next(i for i in range(mark, self.mark()) if DOOR.search(self.vm.lines[i][1]))
        image = int(match[1], 16)
        if not self._break(image + self.image["phase_stop_here"], "placed", 5):
            return False
        lines = self.since(mark)
        self.text = "\n".join(lines)
        self.origin = mark
        self.at = image
        found = CHECKPOINT.search(lines[-1]) if lines else None
        return bool(found) and found[1] == "placed"

    def take(self):
        """Snapshots of the next generation that can be caught."""
        for _ in range(TRIES):
            if self._next_generation():
                break
        else:
            raise qemu.MachineError("no generation could be stopped at phase=placed")
        size = int(re.search(r"-m (\d+)M", " ".join(self.vm.command))[1]) << 20
        self.layout = Layout(self.vm, self.text, size, self.at + self.image["canary_pages"])
        self._save("placed")
        if not self._break(self.at + self.image["handover_roll_call"], "rollcall", CHECKPOINT_S):
            raise qemu.MachineError("phase=rollcall was not reached")
        self._save("rollcall")
        if not self._break(self.layout.blob + self.blob["lapic_quiet"], "verified", CHECKPOINT_S):
            raise qemu.MachineError("the end of VERIFY was not reached")
        self._save("verified")
        lines = "\n".join(self.since(self.origin))
        assert "phase=rollcall " in lines, lines
        self.generation = int(GENERATION.findall(lines)[-1])

    def restore(self, name):
        self.gdb.stop()
        if self.vm.qmp("query-status")["status"] == "shutdown":         # a triple fault: only a reset leads out
            self.vm.qmp("system_reset")
            time.sleep(0.2)
        answer = self.vm.monitor("loadvm " + name)
        if answer.strip():
            raise qemu.MachineError("loadvm: " + answer.strip())

    def xor(self, address, mask):
        before = self.gdb.read(address, len(mask))
        self.gdb.write(address, bytes(a ^ b for a, b in zip(before, mask)))
