#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""usage: coverage.py FOLDER ROOM            adds up gcov's line counts of the room's files, names lines that never ran
       coverage.py FOLDER FILE.c FILE.c...  the same, file by file

Exit status 0 only if every line of the room ran; with files, if at least 95% of each did.
"""
import json
import os
import subprocess
import sys

SHARE_MIN = 95


def counts(folder, wanted):
    """{(path, line): count} of the files that wanted() takes."""
    lines = {}
    notes = [os.path.join(folder, n) for n in sorted(os.listdir(folder)) if n.endswith(".gcda")]
    output = subprocess.run(["gcov", "--json-format", "--stdout"] + notes, check=True, stdout=subprocess.PIPE).stdout
    for record in output.decode().splitlines():
        for file in json.loads(record)["files"] if record else []:
            for line in file["lines"]:
                key = file["file"], line["line_number"]
                if wanted(file["file"]):
                    lines[key] = lines.get(key, 0) + line["count"]
    return lines


def judge(name, lines):
    """Prints the share and what is missing; returns the share."""
    missed = sorted(key for key, count in lines.items() if not count)
    for path, number in missed:
        print(f"{path}:{number}: never run")
    share = 100 * (len(lines) - len(missed)) / max(len(lines), 1)
    print(f"{name}: {len(lines) - len(missed)} of {len(lines)} lines run, {share:.1f}%")
    return share if lines else 0


def main():
    folder, *names = sys.argv[1:]
    if not names[0].endswith(".c"):
        return 0 if judge(names[0], counts(folder, lambda path: path.startswith(names[0] + "/"))) == 100 else 1
    lines = counts(folder, lambda path: path in names)
    shares = [judge(name, {key: count for key, count in lines.items() if key[0] == name}) for name in names]
    return 0 if min(shares) >= SHARE_MIN else 1


sys.exit(main())
