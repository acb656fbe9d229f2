# SPDX-License-Identifier: MIT
"""Writes a boot option into a file of OVMF's variables, so that firmware hands a command line (LoadOptions) to Baton.

Layout: PI specification, firmware volume header; EDK2 MdeModulePkg/Include/Guid/VariableFormat.h (authenticated form).
"""
import struct
import uuid

GLOBAL = uuid.UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c")
AUTHENTICATED_STORE = uuid.UUID("aaf32c78-947b-439a-a180-2e144ec37792")
NV_BS_RT = 7
ADDED = 0x3f
VARIABLE = struct.Struct("<HBBIQ16sIII16s")


def ucs2(text):
    return text.encode("utf-16-le") + b"\0\0"


def path_node(kind, subkind, body):
    return struct.pack("<BBH", kind, subkind, 4 + len(body)) + body


def load_option(description, partition, start, sectors, path, options):
    """EFI_LOAD_OPTION with a short-form path: partition GUID and file (UEFI 3.1.2)."""
    disk = path_node(4, 1, struct.pack("<IQQ16sBB", 1, start, sectors, partition.bytes_le, 2, 2))
    device = disk + path_node(4, 4, ucs2(path)) + path_node(0x7f, 0xff, b"")
    return struct.pack("<IH", 1, len(device)) + ucs2(description) + device + ucs2(options)


def variable(name, data, vendor=GLOBAL, attributes=NV_BS_RT):
    raw = ucs2(name)
    head = VARIABLE.pack(0x55aa, ADDED, 0, attributes, 0, bytes(16), 0, len(raw), len(data), vendor.bytes_le)
    body = head + raw + data
    return body + b"\xff" * (-len(body) % 4)


def end_of_variables(store):
    """Offset behind the last variable of a whole firmware volume."""
    at = struct.unpack_from("<H", store, 0x30)[0]
    if store[at:at + 16] != AUTHENTICATED_STORE.bytes_le:
        raise ValueError("no authenticated variable store")
    at += 28
    while store[at:at + 2] == b"\xaa\x55":
        fields = VARIABLE.unpack_from(store, at)
        at += (VARIABLE.size + fields[7] + fields[8] + 3) & ~3
    return at


def write(template, out, partition, start, sectors, path, options):
    with open(template, "rb") as f:
        store = bytearray(f.read())
    option = load_option("Baton", partition, start, sectors, path, options)
    added = variable("Boot0000", option) + variable("BootOrder", struct.pack("<H", 0))
    at = end_of_variables(store)
    if store[at:at + len(added)] != b"\xff" * len(added):
        raise ValueError("no room behind the variables")
    store[at:at + len(added)] = added
    with open(out, "wb") as f:
        f.write(store)
    return out
