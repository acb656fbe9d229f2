# SPDX-License-Identifier: MIT
"""What documents say of the code and a program can check: events, files and functions that they name."""
import re

from rules import Finding, ROOMS, lines_of, room_of

SERIAL = "docs/serial.md"
EVENT = re.compile(r'log_(?:event|always)\("([a-z-]+)"|event=([a-z-]+)')
NAMED_FILE = re.compile(r"`((?:%s|test|docs)/[\w./-]+\.(?:c|h|S|py|sh|mk|md|lds|def))`" % "|".join(ROOMS))
NAMED_FUNCTION = re.compile(r"`(\w+)\(\)`")


def check_events(tree):
    used = {}
    for path, text in tree.items():
        if room_of(path) and path.endswith((".c", ".h")):
            for number, line in lines_of(text):
                for match in EVENT.finditer(line):
                    used.setdefault(match[1] or match[2], (path, number))
    listed = {}
    for number, line in lines_of(tree.get(SERIAL, "").split("\nVerdicts:")[0]):
        if line.startswith("| `"):
            listed.update((name, number) for name in re.findall(r"`([^`]+)`", line.split("|")[1]))
    for name in sorted(set(used) - set(listed)):
        yield Finding(*used[name], "truth", "event %s is not in %s" % (name, SERIAL))
    for name in sorted(set(listed) - set(used)):
        yield Finding(SERIAL, listed[name], "truth", "nothing prints event " + name)


def check_names(tree):
    code = "\n".join(text for path, text in tree.items() if path.endswith((".c", ".h", ".S", ".py", ".lds")))
    words = set(re.findall(r"\b[A-Za-z_]\w*\b", code))
    for path, text in tree.items():
        if path.endswith(".md"):
            for number, line in lines_of(text):
                for name in NAMED_FILE.findall(line):
                    if name not in tree:
                        yield Finding(path, number, "truth", "there is no " + name)
                for name in NAMED_FUNCTION.findall(line):
                    if name not in words:
                        yield Finding(path, number, "truth", "there is no %s()" % name)


def check_truth(tree):
    yield from check_events(tree)
    yield from check_names(tree)
