# SPDX-License-Identifier: MIT
"""Programs with all mutants of some rooms in them, each behind its number (schema.py): a hostile machine, and the unit tests of
each room. And the hostile machine with one changed file.

Taken from the environment, as hostile.mk sets it: HOSTILE_FLAGS, how the machine is compiled; HOSTILE_TOLD, what those files get
besides whose plain accesses it is told, and HOSTILE_TOLD_CODE, their objects; MUTANT_POOL, the objects that unit tests are
linked with."""
import concurrent.futures
import os
import re
import shlex
import shutil
import subprocess
from collections import namedtuple

import bugs
import schema

DEADLINE_S = 120
WORKERS = 2
UNLOCKED = ["-include", "test/hostile/seam/unlocked.h"]
SWITCH = "test/hostile/planted/planted.c"

# number: of the switch that plants it, in path. text: the changed file instead, of a bug of historic.txt; checks: those that may
# notice it, in one of the scenarios (none: in any).
Job = namedtuple("Job", "name room path number text checks scenarios", defaults=(0, None, (), ()))


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


def sources_of(room):
    """What is mutated. Headers of mm/ hold code of its own; those of the other rooms are everybody's."""
    suffixes = (".c", ".h") if room == "mm" else ".c"
    return sorted(os.path.join(room, n) for n in os.listdir(room) if n.endswith(suffixes))


