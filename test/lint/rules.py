# SPDX-License-Identifier: MIT
"""The rules. Each takes the tree as {path: text} and yields findings, so that selftest.py can feed it bad samples."""
import re
from collections import defaultdict, namedtuple


class Finding(namedtuple("Finding", "path line rule reason")):
    def __str__(self):
        return "%s:%d: %s: %s" % self


ROOMS = ("efi", "boot", "kernel", "smp", "mm", "x86", "purgatory", "lib", "tools")
SEAM = ("x86/cpu.h", "x86/atomic.h", "x86/regs.h")
BLOCK_ABI = ("purgatory/plan.h", "purgatory/slot.h", "purgatory/report.h")
# What bringing CPUs up needs of the machine beyond the seam; host tests replace these functions at link time.
SMP_MACHINE = ("x86/apic.h", "x86/fpu.h", "x86/percpu.h", "x86/state.h", "x86/tsc.h",
               "x86/entry/ivt.h", "x86/entry/trampoline.h")
# Who may include whom: rooms (with a slash) and single headers. The design's table; lib asks CPUID and the TSC
# through the seam to choose between engines.
ARROWS = {
    "efi": ("efi/", "boot/", "lib/", "kernel/kernel.h", "purgatory/report.h", "x86/cpu.h", "x86/atomic.h"),
    "kernel": ("kernel/", "boot/", "smp/", "mm/", "x86/", "lib/", *BLOCK_ABI, "purgatory/boss.h", "purgatory/lot.h",
               "purgatory/verify.h", "purgatory/seal.h"),
    # The report is also what the next start of Baton finds of the last one.
    "boot": ("boot/", "lib/", "purgatory/report.h"),
    "smp": ("smp/", "mm/", "lib/", "purgatory/slot.h", "purgatory/boss.h", *SEAM, *SMP_MACHINE),
    "mm": ("mm/", "lib/", *SEAM),
    "purgatory": ("purgatory/", "lib/", "x86/pc/uart.h", "x86/pc/watchdog.h", "x86/entry/ivt.h", *SEAM),
    "x86": ("x86/", "lib/"),
    "lib": ("lib/", "x86/cpu.h"),
    "tools": ("tools/", "lib/", "purgatory/report.h"),
}
# System headers that exist without an operating system.
BARE = {"stdint.h", "stdbool.h", "stddef.h", "stdarg.h", "stdatomic.h", "limits.h", "immintrin.h"}
# Compiled unchanged for the host: no #if, and but for lib (string instructions, engines) no instructions of their own.
PURE = re.compile(r"(mm|smp|boot|lib)/[^/]*\.[ch]$|purgatory/(lot|boss|copy|recall|verify)\.[ch]$")
PURE_EXCEPT = ("lib/string.c",)     # stands in for the host's libc, never linked there
MAX_LINES, MAX_FUNCTION, MAX_COLUMNS = 500, 60, 120
MAX_COLUMNS_TEST = 132   # tables of cases
COMMENTED = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
FUNCTION = re.compile(r"^[A-Za-z_][\w \t\*]*?\b(\w+)\([^;]*$")
ORDERED = re.compile(r"\bshared_\w*_(acquire|release|seq_cst)(_u\d+)?\(")

FENCE = re.compile(r"\bcpu_[msl]fence\(\);")


def room_of(path):
    top = path.split("/")[0]
    return top if top in ROOMS else None


def lines_of(text):
    return list(enumerate(text.split("\n"), 1))


def check_arrows(tree):
    for path, text in tree.items():
        room = room_of(path)
        if not room or not path.endswith((".c", ".h", ".S")):
            continue
        for number, line in lines_of(text):
            match = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
            if not match:
                continue
            quote, name = match.groups()
            if quote == "<":
                gnu_efi = room == "efi" and name.startswith("efi")
                if room != "tools" and name not in BARE and not gnu_efi:
                    yield Finding(path, number, "arrows", "<%s> does not exist without an operating system" % name)
            elif name in tree and not any(name == a or a.endswith("/") and name.startswith(a) for a in ARROWS[room]):
                yield Finding(path, number, "arrows", "%s/ may not include %s" % (room, name))
            elif "/" not in name:
                yield Finding(path, number, "arrows", "include \"%s\" without its room" % name)


