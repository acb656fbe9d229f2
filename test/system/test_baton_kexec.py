# SPDX-License-Identifier: MIT
"""tools/baton-kexec on the host: what it puts into the bundle, and one line for whatever it refuses. It runs in dash,
and in a busybox root whose /sys and /proc say what the case is about and whose kexec only notes how it was called."""
import os
import shutil
import subprocess

import pytest

from harness import BATON, ROOT

pytestmark = pytest.mark.quick

TOOL = os.path.join(ROOT, "tools", "baton-kexec")
PAGE = 4096
ENTRY = "title\tA\r\n  linux \\debian\\vmlinuz\r\ninitrd /debian/initrd.img  \noptions quiet\n# linux /none\n"
KEXEC = """#!/bin/sh
printf "%s\\n" "$*" >>/called
[ ! -e /refuse ] || { case " $* " in *" $(cat /refuse) "*) echo "kexec: refused"; exit 255 ;; esac; }
[ "$1" = -e ] || echo 1 >/sys/kernel/kexec_loaded
"""


def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(content if isinstance(content, bytes) else content.encode())


@pytest.fixture
def esp(tmp_path):
    """A partition with two entries that share a kernel, and Baton."""
    top = str(tmp_path / "esp")
    write(top + "/loader/entries/a+3-1.conf", ENTRY)
    write(top + "/loader/entries/b.conf", ENTRY.replace("initrd.img", "INITRD.img").replace("initrd ", "initrd\t"))
    write(top + "/loader/loader.conf", "default b*\n")
    write(top + "/loader/baton.conf", "park hlt\n")
    write(top + "/debian/vmlinuz", b"k" * (PAGE + 1))
    write(top + "/debian/initrd.img", b"i" * 9)
    write(top + "/debian/INITRD.img", b"i" * 9)
    shutil.copy(BATON, top + "/EFI.baton")
    os.makedirs(top + "/EFI")
    os.rename(top + "/EFI.baton", top + "/EFI/baton.efi")
    return top


def run(*args, **more):
    return subprocess.run(["dash", TOOL, *args], capture_output=True, text=True, **more)


def members(path):
    """{path: (mode, content, offset of the data)} of a newc archive, read strictly."""
    with open(path, "rb") as f:
        data = f.read()
    found, at = {}, 0
    while True:
        assert data[at:at + 6] == b"070701"
        mode, size, named = (int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in (1, 6, 11))
        name = data[at + 110:at + 110 + named].rstrip(b"\0").decode()
        begin = (at + 110 + named + 3) // 4 * 4
        at = (begin + size + 3) // 4 * 4
        if name == "TRAILER!!!":
            assert at == len(data)
            return found
        assert name not in found
        found[name] = (mode, data[begin:begin + size], begin)


def test_bundle_of_entries(esp, tmp_path):
    """All entries: each file once whatever the case of its name, parents first, a large file on a page."""
    out = str(tmp_path / "b.cpio")
    done = run("--entries", esp + "/", "--bundle", out, "--dry-run", "--words", "baton.loop=2")
    assert done.returncode == 0 and not done.stderr, done.stderr
    found = members(out)
    assert list(found) == ["debian", "loader", "loader/entries", "loader/entries/a+3-1.conf", "debian/initrd.img",
                           "loader/entries/b.conf", "loader/loader.conf", "loader/baton.conf", "debian/vmlinuz",
                           "baton.efi"]
    assert found["debian"][0] == 0o40755 and found["debian/vmlinuz"][0] == 0o100644
    assert found["debian/vmlinuz"][1] == b"k" * (PAGE + 1) and found["debian/initrd.img"][1] == b"i" * 9
    assert found["debian/vmlinuz"][2] % PAGE == 0 and found["baton.efi"][2] % PAGE == 0
    assert "words:  baton.loop=2\n" in done.stdout


