# SPDX-License-Identifier: MIT
"""All mutants of a file (generate.py) in one text: which of them is on, a variable says when the program runs."""
import re

import generate

VARIABLE = "hostile_mutant"
CONDITION = re.compile(r"\b(?:if|while) \($")


def choose(number, changed, unchanged):
    return f"({VARIABLE} == {number} ? {changed} : {unchanged})"


def one(text, start, what, number, new, unchanged):
    """The changed place with one more alternative."""
    if what.startswith("lock"):
        return choose(number, new[:-1], unchanged.removesuffix("(")) + "("
    if new == "(void)0":
        return choose(number, "(void)0", f"(void)({unchanged})")
    if CONDITION.search(text, max(start - 8, 0), start):
        return choose(number, f"!!({new})", f"!!({unchanged})")
    return choose(number, f"({new})", f"({unchanged})")


def render(text, start, end, places):
    """text[start:end]; places: {(start, end): [(number, what, new)]}, nested or apart."""
    inside = sorted((p for p in places if start <= p[0] and p[1] <= end and p != (start, end)), key=lambda p: (p[0], -p[1]))
    out, at = [], start
    for first, last in inside:
        if first < at:
            continue
        changed = render(text, first, last, {p: w for p, w in places.items() if first <= p[0] and p[1] <= last})
        for number, what, new in places[first, last]:
            changed = one(text, first, what, number, new, changed)
        out += [text[at:first], changed]
        at = last
    return "".join(out) + text[at:end]


def schema(path, text, first, calls=True):
    """(changed text, [name of mutant first, first + 1, ...]); calls: as generate.found() has it."""
    places, names = {}, []
    for function, start, end, new, what in generate.found(text, calls):
        places.setdefault((start, end), []).append((first + len(names), what, new))
        names.append(f"{path}:{function}: {what}")
    return f'extern unsigned {VARIABLE};\n#line 1 "{path}"\n' + render(text, 0, len(text), places), names
