# SPDX-License-Identifier: MIT
"""What tools/baton-soak keeps of a frozen machine, and of what it said. Every step stands alone: one that fails is a
note in the verdict, the others are made all the same."""
import os
import re
import shlex
import shutil
import struct
import subprocess

import qemu

BLOCK_MAGIC, REPORT_MAGIC = struct.pack("<Q", 0x4b434f4c424e5442), struct.pack("<Q", 0x54524f505052544e)
BLOCK_VERSION, BLOCK_HEADER = 2, 112
PAGE = 4096
AROUND = 128 << 10
CHUNK = 64 << 20        # memory is looked through in pieces of that size
BLOCKS_BELOW = 1 << 32  # where the next generation looks for one (kernel/previous.c)
REPORT_MAX = 16 << 20
JSON_S = 30
LOG_HEAD, LOG_TAIL = 1 << 20, 8 << 20   # bytes of serial.log: so many from its start, at least so many from its end
REPRO_BEFORE, REPRO_AFTER = 100, 20     # generations that repro.sh runs before and after the last one
FAULTS = (qemu.MachineError, OSError, ValueError, struct.error, subprocess.SubprocessError)


class SerialLog:
    """serial.log of a run of any length: its start, and two pieces at the end that take turns. Writer: one."""

    def __init__(self, path, head=LOG_HEAD, tail=LOG_TAIL):
        self.path, self.head, self.tail, self.left_out = path, head, tail, 0
        self.pieces = [path + ".older", path + ".newer"]
        self.file, self.room, self.in_tail = open(path, "wb"), head, False

    def add(self, text):
        data = text.encode() + b"\n"
        if len(data) > self.room:
            self._turn()
        self.file.write(data)
        self.room -= len(data)

    def add_all(self, lines):
        for _, text in lines:
            self.add(text)

    def _turn(self):
        """The full piece becomes the older one; what the older one held is left out."""
        self.file.close()
        older, newer = self.pieces
        if self.in_tail:
            if os.path.exists(older):
                self.left_out += os.path.getsize(older)
            os.replace(newer, older)
        self.file, self.room, self.in_tail = open(newer, "wb"), self.tail, True

    def close(self):
        self.file.close()
        with open(self.path, "ab") as whole:
            if self.left_out:
                whole.write(b"[baton-soak: %d bytes are left out here]\n" % self.left_out)
            for piece in self.pieces:
                if os.path.exists(piece):
                    with open(piece, "rb") as f:
                        shutil.copyfileobj(f, whole)
                    os.unlink(piece)


def ram_ranges(mtree):
    """[(first, end)] of the machine's memory out of QEMU's `info mtree -f`, lowest first."""
    ranges = set()
    for view in re.split(r"^FlatView #", mtree, flags=re.M):
        if 'AS "memory"' in view:
            ranges |= {(int(first, 16), int(last, 16) + 1) for first, last in
                       re.findall(r"^ *([0-9a-f]{16})-([0-9a-f]{16}) \(prio -?\d+, ram\): pc\.ram", view, re.M)}
    return sorted(ranges)


def blocks_in(memory, at_address):
    """[(generation, base, size, report address)] of the blocks that begin in that piece of memory."""
    found, at = [], memory.find(BLOCK_MAGIC)
    while at >= 0:
        if (at_address + at) % PAGE == 0 and len(memory) - at >= BLOCK_HEADER:
            version, header, base, size = struct.unpack_from("<IIQQ", memory, at + 8)
            generation, report = struct.unpack_from("<QQ", memory, at + 48)
            if version == BLOCK_VERSION and header == BLOCK_HEADER and base == at_address + at:
                found.append((generation, base, size, report))
        at = memory.find(BLOCK_MAGIC, at + 1)
    return found


def find_blocks(vm):
    """As blocks_in(), in all of the machine's memory below BLOCKS_BELOW, newest first."""
    found = []
    for first, end in ram_ranges(vm.monitor("info mtree -f")):
        end = min(end, BLOCKS_BELOW)
        for at in range(first, end, CHUNK):
            found += blocks_in(vm.read_memory(at, min(CHUNK, end - at)), at)
    return sorted(found, reverse=True)


