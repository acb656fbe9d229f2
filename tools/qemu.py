# SPDX-License-Identifier: MIT
"""One QEMU machine with OVMF: serial log with time stamps, QMP, a deadline for everything, a verdict.

Used by tools/run.py, tools/bench.py and test/system. Nothing here waits without a limit.
"""
import collections
import fcntl
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import tempfile
import threading
import time

OVMF_DIRS = ("/usr/share/OVMF",)
CONNECT_S = 20
QMP_S = 60
QUIET_S = 0.25
EVENTS_MAX = 1000
LOOKS = 3
PIPE_BYTES = 1 << 20    # what the guest may be ahead of us; a UNIX socket takes some 270 single bytes


def loop_accel(smp):
    """The accelerator for Baton starting Baton: TCG with a small buffer for translated code. A generation overwrites
    all the code of the one before it; a full buffer is emptied at once, otherwise each of 4700 blocks is unlinked
    alone."""
    return os.environ.get("ACCEL") or "tcg,tb-size=%d" % max(8, 2 * int(str(smp).split(",", 1)[0]))


class MachineError(Exception):
    """QEMU itself failed, or something did not happen within its deadline."""


def ovmf_files(variant="plain", code=None):
    """(code file, vars template or None). variant: plain, or snakeoil for Secure Boot with the package's keys."""
    if code:
        template = code.replace("CODE", "VARS").replace(".secboot", "")
        return code, template if template != code and os.path.exists(template) else None
    names = {"plain": ("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"),
             "snakeoil": ("OVMF_CODE_4M.secboot.fd", "OVMF_VARS_4M.snakeoil.fd")}[variant]
    for directory in OVMF_DIRS:
        files = [os.path.join(directory, name) for name in names]
        if all(os.path.exists(f) for f in files):
            return tuple(files)
    raise MachineError("no OVMF firmware (%s) in %s: make deps, or OVMF=file" % (names[0], OVMF_DIRS))


