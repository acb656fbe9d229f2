# SPDX-License-Identifier: MIT
"""Layouts that somebody outside of one C program sees: each has its size asserted, each offset in assembly a name."""
import re

from rules import COMMENTED, Finding, lines_of, room_of

# Every struct of these files is seen by assembly, by the block, by the next kernel or a tool, or by the processor.
ABI_FILES = ("purgatory/plan.h", "purgatory/slot.h", "purgatory/report.h", "x86/entry/trampoline.h", "x86/gdt.h",
             "boot/setup_data.h", "lib/digest.h", "efi/protocols.h")
# Elsewhere single ones, and every packed struct.
ABI_STRUCTS = {"boot/efimap.h": ("efi_descriptor", "e820_entry"), "purgatory/purgatory.h": ("boss_frame",),
               "x86/idt.h": ("trap_frame",), "x86/idt.c": ("gate",), "x86/percpu.h": ("percpu",)}
# In ABI_FILES, but private to one side.
PRIVATE = {"x86/entry/trampoline.h": ("trampoline_config",)}
# What assembly may add to a register that is no offset in a struct of ours.
NO_STRUCT = {
    "FRAME": "the processor's five words on an IST stack",
    "SEL_TSS": "a selector is an offset in its GDT",
    "DESCRIPTOR_TYPE": "the processor's descriptor",
    "APIC_ID": "a register of the local APIC",
    "RELA_OFFSET": "Elf64_Rela", "RELA_ADDEND": "Elf64_Rela",
    "PROBED": "an address that a test accesses",
    "TRAMPOLINE_PARAMS": "a place in the page", "PARAM": "macro around it",
}
STRUCT = re.compile(r"^(?:static )?struct (\w+) \{(?:[^{}]|\{[^{}]*\})*\}([^;]*);", re.M | re.S)
OPERAND = re.compile(r"([-+~\w \t()*\\]*)\((%\w+)((?:,[^)]*)?)\)|\bPARAM\((\w+)\)")


def bare(text):
    return COMMENTED.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def check_sizes(tree):
    for path, text in tree.items():
        if not room_of(path) or not path.endswith((".c", ".h")):
            continue
        text = bare(text)
        found = {}
        for match in STRUCT.finditer(text):
            name = match[1]
            seen = path in ABI_FILES or name in ABI_STRUCTS.get(path, ()) or "packed" in match[2]
            found[name] = text.count("\n", 0, match.start()) + 1
            if seen and name not in PRIVATE.get(path, ()) and \
                    not re.search(r"_Static_assert\(sizeof\(struct %s\) (==|<=) " % name, text):
                yield Finding(path, found[name], "layout", "struct %s has no static assert on its size" % name)
        for name in (*ABI_STRUCTS.get(path, ()), *PRIVATE.get(path, ())):
            if name not in found:
                yield Finding(path, 0, "layout", "struct %s is listed in test/lint/layout.py, but not here" % name)
        for number, line in lines_of(text):
            if re.search(r"struct \{.*packed", line):
                yield Finding(path, number, "layout", "packed struct without a name: nothing can assert its size")


def asserted_offsets(tree):
    """Names N of all _Static_assert(offsetof(...) ... == N, ...)."""
    names = set()
    for path, text in tree.items():
        if room_of(path) and path.endswith((".c", ".h")):
            names.update(re.findall(r"_Static_assert\(offsetof\([^;]*?== (\w+),", text))
    return names


def check_operands(path, number, line, asserted):
    for match in OPERAND.finditer(line):
        offset, base, index = match[1] or match[4], match[2], match[3]
        if base == "%rip":
            continue
        for name in re.findall(r"\b[A-Z][A-Z0-9_]+\b", offset):
            if name not in asserted and name not in NO_STRUCT:
                yield Finding(path, number, "layout", "%s: no static assert says which member that is" % name)
        literal = re.search(r"(?<![\w\\$])\d+\b", offset) or not re.search(r"[\w\\]", offset) and not index
        if literal and base not in ("%rsp", "%esp") and "\\" not in offset:
            yield Finding(path, number, "layout", "offset without a name: " + match[0].strip())


def check_offsets(tree):
    asserted = asserted_offsets(tree)
    for path, text in tree.items():
        if path.endswith(".S") and room_of(path):
            for number, line in lines_of(bare(text)):
                if not line.startswith("#"):
                    # Mnemonic away, or it would count as part of the first operand.
                    yield from check_operands(path, number, re.sub(r"^\s*(?:\w+:)?\s*(?:lock )?[A-Za-z]\w*", "", line),
                                              asserted)
        elif path.endswith((".c", ".h")) and room_of(path):
            for number, line in lines_of(bare(text)):
                for offset in re.findall(r"%%gs:(\d+)", line):
                    if not re.search(r"_Static_assert\(offsetof\(struct percpu, \w+\) == %s," % offset,
                                     tree.get("x86/percpu.h", "")):
                        yield Finding(path, number, "layout", "%%gs:%s: no static assert in x86/percpu.h" % offset)


def check_layout(tree):
    yield from check_sizes(tree)
    yield from check_offsets(tree)
