# SPDX-License-Identifier: MIT
"""Writes a newc cpio archive: no root, no device nodes needed, the same bytes every time."""

PAGE = 4096


class Cpio:
    def __init__(self, out):
        self.out = out
        self.inode = 0
        self.offset = 0

    def add(self, name, mode, data=b"", rdev=(0, 0), align=4):
        """align: where the data begins; zeros behind the name fill up, which readers take as part of the name."""
        self.inode += 1
        raw = name.encode() + b"\0"
        raw += b"\0" * (-(self.offset + 110 + len(raw)) % align)
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, rdev[0], rdev[1], len(raw), 0)
        head = b"070701" + b"".join(b"%08X" % f for f in fields) + raw
        self._write(head + b"\0" * (-len(head) % 4))
        self._write(data)
        self._write(b"\0" * (-len(data) % 4))

    def close(self):
        self.add("TRAILER!!!", 0)

    def _write(self, data):
        self.out.write(data)
        self.offset += len(data)
