#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How fast setaside is, against snapd's way, in the same minutes on the same machine.

    make bench
    tests/bench/run.py --build DIR [--scale 0.1] [--rounds 3] [--only browser,usr] [--json FILE]

Every run begins on a file system made for it: a loop-mounted ext4 for root, else (and
with --fs dir) a new directory below --dir, which may be a tmpfs.  The sides take turns,
and both end with `sync -f` inside the clock.  See README for what the columns mean.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True  # the sources may be read-only
import trees  # noqa: E402

USER = 61001
STORE = "var/lib/setaside/snapshots"
# What snapd runs; the hash is taken of what goes into the zip, as it does.
SNAPD_SAVE = ("set -o pipefail; tar --create --sparse --gzip --format gnu --directory {at} data"
              " | tee {out} | openssl dgst -sha3-384 >{out}.sha")
SNAPD_CHECK = "openssl dgst -sha3-384 {out} >/dev/null"
SNAPD_RESTORE = ("set -o pipefail; mkdir {at}/new && cat {out}"
                 " | tee >(openssl dgst -sha3-384 >/dev/null)"
                 " | tar --extract --preserve-permissions --preserve-order --gunzip"
                 " --directory {at}/new && mv {at}/data {at}/old && mv {at}/new/data {at}/data")


def own(args):
    """A mount namespace of our own, so that nothing stays mounted whatever happens."""
    if os.geteuid() == 0 and not args.fs == "dir" and not os.environ.get("SETASIDE_BENCH_NS"):
        os.environ["SETASIDE_BENCH_NS"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private",
                              sys.executable] + sys.argv)


class Filesystem:
    """A place to work on that has never seen a file."""

    def __init__(self, args, work):
        self.mounts = os.geteuid() == 0 and args.fs != "dir"
        self.work = work
        self.at = os.path.join(work, "fs")
        self.size = args.size

    def __enter__(self):
        os.mkdir(self.at)
        if self.mounts:
            image = os.path.join(self.work, "image")
            with open(image, "wb") as f:
                f.truncate(self.size << 30)
            subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,nodiscard",
                            "-N", "400000", image], check=True)
            subprocess.run(["mount", "-o", "loop,noatime", image, self.at], check=True)
        os.chmod(self.at, 0o755)
        return self.at

    def __exit__(self, *_):
        if self.mounts:
            subprocess.run(["umount", self.at], check=True)
            os.unlink(os.path.join(self.work, "image"))
        shutil.rmtree(self.at, ignore_errors=True)


class Memory(threading.Thread):
    """Peak of the summed Pss of a process and all below it."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak, self.stopped = pid, 0, threading.Event()

    def family(self):
        parent = {}
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    with open("/proc/%s/stat" % name) as f:
                        parent[int(name)] = int(f.read().rpartition(")")[2].split()[1])
                except OSError:
                    pass
        found = {self.pid}
        grown = True
        while grown:
            more = {p for p, up in parent.items() if up in found} - found
            found |= more
            grown = bool(more)
        return found

    def run(self):
        while not self.stopped.wait(0.02):
            total = 0
            for pid in self.family():
                try:
                    with open("/proc/%d/smaps_rollup" % pid) as f:
                        total += sum(int(line.split()[1]) for line in f
                                     if line.startswith("Pss:"))
                except (OSError, IndexError):
                    pass
            self.peak = max(self.peak, total)


def clocked(command, at, env=None, memory=False):
    """Runs it and `sync -f`; wall and CPU seconds, and peak memory if asked for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    p = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT)
    watch = Memory(p.pid) if memory else None
    if watch:
        watch.start()
    out = p.communicate()[0]
    if at:
        subprocess.run(["sync", "-f", at], check=True)
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if watch:
        watch.stopped.set()
        watch.join()
    if p.returncode != 0:
        sys.exit("%s\nended with %d:\n%s" % (" ".join(command), p.returncode,
                                              out.decode(errors="replace")))
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": wall, "cpu": cpu, "pss_kib": watch.peak if watch else 0}


def size_below(path):
    return sum(os.path.getsize(os.path.join(at, name))
               for at, _, names in os.walk(path) for name in names)


def sync_all():
    """What earlier steps wrote is not to be written in this one's time."""
    os.sync()


