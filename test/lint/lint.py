#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`make lint`: the rules of the tree that a compiler does not check. Prints file:line: rule: reason; status 1 if any.

usage: lint.py [--self-test] [--build DIR]
"""
import argparse
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import deadcode  # noqa: E402
import layout  # noqa: E402
import links  # noqa: E402
import rulebook  # noqa: E402
import rules  # noqa: E402
import selftest  # noqa: E402
import truth  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = (".png", ".psf", ".bin")


def read_tree():
    """{path: text} of everything that git tracks or would track."""
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True,
                           text=True).stdout.split("\n")
    tree = {}
    for name in sorted(set(filter(None, names))):
        path = os.path.join(ROOT, name)
        if os.path.isfile(path) and not name.endswith(BINARY):
            with open(path, encoding="utf-8", newline="") as f:
                tree[name] = f.read()
    return tree


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--build", default="build")
    args = parser.parse_args()
    if args.self_test:
        sys.exit(selftest.run())
    tree = read_tree()
    checks = (rules.check_all, layout.check_layout, rulebook.check_rulebook, rulebook.check_mutants,
              deadcode.check_dead, truth.check_truth)
    findings = [finding for check in checks for finding in check(tree)]
    findings += links.check_links(tree, os.path.join(ROOT, args.build))
    for finding in findings:
        print(finding)
    print("lint: %d files, %d findings" % (len(tree), len(findings)))
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
