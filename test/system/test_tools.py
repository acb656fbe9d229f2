# SPDX-License-Identifier: MIT
"""Host tools: images are what they say, dumps become source lines, verdicts are strict. No emulator."""
import hashlib
import os
import re
import struct
import subprocess
import sys

import pytest

import mkimage
import qemu
from harness import BATON, BUILD, ROOT, write_disk

sys.path.insert(0, os.path.join(ROOT, "tools"))
import run  # noqa: E402

pytestmark = pytest.mark.quick


def mtools(command, disk, *args):
    image = "%s@@%d" % (disk, mkimage.FIRST_SECTOR * mkimage.SECTOR)
    return subprocess.run([command, "-i", image, *args], check=True, capture_output=True).stdout


def test_image_holds_the_tree(tmp_path):
    initrd = tmp_path / "initrd"
    initrd.write_bytes(b"initrd" * 1000)
    disk = write_disk(str(tmp_path / "disk.img"), kernel=BATON, initrds=[str(initrd)], conf=["park hlt"])
    entry = mtools("mtype", disk, "::/loader/entries/debian.conf").decode()
    digest = hashlib.sha256(open(BATON, "rb").read()).hexdigest()
    assert "baton-sha256 %s /debian/vmlinuz\n" % digest in entry
    assert "park hlt\n" in mtools("mtype", disk, "::/loader/baton.conf").decode()
    assert mtools("mcopy", disk, "::/EFI/BOOT/BOOTX64.EFI", "-") == open(BATON, "rb").read()
    assert mtools("mcopy", disk, "::/debian/initrd.img", "-") == b"initrd" * 1000


def test_image_is_gpt_with_an_esp_and_sound_fat(tmp_path):
    disk = write_disk(str(tmp_path / "disk.img"), kernel=BATON, initrds=[])
    with open(disk, "rb") as f:
        f.seek(512)
        assert f.read(8) == b"EFI PART"
        f.seek(mkimage.FIRST_SECTOR * 512)
        boot_sector = f.read(512)
        f.seek(mkimage.FIRST_SECTOR * 512)
        (tmp_path / "fat").write_bytes(f.read())
    assert boot_sector[82:90] == b"FAT32   "
    assert struct.unpack_from("<I", boot_sector, 28)[0] == mkimage.FIRST_SECTOR, "hidden sectors"
    fsck = subprocess.run(["/sbin/fsck.vfat", "-n", str(tmp_path / "fat")], capture_output=True, text=True)
    assert fsck.returncode == 0, fsck.stdout


def symbolize(dump):
    return subprocess.run([ROOT + "/tools/baton-symbolize", "--elf", BUILD + "/baton.elf"], input=dump,
                          capture_output=True, text=True)


BUNDLE_WORDS = (
    (("{out}/none/b.cpio", "--text", "a=b"), "No such file or directory"),
    (("{out}", "--text", "a=b"), "{out}: not a plain file, it is not replaced"),
    (("{out}/node", "--text", "a=b"), "{out}/node: not a plain file, it is not replaced"),
    (("{out}/b.cpio", "--text", "foo"), "--text: foo: no = in it, expected PATH=CONTENT"),
    (("{out}/b.cpio", "--file", "foo"), "--file: foo: no : in it, expected HOST:PATH"),
    (("{out}/b.cpio", "--append", "a\nbaton-x y"), "--append: a line break in its value"),
    (("{out}/b.cpio", "--file", "{out}/large:large"), "/large: 4 GiB or more, which the archive cannot hold"),
    (("{out}/b.cpio", "--tree", "{out}/tree"), "No such file or directory"),
)


