#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Plants each bug of bugs.txt in smp/ or the lot and runs its scenario: the named check must notice, or nothing where a control
says so.

usage: bugs.py BUILD "FLAGS" "ASSEMBLY FLAGS" [TEXT]      TEXT: only bugs whose name holds it

BUILD: the objects of `make test-hostile`; FLAGS: how those of smp/ and purgatory/ are compiled. Killed by another check, a crash,
a hang, or code that does not compile or link is no kill. "nothing": a control, that bug without what shows it.
The last line is a summary; exit status 0 only if all were killed.
"""
import concurrent.futures
import os
import re
import shlex
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
DEADLINE_S = 120
STRIP = str(os.getcwd().count("/"))                  # of an object's path: coverage is of no use here, and goes away
WORKERS = 2
RUNS = ((2, 0), (2, 1), (2, 2), (3, 0), (3, 1))
CONTROL_RUNS = ((2, 2),)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def run(command, **more):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=DEADLINE_S, **more)


def bugs():
    for line in read(os.path.join(HERE, "bugs.txt")).splitlines():
        if line and not line.startswith("#"):
            name, scenario, checks = re.split(r"  +", line)
            yield name, scenario, checks.split(", ")


def planted(name):
    """(path, text) of the changed file."""
    path = os.path.join("test/mutants", name + ".mutant") if "/" in name else os.path.join(HERE, "smp", name + ".bug")
    head, *blocks = re.split(r"^<<<<\n", read(path), flags=re.M)
    source = re.search(r"^file: (\S+)$", head, re.M)[1]
    text = read(source)
    for block in blocks:
        old, new = (p.removesuffix("\n") for p in re.fullmatch(r"(.*?)^====\n(.*?)^>>>>\n\s*", block, re.S | re.M).groups())
        if text.count(old) != 1:
            raise SystemExit(f"bugs.txt: {name}: {text.count(old)} places match in {source}")
        text = text.replace(old, new)
    return source, text


def rename_sections(obj):
    """As hostile.mk does: code and variables of the kernel and of the block apart."""
    where = "block" if "/purgatory/" in obj else "kernel"
    listing = subprocess.run(["objdump", "-h", obj], check=True, stdout=subprocess.PIPE, text=True).stdout
    command = ["objcopy", "--rename-section", f".text={where}_text", "--redefine-sym", "memcmp=hostile_memcmp"]
    for section in re.findall(r"^ *\d+ (\.bss\.[A-Za-z]\S*) ", listing, re.M):
        command += ["--rename-section", f"{section}={where}_state,alloc,load,data,contents"]
    subprocess.run(command + [obj], check=True)


def objects(build):
    """All of them below build, but what tests have put there."""
    found = []
    for root, folders, names in os.walk(build):
        folders[:] = [f for f in folders if f not in ("plain", "mutants", "bugs", "schema", "coverage", "self", "random")]
        found += [os.path.join(root, n) for n in names if n.endswith((".c.o", ".S.o"))]
    return sorted(found)


class Judge:
    def __init__(self, build, flags, asm_flags):
        self.build, self.flags, self.asm_flags = build, shlex.split(flags), shlex.split(asm_flags)
        self.all = objects(build)

    def make(self, name):
        """(the machine with this bug, None), or (None, why not)."""
        source, text = planted(name)
        folder = os.path.join(self.build, "bugs", name.replace("/", "-"))
        shutil.rmtree(folder, ignore_errors=True)
        mutated, obj = os.path.join(folder, source), os.path.join(folder, source + ".o")
        os.makedirs(os.path.dirname(mutated))
        with open(mutated, "w", encoding="utf-8") as f:
            f.write(text)
        flags = self.asm_flags if source.endswith(".S") else self.flags
        done = run(["gcc", *flags, "-I.", "-w", "-I" + os.path.dirname(source), "-c", "-o", obj, mutated])
        if done.returncode:
            return None, "does not compile: " + done.stdout[:200]
        rename_sections(obj)
        binary = os.path.join(folder, "hostile")
        others = [o for o in self.all if o != os.path.join(self.build, source + ".o")]
        done = run(["gcc", "-no-pie", "--coverage", "-o", binary, obj, *others])
        return (None, "does not link: " + done.stdout[:300]) if done.returncode else (binary, None)

    def scenario(self, binary, scenario, checks):
        """(what was as meant, None), or (None, what was not)."""
        folder = os.path.dirname(binary)
        env = dict(os.environ, GCOV_PREFIX=os.path.abspath(folder), GCOV_PREFIX_STRIP=STRIP)
        control = checks == ["nothing"]
        for cpus, bound in CONTROL_RUNS if control else RUNS:
            try:
                done = run([binary, "-f", "-c", str(cpus), "-b", str(bound), scenario], env=env)
            except subprocess.TimeoutExpired:
                return None, f"no end at {cpus} CPUs, bound {bound}"
            broken = re.search(r"^BROKEN \S+: ([\w-]+):", done.stdout, re.M)
            if broken and broken[1] in checks:
                return f"{broken[1]} in {scenario}, {cpus} CPUs, bound {bound}", None
            if broken or done.returncode:
                return None, done.stdout[-400:] or f"status {done.returncode} at {cpus} CPUs, bound {bound}"
        return (f"nothing in {scenario}, {cpus} CPUs, bound {bound}", None) if control else (None, "survived")

    def judge(self, name, lines):
        """[(scenario, what was as meant, what was not)] for each line of this bug."""
        binary, why = self.make(name)
        if why:
            return [(scenario, None, why) for scenario, _ in lines]
        found = [(scenario, *self.scenario(binary, scenario, checks)) for scenario, checks in lines]
        if all(good for _, good, _ in found):
            shutil.rmtree(os.path.dirname(binary))
        return found


def main():
    build, flags, asm_flags, *only = sys.argv[1:]
    start = time.monotonic()
    judge = Judge(build, flags, asm_flags)
    chosen = {}
    for name, scenario, checks in bugs():
        if not only or only[0] in name:
            chosen.setdefault(name, []).append((scenario, checks))
    table, bad, controls = [], 0, 0
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        for name, found in zip(chosen, pool.map(lambda name: judge.judge(name, chosen[name]), chosen)):
            for scenario, good, why in found:
                bad += not good
                controls += bool(good and good.startswith("nothing in"))
                table.append(f"{'as meant' if good else 'NOT'}  {name}  {good or scenario + ': ' + why}")
                if not good or sys.stdout.isatty():
                    print(table[-1], flush=True)
    with open(os.path.join(build, "bugs.txt"), "w", encoding="utf-8") as f:
        f.write("\n".join(table) + "\n")
    print(f"bugs of smp/ and the lot: {len(chosen)} planted, {len(table) - controls - bad} times noticed by their check, "
          f"{controls} controls, {bad} not as meant, {time.monotonic() - start:.0f} s")
    return 0 if chosen and not bad else 1


if __name__ == "__main__":
    sys.exit(main())
