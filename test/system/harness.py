# SPDX-License-Identifier: MIT
"""What the system tests share: the image of a boot, the machine, and what came out of it."""
import importlib.machinery
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
import uuid

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
import mkimage  # noqa: E402
import ovmfvars  # noqa: E402
import qemu  # noqa: E402



def load_tool(name):
    """A program of tools/ without .py as a module."""
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), os.path.join(ROOT, "tools", name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


baton_bundle = load_tool("baton-bundle")

BUILD = os.path.join(ROOT, os.environ.get("O", "build"))
BATON = os.path.join(BUILD, "baton.efi")
FAULTS = os.path.join(BUILD, "baton-faults.efi")
CACHE = os.path.join(ROOT, os.environ.get("CACHE", os.path.join(BUILD, "cache")))
KERNEL = os.environ.get("KERNEL") or os.path.join(CACHE, "kernel", "vmlinuz")
INITRD = os.path.join(BUILD, "run", "initrd.img")
# What is started where a test names neither kernel nor initrd: it boots in two thirds of the time.
CLOUD = os.path.join(CACHE, "kernel-cloud-amd64", "vmlinuz")
CLOUD_INITRD = os.path.join(BUILD, "run", "initrd-cloud.img")
KEXEC = os.path.join(CACHE, "kexec")

# What Linux needs on a loaded host under TCG. Its timer check spins for ten ticks of the TSC and panics if the host took
# the CPU away meanwhile (Linux leaves it out itself under KVM). Its crypto tests switch a static key off while other CPUs
# run the code: QEMU 7.2 once kept a translation of the INT3 on one CPU for good (a soft lockup in alg_test()).
UNDER_TCG = "no_timer_check cryptomgr.notests"
APPEND = "console=tty0 console=ttyS0,115200 panic=-1 " + UNDER_TCG
CONF = ("console ttyS0,115200",)

# Firmware, Baton and Linux each draw every line: a tenth of a boot's time at firmware's usual 1280 by 800.
SMALL_SCREEN = ("-global", "VGA.xres=640", "-global", "VGA.yres=480")
USUAL_SCREEN = ()

FIRMWARE_S = 120    # power-on to Baton's first line after firmware
BOOT_S = 240        # power-on to power-off
GRAMMAR = r"^baton: grammar=1 "

# "Baton: E20: ..." while firmware lives, "... code=E20 ..." after it.
PROBLEM = r"(?:Baton: E%02d: |\bcode=E%02d )"
# The last line of the menu on firmware's console.
MENU = r"Enter boot, e edit, h help"


class Result:
    """One finished boot."""

    def __init__(self, text, reason):
        self.text = text
        self.reason = reason
        self.facts = qemu.guest_facts(text)
        self.events = qemu.baton_events(text)
        report = self.facts.get("report_json", "")
        self.report = json.loads(report) if report.startswith("{") else None

    def event(self, name):
        """The last event of that name, None if there was none."""
        return next((e for e in reversed(self.events) if e.get("event") == name), None)

    def all(self, name):
        return [e for e in self.events if e.get("event") == name]

    def tail(self, lines=25):
        return "\n".join(self.text.splitlines()[-lines:])


def problem_pattern(number):
    return PROBLEM % (number, number)


def wait_refused(vm, pattern, timeout_s):
    """Waits for a line that matches (nothing before it was refused with that line) and for the menu behind it."""
    deadline = time.monotonic() + timeout_s
    vm.wait_for(pattern, timeout_s)
    while not re.search(pattern + r"[\s\S]*" + MENU, vm.text()):
        assert time.monotonic() < deadline, "no menu behind " + pattern
        time.sleep(0.1)


def started(kernel, initrds):
    """Kernel and initrds of an image; None: the caller does not care. The module in an initrd fits its kernel only."""
    if kernel is None and initrds is None:
        return CLOUD, [CLOUD_INITRD]
    return kernel or KERNEL, [INITRD] if initrds is None else list(initrds)


def write_disk(path, baton=BATON, kernel=None, initrds=None, append=APPEND, conf=(), entry_extra=(),
               digests=True, change=None, timeout=0, bios=False):
    """Disk image of one boot. change: {ESP path: host path, bytes, or None to leave it out}. bios: with GRUB for
    machines without UEFI."""
    files = mkimage.baton_tree(baton, *started(kernel, initrds), append, [*CONF, *conf], digests, entry_extra, timeout)
    for name, content in (change or {}).items():
        if content is None:
            del files[name]
        else:
            files[name] = content
    mkimage.make_image(path, files, bios=bios)
    return path


def write_bundle(path, kernel=None, initrds=None, append=APPEND, conf=(), entry_extra=(), digests=True,
                 change=None):
    """The bundle of one boot behind door 2; arguments as write_disk()."""
    files = baton_bundle.bundle_tree(*started(kernel, initrds), append, [*CONF, *conf], digests, entry_extra)
    for name, content in (change or {}).items():
        if content is None:
            del files[name]
        else:
            files[name] = content
    baton_bundle.write_bundle(path, files)
    return path


def write_kexec_initrd(path, bundle, options, words, baton=BATON):
    """An initramfs whose kernel starts Baton by kexec if the command line says guest.kexec. options: kexec's own
    (-l, -s), words: Baton's command line. bundle None: none."""
    stage = path + ".files"
    os.makedirs(stage, exist_ok=True)
    for name, text in (("options", options), ("append", words)):
        with open(os.path.join(stage, name), "w") as f:
            f.write(text + "\n")
    added = {os.path.join(BUILD, "tools", "baton-report"): "bin/baton-report",
             os.path.join(BUILD, "tools", "efivar-test"): "bin/efivar-test",
             os.path.join(CACHE, "kernel", "efivarfs.ko"): "efivarfs.ko", baton: "kexec/baton.efi",
             os.path.join(stage, "options"): "kexec/options", os.path.join(stage, "append"): "kexec/append"}
    if bundle:
        added[bundle] = "kexec/bundle.cpio"
    command = [sys.executable, os.path.join(ROOT, "tools", "mkinitramfs.py"), path, "--init",
               os.path.join(ROOT, "tools", "guest", "init"), "--program", KEXEC + "/sbin/kexec:bin/kexec"]
    for host, guest in added.items():
        command += ["--add", "%s:%s" % (host, guest)]
    subprocess.run(command, check=True, env={**os.environ, "LD_LIBRARY_PATH": KEXEC + "/lib"})
    return path


def machine(tmp_path, disk=None, name="vm", smp=2, mem="512M", cpu="max", options=None, screen=SMALL_SCREEN, **more):
    """A machine with its files in tmp_path/name; use with `with`. options: Baton's own command line. screen: what
    nobody looks at is small."""
    more["args"] = (*screen, *more.get("args", ()))
    if options is not None:
        template = qemu.ovmf_files()[1]
        sectors = os.path.getsize(disk) // mkimage.SECTOR - mkimage.FIRST_SECTOR - mkimage.MIB // mkimage.SECTOR
        more["vars_file"] = ovmfvars.write(template, str(tmp_path / (name + "-vars.fd")),
                                           uuid.UUID(mkimage.PARTITION_GUID), mkimage.FIRST_SECTOR, sectors,
                                           "\\EFI\\BOOT\\BOOTX64.EFI", options)
        more["bootindex"] = False
    more.setdefault("accel", os.environ.get("ACCEL") or "tcg")
    return qemu.Machine(str(tmp_path / name), disk=disk, smp=smp, mem=mem, cpu=cpu, **more)


def finish(vm, deadline_s=BOOT_S):
    reason = vm.wait_exit(deadline_s)
    return Result(vm.text(), reason)


def boot(tmp_path, smp=2, mem="512M", cpu="max", deadline_s=BOOT_S, bus="virtio", options=None, args=(), qemu=None,
         **image):
    """Image, machine, run to the end of QEMU."""
    disk = write_disk(str(tmp_path / "disk.img"), **image)
    with machine(tmp_path, disk, smp=smp, mem=mem, cpu=cpu, bus=bus, options=options, args=args, qemu=qemu) as vm:
        result = finish(vm, deadline_s)
    os.unlink(disk)
    return result


def after_kexec(result):
    """The part of a boot that began when the guest had called kexec; the guest before is in result itself."""
    _, mark, rest = result.text.partition("guest: kexec_load=0\n")
    assert mark, "kexec did not load Baton: " + result.reason + "\n" + result.tail()
    return Result(rest, result.reason)


def iomem_ranges(result):
    """[(first, last, name)] of the guest's /proc/iomem."""
    ranges = []
    for line in result.facts["iomem"]:
        match = re.match(r"([0-9a-f]+)-([0-9a-f]+) : (.*)", line)
        ranges.append((int(match[1], 16), int(match[2], 16), match[3]))
    return ranges


def check_good(result, cpus, door="efi", efi=True, digests=True):
    """Everything that has to hold after any good boot; the messages carry the end of the serial log. efi: the machine
    has EFI, so its runtime services must work. digests: the entry gave one for each file."""
    where = "\n" + result.tail()
    facts = result.facts
    assert re.search(r"^guest: begin version=1$", result.text, re.M), "no userspace: " + result.reason + where
    assert "report_check" in facts, "the guest did not reach its report: %s%s" % (result.reason, where)
    assert facts["report_check"] == "0", "report: " + json.dumps((result.report or {}).get("lines")) + where
    assert result.reason == "guest-shutdown", result.reason + where
    assert facts["cpus_online"] == str(cpus), "Linux has %s CPUs online%s" % (facts["cpus_online"], where)
    if efi:
        assert facts["efi"] == "1" and facts["efivar"] == "ok", "EFI runtime: %s%s" % (facts["efivar"], where)
    else:
        assert facts["efi"] == "0" and facts["efivar"] == "none", "EFI out of nothing" + where
    assert int(facts["rtc"]) > 1600000000, "RTC: " + facts["rtc"]
    assert facts["dmesg_bad"] == "0", "\n".join(facts["dmesg_line"])
    check_report(result.report, cpus, door, digests)
    check_reserved(result)
    check_kernel_place(result)


def kernel_at(result):
    """(first, last, virtual) address of the kernel's code."""
    return tuple(int(word, 16) for word in result.facts["kernel_at"].split())


def check_kernel_place(result):
    """Wherever the kernel has put itself, nothing that Baton keeps for it or from it was there."""
    first, last, _ = kernel_at(result)
    for entry in result.report["reserved"]:
        base = int(entry["base"], 16)
        assert last < base or base + entry["size"] <= first, "the kernel lies over %s" % entry


def check_report(report, cpus, door="efi", digests=True):
    verdicts = sorted(cpu["verdict"] for cpu in report["cpus"])
    assert verdicts == ["HALTED"] * (cpus - 1) + ["ONLINE"], verdicts
    assert report["state"] == "handed-over" and report["failure"] == 0
    assert report["door"] == door and report["platform"] == "tcg"
    assert report["kicks"] == report["kick_answers"] == cpus - 1 and report["inits"] == 0
    names = {s["name"] for s in report["segments"]}
    assert {"kernel", "initrd", "boot_params", "cmdline"} <= names, names
    assert all(s["verified"] == 1 for s in report["segments"])
    for segment in report["segments"]:
        if segment["name"] in ("kernel", "initrd"):
            assert segment["expected"] == ("entry" if digests else "first-read"), segment


def check_reserved(result):
    """What the report lists as reserved is Reserved in /proc/iomem, the block among it."""
    ranges = [r for r in iomem_ranges(result) if r[2] in ("Reserved", "reserved")]
    blocks = [r for r in result.report["reserved"] if r["what"] == "block"]
    assert blocks, "the report lists no block: %s" % result.report["reserved"]
    for entry in result.report["reserved"]:
        base = int(entry["base"], 16)
        last = base + entry["size"] - 1
        assert any(first <= base and last <= end for first, end, _ in ranges), "%s is not reserved" % entry
