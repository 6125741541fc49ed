# SPDX-License-Identifier: LGPL-2.1-or-later
"""Saving with one program and judging with the other: the metadata, hashes and trees."""

import json
import os
import pwd
import random
import re

import trees
from roots import USERS, Root, expect, expect_equal, expect_same_trees

SNAPD_SET = 9


# ---- Making -------------------------------------------------------------------------

def owners_of(user):
    if user:
        entry = pwd.getpwnam(user)
        return [(entry.pw_uid, entry.pw_gid)]
    return [(0, 0)] * 3 + [owners_of(u)[0] for u in USERS]


def make_data(rng, root, snap, user, parts, entries, kinds=None):
    """Random trees for one archive, in the directories that are named."""
    base = root.base(snap.name, user)
    os.makedirs(base, exist_ok=True)
    if user:
        owner = owners_of(user)[0]
        for folder in (base, os.path.dirname(base)):
            os.chown(folder, *owner)
    maker = trees.Maker(rng, owners_of(user), kinds,
                        devices=not user and may_make_devices(root))
    for part, path in root.data_folders(snap.name, snap.revision, user).items():
        if part in parts:
            maker.fill(path, entries)
    maker.finish()


def may_make_devices(root):
    try:
        os.mknod(root.at("device"), 0o20600, os.makedev(1, 3))
        os.unlink(root.at("device"))
    except OSError:
        return False
    return True


# ---- Comparing ----------------------------------------------------------------------

def keys_that_count(snapshot):
    return {k: v for k, v in snapshot.items() if k not in ("setaside", "options")}


def compare_sets(ours, theirs, what):
    """ours: a set as "saved --json" has it; theirs: as the judge lists it."""
    expect_equal(ours["id"], theirs["id"], f"{what}: set number")
    expect_equal([keys_that_count(s) for s in ours["snapshots"]],
                 [s["snapshot"] for s in theirs["snapshots"]], f"{what}: metadata")
    expect_equal(ours["content-hash"], theirs["content-hash"], f"{what}: content hash")


def listed_by_snapd(root, number):
    found = [s for s in root.judge("list") if str(s["id"]) == str(number)]
    expect(len(found) == 1, f"snapd does not list set {number}")
    return found[0]


def listed_by_setaside(root, number, store=()):
    sets = root.setaside(*store, "saved", "--id", str(number))["sets"]
    expect_equal(1, len(sets), f"sets with number {number} that setaside lists")
    return sets[0]


def state_of(root, restored):
    """A restore state without what differs by chance: root, order, endings."""
    state = {}
    for key in ("created", "moved"):
        inside = [p.replace(root.path + "/", "", 1) for p in restored.get(key) or []]
        state[key] = sorted(re.sub(r"\.~[0-9A-Za-z]{9}~$", ".~~", p) for p in inside)
    return state


def after_restore(before, saved):
    """What has to be there: each top directory that was saved replaces its like."""
    tops = {tuple(name.split(b"/")[:2]) for name in saved if b"/" in name}
    wanted = {name: entry for name, entry in before.items()
              if tuple(name.split(b"/")[:2]) not in tops}
    for name, entry in saved.items():
        wanted.setdefault(name, entry)
    return wanted


# ---- One set, judged ----------------------------------------------------------------

class Case:
    """A root with data in it, and how to make roots to restore it into."""

    def __init__(self, programs, folder, snaps, users, snapd_set=SNAPD_SET):
        self.programs, self.folder, self.snaps = programs, folder, snaps
        self.snapd_set = str(snapd_set)
        self.users = ["root"] + users
        self.source = Root(os.path.join(folder, "source"), programs)
        for snap in snaps:
            self.source.install(snap)

    def describe(self, root, seconds=False, revisions=None):
        """All snaps' trees; revisions: where they are not those of the source."""
        found = {}
        for snap in self.snaps:
            revision = (revisions or {}).get(snap.name, snap.revision)
            part = root.describe(snap.name, revision, self.users, seconds)
            found.update({name.replace(b"/", b":" + snap.name.encode() + b"/", 1)
                          if b"/" in name else name + b":" + snap.name.encode(): entry
                          for name, entry in part.items()})
        return found

    def save_with_setaside(self, *options):
        names = [f"snap:{s.name}" for s in self.snaps]
        users = ",".join(self.users)
        return self.source.setaside("save", *names, "--users", users, *options)["set"]

    def save_with_snapd(self):
        for snap in self.snaps:
            self.source.judge("save", self.snapd_set, snap.name, *self.users)
        return listed_by_snapd(self.source, self.snapd_set)