class Programs:
    def __init__(self, build, unit, cflags, libs, rooms):
        self.build, self.unit, self.libs, self.rooms = build, unit, shlex.split(libs), rooms
        self.hostile_flags = shlex.split(os.environ["HOSTILE_FLAGS"]) + ["-w", "-O0", "-g0", "-pipe"]
        self.told_flags = shlex.split(os.environ["HOSTILE_TOLD"])
        self.told = {os.path.relpath(o, build)[:-2] for o in os.environ["HOSTILE_TOLD_CODE"].split()}
        self.unit_flags = shlex.split(cflags)
        self.pool = {os.path.relpath(o, unit)[:-2]: o for o in os.environ["MUTANT_POOL"].split()}
        # The machine in one piece: it is linked for each bug of historic.txt.
        self.machine = os.path.join(build, "machine.o")
        plain = os.path.join(build, "plain")
        under = tuple(os.path.join(plain, room, "") for room in ("mm", "x86", "smp", "purgatory"))
        self.code = {os.path.relpath(o, plain)[:-2]: o for o in objects(plain) if o.startswith(under)}
        built(["ld", "-r", "-S", "-o", self.machine, *(o for o in objects(plain) if not o.startswith(under))])
        self.folder = os.path.join(build, "planted")
        self.whole = os.path.join(self.folder, "hostile")
        self.tests, self.help = {}, {}
        for room in rooms:
            names = sorted(n[:-2] for n in os.listdir(os.path.join("test/unit", room)) if n.endswith(".c"))
            self.tests[room] = [n for n in names if n.endswith("_test")]
            self.help[room] = [self.test_object(room, n) for n in names if not n.endswith("_test")]
            self.help[room].append(os.path.join(unit, "test/mutants/only.c.o"))

    def test_object(self, room, name):
        return os.path.join(self.unit, "test/unit", room, name + ".c.o")

    def test_program(self, room, name):
        return os.path.join(self.folder, "unit", room, name)

    def in_machine(self, path):
        return path.startswith("mm/") or path in self.told

    def generate(self):
        """[Job] of all mutants, which then are in self.whole and in the unit tests."""
        jobs, texts = [], {}
        for room in self.rooms:
            for path in sources_of(room):
                with open(path, encoding="utf-8") as f:
                    texts[path], made = schema.schema(path, f.read(), len(jobs) + 1, calls=room != "mm")
                jobs += [Job(name, room, path, len(jobs) + 1 + i) for i, name in enumerate(made)]
        shutil.rmtree(self.folder, ignore_errors=True)
        for path, text in texts.items():
            os.makedirs(os.path.dirname(os.path.join(self.folder, path)), exist_ok=True)
            with open(os.path.join(self.folder, path), "w", encoding="utf-8") as f:
                f.write(text)
        self.build_all([path for path in texts if path.endswith(".c")])
        return jobs

    def build_all(self, sources):
        first = ["-I" + self.folder]
        hostile = {p: os.path.join(self.folder, p + ".hostile.o") for p in [SWITCH, *sources] if p == SWITCH or self.in_machine(p)}
        unit = {p: os.path.join(self.folder, p + ".unit.o") for p in [SWITCH, *sources] if p == SWITCH or p in self.pool}
        os.makedirs(os.path.dirname(hostile[SWITCH]))
        # The mutated headers of mm/ in its own files alone: the others' objects are not made anew.
        source = {p: p if p == SWITCH else os.path.join(self.folder, p) for p in [SWITCH, *sources]}

        def for_machine(path):
            self.compile_hostile(path, source[path], hostile[path], [*(first if path.startswith("mm/") else ()), *UNLOCKED])

        def for_unit(path):
            # The twins first, as in the unchanged build.
            built(["gcc", "-Itest/twin", "-DSEAM=static inline", "-include", "test/twin/x86/atomic.h",
                   *(first if path.startswith("mm/") else ()), *self.unit_flags, *UNLOCKED, "-c", "-o", unit[path],
                   source[path]])

        def link_test(room, name):
            built(["gcc", "-o", self.test_program(room, name), self.test_object(room, name), *self.help[room], unit[SWITCH],
                   library, *self.libs])

        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            for made in [pool.submit(for_machine, p) for p in hostile] + [pool.submit(for_unit, p) for p in unit]:
                made.result()
            library = os.path.join(self.folder, "libplanted.a")
            built(["ar", "rcs", library, *(o for p, o in unit.items() if p != SWITCH),
                   *(o for p, o in self.pool.items() if p not in unit)])
            for room in self.rooms:
                os.makedirs(os.path.join(self.folder, "unit", room))
            for made in [pool.submit(link_test, room, name) for room in self.rooms for name in self.tests[room]]:
                made.result()
        self.link_hostile(self.whole, hostile)
        listed = run([self.whole, "-n"]).stdout.decode().split()
        self.of_mm = [n for n in listed if ":" not in n]
        self.of_platform = [n[4:] for n in listed if n.startswith("smp:")]

    def scenarios(self, room):
        return self.of_mm if room == "mm" else self.of_platform

    def compile_hostile(self, path, source, obj, more=()):
        built(["gcc", *more, *self.hostile_flags, *(self.told_flags if path in self.told else ()), "-c",
               "-o", obj, source])
        if path in self.told:
            bugs.rename_sections(obj)

    def link_hostile(self, binary, mutated):
        """mutated: {path: object}"""
        others = [o for path, o in self.code.items() if path not in mutated]
        built(["gcc", "-no-pie", "--coverage", "-o", binary, *mutated.values(), self.machine, *others])

    def changed(self, job):
        """The folder of the machine with a changed file, job.text."""
        folder = os.path.join(self.build, "mutants", re.sub(r"\W+", "-", job.name))
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        source, obj = os.path.join(folder, os.path.basename(job.path)), os.path.join(folder, "hostile.o")
        with open(source, "w", encoding="utf-8") as f:
            f.write(job.text)
        self.compile_hostile(job.path, source, obj)
        self.link_hostile(os.path.join(folder, "hostile"), {job.path: obj})
        return folder

    def test_changed(self, job, folder, test):
        """A unit test with the same file, linked in that folder."""
        obj, binary = os.path.join(folder, "unit.o"), os.path.join(folder, "test")
        built(["gcc", *self.unit_flags, "-c", "-o", obj, os.path.join(folder, os.path.basename(job.path))])
        built(["gcc", "-o", binary, self.test_object(job.room, test), *self.help[job.room], obj,
               os.path.join(self.unit, "libbaton.a"), *self.libs])
        return binary
