#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""usage: coverage.py FOLDER ROOM: adds up gcov's line counts of the room's files, names lines that never ran.

Exit status 0 only if every line ran.
"""
import json
import os
import subprocess
import sys


def main():
    folder, room = sys.argv[1:]
    lines = {}
    notes = [os.path.join(folder, n) for n in sorted(os.listdir(folder)) if n.endswith(".gcda")]
    output = subprocess.run(["gcov", "--json-format", "--stdout"] + notes, check=True, stdout=subprocess.PIPE).stdout
    for record in output.decode().splitlines():
        for file in json.loads(record)["files"] if record else []:
            for line in file["lines"]:
                key = file["file"], line["line_number"]
                if file["file"].startswith(room + "/"):
                    lines[key] = lines.get(key, 0) + line["count"]
    missed = sorted(key for key, count in lines.items() if not count)
    for path, number in missed:
        print(f"{path}:{number}: never run")
    share = 100 * (len(lines) - len(missed)) / max(len(lines), 1)
    print(f"{room}: {len(lines) - len(missed)} of {len(lines)} lines run, {share:.1f}%")
    return 1 if missed or not lines else 0


sys.exit(main())
