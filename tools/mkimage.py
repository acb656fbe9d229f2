#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes a GPT disk image with one EFI system partition, without root and without mounts.

usage: mkimage.py OUT [--file HOST:ESP]... [--text ESP=CONTENT]... [--tree DIR]... [--esp-mib N] [--xbootldr ...]
       mkimage.py OUT --baton FILE --kernel FILE [--initrd FILE]... [--append TEXT] [--conf LINE]... [--no-digests]
                  [--bios]

The second form is the tree that `make run` and `make usb` use: \\EFI\\BOOT\\BOOTX64.EFI is Baton, one
boot-loader entry with a digest per file. Both forms mix; a later --file or --text wins. --bios: machines without
UEFI start it too, by GRUB (Debian package grub-pc-bin) in front of Baton's 32-bit entry.
"""
import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

SECTOR = 512
FIRST_SECTOR = 2048
PARTITION_GUID = "7c52a4e3-5d0b-4f0e-9f37-0c0ffee0ba70"   # of the ESP, always the same: boot options can name it
MIB = 1 << 20
BATON_PATH = "/EFI/BOOT/BOOTX64.EFI"
GRUB_DIR = "/usr/lib/grub/i386-pc"
GRUB_MODULES = ["biosdisk", "part_gpt", "fat", "normal", "linux", "linux16", "echo", "serial", "terminal"]
GRUB_CONFIG = "/grub/grub.cfg"


def fail(text):
    sys.exit("mkimage.py: " + text)


def run(*command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode:
        fail("%s failed: %s" % (command[0], result.stdout.strip()))


def tool(name):
    path = shutil.which(name) or shutil.which(name, path="/sbin:/usr/sbin")
    return path or fail("%s is not installed (make deps)" % name)


def sha256_file(path):
    digest = hashlib.sha256()
    with open(path, "rb") as f:
        while chunk := f.read(MIB):
            digest.update(chunk)
    return digest.hexdigest()


def entry_text(title, kernel, initrds, append, digests, extra=()):
    """A Type #1 entry (Boot Loader Specification); paths as (host file, path on the partition)."""
    lines = ["title " + title, "linux " + kernel[1]]
    lines += ["initrd " + path for _, path in initrds]
    lines += ["options " + append] if append else []
    if digests:
        lines += ["baton-sha256 %s %s" % (sha256_file(host), path) for host, path in [kernel, *initrds]]
    return "\n".join([*lines, *extra]) + "\n"


def baton_tree(baton, kernel, initrds, append, conf, digests=True, entry_extra=(), timeout=0,
               soak_hours=0, soak_pass=0, soak_initrd=None):
    """The tree of `make run` and the tests: {ESP path: host path or bytes}. soak_pass: generations between two Linux
    passes, which soak_initrd makes."""
    kernel_on_esp = (kernel, "/debian/vmlinuz")
    initrds_on_esp = [(host, "/debian/initrd%s.img" % (i or "")) for i, host in enumerate(initrds)]
    files = {BATON_PATH: baton}
    files.update({path: host for host, path in [kernel_on_esp, *initrds_on_esp]})
    files["/loader/loader.conf"] = ("default debian.conf\ntimeout %s\n" % timeout).encode()
    files["/loader/baton.conf"] = "".join(line + "\n" for line in conf).encode()
    entry = entry_text("Debian", kernel_on_esp, initrds_on_esp, append, digests, entry_extra)
    files["/loader/entries/debian.conf"] = entry.encode()
    if soak_hours:
        title = "Soak: Baton starts Baton for %d hour%s" % (soak_hours, "s" if soak_hours > 1 else "")
        extra = ["baton-hours %d" % soak_hours, "baton-reset-after 60"]
        if soak_pass:
            initrds_on_esp = [(soak_initrd, "/baton/pass.img")]
            files["/baton/pass.img"] = soak_initrd
            extra.append("baton-pass %d" % soak_pass)
        soak = entry_text(title, kernel_on_esp, initrds_on_esp, append, digests, extra)
        files["/loader/entries/soak.conf"] = soak.encode()
    return files


def write_partition(image, offset, files):
    """Copies {path: host path or bytes} into the FAT file system at byte offset of image."""
    with tempfile.TemporaryDirectory() as stage:
        for path, content in files.items():
            target = os.path.join(stage, path.lstrip("/"))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if isinstance(content, bytes):
                with open(target, "wb") as f:
                    f.write(content)
            else:
                os.path.exists(content) or fail("no such file: " + content)
                os.symlink(os.path.abspath(content), target)
        top = [os.path.join(stage, name) for name in sorted(os.listdir(stage))]
        if top:
            run(tool("mcopy"), "-s", "-Q", "-i", "%s@@%d" % (image, offset), *top, "::/")


def grub_config(files, words="", command="linux"):
    """GRUB's menu for a BIOS machine: Baton, and the files of the partition as its bundle, archived by GRUB itself."""
    paths = [path for path in sorted(files) if not path.startswith(("/EFI/BOOT/", "/grub/"))]
    parts = ["'newc:%s:%s'" % (path.lstrip("/"), path) for path in paths]
    return ("set timeout=0\nmenuentry Baton {\n\t%s %s %s\n\t%s %s\n}\n" %
            (command, BATON_PATH, words, command.replace("linux", "initrd"), " ".join(parts))).encode()