class Setaside:
    name = "setaside"

    def __init__(self, args, work):
        # What libtool leaves in the build directory itself is a shell script.
        libs = os.path.join(args.build, ".libs")
        self.program = os.path.join(libs, "setaside")
        if not os.path.exists(self.program):
            self.program = os.path.join(args.build, "setaside")
        self.env = {"PATH": os.environ["PATH"], "HOME": "/home/bench", "LC_ALL": "C",
                    "LD_LIBRARY_PATH": libs,
                    "SETASIDE_WORKER": os.path.join(args.build, "setaside-worker"),
                    "SETASIDE_DATADIR": os.path.join(work, "apps")}
        os.mkdir(self.env["SETASIDE_DATADIR"])
        for scope, path in (("user", "~/data"), ("system", "/srv/data")):
            with open("%s/%s.json" % (self.env["SETASIDE_DATADIR"], scope), "w") as f:
                json.dump({"format": 1, "id": scope, "name": scope, "trees": [
                    {"name": "data", "scope": scope, "at": {"native": path}}]}, f)

    def lay(self, at, source, scope):
        """A root with one user, and the tree where its definition looks."""
        uid = USER if os.geteuid() == 0 else os.geteuid()
        gid = USER if os.geteuid() == 0 else os.getegid()
        home = at + "/home/bench"
        os.makedirs(at + "/etc")
        os.makedirs(home)
        os.makedirs(at + "/srv")
        os.makedirs(at + "/" + STORE, 0o700)
        with open(at + "/etc/passwd", "w") as f:
            f.write("bench:x:%d:%d::/home/bench:/bin/sh\n" % (uid, gid))
        with open(at + "/etc/group", "w") as f:
            f.write("bench:x:%d:\n" % gid)
        to = home + "/data" if scope == "user" else at + "/srv/data"
        subprocess.run(["cp", "-a", "--sparse=always", source, to], check=True)
        if os.geteuid() == 0 and scope == "user":
            subprocess.run(["chown", "-hR", "%d:%d" % (uid, gid), home], check=True)

    def command(self, at, *arguments):
        mode = ["--system"] if os.geteuid() == 0 else ["--user", "--store", at + "/" + STORE]
        return [self.program] + mode + ["--root", at, "--quiet"] + list(arguments)

    def run(self, at, scope, memory):
        steps = {}
        for verb, arguments in (("save", ["save", scope]), ("check", ["check", "1"]),
                                ("restore", ["restore", "1"]), ("undo", ["undo"])):
            sync_all()
            steps[verb] = clocked(self.command(at, *arguments), at, self.env, memory)
            if verb == "save":
                steps[verb]["bytes"] = size_below(at + "/" + STORE)
        return steps


class Snapd:
    name = "snapd's way"

    def lay(self, at, source, _scope):
        subprocess.run(["cp", "-a", "--sparse=always", source, at + "/data"], check=True)

    def run(self, at, _scope, memory):
        steps = {}
        for verb, script in (("save", SNAPD_SAVE), ("check", SNAPD_CHECK),
                             ("restore", SNAPD_RESTORE)):
            sync_all()
            shell = ["bash", "-c", script.format(at=at, out=at + "/out.tgz")]
            steps[verb] = clocked(shell, at, None, memory)
            if verb == "save":
                steps[verb]["bytes"] = os.path.getsize(at + "/out.tgz")
        return steps


def add(results, tree, side, steps):
    for verb, figures in steps.items():
        results.setdefault(tree, {}).setdefault(verb, {}).setdefault(side, []).append(figures)


def run_tree(args, work, sides, tree, results):
    maker, scope = trees.TREES[tree]
    if os.geteuid() != 0:
        scope = "user"
    source = os.path.join(work, "source")
    maker(source, args.scale)
    for n in range(args.rounds + (1 if args.memory else 0)):
        memory = n == args.rounds
        order = sides if n % 2 == 0 else sides[::-1]
        for side in order:
            with Filesystem(args, work) as at:
                side.lay(at, source, scope)
                steps = side.run(at, scope, memory)
            name = side.name + (" memory" if memory else "")
            add(results, tree, name, steps)
    shutil.rmtree(source)


def median(figures, key):
    return statistics.median(f[key] for f in figures)


