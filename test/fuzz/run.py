#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs libFuzzer programs for a total time; usage: run.py SECONDS OUTPUT-FOLDER PROGRAM...

Each program gets an equal share and starts from its seeds and from what earlier runs found. A finding stays
in the output folder as <name>-crash-...; the last line is a summary of counts.
"""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

# What a program starts from; the others build their own good case.
SEEDS = {
    "entry": ["""debian-6.1+3-1.conf
title Debian
version 6.1.0-49
machine-id 6a98
sort-key debian
architecture x64
linux /6.1/vmlinuz
initrd /ucode
initrd \\6.1\\initrd.img
options root=/dev/sda1 ro
options quiet
baton-park mix
baton-on-failure fallback other
baton-sha256 """ + "0123456789abcdef" * 4 + """  /6.1/vmlinuz
""", "tool.conf\r\ntitle Tool\r\nefi /EFI/tool.efi\r\n"],
    "config": ["""default debian-*
timeout menu-force
editor no
park mwait
on-failure fallback rescue
lost-cpu continue
init hold
busmaster leave
reset-after 30
console ttyS1,115200n8
""", "baton.default=deb* baton.timeout=5 baton.loop=3 baton.console=uart8250,mmio32,0xfe000000 quiet -- root=x -- y"],
}


def run(program, seconds, folder):
    name = os.path.basename(program).removesuffix("_fuzz")
    found = os.path.join(folder, "corpus", name)
    os.makedirs(found, exist_ok=True)
    for number, text in enumerate(SEEDS.get(name, [])):
        with open(os.path.join(found, f"seed{number}"), "w", encoding="ascii", newline="") as seed:
            seed.write(text)
    command = [program, f"-max_total_time={seconds}", "-print_final_stats=1", "-timeout=10", "-rss_limit_mb=1024",
               "-max_len=4000", f"-artifact_prefix={folder}/{name}-", found]
    words = os.path.join(HERE, "words.dict")
    if name in ("entry", "config"):
        command.insert(1, f"-dict={words}")
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=seconds + 60)
        output, good = done.stdout.decode(errors="replace"), done.returncode == 0
    except subprocess.TimeoutExpired as hung:
        output, good = (hung.stdout or b"").decode(errors="replace") + "\nno end\n", False
    executed = re.search(r"stat::number_of_executed_units:\s*(\d+)", output)
    covered = re.findall(r"cov: (\d+)", output)
    runs = int(executed.group(1)) if executed else 0
    # A program that ran nothing has shown nothing.
    good = good and runs > 0
    if not good:
        print("\n".join(output.splitlines()[-40:]))
    edges = covered[-1] if covered else 0
    print(f"{name}: {'ok' if good else 'FAILED'}, {runs} runs, {edges} edges, {seconds} s", flush=True)
    return runs, good


def main():
    total, folder, programs = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    share = max(1, total // max(1, len(programs)))
    results = [run(program, share, folder) for program in programs]
    failed = sum(not good for _, good in results)
    print(f"fuzz: {len(results)} targets, {sum(runs for runs, _ in results)} runs, {failed} failed")
    return 1 if failed or not results else 0


sys.exit(main())
