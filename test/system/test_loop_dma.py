# SPDX-License-Identifier: MIT
"""A device writes into the memory that a generation has filled; the next one tells exactly those bytes. The device is
QEMU's edu, driven from outside by the qtest protocol: no CPU of the guest takes part."""
import socket
import tempfile
import time

from harness import BATON, qemu, write_bundle
from test_linux16 import WORDS, machine

BOOT_S = 120
DMA_S = 120             # until a transfer falls between filling and checking
TRANSFER_S = 0.3        # edu takes 100 ms of the guest's time
ECAM = 0xb0000000       # q35 under SeaBIOS
SLOT = 0x10
COMMAND, BAR0 = 0x04, 0x10
MEMORY_AND_MASTER = 6
DMA_SOURCE, DMA_TARGET, DMA_COUNT, DMA_COMMAND = 0x80, 0x88, 0x90, 0x98
TO_DEVICE, TO_MEMORY = 1, 3
BUFFER = 0x40000        # the device's own
RESET_VECTOR = 0xffff0  # bytes that are known and not zero
TARGET = 0x0a000003     # not on a word's border: three words change
BYTES = 16


class Qtest:
    """One line out, one line back."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.file = self.socket.makefile("rw")

    def call(self, *words):
        self.file.write(" ".join(w if isinstance(w, str) else hex(w) for w in words) + "\n")
        self.file.flush()
        answer = self.file.readline().split()
        assert answer and answer[0] == "OK", answer
        return answer[1:]

    def close(self):
        self.file.close()
        self.socket.close()


class Edu:
    def __init__(self, qtest):
        self.qtest = qtest
        self.config = ECAM + (SLOT << 15)
        self.bar = int(qtest.call("readl", self.config + BAR0)[0], 16) & ~0xf
        assert self.bar, "firmware gave edu no address"

    def transfer(self, source, target, command):
        self.qtest.call("writew", self.config + COMMAND, MEMORY_AND_MASTER)
        for register, value in ((DMA_SOURCE, source), (DMA_TARGET, target), (DMA_COUNT, BYTES),
                                (DMA_COMMAND, command)):
            self.qtest.call("writeq", self.bar + register, value)
        time.sleep(TRANSFER_S)


def changed_words(text):
    """{address of a word: (its bytes before, after, owner, generation)}"""
    return {int(e["address"], 16) & ~7: (int(e["before"], 16).to_bytes(8, "little"),
                                         int(e["after"], 16).to_bytes(8, "little"), e["owner"], int(e["generation"]))
            for e in qemu.baton_events(text) if e.get("event") == "changed"}


def test_dma_into_filled_memory(tmp_path):
    bundle = write_bundle(str(tmp_path / "bundle.cpio"), kernel=BATON, initrds=(), digests=False,
                          conf=("on-failure halt",), change={"baton.efi": BATON})
    with tempfile.TemporaryDirectory(prefix="baton-qtest-") as folder:
        path = folder + "/qtest"
        args = ["-device", "edu,addr=%#x" % SLOT, "-qtest", "unix:%s,server=on,wait=off" % path, "-qtest-log", "none"]
        words = WORDS + " baton.loop=5000 baton.pattern=all baton.busmaster=leave baton.seed=11"
        with machine(tmp_path, bundle, words, args=args) as vm:
            vm.wait_for("event=generation n=3 ", BOOT_S)
            qtest = Qtest(path)
            edu = Edu(qtest)
            payload = bytes.fromhex(qtest.call("read", RESET_VECTOR, BYTES)[0][2:])
            edu.transfer(RESET_VECTOR, BUFFER, TO_DEVICE)
            assert not changed_words(vm.text())
            deadline = time.monotonic() + DMA_S
            while "event=error " not in vm.text() and time.monotonic() < deadline:
                edu.transfer(BUFFER, TARGET, TO_MEMORY)
            vm.wait_for("event=halted", 30)
            qtest.close()
            text = vm.text()
    error = next(e for e in qemu.baton_events(text) if e.get("event") == "error")
    assert error["code"] == "E86", error
    found = changed_words(text)
    assert sorted(found) == [TARGET & ~7, (TARGET & ~7) + 8, (TARGET & ~7) + 16], found
    differing = 0
    for word, (before, after, owner, generation) in found.items():
        assert owner == "free" and "generation %d and %d" % (generation, generation + 1) in error["text"]
        for i in range(8):
            at = word + i - TARGET
            assert after[i] == (payload[at] if 0 <= at < BYTES else before[i]), (hex(word), before, after)
            differing += before[i] != after[i]
    assert error["text"].startswith("%d bytes of free memory changed " % differing), error