def test_one_entry(esp, tmp_path):
    """Its id is its name without the counting suffix; what is asked of its options goes behind --."""
    out = str(tmp_path / "b.cpio")
    write(esp + "/loader/entries/zz.conf", "bad\n")
    done = run("--entries", esp, "--entry", "a", "--append", "single", "--bundle", out, "--dry-run", "--conf", "park mix")
    assert done.returncode == 0, done.stderr
    assert "words:  baton.default=a.conf -- single\n" in done.stdout
    found = members(out)
    assert "loader/entries/b.conf" not in found and "baton.efi" in found
    assert found["loader/baton.conf"][1] == b"park mix\n"


def test_one_kernel(esp, tmp_path):
    out = str(tmp_path / "b.cpio")
    done = run("--kernel", esp + "/debian/vmlinuz", "--initrd", esp + "/debian/initrd.img", "--append", "a=\"b c\"",
               "--baton", BATON, "--bundle", out, "--dry-run")
    assert done.returncode == 0, done.stderr
    lines = members(out)["loader/entries/linux.conf"][1].decode().splitlines()
    assert lines[1:3] == ["linux /kernel", 'options a="b c"'] and lines[4] == "initrd /initrd1"
    assert lines[3].startswith("baton-sha256 ") and lines[3].endswith(" /kernel") and len(lines) == 6


def test_other_entries_are_left_out(esp):
    """A bad entry among good ones is a line each, not the end."""
    entries = esp + "/loader/entries/"
    write(entries + "arm.conf", "linux /debian/vmlinuz\narchitecture aa64\n")
    write(entries + "gone.conf", "linux /debian/none\n")
    write(entries + "shell.conf", "efi /debian/vmlinuz\n")
    done = run("--entries", esp, "--dry-run")
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "baton-kexec: %sarm.conf:2: architecture: aa64: for another architecture than x64: left out" % entries,
        "baton-kexec: %sgone.conf:1: linux: /debian/none: no such file in %s: left out" % (entries, esp),
        "baton-kexec: %sshell.conf:1: efi: /debian/vmlinuz: an EFI program needs firmware, which is gone behind kexec: "
        "left out" % entries]
    assert "arm.conf" not in done.stdout


REFUSED = (
    ("linux /debian/vmlinuz\ninitrd /no\n", "{x}:2: initrd: /no: no such file in {esp}"),
    ("linux /debian/../x\n", "{x}:1: linux: /debian/../x: .. in a path"),
    ("linux\n", "{x}:1: linux: no path"),
    ("linux /empty\n", "{x}:1: linux: /empty: empty"),
    ("linux /%s\n" % ("d" * 255), "{x}:1: linux: a path longer than 255 bytes"),
    ("title x\n", "{x}: linux, uki, efi: 0 of them, exactly one is needed"),
    ("linux /debian/vmlinuz\nuki /debian/vmlinuz\n", "{x}: linux, uki, efi: 2 of them, exactly one is needed"),
    ("linux /debian/vmlinuz\n" + 9 * "initrd /debian/initrd.img\n", "{x}: initrd: 9 of them, at most 8 are taken"),
    ("linux /debian/vmlinuz\narchitecture ARM\n", "{x}:2: architecture: ARM: for another architecture than x64"),
    ("efi /debian/vmlinuz\n",
     "{x}:1: efi: /debian/vmlinuz: an EFI program needs firmware, which is gone behind kexec"),
)


@pytest.mark.parametrize("text,line", REFUSED, ids=[str(i) for i in range(len(REFUSED))])
def test_bad_entry(esp, text, line):
    write(esp + "/empty", b"")
    write(esp + "/loader/entries/x.conf", text)
    check(run("--entries", esp, "--entry", "x.conf", "--dry-run"),
          line.format(x=esp + "/loader/entries/x.conf", esp=esp))


def check(done, line):
    assert (done.returncode, done.stderr) == (1, "baton-kexec: " + line + "\n"), (done.returncode, done.stderr)