def install_grub(image, start, sectors):
    """GRUB's core in the BIOS boot partition and its boot sector in the MBR, as grub-install lays them out (GRUB 2.06,
    include/grub/i386/pc/boot.h: where the sector of the core is written)."""
    os.path.exists(GRUB_DIR + "/boot.img") or fail("no %s (Debian package grub-pc-bin)" % GRUB_DIR)
    with tempfile.TemporaryDirectory() as stage:
        core = os.path.join(stage, "core.img")
        run(tool("grub-mkimage"), "-O", "i386-pc", "-d", GRUB_DIR, "-p", "(,gpt1)/grub", "-o", core, *GRUB_MODULES)
        with open(core, "rb") as f:
            data = bytearray(f.read())
    len(data) <= sectors * SECTOR or fail("GRUB's core has %d bytes: more than its partition" % len(data))
    data[0x1f4:0x1fc] = (start + 1).to_bytes(8, "little")
    with open(GRUB_DIR + "/boot.img", "rb") as f:
        boot = bytearray(f.read()[:440])
    boot[0x5c:0x64] = start.to_bytes(8, "little")
    boot[0x66:0x68] = b"\x90\x90"          # trust the drive number of any BIOS, as grub-install does for disks
    with open(image, "r+b") as f:
        f.write(boot)
        f.seek(start * SECTOR)
        f.write(data)


def content_size(content):
    return len(content) if isinstance(content, bytes) else os.path.getsize(content)


def partition_mib(files):
    total = sum(content_size(c) // 4096 * 4096 + 8192 for c in files.values())
    return max(288, total * 102 // 100 // MIB + 36)  # FAT32 needs 65525 clusters, here of 4 KiB; the image is sparse


def make_image(out, files, esp_mib=None, xbootldr=None, bios=False):
    """Builds out from {ESP path: host path or bytes}; xbootldr: the same for a second partition; bios: with GRUB."""
    if bios:
        files = {GRUB_CONFIG: grub_config(files), **files}
    parts = [(files, "ef00", "ESP", esp_mib or partition_mib(files))]
    if xbootldr is not None:
        parts.append((xbootldr, "ea00", "BOOT", partition_mib(xbootldr)))
    part = out + ".part"
    with open(part, "wb") as f:
        f.truncate((sum(p[3] for p in parts) + 2 + bios) * MIB)
    commands, start = [], FIRST_SECTOR
    for number, (_, kind, name, mib) in enumerate(parts, 1):
        end = start + mib * MIB // SECTOR - 1
        commands += ["-n", "%d:%d:%d" % (number, start, end), "-t", "%d:%s" % (number, kind),
                     "-c", "%d:%s" % (number, name)]
        start = end + 1
    core = start
    if bios:
        number = len(parts) + 1
        commands += ["-n", "%d:%d:%d" % (number, core, core + MIB // SECTOR - 1), "-t", "%d:ef02" % number]
    run(tool("sgdisk"), "-Z", *commands, "-u", "1:" + PARTITION_GUID, part)
    start = FIRST_SECTOR
    for tree, _, name, mib in parts:
        run(tool("mkfs.vfat"), "-F", "32", "-s", "8", "-n", name, "-h", str(start), "--offset", str(start),
            part, str(mib * 1024))
        write_partition(part, start * SECTOR, tree)
        start += mib * MIB // SECTOR
    if bios:
        install_grub(part, core, MIB // SECTOR)
    os.replace(part, out)


def tree_files(directory):
    """{path: host path} of a directory that holds an ESP's tree."""
    found = {}
    for base, _, names in os.walk(directory):
        for name in names:
            host = os.path.join(base, name)
            found["/" + os.path.relpath(host, directory)] = host
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--file", action="append", default=[], metavar="HOST:ESP")
    parser.add_argument("--text", action="append", default=[], metavar="ESP=CONTENT")
    parser.add_argument("--tree", action="append", default=[], metavar="DIR")
    parser.add_argument("--esp-mib", type=int)
    parser.add_argument("--baton")
    parser.add_argument("--kernel")
    parser.add_argument("--initrd", action="append", default=[])
    parser.add_argument("--append", default="")
    parser.add_argument("--conf", action="append", default=[], metavar="LINE")
    parser.add_argument("--timeout", default="0")
    parser.add_argument("--soak-hours", type=int, default=0, help="one more entry: the same, after a loop that long")
    parser.add_argument("--soak-pass", type=int, default=0, help="generations between its Linux passes")
    parser.add_argument("--soak-initrd", help="the initramfs of such a pass")
    parser.add_argument("--no-digests", action="store_true")
    parser.add_argument("--bios", action="store_true")
    args = parser.parse_args()

    not args.soak_pass or args.soak_initrd or fail("--soak-pass goes with --soak-initrd")
    for host in filter(None, [args.baton, args.kernel, args.soak_initrd, *args.initrd,
                              *(f.rsplit(":", 1)[0] for f in args.file)]):
        os.path.isfile(host) or fail("no such file: " + host)
    for directory in args.tree:
        os.path.isdir(directory) or fail("no such directory: " + directory)
    files = {}
    if args.kernel:
        args.baton or fail("--kernel goes with --baton")
        files = baton_tree(args.baton, args.kernel, args.initrd, args.append, args.conf, not args.no_digests,
                           timeout=args.timeout, soak_hours=args.soak_hours, soak_pass=args.soak_pass,
                           soak_initrd=args.soak_initrd)
    elif args.baton:
        files[BATON_PATH] = args.baton
    for directory in args.tree:
        files.update(tree_files(directory))
    for pair in args.file:
        host, path = pair.rsplit(":", 1)
        files["/" + path.lstrip("/")] = host
    for pair in args.text:
        path, content = pair.split("=", 1)
        files["/" + path.lstrip("/")] = (content + "\n").encode()
    make_image(args.out, files, args.esp_mib, bios=args.bios)


if __name__ == "__main__":
    main()