class Target:
    """A root to restore into: installed snaps, and some data that will be moved aside.

    Snaps in absent are not installed, so that they are restored at their own revisions.
    """

    def __init__(self, case, name, seed, currents, occupied, absent=()):
        self.case, self.absent = case, absent
        self.root = Root(os.path.join(case.folder, name), case.programs)
        self.revisions = {s.name: s.revision for s in currents}
        rng = random.Random(seed)
        for snap in currents:
            if snap.name not in absent:
                self.root.install(snap)
            for user in occupied:
                for part in (b"revision", b"common"):
                    if rng.random() < 0.7:
                        make_data(rng, self.root, snap, user, [part], 4)
        self.before = self.describe()

    def describe(self, seconds=False):
        return self.case.describe(self.root, seconds, self.revisions)

    def expect_restored(self, seconds, what):
        saved = self.case.describe(self.case.source, seconds)
        if seconds:
            saved = trees.as_snapd_saves(saved)
        wanted = after_restore(self.before_at(seconds), saved)
        expect_same_trees(wanted, self.describe(seconds), what)

    def before_at(self, seconds):
        if not seconds:
            return self.before
        return {name: dict(entry, time=entry["time"] // 1000000000)
                if "time" in entry else entry for name, entry in self.before.items()}

    def expect_as_before(self, what):
        expect_same_trees(self.before, self.describe(), what)


def snapd_judges(case, answer, target):
    """A set of setaside's, copied into snapd's store; otherwise as snapd_restores()."""
    target.root.adopt(case.source.store())
    return snapd_restores(case, answer, target)


def snapd_restores(case, answer, target):
    """A set of setaside's: listed with the same hash, checked, restored, reverted.

    answer: the set under the number that it has in the target. Returns what snapd created
    and moved.
    """
    root = target.root
    expect_equal(str(answer["id"]), str(root.judge("last")), "highest set number")
    listed = [listed_by_snapd(root, answer["id"])]
    compare_sets(answer, listed[0], "setaside's set, listed by snapd")
    expect_equal(sorted(s.name for s in case.snaps),
                 sorted(root.judge("may-restore", str(answer["id"]))),
                 "what snapd would restore")
    total, undo = {"created": [], "moved": []}, []
    for found in listed[0]["snapshots"]:
        expect("file" in found, "the file has not the name that snapd gives it")
        path = os.path.join(root.snapd_store(), found["file"])
        root.judge("check", path)
        expect_equal(found, root.judge("open", path), "a snapshot, listed and opened")
        name = found["snapshot"]["snap"]
        revision = "-" if name in target.absent else target.revisions[name]
        restored = root.judge("restore", path, revision)
        expect_equal([], restored["log"], "what snapd logs while it restores")
        undo.insert(0, restored["state"])
        state = state_of(root, restored["state"])
        for key in total:
            total[key] += state[key]
    target.expect_restored(False, "setaside's set, restored by snapd")
    for state in undo:
        root.judge("revert", stdin=json.dumps(state).encode())
    target.expect_as_before("setaside's set, restored and reverted by snapd")
    return {key: sorted(paths) for key, paths in total.items()}


def setaside_judges(case, listed, target, snapd_reverts):
    """A set of snapd's, in snapd's store; otherwise as setaside_restores()."""
    store = ["--store", case.source.snapd_store()]
    return setaside_restores(listed, target, snapd_reverts, store)


def setaside_restores(listed, target, snapd_reverts, store=()):
    """A set of snapd's: listed with the same hash, checked, restored, undone.

    listed: the set under the number that it has in the store. Returns what setaside
    created and moved.
    """
    root, number = target.root, str(listed["id"])
    compare_sets(listed_by_setaside(root, number, store), listed,
                 "snapd's set, listed by setaside")
    checked = root.setaside(*store, "check", number, "--deep")["check"]
    expect(all(app["ok"] for app in checked["apps"]), f"setaside checks it: {checked}")
    restored = root.setaside(*store, "restore", number, "--trust")["restore"]
    expect_equal([], restored["skipped"], "what setaside leaves out")
    target.expect_restored(True, "snapd's set, restored by setaside")
    if snapd_reverts:
        state = {key: restored[key] for key in ("created", "moved")}
        root.judge("revert", stdin=json.dumps(state).encode())
        target.expect_as_before("snapd's set, restored by setaside, reverted by snapd")
    else:
        root.setaside("undo")
        target.expect_as_before("snapd's set, restored and undone by setaside")
    return state_of(root, restored)
