# SPDX-License-Identifier: MIT
"""How tools/baton-soak judges what a machine says, how fast it goes, and when it is silent; no QEMU in here.

Memory stays bounded however long it runs: of the generations only sums and a time line of TIMELINE_SLOTS are kept.
"""
import collections
import datetime
import re
import sys
import time

import run

CLEAN, FAILED, HARNESS, INTERRUPTED = 0, 1, 2, 130
FIRMWARE_S = 180        # power-on to Baton's first line: else host or harness
FIRST_S = 180           # Baton's first line to its first generation: else Baton
SILENCE_S = 120         # from one generation to the next: else Baton
TOLD_S = 1.0            # Baton may finish what it tells of a failure, until it says that it halted
TIMELINE_SLOTS = 240
GAP_BUCKETS = 32        # powers of two in microseconds, as those of the report
TTY_S, LOG_S = 0.5, 60.0
REACHED = re.compile(r"^(?:baton: |Baton\b)")
IDENTITY = re.compile(r"^baton: grammar=1 (.*)")
# What is counted: its name, for one and many, its line (number and how many are left), what else ends a run, and how
# many times as long as a generation it may take.
Kind = collections.namedtuple("Kind", "unit units line failed slower")
GENERATIONS = Kind("generation", "generations", re.compile(r"event=generation n=(\d+) left=(\d+) "), None, 1)
PASSES = Kind("pass", "passes", re.compile(r"^guest: pass=(\d+) left=(\d+) "),
              re.compile(r"^guest: loop_failed=|Kernel panic|watchdog: BUG: "), 3)
END = re.compile(r"event=(?:error|exception|halted|reset) ")
HALTED = "event=halted "
# Baton does not understand a word that it was given: before the first generation whoever gave it is to blame.
WORDS = re.compile(r"event=error code=E12 ")

Outcome = collections.namedtuple("Outcome", "status why")


class Series:
    """Generations over time. A full time line is folded: half as many slots, each twice as long."""

    def __init__(self):
        self.count, self.number, self.first, self.last = 0, None, 0.0, 0.0
        self.slot_s, self.slots = 1.0, []
        self.gaps, self.longest_s, self.longest_at = [0] * GAP_BUCKETS, 0.0, 0

    def add(self, stamp, number):
        if self.count:
            gap = stamp - self.last
            self.gaps[min(int(gap * 1e6).bit_length(), GAP_BUCKETS - 1)] += 1
            if gap > self.longest_s:
                self.longest_s, self.longest_at = gap, number
        else:
            self.first = stamp
        self.count, self.number, self.last = self.count + 1, number, stamp
        while (stamp - self.first) / self.slot_s >= TIMELINE_SLOTS:
            self.slots += [0] * (len(self.slots) % 2)
            self.slots = [a + b for a, b in zip(self.slots[::2], self.slots[1::2])]
            self.slot_s *= 2
        slot = int((stamp - self.first) / self.slot_s)
        self.slots += [0] * (slot + 1 - len(self.slots))
        self.slots[slot] += 1

    def rate(self):
        return (self.count - 1) / (self.last - self.first) if self.count > 1 and self.last > self.first else 0.0


class Watch:
    """line() for each line, tick() after them; outcome is None until it is over. clean: what the line of a run without
    a failure looks like, once none is left. Times are of one clock, in seconds."""

    def __init__(self, now, clean, end=None, kind=GENERATIONS):
        self.series, self.outcome, self.identity, self.left = Series(), None, "", None
        self.clean, self.end, self.kind = re.compile(clean), end, kind
        self.reached, self.last = False, now
        self.told, self.told_at = None, 0.0

    def line(self, now, stamp, text):
        turn, identity = self.kind.line.search(text), IDENTITY.match(text)
        if identity:
            self.identity = identity[1]
        if not self.reached and REACHED.match(text):
            self.reached, self.last = True, now
        if self.told:
            self.told_at -= TOLD_S if HALTED in text else 0
        elif turn:
            self.series.add(stamp, int(turn[1]))
            self.left, self.last, self.reached = int(turn[2]), now, True
        elif self.left == 0 and self.clean.search(text):
            self.outcome = self.outcome or Outcome(CLEAN, "nothing is left to do")
        elif END.search(text) or run.PROBLEM.search(text) or self.kind.failed and self.kind.failed.search(text):
            self.told, self.told_at = text.strip(), now

    def blamed(self):
        return HARNESS if not self.series.count and WORDS.search(self.told) else FAILED

    def tick(self, now):
        if self.outcome:
            return
        unit, limit = self.kind.unit, SILENCE_S * self.kind.slower
        if self.told:
            if now - self.told_at >= TOLD_S:
                self.outcome = Outcome(self.blamed(), self.told)
        elif self.end and now >= self.end:
            self.outcome = Outcome(CLEAN, "the time is over") if self.series.count else \
                Outcome(HARNESS, "the time was over before the first %s" % unit)
        elif not self.reached and now - self.last > FIRMWARE_S:
            self.outcome = Outcome(HARNESS, "firmware did not start Baton within %d s" % FIRMWARE_S)
        elif self.reached and not self.series.count and now - self.last > FIRST_S * self.kind.slower:
            self.outcome = Outcome(FAILED, "no first %s within %d s of Baton's first line" %
                                   (unit, FIRST_S * self.kind.slower))
        elif self.series.count and now - self.last > limit:
            self.outcome = Outcome(FAILED, "no %s for %d s after %s %d" % (unit, limit, unit, self.series.number))

    def stands(self, reason):
        """The guest stopped without our doing, all of its lines are in."""
        if self.outcome:
            return
        if self.told:
            self.outcome = Outcome(self.blamed(), self.told)
        elif not self.reached:
            self.outcome = Outcome(HARNESS, "the machine stopped before Baton's first line: " + reason)
        else:
            self.outcome = Outcome(FAILED, "the machine stopped: %s%s" % (reason, {
                "guest-reset": " (a triple fault, or a reset that nobody ordered)",
                "guest-shutdown": " (it was switched off)"}.get(reason, "")))


def rate_words(rate):
    return "%.1f a second" % rate if rate >= 1 or not rate else "one in %.1f s" % (1 / rate)


class Progress:
    """A line that is rewritten on a terminal, one line a minute elsewhere."""

    def __init__(self, stream=None, clock=time.monotonic):
        self.stream, self.clock, self.next, self.open = stream or sys.stdout, clock, None, False
        self.tty = self.stream.isatty()

    def show(self, watch):
        now, series = self.clock(), watch.series
        if not series.count or (self.next is not None and now < self.next):
            return
        self.next = now + (TTY_S if self.tty else LOG_S)
        rate = series.rate()
        left_s = watch.end - now if watch.end else watch.left / rate if rate else None
        left = "time left unknown" if left_s is None else "%s left" % datetime.timedelta(seconds=int(max(left_s, 0)))
        text = "%s %d, %s, %s" % (watch.kind.unit, series.number, rate_words(rate), left)
        self.stream.write("\r" + text.ljust(72) if self.tty else text + "\n")
        self.stream.flush()
        self.open = self.tty

    def close(self):
        if self.open:
            self.stream.write("\n")
            self.stream.flush()
            self.open = False
