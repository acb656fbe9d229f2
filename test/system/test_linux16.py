# SPDX-License-Identifier: MIT
"""Door 2 by its 16-bit entry: SeaBIOS, QEMU's -kernel with a bundle as -initrd, no EFI anywhere."""
import os

import pytest

from cd import write_cd
from harness import APPEND, BATON, BOOT_S, KERNEL, Result, check_good, problem_pattern, qemu, write_bundle

WORDS = "baton.console=ttyS0,115200"
LONGER = 1 << 20        # so that the next bundle does not cover what lies below this one


def machine(tmp_path, bundle, words=WORDS, board="q35", smp=2, mem="512M", cpu="max", baton=BATON, args=()):
    more = ["-kernel", baton, "-append", words, *args]
    if bundle:
        more += ["-initrd", str(bundle)]
    return qemu.Machine(str(tmp_path / "vm"), smp=smp, mem=mem, cpu=cpu, firmware=False, board=board, args=more,
                        accel=os.environ.get("ACCEL") or "tcg")


def boot(tmp_path, words=WORDS, board="q35", smp=2, mem="512M", cpu="max", **image):
    bundle = write_bundle(str(tmp_path / "bundle.cpio"), **image)
    with machine(tmp_path, bundle, words, board, smp, mem, cpu) as vm:
        reason = vm.wait_exit(BOOT_S)
        return Result(vm.text(), reason)


def refused(tmp_path, bundle, number, pattern, words=WORDS, **more):
    """Baton says the one line and restarts after the time that the words give."""
    with machine(tmp_path, bundle, words + " baton.reset-after=2", **more) as vm:
        _, match = vm.wait_for(problem_pattern(number) + ".*" + pattern, 60)
        assert vm.wait_exit(60) == "guest-reset"
        text = vm.text()
    assert "Linux version" not in text
    assert len([e for e in qemu.baton_events(text) if e.get("event") == "error"]) == 1, text
    return match


@pytest.mark.parametrize("board,smp,mem,cpu", [
    ("q35", 1, "512M", "max"), ("q35", 4, "1G", "max"), ("pc", 1, "256M", "qemu64"), ("pc", 4, "6G", "max"),
])
def test_boot(tmp_path, board, smp, mem, cpu):
    result = boot(tmp_path, WORDS + " -- after.bios", board, smp, mem, cpu)
    check_good(result, smp, door="linux16", efi=False)
    assert result.event("door")["name"] == "linux16"
    assert result.event("own")["levels"] == "4"
    assert result.facts["cmdline"].rstrip() == APPEND + " after.bios"
    assert not result.all("error")


def entry(title, words):
    return "title %s\nlinux /debian/vmlinuz\ninitrd /debian/initrd.img\noptions %s %s\n" % (title, APPEND, words)


def test_default_entry(tmp_path):
    """loader.conf, then baton.default= over it; an entry that cannot be used is said and left out."""
    entries = {"/loader/loader.conf": b"default one*\ntimeout 10\n",
               "/loader/entries/one.conf": entry("One", "picked.one").encode(),
               "/loader/entries/two.conf": entry("Two", "picked.two").encode(),
               "/loader/entries/three.conf": b"title broken\n"}
    result = boot(tmp_path, WORDS + " baton.default=TWO", change=entries)
    assert "picked.two" in result.facts["cmdline"], result.tail()
    assert [e["code"] for e in result.all("error")] == ["E13"]
    assert "three.conf" in result.event("error")["text"]


def damaged(tmp_path, change):
    bundle = tmp_path / "bundle.cpio"
    write_bundle(str(bundle))
    data = bytearray(bundle.read_bytes())
    change(data)
    bundle.write_bytes(data)
    return bundle


@pytest.mark.parametrize("offset,value,reason", [
    (0, b"070702", "magic is not 070701"), (14, b"0000A1FF", "neither a file nor a directory"),
    (94, b"00003000", "namesize"), (54, b"namesize", "filesize is not 8 hex digits"),
], ids=["magic", "mode", "namesize", "filesize"])
def test_malformed_bundle(tmp_path, offset, value, reason):
    bundle = damaged(tmp_path, lambda data: data.__setitem__(slice(offset, offset + len(value)), value))
    refused(tmp_path, bundle, 29, reason)


def test_truncated_bundle(tmp_path):
    refused(tmp_path, damaged(tmp_path, lambda data: data.__delitem__(slice(5000000, None))), 29, "beyond the end")


def test_compressed_bundle(tmp_path):
    refused(tmp_path, damaged(tmp_path, lambda data: data.__setitem__(slice(0, 3), b"\x1f\x8b\x08")), 29, "magic")


def test_no_bundle(tmp_path):
    refused(tmp_path, None, 30, "the loader gave no initrd")


def test_changed_kernel(tmp_path):
    """The entry's digest refuses it, after the CPUs were taken: the place was written by then, nothing else was."""
    data = bytearray(open(KERNEL, "rb").read())
    data[-1000] ^= 1
    bundle = tmp_path / "bundle.cpio"
    write_bundle(str(bundle), change={"/debian/vmlinuz": bytes(data)})
    refused(tmp_path, bundle, 26, "/debian/vmlinuz")


def test_too_little_memory(tmp_path):
    bundle = tmp_path / "bundle.cpio"
    write_bundle(str(bundle))
    refused(tmp_path, bundle, 52, "debian/vmlinuz: no memory", mem="64M")


def test_no_console_named(tmp_path):
    """No screen that Baton can draw on, no console in the words: the first serial port hears the failure."""
    refused(tmp_path, None, 30, "no initrd", words="")


def test_bad_words_go_on(tmp_path):
    result = boot(tmp_path, WORDS + " baton.nonsense=1 BOOT_IMAGE=x")
    check_good(result, 2, door="linux16", efi=False)
    assert [e["code"] for e in result.all("error")] == ["E11"]


def test_isolinux(tmp_path):
    """A CD as isolinux starts it, with the bundle as its initrd; isolinux adds a word of its own at the end. Before it
    another CD, without an entry: the machine restarts, and the next start tells that, once, and goes on."""
    (tmp_path / "bad").mkdir()
    bad = write_cd(tmp_path / "bad", WORDS + " baton.reset-after=1",
                   change={"/loader/entries/debian.conf": b"title nothing\n", "/pad": bytes(LONGER)})
    image = write_cd(tmp_path, WORDS + " -- from.isolinux")
    with qemu.Machine(str(tmp_path / "vm"), smp=4, mem="1G", cpu="max", firmware=False, board="pc", reboot=True,
                      accel=os.environ.get("ACCEL") or "tcg", boot_args=[
                          "-drive", "if=none,id=cd,media=cdrom,format=raw,file=" + bad,
                          "-device", "ide-cd,id=drive,drive=cd,bootindex=1"]) as vm:
        vm.wait_for(problem_pattern(10) + ".*no usable", BOOT_S)
        vm.qmp("blockdev-change-medium", id="drive", filename=image, format="raw", force=True)
        _, told = vm.wait_for(r"event=last code=E10 at=(0x[0-9a-f]+) generation=1 .*no usable", BOOT_S)
        vm.wait_for("event=phase name=inventory", BOOT_S)
        assert not any(vm.read_memory(int(told[1], 16), 8))
        reason = vm.wait_exit(BOOT_S)
        text = vm.text()
        result = Result(text[text.rindex("grammar="):], reason)
    check_good(result, 4, door="linux16", efi=False)
    assert result.facts["cmdline"].startswith(APPEND + " from.isolinux")
