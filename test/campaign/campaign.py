#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`make campaign`: flips bits in the memory of a guest that hands over, and judges what happens then.

usage: campaign.py [--trials N] [--seed S] [--doors efi,bios] [--only CLASS,...] [--out DIR] [--fault WORD]
                   [--expect-missed]

Baton starts Baton in QEMU. The machine is stopped between placing and verification (the line phase=placed; for the block
phase=rollcall), bits are flipped from outside, it goes on. One outcome is right: the damage is detected and named to its
page, or it is in memory that does not matter and the next generation runs. Each trial starts from a snapshot.

class       flipped                                       right outcome
kernel, initrd, boot_params, cmdline, setup_data          E81, the segment and a page that was hit; or, where the block
                                                          copies it again, event=mended with both, and booted
tail        zeroes behind a segment's file                event=mended, as above, and booted
table       the digest table                              E82, the table
block       the block's read-only part                    E82, a page that was hit
canary      the sample of free memory                     E84, an address that was hit
pattern     free memory filled for the next generation    booted; that generation says E86 with the first address
idle        free memory that nobody uses                  booted, no word about it
after       any segment, once VERIFY is over              none: the documented hole, what happened is only counted

--fault: the faults build with that word, to see the campaign fail. Exit status: 0 every trial had its right outcome,
1 not so, 2 the harness failed, 130 interrupted (the sum is that of the trials until then); with --expect-missed 0 if every
trial was missed. Once a minute a line says how far it is.
"""
import argparse
import collections
import csv
import os
import random
import re
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tools"), os.path.dirname(os.path.abspath(__file__))]
import gdbstub  # noqa: E402
import guest as guests  # noqa: E402
import qemu  # noqa: E402

PAGE = guests.PAGE
OUTCOME_S = 60
HOLE_S = 8              # what went wrong after VERIFY may hang
FRESH = 100             # trials from one set of snapshots
PROGRESS_S = 60
RESTARTS_MAX = 3        # of an emulator that does not answer
# A deck that is dealt again and again: how often each class comes.
DECK = {"kernel": 5, "initrd": 6, "boot_params": 3, "cmdline": 3, "setup_data": 2, "tail": 2, "table": 2, "block": 6,
        "canary": 2, "pattern": 2, "idle": 6, "after": 1}
KINDS = ("single", "burst", "page")
BURST_BYTES = 64
ERROR = re.compile(r"event=error code=E(\d+) (.*)")
MENDED = re.compile(r"event=mended segment=(\w+) .*\bpage=0x([0-9a-f]+)")
PAGE_NAMED = re.compile(r"\bpage[= ]0x([0-9a-f]+)")
ADDRESS_NAMED = re.compile(r"\bat 0x([0-9a-f]+)")
SEGMENT_NAMED = re.compile(r'\bsegment[= ](\w+)|text="(block):|text="(digest table)')


class Target:
    """One run of memory that may be hit."""

    def __init__(self, name, base, size):
        self.name, self.base, self.size = name, base, size


def targets_of(layout, what):
    """The runs of a class, each as likely as any other."""
    runs = {
        "tail": [Target(n, d + s, m - s) for n, d, s, m in layout.segments if m > s],
        "table": [Target("digest table", layout.digest_table, layout.table_bytes)],
        "canary": [Target("canary", at, PAGE) for at in layout.canaries],
        "pattern": [Target("pattern", base, size) for base, size in layout.patterns],
        "idle": [Target("idle", base, size) for base, size in layout.idle],
        "after": [Target(n, d, s) for n, d, s, _ in layout.segments if n != "block"],
    }
    if what == "block":     # the header and the plan by their own digests, everything else of it as a segment
        return [Target("block", d, s) for n, d, s, _ in layout.segments if n == "block"] * 4 + \
               [Target("block", layout.block, guests.PLAN_AT + layout.plan_bytes)]
    return runs.get(what) or [Target(n, d, s) for n, d, s, _ in layout.segments if n == what]


def draw_mask(rng, target, kind):
    """(address, bytes to XOR with): not all zero, inside the target, a burst or a page's worth inside one page."""
    if kind == "page":
        first = rng.randrange(target.base // PAGE, (target.base + target.size - 1) // PAGE + 1) * PAGE
        start, end = max(first, target.base), min(first + PAGE, target.base + target.size)
        return start, bytes(rng.randrange(1, 256) for _ in range(end - start))
    start = rng.randrange(target.base, target.base + target.size)
    if kind == "single":
        return start, bytes([1 << rng.randrange(8)])
    end = min(start + rng.randrange(2, BURST_BYTES), target.base + target.size, (start // PAGE + 1) * PAGE)
    return start, bytes(rng.randrange(1, 256) for _ in range(end - start))


class Trial:
    def __init__(self, number, what, kind, target, address, mask):
        self.number, self.what, self.kind, self.target, self.address, self.mask = number, what, kind, target, address, mask
        self.lines, self.verdict, self.outcome = [], "", ""

    def page_hit(self, page):
        return self.address & ~(PAGE - 1) <= page < self.address + len(self.mask)

    def judge(self, generation):
        """Verdict: right, missed, misnamed, false-alarm, crashed, or hole."""
        text = "\n".join(self.lines)
        error = ERROR.search(text)
        booted = re.search(r"event=generation n=%d " % (generation + 1), text)
        self.outcome = "E%s" % error[1] if error else "booted" if booted else \
            "exception" if "event=exception" in text else "silence"
        if self.what == "after":
            self.verdict = "hole"
        elif self.what == "idle":
            self.verdict = "right" if booted and not error else "false-alarm" if error else "crashed"
        elif self.what == "pattern":
            named = error and error[1] == "86" and ADDRESS_NAMED.findall(error[2])
            after = "event=handover " in text
            self.verdict = "right" if after and named and int(named[0], 16) == self.address else \
                "misnamed" if error else "missed"
        elif "event=handover " in text:     # only what was mended may go on
            mended = MENDED.search(text)
            self.outcome = "mended" if mended and booted and not error else self.outcome
            self.verdict = "missed" if not mended or not booted or error else \
                "right" if mended[1] == self.target.name and self.page_hit(int(mended[2], 16)) else "misnamed"
        elif not error:
            self.verdict = "crashed"
        else:
            self.verdict = "right" if self._named(error) else "misnamed"

    def _named(self, error):
        code = {"table": "82", "block": "82", "canary": "84"}.get(self.what, "81")
        if error[1] != code:
            return False
        if self.what == "canary":
            at = int(ADDRESS_NAMED.findall(error[2])[0], 16)
            return self.address & ~7 <= at < self.address + len(self.mask)
        name = next((n for n in SEGMENT_NAMED.search(error[2]).groups() if n), "")
        page = PAGE_NAMED.search(error[2])
        return name == self.target.name and (self.what == "table" or (page and self.page_hit(int(page[1], 16))))

    def text(self):
        return "trial %d: %s %s, %d bytes at 0x%x (%s at 0x%x): %s, %s" % (
            self.number, self.what, self.kind, len(self.mask), self.address, self.target.name, self.target.base,
            self.outcome, self.verdict)


def is_over(lines, generation):
    return any(ERROR.search(line) or "event=generation n=%d " % (generation + 1) in line for line in lines)


def run_trial(guest, trial):
    guest.restore({"block": "rollcall", "after": "verified"}.get(trial.what, "placed"))
    mark = guest.mark()
    guest.xor(trial.address, trial.mask)
    guest.gdb.go()
    deadline = time.monotonic() + (HOLE_S if trial.what == "after" else OUTCOME_S)
    while time.monotonic() < deadline and not is_over(guest.since(mark), guest.generation):
        if guest.gdb.wait_stop(0.002):      # nobody asked for it: the machine has shut down
            break
    guest.gdb.stop()
    trial.lines = guest.since(mark)
    trial.judge(guest.generation)


def start_guest(args, door, folder, build):
    words = "baton.seed=%d" % args.seed + (" baton.fault=" + args.fault if args.fault else "")
    guest = guests.Guest(os.path.join(folder, door), door, build, words)
    guest.__enter__()
    return guest


def deal(rng, only):
    """Classes without end, each as often as the deck says in every round."""
    while True:
        deck = [what for what, times in DECK.items() if not only or what in only for _ in range(times)]
        rng.shuffle(deck)
        yield from deck


class Progress:
    """A line a minute on stderr."""

    def __init__(self, door, count):
        self.door, self.count, self.began = door, count, time.monotonic()
        self.told = self.began

    def tell(self, done):
        now = time.monotonic()
        if now - self.told < PROGRESS_S:
            return
        self.told = now
        rate = len(done) / (now - self.began)
        wrong = sum(t.verdict not in ("right", "hole") for t in done)
        print("campaign: %s %d of %d, %.1f a second, %d min left, %d not right" % (
            self.door, len(done), self.count, rate, (self.count - len(done)) / rate / 60 if rate else 0, wrong),
              file=sys.stderr, flush=True)


def run_door(args, door, count, done, folder, build, rng):
    """Trials of one machine; each finished one is added to done at once."""
    start, restarts = len(done), 0
    progress = Progress(door, count)
    guest = start_guest(args, door, folder, build)
    try:
        for what in deal(rng, args.only):
            progress.tell(done[start:])
            if len(done) - start == count:
                break
            if (len(done) - start) % FRESH == 0 or not guest.generation:
                if guest.generation:
                    guest.restore("verified")
                guest.take()
            target = rng.choice(targets_of(guest.layout, what) or [None])
            if not target:
                continue            # a class that this machine does not have
            kind = rng.choice(KINDS)
            trial = Trial(len(done) + 1, what, kind, target, *draw_mask(rng, target, kind))
            try:
                run_trial(guest, trial)
            except gdbstub.Hung as problem:         # no guest can do that to the emulator: the trial does not count
                restarts += 1
                print("%s: %s, emulator started again: %s" % (door, problem, trial.text()), flush=True)
                if restarts > RESTARTS_MAX:
                    raise
                guest.__exit__()
                guest = start_guest(args, door, folder, build)
                continue
            done.append(trial)
            if trial.verdict not in ("right", "hole", "missed" if args.expect_missed else ""):
                print("%s: %s" % (door, trial.text()), flush=True)
                print("\n".join("    " + line for line in trial.lines[-4:]), flush=True)
    finally:
        guest.__exit__()


def table(trials):
    counts = collections.Counter((t.what, t.kind) for t in trials)
    good = collections.Counter(t.what for t in trials if t.verdict == "right")
    lines = ["%-12s %8s %8s %8s %8s %8s" % ("class", *KINDS, "trials", "right")]
    for what in DECK:
        total = sum(counts[what, kind] for kind in KINDS)
        if total:
            lines.append("%-12s %8d %8d %8d %8d %8s" % (what, *(counts[what, kind] for kind in KINDS), total,
                                                        "-" if what == "after" else good[what]))
    holes = collections.Counter(t.outcome for t in trials if t.what == "after")
    if holes:
        lines.append("after VERIFY, the documented hole: " + ", ".join("%d %s" % (n, o) for o, n in sorted(holes.items())))
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n\n")[0])
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="0: the clock chooses")
    parser.add_argument("--doors", default="efi,bios", type=lambda s: s.split(","))
    parser.add_argument("--only", default="", type=lambda s: [w for w in s.split(",") if w])
    parser.add_argument("--out", default=os.path.join(ROOT, "build", "campaign"))
    parser.add_argument("--fault")
    parser.add_argument("--expect-missed", action="store_true")
    args = parser.parse_args()
    if not set(args.only) <= set(DECK) or not set(args.doors) <= set(guests.MACHINES) or args.trials < 1:
        parser.error("unknown class or door, or no trials")
    args.seed = args.seed or int.from_bytes(os.urandom(4), "little") | 1
    folder = os.path.join(ROOT, os.environ.get("O", "build"))
    variant = os.path.join(folder, "faults") if args.fault else folder
    build = {"efi": os.path.join(variant, "baton.efi"), "elf": os.path.join(variant, "baton.elf"),
             "block": os.path.join(variant, "block.elf")}
    os.makedirs(args.out, exist_ok=True)
    trials, began, interrupted = [], time.monotonic(), False
    try:
        for i, door in enumerate(args.doors):
            share = args.trials // len(args.doors) + (i < args.trials % len(args.doors))
            rng = random.Random("%d %s" % (args.seed, door))
            if share:
                run_door(args, door, share, trials, args.out, build, rng)
    except KeyboardInterrupt:
        interrupted = True
    except (qemu.MachineError, OSError) as problem:
        print("campaign: %s" % problem, file=sys.stderr)
        return 2
    with open(os.path.join(args.out, "trials.csv"), "w", newline="") as f:
        writer = csv.writer(f)
        writer.writerow(("trial", "class", "kind", "address", "bytes", "outcome", "verdict"))
        writer.writerows((t.number, t.what, t.kind, hex(t.address), len(t.mask), t.outcome, t.verdict) for t in trials)
    verdicts = collections.Counter(t.verdict for t in trials)
    seconds = time.monotonic() - began
    print(table(trials))
    print("campaign: %d trials in %d s (%.1f a second), seed %d: %d right, %d missed, %d misnamed, %d false alarms, "
          "%d crashed, %d after VERIFY" % (len(trials), seconds, len(trials) / seconds, args.seed, verdicts["right"],
                                           verdicts["missed"], verdicts["misnamed"], verdicts["false-alarm"],
                                           verdicts["crashed"], verdicts["hole"]))
    if interrupted:
        return 130
    good = verdicts["missed"] if args.expect_missed else verdicts["right"] + verdicts["hole"]
    return 0 if good == len(trials) and len(trials) > verdicts["hole"] else 1


if __name__ == "__main__":
    sys.exit(main())
