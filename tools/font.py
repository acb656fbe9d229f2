#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes the console font: an X11 PCF file with 8x16 glyphs in Latin-1 to a C table.

usage: font.py FONT.pcf.gz > font.c

Format: the X Consortium's PCF, described at https://fontforge.org/docs/techref/pcf-format.html
"""
import gzip
import struct
import sys

PROPERTIES, METRICS, BITMAPS, ENCODINGS = 1 << 0, 1 << 2, 1 << 3, 1 << 5
WIDTH, HEIGHT = 8, 16
# The licence asks that it goes with every copy, so it is in the image, too.
NOTICE = ("Glyphs: Terminus Font, Copyright (c) 2010-2014 Dimitar Toshkov Zhekov, with Reserved Font Name "
          "'Terminus Font', licensed under the SIL Open Font License, Version 1.1, https://openfontlicense.org")
FORMAT_COMPRESSED, FORMAT_BIG_ENDIAN, FORMAT_BITS_FROM_LEFT = 0x100, 4, 8


class Table:
    """One table of the file; reads numbers in the byte order that the table's format word names."""

    def __init__(self, data, at):
        self.data, self.at = data, at
        self.format, = struct.unpack_from("<I", data, at)
        self.order = ">" if self.format & FORMAT_BIG_ENDIAN else "<"
        self.at += 4

    def take(self, kinds):
        values = struct.unpack_from(self.order + kinds, self.data, self.at)
        self.at += struct.calcsize(self.order + kinds)
        return values


def tables(data):
    if data[:4] != b"\1fcp":
        raise SystemExit("font.py: not a PCF file")
    count, = struct.unpack_from("<I", data, 4)
    for i in range(count):
        kind, _format, _size, offset = struct.unpack_from("<IIII", data, 8 + 16 * i)
        yield kind, Table(data, offset)


def read_metrics(t):
    """Per glyph: left bearing, right bearing, width, ascent, descent."""
    if t.format & FORMAT_COMPRESSED:
        count, = t.take("H")
        return [tuple(v - 0x80 for v in t.take("5B")) for _ in range(count)]
    count, = t.take("I")
    return [t.take("5hH")[:5] for _ in range(count)]


def read_encodings(t):
    """Character code to glyph index."""
    first, last, row_first, row_last, _default = t.take("5H")
    if row_first != 0:
        raise SystemExit("font.py: the font lacks Latin-1")
    indices = t.take(f"{(last - first + 1) * (row_last - row_first + 1)}H")
    return {first + i: g for i, g in enumerate(indices[:last - first + 1]) if g != 0xffff}


def read_bitmaps(t, metrics):
    """Per glyph: its rows, leftmost pixel in the highest of row-size bits."""
    count, = t.take("I")
    offsets = t.take(f"{count}I")
    t.take("4I")
    pad = 1 << (t.format & 3)
    if not t.format & FORMAT_BITS_FROM_LEFT or t.format >> 4 & 3:
        raise SystemExit("font.py: an order of bits that is not supported")
    glyphs = []
    for start, (left, right, _width, ascent, descent) in zip(offsets, metrics):
        row_bytes = ((right - left + 7) // 8 + pad - 1) // pad * pad
        at = t.at + start
        glyphs.append([t.data[at + y * row_bytes] for y in range(ascent + descent)])
    return glyphs


def place(rows, metrics, top):
    """The glyph's rows on the 8x16 cell whose base line is below row top - 1."""
    left, right, _width, ascent, _descent = metrics
    cell = [0] * HEIGHT
    for y, bits in enumerate(rows):
        if 0 <= top - ascent + y < HEIGHT:
            bits &= 0xff00 >> min(right - left, WIDTH)
            cell[top - ascent + y] = bits >> left & 0xff if left >= 0 else bits << -left & 0xff
    return cell


def main():
    data = gzip.open(sys.argv[1]).read()
    found = dict(tables(data))
    metrics = read_metrics(found[METRICS])
    codes = read_encodings(found[ENCODINGS])
    bitmaps = read_bitmaps(found[BITMAPS], metrics)
    widths = {metrics[g][2] for g in codes.values()}
    if widths != {WIDTH} or max(len(b) for b in bitmaps) > HEIGHT:
        raise SystemExit(f"font.py: the glyphs are not {WIDTH}x{HEIGHT}")
    missing = [c for c in (*range(0x20, 0x7f), *range(0xa0, 0x100)) if c not in codes]
    if missing:
        raise SystemExit(f"font.py: characters missing: {missing}")
    top = HEIGHT - max(metrics[g][4] for g in codes.values())
    print('// Made by tools/font.py.\n#include "lib/font.h"\n')
    print(f'const char font_notice[] = "{NOTICE}";\n')
    print("const uint8_t font_glyphs[256][16] = {")
    for code in range(256):
        glyph = codes.get(code if code >= 0x20 and not 0x7f <= code < 0xa0 else ord("?"))
        rows = place(bitmaps[glyph], metrics[glyph], top)
        print(f"\t[{code}] = {{ " + ", ".join(f"0x{b:02x}" for b in rows) + " },")
    print("};")


main()
