#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""usage: stack.py block.elf FILE.su...
Asserts that the deepest path of the lot fits a slot's main stack (protocol rule 19). Frames come from
-fstack-usage, the calls from the disassembly; a call through a pointer on that path is an error."""
import re
import subprocess
import sys

LIMIT = 0x680 - 0x300          # struct slot, stack
ROOT = "lot_loop"


def frames(files):
    """Function name -> bytes. -fstack-usage counts the frame with what is pushed, not the return address."""
    sizes = {}
    for name in files:
        try:
            lines = open(name, encoding="utf-8").read().splitlines()
        except FileNotFoundError:           # assembly
            continue
        for line in lines:
            where, size, kind = line.split("\t")
            if kind not in ("static", "dynamic,bounded"):
                sys.exit(f"stack: {where}: frame is {kind}")
            function = where.split(":")[-1]
            sizes[function] = max(sizes.get(function, 0), int(size))
    return sizes


def calls(elf):
    """Function name -> (set of functions it calls or jumps to, True if it calls through a pointer)."""
    command = ["objdump", "-d", "--no-show-raw-insn", elf]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    graph, current = {}, None
    for line in text.splitlines():
        head = re.match(r"[0-9a-f]+ <([^>]+)>:", line)
        if head:
            current = head.group(1)
            graph[current] = [set(), False]
            continue
        step = re.search(r"\t(call|jmp)\s+(\*?)(?:[0-9a-f]+ <([^>+]+)(\+0x[0-9a-f]+)?>)?", line)
        if not step or current is None:
            continue
        if step.group(2):
            graph[current][1] = True
        elif step.group(3) and (step.group(3) != current or step.group(1) == "call"):
            graph[current][0].add(step.group(3))
    return graph


def deepest(function, sizes, graph, path):
    if function in path:
        sys.exit("stack: recursion: " + " ".join(path + [function]))
    callees, indirect = graph.get(function, (set(), False))
    if indirect:
        sys.exit(f"stack: {function} calls through a pointer")
    base = re.sub(r"\.(part|constprop|isra)\.\d+.*", "", function)
    own = sizes.get(function, sizes.get(base, 32 if function.startswith("lot_read") else 0)) + 8
    below = [deepest(c, sizes, graph, path + [function]) for c in callees]
    best = max(below, default=(0, []))
    return own + best[0], [f"{function}:{own}"] + best[1]


def main():
    sizes = frames(sys.argv[2:])
    graph = calls(sys.argv[1])
    if ROOT not in graph:
        sys.exit(f"stack: no {ROOT} in {sys.argv[1]}")
    depth, path = deepest(ROOT, sizes, graph, [])
    if depth > LIMIT:
        sys.exit(f"stack: {depth} bytes of {LIMIT}: " + " ".join(path))


if __name__ == "__main__":
    main()
