# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tables of what was measured."""

import statistics

from measure import median

OURS = "setaside"


def figures(by):
    """One contestant's line: wall, cpu, megabytes written and MiB of memory."""
    line = "%9.3f %8.2f" % (median(by, "wall"), median(by, "cpu"))
    disk, pss = median(by, "written"), median(by, "pss_kib")
    line += " %8s" % ("-" if disk is None else "%.1f" % (disk / 1e6))
    return line + " %7s" % ("-" if pss is None else "%.1f" % (pss / 1024))


def tree(name, verbs, out):
    """A line for each operation and contestant; ratios are theirs over ours."""
    out.write("%-8s %-10s %-12s %9s %8s %8s %7s  %6s %6s  %s\n" % (
        name, "", "", "wall s", "cpu s", "MB disk", "MiB", "ratio", "cpu", "size"))
    for verb, sides in verbs.items():
        ours = sides.get(OURS)
        for side, by in sides.items():
            line = "%-8s %-10s %-12s %s" % ("", verb, side, figures(by))
            if ours and side != OURS:
                line += "  %6.2f %6.2f" % (median(by, "wall") / median(ours, "wall"),
                                           median(by, "cpu") / max(median(ours, "cpu"), 1e-3))
            elif "bytes" in by[0]:
                line += " " * 15
            if "bytes" in by[0]:
                line += "  %.1f MB" % (by[0]["bytes"] / 1e6)
                if ours and side != OURS:
                    line += " (ours %+.1f %%)" % (
                        100 * ours[0]["bytes"] / by[0]["bytes"] - 100)
            out.write(line.rstrip() + "\n")
    out.flush()


def listing(walls_of, out):
    for name, walls in walls_of.items():
        out.write("%-44s %9.2f ms\n" % (name, 1000 * statistics.median(walls)))
    out.flush()


def scale(cases, out):
    """Each case in two sizes: what ten times as much costs."""
    out.write("%-10s %-9s %10s %10s %10s %8s %8s\n" % (
        "scale", "", "small s", "large s", "times", "MiB", "MiB"))
    for case, verbs in cases.items():
        for verb, sizes in verbs.items():
            few, many = sizes["small"], sizes["large"]
            out.write("%-10s %-9s %10.2f %10.2f %10.2f %8.1f %8.1f\n" % (
                case, verb, few["cpu"], many["cpu"], many["cpu"] / max(few["cpu"], 1e-3),
                few["pss_kib"] / 1024, many["pss_kib"] / 1024))
    out.flush()
