# SPDX-License-Identifier: MIT
"""Functions that the program never reaches, and external ones that no other file needs.

The graph is one of names: a function reaches every function that its body mentions. It starts at what assembly, linker
scripts, headers and initialisers mention, at main() of the tools and at what the build's variants call. What of mm/ is out of
reach stands in docs/mm.md, "Reference only", and nothing else does.
"""
import re

from layout import bare
from rules import Finding, function_bodies, room_of

ONE_LINE = re.compile(r"^(?!\s|#|typedef)[\w \t*]*?\b(\w+)\([^;{}]*\)\s*\{.*\}\s*$")
WORD = re.compile(r"\b[A-Za-z_]\w*\b")
MM_PAGE = "docs/mm.md"
REFERENCE_LIST = re.compile(r"^- Reference only: (.*?)\. ", re.S | re.M)
VARIANTS = ("test/faults/", "test/nohash/")
# Functions, or files with all of theirs, that may be out of reach, and why.
REFERENCE = {
    "mm/*": "a whole of its own, tested and read as a reference; Baton keeps one space",
    "lib/range.c": "one small unit, of which the program uses a part",
    "cpu_state_text": "names the states for the test that compares the table of moves with docs/smp.md",
}


def functions_of(text):
    """[(name, external, body text, declaration lines)] and what stands outside of them."""
    lines, found, taken = text.split("\n"), [], set()
    for name, first, last in function_bodies(text):
        found.append((name, "static" not in lines[first - 1].split("(")[0], first, last))
        taken.update(range(first, last + 1))
    for number, line in enumerate(lines, 1):
        match = ONE_LINE.match(line)
        if match and number not in taken:
            found.append((match[1], "static" not in line.split("(")[0], number, number))
            taken.add(number)
    outside = "\n".join(line for number, line in enumerate(lines, 1) if number not in taken)
    return [(name, external, first, "\n".join(lines[first - 1:last])) for name, external, first, last in found], outside


def declared_away(text):
    """File-scope text without prototypes, which are no use of what they name."""
    return re.sub(r"^(?!\s|#)[\w \t*]*?\b\w+\([^;{}]*\)[^;{}]*;", "", text, flags=re.M)


def read_program(tree):
    functions, used = {}, {"main"}
    for path, text in tree.items():
        program = room_of(path) or path.startswith(VARIANTS)
        if program and path.endswith(".c"):
            found, outside = functions_of(bare(text))
            used.update(WORD.findall(declared_away(outside)))
            for name, external, line, body in found:
                functions.setdefault(name, []).append((path, external, line, set(WORD.findall(body)) - {name}))
        elif program and path.endswith((".S", ".lds")):
            used.update(WORD.findall(bare(text)))
        elif program and path.endswith(".h"):
            used.update(WORD.findall(declared_away(bare(text))))
    return functions, used


def excuse(name, path):
    room = path.split("/")[0] + "/*"
    return next((entry for entry in (name, path, room) if entry in REFERENCE), None)


def check_reached(functions, reached):
    out_of_reach = set()
    for name, places in functions.items():
        path, external, line, _ = places[0]
        if name not in reached and external:
            out_of_reach.add(excuse(name, path))
            if not excuse(name, path):
                yield Finding(path, line, "dead", "the program never reaches %s()" % name)
    for entry in REFERENCE:
        known = [places[0] for name, places in functions.items() if excuse(name, places[0][0]) == entry]
        if known and entry not in out_of_reach:
            yield Finding(known[0][0], known[0][2], "dead", "%s is within reach: no need to excuse it" % entry)


def check_static(tree, functions):
    """An external function that neither another file nor a test names."""
    words = {path: set(WORD.findall(declared_away(bare(text)) if path.endswith(".h") else bare(text)))
             for path, text in tree.items() if path.endswith((".c", ".S", ".lds", ".h"))}
    for name, places in functions.items():
        path, external, line, _ = places[0]
        if external and name != "main" and len(places) == 1 and not excuse(name, path) and \
                not any(name in found for other, found in words.items() if other != path):
            yield Finding(path, line, "dead", "only its own file names %s(): static" % name)


def check_reference(tree, functions, reached):
    """The external functions of mm/ that are out of reach, and those that docs/mm.md calls so."""
    out = {name for name, places in functions.items()
           if places[0][0].startswith("mm/") and places[0][1] and name not in reached}
    found = REFERENCE_LIST.search(tree.get(MM_PAGE, ""))
    told = set(re.findall(r"`(\w+)\(\)`", found[1])) if found else set()
    for name in sorted(out - told):
        yield Finding(MM_PAGE, 1, "dead", "%s() has no caller outside tests: not in its list of what is for reference only" % name)
    for name in sorted(told - out):
        yield Finding(MM_PAGE, 1, "dead", "says that %s() is for reference only" % name)


def check_dead(tree):
    functions, wave = read_program(tree)
    reached = set()
    while wave:
        reached |= wave
        wave = {word for name in wave for _, _, _, names in functions.get(name, ()) for word in names} - reached
    yield from check_reached(functions, reached)
    yield from check_reference(tree, functions, reached)
    yield from check_static(tree, functions)
