#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Builds each mutant and looks whether the test that is named for it fails.

test/mutants/<room>/<name>.mutant: lines "# comment", "file: path", "test: program case", optional lines
"rule: mm 3" or "rule: protocol 13" (test/lint/ adds those up), then one or more replacements, each text occurring
exactly once in the file:

    <<<<
    old lines
    ====
    new lines
    >>>>

The last line break of each text does not count, so a part of a line will do.

Only the named case runs. A mutant is killed only if one of that case's own checks fails and the program ends by
itself. Everything else fails the run: a mutant that survives, that does not apply or compile, that crashes or hangs
the case (cmocka reports a crash inside a case as a failed case, which is no kill either), and a case that alone does
not pass on the unchanged code. The last line is a summary; exit status 0 only if all were killed.

usage: run.py BASE "CFLAGS" "LIBS" [room/name ...]
Each verdict is kept beside BASE in verdicts.txt; on a terminal all are printed, otherwise those that are not killed.
BASE: objects of the unit tests and of what they test, with their .d files, and libbaton.a
"""
import concurrent.futures
import os
import re
import shlex
import subprocess
import sys

import samples

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = "test/unit"
ONLY = "test/mutants/only.c"
DEADLINE_S = 60
WORKERS = 2
FIELD = re.compile(r"^(file|test|rule): (.+)$", re.M)


class Bad(Exception):
    pass


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def parse(text):
    head, *blocks = re.split(r"^<<<<\n", text, flags=re.M)
    fields = dict(FIELD.findall(head))
    unknown = [line for line in head.splitlines() if line and not line.startswith("#") and not FIELD.match(line)]
    if unknown:
        raise Bad(f"not understood: {unknown[0]!r}")
    pairs = []
    for block in blocks:
        found = re.fullmatch(r"(.*?)^====\n(.*?)^>>>>\n\s*", block, re.S | re.M)
        if not found:
            raise Bad("a replacement is not closed")
        pairs.append(tuple(part.removesuffix("\n") for part in found.groups()))
    if not {"file", "test"} <= set(fields) or len(fields["test"].split()) != 2 or not pairs:
        raise Bad("file:, test: or a replacement is missing")
    return fields["file"], fields["test"].split(), pairs


def mutate(source, pairs):
    for old, new in pairs:
        if source.count(old) != 1:
            raise Bad(f"{source.count(old)} places match: {old.strip().splitlines()[0]!r}")
        source = source.replace(old, new)
    return source


def run_cases(program, only):
    """(cases that passed, cases that failed) of a program that ended by itself; only: one case, or None for all."""
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="STDOUT")
    if only:
        env["MUTANT_CASE"] = only
    try:
        done = subprocess.run([program], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=DEADLINE_S)
    except subprocess.TimeoutExpired:
        raise Bad(f"hang: no end after {DEADLINE_S} s") from None
    output = done.stdout.decode(errors="replace")
    # cmocka runs to the end and exits with the number of failed cases; anything else is a crash.
    if not re.search(r"^\[==========\] \d+ test\(s\) run\.", output, re.M):
        raise Bad(f"crash (status {done.returncode}), before or instead of a failed check: " + output[-400:])
    crash = re.search(r"Test failed with exception: .*", output)
    if crash:
        raise Bad("crash inside a case: " + crash[0])
    passed = set(re.findall(r"^\[       OK \] (\w+)", output, re.M))
    # ERROR: the set-up or the tear-down of the case failed.
    failed = set(re.findall(r"^\[  (?:FAILED  |ERROR   )\] (?!\d+ test)(\w+)", output, re.M))
    return passed - failed, failed


def gcc(words):
    done = subprocess.run(["gcc", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        lines = done.stdout.decode(errors="replace").splitlines() or ["no reason given"]
        raise Bad("gcc: " + next((line for line in lines if "error" in line), lines[0]))


class Base:
    """The unchanged tests: where their objects are, what each was made of, and what each program says."""
    def __init__(self, folder, cflags, libs):
        self.folder, self.cflags, self.libs = folder, cflags, libs
        self.made_of = {}       # source -> files that it includes
        for root, _, names in os.walk(folder):
            for name in names:
                if name.endswith(".c.d"):
                    source = os.path.relpath(os.path.join(root, name), folder)[:-len(".d")]
                    rule = read(os.path.join(root, name)).replace("\\\n", " ").splitlines()[0]
                    self.made_of[source] = set(rule.split(":", 1)[1].split())
        self.passes = {}        # (room, program, case) -> whether it passes, alone, on the unchanged code

    def object(self, source):
        return os.path.join(self.folder, source + ".o")

    def program_sources(self, room, program):
        own = f"{TESTS}/{room}/{program}.c"
        return [own, ONLY] + sorted(s for s in self.made_of
                              if os.path.dirname(s) == f"{TESTS}/{room}" and not s.endswith("_test.c"))

    def compile(self, source, output, first=()):
        gcc([*self.cflags, *first, "-c", "-o", output, source])

    def link(self, objects, binary):
        gcc(["-o", binary, *objects, os.path.join(self.folder, "libbaton.a"), *self.libs])

    def link_unchanged(self, out, key):
        room, program = key
        self.link([self.object(s) for s in self.program_sources(room, program)], os.path.join(out, "-".join(key)))

    def check_unchanged(self, out, key):
        room, program, case = key
        self.passes[key] = case in run_cases(os.path.join(out, f"{room}-{program}"), case)[0]


def build(base, room, program, path, text, target):
    """Links the program with what the mutated file is part of in front of the rest."""
    mutated = os.path.join(target, path)
    os.makedirs(os.path.dirname(mutated), exist_ok=True)
    with open(mutated, "w", encoding="utf-8") as f:
        f.write(text)
    sources = base.program_sources(room, program)
    replaced = {}
    for source in [path] if path.endswith(".c") else sorted(s for s, files in base.made_of.items() if path in files):
        if source.startswith("test/") and source not in sources:
            continue            # of another program
        replaced[source] = os.path.join(target, f"{len(replaced)}.o")
        # The twins first, as in the unchanged build; then the mutated file hides the tree's.
        base.compile(mutated if source == path else source, replaced[source], ["-Itest/twin", "-I" + target])
    if not replaced:
        raise Bad(f"nothing is made of {path}")
    objects = [replaced.pop(s, base.object(s)) for s in sources]
    binary = os.path.join(target, program)
    base.link(objects + list(replaced.values()), binary)
    return binary


def judge(name, mutant, base, out):
    """Returns (name, verdict, what killed it or why not) of room/name with that text."""
    room = name.split("/")[0]
    try:
        path, (program, case), pairs = parse(mutant)
        text = mutate(read(path), pairs)
        if not base.passes.get((room, program, case)):
            raise Bad(f"{program} {case} does not pass on the unchanged code")
        binary = build(base, room, program, path, text, os.path.join(out, name))
        if case in run_cases(binary, case)[1]:
            return name, "killed", f"{program} {case}"
        failed = run_cases(binary, None)[1]
    except (Bad, OSError, ValueError) as reason:
        return name, "broken", str(reason)
    return name, "SURVIVED", f"{program} {case} passed" + (f"; failed: {' '.join(sorted(failed))}" if failed else "")


def judge_all(mutants, base, out):
    """Yields judge()'s answer for each of {room/name: text}; Bad if the unchanged code cannot be judged."""
    cases = set()
    for name, text in mutants.items():
        try:
            cases.add((name.split("/")[0], *parse(text)[1]))
        except Bad:
            pass                # judge() says it
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        try:
            os.makedirs(out, exist_ok=True)
            list(pool.map(lambda key: base.link_unchanged(out, key), sorted({key[:2] for key in cases})))
            list(pool.map(lambda key: base.check_unchanged(out, key), sorted(cases)))
        except Bad as reason:
            raise Bad(f"the unchanged code: {reason}") from None
        yield from pool.map(lambda item: judge(*item, base, out), mutants.items())


