#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Plants every mutant of mm/ (generate.py, schema.py), one at a time, and the bugs of historic.txt, and looks what notices it.

usage: mutants.py BUILD UNIT "CFLAGS" "LIBS" kills             as kills.txt says: each must be noticed by its own check there
       mutants.py BUILD UNIT "CFLAGS" "LIBS" search [TEXT]     what notices it, smallest bound first, is looked for and written to
                                                               kills.txt; TEXT: of mutants whose name holds it
       mutants.py BUILD UNIT "CFLAGS" "LIBS" new               the same for those that kills.txt has wrong or not at all, and
                                                               that nobody argued about

BUILD: the hostile machine's objects; UNIT: the unit tests' objects as `make mutants` compiles them.
All mutants of mm/ are in one hostile machine, and in one set of unit tests; a run plants one of them by its number.
A mutant is killed by a named check of the hostile machine, or, where the change is sequential, by a failed assertion of a unit
test of mm/. A crash, a hang, or code that does not compile is no kill. What survives needs its line in equivalent.txt:
"path:function: what  argument"; a line for a mutant that is gone or killed fails too, and so does one of kills.txt for a mutant
that is gone, or a mutant that has neither. The table is written to BUILD/mutants.txt; the last line is a summary; exit status 0
only if every mutant is killed or argued.
"""
import concurrent.futures
import os
import re
import resource
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections import namedtuple

import schema

HERE = os.path.dirname(os.path.abspath(__file__))
KILLS = os.path.join(HERE, "kills.txt")
KILLS_HEAD = """# SPDX-License-Identifier: MIT
# What notices each mutant of mm/, as `make mutants-hostile` found it: "path:function: what  check in scenario, CPUs, bound", or the
# case of a unit test. Written by mutants.py; `make mutants-known` plants each and looks for just this.
"""
DEADLINE_S = 120
STRIP = str(os.getcwd().count("/"))                  # of an object's path: coverage is of no use here, and goes away
NOTHING = "nothing in the hostile machine"
UNIT_CPU_S = 10
WORKERS = 2
FIRST = ("change_test", "gather_test", "whole_test", "load_test", "space_test")        # they notice most
# (CPUs, bound), the cheapest first.
QUICK = ((2, 0), (2, 1), (2, 2), (2, 3))
SLOW = ((3, 2), (2, 6))
CONTROL = ((2, 3),)
# Files in which one CPU at a time counts, looks up or fills in: their unit tests are asked first, the machine
# after them, up to bound 3.
SEQUENTIAL = ("found", "phys", "plan", "share", "source", "table")
BY_MACHINE = re.compile(r"([\w-]+) in ([\w-]+), (\d) CPUs, bound (\d)")
NOT_NOTICED = re.compile(r"nothing in ([\w-]+), 2 CPUs, bound 3")
BY_UNIT = re.compile(r"(\w+_test) (\w+)")

# number: of the switch that plants it, in path. text: the changed file instead, of a bug of historic.txt; checks: those that may
# notice it, in one of the scenarios (none: in any).
Job = namedtuple("Job", "name path number text checks scenarios", defaults=(0, None, (), ()))


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def limit():
    """Of processor time: a loaded machine makes nobody hang."""
    resource.setrlimit(resource.RLIMIT_CPU, (UNIT_CPU_S, UNIT_CPU_S))


def run(command, **more):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=DEADLINE_S, **more)


def built(command):
    done = run(command)
    if done.returncode:
        raise SystemExit(f"{command[0]}: {done.stdout.decode(errors='replace')[:400]}")


def objects(folder):
    """All objects below folder."""
    found = []
    for root, _, names in os.walk(folder):
        found += [os.path.join(root, n) for n in names if n.endswith((".c.o", ".S.o"))]
    return sorted(found)


class Judge:
    def __init__(self, build, unit, cflags, libs):
        self.build, self.unit, self.libs = build, unit, shlex.split(libs)
        self.hostile_flags = shlex.split(os.environ["HOSTILE_FLAGS"]) + ["-w", "-O0", "-g0", "-pipe"]
        self.unit_flags = shlex.split(cflags)
        # The machine in one piece: it is linked for each bug of historic.txt.
        self.machine = os.path.join(build, "machine.o")
        plain = os.path.join(build, "plain")
        under = tuple(os.path.join(plain, room) for room in ("mm/", "x86/"))
        rest = [o for o in objects(plain) if not o.startswith(under)]
        built(["ld", "-r", "-S", "-o", self.machine, *rest])
        self.code = [o for o in objects(plain) if o.startswith(under)]
        sources = {n[:-2] for n in os.listdir("test/unit/mm") if n.endswith(".c")}
        found = {n for n in sources if n.endswith("_test")}
        self.help = [os.path.join(unit, "test/unit/mm", n + ".c.o") for n in sorted(sources - found)]
        self.help.append(os.path.join(unit, "test/mutants/only.c.o"))
        self.tests = [t for t in FIRST if t in found] + sorted(found - set(FIRST))
        self.folder = os.path.join(build, "planted")
        self.whole = os.path.join(self.folder, "hostile")

    def generate(self):
        """All mutants of mm/, which then are in self.whole and in the unit tests of self.folder."""
        jobs, texts = [], {}
        for path in sorted(os.path.join("mm", n) for n in os.listdir("mm") if n.endswith((".c", ".h"))):
            texts[path], made = schema.schema(path, read(path), len(jobs) + 1, calls=False)
            jobs += [Job(name, path, len(jobs) + 1 + i) for i, name in enumerate(made)]
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(os.path.join(self.folder, "mm"))
        for path, text in texts.items():
            with open(os.path.join(self.folder, path), "w", encoding="utf-8") as f:
                f.write(text)
        sources = [path for path in texts if path.endswith(".c")]
        planted, first = "test/hostile/planted/planted.c", ["-I" + self.folder]
        unlocked = ["-include", "test/hostile/seam/unlocked.h"]
        hostile = {path: os.path.join(self.folder, path + ".hostile.o") for path in sources + [planted]}
        unit = {path: os.path.join(self.folder, path + ".unit.o") for path in sources + [planted]}
        os.makedirs(os.path.dirname(hostile[planted]))

        def compile_one(path):
            source = path if path == planted else os.path.join(self.folder, path)
            built(["gcc", *first, *self.hostile_flags, *unlocked, "-c", "-o", hostile[path], source])
            # The twins first, as in the unchanged build.
            built(["gcc", "-Itest/twin", "-DSEAM=static inline", "-include", "test/twin/x86/atomic.h", *first, *self.unit_flags,
                   *unlocked, "-c", "-o", unit[path], source])

        def link_test(test):
            built(["gcc", "-o", os.path.join(self.folder, test), os.path.join(self.unit, "test/unit/mm", test + ".c.o"),
                   *self.help, *unit.values(), os.path.join(self.unit, "libbaton.a"), *self.libs])

        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(compile_one, hostile))
            list(pool.map(link_test, self.tests))
        others = [o for o in self.code if os.path.relpath(o, os.path.join(self.build, "plain"))[:-2] not in hostile]
        built(["gcc", "-no-pie", "--coverage", "-o", self.whole, *hostile.values(), self.machine, *others])
        return jobs

    def make(self, job, folder):
        """(None, or why there is no program, the program) of a changed file."""
        obj, binary = os.path.join(folder, "hostile.o"), os.path.join(folder, "hostile")
        mutated = os.path.join(folder, os.path.basename(job.path))
        with open(mutated, "w", encoding="utf-8") as f:
            f.write(job.text)
        done = run(["gcc", *self.hostile_flags, "-c", "-o", obj, mutated])
        if done.returncode:
            return "does not compile: " + done.stdout.decode(errors="replace")[:200], None
        others = [o for o in self.code if not o.endswith("/" + job.path + ".o")]
        done = run(["gcc", "-no-pie", "--coverage", "-o", binary, obj, self.machine, *others])
        if done.returncode:
            return "does not link: " + done.stdout.decode(errors="replace")[:200], None
        return None, binary

    def hostile(self, binary, number, tries, scenarios):
        """(what killed it, why it is no kill). scenarios: only these; none: all."""
        folder = os.path.dirname(binary)
        env = dict(os.environ, GCOV_PREFIX=os.path.abspath(folder), GCOV_PREFIX_STRIP=STRIP, MUTANT_NUMBER=str(number))
        for cpus, bound in tries:
            try:
                done = run([binary, "-f", "-c", str(cpus), "-b", str(bound), *scenarios], env=env)
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

    def unit_run(self, binary, number, case):
        """{case: whether it passed} of the case, or of all (None); without one that crashed."""
        env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="STDOUT", MUTANT_NUMBER=str(number))
        if case:
            env["MUTANT_CASE"] = case
        try:
            text = run([binary], env=env, preexec_fn=limit).stdout.decode(errors="replace")
        except subprocess.TimeoutExpired:
            return {}
        verdicts = {}
        for part in re.split(r"^\[ RUN      \] ", text, flags=re.M)[1:]:
            if re.search(r"^\[  FAILED  \]", part, re.M) and "Test failed with exception" not in part:
                verdicts[part.split()[0]] = False
            elif re.search(r"^\[       OK \]", part, re.M):
                verdicts[part.split()[0]] = True
        return verdicts

    def unit_kill(self, folder, number, path):
        own = os.path.basename(path)[:-2] + "_test"
        for test in sorted(self.tests, key=lambda t: t != own):
            program = os.path.join(folder, test)
            for case, passed in self.unit_run(program, number, None).items():
                # Alone, too: behind a case that crashed the next ones may fail for what it left.
                if not passed and self.unit_run(program, number, case).get(case) is False:
                    return f"{test} {case}"
        return None

    def link_tests(self, job, folder):
        obj = os.path.join(folder, "unit.o")
        built(["gcc", *self.unit_flags, "-c", "-o", obj, os.path.join(folder, os.path.basename(job.path))])
        for test in self.tests:
            built(["gcc", "-o", os.path.join(folder, test), os.path.join(self.unit, "test/unit/mm", test + ".c.o"), *self.help,
                   obj, os.path.join(self.unit, "libbaton.a"), *self.libs])

    def program(self, job):
        """(why there is none, its folder, the hostile machine with it)"""
        if job.text is None:
            return None, self.folder, self.whole
        folder = os.path.join(self.build, "mutants", re.sub(r"\W+", "-", job.name))
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        return self.make(job, folder)[0], folder, os.path.join(folder, "hostile")

    def order(self, job):
        """Bounds of the machine to try at; (): the unit tests."""
        if job.text is not None:
            return (QUICK, SLOW) if job.scenarios else (QUICK, (), SLOW)
        if os.path.basename(job.path)[:-2] in SEQUENTIAL:
            return (), QUICK
        return QUICK[:2], (), QUICK[2:], SLOW

    def search(self, job):
        """(what killed it, why nothing did)"""
        why, folder, binary = self.program(job)
        if why:
            return None, why
        if job.checks == ["nothing"]:
            killed, why = self.hostile(binary, job.number, CONTROL, job.scenarios)
            shutil.rmtree(folder)
            if killed or why != NOTHING:
                return None, killed or why
            return f"nothing in {job.scenarios[0]}, 2 CPUs, bound 3", None
        killed = None
        for tries in self.order(job):
            if not killed and not tries:
                if job.text is not None:
                    self.link_tests(job, folder)
                killed = self.unit_kill(folder, job.number, job.path)
            elif not killed and why in (None, NOTHING):         # once it crashed or hung it says no more
                killed, why = self.hostile(binary, job.number, tries, job.scenarios)
        if job.text is not None:
            shutil.rmtree(folder)
        return killed, why

    def repeat(self, job, kill):
        """The same of a kill: (the kill, None) or (None, what came instead)."""
        why, folder, binary = self.program(job)
        if why:
            return None, why
        unit, machine = BY_UNIT.fullmatch(kill), BY_MACHINE.fullmatch(kill)
        if NOT_NOTICED.fullmatch(kill):
            return self.search(job)
        if machine:
            killed, why = self.hostile(binary, job.number, ((int(machine[3]), int(machine[4])),), [machine[2]])
        elif unit and unit[1] in self.tests:
            if job.text is not None:
                self.link_tests(job, folder)
            passed = self.unit_run(os.path.join(folder, unit[1]), job.number, unit[2]).get(unit[2])
            killed, why = (kill if passed is False else None), f"{kill}: {'passes' if passed else 'no verdict'}"
        else:
            killed, why = None, f"not understood: {kill}"
        if job.text is not None:
            shutil.rmtree(folder)
        return (kill, None) if killed == kill else (None, killed or why)

    def unplanted(self, kills):
        """What fails of the tries in kills although nothing is planted."""
        def one(kill):
            unit, machine = BY_UNIT.fullmatch(kill), BY_MACHINE.fullmatch(kill)
            if machine:
                killed, why = self.hostile(self.whole, 0, ((int(machine[3]), int(machine[4])),), [machine[2]])
                return killed or (why if why != NOTHING else None)
            if NOT_NOTICED.fullmatch(kill):
                return None
            passed = unit and unit[1] in self.tests and self.unit_run(os.path.join(self.folder, unit[1]), 0, unit[2]).get(unit[2])
            return None if passed else f"{kill}: does not pass"
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            return [why for why in pool.map(one, sorted(kills)) if why]


def historic():
    """[Job] of historic.txt."""
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
        yield Job(f"{source}:historic: " + " in ".join([name, *scenarios]), source, 0, text, checks.split(", "), scenarios)


def lines_of(path):
    """{name: what stands behind it}"""
    found = {}
    for line in read(path).splitlines() if os.path.exists(path) else []:
        if line and not line.startswith("#"):
            name, _, rest = line.partition("  ")
            found[name] = rest.strip()
    return found


def verdict_of(job, killed, why, argument):
    """(verdict, what killed it or why not)"""
    if not killed:
        return ("argued", argument) if argument else ("SURVIVED", why)
    verdict = "unit" if BY_UNIT.fullmatch(killed) else "killed"
    if NOT_NOTICED.fullmatch(killed):
        return "control", killed
    if job.checks and verdict not in job.checks and killed.split()[0] not in job.checks:
        return "SURVIVED", f"not by {job.checks[0]}: {killed}"
    return verdict, killed


def judge_all(jobs, task, note=None):
    """[(job, verdict, what)], each told as it comes if it is a survivor."""
    reasons = lines_of(os.path.join(HERE, "equivalent.txt"))

    def one(job):
        killed, why = task(job)
        verdict, what = verdict_of(job, killed, why, reasons.get(job.name))
        if verdict == "SURVIVED" or sys.stdout.isatty():
            print(f"{verdict:8} {job.name}  {what}", flush=True)
        if note:
            note(job, verdict, what)
        return job, verdict, what

    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(one, jobs))


class Kills:
    """kills.txt, written at each verdict: a search takes long."""
    def __init__(self, names):
        self.kills = {name: kill for name, kill in lines_of(KILLS).items() if name in names}
        self.lock = threading.Lock()

    def note(self, job, verdict, what):
        with self.lock:
            self.kills.pop(job.name, None)
            if verdict in ("killed", "unit", "control"):
                self.kills[job.name] = what
            with open(KILLS, "w", encoding="utf-8") as f:
                f.write(KILLS_HEAD + "".join(f"{name}  {kill}\n" for name, kill in sorted(self.kills.items())))


def main():
    build, unit, cflags, libs, how, *only = sys.argv[1:]
    start = time.monotonic()
    judge = Judge(build, unit, cflags, libs)
    every = list(historic()) + judge.generate()
    names = [job.name for job in every]
    jobs = [job for job, name in zip(every, names) if not only or only[0] in name]
    findings = [f"two mutants are called {name}" for name in sorted(set(names)) if names.count(name) > 1]
    kills, argued_names = lines_of(KILLS), lines_of(os.path.join(HERE, "equivalent.txt"))

    def as_before(job):
        if job.name in kills:
            return judge.repeat(job, kills[job.name])
        return None, "not in kills.txt: make mutants-hostile MUTANT=" + job.path

    def as_before_or_anew(job):
        killed, why = as_before(job)
        return (killed, why) if killed or job.name in argued_names else judge.search(job)

    if how in ("search", "new"):
        table = judge_all(jobs, judge.search if how == "search" else as_before_or_anew, Kills(set(names)).note)
    else:
        findings += [f"kills.txt: there is no {name}" for name in kills if name not in names]
        findings += [f"nothing planted: {why}" for why in judge.unplanted(set(kills.values()))]
        table = judge_all(jobs, as_before)
    argued = {job.name for job, verdict, _ in table if verdict == "argued"}
    findings += [f"equivalent.txt: {name}: killed, or there is no such mutant"
                 for name in argued_names if name not in argued and not only]
    print(*findings, sep="\n", end="\n" if findings else "")
    with open(os.path.join(build, "mutants.txt"), "w", encoding="utf-8") as f:
        f.writelines(f"{verdict:8} {job.name}  {what}\n" for job, verdict, what in table)
    verdicts = [verdict for _, verdict, _ in table]
    count = {kind: verdicts.count(kind) for kind in ("killed", "unit", "argued", "control", "SURVIVED")}
    print(f"mutants of mm/: {len(table)} planted, {sum(1 for job in jobs if job.text is not None)} of them historic, "
          f"{count['killed']} killed by the hostile machine, {count['unit']} by unit tests, "
          f"{count['argued']} equivalent as argued, {count['control']} controls rightly not noticed, "
          f"{count['SURVIVED']} survived, {len(findings)} findings, {time.monotonic() - start:.0f} s")
    return 0 if table and not count["SURVIVED"] and not findings else 1


sys.exit(main())
