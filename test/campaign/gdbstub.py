# SPDX-License-Identifier: MIT
"""QEMU's gdb stub: breakpoints that leave memory alone, and writes to physical memory that the translator sees."""
import socket
import time

from qemu import MachineError

ANSWER_S = 30
WRITE_BYTES = 1024      # a packet holds some 2000


class Hung(MachineError):
    """The emulator itself does not answer."""


class Gdb:
    """One connection; the machine stands still from here until go(). Addresses of memory are physical."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.data = b""
        self.stopped = False
        self.ask("?")
        assert self.ask("Qqemu.PhyMemMode:1") == "OK", "this QEMU's gdb stub has no physical memory mode"
        self.stopped = True

    def close(self):
        self.socket.close()

    def _send(self, text):
        data = text.encode()
        self.socket.sendall(b"$%s#%02x" % (data, sum(data) & 0xff))

    def _packet(self, timeout_s):
        """The next packet, acknowledged; None: none within the time."""
        deadline = time.monotonic() + timeout_s
        while True:
            start, end = self.data.find(b"$"), self.data.find(b"#")
            if 0 <= start < end and len(self.data) >= end + 3:
                text, self.data = self.data[start + 1:end].decode(), self.data[end + 3:]
                self.socket.sendall(b"+")
                return text
            if start < 0:
                self.data = b""
            rest = deadline - time.monotonic()
            if rest <= 0:
                return None
            self.socket.settimeout(rest)
            try:
                more = self.socket.recv(65536)
            except socket.timeout:
                return None
            if not more:
                raise MachineError("the gdb stub closed its connection")
            self.data += more

    def ask(self, text):
        self._send(text)
        while True:
            answer = self._packet(ANSWER_S)
            if answer is None:
                raise Hung("no answer of the gdb stub to " + text[:20])
            if answer[:1] != "T" or text == "?":        # a late stop of before
                return answer

    def must(self, text):
        answer = self.ask(text)
        if answer != "OK":
            raise MachineError("the gdb stub answers %r to %s" % (answer, text[:40]))

    def break_at(self, address):
        self.must("Z0,%x,1" % address)

    def remove(self, address):
        self.must("z0,%x,1" % address)

    def read(self, address, size):
        return b"".join(bytes.fromhex(self.ask("m%x,%x" % (address + at, min(WRITE_BYTES, size - at))))
                        for at in range(0, size, WRITE_BYTES))

    def write(self, address, data):
        for at in range(0, len(data), WRITE_BYTES):
            part = data[at:at + WRITE_BYTES]
            self.must("M%x,%x:%s" % (address + at, len(part), part.hex()))

    def go(self):
        self._send("c")
        self.stopped = False

    def wait_stop(self, timeout_s):
        """True: it stands now; False: it still runs."""
        answer = "" if self.stopped else self._packet(timeout_s)
        if answer is not None:
            self.stopped = True
        return self.stopped

    def stop(self):
        """Stops it where it is."""
        if self.stopped:
            return
        self.socket.sendall(b"\x03")
        if not self.wait_stop(ANSWER_S):
            raise Hung("the machine does not stop")
