# SPDX-License-Identifier: MIT
"""What tools/baton-soak leaves to be read: verdict.txt, junit.xml and report.html, one self-contained page."""
import html
import json
import os
import re

import soak_watch

WORDS = {0: "CLEAN", 1: "BATON FAILED", 2: "HOST OR HARNESS", 130: "INTERRUPTED"}
STYLE = ("body{font:14px sans-serif;max-width:62em;margin:2em auto;padding:0 1em}h1{margin-bottom:0}"
         "td,th{padding:2px 12px 2px 0;text-align:left;vertical-align:top}.ok{color:#070}.bad{color:#b00}"
         ".figure{display:inline-block;margin:0 2em 1em 0;vertical-align:top}rect{fill:#47a}"
         "polyline{fill:none;stroke:#47a}line{stroke:#999}text{font-size:10px}")
BAR, BARS_HIGH = 40, 60
# Bytes of a serial line that no XML document may have.
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
LINE_WIDE, LINE_HIGH, LINE_LEFT = 800, 120, 50


def read_report(folder):
    try:
        with open(os.path.join(folder, "report.json")) as f:
            return json.load(f)
    except (OSError, ValueError):
        return None


def short(us):
    return "%dus" % us if us < 1000 else "%.3gms" % (us / 1e3) if us < 999500 else "%.3gs" % (us / 1e6)


def bars(buckets):
    """A histogram as SVG: one bar for each power of two, its upper end in microseconds below it."""
    used = [i for i, n in enumerate(buckets) if n]
    if not used:
        return ""
    first, last, most = used[0], used[-1], max(buckets)
    parts = []
    for at, i in enumerate(range(first, last + 1)):
        n, x = buckets[i], at * BAR
        height = BARS_HIGH * n / most
        parts.append('<rect x="%d" y="%.1f" width="26" height="%.1f"><title>below %s: %d</title></rect>'
                     '<text x="%d" y="%d">%s</text>' % (x, BARS_HIGH + 12 - height, height, short(1 << i), n, x,
                                                        BARS_HIGH + 24, short(1 << i)))
        if n:
            parts.append('<text x="%d" y="%.1f">%d</text>' % (x, BARS_HIGH + 10 - height, n))
    return '<svg width="%d" height="%d">%s</svg>' % ((last - first + 1) * BAR + 10, BARS_HIGH + 28, "".join(parts))


def timeline(series):
    """Generations a second over the run; the last slot counts only as far as it has passed."""
    total = series.last - series.first
    if series.count < 3 or total <= 0:
        return "<p>Too few generations for a time line."
    rates = []
    for i, n in enumerate(series.slots):
        seconds = min(series.slot_s, total - i * series.slot_s)
        rates.append(n / seconds if seconds > series.slot_s / 4 else rates[-1] if rates else n / total)
    most, step = max(rates), (LINE_WIDE - LINE_LEFT) / max(len(rates), 1)
    level = [LINE_HIGH - 20 - (LINE_HIGH - 34) * rate / most for rate in rates]
    points = " ".join("%.1f,%.1f %.1f,%.1f" % (LINE_LEFT + i * step, y, LINE_LEFT + (i + 1) * step, y)
                      for i, y in enumerate(level))
    return ('<svg width="%d" height="%d"><line x1="%d" y1="8" x2="%d" y2="%d"/><line x1="%d" y1="%d" x2="%d" y2="%d"/>'
            '<polyline points="%s"/><text x="0" y="18">%.1f/s</text><text x="0" y="%d">0/s</text>'
            '<text x="%d" y="%d">0 s</text><text x="%d" y="%d">%.0f s</text></svg>' %
            (LINE_WIDE + 30, LINE_HIGH, LINE_LEFT, LINE_LEFT, LINE_HIGH - 20, LINE_LEFT, LINE_HIGH - 20, LINE_WIDE,
             LINE_HIGH - 20, points, most, LINE_HIGH - 20, LINE_LEFT, LINE_HIGH - 6, LINE_WIDE - 20, LINE_HIGH - 6,
             total))


def table(rows):
    return "<table>" + "".join("<tr><th>%s<td>%s" % (html.escape(key), html.escape(str(value)))
                               for key, value in rows) + "</table>"


def figures(report):
    """One histogram for each phase."""
    parts = []
    for s in report.get("stats") or []:
        parts.append('<div class="figure"><b>%s</b><br>%d times, %s to %s, mean %s<br>%s</div>' %
                     (html.escape(s["name"]), s["count"], short(s["min_us"]), short(s["max_us"]),
                      short(s["sum_us"] / max(s["count"], 1)), bars(s["buckets"])))
    return parts or ["<p>The report holds no figures: there was no handover yet."]


