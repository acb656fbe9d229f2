# SPDX-License-Identifier: MIT
"""Each numbered rule (docs/rules.md) is broken on purpose by something that names it, or says why not."""
import re
from collections import defaultdict

from rules import Finding, lines_of, room_of

BOOK = "docs/rules.md"
ROW = re.compile(r"\| (mm|protocol) (\d+) \| ([^|]+) \| ([^|]*)\| ([^|]*)\|$")
NAMED = re.compile(r"\b(protocol )?rules? (\d+)((?:\.\d)?(?:(?:,| and) \d+)*)")


def read_book(text):
    """({"mm 1": (line, fault words, reason)}, findings)."""
    rows, findings, last = {}, [], {}
    for number, line in lines_of(text):
        match = ROW.match(line)
        if match:
            family, index = match[1], int(match[2])
            if index != last.get(family, 0) + 1:
                findings.append(Finding(BOOK, number, "rulebook", "%s %d is not the next one" % (family, index)))
            last[family] = index
            rows["%s %d" % (family, index)] = number, re.findall(r"`([^`]+)`", match[4]), match[5].strip()
        elif re.match(r"\| (mm|protocol) ", line):
            findings.append(Finding(BOOK, number, "rulebook", "row not understood"))
    return rows, findings


def named_by_mutants(tree):
    """{rule: [mutants that name it]}"""
    named = defaultdict(list)
    for path, text in tree.items():
        if path.endswith(".mutant"):
            for number, line in lines_of(text.split("<<<<\n")[0]):
                if line.startswith("rule:"):
                    named[line[len("rule:"):].strip()].append((path, number))
    return named


def check_mutants(tree):
    """Each still fits its file and names a case that is there: make mutants would say so later."""
    for path, text in tree.items():
        if not path.endswith(".mutant"):
            continue
        head, *blocks = text.split("<<<<\n")
        fields = dict(re.findall(r"^(file|test): (.+)$", head, re.M))
        source, (program, case) = fields.get("file", ""), (fields.get("test", "") + " ").split(" ")[:2]
        if source not in tree:
            yield Finding(path, 1, "mutants", "there is no " + source)
            continue
        for block in blocks:
            count = tree[source].count(block.split("====\n")[0].removesuffix("\n"))
            if count != 1:
                yield Finding(path, 1, "mutants", "its text stands in %d places in %s" % (count, source))
        test = "test/unit/%s/%s.c" % (path.split("/")[2], program)
        if not re.search(r"\b%s\b" % re.escape(case), tree.get(test, "")):
            yield Finding(path, 1, "mutants", "no case %s in %s" % (case, test))


def check_comments(tree, rows):
    """Comments name rules that exist: in mm/ those of mm unless "protocol" stands before, elsewhere the protocol's."""
    for path, text in tree.items():
        if not room_of(path) or not path.endswith((".c", ".h", ".S")):
            continue
        for number, line in lines_of(text):
            for match in NAMED.finditer(line):
                mm = path.startswith("mm/") and not match[1]
                for index in [match[2], *re.findall(r"(?:,| and) (\d+)", match[3])]:
                    family = "mm" if mm else "protocol"
                    if "%s %s" % (family, index) not in rows:
                        yield Finding(path, number, "rulebook", "%s rule %s is not in %s" % (family, index, BOOK))


def check_contract(tree, rows):
    """mm/mm.h numbers as many rules as the book has."""
    numbers = re.findall(r"^ \* +(\d+)\. [A-Z]", tree.get("mm/mm.h", ""), re.M)
    book = [rule.split()[1] for rule in rows if rule.startswith("mm ")]
    if numbers != book:
        yield Finding("mm/mm.h", 1, "rulebook", "rules %s, but %s has %s" % (",".join(numbers), BOOK, ",".join(book)))


def check_rulebook(tree):
    if BOOK not in tree:
        yield Finding(BOOK, 0, "rulebook", "missing")
        return
    rows, findings = read_book(tree[BOOK])
    yield from findings
    mutants = named_by_mutants(tree)
    for rule, places in mutants.items():
        if rule not in rows:
            yield Finding(*places[0], "rulebook", "rule %r is not in %s" % (rule, BOOK))
    tests = "\n".join(text for path, text in tree.items() if path.startswith("test/system/"))
    for rule, (number, words, reason) in rows.items():
        for word in words:
            if word.split(":")[0] not in re.findall(r"^ \* {3}([a-z-]+)", tree.get("kernel/faults.h", ""), re.M):
                yield Finding(BOOK, number, "rulebook", "kernel/faults.h has no fault word " + word)
            elif word not in tests:
                yield Finding(BOOK, number, "rulebook", "no test under test/system/ uses " + word)
        if not mutants.get(rule) and not words and not reason:
            yield Finding(BOOK, number, "rulebook", "%s: no mutant, no fault word, no reason" % rule)
        if (mutants.get(rule) or words) and reason:
            yield Finding(BOOK, number, "rulebook", "%s: has a mutant or a fault word and a reason to have none" % rule)
    yield from check_comments(tree, rows)
    yield from check_contract(tree, rows)
