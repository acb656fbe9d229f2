# SPDX-License-Identifier: MIT
"""The finished build/baton.efi read back, as PE32+ and as bzImage; by our own parser, strict as shim and EDK2."""
import re
import struct
import subprocess

import pytest

from harness import BATON, BUILD

pytestmark = pytest.mark.quick

PE = 0x40
READ, WRITE, EXECUTE, DISCARDABLE = 0x40000000, 0x80000000, 0x20000000, 0x02000000


def u8(data, at):
    return data[at]


def u16(data, at):
    return struct.unpack_from("<H", data, at)[0]


def u32(data, at):
    return struct.unpack_from("<I", data, at)[0]


def u64(data, at):
    return struct.unpack_from("<Q", data, at)[0]


class Image:
    def __init__(self, data):
        self.data = data
        self.optional = PE + 24
        self.optional_size = u16(data, PE + 20)
        self.table = self.optional + self.optional_size
        self.sections = [Section(data, self.table + 40 * i) for i in range(u16(data, PE + 6))]
        self.entry = u32(data, self.optional + 16)
        self.section_alignment = u32(data, self.optional + 32)
        self.file_alignment = u32(data, self.optional + 36)
        self.size = u32(data, self.optional + 56)
        self.headers = u32(data, self.optional + 60)
        self.directories = u32(data, self.optional + 108)

    def directory(self, index):
        return struct.unpack_from("<II", self.data, self.optional + 112 + 8 * index)

    def section(self, name):
        return next(s for s in self.sections if s.name == name)


class Section:
    def __init__(self, data, at):
        self.name = data[at:at + 8].rstrip(b"\0").decode()
        self.virtual_size, self.address, self.raw_size, self.raw = struct.unpack_from("<IIII", data, at + 8)
        self.relocations, self.lines = u32(data, at + 24), u32(data, at + 28)
        self.flags = u32(data, at + 36)


@pytest.fixture(scope="module")
def data():
    with open(BATON, "rb") as f:
        return f.read()


@pytest.fixture(scope="module")
def image(data):
    return Image(data)


@pytest.fixture(scope="module")
def symbols():
    """Addresses in baton.elf, where address = RVA = file offset."""
    out = subprocess.run(["nm", BUILD + "/baton.elf"], check=True, capture_output=True, text=True).stdout
    return {name: int(value, 16) for value, name in re.findall(r"^([0-9a-f]+) \w (\S+)$", out, re.M)}


def power_of_two(value):
    return value and value & (value - 1) == 0


# PE

def test_pe_headers(data, image):
    assert data[:2] == b"MZ" and u32(data, 0x3c) == PE and data[PE:PE + 4] == b"PE\0\0"
    assert u16(data, PE + 4) == 0x8664
    characteristics = u16(data, PE + 22)
    assert characteristics & 2, "executable"
    assert not characteristics & 1, "shim refuses RELOCS_STRIPPED"
    assert u16(data, image.optional) == 0x20b
    assert u64(data, image.optional + 24) == 0, "ImageBase"
    assert u16(data, image.optional + 44) >= 1, "MajorImageVersion: the initrd comes by LoadFile2"
    assert u16(data, image.optional + 68) == 10, "an EFI application"
    assert u16(data, image.optional + 70) & 0x100, "NX_COMPAT"
    assert u32(data, PE + 8) == 0, "no time stamp: builds are reproducible"


def test_pe_sizes(data, image):
    assert 6 <= image.directories <= 16 and image.optional_size == 112 + 8 * image.directories
    assert power_of_two(image.section_alignment) and power_of_two(image.file_alignment)
    assert image.section_alignment == 0x1000 and image.section_alignment >= image.file_alignment >= 0x200
    assert image.size % image.section_alignment == 0 and image.headers % image.file_alignment == 0
    assert image.headers <= image.size
    assert image.table + 40 * len(image.sections) <= min(0x1ef, image.headers)
    assert (image.size - image.table) // 40 > len(image.sections)
    assert image.directory(4) == (0, 0), "no signature yet"


def test_pe_sections(data, image):
    assert 1 <= len(image.sections) <= 6, "six is what fits before the setup header"
    file_end, memory_end = image.headers, image.headers
    for s in image.sections:
        assert s.raw == file_end, s.name + ": gap in the file"
        assert s.address == memory_end, s.name + ": gap in memory"
        assert s.raw % image.file_alignment == 0 and s.raw_size % image.file_alignment == 0
        assert s.address % image.section_alignment == 0
        assert s.raw == s.address, s.name + ": file offset is not the RVA"
        assert s.raw + s.raw_size <= len(data), s.name + ": beyond the file"
        assert s.relocations == s.lines == 0
        file_end = s.raw + s.raw_size
        memory_end = s.address + (max(s.virtual_size, s.raw_size) + 0xfff & ~0xfff)
        assert memory_end <= image.size
    assert file_end == len(data), "bytes behind the last section"
    assert memory_end == image.size
    for s in image.sections[:-1]:
        assert s.virtual_size <= s.raw_size, s.name + ": BSS belongs to the last section only"


def test_pe_rights(image):
    for s in image.sections:
        assert s.flags & READ
        assert not (s.flags & WRITE and s.flags & EXECUTE), s.name + " is writable and executable"
        assert not s.flags & DISCARDABLE, s.name + ": shim does not copy discardable sections"
    inside = [s for s in image.sections if s.address <= image.entry < s.address + s.virtual_size]
    assert len(inside) == 1 and inside[0].flags & EXECUTE


def test_pe_entry_is_the_symbol(image, symbols):
    assert image.entry == symbols["efi_entry"]


