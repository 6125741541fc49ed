# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random snaps with random data, saved by both programs, each judged by the other."""

import random

import oddities
from judging import Case, Target, make_data, setaside_judges, snapd_judges
from roots import ID, USERS, Snap, expect_equal


def random_snaps(rng):
    """One to three snaps; as they are where they are restored; those not there."""
    snaps, currents = [], []
    names = ["hello", "hello_inst", "notes-app", "a0", "x" * 40]
    for name in rng.sample(names, rng.choice([1, 1, 1, 2, 3])):
        snap_id = rng.choice([ID, ID, ""])
        epoch = rng.choice(["0", "1*", "5", "{read: [1, 2, 3], write: [2, 3]}"])
        version = rng.choice(["2.10", "0~rc1+git", "1:2.3-4", "v1.33~beta"])
        revision = rng.choice(["1", "7", "x1", "x23", "2147483647"])
        conf = oddities.configuration(rng)
        snaps.append(Snap(name, revision, snap_id, version, epoch, conf))
        now = rng.choice([revision, revision, "8", "x9"])
        currents.append(Snap(name, now, rng.choice([snap_id, ""]), version, epoch))
    absent = [s.name for s, now in zip(snaps, currents)
              if s.revision == now.revision and rng.random() < 0.3]
    return snaps, currents, absent


def judge_case(programs, seed, folder):
    """One case, the same for the same seed."""
    rng = random.Random(seed)
    snaps, currents, absent = random_snaps(rng)
    users = rng.sample(USERS, rng.choice([0, 1, 1, 1, 2, 2, 3, 10]))
    case = Case(programs, folder, snaps, users)
    for snap, current in zip(snaps, currents):
        # snapd fails where the directory of another revision than the current is missing
        some = [[b"revision", b"common"], [b"revision"]]
        if current.revision == snap.revision:
            some.append([b"common"])
        owners = [None] + rng.sample(case.users, rng.randrange(len(case.users) + 1))
        for user in owners:
            make_data(rng, case.source, snap, user, rng.choice(some),
                      rng.choice([0, 3, 30, 60]))
    occupied = [u for u in [None] + case.users if rng.random() < 0.4]
    there = (rng.getrandbits(32), currents, occupied, absent)
    ours = case.save_with_setaside()
    theirs = case.save_with_snapd()
    by_snapd = snapd_judges(
        case, ours, Target(case, "snapd", *there))
    by_setaside = setaside_judges(
        case, theirs, Target(case, "setaside", *there),
        snapd_reverts=rng.random() < 0.5)
    expect_equal(by_snapd, by_setaside, "what they created and moved: snapd, setaside")
    for mine, other in zip(sorted(ours["snapshots"], key=lambda s: s["snap"]),
                           theirs["snapshots"]):
        for key in ("snap", "revision", "snap-id", "epoch", "version", "conf"):
            expect_equal(other["snapshot"].get(key), mine.get(key), f"{key} in both sets")
