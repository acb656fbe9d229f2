#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""CPUs that misbehave at random while Baton starts Baton: every fault must be reported as what it was.

usage: misbehave.py [--generations N] [--cpus N] [--seed S] [--mem M] [--out DIR] [--fault WORDS]

The faults build draws in each generation which CPU does what (kernel/misbehave.h). This program draws the same on its own
and compares it with what the report of each generation says of each CPU, told by the next one, and, where a loop cannot go on
with that fault, with the verdict and the error that end it; then the machine starts anew with the next generation. A fault
that was not reported is missed, a verdict without a fault invented. --fault: more words of baton.fault=, which are not drawn,
to see that they are noticed. Exit status: 0 all as drawn, 1 not, 2 host or harness.
"""
import argparse
import collections
import os
import re
import sys
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tools"))
import mkimage  # noqa: E402
import ovmfvars  # noqa: E402
import qemu  # noqa: E402

BUILD = os.path.join(ROOT, os.environ.get("O", "build"))
FAULTS = os.path.join(BUILD, "baton-faults.efi")
MASK = (1 << 64) - 1
START_S, GENERATION_S = 180, 120
POLL_S = 0.05
CONF = ("console ttyS0,115200", "on-failure halt", "lost-cpu continue")
# The draw: kernel/misbehave.c.
ENDS_ONE_IN, CPU_ONE_IN = 32, 3
ENDING = ("deaf", "late", "slow", "no-park")
GOING_ON = ("twice", "lost-store", "spin", "nmi", "counter", "dead")
# The verdict in the report, and the INITs that it took.
VERDICT = {"": ("HALTED", 0), "twice": ("HALTED", 0), "lost-store": ("HALTED", 0), "spin": ("HALTED", 0),
           "nmi": ("INIT_RECALLED", 1), "counter": ("INIT_RECALLED", 1), "dead": ("LOST", 1),
           "deaf": ("NO_ANSWER", 0), "late": ("NO_ANSWER", 0)}
WAS = re.compile(r"event=was generation=(\d+) state=(\d+) failure=(\d+) kicks=(\d+) answers=(\d+) inits=(\d+) cpus=(\S+)")
GENERATION = re.compile(r"event=generation n=(\d+) left=(\d+) ")
MISSING = re.compile(r"event=(?:cpu|park) apic=(\d+) verdict=(LOST|NO_ANSWER) ")
ERROR = re.compile(r"event=error code=E(\d+) .*|event=exception .*")


def splitmix64(state):
    """The next state and its number."""
    state = (state + 0x9e3779b97f4a7c15) & MASK
    z = ((state ^ state >> 30) * 0xbf58476d1ce4e5b9) & MASK
    z = ((z ^ z >> 27) * 0x94d049bb133111eb) & MASK
    return state, z ^ z >> 31


def numbers(seed, generation):
    state = seed ^ (generation * 0xd1342543de82ef95 & MASK)
    while True:
        state, number = splitmix64(state)
        yield number


def draw(seed, generation, cpus):
    """{APIC ID: fault} of that generation."""
    stream = numbers(seed, generation)
    first = next(stream)
    if first % ENDS_ONE_IN == 0:
        kind = ENDING[next(stream) % len(ENDING)]
        return {1 + next(stream) % cpus: kind}
    drawn = {}
    for apic_id in range(1, cpus + 1) if first % 2 == 0 else ():
        whether, kind = next(stream), next(stream)
        if whether % CPU_ONE_IN == 0:
            drawn[apic_id] = GOING_ON[kind % len(GOING_ON)]
    return drawn


Was = collections.namedtuple("Was", "generation state failure kicks answers inits cpus")


def parse_was(line):
    match = WAS.search(line)
    if not match:
        return None
    cpus = {int(a): (v, int(n)) for a, v, n in (c.split(":") for c in match[7].split(","))}
    return Was(*(int(match[i]) for i in range(1, 7)), cpus)


def compare(was, drawn, cpus):
    """What the report of a generation that handed over says, and was not drawn or the other way round."""
    wrong = []
    expected = {apic_id: drawn.get(apic_id, "") for apic_id in range(1, cpus + 1)}
    if set(was.cpus) != {0, *expected}:
        wrong.append("the report has CPUs %s" % sorted(was.cpus))
    for apic_id, kind in expected.items():
        verdict, nmis = was.cpus.get(apic_id, ("nothing", 0))
        wanted = VERDICT[kind][0]
        if verdict != wanted:
            wrong.append("CPU %d: %s: %s, not %s" % (apic_id, "missed " + kind if kind and verdict == "HALTED" else
                                                      "another than " + kind if kind else "invented", verdict, wanted))
        elif kind in ("spin", "lost-store", "nmi", "counter", "dead") and not nmis:
            wrong.append("CPU %d: %s, and no NMI was needed" % (apic_id, kind))
    absent = sum(kind in ("deaf", "late") for kind in drawn.values())
    lost = sum(kind == "dead" for kind in drawn.values())
    figures = {"inits": sum(VERDICT[kind][1] for kind in drawn.values()), "kicks": cpus - absent,
               "answers": cpus - absent - lost}
    for name, value in figures.items():
        if getattr(was, name) != value:
            wrong.append("%s is %d, not %d" % (name, getattr(was, name), value))
    return wrong


def compare_end(error, missing, drawn, first):
    """A generation that ended the loop. first: the first of its machine, with no block before it."""
    (apic_id, kind), = drawn.items()
    if kind in ("deaf", "late"):
        if first:
            return ["%s of CPU %d ended the first generation: %s" % (kind, apic_id, error)]
        pattern, verdict = r"code=E88 .*APIC ID %d of generation \d+'s .* 1 in all" % apic_id, "NO_ANSWER"
    elif kind == "slow":
        pattern, verdict = r"code=E61 .*1 CPUs were lost on their way in", "LOST"
    else:
        # With all the others, or alone while memory is filled.
        pattern, verdict = r"code=E61 .*(?:1 CPUs did not reach the lot|APIC ID %d did not go offline)" % apic_id, "LOST"
    wrong = [] if re.search(pattern, error) else ["%s of CPU %d: %s" % (kind, apic_id, error)]
    named = "did not go offline" in error or missing == {apic_id: verdict}
    return wrong + ([] if named else ["%s of CPU %d: named are %s" % (kind, apic_id, missing)])


class Threads:
    """What the host gave each CPU of a machine: a guest that is not run looks like one that does not answer."""

    def __init__(self, vm):
        self.vm = vm
        self.of_cpu = {cpu["cpu-index"]: cpu["thread-id"] for cpu in vm.qmp("query-cpus-fast")}
        self.mark()

    def _now(self):
        """Milliseconds: of the clock, that the hypervisor above the host took, and {CPU: (run, ready without a CPU)}."""
        used = {}
        for cpu, thread in self.of_cpu.items():
            with open("/proc/%d/task/%d/schedstat" % (self.vm.process.pid, thread)) as f:
                used[cpu] = tuple(int(word) // 1000000 for word in f.read().split()[:2])
        with open("/proc/stat") as f:
            stolen = int(f.readline().split()[8]) * 1000 // os.sysconf("SC_CLK_TCK")
        return int(time.monotonic() * 1000), stolen, used

    def mark(self):
        self.marked = self._now()

    def since_mark(self):
        (then, stolen_then, before), (now, stolen, used) = self.marked, self._now()
        return "in %d ms (%d stolen from the host): %s" % (now - then, stolen - stolen_then, ", ".join(
            "CPU %d ran %d, waited %d" % (cpu, run - before[cpu][0], waited - before[cpu][1])
            for cpu, (run, waited) in sorted(used.items())))


class Campaign:
    """Counts, and what was wrong."""

    def __init__(self, args):
        self.args, self.done, self.starts = args, 0, 0
        self.planted, self.wrong = collections.Counter(), []

    def judge(self, generation, wrong, drawn):
        self.done += 1
        for kind in drawn.values():
            self.planted[kind] += 1
        for text in wrong:
            print("generation %d: %s" % (generation, text), flush=True)
            self.wrong.append((generation, text))

    def machine(self, first):
        """One that begins with that generation."""
        args, folder = self.args, self.args.out
        words = "baton.loop=%d baton.gen=%d baton.seed=%d baton.fault=random:%d%s" % (
            args.generations + 2, first, args.seed, args.cpus, "," + args.fault if args.fault else "")
        disk = os.path.join(folder, "misbehave.img")
        mkimage.make_image(disk, mkimage.baton_tree(FAULTS, FAULTS, [], "", CONF, digests=False))
        sectors = os.path.getsize(disk) // mkimage.SECTOR - mkimage.FIRST_SECTOR - mkimage.MIB // mkimage.SECTOR
        variables = ovmfvars.write(qemu.ovmf_files()[1], os.path.join(folder, "misbehave-vars.fd"),
                                   uuid.UUID(mkimage.PARTITION_GUID), mkimage.FIRST_SECTOR, sectors,
                                   "\\EFI\\BOOT\\BOOTX64.EFI", words)
        self.starts += 1
        return qemu.Machine(os.path.join(folder, "misbehave"), disk=disk, smp=args.cpus + 1, mem=args.mem,
                            bootindex=False, vars_file=variables, accel=qemu.loop_accel(args.cpus + 1), watched=True)

    def run_machine(self, first):
        """From that generation on; returns the next one that has not been judged."""
        generation, missing, deadline = first, {}, time.monotonic() + START_S
        with self.machine(first) as vm:
            threads = Threads(vm)
            while self.done < self.args.generations:
                lines = vm.take()
                for _, line in lines:
                    was, absent, error = parse_was(line), MISSING.search(line), ERROR.search(line)
                    drawn = draw(self.args.seed, generation, self.args.cpus)
                    if was:
                        assert was.generation == generation, (was, generation)
                        self.judge(generation, compare(was, drawn, self.args.cpus), drawn)
                        generation, missing, deadline = generation + 1, {}, time.monotonic() + GENERATION_S
                        threads.mark()
                    elif absent:
                        missing[int(absent[1])] = absent[2]
                    elif error:
                        ends = any(kind in ENDING for kind in drawn.values())
                        self.judge(generation, compare_end(error[0], missing, drawn, generation == first) if ends else
                                   ["invented: %s, missing are %s; %s" % (error[0], missing, threads.since_mark())],
                                   drawn)
                        if not ends:
                            vm.print_where()
                        return generation + 1
                    if self.done == self.args.generations:
                        return generation
                if vm.process.poll() is not None or (not lines and vm.ended()):
                    self.judge(generation, ["the machine stopped: %s" % (vm.own_words() or "reset")],
                               draw(self.args.seed, generation, self.args.cpus))
                    return generation + 1
                if time.monotonic() > deadline:
                    raise qemu.MachineError("nothing for too long in generation %d" % generation)
                time.sleep(POLL_S)
        return generation

    def run(self):
        generation = 1
        while self.done < self.args.generations:
            generation = self.run_machine(generation)
            print("%d generations, %d faults, %d starts of the machine" %
                  (self.done, sum(self.planted.values()), self.starts), flush=True)
        return self


def main(argv=None):
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n\n")[0])
    parser.add_argument("--generations", type=int, default=1000)
    parser.add_argument("--cpus", type=int, default=3, help="besides the boss")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mem", default="512M")
    parser.add_argument("--out", default=os.path.join(BUILD, "misbehave"))
    parser.add_argument("--fault", default="")
    args = parser.parse_args(argv)
    os.makedirs(args.out, exist_ok=True)
    try:
        done = Campaign(args).run()
    except (qemu.MachineError, OSError) as problem:
        print("misbehave: %s" % problem, file=sys.stderr)
        return 2
    for kind in (*ENDING, *GOING_ON):
        print("%-10s %d planted" % (kind, done.planted[kind]))
    print("misbehave: %d generations, %d faults planted, %d starts of the machine, seed %d: %d reported otherwise" % (
        done.done, sum(done.planted.values()), done.starts, args.seed, len(done.wrong)))
    return 1 if done.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