class Machine:
    """with Machine(workdir, disk=...) as m: m.wait_for("Linux version", 60) ..."""

    def __init__(self, workdir=None, disk=None, smp=1, mem="2G", cpu="max", accel="tcg", ovmf="plain", ovmf_code=None,
                 bus="virtio", boot_args=(), args=(), qemu=None, echo=None, firmware=True, gui=False, vars_file=None,
                 bootindex=True, board="q35", pipe_bytes=PIPE_BYTES, reboot=False, keep=False,
                 stoppable=False, watched=False):
        """reboot: a reset starts the machine again, memory kept, as on a real one; else it ends QEMU. keep: what the
        machine writes stays in the disk image. stoppable: for savevm, loadvm and a debugger (self.gdb_path). watched: a
        run of hours that is looked at when it ends: a reset or a power-off freezes the machine as it is, ended() tells
        of it; its lines are kept for take() only; Ctrl-C on our terminal is not QEMU's, our own end is."""
        self.own_dir = workdir is None
        self.dir = workdir or tempfile.mkdtemp(prefix="baton-qemu-")
        os.makedirs(self.dir, exist_ok=True)
        self.sockets = tempfile.mkdtemp(prefix="baton-sock-")  # paths of UNIX sockets must be short
        self.echo = echo
        self.lines = []          # (seconds since the start, line without escape sequences)
        self.events = collections.deque(maxlen=EVENTS_MAX)      # QMP events in order
        self.partial = b""
        self.grown = 0.0         # when the unfinished line last changed
        self.log = self.reader = self.stderr = None
        self.pipe_bytes = pipe_bytes
        self.may_read = threading.Event()       # cleared: a terminal that stopped taking output
        self.may_read.set()
        self.changed = threading.Condition()
        self.process = self.qmp_file = self.serial_in = self.serial_out = self.qmp_socket = None
        self.started = 0.0
        self.stoppable = stoppable
        self.watched, self.accel = watched, accel
        self.gdb_path = os.path.join(self.sockets, "gdb")
        self.command = ["setpriv", "--pdeathsig", "KILL"] if watched else []
        self.command += [qemu or os.environ.get("QEMU") or "qemu-system-x86_64", "-nodefaults"]
        self.command += ["-action", "reboot=shutdown,shutdown=pause"] if watched else [] if reboot else ["-no-reboot"]
        machine = "%s,smm=%s" % (board, "on" if ovmf == "snakeoil" else "off")
        self.command += ["-machine", machine, "-accel", accel, "-cpu", cpu, "-smp", str(smp), "-m", str(mem)]
        self.command += ["-display", "gtk" if gui else "none", "-device", "VGA", "-device", "virtio-rng-pci"]
        if firmware:
            self._firmware(ovmf, ovmf_code, vars_file)
        if disk:
            self._disk(disk, bus, ",bootindex=0" if bootindex else "", keep)
        self.command += [*boot_args, *args]
        if stoppable:
            self.command += ["-gdb", "unix:%s,server=on,wait=off" % self.gdb_path, "-no-shutdown"]

    def _firmware(self, ovmf, code, vars_file):
        code, template = ovmf_files(ovmf, code)
        if not template:
            self.command += ["-bios", code]
            return
        if ovmf == "snakeoil":
            self.command += ["-global", "driver=cfi.pflash01,property=secure,value=on"]
        variables = vars_file or os.path.join(self.dir, "vars.fd")
        if not vars_file:
            shutil.copyfile(template, variables)
        self.command += ["-drive", "if=pflash,unit=0,format=raw,readonly=on,file=" + code,
                         "-drive", "if=pflash,unit=1,format=raw,%sfile=%s" %
                         ("snapshot=on," if self.stoppable else "", variables)]

    def _disk(self, disk, bus, first, keep):
        """first: QEMU's boot order, which overrides the firmware's own BootOrder; "" leaves that alone."""
        device = {"virtio": ["-device", "virtio-blk-pci,drive=disk" + first],
                  "ahci": ["-device", "ide-hd,drive=disk,bus=ide.0" + first],
                  "usb": ["-device", "qemu-xhci", "-device", "usb-storage,drive=disk" + first]}[bus]
        self.command += ["-drive", "if=none,id=disk,format=raw,snapshot=%s,file=%s" % ("off" if keep else "on", disk),
                         *device]

    def printable(self):
        """The command for a person to paste: serial and monitor on the terminal instead of our sockets."""
        return shlex.join([*self.command, "-serial", "mon:stdio"])

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        try:
            if kind and issubclass(kind, MachineError) and self.process.poll() is None:
                self.print_where()
        finally:
            self.stop()

    def print_where(self):
        """Where the CPUs are when what was waited for did not come: several looks tell a loop from a halt."""
        try:
            for _ in range(LOOKS):
                for cpu, text in enumerate(self.monitor("info registers -a").split("CPU#")[1:]):
                    code = self.qmp("human-monitor-command", **{"command-line": "x /16xb $pc", "cpu-index": cpu})
                    print("CPU %d: %s; %s" % (cpu, " ".join(re.findall(r"\b(?:RIP|RFL|RSP|HLT)=\w+", text)),
                                              " ".join(code.split())))
        except (MachineError, OSError) as problem:
            print("where the CPUs are: %s" % problem)

    def start(self):
        serial, qmp = (os.path.join(self.sockets, name) for name in ("serial", "qmp"))
        command = [*self.command, "-S", "-chardev", "pipe,id=serial0,path=" + serial, "-serial", "chardev:serial0",
                   "-qmp", "unix:%s,server=on,wait=off" % qmp]
        self._open_serial(serial)
        with open(os.path.join(self.dir, "command"), "w") as f:
            f.write(shlex.join(command) + "\n")
        self.stderr = open(os.path.join(self.dir, "qemu.log"), "w+")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.stderr, stderr=self.stderr,
                                        start_new_session=self.watched)
        try:
            self.qmp_socket = self._connect(qmp)
            self.qmp_socket.settimeout(QMP_S)
            self.qmp_file = self.qmp_socket.makefile("r")
            json.loads(self.qmp_file.readline())
            log = os.devnull if self.watched else os.path.join(self.dir, "serial.log")
            self.log = open(log, "wb", buffering=0)
            os.set_blocking(self.serial_out, True)      # QEMU has its end by now, so this ends with it
            self.reader = threading.Thread(target=self._read_serial, daemon=True)
            self.reader.start()
            self.qmp("qmp_capabilities")
            self.started = time.monotonic()
            self.qmp("cont")
        except (OSError, ValueError) as error:      # it ended while we were talking to it
            reason = self.own_words() or str(error)
            self.stop()
            raise MachineError("QEMU did not start: " + reason) from None
        except BaseException:       # a signal of ours, too
            self.stop()
            raise

    def own_words(self):
        """What QEMU wrote before it ended, else how it ended."""
        try:
            code = self.process.wait(QUIET_S)
        except subprocess.TimeoutExpired:
            code = None
        self.stderr.seek(0)
        return self.stderr.read().strip() or ("" if code is None else "exit status %d, no message" % code)

    def _open_serial(self, path):
        """A pipe each way (QEMU's names: path.in, path.out)."""
        for end in (".in", ".out"):
            os.mkfifo(path + end)
        self.serial_out = os.open(path + ".out", os.O_RDONLY | os.O_NONBLOCK)
        fcntl.fcntl(self.serial_out, fcntl.F_SETPIPE_SZ, self.pipe_bytes)
        self.serial_in = os.open(path + ".in", os.O_RDWR)

    def _connect(self, path):
        deadline = time.monotonic() + CONNECT_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                sock = socket.socket(socket.AF_UNIX)
                sock.connect(path)
                return sock
            except OSError:
                sock.close()
                time.sleep(0.02)
        raise MachineError("QEMU did not start: " + (self.own_words() or "no answer in %d s" % CONNECT_S))

    def _read_serial(self):
        while True:
            self.may_read.wait()
            data = os.read(self.serial_out, 65536)
            if not data:
                break
            self.log.write(data)
            if self.echo:
                self.echo(data)
            self._split(data)
        with self.changed:
            self.changed.notify_all()

    def _split(self, data):
        now = time.monotonic() - self.started
        with self.changed:
            *complete, self.partial = (self.partial + data).split(b"\n")
            self.grown = time.monotonic()
            self.lines += [(now, clean(line)) for line in complete]
            self.changed.notify_all()

    def text(self):
        """All serial output so far, escape sequences removed."""
        with self.changed:
            return "\n".join([line for _, line in self.lines] + [clean(self.partial)])

    def take(self, rest=False):
        """The lines since the last call, [(seconds, text)], no longer kept here. rest: an unfinished one, too."""
        with self.changed:
            lines, self.lines = self.lines, []
            if rest and self.partial:
                lines.append((time.monotonic() - self.started, clean(self.partial)))
        return lines

    def ended(self):
        """None while the guest runs, else why it stands (reason of the last SHUTDOWN event, or the state)."""
        status = self.qmp("query-status")
        if status["running"]:
            return None
        reasons = [e["data"]["reason"] for e in self.events if e["event"] == "SHUTDOWN"]
        return reasons[-1] if reasons else status["status"]

    def send(self, text):
        os.write(self.serial_in, text.encode())

    def wait_for(self, pattern, timeout_s):
        """Waits for a line that matches; returns (seconds, match). A prompt counts once it has stood for QUIET_S."""
        regex = re.compile(pattern)
        deadline = time.monotonic() + timeout_s
        seen = 0
        with self.changed:
            while True:
                for stamp, line in self.lines[seen:]:
                    seen += 1
                    match = regex.search(line)
                    if match:
                        return stamp, match
                now = time.monotonic()
                match = regex.search(clean(self.partial))
                if match and now - self.grown >= QUIET_S:
                    return now - self.started, match
                rest = deadline - now
                over = self.process.poll() is not None and not self.reader.is_alive()
                if rest <= 0 or over:
                    reason = "QEMU ended" if over else "%g s passed" % timeout_s
                    raise MachineError("%s without a line matching %r; see %s" %
                                       (reason, pattern, os.path.join(self.dir, "serial.log")))
                self.changed.wait(min(rest, QUIET_S if match else 0.5))

    def qmp(self, command, **arguments):
        request = {"execute": command}
        if arguments:
            request["arguments"] = arguments
        self.qmp_socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            line = self.qmp_file.readline()
            if not line:
                raise MachineError("QMP connection closed during %s: %s" % (command, self.own_words()))
            answer = json.loads(line)
            if "event" in answer:
                self.events.append(answer)
            elif "error" in answer:
                raise MachineError("%s: %s" % (command, answer["error"]["desc"]))
            else:
                return answer["return"]

    def monitor(self, line):
        """A command of the human monitor, for what QMP lacks (mce, nmi, gpa2hva)."""
        return self.qmp("human-monitor-command", **{"command-line": line})

    def screendump(self, name="screen.ppm"):
        path = os.path.join(os.path.abspath(self.dir), name)
        self.qmp("screendump", filename=path)
        return path

    def read_memory(self, address, size):
        """Physical memory, as QMP pmemsave gives it."""
        path = os.path.join(self.sockets, "pmem")
        self.qmp("pmemsave", val=address, size=size, filename=path)
        with open(path, "rb") as f:
            return f.read()

    def wait_exit(self, timeout_s):
        """Waits for QEMU to end; returns the reason of its SHUTDOWN event ("guest-shutdown", "guest-reset", ...)."""
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise MachineError("the machine was still running after %g s" % timeout_s) from None
        self.reader.join(5)
        try:
            for line in self.qmp_file:
                answer = json.loads(line)
                if "event" in answer:
                    self.events.append(answer)
        except (OSError, ValueError):
            pass
        reasons = [e["data"]["reason"] for e in self.events if e["event"] == "SHUTDOWN"]
        return reasons[-1] if reasons else "exit status %d" % self.process.returncode

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(20)
        self.may_read.set()
        if self.reader:
            self.reader.join(5)
        for end in (self.serial_in, self.serial_out):
            if end is not None:
                os.close(end)
        for resource in (self.qmp_file, self.qmp_socket, self.log, self.stderr):
            if resource:
                resource.close()
        shutil.rmtree(self.sockets, ignore_errors=True)
        if self.own_dir:
            shutil.rmtree(self.dir, ignore_errors=True)


ESCAPES = re.compile(rb"\x1b(\[[0-9;?=]*[A-Za-z@]|[()][A-Z0-9]|[=>78cDEHM])")


def clean(line):
    return ESCAPES.sub(b"", line).decode("utf-8", "replace").rstrip("\r")


def guest_facts(text):
    """{key: last value} of the guest's `guest: key=value` lines; iomem, mce and dmesg_line as lists."""
    facts = {"iomem": [], "mce": [], "dmesg_line": []}
    for key, value in re.findall(r"^guest: (\w+)=(.*)$", text, re.M):
        if key in ("iomem", "mce", "dmesg_line"):
            facts[key].append(value)
        else:
            facts[key] = value
    return facts


# Quotes within quotes are not escaped (docs/serial.md).
LOGFMT = re.compile(r'(\w[\w-]*)=(?:"(.*?)"(?= [\w-]+=|\s*$)|(\S*))')


def baton_events(text):
    """Baton's machine lines in order, each a dict with the key "event" (docs/serial.md)."""
    events = []
    for line in re.findall(r"^baton: (event=.*)$", text, re.M):
        events.append({key: quoted or plain for key, quoted, plain in LOGFMT.findall(line)})
    return events
