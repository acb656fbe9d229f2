#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Picks kernel modules and all that they need out of a module tree, flat, with the order for insmod.

usage: modules.py TREE OUT NAME...

OUT/NAME.ko each, and OUT/order, one file name a line. A name without a file is built in, or not of this
kernel: left out.
"""
import os
import re
import shutil
import sys


def module_files(tree):
    """{name with _: path}"""
    found = {}
    for base, _, names in os.walk(tree):
        for name in names:
            if name.endswith(".ko"):
                found[name[:-3].replace("-", "_")] = os.path.join(base, name)
    return found


def depends(path):
    """Names from .modinfo's depends=, a NUL-terminated string of the file."""
    with open(path, "rb") as f:
        match = re.search(rb"\0depends=([^\0]*)\0", f.read())
    return [name.replace("-", "_") for name in match[1].decode().split(",") if name] if match else []


def order(files, names):
    """Each module behind those that it depends on."""
    done = []

    def visit(name, above):
        if name in done or name not in files:
            return
        if name in above:
            sys.exit("modules.py: %s depends on itself by %s" % (name, above[-1]))
        for needed in depends(files[name]):
            visit(needed, [*above, name])
        done.append(name)

    for name in names:
        visit(name.replace("-", "_"), [])
    return done


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__.split("\n\n")[1])
    tree, out, *names = sys.argv[1:]
    files = module_files(tree)
    os.makedirs(out, exist_ok=True)
    chosen = order(files, names)
    for name in chosen:
        shutil.copy(files[name], os.path.join(out, name + ".ko"))
    with open(os.path.join(out, "order"), "w") as f:
        f.writelines(name + ".ko\n" for name in chosen)


if __name__ == "__main__":
    main()
