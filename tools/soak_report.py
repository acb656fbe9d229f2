# SPDX-License-Identifier: MIT
"""What tools/baton-soak leaves to be read: verdict.txt, junit.xml and report.html, one self-contained page."""
import html
import json
import os


def read_report(folder):
    try:
        with open(os.path.join(folder, "report.json")) as f:
            return json.load(f)
    except (OSError, ValueError):
        return None


def bars(stat):
    """A histogram as SVG: one bar for each power of two."""
    used = [i for i, n in enumerate(stat["buckets"]) if n]
    if not used:
        return ""
    first, last, most = used[0], used[-1], max(stat["buckets"])
    parts = []
    for at, i in enumerate(range(first, last + 1)):
        n = stat["buckets"][i]
        height = 60 * n / most
        parts.append('<rect x="%d" y="%.1f" width="26" height="%.1f"><title>below %d us: %d</title></rect>'
                     '<text x="%d" y="74">%s</text>' %
                     (at * 34, 62 - height, height, 1 << i, n, at * 34, short(1 << i)))
    return '<svg width="%d" height="78">%s</svg>' % ((last - first + 1) * 34, "".join(parts))


def short(us):
    return "%dus" % us if us < 1000 else "%dms" % (us / 1000) if us < 1000000 else "%ds" % (us / 1000000)


def timeline(series):
    """Generations a second, over the run."""
    if len(series) < 3:
        return ""
    begin, end = series[0][0], series[-1][0]
    slots = [0] * 60
    for stamp, _ in series:
        slots[min(int((stamp - begin) / (end - begin) * 60), 59)] += 1
    seconds, most = (end - begin) / 60, max(slots)
    points = " ".join("%d,%.1f" % (i * 10, 80 - 70 * n / most) for i, n in enumerate(slots))
    return ('<svg width="600" height="84"><polyline points="%s"/></svg><p>highest %.1f a second, %.0f s in all</p>' %
            (points, most / seconds, end - begin))


def rate_of(series):
    return (len(series) - 1) / (series[-1][0] - series[0][0]) if len(series) > 1 and series[-1][0] > series[0][0] else 0


def write(folder, args, series, why, status, found, planted, block):
    words = {0: "CLEAN", 1: "BATON FAILED", 2: "HOST OR HARNESS", 130: "INTERRUPTED"}[status]
    check = "not made" if found is None else "%d of %d planted faults found" % (found, planted)
    facts = [("verdict", words), ("ended by", why), ("self-check", check), ("generations", len(series)),
             ("rate", "%.1f a second" % rate_of(series)), ("seed", args.seed), ("first generation", args.gen),
             ("CPUs", args.smp), ("memory", args.mem), ("pattern", args.pattern), ("newest block", "0x%x" % block)]
    report = read_report(folder)
    with open(os.path.join(folder, "verdict.txt"), "w") as f:
        f.write("".join("%-17s %s\n" % fact for fact in facts))
    with open(os.path.join(folder, "junit.xml"), "w") as f:
        failure = "" if status == 0 else '<failure message="%s"/>' % html.escape(why)
        f.write('<testsuite name="baton-soak" tests="1" failures="%d"><testcase classname="soak" name="seed-%d">%s'
                '</testcase></testsuite>\n' % (status != 0, args.seed, failure))
    page = ["<!doctype html><meta charset=utf-8><title>Baton soak: %s</title>" % words,
            "<style>body{font:14px sans-serif;max-width:60em;margin:2em auto}"
            "td,th{padding:2px 12px 2px 0;text-align:left}"
            "rect{fill:#47a}polyline{fill:none;stroke:#47a}text{font-size:9px}.bad{color:#b00}</style>",
            '<h1 class="%s">%s</h1>' % ("" if status == 0 else "bad", words), "<table>"]
    page += ["<tr><th>%s<td>%s" % (key, html.escape(str(value))) for key, value in facts]
    if report:
        page += ["<tr><th>%s<td>%s" % (key, html.escape(str(report[key]))) for key in
                 ("platform", "cpu_model", "product", "baton_version", "commit")]
    page += ["</table><h2>Rate</h2>", timeline(series)]
    if report and report.get("stats"):
        page.append("<h2>Phases</h2><table><tr><th>phase<th>count<th>min us<th>mean us<th>max us<th>histogram")
        page += ["<tr><td>%s<td>%d<td>%d<td>%d<td>%d<td>%s" % (html.escape(s["name"]), s["count"], s["min_us"],
                 s["sum_us"] / max(s["count"], 1), s["max_us"], bars(s)) for s in report["stats"]]
        page.append("</table>")
    if report:
        page.append("<h2>CPUs of the last handover</h2><table><tr><th>APIC ID<th>verdict<th>park<th>online us"
                    "<th>kick us<th>NMIs sent<th>seen")
        page += ["<tr><td>%d<td>%s<td>%s<td>%d<td>%d<td>%d<td>%d" % (c["apic_id"], c["verdict"], c["park"],
                 c["online_us"], c["kick_us"], c["nmis_sent"], c["nmis_seen"]) for c in report["cpus"]]
        page.append("</table>")
    with open(os.path.join(folder, "report.html"), "w") as f:
        f.write("\n".join(page) + "\n")
