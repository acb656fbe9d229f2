# SPDX-License-Identifier: MIT
"""The parts of tools/baton-soak alone: verdicts from lines and silence, figures, files. No emulator; time is a number.

SOAK_TOOLS: another folder than tools/ to take them from (test_soak_mutants.py)."""
import argparse
import io
import os
import re
import struct
import sys
import xml.etree.ElementTree

import pytest

TOOLS = os.environ.get("SOAK_TOOLS") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools")
sys.path.insert(0, TOOLS)
import soak_evidence  # noqa: E402
import soak_report  # noqa: E402
import soak_watch  # noqa: E402
from soak_stub import load_soak  # noqa: E402

soak = load_soak(TOOLS)
pytestmark = pytest.mark.quick
CLEAN_LINE = soak.MODES["baton"].clean
BATON = "baton: grammar=1 version=0.1 commit=0123456789ab build=release"
E30 = 'baton: event=error code=E30 text="no bundle"'


def generation(n, left):
    return "baton: event=generation n=%d left=%d us=50000 free_pages=1" % (n, left)


def watched(*lines, end=None):
    """A watch at time 0 that got these lines, all at once."""
    watch = soak_watch.Watch(0.0, CLEAN_LINE, end)
    for at, text in enumerate(lines):
        watch.line(0.0, at * 0.05, text)
    return watch


def outcome_at(watch, now):
    watch.tick(now)
    return watch.outcome


def test_clean_needs_the_last_generation():
    assert watched(BATON, generation(1, 1), generation(2, 0), E30).outcome.status == 0
    early = watched(BATON, generation(1, 2), generation(2, 1), E30)
    assert outcome_at(early, 2.0) == (1, E30)


def test_a_failure_is_told_to_its_end():
    """A second for the rest of a dump, less if Baton says that it halted; the first line is the reason."""
    first = 'baton: event=exception vector=14 error=0x0'
    watch = watched(BATON, generation(1, 5), first, "baton: event=registers rax=0x0")
    assert outcome_at(watch, 0.5) is None
    watch.line(0.6, 0.6, "baton: event=halted seconds=0")
    assert outcome_at(watch, 0.6) == (1, first)
    assert outcome_at(watched(BATON, generation(1, 5), first), 1.1) == (1, first)


def test_a_refusal_before_the_start():
    line = "Baton: E20: \\EFI\\baton\\kernel is missing"
    assert outcome_at(watched(line), 2.0) == (1, line)


def test_words_that_baton_does_not_know():
    """Whoever gave them is to blame, unless generations came before: then it is Baton's own command line."""
    line = 'baton: event=error code=E12 text="baton.fault=strayy is not a fault"'
    assert outcome_at(watched(BATON, line), 2.0) == (2, line)
    assert outcome_at(watched(BATON, generation(1, 5), line), 2.0) == (1, line)


@pytest.mark.parametrize("words", (("--hours", "inf"), ("--hours", "nan"), ("--hours", "1e300"), ("--seed", str(2 ** 64)),
                                   ("--loops", str(2 ** 64)), ("--gen", str(2 ** 64)), ("--smp", "0")))
def test_numbers_out_of_range(monkeypatch, capsys, words):
    monkeypatch.setattr("sys.argv", ["baton-soak", *words])
    with pytest.raises(SystemExit) as ended:
        soak.arguments()
    assert ended.value.code == 2 and "%s: " % words[0] in capsys.readouterr().err


@pytest.mark.parametrize("problem,words", ((SystemExit("mkimage.py: mcopy is not installed"), "mcopy is not installed"),
                                           (ValueError("what"), "ValueError('what')"), (OSError(28, "full"), "full")))
def test_whatever_goes_wrong_here_is_not_batons(monkeypatch, tmp_path, problem, words):
    def machine(*_):
        raise problem
    for name in ("baton.efi", "baton.elf"):
        (tmp_path / name).write_bytes(b"x")
    args = arguments(baton=str(tmp_path / "baton.efi"), elf=str(tmp_path / "baton.elf"), no_self_check=True)
    monkeypatch.setitem(soak.MODES, "baton", soak.Mode(machine, CLEAN_LINE))
    folder = tmp_path / "run"
    folder.mkdir()
    run = soak.Run(args, str(folder))
    run.make()
    assert run.status == 2 and words in run.why