def report_tree(tree, verbs):
    for verb, by in verbs.items():
        ours = by["setaside"]
        theirs = by.get("snapd's way")
        line = "%-8s %-8s %8.3f s %7.2f cpu" % (tree, verb, median(ours, "wall"),
                                               median(ours, "cpu"))
        if theirs:
            line += "   snapd %8.3f s %7.2f cpu   ratio %6.2f wall %6.2f cpu" % (
                median(theirs, "wall"), median(theirs, "cpu"),
                median(theirs, "wall") / median(ours, "wall"),
                median(theirs, "cpu") / median(ours, "cpu"))
        if verb == "save":
            line += "   %5.1f MB" % (ours[0]["bytes"] / 1e6)
            if theirs:
                line += " (%+.1f %%)" % (100 * ours[0]["bytes"] / theirs[0]["bytes"] - 100)
        if "setaside memory" in by:
            line += "   %5.1f MiB" % (by["setaside memory"][0]["pss_kib"] / 1024)
        print(line, flush=True)


def repeat(command, env, times):
    walls = []
    for _ in range(times):
        start = time.monotonic()
        p = subprocess.run(command, env=env, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        walls.append(time.monotonic() - start)
        if p.returncode not in (0, 3):
            sys.exit("%s: %s" % (" ".join(command), p.stderr.decode()))
    return walls


def run_listing(args, work, side, results):
    """Start-up, and `saved` over many sets: the first time, and when nothing is new."""
    figures = {}
    with Filesystem(args, work) as at:
        source = os.path.join(work, "source")
        os.mkdir(source)
        trees.put(source + "/file", b"some data\n" * 100)
        side.lay(at, source, "user")
        figures["--version"] = repeat([side.program, "--version"], side.env, 50)
        figures["saved, empty store"] = repeat(side.command(at, "saved"), side.env, 50)
        figures["apps"] = repeat(side.command(at, "apps"), side.env, 10)
        figures["save, tiny"] = repeat(side.command(at, "save", "user"), side.env, 10)
        for _ in range(max(1, args.sets) - 10):
            subprocess.run(side.command(at, "save", "user"), env=side.env, check=True)
        name = "saved, %d sets, " % max(10, args.sets)
        figures[name + "cached"] = repeat(side.command(at, "saved"), side.env, 10)
        figures[name + "from scratch"] = []
        other = at + "/copy"
        for _ in range(3):
            subprocess.run(["cp", "-r", at + "/" + STORE, other], check=True)
            for kept in os.listdir(other):
                if not kept.endswith(".zip"):
                    path = os.path.join(other, kept)
                    shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
            command = [side.program, "--root", at, "--store", other, "--quiet", "saved"]
            figures[name + "from scratch"] += repeat(command, side.env, 1)
            shutil.rmtree(other)
        shutil.rmtree(source)
    results["listing"] = figures
    for name, walls in figures.items():
        print("%-32s %8.2f ms" % (name, 1000 * statistics.median(walls)), flush=True)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--build", default=os.path.dirname(os.path.dirname(here)))
    p.add_argument("--scale", type=float, default=1, help="size of all trees")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--only", default="", help="trees, or `listing`; with commas")
    p.add_argument("--sets", type=int, default=2000, help="of the listing")
    p.add_argument("--size", type=int, default=8, help="of a file system, in GiB")
    p.add_argument("--fs", choices=("auto", "dir"), default="auto")
    p.add_argument("--dir", default=os.environ.get("TMPDIR", "/tmp"), help="where to work")
    p.add_argument("--json", help="where the figures go")
    p.add_argument("--memory", action="store_true", help="a round more, that samples memory")
    p.add_argument("--alone", action="store_true", help="without snapd's way")
    args = p.parse_args()
    args.build = os.path.abspath(args.build)
    own(args)
    wanted = [n for n in args.only.split(",") if n] or list(trees.TREES) + ["listing"]
    results = {}
    with tempfile.TemporaryDirectory(prefix="setaside-bench.", dir=args.dir) as work:
        os.chmod(work, 0o755)
        ours = Setaside(args, work)
        sides = [ours] if args.alone else [ours, Snapd()]
        for name in wanted:
            if name == "listing":
                run_listing(args, work, ours, results)
            else:
                run_tree(args, work, sides, name, results)
                report_tree(name, results[name])
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"format": 1, "machine": platform.platform(), "cpus": os.cpu_count(),
                       "scale": args.scale, "results": results}, f, indent=1)


main()
