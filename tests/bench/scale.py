# SPDX-License-Identifier: LGPL-2.1-or-later
"""Does it grow linearly, in memory that does not grow?  Each case in two sizes, the larger ten
times the other; processor time is compared, since it says more than the clock on a machine
that has other things to do."""

import os
import subprocess

from machines import Filesystem

TIMES = 10


def files(home, n):
    """n files, a tenth of them in one directory, the others by hundreds."""
    one = home + "/data/one"
    os.makedirs(one)
    for i in range(n // 10):
        with open("%s/file-%07d" % (one, i * 7919 % n), "wb") as f:
            f.write(b"%d\n" % i)
    for i in range(n // 10, n):
        if i % 100 == 0:
            os.makedirs("%s/data/d%02d/%05d" % (home, i // 100 % 37, i // 100))
        with open("%s/data/d%02d/%05d/f%d" % (home, i // 100 % 37, i // 100, i), "wb") as f:
            f.write(b"%d\n" % i)


def links(home, n):
    """n files with three names each: two in their directory, one that is met at the end."""
    last = home + "/data/zz"
    os.makedirs(last)
    for i in range(n):
        at = "%s/data/%03d" % (home, i // 1000)
        if i % 1000 == 0:
            os.makedirs(at)
        with open("%s/%d.a" % (at, i), "wb") as f:
            f.write(b"%d\n" % i)
        os.link("%s/%d.a" % (at, i), "%s/%d.b" % (at, i))
        os.link("%s/%d.a" % (at, i), "%s/%d" % (last, i))


def big(home, mib):
    """One file of so many MiB that shrinks to a third."""
    os.makedirs(home + "/data")
    with open(home + "/data/file", "wb") as f:
        for i in range(mib):
            f.write(os.urandom(1 << 18) + b"%1024d" % i * 768)


def sparse(home, gib):
    """A file of so many GiB, with 64 KiB of data in every 16 MiB."""
    os.makedirs(home + "/data")
    with open(home + "/data/disk", "wb") as f:
        for at in range(0, gib << 30, 16 << 20):
            f.seek(at)
            f.write(b"%65536d" % at)
        f.truncate(gib << 30)


def apps(home, n):
    """n apps with one small file each; they are defined beside."""
    for i in range(n):
        os.makedirs("%s/apps/%04d" % (home, i))
        with open("%s/apps/%04d/file" % (home, i), "wb") as f:
            f.write(b"%d\n" % i)


# name: (maker, its smaller size, inodes of the file system at full size)
CASES = {
    "files": (files, 100000, 6000000),
    "links": (links, 10000, 1500000),
    "big": (big, 512, 100000),
    "sparse": (sparse, 5, 100000),
    "apps": (apps, 100, 100000),
}


def named(case, n):
    """What is saved of it."""
    return ["app%04d" % i for i in range(n)] if case == "apps" else ["user"]


def run_one(args, work, side, case, n):
    maker, _, inodes = CASES[case]
    side.stands_for_others = False
    if case == "apps":
        for i in range(n):
            side.define("app%04d" % i, "user", "~/apps/%04d" % i)
    with Filesystem(args, work, inodes) as at:
        home = side.lay_root(at)
        maker(home, n)
        side.own_home(at)
        steps = side.run(at, named(case, n), True)
    for name in named(case, n):
        if case == "apps":
            os.unlink("%s/%s.json" % (side.env["SETASIDE_DATADIR"], name))
    return steps


def run(args, work, side):
    """{case: {operation: {"small": figures, "large": figures}}}"""
    found = {}
    for case in [c for c in args.cases.split(",") if c] or CASES:
        _, size, _ = CASES[case]
        size = max(1, int(size * args.scale))
        for label, n in (("small", size), ("large", TIMES * size)):
            for _, verb, figures in run_one(args, work, side, case, n):
                found.setdefault(case, {}).setdefault(verb, {})[label] = figures
        subprocess.run(["sync"], check=True)
    return found