def test_whose_silence():
    """Firmware's is the host's; Baton's is Baton's; each message says its own limit."""
    limits = soak_watch.FIRMWARE_S, soak_watch.FIRST_S, soak_watch.SILENCE_S
    cases = ((("BdsDxe: starting Boot0001 \"Baton\"",), limits[0], 2, "did not start Baton within %d s" % limits[0]),
             ((BATON,), limits[1], 1, "no first generation within %d s" % limits[1]),
             ((BATON, generation(41, 5)), limits[2], 1, "no generation for %d s after generation 41" % limits[2]))
    for lines, limit, status, words in cases:
        watch = watched(*lines)
        assert outcome_at(watch, limit - 1) is None, lines
        found = outcome_at(watch, limit + 1)
        assert found.status == status and words in found.why, found


def test_a_generation_ends_the_silence():
    watch = watched(BATON, generation(1, 5))
    watch.line(100.0, 100.0, generation(2, 4))
    assert outcome_at(watch, 100.0 + soak_watch.SILENCE_S - 1) is None


def test_the_time_is_over():
    assert outcome_at(watched(BATON, generation(1, 5), end=60.0), 61.0).status == 0
    assert outcome_at(watched(BATON, end=60.0), 61.0).status == 2


def test_a_machine_that_stops():
    for lines, status in (((BATON, generation(3, 5)), 1), ((BATON,), 1), (("SeaBIOS",), 2)):
        watch = watched(*lines)
        watch.stands("guest-reset")
        assert watch.outcome.status == status and "guest-reset" in watch.outcome.why
    told = watched(BATON, E30)
    told.stands("guest-reset")
    assert told.outcome == (1, E30), "what Baton told before it is the reason"


@pytest.mark.parametrize("last,status", (
    ("guest: loop=good passes=2", soak_watch.CLEAN),
    ("guest: loop_failed=pass 2: reserved is 2, was 1 in pass 0", soak_watch.FAILED),
    ("Kernel panic - not syncing: nothing", soak_watch.FAILED)))
def test_passes_with_linux(last, status):
    """Baton's own generations are not counted then; a pass has more time."""
    watch = soak_watch.Watch(0.0, soak.MODES["mixed"].clean, kind=soak_watch.PASSES)
    for text in (BATON, generation(1, 0), *("guest: pass=%d left=%d e820=1" % (n, 2 - n) for n in range(3))):
        watch.line(0.0, 0.0, text)
    watch.tick(soak_watch.SILENCE_S + 1)
    assert watch.outcome is None and watch.series.count == 3 and watch.series.number == 2
    watch.line(1.0, 1.0, last)
    watch.tick(1.0 + soak_watch.TOLD_S)
    assert watch.outcome and watch.outcome.status == status


def test_no_pass_for_long():
    watch = soak_watch.Watch(0.0, soak.MODES["linux"].clean, kind=soak_watch.PASSES)
    watch.line(0.0, 0.0, "guest: pass=0 left=5 e820=1")
    watch.tick(3 * soak_watch.SILENCE_S + 1)
    assert watch.outcome == (soak_watch.FAILED, "no pass for 360 s after pass 0")


def test_series_is_bounded_and_complete():
    series = soak_watch.Series()
    for i in range(200000):
        series.add(10 + i * 0.05 + (7 if i >= 150000 else 0), i + 1)
    assert len(series.slots) <= soak_watch.TIMELINE_SLOTS and len(series.gaps) == soak_watch.GAP_BUCKETS
    assert sum(series.slots) == series.count == 200000 and sum(series.gaps) == 199999
    assert series.longest_at == 150001 and abs(series.longest_s - 7.05) < 0.01
    assert abs(series.rate() - 199999 / (199999 * 0.05 + 7)) < 1e-6
    assert len(series.slots) * series.slot_s >= series.last - series.first


