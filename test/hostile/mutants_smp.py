#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Judges every mutant of smp/ and purgatory/ that generate.py makes: which test notices it?

usage: mutants_smp.py BUILD UNIT "HOSTILE FLAGS" "UNIT FLAGS" "UNIT LIBS" [TEXT]      TEXT: only mutants whose name holds it

BUILD: the hostile machine's objects; UNIT: those of `make mutants`. All mutants of a file are compiled into one object
(schema.py), so one program of each kind serves them all. A mutant is killed by a failed assertion of a unit test, or by a named
check of the hostile machine, smallest bound first. A crash, a hang, or what does not compile is no kill. What survives needs its
line in equivalent_smp.txt: "path:function: what  argument"; a line for a mutant that is gone or killed fails too.
BUILD/kills_smp.txt says who killed it last time, and is asked first. The last line is a summary; exit status 0 only if every
mutant is killed or argued.
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

import bugs
import schema

HERE = os.path.dirname(os.path.abspath(__file__))
DEADLINE_S = 120
CPU_S = 3                                                # of a unit test, or of one scenario
WORKERS = 2
# Rooms of unit tests, by the room of the mutant.
TESTS = {"smp": ("smp",), "purgatory": ("purgatory",)}
RUNS = ((2, 0), (3, 0), (2, 1), (2, 2), (3, 1))          # CPUs, bound


def lines_of(path):
    """{first field: the rest}"""
    lines = bugs.read(path).splitlines() if os.path.exists(path) else []
    return dict(line.split("  ", 1) for line in lines if line and not line.startswith("#"))


def limit():
    """Of processor time: a loaded machine makes nobody hang."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))


def run(command, **more):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=DEADLINE_S, **more)


def must(command):
    done = run(command)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:6])} ...: {done.stdout[:1000]}")


class Programs:
    """Each with all mutants, in folder."""

    def __init__(self, build, unit, flags, unit_flags, libs):
        self.folder = os.path.join(build, "schema")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.names, self.in_machine = [], set()
        self.sources = sorted(os.path.join(r, n) for r in TESTS for n in os.listdir(r) if n.endswith(".c"))
        for source in self.sources:
            text, names = schema.schema(source, bugs.read(source), len(self.names) + 1)
            self.names += names
            self.write(source, text)
        self.write("on.c", f"#include <stdlib.h>\nunsigned {schema.VARIABLE};\n"
                   "static __attribute__((constructor)) void on(void)\n"
                   f'{{ const char *n = getenv("MUTANT_NUMBER"); {schema.VARIABLE} = n ? (unsigned)atoi(n) : 0; }}\n')
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            machine = pool.submit(self.hostile, build, shlex.split(flags))
            tests = pool.submit(self.unit, unit, shlex.split(unit_flags), shlex.split(libs))
            self.machine, self.tests = machine.result(), tests.result()
        listed = run([self.machine, "-n"]).stdout.split()
        self.scenarios = [name[4:] for name in listed if name.startswith("smp:")]

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)

    def compile(self, source, obj, flags):
        os.makedirs(os.path.dirname(obj), exist_ok=True)
        must(["gcc", *flags, "-w", "-I" + (os.path.dirname(source) or "."), "-c", "-o", obj,
              os.path.join(self.folder, source)])

    def hostile(self, build, flags):
        """Files that the machine does not have are not in it."""
        flags = [f for f in flags if f != "--coverage"] + ["-include", "test/hostile/seam/unlocked.h"]
        folder, mutated = os.path.join(self.folder, "hostile"), []
        for source in self.sources:
            if os.path.exists(os.path.join(build, source + ".o")) and source != "purgatory/copy.c":
                obj = os.path.join(folder, source + ".o")
                self.compile(source, obj, flags)
                bugs.rename_sections(obj)
                mutated.append(obj)
                self.in_machine.add(source)
        self.compile("on.c", os.path.join(folder, "on.o"), ["-O2"])
        replaced = {os.path.join(build, os.path.relpath(o, folder)) for o in mutated}
        others = [o for o in bugs.objects(build) if o not in replaced]
        binary = os.path.join(self.folder, "machine")
        must(["gcc", "-no-pie", "--coverage", "-o", binary, os.path.join(folder, "on.o"), *mutated, *others])
        return binary

    def unit(self, unit, flags, libs):
        """{room: [(test, program)]}"""
        folder, mutated = os.path.join(self.folder, "unit"), []
        flags += ["-DSEAM=static inline", "-include", "test/twin/x86/atomic.h", "-include", "test/hostile/seam/unlocked.h"]
        self.compile("on.c", os.path.join(folder, "on.o"), ["-O2"])
        for source in self.sources:
            if os.path.exists(os.path.join(unit, source + ".o")):
                self.compile(source, os.path.join(folder, source + ".o"), flags)
                mutated.append(source)
        pool = [o for o in bugs.objects(unit) if not os.path.relpath(o, unit).startswith("test/unit/") and
                not o.endswith("only.c.o") and os.path.relpath(o, unit)[:-2] not in mutated]
        library = os.path.join(folder, "libbaton.a")
        must(["ar", "rcs", library, *pool, *(os.path.join(folder, s + ".o") for s in mutated)])
        found = {}
        for room in TESTS:
            objs = bugs.objects(os.path.join(unit, "test/unit", room))
            helpers = [o for o in objs if not o.endswith("_test.c.o")]
            for test in objs:
                if test.endswith("_test.c.o"):
                    name = os.path.basename(test)[:-4]
                    program = os.path.join(folder, name)
                    must(["gcc", "-o", program, test, *helpers, os.path.join(folder, "on.o"), library, *libs])
                    found.setdefault(room, []).append((name, program))
        return found


class Judge:
    def __init__(self, programs, before):
        self.programs, self.before = programs, before

    def by_unit(self, number, room, first):
        """The killing case's name. first: of a test that is asked before the others."""
        tests = [t for r in TESTS[room] for t in self.programs.tests[r]]
        for name, program in sorted(tests, key=lambda t: t[0] != first):
            env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="STDOUT", MUTANT_NUMBER=str(number))
            try:
                text = run([program], env=env, preexec_fn=limit).stdout
            except subprocess.TimeoutExpired:
                continue
            for case in re.split(r"^\[ RUN      \] ", text, flags=re.M)[1:]:
                if re.search(r"^\[  FAILED  \]", case, re.M) and "Test failed with exception" not in case:
                    return f"{name} {case.split()[0]}"
        return None

    def by_machine(self, number, scenarios, cpus, bound):
        """A scenario that breaks off for another reason than a check's says nothing; the others are asked all the same."""
        folder = os.path.join(self.programs.folder, "coverage", str(number))
        env = dict(os.environ, MUTANT_NUMBER=str(number), GCOV_PREFIX=os.path.abspath(folder), GCOV_PREFIX_STRIP=bugs.STRIP)
        asked = [scenarios] if len(scenarios) > 1 else []
        try:
            for group in asked + [[s] for s in scenarios]:
                text = run([self.programs.machine, "-f", "-c", str(cpus), "-b", str(bound), *group], env=env,
                           preexec_fn=limit if bound < 2 or len(group) == 1 else None)
                broken = re.search(r"^BROKEN (\S+): ([\w-]+):", text.stdout, re.M)
                if broken and broken[2] != "machine-limit":
                    return f"{broken[2]} in {broken[1]}, {cpus} CPUs, bound {bound}"
                if not text.returncode:
                    return None
        except subprocess.TimeoutExpired:
            return None
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return None

    def again(self, number, room):
        """By whom it was killed last time."""
        killer = self.before.get(self.programs.names[number - 1], "")
        at = re.fullmatch(r"[\w-]+ in (\S+), (\d) CPUs, bound (\d)", killer)
        if at:
            return self.by_machine(number, [at[1]], int(at[2]), int(at[3])) if at[1] in self.programs.scenarios else None
        return killer and self.by_unit(number, room, killer.split()[0])

    def judge(self, number):
        name = self.programs.names[number - 1]
        path, room, base = re.match(r"((\w+)/(\w+)\.c):", name).groups()
        killed = self.again(number, room) or self.by_unit(number, room, base + "_test")
        for cpus, bound in RUNS if path in self.programs.in_machine else ():
            killed = killed or self.by_machine(number, self.programs.scenarios, cpus, bound)
        return number, killed


