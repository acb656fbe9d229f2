# SPDX-License-Identifier: MIT
"""tools/baton-soak: its verdicts, and what it leaves behind."""
import json
import os
import re
import subprocess
import sys

from harness import FAULTS, ROOT

SOAK = os.path.join(ROOT, "tools", "baton-soak")
LEFT = {"verdict.txt", "report.html", "report.json", "report.bin", "serial.log", "registers.txt", "memory.bin",
        "memory.txt", "baton.efi", "baton.elf", "repro.sh", "junit.xml"}
SOAK_S = 500


def soak(tmp_path, *words, **environment):
    done = subprocess.run([sys.executable, "-B", SOAK, "--out", str(tmp_path / "soak"), "--smp", "3", *words],
                          capture_output=True, text=True, timeout=SOAK_S, env={**os.environ, **environment})
    folders = os.listdir(tmp_path / "soak")
    assert len(folders) == 1, done.stdout + done.stderr
    return done, tmp_path / "soak" / folders[0]


def test_clean(tmp_path):
    """The self-check finds all four, twenty generations are clean, all evidence is there."""
    done, folder = soak(tmp_path, "--loops", "20", "--seed", "5")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "self-check: 4 of 4 planted faults found" in done.stdout
    assert LEFT <= set(os.listdir(folder)), os.listdir(folder)
    assert re.search(r"verdict +CLEAN", (folder / "verdict.txt").read_text())
    page = (folder / "report.html").read_text()
    assert "<polyline" in page and "<rect" in page and "http" not in page


def test_failure_leaves_evidence(tmp_path):
    """All of it; and repro.sh meets the same failure with the image of that run, today's being gone."""
    done, folder = soak(tmp_path, "--loops", "20", "--no-self-check", "--fault", "stray@5")
    assert done.returncode == 1, done.stdout + done.stderr
    verdict = (folder / "verdict.txt").read_text()
    assert "BATON FAILED" in verdict and "E86" in verdict and "not made" in verdict
    assert LEFT <= set(os.listdir(folder)), os.listdir(folder)
    assert "failures=\"1\"" in (folder / "junit.xml").read_text()
    assert json.loads((folder / "report.json").read_text())["generation"] == 5
    again = subprocess.run([folder / "repro.sh"], capture_output=True, text=True, timeout=SOAK_S,
                           env={**os.environ, "O": str(tmp_path / "no-build")})
    assert again.returncode == 1, again.stdout + again.stderr
    same = r"^ended by .*E86 .*between generation \d+ and \d+"
    assert re.search(same, again.stdout, re.M)[0] == re.search(same, verdict, re.M)[0]
    assert len(os.listdir(folder / "again")) == 1


def test_last_handover_counts(tmp_path):
    """No generation comes after it to judge its report."""
    done, folder = soak(tmp_path, "--loops", "3", "--smp", "2", "--no-self-check", "--fault", "skip-kick:1@4")
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"ended by +the last handover: .*APIC ID 1 .*INIT_RECALLED", (folder / "verdict.txt").read_text())


def test_triple_fault_is_batons(tmp_path):
    """Nobody in the machine can tell of it: the reset is seen from outside, and the guest frozen there. With more memory
    below 4 GiB than others have: blocks above 2 GiB are found as well."""
    done, folder = soak(tmp_path, "--loops", "20", "--no-self-check", "--fault", "triple@4", "--mem", "2700M")
    assert done.returncode == 1, done.stdout + done.stderr
    verdict = (folder / "verdict.txt").read_text()
    assert re.search(r"^ended by +the machine stopped: guest-reset \(a triple fault", verdict, re.M), verdict
    assert "event=generation n=3 " in (folder / "serial.log").read_text().splitlines()[-1]
    assert "CPU#2" in (folder / "registers.txt").read_text()
    assert int(re.search(r"0x[0-9a-f]+", (folder / "memory.txt").read_text())[0], 16) > 2 << 30


def test_bad_report_ends_the_passes(tmp_path):
    """MODE=linux: no line of Baton's says that a CPU had to be fetched by INIT, Linux's judgement of the report does."""
    done, folder = soak(tmp_path, "--mode", "linux", "--loops", "3", "--no-self-check", "--fault", "skip-kick:1")
    assert done.returncode == 1, done.stdout + done.stderr
    verdict = (folder / "verdict.txt").read_text()
    assert re.search(r"^ended by +guest: loop_failed=pass 1: the report is not good$", verdict, re.M), verdict
    assert re.search(r"^passes +2$", verdict, re.M), verdict
    cpus = {c["apic_id"]: c["verdict"] for c in json.loads((folder / "report.json").read_text())["cpus"]}
    assert cpus == {0: "ONLINE", 1: "INIT_RECALLED", 2: "HALTED"}


def test_self_check_that_finds_nothing(tmp_path):
    """With a build that plants no faults in the place of the faults build nothing is soaked."""
    build = tmp_path / "build"
    (build / "tools").mkdir(parents=True)
    for name, source in (("baton.efi", "baton.efi"), ("baton-faults.efi", "baton.efi"), ("baton.elf", "baton.elf"),
                         ("tools/baton-report", "tools/baton-report")):
        os.symlink(os.path.join(os.path.dirname(FAULTS), source), build / name)
    done, folder = soak(tmp_path, "--loops", "5", O=str(build))
    assert done.returncode == 2, done.stdout + done.stderr
    assert "self-check: 0 of 4 planted faults found" in done.stdout
    assert "CLEAN" not in (folder / "verdict.txt").read_text()
