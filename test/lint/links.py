# SPDX-License-Identifier: MIT
"""What the linker saw: closure of image and block, and of the rooms that hosts compile too, by symbol."""
import os
import re
import subprocess

from rules import ARROWS, Finding, room_of

# Compiled unchanged for the host: what they call by name is theirs, the library's or the seam's.
SEAM_ROOMS = ("boot", "lib", "mm", "smp", "purgatory")


def check_undefined(name, output):
    """output: nm -u of a finished link."""
    for line in output.split("\n"):
        if line.strip():
            yield Finding(name, 0, "closure", "undefined symbol " + line.split()[-1])


def declared_in(tree, room):
    """Names with a bracket or as data in the headers that the room may include."""
    words = set()
    for path, text in tree.items():
        if path.endswith(".h") and any(path == arrow or arrow.endswith("/") and path.startswith(arrow)
                                       for arrow in ARROWS[room]):
            words.update(re.findall(r"\b[A-Za-z_]\w*\b", text))
    return words


def check_objects(tree, objects):
    """objects: {source: (defined, undefined)} of one link. What a room calls stands in a header that it may include, and
    something in the same link defines it."""
    defined = set().union(*(names for names, _ in objects.values())) if objects else set()
    words = {room: declared_in(tree, room) for room in SEAM_ROOMS}
    for path, text in tree.items():
        if path.endswith(".lds"):
            defined.update(re.findall(r"\b[A-Za-z_]\w*\b", text))
    for source, (_, undefined) in objects.items():
        room = room_of(source)
        for name in sorted(undefined):
            if name not in defined:
                yield Finding(source, 0, "closure", "%s is defined nowhere in the link" % name)
            elif room in SEAM_ROOMS and source.endswith(".c") and name not in words[room]:
                yield Finding(source, 0, "closure", "%s() is in no header that %s/ may include" % (name, room))


def read_objects(folder):
    objects = {}
    for root, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".o"):
                path = os.path.join(root, name)
                out = subprocess.run(["nm", path], check=True, capture_output=True, text=True).stdout
                symbols = [line.split()[-2:] for line in out.splitlines()]
                source = os.path.relpath(path, folder)[:-len(".o")]
                objects[source] = ({n for kind, n in symbols if kind not in "UwvN" and kind.isupper()},
                                   {n for kind, n in symbols if kind in "Uwv" and n != "_GLOBAL_OFFSET_TABLE_"})
    return objects


def check_links(tree, build):
    """A build that is missing is a finding: make lint builds it first."""
    for name, folder in (("baton.elf", "image"), ("block.elf", "block")):
        path = os.path.join(build, name)
        if not os.path.exists(path):
            yield Finding(path, 0, "closure", "not built")
            continue
        yield from check_undefined(path, subprocess.run(["nm", "-u", path], check=True, capture_output=True,
                                                        text=True).stdout)
        objects = read_objects(os.path.join(build, folder))
        # Sources that are gone leave their objects behind.
        yield from check_objects(tree, {source: found for source, found in objects.items()
                                        if source in tree or source.startswith("gen/")})