def cpus(report):
    rows = ["<tr><td>%d<td>%s<td>%s<td>%d<td>%d<td>%d<td>%d" %
            (c["apic_id"], html.escape(c["verdict"]), html.escape(c["park"]), c["online_us"], c["kick_us"],
             c["nmis_sent"], c["nmis_seen"]) for c in report["cpus"]]
    return ["<table><tr><th>APIC ID<th>verdict<th>park<th>online us<th>kick us<th>NMIs sent<th>seen", *rows, "</table>"]


def page_of(run, report, rows):
    """The page in its order: verdict and platform, self-check, rate, histograms, time line, CPUs, then the rest."""
    words, series = WORDS[run.status], run.series
    platform = ["%s, %s CPUs, %s" % (run.machine, run.args.smp, run.args.mem)]
    if report:
        platform.append("%s: %s, %s" % tuple(report[key] for key in ("platform", "product", "cpu_model")))
        platform.append("Baton %s, commit %s" % (report["baton_version"], report["commit"]))
    missing = ["<p>No report was found in the machine's memory."]
    rate = "%s: %d %s, the last is %s; longest interval %.2f s" % (
        soak_watch.rate_words(series.rate()), series.count, run.mode.kind.units, series.number, series.longest_s)
    return ["<!doctype html><html lang=en><meta charset=utf-8><title>Baton soak: %s</title><style>%s</style>" %
            (words, STYLE),
            '<h1 class="%s">%s</h1>' % ("ok" if run.status == 0 else "bad", words),
            "<p><b>%s</b>" % html.escape(run.why),
            "<p>" + "<br>".join(html.escape(line) for line in platform),
            '<p class="%s">self-check: %s' % ("ok" if run.check_good() else "bad", html.escape(run.check_words())),
            "<h2>Rate</h2><p>" + html.escape(rate),
            "<h2>Latency</h2>", *(figures(report) if report else missing),
            '<div class="figure"><b>From line to line, on the host\'s clock</b><br>%s</div>' % bars(series.gaps),
            "<h2>Time line</h2>", timeline(series),
            "<h2>CPUs of the last handover</h2>", *(cpus(report) if report else missing),
            "<h2>This run</h2>", table(rows), "</html>"]


def junit(run):
    """Two cases: can the tool be believed, and what it found. What is no failure of Baton is none here."""
    reason = html.escape(NOT_XML.sub("?", "%s: %s" % (WORDS[run.status], run.why)))
    soak = {0: "", 1: '<failure message="%s"/>', 2: '<error message="%s"/>', 130: '<skipped message="%s"/>'}[run.status]
    check = "" if run.check_good() else '<%s message="%s"/>' % ("skipped" if run.found is None else "error",
                                                               html.escape(run.check_words()))
    both = (soak, check)
    return ('<?xml version="1.0" encoding="UTF-8"?>\n<testsuite name="baton-soak" tests="2" failures="%d" errors="%d" '
            'skipped="%d" time="%.1f"><testcase classname="soak" name="self-check">%s</testcase><testcase '
            'classname="soak" name="seed-%d" time="%.1f">%s</testcase></testsuite>\n' %
            (*(sum("<" + kind in x for x in both) for kind in ("failure", "error", "skipped")), run.series.last, check,
             run.args.seed, run.series.last, soak % reason if soak else ""))


def write(folder, run):
    """run: tools/baton-soak's Run."""
    series, args, report, kind = run.series, run.args, read_report(folder), run.mode.kind
    rows = [("verdict", WORDS[run.status]), ("ended by", run.why), ("self-check", run.check_words()),
            (kind.units, series.count), ("last " + kind.unit, "none" if series.number is None else series.number),
            ("rate", soak_watch.rate_words(series.rate())),
            ("longest interval", "%.2f s, before %s %d" % (series.longest_s, kind.unit, series.longest_at)),
            ("seed", args.seed), ("first generation", args.gen), ("mode", args.mode), ("CPUs", args.smp),
            ("memory", args.mem), ("pattern", args.pattern), ("fault", args.fault or "none"), ("Baton", run.identity),
            ("emulator", run.machine),
            ("newest block", "none found" if run.block is None else "0x%x" % run.block)]
    rows += [("missing", note) for note in run.notes]
    with open(os.path.join(folder, "verdict.txt"), "w") as f:
        f.write("".join("%-17s %s\n" % row for row in rows))
    with open(os.path.join(folder, "junit.xml"), "w") as f:
        f.write(junit(run))
    with open(os.path.join(folder, "report.html"), "w") as f:
        f.write("\n".join(page_of(run, report, rows)) + "\n")
