# SPDX-License-Identifier: MIT
"""Each change to tools/baton-soak or its parts makes the test that is named for it fail, by a check of its own."""
import os
import re
import shutil
import subprocess
import sys

import pytest

from harness import ROOT

pytestmark = pytest.mark.quick
TOOLS = os.path.join(ROOT, "tools")
UNITS = os.path.join(ROOT, "test", "system", "test_soak_units.py")
UNITS_S = 120

# name: file, what stands there once, what takes its place, the test.
MUTANTS = {
    "clean-too-early": ("soak_watch.py", "elif self.left == 0 and self.clean", "elif self.clean",
                        "test_clean_needs_the_last_generation"),
    "refusal-unseen": ("soak_watch.py", "END.search(text) or run.PROBLEM.search(text)", "END.search(text)",
                       "test_a_refusal_before_the_start"),
    "firmware-is-baton": ("soak_watch.py", "Outcome(HARNESS, \"firmware did", "Outcome(FAILED, \"firmware did",
                          "test_whose_silence"),
    "wrong-limit-told": ("soak_watch.py", "(unit, limit, unit, self", "(unit, FIRMWARE_S, unit, self",
                         "test_whose_silence"),
    "silence-from-the-start": ("soak_watch.py", "self.left, self.last, self.reached = int(turn[2]), now, True",
                               "self.left, self.reached = int(turn[2]), True",
                               "test_a_generation_ends_the_silence"),
    "reset-is-the-hosts": ("soak_watch.py", "Outcome(FAILED, \"the machine stopped: ",
                           "Outcome(HARNESS, \"the machine stopped: ", "test_a_machine_that_stops"),
    "count-for-number": ("soak_watch.py", "unit, series.number, rate", "unit, series.count, rate",
                         "test_progress_once_a_minute"),
    "failed-pass-unseen": ("soak_watch.py", " or self.kind.failed and self.kind.failed.search(text)", "",
                           "test_passes_with_linux"),
    "passes-as-quick": ("soak_watch.py", "SILENCE_S * self.kind.slower", "SILENCE_S", "test_passes_with_linux"),
    "time-line-grows": ("soak_watch.py", "while (stamp - self.first) / self.slot_s >= TIMELINE_SLOTS:", "while False:",
                        "test_series_is_bounded_and_complete"),
    "folding-loses-one": ("soak_watch.py", "self.slots += [0] * (len(self.slots) % 2)", "pass",
                          "test_series_folds_an_odd_number"),
    "serial-log-grows": ("soak_evidence.py", "if len(data) > self.room:", "if False:", "test_serial_log_is_bounded"),
    "left-out-untold": ("soak_evidence.py", "self.left_out += os.path.getsize(older)", "pass",
                        "test_serial_log_is_bounded"),
    "below-2-gib-only": ("soak_evidence.py", "BLOCKS_BELOW = 1 << 32", "BLOCKS_BELOW = 2 << 30",
                         "test_blocks_everywhere"),
    "a-copy-counts": ("soak_evidence.py", " and base == at_address + at", "", "test_blocks_everywhere"),
    "repro-without-fault": ("soak_evidence.py", "([\"--fault\", args.fault] if args.fault else [])", "[]",
                            "test_repro_words"),
    "repro-stops-short": ("soak_evidence.py", "REPRO_AFTER if failed else 0", "0", "test_repro_words"),
    "fault-in-any-generation": ("baton-soak", "if watching.series.number != planted.last:", "if False:",
                                "test_planted_fault_in_its_generation"),
    "junit-blames-baton": ("soak_report.py", "2: '<error message=\"%s\"/>'", "2: '<failure message=\"%s\"/>'",
                           "test_junit_says_whose_fault"),
    "unescaped-reason": ("soak_report.py", "\"<p><b>%s</b>\" % html.escape(run.why)", "\"<p><b>%s</b>\" % run.why",
                         "test_page_in_its_order"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_is_killed(tmp_path, name):
    path, old, new, test = MUTANTS[name]
    copy = tmp_path / "tools"
    shutil.copytree(TOOLS, copy, ignore=shutil.ignore_patterns("__pycache__"))
    text = (copy / path).read_text()
    assert text.count(old) == 1, "%d places match" % text.count(old)
    (copy / path).write_text(text.replace(old, new))
    done = subprocess.run([sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist",
                           UNITS + "::" + test], capture_output=True, text=True, timeout=UNITS_S,
                          env={**os.environ, "SOAK_TOOLS": str(copy)})
    assert done.returncode == 1 and re.search(r"^E +(?:assert |AssertionError)", done.stdout, re.M), \
        "it survived, or did not run:\n" + done.stdout + done.stderr