def self_test(base, out):
    """0 if each sample gets its verdict."""
    failed = 0
    wanted = {f"{samples.ROOM}/{name}": (verdict, words) for name, (_, verdict, words) in samples.SAMPLES.items()}
    for name, verdict, what in judge_all({f"{samples.ROOM}/{n}": text for n, (text, _, _) in samples.SAMPLES.items()},
                                         base, out):
        if verdict != wanted[name][0] or wanted[name][1] not in what:
            failed += 1
            print(f"mutants self-test: {name}: wanted {' '.join(wanted[name])}, got {verdict} {what}")
    print(f"mutants self-test: {len(wanted)} samples, {failed} failed")
    return failed


def main():
    folder, cflags, libs, *names = sys.argv[1:]
    base, out = Base(folder, shlex.split(cflags), shlex.split(libs)), os.path.dirname(folder)
    if not names:
        names = sorted(os.path.relpath(os.path.join(root, f), HERE)[:-len(".mutant")]
                       for root, _, files in os.walk(HERE) for f in files if f.endswith(".mutant"))
    count = {"killed": 0, "SURVIVED": 0, "broken": 0}
    good = self_test(base, os.path.join(out, "samples")) == 0
    mutants = {name: read(os.path.join(HERE, name + ".mutant")) for name in names}
    with open(os.path.join(out, "verdicts.txt"), "w", encoding="utf-8") as verdicts:
        for name, verdict, what in judge_all(mutants, base, out):
            count[verdict] += 1
            line = f"{verdict:8} {name:40} {what}"
            print(line, file=verdicts)
            if verdict != "killed" or len(names) < 10 or sys.stdout.isatty():
                print(line, flush=True)
    print(f"mutants: {len(names)} made, {count['killed']} killed, {count['SURVIVED']} survived, "
          f"{count['broken']} broken")
    return 0 if good and names and count["killed"] == len(names) else 1


sys.exit(main())