def test_series_folds_an_odd_number():
    series = soak_watch.Series()
    for stamp in (*range(soak_watch.TIMELINE_SLOTS - 1), soak_watch.TIMELINE_SLOTS * 3):
        series.add(stamp, 1)
    assert sum(series.slots) == series.count


def test_serial_log_is_bounded(tmp_path):
    """Head and tail are whole, the middle is counted; also while it runs no more is on the disk."""
    path, total = tmp_path / "serial.log", 0
    log = soak_evidence.SerialLog(str(path), head=1000, tail=2000)
    for i in range(5000):
        text = "line %05d of the run" % i
        log.add_all([(0, text)])
        total += len(text) + 1
        assert sum(f.stat().st_size for f in tmp_path.iterdir()) <= 1000 + 2 * 2000
    log.close()
    assert os.listdir(tmp_path) == ["serial.log"]
    lines = path.read_text().splitlines()
    marks = [i for i, line in enumerate(lines) if line.startswith("[baton-soak: ")]
    assert len(marks) == 1
    mark = marks[0]
    assert lines[0] == "line 00000 of the run" and lines[-1] == "line 04999 of the run"
    left_out = int(re.search(r": (\d+) bytes are left out", lines[mark])[1])
    kept = sum(len(line) + 1 for line in lines) - len(lines[mark]) - 1
    assert kept + left_out == total and sum(len(line) + 1 for line in lines[mark + 1:]) >= 2000
    numbers = [int(line.split()[1]) for line in lines[mark + 1:]]
    assert numbers == list(range(numbers[0], 5000))


def test_short_serial_log_is_whole(tmp_path):
    log = soak_evidence.SerialLog(str(tmp_path / "serial.log"), head=100, tail=100)
    for i in range(12):
        log.add("line %d" % i)
    log.close()
    assert (tmp_path / "serial.log").read_text() == "".join("line %d\n" % i for i in range(12))


class Stream(io.StringIO):
    def __init__(self, tty):
        super().__init__()
        self.tty = tty

    def isatty(self):
        return self.tty


def shown(tty, end=None):
    """What the progress says of generations 1000 to 1600 in 600 seconds."""
    stream, now = Stream(tty), [0.0]
    progress, watch = soak_watch.Progress(stream, lambda: now[0]), watched(end=end)
    for i in range(601):
        now[0] = float(i)
        watch.line(now[0], now[0], generation(1000 + i, 4000 - i))
        progress.show(watch)
    progress.close()
    return stream.getvalue()


def test_progress_once_a_minute():
    lines = shown(False).splitlines()
    assert len(lines) == 11
    assert lines[1] == "generation 1060, 1.0 a second, 1:05:40 left"
    assert lines[-1] == "generation 1600, 1.0 a second, 0:56:40 left"


def test_progress_on_a_terminal():
    text = shown(True, end=3600.0)
    parts = text.split("\r")[1:]
    assert len(parts) == 601 and text.count("\n") == 1 and text.endswith("\n")
    assert parts[-1].rstrip() == "generation 1600, 1.0 a second, 0:50:00 left"
    assert len({len(part.rstrip("\n")) for part in parts}) == 1, "a shorter line would leave the end of the one before"


HIGH = 0xa0000000
MTREE = """FlatView #0
 AS "I/O", root: io
  0000000000000000-0000000000000007 (prio 0, i/o): dma-chan

FlatView #1
 AS "memory", root: system
 AS "cpu-memory-0", root: system
  0000000000000000-00000000000bffff (prio 0, ram): pc.ram
  00000000000c0000-00000000000dffff (prio 1, rom): pc.rom
  0000000000100000-0000000000ffffff (prio 0, ram): pc.ram @0000000000100000
  000000007f000000-000000007fffffff (prio 0, ram): pc.ram @000000007f000000
  00000000febc0000-00000000febdffff (prio 1, i/o): e1000-mmio
  000000009f800000-00000000a07fffff (prio 0, ram): pc.ram @000000009f800000
  0000000100000000-000000017fffffff (prio 0, ram): pc.ram @00000000b0000000
"""


