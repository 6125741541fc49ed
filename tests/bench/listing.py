# SPDX-License-Identifier: LGPL-2.1-or-later
"""What takes no data: start-up, listings of many sets, looking for a set that is imported."""

import os
import sqlite3
import subprocess

import stores
import trees
from machines import Filesystem
from measure import repeat

APPS = 10  # in a set


def forget_what_was_read(database):
    db = sqlite3.connect(database)
    db.execute("delete from cache")
    db.commit()
    db.close()


def started(side, at, figures):
    """Verbs that need little."""
    figures["--version"] = repeat([side.program, "--version"], side.env, 100)
    figures["--help"] = repeat([side.program, "--help"], side.env, 100)
    figures["saved, empty store"] = repeat(side.command(at, "saved"), side.env, 100)
    figures["apps"] = repeat(side.command(at, "apps"), side.env, 10)
    figures["save, one small file"] = repeat(side.command(at, "save", "user"), side.env, 10)


def listed(args, side, at, figures):
    """`saved` where nothing changed since the last time, and from scratch."""
    here = at + "/many"
    stores.fill(here + "/snapshots", args.sets, APPS)
    command = [side.program, "--root", at, "--store", here, "--quiet"]
    quiet = {"env": side.env, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(command + ["doctor"], check=True, **quiet)
    name = "saved, %d snapshots in %d sets" % (args.sets * APPS, args.sets)
    subprocess.run(command + ["saved"], check=True, **quiet)
    figures[name] = repeat(command + ["saved"], side.env, 10)
    figures[name + ", --json"] = repeat(command + ["saved", "--json"], side.env, 10)
    scratch = []
    for _ in range(3):
        forget_what_was_read(here + "/state.db")
        scratch += repeat(command + ["saved"], side.env, 1)
    figures[name + ", nothing cached"] = scratch


def imported(args, side, at, figures):
    """A stream of sets into stores of several sizes; once more, when all are here."""
    many = max(10, args.sets * 3 // 10)

    def call(store, *arguments):
        return [side.program, "--root", at, "--store", "%s/%s" % (at, store),
                "--quiet"] + list(arguments)

    quiet = {"env": side.env, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    stores.fill(at + "/from/snapshots", many, 1)
    subprocess.run(call("from", "doctor"), check=True, **quiet)
    subprocess.run(call("from", "export", *map(str, range(1, many + 1)), "-o", at + "/stream"),
                   check=True, **quiet)
    for sets in (0, many):
        store = "to%d" % sets
        os.makedirs("%s/%s/snapshots" % (at, store), 0o700)
        stores.fill("%s/%s/snapshots" % (at, store), sets, 2)
        subprocess.run(call(store, "doctor"), check=True, **quiet)
        name = "import of %d sets into a store of %d" % (many, sets)
        figures[name] = repeat(call(store, "import", at + "/stream"), side.env, 1)
        figures[name + ", again"] = repeat(call(store, "import", at + "/stream"), side.env, 1)


def run(args, work, side):
    figures = {}
    source = os.path.join(work, "source")
    trees.put(source + "/file", b"some data\n" * 100)
    with Filesystem(args, work) as at:
        side.lay(at, source, "user")
        started(side, at, figures)
        listed(args, side, at, figures)
        imported(args, side, at, figures)
    subprocess.run(["rm", "-r", source], check=True)
    return figures
