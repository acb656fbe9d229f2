#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs the hostile machine: all scenarios exhaustively, random schedules, or one schedule again.

usage: run.py BUILD [--replay SCHEDULE | --random SECONDS [--seed N]] [SCENARIO ...]

First: the objects of mm/ call nothing but each other, the seam and lib/ (nm -u), and keep no state that a snapshot would
miss. Each scenario of mm/ runs at 2 CPUs with bound 6, at 3 CPUs with bound 3, and at 2 CPUs with bound 2 without cuts; those of
smp/ and the lot with smaller ones. A line says what was explored and how much of the
code ran. What never ran in any scenario must be explained in uncovered.txt.
The last line is a summary; exit status 0 only if nothing was broken and everything was covered or explained.
"""
import argparse
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
RUNS = ((2, 6, ""), (3, 3, ""), (2, 2, "-x"))      # CPUs, bound; -x: states seen before are not cut, to compare
# Of smp/ and the lot, where each operation may meet an NMI, a #MC, an SMI; and of all of a handover.
SMP_RUNS = ((2, 2, ""), (3, 1, ""), (2, 0, "-x"))
LARGE_RUNS = ((2, 2, ""), (3, 0, ""), (2, 0, "-x"))
HANDOVER_RUNS = ((2, 1, ""), (2, 0, "-x"))
LARGE = ("kick-mwait", "kick-exact", "next-kernel-alone", "no-next-kernel", "verify-late", "calls", "not-there")
HANDOVER = ("handover-hlt", "handover-mwait", "fallback", "there-and-back", "halt-again")
DEADLINE_S = 280
WORKERS = 2
# What mm/ may call besides itself: the seam, the one error type, and what the compiler puts in.
CALLS = re.compile(r"hostile_(load|store|update|cas|full_fence)|twin_cpu_\w+|problem_set|__gcov_\w+|mem(cpy|set)$")
# Set once before the CPUs start.
STATE = {"flush_others"}
ROOMS = ("mm", "smp", "purgatory")                 # whose coverage is told and demanded


def coverage_into(build, folder):
    """The environment that makes a program of build write its coverage to folder, by room."""
    return dict(os.environ, GCOV_PREFIX=os.path.abspath(folder),
                GCOV_PREFIX_STRIP=str(len(os.path.abspath(build).split("/")) - 1))


def run(command, **more):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)


def objects(build):
    folder = os.path.join(build, "mm")
    return [os.path.join(folder, n) for n in sorted(os.listdir(folder)) if n.endswith(".c.o")]


def check_closure(build):
    whole = os.path.join(build, "mm.o")
    subprocess.run(["ld", "-r", "-o", whole] + objects(build), check=True)
    symbols = subprocess.run(["nm", whole], check=True, stdout=subprocess.PIPE, text=True).stdout
    found = []
    for line in symbols.splitlines():
        kind, name = line.split()[-2:]
        if kind == "U" and not CALLS.match(name):
            found.append(f"mm/ calls {name}(), which is not the seam")
        if kind in "bBdDC" and name not in STATE and "gcov" not in name:
            found.append(f"mm/ keeps {name}, which no snapshot holds")
    return found


def covered(build, folder):
    """{(file, line): count} and {(file, line, branch): count} of ROOMS in this run, and {(file, line): function}."""
    lines, branches, functions = {}, {}, {}
    data = []
    for room in ROOMS:
        for name in sorted(os.listdir(os.path.join(folder, room))):
            if name.endswith(".gcda"):
                shutil.copy(os.path.join(build, room, name[:-5] + ".gcno"), os.path.join(folder, room))
                data.append(os.path.join(folder, room, name))
    out = subprocess.run(["gcov", "--json-format", "--branch-probabilities", "--stdout"] + data, check=True,
                         stdout=subprocess.PIPE).stdout.decode()
    for record in out.splitlines():
        for file in json.loads(record)["files"] if record else []:
            if file["file"].split("/")[0] not in ROOMS or not file["file"].endswith(".c"):
                continue
            for line in file["lines"]:
                key = file["file"], line["line_number"]
                lines[key] = lines.get(key, 0) + line["count"]
                functions[key] = line.get("function_name", "")
                for number, branch in enumerate(line["branches"]):
                    branches[key + (number,)] = branches.get(key + (number,), 0) + branch["count"]
    return lines, branches, functions


def share(counts):
    return 100 * sum(1 for c in counts.values() if c) / max(len(counts), 1)


def shares(lines, branches):
    """For each room, lines and branches that ran in any scenario."""
    def of(room, counts):
        return share({key: count for key, count in counts.items() if key[0].startswith(room + "/")})
    return ", ".join(f"{room}/ {of(room, lines):.1f}% {of(room, branches):.1f}%" for room in ROOMS)


def explore(build, name, cpus, bound, option):
    folder = os.path.join(build, "coverage", f"{name}-{cpus}{option}")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    env = coverage_into(build, folder)
    try:
        command = [os.path.join(build, "hostile"), "-c", str(cpus), "-b", str(bound), *option.split(), name]
        done = run(command, env=env, timeout=DEADLINE_S)
        code, text = done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        return name, 1, f"{name}: no end after {DEADLINE_S} s\n{late.stdout or ''}", None
    return name, code, text, covered(build, folder) if code == 0 else None


def add(total, more):
    for key, count in more.items():
        total[key] = total.get(key, 0) + count


def explanations():
    """["path:function  `source line`[ branches]"] of uncovered.txt, each with a reason behind it."""
    with open(os.path.join(HERE, "uncovered.txt"), encoding="utf-8") as f:
        lines = [line.rstrip("\n").split("  ") for line in f if line.strip() and not line.startswith("#")]
    return ["  ".join(words[:2]) for words in lines if len(words) == 3 and words[2].strip()]


def never_run(lines, branches, functions):
    """The same words for what no scenario ran: lines, and branches of lines that ran, by their number in gcov's order."""
    missed = {}
    for key, count in lines.items():
        if not count:
            missed[key] = []
    for key, count in branches.items():
        if not count and lines[key[:2]]:
            missed.setdefault(key[:2], []).append(str(key[2]))
    for (path, number), which in sorted(missed.items()):
        with open(path, encoding="utf-8") as f:
            text = f.read().splitlines()[number - 1].strip()
        yield " ".join([f"{path}:{functions[path, number]}  `{text}`"] + which)


