#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""tools/baton-soak with a boot sector in Baton's place, for what Baton cannot be asked to do: behind SeaBIOS it says
its lines over COM1, then hangs, resets by a triple fault, or powers off.

usage: soak_stub.py hang|reset|off "TEXT" [NAME=SECONDS ...] -- OPTIONS...    (NAME: a constant of tools/soak_watch.py;
the self-check, too, meets the boot sector)
"""
import importlib.machinery
import importlib.util
import os
import struct
import sys

TOOLS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "tools")
ORIGIN, DATA_AT, SECTOR, DISK_BYTES = 0x7c00, 0x40, 512, 1 << 20
END = {"hang": b"\xfa\xf4\xeb\xfd",                                     # cli; hlt; jmp
       "reset": b"\x0f\x01\x1e" + struct.pack("<H", ORIGIN + DATA_AT) + b"\x0f\x0b",    # lidt [six zeros]; ud2
       "off": b"\xba\x04\x06\xb8\x00\x20\xef\xf4"}                      # SLP_EN to PM1a_CNT of QEMU's q35


def sector(text, end):
    """Says text over COM1, then ends."""
    code = b"\x31\xc0\x8e\xd8\xbe" + struct.pack("<H", ORIGIN + DATA_AT + 6)    # ds = 0, si = text
    code += b"\xba\xf8\x03\xac\x84\xc0\x74\x03\xee\xeb\xf8" + END[end]          # lodsb; out until 0
    data = code.ljust(DATA_AT, b"\0") + bytes(6) + text.encode() + b"\0"
    assert len(data) <= SECTOR - 2
    return data.ljust(SECTOR - 2, b"\0") + b"\x55\xaa"


def load_soak(tools=TOOLS):
    loader = importlib.machinery.SourceFileLoader("baton_soak", os.path.join(tools, "baton-soak"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def main():
    at = sys.argv.index("--")
    end, text, *limits = sys.argv[1:at]
    sys.argv[1:at + 1] = []
    soak = load_soak()

    def machine(folder, _baton, args, _options, name):
        disk = os.path.join(folder, name + ".img")
        with open(disk, "wb") as f:
            f.write(sector(text.replace("\\n", "\n"), end).ljust(DISK_BYTES, b"\0"))
        return soak.qemu.Machine(os.path.join(folder, name), disk=disk, smp=args.smp, mem=args.mem, firmware=False,
                                 watched=True)
    soak.MODES["baton"] = soak.Mode(machine, soak.MODES["baton"].clean)
    for name, seconds in (limit.split("=") for limit in limits):
        assert hasattr(soak.soak_watch, name)
        setattr(soak.soak_watch, name, float(seconds))
    return soak.main()


if __name__ == "__main__":
    sys.exit(main())
