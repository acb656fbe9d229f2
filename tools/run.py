#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`make run`, `make shell`, `make gdb`: one boot in QEMU on this terminal, with a verdict.

usage: run.py DISK DIR [--shell] [--gdb] [--deadline S]   (settings by environment: SMP MEM ACCEL CPU QEMU OVMF
QEMU_ARGS GUI)

Exit status 0: the guest printed a good handover report and powered off. 1: it did not; the reason is on the
last line. The serial log is DIR/serial.log. Ctrl-C ends the machine.
"""
import argparse
import os
import re
import shlex
import subprocess
import sys
import termios
import threading
import time
import tty

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import qemu  # noqa: E402


def echo(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def forward_keys(machine):
    """Terminal to serial line, until either ends."""
    try:
        while True:
            data = os.read(0, 64)
            if not data:
                return
            machine.send(data.decode("latin-1").replace("\n", "\r"))
    except OSError:
        return


def verdict(machine, reason):
    """None if good, else why not."""
    facts = qemu.guest_facts(machine.text())
    if "report_check" not in facts:
        return "the guest did not reach its report (%s)" % reason
    if facts["report_check"] == "2":
        return "the guest found no handover report: was the kernel started by Baton?"
    if facts["report_check"] != "0":
        return "the handover report has findings"
    if reason != "guest-shutdown":
        return "the guest did not power off (%s)" % reason
    return None


# A problem while firmware lives (but for E11, E12, E14, with which a boot goes on), and the last line of the menu,
# which waits for a person from then on.
PROBLEM = re.compile(r"Baton: E(?!11|12|14)\d\d: .*")
MENU = "Enter boot, e edit, h help"
WATCH_S = 1.0


def stuck(text):
    """The problem after which Baton's menu waits, None if it does not wait."""
    menu = text.rfind(MENU)
    problems = [match for match in PROBLEM.finditer(text) if match.start() < menu]
    if not problems or re.search(r"^baton: grammar=", text, re.M):
        return None
    return problems[-1][0].strip()


def wait_exit(machine, deadline_s, stop_in_menu):
    """As Machine.wait_exit(); with stop_in_menu a menu that waits after a problem ends it."""
    deadline = time.monotonic() + deadline_s
    while stop_in_menu and time.monotonic() + WATCH_S < deadline:
        try:
            machine.process.wait(WATCH_S)
            break
        except subprocess.TimeoutExpired:
            problem = stuck(machine.text())
            if problem:
                raise qemu.MachineError("nothing was started, the menu waits: " + problem) from None
    return machine.wait_exit(max(deadline - time.monotonic(), WATCH_S))


def run(machine, deadline_s, stop_in_menu):
    print("+ " + machine.printable(), flush=True)
    with machine:
        threading.Thread(target=forward_keys, args=(machine,), daemon=True).start()
        try:
            return verdict(machine, wait_exit(machine, deadline_s, stop_in_menu))
        except qemu.MachineError as error:
            return str(error)
        except KeyboardInterrupt:
            return "interrupted"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("disk")
    parser.add_argument("dir")
    parser.add_argument("--shell", action="store_true")
    parser.add_argument("--gdb", action="store_true")
    parser.add_argument("--deadline", type=float, default=300)
    args = parser.parse_args()

    env = {key: os.environ.get(key) or default for key, default in (
        ("SMP", "4"), ("MEM", "2G"), ("ACCEL", "tcg"), ("CPU", ""), ("OVMF", ""), ("QEMU_ARGS", ""), ("GUI", ""))}
    extra = shlex.split(env["QEMU_ARGS"])
    deadline = args.deadline
    if args.gdb:
        extra += ["-gdb", "tcp:127.0.0.1:1234"]
    if args.shell or args.gdb:
        deadline = 24 * 3600
    try:
        machine = qemu.Machine(args.dir, disk=args.disk, smp=env["SMP"], mem=env["MEM"], accel=env["ACCEL"],
                               cpu=env["CPU"] or ("host" if env["ACCEL"].startswith("kvm") else "max"),
                               ovmf_code=env["OVMF"] or None, args=extra, echo=echo, gui=bool(env["GUI"]))
        saved = termios.tcgetattr(0) if os.isatty(0) else None
        try:
            if saved:
                tty.setcbreak(0)
            problem = run(machine, deadline, not (args.shell or args.gdb or env["GUI"]))
        finally:
            if saved:
                termios.tcsetattr(0, termios.TCSADRAIN, saved)
    except qemu.MachineError as error:
        problem = str(error)
    print("\nrun: serial log in %s" % os.path.join(args.dir, "serial.log"))
    good = "good: every CPU parked, every segment verified, powered off"
    print("run: " + ("NOT GOOD: " + problem if problem else good))
    sys.exit(1 if problem else 0)


if __name__ == "__main__":
    main()
