#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs cmocka programs, two at a time, and adds up their cases.

Prints a failing program's whole output; the last line is "N passed, N failed". A program that crashes,
hangs or reports nothing counts as one more failed case.
"""
import concurrent.futures
import os
import re
import subprocess
import sys

DEADLINE_S = 300       # the slowest takes seconds on an idle machine
WORKERS = 2


def run(program):
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="STDOUT", ASAN_OPTIONS="detect_stack_use_after_return=1",
               UBSAN_OPTIONS="print_stacktrace=1")
    try:
        done = subprocess.run([program], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=DEADLINE_S)
        output, code = done.stdout.decode(errors="replace"), done.returncode
    except subprocess.TimeoutExpired as hung:
        output = (hung.stdout or b"").decode(errors="replace") + f"\nno end after {DEADLINE_S} s\n"
        code = None
    passed = len(re.findall(r"^\[       OK \]", output, re.M))
    failed = len(set(re.findall(r"^\[  FAILED  \] (?!\d+ test)(\S+)", output, re.M)))
    if (code != 0 and not failed) or passed + failed == 0:
        failed += 1
    return program, passed, failed, code, output


def main():
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        for program, good, bad, code, output in pool.map(run, sys.argv[1:]):
            passed += good
            failed += bad
            if bad:
                print(f"--- {program}: exit status {code}")
                print(output, end="" if output.endswith("\n") else "\n")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


sys.exit(main())
