#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How fast setaside is, beside others, in the same minutes on the same machine.

    make bench
    tests/bench/run.py --build DIR [--scale 0.1] [--rounds 3] [--only browser,listing]

Every run begins on a file system made for it: a loop-mounted ext4 for root, else (and
with --fs dir) a new directory below --dir, which may be a tmpfs.  The sides take turns,
and all end with `sync -f` inside the clock.  See README for what the columns mean.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # the sources may be read-only
import contestants  # noqa: E402
import listing  # noqa: E402
import report  # noqa: E402
import scale  # noqa: E402
import trees  # noqa: E402
from machines import Filesystem, own_mounts  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))


def make_source(args, work, tree):
    """The tree, and whether it is to go afterwards: with --trees it is kept for the next run."""
    if not args.trees:
        source = os.path.join(work, "source")
        trees.TREES[tree][0](source, args.scale)
        return source
    source = os.path.join(args.trees, "%s-%g" % (tree, args.scale))
    if not os.path.isdir(source):
        shutil.rmtree(source + ".part", ignore_errors=True)
        trees.TREES[tree][0](source + ".part", args.scale)
        os.rename(source + ".part", source)
    return source


def run_tree(args, work, sides, tree):
    scope = trees.TREES[tree][1] if os.geteuid() == 0 else "user"
    source = make_source(args, work, tree)
    results = {}
    for n in range(args.rounds):
        # Sampling takes processor time of its own: in the last round, where there are others.
        memory = args.memory and n == args.rounds - 1
        for side in sides if n % 2 == 0 else sides[::-1]:
            with Filesystem(args, work) as at:
                side.lay(at, source, scope)
                steps = side.run(at, [scope], memory)
            for who, verb, figures in steps:
                results.setdefault(verb, {}).setdefault(who, []).append(figures)
    if not args.trees:
        shutil.rmtree(source)
    return results


def arguments():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--build", default=os.path.dirname(os.path.dirname(HERE)))
    p.add_argument("--scale", type=float, default=1, help="size of all trees")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--only", default="", help="trees, `listing`, `scale`; with commas")
    p.add_argument("--against", default="", help="snapd, go, zstd, restic, borg")
    p.add_argument("--cases", default="", help="of scale: " + ", ".join(scale.CASES))
    p.add_argument("--save-options", default="", help="of setaside: --compress=small")
    p.add_argument("--sets", type=int, default=1000, help="of the listing, ten apps each")
    p.add_argument("--size", type=int, default=40, help="of a file system, in GiB")
    p.add_argument("--prefill", action="store_true",
                   help="the disk below has its blocks beforehand, for all")
    p.add_argument("--fs", choices=("auto", "dir"), default="auto")
    p.add_argument("--dir", default=os.environ.get("TMPDIR", "/tmp"), help="where to work")
    p.add_argument("--trees", help="keep the trees there, for the next run")
    p.add_argument("--json", default="bench.json", help="where the figures go")
    p.add_argument("--memory", action="store_true", help="sample memory in the last round")
    p.add_argument("--alone", action="store_true", help="setaside without the others")
    args = p.parse_args()
    args.build = os.path.abspath(args.build)
    return args


def main():
    args = arguments()
    own_mounts(args.fs)
    wanted = [n for n in args.only.split(",") if n] or list(trees.TREES) + ["listing"]
    unknown = set(wanted) - set(trees.TREES) - {"listing", "scale"}
    if unknown:
        sys.exit("no such tree: " + ", ".join(sorted(unknown)))
    results = {"format": 2, "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
               "machine": platform.platform(), "cpus": os.cpu_count(), "scale": args.scale,
               "load": os.getloadavg()[0], "trees": {}, "listing": {}, "scaling": {}}
    if results["load"] > 0.5 * results["cpus"]:
        print("The machine is busy (load %.1f): wall clocks mean little." % results["load"])
    if args.trees:
        os.makedirs(args.trees, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="setaside-bench.", dir=args.dir) as work:
        os.chmod(work, 0o755)
        sides = contestants.all_here(args, work, os.path.join(os.path.dirname(HERE), "interop"))
        for name in wanted:
            if name == "listing":
                results["listing"] = listing.run(args, work, sides[0])
                report.listing(results["listing"], sys.stdout)
            elif name == "scale":
                results["scaling"] = scale.run(args, work, sides[0])
                report.scale(results["scaling"], sys.stdout)
            else:
                results["trees"][name] = run_tree(args, work, sides, name)
                report.tree(name, results["trees"][name], sys.stdout)
            with open(args.json, "w") as f:
                json.dump(results, f, indent=1)


main()
