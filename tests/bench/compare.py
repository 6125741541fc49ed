#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two JSON files of run.py: what became faster, and what slower.

    make bench-compare OLD=old.json [NEW=bench.json]
    tests/bench/compare.py OLD NEW

Of setaside alone. The ratio to snapd's way in the same run says more than seconds, since
machines differ from one hour to the next: where both files have it, its change is shown.
"""

import argparse
import json
import statistics
import sys

sys.dont_write_bytecode = True
from measure import median  # noqa: E402

THEIRS = ("snapd's way", "cp and hash")


def load(path):
    with open(path) as f:
        held = json.load(f)
    if held.get("format") != 2:
        sys.exit("%s: not written by this version of run.py" % path)
    return held


def ratio(sides):
    """Of whoever it is compared with, over ours; or None."""
    for side in THEIRS:
        if side in sides:
            return median(sides[side], "wall") / median(sides["setaside"], "wall")
    return None


def shown(old, new, unit):
    if old is None or new is None:
        return "%9s %9s %8s" % ("-", "-", "")
    return "%9.3f %9.3f %+7.1f%%" % (old / unit, new / unit,
                                     100 * new / old - 100 if old else 0)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("old")
    p.add_argument("new")
    args = p.parse_args()
    old, new = load(args.old), load(args.new)
    if (old["cpus"], old["scale"]) != (new["cpus"], new["scale"]):
        print("Not the same: %s cpus at scale %s, and %s at %s" % (
            old["cpus"], old["scale"], new["cpus"], new["scale"]))
    print("%-8s %-11s %28s  %28s  %s" % ("", "", "wall s", "cpu s", "ratio"))
    for tree, verbs in new["trees"].items():
        for verb, sides in verbs.items():
            was = old["trees"].get(tree, {}).get(verb, {})
            if "setaside" not in sides or "setaside" not in was:
                continue
            a, b = was["setaside"], sides["setaside"]
            line = "%-8s %-11s %s  %s" % (tree, verb,
                                          shown(median(a, "wall"), median(b, "wall"), 1),
                                          shown(median(a, "cpu"), median(b, "cpu"), 1))
            if ratio(was) and ratio(sides):
                line += "  %6.2f -> %6.2f" % (ratio(was), ratio(sides))
            print(line)
    for name, walls in new["listing"].items():
        if name in old["listing"]:
            print("%-44s %s" % (name, shown(statistics.median(old["listing"][name]),
                                            statistics.median(walls), 0.001)))


if __name__ == "__main__":
    main()