def keep_memory(vm, folder, block):
    """memory.bin: the block and AROUND bytes on each side, as far as there is memory."""
    _, base, size, _ = block
    first, end = next((a, b) for a, b in reversed(ram_ranges(vm.monitor("info mtree -f"))) if a <= base)
    first, end = max(base - AROUND, first), min(base + size + AROUND, end)
    with open(os.path.join(folder, "memory.bin"), "wb") as f:
        f.write(vm.read_memory(first, end - first))
    with open(os.path.join(folder, "memory.txt"), "w") as f:
        f.write("memory.bin begins at 0x%x; the block at 0x%x, %d bytes\n" % (first, base, size))


def read_report(vm, at, path, tool):
    """The report at that address as JSON text, its bytes in path; None: there is none that is whole."""
    head = vm.read_memory(at, PAGE)
    total = struct.unpack_from("<I", head, 16)[0]
    if not head.startswith(REPORT_MAGIC) or total > REPORT_MAX:
        return None
    with open(path, "wb") as f:
        f.write(vm.read_memory(at, total))
    done = subprocess.run([tool, "--json", path], capture_output=True, text=True, timeout=JSON_S)
    return done.stdout if done.stdout.startswith("{") else None


def keep_report(vm, folder, blocks, tool):
    """report.bin and report.json of the newest block whose report can be read; its generation, else ValueError."""
    for generation, _, _, at in blocks:
        text = read_report(vm, at, os.path.join(folder, "report.bin"), tool)
        if text:
            with open(os.path.join(folder, "report.json"), "w") as f:
                f.write(text)
            return generation
    raise ValueError("no report among %d blocks" % len(blocks))


class Keeper:
    """Makes the steps; notes holds a line for each that failed."""

    def __init__(self):
        self.notes, self.block = [], None

    def step(self, name, action):
        try:
            return action()
        except FAULTS as why:
            self.notes.append("%s: %s" % (name, why))
            return None

    def machine(self, vm, folder, tool):
        """Freezes the guest and keeps registers, memory and report."""
        self.step("stop", lambda: vm.qmp("stop"))
        self.step("registers", lambda: keep_registers(vm, folder))
        blocks = self.step("blocks", lambda: find_blocks(vm)) or []
        if not blocks:
            self.notes.append("memory: no block in the machine's memory")
            return
        self.block = blocks[0][1]
        self.step("memory", lambda: keep_memory(vm, folder, blocks[0]))
        self.step("report", lambda: keep_report(vm, folder, blocks, tool))


def keep_registers(vm, folder):
    text = vm.monitor("info registers -a").replace("\r", "")
    with open(os.path.join(folder, "registers.txt"), "w") as f:
        f.write(text)


def repro_words(args, last, failed):
    """baton-soak's words for the same choices from REPRO_BEFORE generations before the last one seen; a failure gets
    some more behind it, because timing does not repeat."""
    last = args.gen if last is None else last
    # Passes with Linux always begin with the first.
    first = max(last - REPRO_BEFORE, args.gen) if args.mode == "baton" else args.gen
    words = ["--no-self-check", "--mode", args.mode, "--loops", max(last - first + (REPRO_AFTER if failed else 0), 1),
             "--seed", args.seed, "--gen", first, "--smp", args.smp, "--mem", args.mem, "--pattern", args.pattern]
    return [str(word) for word in words + (["--fault", args.fault] if args.fault else [])]


def write_repro(folder, root, words, command):
    """repro.sh: with the image of that night, which lies beside it. More words override those in it."""
    settings = "".join("%s=%s " % (key, shlex.quote(os.environ[key])) for key in ("ACCEL", "QEMU")
                       if os.environ.get(key))
    path = os.path.join(folder, "repro.sh")
    with open(path, "w") as f:
        f.write("#!/bin/sh\n# The same choices again; timing does not repeat. BATON=: Baton's source tree.\n"
                'here=$(cd "$(dirname "$0")" && pwd)\ntree=%s\n%sexec "${BATON:-$tree}/tools/baton-soak" \\\n'
                '\t--baton "$here/baton.efi" --elf "$here/baton.elf" --out "$here/again" \\\n\t%s "$@"\n'
                "# QEMU was: %s\n" % (shlex.quote(root), settings, shlex.join(words), shlex.join(command)))
    os.chmod(path, 0o755)