def check_coverage(lines, branches, functions):
    """What no scenario ran and nobody explained, and explanations of what did run."""
    missed, reasons = list(never_run(lines, branches, functions)), explanations()
    return [f"never run: {place}" for place in missed if place not in reasons] + \
           [f"uncovered.txt: runs by now, or is gone: {place}" for place in reasons if place not in missed]


def self_test(build, names):
    """What the machine did not notice of its own samples."""
    env = coverage_into(build, os.path.join(build, "self"))
    found = []
    for name in names:
        text = run([os.path.join(build, "hostile"), "-c", "2", "-b", "2", name], env=env, timeout=DEADLINE_S).stdout
        broken = re.search(r"^BROKEN \S+: ([\w-]+):", text, re.M)
        if (broken[1] if broken else "good") != name.split(":")[1]:
            found.append(f"{name}: {text}")
    return found


def runs_of(name, platform):
    if name not in platform:
        return RUNS
    return HANDOVER_RUNS if name in HANDOVER else LARGE_RUNS if name in LARGE else SMP_RUNS


def exhaustive(build, names):
    every = subprocess.run([os.path.join(build, "hostile"), "-n"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    samples = [name for name in every if name.startswith("self:")]
    platform = [name[4:] for name in every if name.startswith("smp:")]
    every = [name for name in every if ":" not in name] + platform
    start, bad, states, schedules = time.monotonic(), 0, 0, 0
    lines, branches, functions = {}, {}, {}
    jobs = [(name, *how) for name in (names or every) for how in runs_of(name, platform)]
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        for name, code, text, ran in pool.map(lambda job: explore(build, *job), jobs):
            if code or ran is None:
                bad += 1
                print(text, end="" if code != 3 else f"{name}: the code under test crashed\n", flush=True)
                continue
            add(lines, ran[0])
            add(branches, ran[1])
            functions.update(ran[2])
            numbers = dict(re.findall(r"(states|schedules) +(\d+)", text))
            states += int(numbers["states"])
            schedules += int(numbers["schedules"])
            print(f"{text.rstrip()}, lines {share(ran[0]):.0f}%, branches {share(ran[1]):.0f}%", flush=True)
    found = check_closure(build) + self_test(build, samples)
    if not names and not bad:
        found += check_coverage(lines, branches, functions)
    for line in found:
        print(line)
    print(f"hostile: {len(names or every)} scenarios, {len(jobs) - bad} of {len(jobs)} runs good, {states} states, "
          f"{schedules} schedules, lines and branches: {shares(lines, branches)}, "
          f"{len(samples)} samples, {len(found)} findings, {time.monotonic() - start:.0f} s")
    return 1 if bad or found else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("scenario", nargs="*")
    parser.add_argument("--replay")
    parser.add_argument("--random", type=float)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    program = os.path.join(args.build, "hostile")
    if args.replay:
        return subprocess.run([program, "-r", args.replay]).returncode
    if args.random:
        env = coverage_into(args.build, os.path.join(args.build, "random"))
        seed = args.seed or time.time_ns()
        return subprocess.run([program, "-t", str(args.random), "-s", str(seed)] + args.scenario, env=env).returncode
    return exhaustive(args.build, args.scenario)


sys.exit(main())
