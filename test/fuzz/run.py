#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs libFuzzer programs for a total time; usage: run.py SECONDS OUTPUT-FOLDER PROGRAM...

Each program gets an equal share and starts from its seeds (seeds.py: none for a program is an error) and from what
earlier runs found. A finding stays in the output folder as <name>-crash-...; the last line is a summary of counts.
"""
import os
import re
import subprocess
import sys

import seeds

HERE = os.path.dirname(os.path.abspath(__file__))


def run(program, seconds, folder):
    name = os.path.basename(program).removesuffix("_fuzz")
    found = os.path.join(folder, "corpus", name)
    os.makedirs(found, exist_ok=True)
    for number, seed in enumerate(seeds.SEEDS[name]):
        with open(os.path.join(found, f"seed{number}"), "wb") as f:
            f.write(seed)
    command = [program, f"-max_total_time={seconds}", "-print_final_stats=1", "-timeout=60", "-rss_limit_mb=1024",
               "-max_len=4000", f"-artifact_prefix={folder}/{name}-", found]
    words = os.path.join(HERE, "words.dict")
    if name in ("entry", "config"):
        command.insert(1, f"-dict={words}")
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=seconds + 120)
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
