#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Instructions, rounds and IPIs a page for changes of 1 GiB in 4 KiB pages, beside one 8-byte store an entry.

usage: mm_bench.py PROGRAM DIR      writes DIR/mm.txt and DIR/mm.csv
"""
import csv
import os
import re
import subprocess
import sys

PAGES = 1 << 18
PARTS = ("map", "protect", "unmap", "floor")


def main():
    program, folder = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    profile = os.path.join(folder, "mm.callgrind")
    output = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=" + profile, program], check=True,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    counts = {name: dict(re.findall(r"(\w+)=(\d+)", line)) for name, line in re.findall(r"^(\w+) (.*)$", output, re.M)}
    table = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", "--tree=none", profile], check=True,
                           stdout=subprocess.PIPE, text=True).stdout
    instructions = {}
    for number, name in re.findall(r"^\s*([\d,]+)\s.*?:bench_(\w+)", table, re.M):
        instructions.setdefault(name, int(number.replace(",", "")))
    floor = instructions["floor"]
    rows = [("operation", "instructions", "a page", "times the floor", "rounds", "IPIs")]
    for name in PARTS:
        rows.append((name, instructions[name], "%.1f" % (instructions[name] / PAGES), "%.1f" % (instructions[name] / floor),
                     counts[name]["rounds"], counts[name]["ipis"]))
    with open(os.path.join(folder, "mm.csv"), "w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows(rows)
    text = "1 GiB in 4 KiB pages, 4 CPUs in the mask, gcc -O2\n"
    text += "".join("%-10s %14s %8s %16s %8s %6s\n" % row for row in rows)
    with open(os.path.join(folder, "mm.txt"), "w", encoding="utf-8") as f:
        f.write(text)
    sys.stdout.write(text)


main()
