# SPDX-License-Identifier: MIT
"""tools/baton-soak against machines that reset, stop, vanish or never start, and against signals. A boot sector stands
in for Baton (soak_stub.py), QEMU is real."""
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from harness import ROOT

STUB = os.path.join(ROOT, "test", "system", "soak_stub.py")
ONE = "baton: grammar=1 version=0 commit=stub\\nbaton: event=generation n=8 left=8 us=1\\n"
END_S = 120


class Soaked:
    """A run in the background, then its status and folder."""

    def __init__(self, tmp_path, end, text, *words, limits=(), check=False):
        self.out = tmp_path / "soak"
        command = [sys.executable, "-B", STUB, end, text, *limits, "--", "--out", str(self.out), "--smp", "2", "--mem",
                   "64M", "--seed", "3", *([] if check else ["--no-self-check"]), *words]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def read_until(self, what):
        """The tool's own output, to the line that holds `what`."""
        for line in self.process.stdout:
            if what in line:
                return
        raise AssertionError("the tool ended without " + what)

    def children(self):
        with open("/proc/%d/task/%d/children" % (self.process.pid, self.process.pid)) as f:
            return [int(pid) for pid in f.read().split()]

    def wait_for_child(self):
        """QEMU's process: it is QEMU that setpriv became."""
        deadline = time.monotonic() + END_S
        while time.monotonic() < deadline:
            for pid in self.children():
                try:
                    with open("/proc/%d/comm" % pid) as f:
                        if f.read().startswith("qemu"):
                            return pid
                except OSError:
                    pass        # a helper that is done
            time.sleep(0.05)
        raise AssertionError("QEMU did not start")

    def end(self):
        output, _ = self.process.communicate(timeout=END_S)
        folders = os.listdir(self.out)
        assert len(folders) == 1, output
        folder = self.out / folders[0]
        return self.process.returncode, (folder / "verdict.txt").read_text(), folder, output


def check_frozen(folder):
    """Registers of both CPUs, and everything to read."""
    assert (folder / "registers.txt").read_text().count("EIP=") + \
        (folder / "registers.txt").read_text().count("RIP=") == 2
    names = {"verdict.txt", "serial.log", "registers.txt", "baton.efi", "baton.elf", "repro.sh", "junit.xml",
             "report.html"}
    assert names == set(os.listdir(folder)), os.listdir(folder)


@pytest.mark.parametrize("end,reason", (("reset", "guest-reset"), ("off", "guest-shutdown")))
def test_reset_and_power_off_are_batons(tmp_path, end, reason):
    """A triple fault freezes the guest: exit status 1, with registers."""
    status, verdict, folder, output = Soaked(tmp_path, end, ONE).end()
    assert status == 1, output
    assert "BATON FAILED" in verdict and "the machine stopped: " + reason in verdict
    assert re.search(r"last generation +8$", verdict, re.M)
    check_frozen(folder)
    assert "n=8 left=8" in (folder / "serial.log").read_text()


def test_firmware_alone_is_not_batons(tmp_path):
    status, verdict, _, output = Soaked(tmp_path, "hang", "SeaBIOS\\n", limits=["FIRMWARE_S=4"]).end()
    assert status == 2, output
    assert "HOST OR HARNESS" in verdict and "firmware did not start Baton within 4 s" in verdict


def test_silence_names_its_limit(tmp_path):
    status, verdict, folder, output = Soaked(tmp_path, "hang", ONE, limits=["SILENCE_S=3"]).end()
    assert status == 1, output
    assert "no generation for 3 s after generation 8" in verdict
    check_frozen(folder)


def test_qemu_that_vanishes_is_the_hosts(tmp_path):
    soaked = Soaked(tmp_path, "hang", ONE)
    qemu = soaked.wait_for_child()
    soaked.read_until("generation 8")
    os.kill(qemu, signal.SIGKILL)
    status, verdict, folder, output = soaked.end()
    assert status == 2, output
    assert "HOST OR HARNESS" in verdict and "QEMU ended" in verdict
    assert {"verdict.txt", "report.html", "junit.xml", "repro.sh"} <= set(os.listdir(folder))


@pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
def test_signal_leaves_a_partial_report(tmp_path, number):
    soaked = Soaked(tmp_path, "hang", ONE)
    soaked.read_until("generation 8")
    soaked.process.send_signal(number)
    status, verdict, folder, output = soaked.end()
    assert status == 130, output
    assert "INTERRUPTED" in verdict and "interrupted by " + number.name in verdict
    assert re.search(r"last generation +8$", verdict, re.M)
    check_frozen(folder)


def test_signal_in_the_self_check(tmp_path):
    soaked = Soaked(tmp_path, "hang", "nothing", check=True)
    qemu = soaked.wait_for_child()
    soaked.process.send_signal(signal.SIGTERM)
    status, verdict, folder, output = soaked.end()
    assert status == 130, output
    assert re.search(r"self-check +not finished$", verdict, re.M) and "INTERRUPTED" in verdict
    assert {"verdict.txt", "report.html", "junit.xml"} <= set(os.listdir(folder))
    assert not os.path.exists("/proc/%d" % qemu), "QEMU was left running"
