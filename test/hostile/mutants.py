#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes every mutant of the ordering code of mm/ (generate.py) and looks what notices it.

usage: mutants.py BUILD UNIT "CFLAGS" "LIBS" [TEXT]      TEXT: only mutants whose name holds it

BUILD: the hostile machine's objects; UNIT: the unit tests' objects as `make mutants` compiles them.
A mutant is killed by a named check of the hostile machine (smallest bound first), or, where the change is sequential,
by a failed assertion of a unit test of mm/. A crash, a hang, or code that does not compile is no kill. What survives needs its
line in equivalent.txt: "path:function: what  argument"; a line for a mutant that is gone or killed fails too.
The table is written to BUILD/mutants.txt; the last line is a summary; exit status 0 only if every mutant is
killed or argued.
"""
import concurrent.futures
import os
import re
import resource
import shlex
import shutil
import subprocess
import sys
import time

import generate

HERE = os.path.dirname(os.path.abspath(__file__))
DEADLINE_S = 120
STRIP = str(os.getcwd().count("/"))                  # of an object's path: coverage is of no use here, and goes away
NOTHING = "nothing in the hostile machine"
UNIT_CPU_S = 10
WORKERS = 2
FIRST = ("change_test", "gather_test", "whole_test", "load_test", "space_test")        # they notice most
# Everything of mm/ in which an order, a flush, a wait or a free is decided. The rest is sequential: test/mutants/.
FILES = ("cache", "flush", "gather", "lam", "load", "merge", "protect", "rewrite", "space", "split", "unmap")
# (CPUs, bound), the cheapest first; the unit tests come between the two.
QUICK = ((2, 0), (2, 1), (2, 2), (2, 3))
SLOW = ((3, 2), (2, 6))


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def limit():
    """Of processor time: a loaded machine makes nobody hang."""
    resource.setrlimit(resource.RLIMIT_CPU, (UNIT_CPU_S, UNIT_CPU_S))


def run(command, **more):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=DEADLINE_S, **more)


def name_of(mutant):
    return f"{mutant.path}:{mutant.function}: {mutant.what}"


def objects(folder):
    """All objects below folder."""
    found = []
    for root, _, names in os.walk(folder):
        found += [os.path.join(root, n) for n in names if n.endswith((".c.o", ".S.o"))]
    return sorted(found)


class Judge:
    def __init__(self, build, unit, cflags, libs):
        self.build, self.unit, self.libs = build, unit, shlex.split(libs)
        self.hostile_flags = shlex.split(os.environ["HOSTILE_FLAGS"]) + ["-w", "-O0", "-g0", "-pipe", "-include",
                                                                         "test/hostile/seam/unlocked.h"]
        self.unit_flags = shlex.split(cflags)
        # The machine in one piece: it is linked for each mutant.
        self.machine = os.path.join(build, "machine.o")
        plain = os.path.join(build, "plain")
        under = tuple(os.path.join(plain, room) for room in ("mm/", "x86/"))
        rest = [o for o in objects(plain) if not o.startswith(under)]
        subprocess.run(["ld", "-r", "-S", "-o", self.machine, *rest], check=True)
        self.code = [o for o in objects(plain) if o.startswith(under)]
        sources = {n[:-2] for n in os.listdir("test/unit/mm") if n.endswith(".c")}
        found = {n for n in sources if n.endswith("_test")}
        self.help = [os.path.join(unit, "test/unit/mm", n + ".c.o") for n in sorted(sources - found)]
        self.help.append(os.path.join(unit, "test/mutants/only.c.o"))
        self.tests = [t for t in FIRST if t in found] + sorted(found - set(FIRST))

    def make(self, path, mutated, folder):
        """None, or why there is no program."""
        obj, binary = os.path.join(folder, "hostile.o"), os.path.join(folder, "hostile")
        done = run(["gcc", *self.hostile_flags, "-c", "-o", obj, mutated])
        if done.returncode:
            return "does not compile: " + done.stdout.decode(errors="replace")[:200]
        others = [o for o in self.code if not o.endswith("/" + path + ".o")]
        done = run(["gcc", "-no-pie", "--coverage", "-o", binary, obj, self.machine, *others])
        if done.returncode:
            return "does not link: " + done.stdout.decode(errors="replace")[:200]
        return None

    def hostile(self, folder, tries, scenarios):
        """(what killed it, why it is no kill). scenarios: only these; none: all."""
        binary = os.path.join(folder, "hostile")
        for cpus, bound in tries:
            try:
                done = run([binary, "-f", "-c", str(cpus), "-b", str(bound), *scenarios],
                           env=dict(os.environ, GCOV_PREFIX=os.path.abspath(folder), GCOV_PREFIX_STRIP=STRIP))
            except subprocess.TimeoutExpired:
                return None, f"hang at {cpus} CPUs, bound {bound}"
            text = done.stdout.decode(errors="replace")
            broken = re.search(r"^BROKEN (\S+): ([\w-]+):", text, re.M)
            if broken:
                if broken[2] == "machine-limit":
                    return None, "over a limit of the machine"
                return f"{broken[2]} in {broken[1]}, {cpus} CPUs, bound {bound}", None
            if done.returncode:
                return None, f"crash, status {done.returncode}, at {cpus} CPUs, bound {bound}"
        return None, NOTHING

    def unit_kill(self, mutated, source, folder):
        obj = os.path.join(folder, "unit.o")
        if run(["gcc", *self.unit_flags, "-c", "-o", obj, mutated]).returncode:
            return None
        for test in self.tests:
            binary = os.path.join(folder, test)
            own = os.path.join(self.unit, "test/unit/mm", test + ".c.o")
            done = run(["gcc", "-o", binary, own, *self.help, obj, os.path.join(self.unit, "libbaton.a"), *self.libs])
            if done.returncode:
                raise SystemExit(f"{test}: does not link: {done.stdout.decode(errors='replace')[:400]}")
            try:
                done = run([binary], env=dict(os.environ, CMOCKA_MESSAGE_OUTPUT="STDOUT"), preexec_fn=limit)
            except subprocess.TimeoutExpired:
                continue
            text = done.stdout.decode(errors="replace")
            for case in re.split(r"^\[ RUN      \] ", text, flags=re.M)[1:]:
                if re.search(r"^\[  FAILED  \]", case, re.M) and "Test failed with exception" not in case:
                    return f"{test} {case.split()[0]}"
        return None

    def judge(self, number, mutant, scenarios=()):
        folder = os.path.join(self.build, "mutants", str(number))
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        mutated = os.path.join(folder, os.path.basename(mutant.path))
        with open(mutated, "w", encoding="utf-8") as f:
            f.write(mutant.text)
        killed, why = None, self.make(mutant.path, mutated, folder)
        if not why:
            killed, why = self.hostile(folder, QUICK, scenarios)
            if not scenarios:
                killed = killed or self.unit_kill(mutated, mutant.path, folder)
            if not killed and why == NOTHING:
                killed, why = self.hostile(folder, SLOW, scenarios)
        shutil.rmtree(folder)
        return mutant, killed, why


def historic():
    """[(checks, scenarios, Mutant)] of historic.txt."""
    for line in read(os.path.join(HERE, "historic.txt")).splitlines():
        if not line or line.startswith("#"):
            continue
        name, checks, *scenarios = line.split("  ")
        if name.startswith("mm/"):
            path = os.path.join("test/mutants", name + ".mutant")
        else:
            path = os.path.join(HERE, "historic", name + ".bug")
        head, *blocks = re.split(r"^<<<<\n", read(path), flags=re.M)
        source = re.search(r"^file: (\S+)$", head, re.M)[1]
        text = read(source)
        for block in blocks:
            found = re.fullmatch(r"(.*?)^====\n(.*?)^>>>>\n\s*", block, re.S | re.M)
            old, new = (part.removesuffix("\n") for part in found.groups())
            if text.count(old) != 1:
                raise SystemExit(f"historic.txt: {name}: {text.count(old)} places match")
            text = text.replace(old, new)
        yield checks, scenarios, generate.Mutant(source, "historic", " in ".join([name, *scenarios]), text)


def arguments():
    found = {}
    for line in read(os.path.join(HERE, "equivalent.txt")).splitlines():
        if line and not line.startswith("#"):
            name, _, argument = line.partition("  ")
            found[name] = argument.strip()
    return found


def main():
    build, unit, cflags, libs, *only = sys.argv[1:]
    start = time.monotonic()
    judge = Judge(build, unit, cflags, libs)
    mutants = [m for f in FILES if os.path.exists(f"mm/{f}.c") for m in generate.mutants(f"mm/{f}.c", read(f"mm/{f}.c"))]
    mutants = [m for m in mutants if not only or only[0] in name_of(m)]
    planted = [(c, s, m) for c, s, m in historic() if not only or only[0] in name_of(m)]
    wanted = {m.what: c for c, _, m in planted}
    jobs = [(m, s) for _, s, m in planted] + [(m, ()) for m in mutants]
    mutants = [m for m, _ in jobs]
    reasons, used = arguments(), set()
    count = {"killed": 0, "unit": 0, "argued": 0, "SURVIVED": 0}
    table = []
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        for mutant, killed, why in pool.map(lambda job: judge.judge(job[0], *job[1]), enumerate(jobs)):
            name = name_of(mutant)
            if killed:
                verdict = "unit" if killed.split()[0].endswith("_test") else "killed"
            elif name in reasons:
                verdict, killed = "argued", reasons[name]
                used.add(name)
            else:
                verdict, killed = "SURVIVED", why
            checks = wanted.get(mutant.what, verdict).split(", ")
            if verdict not in checks and (killed or " ").split(" ")[0] not in checks:
                verdict, killed = "SURVIVED", f"not by {checks[0]}: {killed or why}"
            count[verdict] += 1
            table.append(f"{verdict:8} {name}  {killed}")
            if verdict == "SURVIVED" or sys.stdout.isatty():
                print(table[-1], flush=True)
    stale = [name for name in reasons if name not in used and not only]
    for name in stale:
        print(f"equivalent.txt: {name}: killed, or there is no such mutant")
    with open(os.path.join(build, "mutants.txt"), "w", encoding="utf-8") as f:
        f.write("\n".join(table) + "\n")
    print(f"mutants of mm/: {len(mutants)} made, {len(planted)} of them historic, {count['killed']} killed by the hostile "
          f"machine, {count['unit']} by unit tests, "
          f"{count['argued']} equivalent as argued, {count['SURVIVED']} survived, {len(stale)} stale arguments, "
          f"{time.monotonic() - start:.0f} s")
    return 0 if mutants and not count["SURVIVED"] and not stale else 1


sys.exit(main())