def main():
    build, unit, flags, unit_flags, libs, *only = sys.argv[1:]
    start = time.monotonic()
    programs = Programs(build, unit, flags, unit_flags, libs)
    reasons, before = lines_of(os.path.join(HERE, "equivalent_smp.txt")), lines_of(os.path.join(build, "kills_smp.txt"))
    judge = Judge(programs, before)
    chosen = [n for n, name in enumerate(programs.names, 1) if not only or only[0] in name]
    killed, argued, survived = {}, [], []
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        for number, killer in pool.map(judge.judge, chosen):
            name = programs.names[number - 1]
            if killer:
                killed[name] = killer
            else:
                (argued if name in reasons else survived).append(name)
                if name not in reasons:
                    print(f"SURVIVED {name}", flush=True)
    stale = [name for name in reasons if not only and name not in argued]
    for name in stale:
        print(f"equivalent_smp.txt: {name}: killed, or there is no such mutant")
    with open(os.path.join(build, "kills_smp.txt"), "w", encoding="utf-8") as f:
        f.write("".join(f"{name}  {killer}\n" for name, killer in sorted({**before, **killed}.items())))
    machine = sum(" CPUs, bound " in k for k in killed.values())
    print(f"mutants of smp/ and purgatory/: {len(chosen)} made, {machine} killed by the hostile machine, "
          f"{len(killed) - machine} by unit tests, {len(argued)} equivalent as argued, {len(survived)} survived, "
          f"{len(stale)} stale arguments, {time.monotonic() - start:.0f} s")
    return 0 if chosen and not survived and not stale else 1


if __name__ == "__main__":
    sys.exit(main())
