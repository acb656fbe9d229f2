# SPDX-License-Identifier: MIT
"""What the page tables of a stopped guest say: SDM 3A 4.5, 4 levels, read from its memory."""
import re
import struct
from collections import namedtuple

ADDRESS = 0x000ffffffffff000
Leaf = namedtuple("Leaf", "phys size writable executable pat_index")


def registers(vm):
    """[{name: value}] of all CPUs, as far as they are numbers."""
    text = vm.monitor("info registers -a")
    return [{name.strip(): int(value, 16) for name, value in re.findall(r"\b(R[A-Z0-9]+ ?|CR[0234]) ?=([0-9a-f]{8,16})\b", one)}
            for one in re.split(r"CPU#\d+", text)[1:]]


def walk(vm, cr3, address):
    """The leaf that maps the address; None: nothing does."""
    table, writable, executable = cr3 & ADDRESS, True, True
    for level in (4, 3, 2, 1):
        entry, = struct.unpack("<Q", vm.read_memory(table + 8 * (address >> 12 + 9 * (level - 1) & 511), 8))
        if not entry & 1:
            return None
        writable, executable = writable and bool(entry & 2), executable and not entry >> 63
        if level == 1 or entry & 0x80:
            break
        table = entry & ADDRESS
    size = 4096 << 9 * (level - 1)
    pat = entry >> (7 if level == 1 else 12) & 1
    return Leaf(entry & ADDRESS & ~(size - 1), size, writable, executable, pat << 2 | entry >> 3 & 3)