def test_pe_relocations(image):
    """None, or exactly what shim accepts: directory 5 and one .reloc section that agree."""
    sections = [s for s in image.sections if s.name == ".reloc"]
    rva, size = image.directory(5)
    assert (not sections and (rva, size) == (0, 0)) or (len(sections) == 1 and sections[0].address == rva and size)


def test_sbat(data, image):
    s = image.section(".sbat")
    text = data[s.raw:s.raw + s.virtual_size].decode("ascii")
    rows = text.splitlines()
    assert text.endswith("\n") and "\0" not in text
    assert rows[0].startswith("sbat,1,") and any(row.startswith("baton,") for row in rows)
    assert all(row.count(",") == 5 and row.split(",")[1].isdigit() for row in rows)
    assert not any(data[s.raw + s.virtual_size:s.raw + s.raw_size]), "zero behind the text"


# bzImage

@pytest.fixture(scope="module")
def base(data):
    """File offset of the protected-mode part."""
    return (u8(data, 0x1f1) + 1) * 512


def test_setup_header(data):
    assert data[0x1ef:0x1f1] == b"\xff\xff", "sentinel"
    assert 1 <= u8(data, 0x1f1) <= 64
    assert u16(data, 0x1fe) == 0xaa55 and data[0x202:0x206] == b"HdrS"
    assert data[0x200] == 0xeb
    end = 0x202 + data[0x201]
    assert 0x26c <= end <= 0x281, "jump doubles as the header's length: kernel_info_offset to the protocol's limit"
    assert u16(data, 0x206) >= 0x20f
    assert u8(data, 0x211) & 1, "LOADED_HIGH"
    assert u8(data, 0x210) == 0
    assert u64(data, 0x250) == 0, "setup_data"
    assert all(u32(data, at) == 0 for at in (0x218, 0x21c, 0x228)), "the loader's fields"


def test_relocation_fields(data):
    alignment = u32(data, 0x230)
    assert u8(data, 0x234) == 1, "relocatable"
    assert power_of_two(alignment) and 0x1000 <= alignment <= 1 << 30
    assert 12 <= u8(data, 0x235) <= 21 and 1 << u8(data, 0x235) <= alignment
    assert u64(data, 0x258) % alignment == 0 and u64(data, 0x258) >= 0x100000


def test_xloadflags(data):
    flags = u16(data, 0x236)
    assert flags & 3 == 3, "kexec -s needs the 64-bit entry and loading above 4 GiB"
    assert flags & 8, "EFI handover, 64-bit"
    assert not flags & 0xff80


def test_entry_points(data, base, symbols):
    """Five ways in: 16-bit, 32-bit, 64-bit, EFI handover, PE (above)."""
    assert base == symbols["startup_32"] == 0x1000
    assert symbols["startup_64"] == base + 0x200
    offset = u32(data, 0x264)
    assert offset and symbols["handover_64"] == base + 0x200 + offset and symbols["handover_32"] == base + offset
    target = 0x202 + data[0x201]
    assert data[target] == 0xfa, "16-bit entry starts with CLI"
    assert data[base] == 0xfa and data[base + 0x200] == 0xfa


def test_init_size(data, base, image):
    """Covers file, BSS and an appended signature: loaders copy the whole file, kexec_file_load refuses otherwise."""
    init_size = u32(data, 0x260)
    assert init_size >= image.size - base
    assert init_size >= len(data) - base + 0x10000


def test_version_string(data):
    at = u16(data, 0x20e)
    assert 0 < at < u8(data, 0x1f1) * 512
    text = data[at + 0x200:data.index(b"\0", at + 0x200)].decode("ascii")
    assert text.startswith("Baton ") and len(text) < 100


def test_kernel_info(data, base):
    at = base + u32(data, 0x268)
    assert data[at:at + 4] == b"LToP"
    size, total, highest = struct.unpack_from("<III", data, at + 4)
    assert 16 <= size <= total and at + total <= len(data)
    assert highest == 0x80000009


def test_payload_fields(data, base):
    offset, length = u32(data, 0x248), u32(data, 0x24c)
    assert offset + length <= len(data) - base


# signing

def test_sign_and_verify(keys, tmp_path, data, base):
    """sbsign does not complain, sbverify agrees, and the signed file still satisfies both formats."""
    target = tmp_path / "signed.efi"
    done = subprocess.run(["sbsign", "--key", keys[0], "--cert", keys[1], "--output", str(target), BATON],
                          capture_output=True, text=True, check=True)
    assert "warning" not in done.stderr.lower() and "gap" not in done.stderr.lower(), done.stderr
    subprocess.run(["sbverify", "--cert", keys[1], str(target)], check=True, capture_output=True)
    signed = target.read_bytes()
    offset, size = Image(signed).directory(4)
    assert offset % 8 == 0 and offset >= len(data) and offset + size <= len(signed)
    assert u32(signed, 0x260) >= len(signed) - base, "init_size covers the signed file"
    spoiled = bytearray(signed)
    spoiled[base + 0x300] ^= 1
    target.write_bytes(spoiled)
    assert subprocess.run(["sbverify", "--cert", keys[1], str(target)], capture_output=True).returncode


def test_no_dynamic_relocation_in_read_only_parts(image, symbols):
    """RELATIVE only, and all of them inside .data: the image patches itself under W^X."""
    out = subprocess.run(["readelf", "-rW", BUILD + "/baton.elf"], check=True, capture_output=True, text=True).stdout
    rows = re.findall(r"^([0-9a-f]{16})\s+\S+\s+(R_X86_64_\w+)", out, re.M)
    data_section = image.section(".data")
    assert {kind for _, kind in rows} <= {"R_X86_64_RELATIVE"}
    for where, _ in rows:
        assert data_section.address <= int(where, 16) < data_section.address + data_section.raw_size
