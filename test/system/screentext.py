# SPDX-License-Identifier: MIT
"""Reads Baton's text back from a screen dump: every cell is compared with the glyphs that Baton is built with."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools"))
import screenshots  # noqa: E402

FOREGROUND = b"\xc0\xc0\xc0"
COLUMNS, ROWS = 80, 22      # lib/fbtext.h: the least that the largest glyphs leave


def glyphs(build):
    """{16 bytes: character} of gen/font.c."""
    with open(os.path.join(build, "gen", "font.c")) as f:
        found = re.findall(r"\[(\d+)\] = \{ (.*?) \}", f.read())
    table = {bytes(int(v, 16) for v in rows.split(", ")): chr(int(code)) for code, rows in reversed(found)}
    table[bytes(16)] = " "
    return table


def read(path, build):
    """The screen's lines, without blanks at their ends; '\\0' for a cell that is no glyph."""
    width, height, pixels = screenshots.ppm_read(path)
    scale = max(1, min(width // (COLUMNS * 8), height // (ROWS * 16)))
    table, lines = glyphs(build), []
    for top in range(0, height - 16 * scale + 1, 16 * scale):
        rows = [pixels[(top + y * scale) * width * 3:(top + y * scale + 1) * width * 3] for y in range(16)]
        bits = [[row[3 * x:3 * x + 3] == FOREGROUND for x in range(0, width, scale)] for row in rows]
        line = ""
        for left in range(0, width // scale - 7, 8):
            cell = bytes(sum(bit << (7 - i) for i, bit in enumerate(row[left:left + 8])) for row in bits)
            line += table.get(cell, "\0")
        lines.append(line.rstrip())
    return lines


def last_lines(lines, count=10):
    while lines and not lines[-1]:
        lines = lines[:-1]
    return lines[-count:]
