#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Plants every mutant of some rooms (generate.py, planted.py), one at a time, and the bugs of historic.txt, and looks what
notices it.

usage: mutants.py BUILD UNIT "CFLAGS" "LIBS" "ROOMS" known             as the rooms' tables say: each must be noticed by its own
                                                                       check there
       mutants.py BUILD UNIT "CFLAGS" "LIBS" "ROOMS" search [TEXT]     what notices it is looked for, smallest bound first, and
                                                                       written to the tables; TEXT: of mutants whose name holds it
       mutants.py BUILD UNIT "CFLAGS" "LIBS" "ROOMS" new [TEXT]        the same for those that the tables have wrong or not at
                                                                       all, and that nobody argued about

BUILD: the hostile machine's objects; UNIT: the unit tests' objects as `make mutants` compiles them.
A mutant is killed by a named check of the hostile machine or by a failed assertion of a unit test of its room. A crash, a hang,
or code that does not compile is no kill. What survives needs its line in the room's list of arguments:
"path:function: what  argument"; a line for a mutant that is gone or killed fails too, and so does one of the table for a mutant
that is gone, or a mutant that has neither. All verdicts are written to BUILD/mutants.txt; the last line of each room is a summary;
exit status 0 only if every mutant is killed or argued.
"""
import concurrent.futures
import os
import re
import resource
import shutil
import subprocess
import sys
import threading
import time

from planted import Job, Programs, WORKERS, run

HERE = os.path.dirname(os.path.abspath(__file__))
# What notices each mutant of a room, and arguments about those that nothing notices.
KILLS = {"mm": "kills.txt", "smp": "kills_smp.txt", "purgatory": "kills_purgatory.txt"}
REASONS = {"mm": "equivalent.txt", "smp": "equivalent_smp.txt", "purgatory": "equivalent_smp.txt"}
KILLS_HEAD = """# SPDX-License-Identifier: MIT
# What notices each mutant of %s/, as `make %s` found it: "path:function: what  check in scenario, CPUs, bound", or the
# case of a unit test. Written by mutants.py; `make mutants-known` plants each and looks for just this.
"""
FOUND_BY = {"mm": "mutants-hostile", "smp": "mutants-smp", "purgatory": "mutants-smp"}
STRIP = str(os.getcwd().count("/"))                  # of an object's path: coverage is of no use here, and goes away
NOTHING = "nothing in the hostile machine"
UNIT_CPU_S = 5
CASE_CPU_S = 1                                       # of a case alone, of a program that did not come to its end
SCENARIO_CPU_S = 4                                   # alone, because one of all broke off
FIRST = ("change_test", "gather_test", "whole_test", "load_test", "space_test")        # they notice most of mm/
# (CPUs, bound), the cheapest first.
QUICK = ((2, 0), (2, 1), (2, 2), (2, 3))
SLOW = ((3, 2), (2, 6))
# Of smp/ and the block; and scenarios that would take many seconds there.
PLATFORM = ((2, 0), (3, 0), (2, 1), (2, 2), (3, 1))
TOO_LONG = {(3, 0): ("handover-mwait",), (2, 2): ("handover-", "fallback"),
            (3, 1): ("handover-", "fallback", "there-and-back", "kick-mwait", "damaged-")}
CONTROL = ((2, 3),)
# Files of mm/ in which one CPU at a time counts, looks up or fills in: their unit tests are asked first, the machine
# after them, up to bound 3.
SEQUENTIAL = ("found", "phys", "plan", "share", "source", "table")
BY_MACHINE = re.compile(r"([\w-]+) in ([\w-]+), (\d) CPUs, bound (\d)")
NOT_NOTICED = re.compile(r"nothing in ([\w-]+), 2 CPUs, bound 3")
BY_UNIT = re.compile(r"(\w+_test) (\w+)")


def limit(seconds):
    """Of processor time: a loaded machine makes nobody hang."""
    return seconds and (lambda: resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds)))


class Judge:
    def __init__(self, programs):
        self.programs, self.cases = programs, {}

    def once(self, binary, number, cpus, bound, scenarios, cpu_s=None):
        """(what killed it, why nothing did) in these scenarios."""
        folder = os.path.dirname(binary)
        env = dict(os.environ, GCOV_PREFIX=os.path.abspath(folder), GCOV_PREFIX_STRIP=STRIP, MUTANT_NUMBER=str(number))
        try:
            done = run([binary, "-f", "-c", str(cpus), "-b", str(bound), *scenarios], env=env, preexec_fn=limit(cpu_s))
        except subprocess.TimeoutExpired:
            return None, f"hang at {cpus} CPUs, bound {bound}"
        broken = re.search(r"^BROKEN (\S+): ([\w-]+):", done.stdout.decode(errors="replace"), re.M)
        if broken and broken[2] == "machine-limit":
            return None, f"over a limit of the machine in {broken[1]}"
        if broken:
            return f"{broken[2]} in {broken[1]}, {cpus} CPUs, bound {bound}", None
        return None, f"crash or hang, status {done.returncode}, at {cpus} CPUs, bound {bound}" if done.returncode else NOTHING

    def hostile(self, binary, number, tries, scenarios):
        """The same, at one bound after the other. A scenario that breaks off for another reason than a check's says no more;
        the others are asked all the same."""
        left, broke_off = list(scenarios), NOTHING
        for cpus, bound in tries:
            asked = [s for s in left if len(scenarios) == 1 or not s.startswith(TOO_LONG.get((cpus, bound), ()))]
            if not asked:
                break
            killed, why = self.once(binary, number, cpus, bound, asked)
            if killed or why == NOTHING:
                if killed:
                    return killed, None
                continue
            broke_off = why
            for scenario in asked:
                killed, why = self.once(binary, number, cpus, bound, [scenario], SCENARIO_CPU_S)
                if killed:
                    return killed, None
                if why != NOTHING:
                    left.remove(scenario)
        return None, broke_off

    def unit_run(self, binary, number, case, cpu_s=UNIT_CPU_S):
        """{case: whether it passed} of the case, or of all (None); without one that crashed."""
        env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="STDOUT", MUTANT_NUMBER=str(number))
        if case:
            env["MUTANT_CASE"] = case
        try:
            text = run([binary], env=env, preexec_fn=limit(cpu_s)).stdout.decode(errors="replace")
        except subprocess.TimeoutExpired:
            return {}
        verdicts = {}
        for part in re.split(r"^\[ RUN      \] ", text, flags=re.M)[1:]:
            if re.search(r"^\[  FAILED  \]", part, re.M) and "Test failed with exception" not in part:
                verdicts[part.split()[0]] = False
            elif re.search(r"^\[       OK \]", part, re.M):
                verdicts[part.split()[0]] = True
        return verdicts

    def tests_of(self, job):
        """The likeliest first."""
        own = os.path.basename(job.path).rsplit(".", 1)[0] + "_test"
        return sorted(self.programs.tests[job.room], key=lambda t: (t != own, FIRST.index(t) if t in FIRST else len(FIRST), t))

    def unit_kill(self, job, folder=None):
        """folder: of a changed file, whose programs are linked there."""
        for test in self.tests_of(job):
            program = self.programs.test_changed(job, folder, test) if folder else self.programs.test_program(job.room, test)
            for case, passed in self.unit_run(program, job.number, None).items():
                # Alone, too: behind a case that crashed the next ones may fail for what it left.
                if not passed and self.unit_run(program, job.number, case).get(case) is False:
                    return f"{test} {case}"
        return None

    def unit_kill_alone(self, job):
        """Of a program that a case ended, those behind it."""
        for test in self.tests_of(job):
            program = self.programs.test_program(job.room, test)
            if program not in self.cases:
                self.cases[program] = set(self.unit_run(program, 0, None))
            for case in sorted(self.cases[program] - set(self.unit_run(program, job.number, None))):
                if self.unit_run(program, job.number, case, CASE_CPU_S).get(case) is False:
                    return f"{test} {case}"
        return None

    def search(self, job):
        """(what killed it, why nothing did)"""
        return self.search_changed(job) if job.text is not None else self.search_planted(job)

    def search_changed(self, job):
        folder = self.programs.changed(job)
        binary = os.path.join(folder, "hostile")
        scenarios = job.scenarios or self.programs.scenarios(job.room)
        if job.checks == ["nothing"]:
            killed, why = self.hostile(binary, 0, CONTROL, scenarios)
            if not killed and why == NOTHING:
                killed = f"nothing in {scenarios[0]}, 2 CPUs, bound 3"
            else:
                killed, why = None, killed or why
        else:
            killed, why = self.hostile(binary, 0, QUICK, scenarios)
            killed = killed or (None if job.scenarios else self.unit_kill(job, folder))
            if not killed:
                killed, why = self.hostile(binary, 0, SLOW, scenarios)
        shutil.rmtree(folder)
        return killed, why

    def order(self, job):
        """Bounds of the machine to try at; (): the unit tests."""
        if job.room != "mm":
            return ((), PLATFORM) if self.programs.in_machine(job.path) else ((),)
        if os.path.basename(job.path)[:-2] in SEQUENTIAL:
            return (), QUICK
        return QUICK[:2], (), QUICK[2:], SLOW

    def search_planted(self, job):
        why = "no unit test"
        for tries in self.order(job):
            if tries:
                killed, why = self.hostile(self.programs.whole, job.number, tries, self.programs.scenarios(job.room))
            else:
                killed = self.unit_kill(job)
            if killed:
                return killed, None
        return self.unit_kill_alone(job), why

    def repeat(self, job, kill):
        """The same of a kill: (the kill, None) or (None, what came instead)."""
        unit, machine = BY_UNIT.fullmatch(kill), BY_MACHINE.fullmatch(kill)
        if NOT_NOTICED.fullmatch(kill):
            return self.search(job)
        changed = self.programs.changed(job) if job.text is not None else None
        if machine:
            binary = os.path.join(changed, "hostile") if changed else self.programs.whole
            killed, why = self.once(binary, job.number, int(machine[3]), int(machine[4]), [machine[2]])
        elif unit and unit[1] in self.programs.tests[job.room]:
            program = self.programs.test_changed(job, changed, unit[1]) if changed else \
                self.programs.test_program(job.room, unit[1])
            passed = self.unit_run(program, job.number, unit[2]).get(unit[2])
            killed, why = (kill if passed is False else None), f"{kill}: {'passes' if passed else 'no verdict'}"
        else:
            killed, why = None, f"not understood: {kill}"
        if changed:
            shutil.rmtree(changed)
        return (kill, None) if killed == kill else (None, killed or why)

    def unplanted(self, kills):
        """What fails of the tries in kills, [(room, kill)], although nothing is planted."""
        def one(where):
            room, kill = where
            unit, machine = BY_UNIT.fullmatch(kill), BY_MACHINE.fullmatch(kill)
            if machine:
                killed, why = self.once(self.programs.whole, 0, int(machine[3]), int(machine[4]), [machine[2]])
                return killed or (why if why != NOTHING else None)
            if NOT_NOTICED.fullmatch(kill):
                return None
            passed = unit and unit[1] in self.programs.tests[room] and \
                self.unit_run(self.programs.test_program(room, unit[1]), 0, unit[2]).get(unit[2])
            return None if passed else f"{kill}: does not pass"
        # Which check would have noticed makes no difference here.
        tries = {(room, re.sub(r"^[\w-]+ in ", "none in ", kill)) for room, kill in kills}
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            return [why for why in pool.map(one, sorted(tries)) if why]


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
        yield Job(f"{source}:historic: " + " in ".join([name, *scenarios]), "mm", source, 0, text, checks.split(", "), scenarios)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def lines_of(name):
    """{mutant: what stands behind it} of a list beside this file."""
    found, path = {}, os.path.join(HERE, name)
    for line in read(path).splitlines() if os.path.exists(path) else []:
        if line and not line.startswith("#"):
            mutant, _, rest = line.partition("  ")
            found[mutant] = rest.strip()
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


class Tables:
    """What notices the mutants of some rooms, and the arguments about the others."""
    def __init__(self, rooms, names):
        """names: {mutant: its room}; of others a table says nothing once it is written."""
        self.names, self.lock = names, threading.Lock()
        self.kills = {room: lines_of(KILLS[room]) for room in rooms}
        self.reasons = {name: why for room in rooms for name, why in lines_of(REASONS[room]).items()
                        if name.split("/")[0] in rooms}

    def kill(self, job):
        return self.kills[job.room].get(job.name)

    def note(self, job, verdict, what):
        """Written at each verdict: a search takes long."""
        with self.lock:
            table = self.kills[job.room]
            table.pop(job.name, None)
            if verdict in ("killed", "unit", "control"):
                table[job.name] = what
            with open(os.path.join(HERE, KILLS[job.room]), "w", encoding="utf-8") as f:
                f.write(KILLS_HEAD % (job.room, FOUND_BY[job.room]) +
                        "".join(f"{name}  {kill}\n" for name, kill in sorted(table.items()) if name in self.names))

    def gone(self):
        return [f"{KILLS[room]}: there is no {name}" for room, table in self.kills.items() for name in table
                if name not in self.names]


def judge_all(jobs, task, tables, note):
    """[(job, verdict, what)], each told as it comes if it is a survivor."""
    def one(job):
        verdict, what = verdict_of(job, *task(job), tables.reasons.get(job.name))
        if verdict == "SURVIVED" or sys.stdout.isatty():
            print(f"{verdict:8} {job.name}  {what}", flush=True)
        if note:
            tables.note(job, verdict, what)
        return job, verdict, what

    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(one, jobs))


def summary(what, table):
    verdicts = [verdict for _, verdict, _ in table]
    count = {kind: verdicts.count(kind) for kind in ("killed", "unit", "argued", "control", "SURVIVED")}
    named = sum(job.text is not None for job, _, _ in table)
    return f"mutants of {what}: {len(table)} planted, " + (f"{named} of them historic, " if named else "") + \
        f"{count['killed']} killed by the hostile machine, {count['unit']} by unit tests, " \
        f"{count['argued']} equivalent as argued, " + \
        (f"{count['control']} controls rightly not noticed, " if count["control"] else "") + f"{count['SURVIVED']} survived"


def main():
    build, unit, cflags, libs, rooms, how, *only = sys.argv[1:]
    start, rooms = time.monotonic(), rooms.split()
    if only and only[0].split("/")[0] in rooms:
        rooms = [only[0].split("/")[0]]
    programs = Programs(build, unit, cflags, libs, rooms)
    judge = Judge(programs)
    every = (list(historic()) if "mm" in rooms else []) + programs.generate()
    names = [job.name for job in every]
    jobs = [job for job in every if not only or only[0] in job.name]
    tables = Tables(rooms, set(names))
    findings = [f"two mutants are called {name}" for name in sorted(set(names)) if names.count(name) > 1]

    def as_before(job):
        kill = tables.kill(job)
        if kill:
            return judge.repeat(job, kill)
        return None, f"not in {KILLS[job.room]}: make {FOUND_BY[job.room]} MUTANT={job.path}"

    def as_before_or_anew(job):
        killed, why = as_before(job)
        return (killed, why) if killed or job.name in tables.reasons else judge.search(job)

    if how == "known":
        findings += tables.gone()
        findings += [f"nothing planted: {why}" for why in
                     judge.unplanted([(room, kill) for room, table in tables.kills.items() for kill in table.values()])]
    table = judge_all(jobs, {"known": as_before, "search": judge.search, "new": as_before_or_anew}[how], tables, how != "known")
    argued = {job.name for job, verdict, _ in table if verdict == "argued"}
    findings += [f"{name}: argued, and killed, or there is no such mutant"
                 for name in tables.reasons if name not in argued and not only]
    print(*findings, sep="\n", end="\n" if findings else "")
    with open(os.path.join(build, "mutants.txt"), "w", encoding="utf-8") as f:
        f.writelines(f"{verdict:8} {job.name}  {what}\n" for job, verdict, what in table)
    if how != "known":
        for path in sorted({job.path for job in jobs}):
            print(summary(path, [row for row in table if row[0].path == path]))
    for room in rooms:
        print(summary(room + "/", [row for row in table if row[0].room == room]))
    print(f"{len(table)} mutants, {len(findings)} findings, {time.monotonic() - start:.0f} s")
    return 0 if table and not findings and all(verdict != "SURVIVED" for _, verdict, _ in table) else 1


if __name__ == "__main__":
    sys.exit(main())
