# SPDX-License-Identifier: MIT
"""One Bochs machine, headless, from a boot CD: serial log, debugger, a deadline for everything.

Debian's build has the debugger in it, which waits for orders before the first instruction: it gets `c`. Time is
virtual (`clock: sync=none`): TSC and HPET count instructions, so the guest's microseconds do not depend on the host.
"""
import os
import re
import subprocess
import threading
import time

from harness import Result

ROMS = ("/usr/share/bochs/BIOS-bochs-latest", "/usr/share/bochs/VGABIOS-lgpl-latest")
POLL_S = 0.1
CONFIG = """
display_library: rfb, options="timeout=0"
megs: {mem}
romimage: file={bios}
vgaromimage: file={vga}
cpu: count={smp}, model={cpu}, ips={ips}
clock: sync=none, time0=1700000000
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path={cd}, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev={serial}
port_e9_hack: enabled=1
log: {log}
panic: action=fatal
error: action=report
info: action=ignore
debug: action=ignore
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
"""
IPS = 50000000          # instructions per virtual second


class BochsError(Exception):
    """Bochs itself failed, or something did not happen within its deadline."""


class Bochs:
    """with Bochs(directory, cd, smp=4) as vm: vm.wait_for("event=cpus ", 120) ..."""

    def __init__(self, directory, cd, smp=2, mem=256, cpu="corei7_icelake_u", orders=("c",)):
        """orders: to the debugger, one a line; each waits for the one before to return."""
        self.directory = str(directory)
        self.serial = os.path.join(self.directory, "serial.log")
        self.config = CONFIG.format(mem=mem, smp=smp, cpu=cpu, ips=IPS, cd=cd, bios=ROMS[0], vga=ROMS[1],
                                    serial=self.serial, log=os.path.join(self.directory, "bochs.log"))
        self.orders = orders
        self.process = self.reader = None
        self.said = []          # what the debugger wrote

    def __enter__(self):
        os.makedirs(self.directory, exist_ok=True)
        config = os.path.join(self.directory, "bochsrc")
        with open(config, "w") as f:
            f.write(self.config)
        open(self.serial, "w").close()
        self.process = subprocess.Popen(["bochs", "-q", "-f", config], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, errors="replace", cwd=self.directory)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        for order in self.orders:
            self.order(order)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(20)
        self.reader.join(5)
        self.process.stdin.close()
        self.process.stdout.close()

    def _read(self):
        for line in self.process.stdout:
            self.said.append(line.rstrip("\n"))

    def order(self, text):
        """The end of its input would end Bochs, so that stays open."""
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def text(self):
        with open(self.serial, encoding="utf-8", errors="replace") as f:
            return f.read().replace("\r", "")

    def log(self):
        """Bochs's own."""
        with open(os.path.join(self.directory, "bochs.log"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def result(self):
        return Result(self.text(), "running" if self.process.poll() is None else "ended")

    def wait_for(self, pattern, timeout_s, source=None):
        """The match of the first line that has it; source: what to read instead of the serial log."""
        deadline = time.monotonic() + timeout_s
        while True:
            over = self.process.poll() is not None
            text = (source or self.text)()
            match = re.search("^.*(?:%s).*$" % pattern, text, re.M)
            if match:
                return match
            if over or time.monotonic() > deadline:
                reason = "Bochs ended" if over else "%g s passed" % timeout_s
                raise BochsError("%s without a line matching %r; see %s\n%s\n%s" % (
                    reason, pattern, self.serial, "\n".join(text.splitlines()[-15:]), "\n".join(self.said[-5:])))
            time.sleep(POLL_S)
