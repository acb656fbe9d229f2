# SPDX-License-Identifier: MIT
"""Bad input: each case gives its one clear line with its number, and never a started kernel."""
import re

import pytest

import mkimage
from harness import FIRMWARE_S, INITRD, KERNEL, MENU, boot, check_good, machine, problem_pattern, write_disk


def read(path):
    with open(path, "rb") as f:
        return f.read()


def bent_kernel(offset, value):
    data = bytearray(read(KERNEL))
    data[offset:offset + len(value)] = value
    return bytes(data)


def entry(*lines):
    return ("\n".join(lines) + "\n").encode()


def wrong_digest(path):
    """The entry as it is made, with one digit of one digest changed."""
    text = mkimage.entry_text("Debian", (KERNEL, "/debian/vmlinuz"), [(INITRD, "/debian/initrd.img")], "", True)
    line = next(line for line in text.splitlines() if line.startswith("baton-sha256") and line.endswith(path))
    digit = "0" if line[20] != "0" else "1"
    return text.replace(line, line[:20] + digit + line[21:]).encode()


ENTRY = "/loader/entries/debian.conf"
# name: (changes of the tree, E number, words of the line)
CASES = {
    "missing-kernel": ({"/debian/vmlinuz": None}, 20, "vmlinuz"),
    "missing-initrd": ({"/debian/initrd.img": None}, 20, "initrd.img"),
    "empty-kernel": ({"/debian/vmlinuz": b""}, 22, "vmlinuz"),
    "not-a-kernel": ({"/debian/vmlinuz": b"\x7fELF" + bytes(100000)}, 23, "vmlinuz"),
    "truncated-kernel": ({"/debian/vmlinuz": lambda: read(KERNEL)[:2000000]}, 25, "vmlinuz"),
    "kernel-without-64-bit-entry": ({"/debian/vmlinuz": lambda: bent_kernel(0x236, b"\0\0")}, 23, "xloadflags"),
    "kernel-with-wild-init-size": ({"/debian/vmlinuz": lambda: bent_kernel(0x260, b"\xff" * 4)}, 24, "init_size"),
    "wrong-digest-kernel": ({ENTRY: lambda: wrong_digest("/debian/vmlinuz")}, 26, "vmlinuz"),
    "wrong-digest-initrd": ({ENTRY: lambda: wrong_digest("/debian/initrd.img")}, 26, "initrd.img"),
    "no-entries": ({ENTRY: None}, 10, ""),
    "entry-without-kernel": ({ENTRY: entry("title Nothing")}, 13, "debian"),
    "unknown-policy-of-entry": ({ENTRY: entry("linux /debian/vmlinuz", "baton-brake hard")}, 13, "baton-brake"),
    "malformed-digest": ({ENTRY: entry("linux /debian/vmlinuz", "baton-sha256 1234 /debian/vmlinuz")}, 13, "baton-sha256"),
}

# Without digests in the entry, so that the image itself is what is judged.
PLAIN = entry("title Debian", "linux /debian/vmlinuz", "initrd /debian/initrd.img", "options console=ttyS0 panic=-1")


@pytest.mark.parametrize("case", CASES)
def test_refused(tmp_path, case):
    change, number, words = CASES[case]
    tree = {ENTRY: PLAIN}
    tree.update({path: content() if callable(content) else content for path, content in change.items()})
    disk = write_disk(str(tmp_path / "disk.img"), digests=False, change=tree)
    with machine(tmp_path, disk) as vm:
        _, match = vm.wait_for(problem_pattern(number), FIRMWARE_S)
        assert words in match.string, match.string
        vm.wait_for(MENU, 30)
        text = vm.text()
    assert "Linux version" not in text
    assert len(re.findall(problem_pattern(number), text)) == 1, "one line, not more"


def test_too_little_memory(tmp_path):
    """An initrd that does not fit: 96 MiB in a machine of 128 MiB."""
    big = tmp_path / "big.img"
    big.write_bytes(bytes(96 << 20))
    disk = write_disk(str(tmp_path / "disk.img"), initrds=[str(big)], digests=False)
    with machine(tmp_path, disk, smp=1, mem="128M") as vm:
        _, match = vm.wait_for("%s|%s" % (problem_pattern(50), problem_pattern(52)), FIRMWARE_S)
        vm.wait_for(MENU, 30)
        assert "Linux version" not in vm.text()


def test_unknown_word_is_one_line_and_boots(tmp_path):
    """A word of baton.conf that does not exist: E11 names file and line, the boot goes on."""
    result = boot(tmp_path, conf=["brake hard"])
    assert len(re.findall(problem_pattern(11), result.text)) == 1
    assert re.search(r"baton\.conf:2: .*brake", result.text), result.text[:2000]
    check_good(result, 2)


def test_bad_value_keeps_the_default(tmp_path):
    result = boot(tmp_path, conf=["park sideways"])
    assert len(re.findall(problem_pattern(12), result.text)) == 1
    check_good(result, 2)


def test_unknown_word_of_the_command_line(tmp_path):
    """Baton's own command line: one line, and the boot goes on."""
    result = boot(tmp_path, options="baton.brake=hard")
    assert len(re.findall(problem_pattern(11), result.text)) == 1 and "baton.brake" in result.text
    check_good(result, 2)


def test_fault_is_refused_outside_of_the_faults_build(tmp_path):
    result = boot(tmp_path, options="baton.fault=deaf:1")
    assert re.search(problem_pattern(11) + ".*faults build", result.text)
    check_good(result, 2)


def test_console_that_faults(tmp_path):
    """Registers beyond the address space: the exception is handled by our own gates, and the policy acts."""
    disk = write_disk(str(tmp_path / "disk.img"), conf=["console uart8250,mmio32,0xfffffffff000", "reset-after 3"])
    with machine(tmp_path, disk, smp=2) as vm:
        assert vm.wait_exit(FIRMWARE_S) == "guest-reset"
        assert "Linux version" not in vm.text()