def function_bodies(text):
    """[(name, first line, last line)]: definitions whose brace stands in column 0."""
    lines = text.split("\n")
    found, at = [], 0
    while at < len(lines):
        if lines[at] == "{" and at:
            start = at - 1
            while start > 0 and lines[start - 1].strip() and not lines[start - 1].startswith(("}", "#", "/", " *")) \
                    and lines[start][:1] in ("\t", " "):
                start -= 1
            match = re.search(r"(\w+)\(", " ".join(lines[start:at]))
            end = at
            while end < len(lines) and lines[end] != "}":
                end += 1
            if match:
                found.append((match[1], start + 1, end + 1))
            at = end
        at += 1
    return found


def enclosing(bodies, number):
    return next((name for name, first, last in bodies if first <= number <= last), None)


def comment_above(lines, index):
    """The code line's own comment and what stands in the four lines above it."""
    return "\n".join(lines[max(0, index - 4):index + 1])


def pairs_named(comment):
    """Function names after "pairs with:"; several, comma separated, may span lines."""
    names = []
    for part in re.findall(r"pairs with:(.*?)(?:\.(?:\s|$)|\*/|else:|\Z)", comment, re.S):
        names += re.findall(r"(\w+)\(\)", part)
    return names


def check_pairs(tree):
    named_by = defaultdict(set)     # function -> functions that its comments name
    sites, defined = [], set()
    for path, text in tree.items():
        if not room_of(path) or path == "x86/atomic.h" or not path.endswith((".c", ".h", ".S")):
            continue
        if path.endswith(".S"):
            labels = re.findall(r"^(\w+):", text, re.M)
            defined.update(labels)
            for label in labels:
                named_by[label].update(pairs_named(text))
            continue
        lines, bodies = text.split("\n"), function_bodies(text)
        defined.update(name for name, _, _ in bodies)
        for name, first, last in bodies:
            named_by[name].update(pairs_named("\n".join(lines[max(0, first - 12):last])))
        for index, line in enumerate(lines):
            if ORDERED.search(line) and not line.lstrip().startswith(("*", "/*", "//")):
                sites.append((path, index + 1, enclosing(bodies, index + 1), comment_above(lines, index)))
    for path, number, function, comment in sites:
        if "order: none" in comment:    # a counter: the seam has no relaxed addition
            continue
        missing = [part for part in ("order:", "pairs with:", "else:") if part not in comment]
        if missing:
            yield Finding(path, number, "pairs", "ordered access without \"%s\" within 4 lines above" % missing[0])
            continue
        names = pairs_named(comment)
        if not names:
            yield Finding(path, number, "pairs", "\"pairs with:\" names no function()")
        for name in names:
            if name not in defined:
                yield Finding(path, number, "pairs", "%s() does not exist" % name)
            elif function and name != function and function not in named_by[name]:
                yield Finding(path, number, "pairs", "%s() does not name %s() back" % (name, function))


def check_fences(tree):
    """A fence of the processor says what it orders; its partner may be hardware."""
    for path, text in tree.items():
        if not room_of(path) or path == "x86/cpu.h" or not path.endswith((".c", ".h")):
            continue
        lines = text.split("\n")
        for index, line in enumerate(lines):
            if not FENCE.search(line) or index and FENCE.search(lines[index - 1]):
                continue
            comment = comment_above(lines, index)
            for part in ("order:", "pairs with:", "else:"):
                if part not in comment:
                    yield Finding(path, index + 1, "pairs", "fence without \"%s\" within 4 lines above" % part)
                    break