@pytest.mark.parametrize("words,line", BUNDLE_WORDS, ids=[" ".join(w[0][1:])[:18].replace("/", "") for w in BUNDLE_WORDS])
def test_bundle_refuses_in_one_line(tmp_path, words, line):
    """And leaves nothing half-written behind; what is no plain file is not replaced by one."""
    out = str(tmp_path)
    os.mkfifo(out + "/node")
    os.makedirs(out + "/tree/loader/entries")
    os.symlink("/nowhere", out + "/tree/gone")
    with open(out + "/large", "wb") as f:
        f.truncate(4 << 30)
    entry = ("--text", "loader/entries/a.conf=linux /x")
    done = subprocess.run([sys.executable, "-B", os.path.join(ROOT, "tools/baton-bundle"), *(w.format(out=out) for w in words),
                           *entry], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith("baton-bundle: "), done.stderr
    assert done.stderr.count("\n") == 1 and line.format(out=out) in done.stderr
    assert not [name for name in os.listdir(out) if name.startswith("b.cpio")]


def test_symbolize():
    """The dump of E63 as kernel/stop.c prints it, between other lines that have a base= or image= too."""
    nm = subprocess.run(["nm", BUILD + "/baton.elf"], check=True, capture_output=True, text=True).stdout
    at = {name: int(re.search(r"^([0-9a-f]+) \w %s$" % name, nm, re.M)[1], 16)
          for name in ("efi_main", "kernel_main", "log_event")}
    base = 0x7dc51000
    dump = "\n".join((
        "baton: event=door name=efi image=0x7e000000 size=0x40000",
        "baton: event=exception vector=14 error=0x0 rip=0x%x base=0x%x cr2=0x0" % (base + at["log_event"] + 4, base),
        "baton: event=block base=0x6dc51000 size=163840 plain=40960 tables=57344 cpus=4",
        "baton: event=registers rax=0x%x rbx=0x%x rcx=0x0" % (at["efi_main"], base + at["efi_main"]),
        "baton: event=registers cs=0x38 ss=0x30 rflags=0x46 cr0=0x80010033 cr3=0x%x cr4=0x668" % (base + at["efi_main"]),
        "baton: event=backtrace depth=0 at=0x%x" % (at["log_event"] + 4),
        "baton: event=backtrace depth=1 at=0x%x" % (at["kernel_main"] + 2),
        "baton: event=backtrace depth=2 at=0xfffffffff0000000",
        "baton: event=exception vector=6 error=0x0 rip=0x%x cr2=0x0 rsp=0x0 cr3=0x0" % (base + at["log_event"] + 4), ""))
    done = symbolize(dump)
    assert done.returncode == 0, done.stderr
    names = re.findall(r"^        (\w+) \+0x([0-9a-f]+) = (\w+) at .*/?(\w+/\w+\.c):\d+", done.stdout, re.M)
    assert [(key, int(offset, 16), name) for key, offset, name, _ in names] == [
        ("rip", at["log_event"] + 4, "log_event"), ("rbx", at["efi_main"], "efi_main"),
        ("at", at["log_event"] + 4, "log_event"), ("at", at["kernel_main"] + 2, "kernel_main")], done.stdout
    assert done.stdout.count(" = ") == 4, "nothing else: " + done.stdout
    assert symbolize("baton: event=block base=0x%x\nrip=0x%x\n" % (base, base + at["efi_main"])).returncode == 1


class Said:
    def __init__(self, text):
        self.said = text

    def text(self):
        return self.said


@pytest.mark.parametrize("text,reason,words", [
    ("guest: report_check=0\n", "guest-shutdown", None),
    ("guest: report_check=0\n", "guest-reset", "did not power off"),
    ("guest: report_check=1\n", "guest-shutdown", "findings"),
    ("guest: report_check=2\n", "guest-shutdown", "no handover report"),
    ("Kernel panic\n", "guest-reset", "did not reach"),
    ("the text guest: report_check=0\n", "guest-shutdown", "did not reach"),
])
def test_verdict_of_run(text, reason, words):
    problem = run.verdict(Said(text), reason)
    assert problem is None if words is None else words in problem


MENU_LINES = "  Debian\nEnter boot, e edit, h help\n"


@pytest.mark.parametrize("text,problem", [
    ("Baton: E23: \\debian\\vmlinuz: no bzImage\n" + MENU_LINES, "Baton: E23: \\debian\\vmlinuz: no bzImage"),
    ("Baton: E11: baton.conf:2: brake\n", None),
    ("Baton: E11: baton.conf:2: brake\n" + MENU_LINES, None),
    (MENU_LINES, None),
    (MENU_LINES + "Baton: E23: no bzImage\n", None),
    ("Baton: E23: x\n" + MENU_LINES + "baton: grammar=1 version=0.1\n", None),
])
def test_menu_that_waits_after_a_problem(text, problem):
    assert run.stuck(text) == problem


def test_events_and_facts():
    events = qemu.baton_events('x\nbaton: event=error code=E81 text="a "b" c\\d" n=1 e=""\nbaton: event=cpu apic=3\n')
    assert events == [{"event": "error", "code": "E81", "text": 'a "b" c\\d', "n": "1", "e": ""},
                      {"event": "cpu", "apic": "3"}]
    facts = qemu.guest_facts("guest: a=1\nguest: iomem=x : y\nguest: iomem=z\nguest: a=2\n")
    assert facts["a"] == "2" and facts["iomem"] == ["x : y", "z"]
    assert qemu.clean(b"\x1b[2J\x1b[01;01H\x1b[=3hBdsDxe\r") == "BdsDxe"


def test_report_tool_without_report(tmp_path):
    tool = BUILD + "/tools/baton-report"
    if not os.path.exists(tool):
        subprocess.run(["make", "-s", "-C", ROOT, os.path.relpath(tool, ROOT)], check=True)
    (tmp_path / "junk").write_bytes(b"junk" * 500)
    for args, status in ((["--check", "/nonexistent"], 2), (["--check", str(tmp_path / "junk")], 1), (["--bad"], 3)):
        assert subprocess.run([tool, *args], capture_output=True).returncode == status