WORDS = (
    (("--entry", "none"), "--entry: none: no such entry in {esp}"),
    (("--frob",), "--frob: no value behind it (or no such option; --help lists them)"),
    (("--frob=1",), "--frob: no such option (--help lists them)"),
    (("x",), "x: not an option (--help lists them)"),
    (("--load", "fast"), "--load: fast: must be auto, kexec_load or kexec_file_load"),
    (("--initrd", "x"), "--initrd: goes with --kernel"),
    (("--kernel", "x"), "--kernel: does not go with --entries or --entry"),
    (("--now",), "--now: goes with --exec"),
    (("--append", "a", "--append", "b"), "--append: given twice, or beside --reuse-cmdline"),
    (("--append", "a", "--words", "x -- y"), "--words: ' -- ' does not go with --append"),
    (("--conf", "a\nb"), "--conf: a line break in its value"),
    (("--baton", "{esp}/none"), "--baton: {esp}/none: no such file"),
    (("--baton", "{esp}/debian"), "--baton: {esp}/debian: not a plain file"),
    (("--baton", "{esp}/debian/vmlinuz"), "--baton: {esp}/debian/vmlinuz: magic at 0: not MZ, so it is not baton.efi"),
    (("--baton", "{esp}/mz"), "--baton: {esp}/mz: magic at 514: not HdrS, so kexec cannot load it (is it baton.efi?)"),
    (("--baton", "{esp}/linux"), "--baton: {esp}/linux: its version text does not begin with Baton, so it is another kernel"),
    (("--words", "w" * 2001), "--words: 2001 bytes with what belongs to it, at most 2000 are taken"),
)


@pytest.mark.parametrize("words,line", WORDS, ids=[" ".join(w[0])[:20].replace("/", "") for w in WORDS])
def test_bad_words(esp, words, line):
    write(esp + "/mz", b"MZ" + bytes(1000))
    write(esp + "/linux", b"MZ" + bytes(512) + b"HdrS" + bytes(8) + b"\x80\x02" + bytes(624) + b"6.1.0-49-amd64")
    check(run("--entries", esp, "--dry-run", *(w.format(esp=esp) for w in words)), line.format(esp=esp))


def test_no_entries(tmp_path, esp):
    check(run("--entries", str(tmp_path / "no"), "--dry-run"), "--entries: %s: no such directory" % (tmp_path / "no"))
    check(run("--entries", esp + "/EFI", "--dry-run"),
          "--entries: %s/EFI: neither loader/entries nor EFI/Linux in it" % esp)
    shutil.rmtree(esp + "/debian")
    done = run("--entries", esp, "--dry-run")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "baton-kexec: --entries: %s: no entry that can be started" % esp


def test_no_space(esp):
    """/dev/full takes nothing."""
    done = run("--entries", esp, "--bundle", "/dev/full", "--dry-run")
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("baton-kexec: --bundle: /dev/full: ")


def test_wrong_user_and_machine(esp, tmp_path):
    """Said before anything of the system is touched; id and uname say what the case is about."""
    for name, said, line in (("id", 7, "user: only root may load by kexec (--dry-run needs no root)"),
                             ("uname", "i686", "machine: i686: Baton is for x86_64")):
        write(str(tmp_path / name / name), "#!/bin/sh\necho %s\n" % said)
        os.chmod(tmp_path / name / name, 0o755)
        check(run("--entries", esp, env={"PATH": "%s:/usr/bin:/bin" % (tmp_path / name)}), line)


