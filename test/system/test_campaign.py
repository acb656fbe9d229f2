# SPDX-License-Identifier: MIT
"""The corruption campaign (docs/campaign.md), in short; and that it fails when something is not verified."""
import os
import re
import subprocess
import sys

from harness import FAULTS, ROOT

CAMPAIGN = os.path.join(ROOT, "test", "campaign", "campaign.py")
CAMPAIGN_S = 500
TRIALS = 40


def campaign(tmp_path, *words):
    return subprocess.run([sys.executable, "-B", CAMPAIGN, "--out", str(tmp_path / "campaign"), *words],
                          capture_output=True, text=True, timeout=CAMPAIGN_S)


def test_every_flip_has_its_right_outcome(tmp_path):
    done = campaign(tmp_path, "--trials", str(TRIALS))
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.strip().splitlines()[-1]
    assert re.match(r"campaign: %d trials in .* 0 missed, 0 misnamed, 0 false alarms, 0 crashed, " % TRIALS, last), last
    trials = (tmp_path / "campaign" / "trials.csv").read_text().splitlines()
    assert len(trials) == TRIALS + 1


def test_segment_that_is_not_verified_is_missed(tmp_path):
    """The faults build believes the initrd without a look: each flip in it goes through, and the campaign says so."""
    assert os.path.exists(FAULTS), FAULTS + " is missing: make faults"
    done = campaign(tmp_path, "--trials", "4", "--doors", "efi", "--only", "initrd", "--fault", "skip-verify:initrd")
    assert done.returncode == 1, done.stdout + done.stderr
    assert " 0 right, 4 missed, " in done.stdout.strip().splitlines()[-1], done.stdout