def check_status(tree):
    if "lib/status.def" not in tree:
        return
    last = 0
    numbers = {}
    for line_number, line in lines_of(tree["lib/status.def"]):
        match = re.match(r'STATUS\((\w+), (\d+), "([^"]+)"\)$', line)
        if not match:
            if line.startswith("STATUS"):
                yield Finding("lib/status.def", line_number, "status", "line is not STATUS(name, number, \"text\")")
            continue
        number = int(match[2])
        if number <= last:
            yield Finding("lib/status.def", line_number, "status", "E%02d comes after E%02d" % (number, last))
        last = number
        numbers[number] = line_number
    last = 0
    for line_number, line in lines_of(tree.get("docs/errors.md", "")):
        match = re.match(r"## E(\d+)\b", line)
        if not match:
            continue
        number = int(match[1])
        if number <= last:
            yield Finding("docs/errors.md", line_number, "status", "E%02d comes after E%02d" % (number, last))
        last = max(last, number)
        if numbers.pop(number, None) is None:
            yield Finding("docs/errors.md", line_number, "status", "E%02d is not in lib/status.def" % number)
    for number, line_number in numbers.items():
        yield Finding("lib/status.def", line_number, "status", "E%02d is not explained in docs/errors.md" % number)


def check_spdx(tree):
    for path, text in tree.items():
        if path in ("LICENSE", ".gitignore") or path.endswith(".json"):
            continue
        head = text.split("\n", 2)
        first = head[1] if head[0].startswith("#!") and len(head) > 1 else "\n".join(head[:2]) \
            if path.endswith(".S") else head[0]
        if "SPDX-License-Identifier: MIT" not in first:
            yield Finding(path, 1, "spdx", "no SPDX-License-Identifier: MIT in the first line")


def width(line):
    return len(line.expandtabs(8))


def check_text(tree):
    unfinished = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
    for path, text in tree.items():
        code = path.endswith((".c", ".h", ".S", ".py", ".sh", ".mk", ".lds", ".def"))
        columns = MAX_COLUMNS_TEST if path.startswith("test/") else MAX_COLUMNS
        if code and text.count("\n") > MAX_LINES:
            yield Finding(path, MAX_LINES, "length", "%d lines, at most %d" % (text.count("\n"), MAX_LINES))
        if text and not text.endswith("\n"):
            yield Finding(path, text.count("\n") + 1, "text", "no newline at the end of the file")
        for number, line in lines_of(text):
            if line != line.rstrip() and not path.endswith(".md"):
                yield Finding(path, number, "text", "white space at the end of the line")
            if code and width(line) > columns:
                yield Finding(path, number, "text", "%d columns, at most %d" % (width(line), columns))
            if code and unfinished.search(line):
                yield Finding(path, number, "unfinished", line.strip())
            if re.match(r"\s*#\s*if\s+0\b", line):
                yield Finding(path, number, "unfinished", "dead code")


def check_functions(tree):
    for path, text in tree.items():
        if path.endswith(".c") and room_of(path):
            for name, first, last in function_bodies(text):
                if last - first + 1 > MAX_FUNCTION:
                    yield Finding(path, first, "length", "%s() has %d lines, at most %d" %
                                  (name, last - first + 1, MAX_FUNCTION))


def check_pure(tree):
    """What runs on the host too reaches the machine only through the seam."""
    for path, text in tree.items():
        if not PURE.match(path) or path in PURE_EXCEPT:
            continue
        bare = COMMENTED.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
        for number, line in lines_of(bare):
            machine = not path.startswith("lib/")
            if machine and re.search(r"\b(asm|__asm__)\b", line):
                yield Finding(path, number, "pure", "instruction outside of the seam")
            if machine and re.search(r"\bvolatile\b", line):
                yield Finding(path, number, "pure", "volatile: shared memory goes through x86/atomic.h")
            if re.match(r"\s*#\s*(if|ifdef|elif)\b", line) or \
                    re.match(r"\s*#\s*ifndef\b", line) and not (path.endswith(".h") and re.search(r"_H$", line)):
                yield Finding(path, number, "pure", "conditional code under test")


CHECKS = (check_arrows, check_pairs, check_fences, check_status, check_spdx, check_text, check_functions, check_pure)


def check_all(tree):
    for check in CHECKS:
        yield from check(tree)