class Frozen:
    """A machine with a block at each of some addresses: generation, base, report address."""

    def __init__(self, *blocks):
        self.pieces = {}
        for number, base, report in blocks:
            self.pieces[base] = soak_evidence.BLOCK_MAGIC + struct.pack(
                "<IIQQ", soak_evidence.BLOCK_VERSION, soak_evidence.BLOCK_HEADER, base, 0x3000).ljust(40, b"\0") + \
                struct.pack("<QQ", number, report).ljust(64, b"\0")

    def monitor(self, command):
        assert command == "info mtree -f"
        return MTREE

    def read_memory(self, at, size):
        assert at + size <= soak_evidence.BLOCKS_BELOW, "minutes for nothing"
        memory = bytearray(size)
        for base, data in self.pieces.items():
            if at <= base < at + size:
                memory[base - at:base - at + len(data)] = data
        return bytes(memory)


def test_blocks_everywhere(tmp_path, monkeypatch):
    """In all memory below 4 GiB; newest first; only what is a block's own place."""
    monkeypatch.setattr(soak_evidence, "CHUNK", 4 << 20)
    vm = Frozen((7, HIGH + 0x1000, 0), (6, 0x7fff0000, 0))
    vm.pieces[0x200000] = vm.pieces[HIGH + 0x1000]      # a copy of it is none
    found = soak_evidence.find_blocks(vm)
    assert [(n, base) for n, base, _, _ in found] == [(7, HIGH + 0x1000), (6, 0x7fff0000)]
    soak_evidence.keep_memory(vm, str(tmp_path), found[1])
    end = 0x80000000        # where memory ends
    assert (tmp_path / "memory.bin").stat().st_size == end - (0x7fff0000 - soak_evidence.AROUND)
    assert "begins at 0x7ffd0000; the block at 0x7fff0000" in (tmp_path / "memory.txt").read_text()


def test_a_step_that_fails_is_a_note():
    def fail():
        raise soak.qemu.MachineError("no answer")
    keeper = soak_evidence.Keeper()
    assert keeper.step("registers", fail) is None and keeper.step("more", lambda: 5) == 5
    assert keeper.notes == ["registers: no answer"]


def arguments(**more):
    words = dict(smp=4, mem="512M", seed=7, gen=1, pattern="all", mode="baton", fault=None, loops=1000, hours=0)
    return argparse.Namespace(**{**words, **more})


def option(words, name):
    assert name in words
    return words[words.index(name) + 1]


def test_repro_words():
    words = soak_evidence.repro_words(arguments(fault="stray@450"), 450, True)
    first = 450 - soak_evidence.REPRO_BEFORE
    words_of_passes = soak_evidence.repro_words(arguments(mode="linux"), 450, False)
    assert option(words_of_passes, "--gen") == "1" and option(words_of_passes, "--loops") == "449"
    assert option(words, "--gen") == str(first) and option(words, "--fault") == "stray@450"
    assert int(option(words, "--loops")) + first == 450 + soak_evidence.REPRO_AFTER
    assert option(words, "--seed") == "7" and option(words, "--pattern") == "all" and "--no-self-check" in words
    clean = soak_evidence.repro_words(arguments(gen=30), 40, False)
    assert option(clean, "--gen") == "30" and option(clean, "--loops") == "10" and "--fault" not in clean
    assert option(soak_evidence.repro_words(arguments(gen=30), None, False), "--loops") == "1"


class FakeMachine:
    """What a self-check meets: says its lines, then stays as it is."""

    def __init__(self, *lines):
        self.lines, self.process = [(i * 0.05, line) for i, line in enumerate(lines)], self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def poll(self):
        return None

    def ended(self):
        return None

    def take(self):
        lines, self.lines = self.lines, []
        return lines


