#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Builds each mutant and looks whether the test that is named for it fails.

test/mutants/<room>/<name>.mutant: lines "# comment", "file: path", "test: program case", then one or more
replacements, each text occurring exactly once in the file:

    <<<<
    old lines
    ====
    new lines
    >>>>

The last line break of each text does not count, so a part of a line will do.

A mutant is killed only if its named case fails and the program ends by itself: a crash, a sanitizer report or a
hang is no kill. The last line is a summary; exit status 0 only if all were killed and every named case passes on
the unchanged code.

usage: run.py BUILD "CC" "CFLAGS" "LIBS" [room/name ...]
"""
import concurrent.futures
import os
import re
import shlex
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
DEADLINE_S = 120
WORKERS = 2


class Bad(Exception):
    pass


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def parse(path):
    text = read(path)
    head, *blocks = re.split(r"^<<<<\n", text, flags=re.M)
    fields = dict(re.findall(r"^(file|test): (.+)$", head, re.M))
    pairs = []
    for block in blocks:
        found = re.fullmatch(r"(.*?)^====\n(.*?)^>>>>\n\s*", block, re.S | re.M)
        if not found:
            raise Bad("a replacement is not closed")
        pairs.append(tuple(part.removesuffix("\n") for part in found.groups()))
    if set(fields) != {"file", "test"} or not pairs:
        raise Bad("file:, test: or a replacement is missing")
    return fields["file"], fields["test"].split(), pairs


def mutate(source, pairs):
    for old, new in pairs:
        if source.count(old) != 1:
            raise Bad(f"{source.count(old)} places match: {old.strip().splitlines()[0]!r}")
        source = source.replace(old, new)
    return source


def failed_cases(program):
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="STDOUT")
    try:
        done = subprocess.run([program], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=DEADLINE_S)
    except subprocess.TimeoutExpired:
        raise Bad("hang") from None
    output = done.stdout.decode(errors="replace")
    # cmocka runs to the end and exits with the number of failed cases; anything else is a crash.
    if not re.search(r"^\[==========\] \d+ test\(s\) run\.", output, re.M):
        raise Bad("crash, before or instead of a failed check: " + output[-400:])
    # ERROR: the set-up or the tear-down of the case failed.
    return set(re.findall(r"^\[  (?:FAILED  |ERROR   )\] (?!\d+ test)(\w+)", output, re.M))


def build(unit, room, program, path, text, target, tools):
    """Links the program with the mutated file in front of the library; a mutated header recompiles its room."""
    cc, cflags, libs = tools
    mutated = os.path.join(target, path)
    os.makedirs(os.path.dirname(mutated), exist_ok=True)
    with open(mutated, "w", encoding="utf-8") as f:
        f.write(text)
    sources = [mutated]
    if path.endswith(".h"):
        folder = os.path.dirname(path)
        sources = [os.path.join(folder, n) for n in sorted(os.listdir(folder)) if n.endswith(".c")]
    objects = []
    for number, source in enumerate(sources):
        objects.append(os.path.join(target, f"{number}.o"))
        subprocess.run(cc + cflags + ["-w", "-I" + target, "-Itest/twin", "-I.", "-c", "-o", objects[-1], source],
                       check=True)
    tests = os.path.join(unit, "test", "unit", room)
    helpers = [os.path.join(tests, n) for n in sorted(os.listdir(tests))
               if n.endswith(".c.o") and not n.endswith("_test.c.o")]
    binary = os.path.join(target, program)
    subprocess.run(cc + ["-fsanitize=address,undefined", "-o", binary, os.path.join(tests, program + ".c.o")]
                   + helpers + objects + [os.path.join(unit, "libbaton.a")] + libs, check=True)
    return binary


def judge(name, out, unit, tools):
    """Returns (name, verdict, what killed it or why not)."""
    room = name.split("/")[0]
    try:
        path, (program, case), pairs = parse(os.path.join(HERE, name + ".mutant"))
        text = mutate(read(path), pairs)
        if case in failed_cases(os.path.join(unit, "bin", room, program)):
            raise Bad(f"{program} {case} fails on the unchanged code")
        binary = build(unit, room, program, path, text, os.path.join(out, name), tools)
        failed = failed_cases(binary)
    except (Bad, OSError, ValueError, subprocess.CalledProcessError) as reason:
        return name, "broken", str(reason)
    if case in failed:
        return name, "killed", f"{program} {case}"
    return name, "SURVIVED", f"{program} {case} passed" + (f"; failed: {' '.join(sorted(failed))}" if failed else "")


def main():
    build_dir, cc, cflags, libs, *names = sys.argv[1:]
    tools = shlex.split(cc), shlex.split(cflags), shlex.split(libs)
    if not names:
        names = sorted(os.path.relpath(os.path.join(folder, f), HERE)[:-len(".mutant")]
                       for folder, _, files in os.walk(HERE) for f in files if f.endswith(".mutant"))
    count = {"killed": 0, "SURVIVED": 0, "broken": 0}
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        for name, verdict, what in pool.map(
                lambda n: judge(n, os.path.join(build_dir, "mutants"), os.path.join(build_dir, "unit", "gcc"), tools),
                names):
            count[verdict] += 1
            print(f"{verdict:8} {name:40} {what}", flush=True)
    print(f"mutants: {len(names)} made, {count['killed']} killed, {count['SURVIVED']} survived, "
          f"{count['broken']} broken")
    return 0 if names and count["killed"] == len(names) else 1


sys.exit(main())
