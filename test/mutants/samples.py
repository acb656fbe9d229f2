# SPDX-License-Identifier: MIT
"""Mutants made up for run.py itself, of lib/range.c and the test of it: {name: (text, verdict, words of the reason)}."""
ROOM = "lib"
HEAD = "# A sample.\nfile: lib/range.c\ntest: range_test random_operations\n"
EDGE = HEAD.replace("random_operations", "edges_of_64_bits")     # it does not see what SAMPLES changes
MERGE = "\tfirst = last = first_ending_from(list, start);\n\tfor (; last < list->count && list->ranges[last].start <= end"


def replacement(old, new):
    return "<<<<\n%s\n====\n%s\n>>>>\n" % (old, new)


SAMPLES = {
    "noticed": (HEAD + replacement(MERGE, MERGE.replace("<= end", "< end")), "killed", "range_test random_operations"),
    "changes-nothing": (HEAD + replacement(MERGE, MERGE), "SURVIVED", "random_operations passed"),
    "noticed-elsewhere": (EDGE + replacement(MERGE, MERGE.replace("<= end", "< end")), "SURVIVED", "random_operations"),
    "text-gone": (HEAD + replacement("\tno such line;", ""), "broken", "0 places match"),
    "text-twice": (HEAD + replacement("\tif (start >= end)", "\tif (0)"), "broken", "places match"),
    "does-not-compile": (HEAD + replacement(MERGE, "this is not C;" + MERGE), "broken", "unknown type name"),
    "crash-in-the-case": (HEAD + replacement(MERGE, "\t__builtin_trap();\n" + MERGE), "broken", "crash"),
    "ends-the-program": (HEAD + replacement(MERGE, "\t_exit(0);\n" + MERGE), "broken", "instead of a failed check"),
    "no-such-case": (HEAD.replace("random_operations", "nobody") + replacement(MERGE, MERGE), "broken",
                     "does not pass on the unchanged code"),
    "no-test": (HEAD.split("test:")[0] + replacement(MERGE, MERGE), "broken", "is missing"),
    "unknown-line": (HEAD + "tset: a b\n" + replacement(MERGE, MERGE), "broken", "not understood"),
    "not-closed": (HEAD + "<<<<\na\n====\nb\n", "broken", "not closed"),
}
