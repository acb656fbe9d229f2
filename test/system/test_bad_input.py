# SPDX-License-Identifier: MIT
"""Bad input: each case gives its one clear line with its number, and never a started kernel."""
import os
import re
import subprocess

import pytest

import mkimage
from harness import (BUILD, FIRMWARE_S, INITRD, KERNEL, MENU, ROOT, Result, boot, check_good, machine, problem_pattern,
                     wait_refused, write_disk)


def read(path):
    with open(path, "rb") as f:
        return f.read()


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
    "truncated-kernel": ({"/debian/vmlinuz": lambda: read(KERNEL)[:2000000]}, 25, "vmlinuz"),
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
    disk = write_disk(str(tmp_path / "disk.img"), kernel=KERNEL, digests=False, change=tree)
    with machine(tmp_path, disk) as vm:
        _, match = vm.wait_for(problem_pattern(number), FIRMWARE_S)
        assert words in match.string, match.string
        vm.wait_for(MENU, 30)
        text = vm.text()
    assert "Linux version" not in text
    assert len(re.findall(problem_pattern(number), text)) == 1, "one line, not more"


def malformed_samples(tmp_path):
    """One of each kind of image and number, from the table of the unit tests: [(image, number, file, line)]."""
    program = os.path.join(BUILD, "unit", "gcc", "bin", "boot", "hostile_test")
    subprocess.run(["make", "-s", "-C", ROOT, os.path.relpath(program, ROOT)], check=True, capture_output=True)
    directory = tmp_path / "samples"
    directory.mkdir()
    subprocess.run([program, "--write", str(directory)], check=True)
    chosen = {}
    for row in (directory / "index").read_text().splitlines():
        name, image, number, line = row.split(" ", 3)
        if name.startswith("PE_FILE_ALIGNMENT-"):     # what firmware would start though it is malformed
            chosen["UKI as a program", int(number)] = str(directory / name), line
        elif int(number) != 50:     # how much memory there is differs here
            chosen.setdefault((image, int(number)), (str(directory / name), line))
    return [(*key, *value) for key, value in chosen.items()]


def test_malformed_samples(tmp_path):
    """Each is refused with its whole line and leads back to the menu, from which the next one is chosen."""
    samples = malformed_samples(tmp_path)
    keys = {"bzImage": "linux", "UKI": "uki", "UKI as a program": "efi", "ELF": "linux", "Multiboot2": "linux"}
    assert {image for image, *_ in samples} == set(keys) and len(samples) >= 13, samples
    tree = {ENTRY: None, "/debian/vmlinuz": None, "/debian/initrd.img": None}
    for i, (image, _, path, _) in enumerate(samples):
        tree["/s%02d" % i] = path
        tree["/loader/entries/s%02d.conf" % i] = entry("title Sample %02d" % i, "sort-key s%02d" % i, "options root=x",
                                                      "%s /s%02d" % (keys[image], i))
    disk = write_disk(str(tmp_path / "disk.img"), digests=False, change=tree)
    with machine(tmp_path, disk, smp=1) as vm:
        for i, (image, number, _, line) in enumerate(samples):
            if i:
                vm.send("j\r")
            line = line.replace("/sample", "/s%02d" % i).replace("x.conf", "s%02d.conf" % i)
            wait_refused(vm, problem_pattern(number) + re.escape(line), FIRMWARE_S)
        assert not Result(vm.text(), "").events, "Baton left firmware"


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
