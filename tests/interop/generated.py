# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random snaps with random data, saved by both programs, each judged by the other.

What one saves it exports; the other imports, lists, checks and restores it, and exports
it again. A seed says by its rest what the case is to hold (SHAPES), so that any hundred
seeds in a row hold all of it.
"""

import os
import random

import carrying
import oddities
from judging import (Case, Target, listed_by_setaside, make_data, setaside_restores,
                     snapd_restores)
from roots import ID, USERS, Snap, expect_equal

LAST_NUMBER = carrying.LAST_NUMBER


class Plan:
    """What a case holds; by default a little of everything."""

    def __init__(self, rng):
        self.rng = rng
        self.names = rng.sample(["hello", "hello_inst", "notes-app", "a0", "x" * 40],
                                rng.choice([1, 1, 1, 2, 3]))
        self.versions = ["2.10", "0~rc1+git", "1:2.3-4", "v1.33~beta"]
        self.revisions = ["1", "7", "x1", "x23", "2147483647"]
        self.conf = oddities.configuration
        self.users = rng.sample(USERS, rng.choice([0, 1, 1, 1, 2, 2, 3]))
        self.owners = None  # who has data of every snap, None: some have
        self.kinds = None
        self.entries = [0, 3, 15, 40]
        self.numbers = [1, 2, 5, 77, 4294967296]  # where snapd saves, and imports
        self.before = None  # the highest number in setaside's stores


def every_oddity(plan):
    plan.conf = oddities.everything


def ten_users(plan):
    plan.users = plan.owners = list(USERS)
    plan.entries = [0, 2, 4]


def only_empty(plan):
    plan.entries = [0, 0, 2]
    plan.kinds = ["folder"]


def sparse_and_linked(plan):
    plan.kinds = ["sparse", "sparse", "file", "link", "link", "folder"]
    plan.entries = [30]


def high_numbers(plan):
    plan.numbers = [LAST_NUMBER, LAST_NUMBER - 1, LAST_NUMBER - 2]
    plan.before = LAST_NUMBER - plan.rng.choice([4, 1000])


def long_names(plan):
    plan.kinds = ["deep", "deep", "long", "long", "long", "symlink", "link"]
    plan.entries = [25]


def long_members(plan):
    """All that is in a zip's name as long as snapd lets it be: over 100 bytes."""
    high_numbers(plan)
    plan.names = ["y" * 40 + "_instance10"]
    plan.versions = ["1.0~" + "v" * 28]
    plan.revisions = ["x2147483647", "2147483647"]


def hundred_apps(plan):
    plan.names = [f"app{i}" for i in range(100)]
    plan.users, plan.entries, plan.kinds = ["daemon"], [0, 1], ["file", "folder"]


SHAPES = {1: every_oddity, 2: ten_users, 3: only_empty, 4: sparse_and_linked,
          5: high_numbers, 6: long_names, 7: long_members, 8: every_oddity}


def plan_of(seed, rng):
    plan = Plan(rng)
    shape = hundred_apps if seed % 100 == 9 else SHAPES.get(seed % 20)
    if shape:
        shape(plan)
    return plan


def random_snaps(plan):
    """The snaps; as they are where they are restored; those not there."""
    rng, snaps, currents = plan.rng, [], []
    for name in plan.names:
        snap_id = rng.choice([ID, ID, ""])
        epoch = rng.choice(["0", "1*", "5", "{read: [1, 2, 3], write: [2, 3]}"])
        version, revision = rng.choice(plan.versions), rng.choice(plan.revisions)
        snaps.append(Snap(name, revision, snap_id, version, epoch, plan.conf(rng)))
        now = rng.choice([revision, revision, "8", "x9"])
        currents.append(Snap(name, now, rng.choice([snap_id, ""]), version, epoch))
    absent = [s.name for s, now in zip(snaps, currents)
              if s.revision == now.revision and rng.random() < 0.3]
    return snaps, currents, absent


def fill(plan, case, currents):
    for snap, current in zip(case.snaps, currents):
        # snapd fails where the directory of another revision than the current is missing
        some = [[b"revision", b"common"], [b"revision"]]
        if current.revision == snap.revision:
            some.append([b"common"])
        some_users = plan.owners or plan.rng.sample(
            case.users, plan.rng.randrange(len(case.users) + 1))
        for user in [None] + some_users:
            make_data(plan.rng, case.source, snap, user, plan.rng.choice(some),
                      plan.rng.choice(plan.entries), plan.kinds)


def leave_number(root, number):
    """What is left of a set, so that setaside's next has a higher number."""
    os.makedirs(root.store(), 0o700, exist_ok=True)
    root.write(os.path.join(root.store(), ".last-set"), f"{number}\n")


def home_again(case, ours, back, there):
    """setaside's set, which snapd had, into a store of setaside's that never knew it."""
    target = Target(case, "home", *there)
    answer = carrying.import_by_setaside(target.root, back)
    carrying.expect_imported(answer, "apps", False,
                             carrying.renumbered(ours, answer["set"]), "home again")
    found = listed_by_setaside(target.root, answer["set"])
    for key in ("name", "note", "content-hash"):
        expect_equal(ours[key], found[key], f"{key} of a set that went by snapd")
    target.root.setaside("restore", str(answer["set"]), "--trust")
    target.expect_restored(False, "setaside's set, imported from snapd's export")


def judge_case(programs, folder, seed):
    """One case, the same for the same seed."""
    rng = random.Random(seed)
    plan = plan_of(seed, rng)
    snaps, currents, absent = random_snaps(plan)
    case = Case(programs, folder, snaps, plan.users, rng.choice(plan.numbers))
    fill(plan, case, currents)
    occupied = [u for u in [None] + case.users if rng.random() < 0.4]
    there = (rng.getrandbits(32), currents, occupied, absent)
    if plan.before:
        leave_number(case.source, plan.before)
    named = ["--name", "a-name", "--note", "<a> & b"] if rng.random() < 0.3 else []
    ours, theirs = case.save_with_setaside(*named), case.save_with_snapd()

    target = Target(case, "snapd", *there)
    file = rng.choice([None, os.path.join(folder, "ours.snapshot")])
    imported, back = carrying.carry_to_snapd(case.source, ours, target.root,
                                             rng.choice(plan.numbers), file)
    by_snapd = snapd_restores(case, imported, target)

    target = Target(case, "setaside", *there)
    if plan.before:
        leave_number(target.root, LAST_NUMBER - 1)
    file = rng.choice([None, os.path.join(folder, "theirs.snapshot")])
    imported = carrying.carry_to_setaside(case.source, theirs, target.root, file)
    by_setaside = setaside_restores(imported, target, snapd_reverts=rng.random() < 0.5)

    expect_equal(by_snapd, by_setaside, "what they created and moved: snapd, setaside")
    expect_same_values(ours, theirs)
    if rng.random() < 0.3:
        home_again(case, ours, back, there)


def expect_same_values(ours, theirs):
    for mine, other in zip(sorted(ours["snapshots"], key=lambda s: s["snap"]),
                           theirs["snapshots"]):
        for key in ("snap", "revision", "snap-id", "epoch", "version", "conf"):
            expect_equal(other["snapshot"].get(key), mine.get(key), f"{key} in both sets")