@pytest.mark.parametrize("generations,error,good", (
    (4, 'code=E87 text="census of generation 5: free pages"', True),
    (1, 'code=E87 text="census of generation 2: free pages"', False),
    (4, 'code=E86 text="16 bytes changed"', False)))
def test_planted_fault_in_its_generation(monkeypatch, generations, error, good):
    leak = next(planted for planted in soak.PLANTED if planted.word == "leak")
    lines = [BATON, *(generation(n + 1, 12 - n) for n in range(generations)), "baton: event=error " + error,
             "baton: event=halted seconds=0"]
    monkeypatch.setitem(soak.MODES, "baton", soak.Mode(lambda *_: FakeMachine(*lines), CLEAN_LINE))
    assert (soak.find_planted("", arguments(), leak) is None) == good


def finished(status, why="because", found=len(soak.PLANTED)):
    run = soak.Run(arguments(), "")
    run.status, run.why, run.found = status, why, found
    for i in range(100):
        run.series.add(i * 0.1, i + 1)
    return run


@pytest.mark.parametrize("status,kind", ((0, None), (1, "failure"), (2, "error"), (130, "skipped")))
def test_junit_says_whose_fault(status, kind):
    suite = xml.etree.ElementTree.fromstring(soak_report.junit(finished(status, 'E86 "<&"')).encode())
    check, case = suite.findall("testcase")
    assert [child.tag for child in case] == ([kind] if kind else []) and len(check) == 0
    assert [suite.get(name) for name in ("failures", "errors", "skipped")] == \
        [str(int(name == kind)) for name in ("failure", "error", "skipped")]
    assert not kind or 'E86 "<&"' in case[0].get("message")


def test_junit_is_xml_whatever_the_serial_line_said():
    suite = xml.etree.ElementTree.fromstring(soak_report.junit(finished(1, "E86 \x01\x1b[0m")).encode())
    assert suite[1][0].get("message").endswith("E86 ??[0m")


def test_junit_of_the_self_check():
    suite = xml.etree.ElementTree.fromstring(soak_report.junit(finished(2, found=3)).encode())
    assert suite.get("errors") == "2" and suite[0][0].tag == "error"
    assert xml.etree.ElementTree.fromstring(soak_report.junit(finished(0, found=None)).encode())[0][0].tag == "skipped"


REPORT = {"platform": "tcg", "product": "q35", "cpu_model": "<cpu>", "baton_version": "0.1", "commit": "abc",
          "stats": [{"name": "lot", "count": 9, "min_us": 3, "max_us": 900, "sum_us": 900,
                     "buckets": [0, 0, 5, 3, 0, 1]}],
          "cpus": [{"apic_id": 0, "verdict": "ONLINE", "park": "hlt", "online_us": 1, "kick_us": 2, "nmis_sent": 0,
                    "nmis_seen": 0}]}


@pytest.mark.parametrize("status", (0, 1, 2, 130))
def test_page_in_its_order(status):
    """Verdict and platform, self-check, rate, histograms, time line, CPUs; nothing from elsewhere."""
    page = "\n".join(soak_report.page_of(finished(status, "<b>"), REPORT, [("seed", 7)]))
    marks = ("<h1", "512M", "tcg: q35, &lt;cpu&gt;", "self-check: 4 of 4", "<h2>Rate", "<h2>Latency", "<b>lot", "<rect",
             "<h2>Time line", "<polyline", "<h2>CPUs of the last handover", "<td>ONLINE", "<h2>This run")
    at = [page.index(mark) for mark in marks]
    assert at == sorted(at), list(zip(marks, at))
    assert "http" not in page and "src=" not in page and "<p><b><b>" not in page


def test_page_without_a_report():
    page = "\n".join(soak_report.page_of(finished(2), None, []))
    assert "No report was found" in page and "<polyline" in page


def test_times_keep_three_digits():
    """A generation of 1.89 s is not one of 1 s."""
    assert [soak_report.short(us) for us in (999, 1000, 76543, 999499, 999500, 1890000, 1 << 21)] == \
        ["999us", "1ms", "76.5ms", "999ms", "1s", "1.89s", "2.1s"]