@pytest.fixture
def root(esp, tmp_path):
    """A system of busybox's to run it in: loading is allowed, nothing is loaded yet."""
    top = str(tmp_path / "root")
    os.makedirs(top + "/bin")
    shutil.copy("/bin/busybox", top + "/bin/busybox")
    for name in subprocess.run(["/bin/busybox", "--list"], capture_output=True, text=True).stdout.split():
        if name != "busybox":
            os.symlink("busybox", top + "/bin/" + name)
    write(top + "/bin/kexec", KEXEC)
    os.chmod(top + "/bin/kexec", 0o755)
    shutil.copy(TOOL, top + "/bin/baton-kexec")
    write(top + "/proc/sys/kernel/kexec_load_disabled", "0\n")
    write(top + "/sys/kernel/kexec_loaded", "0\n")
    write(top + "/sys/kernel/security/lockdown", "[none] integrity confidentiality\n")
    write(top + "/sys/firmware/efi/efivars/SecureBoot-8be4df61", b"\6\0\0\0\0")
    write(top + "/dev/null", b"")           # files do: nobody reads more of them than this
    write(top + "/dev/zero", bytes(2 * PAGE))
    os.makedirs(top + "/tmp")
    shutil.copytree(esp, top + "/boot/efi")
    return top


def run_in(root, *args):
    enter = ["/usr/sbin/chroot", root] if os.getuid() == 0 else ["unshare", "-Ur", "--root", root]
    return subprocess.run([*enter, "/bin/baton-kexec", *args], capture_output=True, text=True, env={"PATH": "/bin"})


def called(root):
    try:
        with open(root + "/called") as f:
            return f.read().splitlines()
    except FileNotFoundError:
        return []


def test_load_in_busybox(root):
    """The entries of /boot/efi are found, it is loaded, and not executed before it is asked for."""
    done = run_in(root, "--words", "baton.timeout=0 a.b")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "baton-kexec: loaded; 'systemctl kexec' or 'kexec -e' starts Baton\n"
    line, = called(root)
    assert line.startswith("-l -s /boot/efi/EFI/baton.efi --initrd=/tmp/baton-kexec.")
    assert line.endswith(" --append=baton.timeout=0 a.b")
    assert not os.listdir(root + "/tmp")
    assert run_in(root, "--load=kexec_load", "--exec", "--bundle=/keep").returncode == 1     # kexec -e came back
    assert called(root)[1:] == ["-l /boot/efi/EFI/baton.efi --initrd=/keep --append=", "-e"]
    assert len(members(root + "/keep")) == 10


def test_falls_back(root):
    write(root + "/refuse", "-s")
    done = run_in(root)
    assert done.returncode == 0 and "kexec -s: kexec: refused" in done.stderr, done.stderr
    assert [line.split(" /")[0] for line in called(root)] == ["-l -s", "-l"]
    done = run_in(root, "--load", "kexec_file_load")
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("baton-kexec: kexec -s: /boot/efi/EFI/baton.efi: kexec: refused (")


KERNEL = (
    ("bin/kexec", None, "kexec: not found in PATH (package kexec-tools)"),
    ("sys/kernel/kexec_loaded", None,
     "/sys/kernel/kexec_loaded: this kernel has no kexec (CONFIG_KEXEC), or no /sys is mounted"),
    ("proc/sys/kernel/kexec_load_disabled", "1\n",
     "/proc/sys/kernel/kexec_load_disabled: 1: kexec is switched off until the next boot"),
    ("sys/firmware/efi/efivars/SecureBoot-8be4df61", "\6\0\0\0\1",
     "/sys/firmware/efi/efivars/SecureBoot-8be4df61: 1: Secure Boot is on, where Baton starts nothing behind kexec (E27)"),
    ("sys/kernel/security/lockdown", "none [integrity] confidentiality\n",
     "/sys/kernel/security/lockdown: integrity: this kernel loads only what it trusts by a signature"),
)


@pytest.mark.parametrize("path,content,line", KERNEL, ids=[k[0].rsplit("/", 1)[1] for k in KERNEL])
def test_kernel_refuses(root, path, content, line):
    os.unlink(root + "/" + path)
    if content:
        write(root + "/" + path, content)
        os.chmod(root + "/" + path, 0o755)
    check(run_in(root), line)
    assert not called(root) and not os.listdir(root + "/tmp")
