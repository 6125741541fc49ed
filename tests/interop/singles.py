# SPDX-License-Identifier: LGPL-2.1-or-later
"""What generated cases do not meet: refusals, damage, exports, apps that are no snaps."""

import filecmp
import glob
import io
import itertools
import json
import os
import random
import shutil
import struct
import subprocess
import tarfile
import tempfile
import time
import zipfile

import carrying
import trees
from judging import (SNAPD_SET, Case, Target, compare_sets, listed_by_setaside, make_data,
                     owners_of, setaside_judges, snapd_judges, state_of)
from roots import ID, OTHER_ID, Root, Snap, expect, expect_equal, expect_same_trees

DEFINITION = {
    "format": 1, "id": "hello", "name": "Hello", "kind": "cli",
    "match": {"deb": ["hello"]},
    "trees": [
        {"name": "lib", "role": "data", "scope": "system",
         "at": {"native": "/var/lib/hello"}},
        {"name": "profile", "role": "data", "scope": "user",
         "at": {"native": "~/.hello"}},
        {"name": "rc", "role": "config", "scope": "user",
         "at": {"native": "~/.hellorc"}}],
    "quiesce": {"policy": "none"}}


def simple_case(programs, folder, entries=12, **snap):
    """A snap with the data of the system and of one user."""
    case = Case(programs, folder, [Snap("hello", snap_id=ID, **snap)], ["daemon"])
    rng = random.Random(1)
    for user in (None, "daemon"):
        make_data(rng, case.source, case.snaps[0], user, [b"revision", b"common"],
                  entries)
    return case


# ---- Apps that are no snaps ---------------------------------------------------------

def native_root(programs, folder):
    """A root with an app of a definition, and its trees by user and name."""
    root = Root(os.path.join(folder, "native"), programs)
    root.write("etc/setaside/apps.d/hello.json", json.dumps(DEFINITION))
    root.write("var/lib/dpkg/status", "Package: hello\nStatus: install ok installed\n"
               "Architecture: all\nVersion: 1:2.10-3~deb12\n")
    rng = random.Random(2)
    places = {"system": {b"lib": os.fsencode(root.at("var/lib/hello"))},
              "daemon": {b"profile": os.fsencode(root.home("daemon") + "/.hello"),
                         b"rc": os.fsencode(root.home("daemon") + "/.hellorc")}}
    for owners, tops in (([(0, 0), (1, 1)], places["system"]),
                         ([(1, 1)], places["daemon"])):
        maker = trees.Maker(rng, owners)
        for name, path in tops.items():
            if name == b"rc":
                maker.file(path)
                maker.stamped.append(path)
            else:
                maker.fill(path, 25)
        maker.finish()
    return root, places


def native_app(programs, folder):
    """snapd restores a native app's trees below common/, each under its name."""
    root, places = native_root(programs, folder)
    saved = root.setaside("save", "native:hello", "--users", "root,daemon")["set"]
    restored_by_snapd(programs, folder, root, places, saved)


# What setaside believes when it says that nothing has changed, as stat(1) calls it.
BELIEVED = {"ext2/ext3", "xfs", "btrfs", "f2fs"}
ELSEWHERE = "/var/tmp"  # which all users reach, as snapd's tar has to


def is_believed(folder):
    done = subprocess.run(["stat", "-f", "-c", "%T", folder], check=True, text=True,
                          stdout=subprocess.PIPE)
    return done.stdout.strip() in BELIEVED


def native_app_again(programs, folder):
    """The same of a zip whose archives were taken over from an older one."""
    if is_believed(folder) or not is_believed(ELSEWHERE):
        return saved_again(programs, folder)
    with tempfile.TemporaryDirectory(prefix="interop-setaside.", dir=ELSEWHERE) as place:
        os.chmod(place, 0o755)
        return saved_again(programs, place)


def saved_again(programs, folder):
    root, places = native_root(programs, folder)
    for tops in places.values():
        for path in tops.values():
            calm(path)
    # What was changed within the last two seconds is always read, and longer unless it is told so.
    root.write("etc/setaside/setaside.conf", "settle = 2s\n")
    begun = time.time()
    while time.time() < begun + 2.2:
        time.sleep(0.1)
    args = "native:hello", "--users", "root,daemon"
    first = root.setaside("save", *args)["set"]
    saved = root.setaside("save", *args)["set"]
    if is_believed(root.path):
        expect_equal([{"app": "hello", "set": saved["id"]}],
                     root.setaside("save", "--if-changed", *args)["unchanged"],
                     "what has not changed")
    else:
        print("# nothing is taken over: no ext4, XFS, btrfs or f2fs here")
    expect_equal(first["content-hash"], saved["content-hash"], "content hashes")
    root.setaside("forget", str(first["id"]))
    restored_by_snapd(programs, folder, root, places, saved)


def calm(path):
    """Files of a time to come are never believed to be unchanged."""
    for folder, folders, files in os.walk(path, topdown=False):
        for name in folders + files:
            quiet = os.path.join(folder, name)
            if os.lstat(quiet).st_mtime > time.time() - 10:
                os.utime(quiet, (1, 1), follow_symlinks=False)
    if os.lstat(path).st_mtime > time.time() - 10:
        os.utime(path, (1, 1))


def restored_by_snapd(programs, folder, root, places, saved):
    """A native app's set and no other is in the store of the root."""
    target = Root(os.path.join(folder, "target"), programs)
    target.adopt(root.store())
    listed = target.judge("list")
    compare_sets(saved, listed[0], "a native app's set")
    path = os.path.join(target.snapd_store(), listed[0]["snapshots"][0]["file"])
    target.judge("check", path)
    expect_equal(["hello"], target.judge("may-restore", str(saved["id"])),
                 "what snapd would restore")
    target.judge("restore", path, "-")
    for owner, tops in places.items():
        base = target.base("hello", None if owner == "system" else owner)
        found = {name: os.fsencode(base) + b"/common/" + name for name in tops}
        expect_same_trees(trees.describe(tops), trees.describe(found),
                          f"trees of {owner}")
        expect_equal(["common"], sorted(os.listdir(base)), f"what lies in {base}")
        st = os.lstat(f"{base}/common")
        expect_equal("0o40755 0" if owner == "system" else "0o40700 1",
                     f"{oct(st.st_mode)} {st.st_uid}", f"mode and owner of {base}/common")


def native_over_snap(programs, folder):
    """snapd refuses a native app's data for a snap of that name, which has another id."""
    root, _ = native_root(programs, folder)
    saved = root.setaside("save", "native:hello", "--users", "root")["set"]
    for snap_id, refused in ((ID, True), ("", False)):  # a side-loaded snap has no id
        target = Root(os.path.join(folder, "target" + snap_id), programs)
        target.adopt(root.store())
        target.install(Snap("hello", snap_id=snap_id))
        if refused:
            reason = target.judge_refuses("may-restore", str(saved["id"]))
            expect("does not match snapshot" in reason and "setasid" in reason, reason)
        else:
            target.judge("may-restore", str(saved["id"]))


def two_of_one_name(programs, folder):
    """In one set a native app beside a snap of that name is another app to snapd."""
    root, _ = native_root(programs, folder)
    snap = Snap("hello", snap_id=ID)
    root.install(snap)
    make_data(random.Random(3), root, snap, None, [b"revision", b"common"], 3)
    saved = root.setaside("save", "native:hello", "snap:hello",
                          "--users", "root,daemon")["set"]
    target = Root(os.path.join(folder, "target"), programs)
    target.install(snap)
    target.adopt(root.store())
    listed = target.judge("list")
    compare_sets(saved, listed[0], "the set")
    snapshots = listed[0]["snapshots"]
    expect_equal(["hello", "hello.native"], [s["snapshot"]["snap"] for s in snapshots],
                 "its apps")
    expect(all("file" in s for s in snapshots), "a file has another name than snapd's")
    expect_equal(["hello"], target.judge("may-restore", str(saved["id"]), "hello"),
                 "what snapd would restore")


# ---- Refusals -----------------------------------------------------------------------

EPOCHS = ["0", "1", "1*", "2", "{read: [1, 2, 3], write: [2, 3]}",
          "{read: [0], write: [0, 1]}"]


def same_refusals(programs, folder):
    """Over another epoch or snap id both restore, or both refuse."""
    pairs = [(e, f, ID, ID) for e, f in itertools.product(EPOCHS, EPOCHS)]
    pairs += [("0", "0", a, b)
              for a, b in itertools.product((ID, OTHER_ID, ""), repeat=2)]
    saved = {}
    for i, (epoch, now, snap_id, id_now) in enumerate(pairs):
        key = (epoch, snap_id)
        if key not in saved:
            case = Case(programs, os.path.join(folder, f"case{len(saved)}"),
                        [Snap("hello", snap_id=snap_id, epoch=epoch)], [])
            os.makedirs(case.source.at("var/snap/hello/7"))
            case.save_with_snapd()
            saved[key] = case.source
        target = Root(os.path.join(folder, f"target{i}"), programs)
        target.adopt(saved[key].snapd_store())
        target.install(Snap("hello", "8", id_now, epoch=now))
        judged = programs.run_judge(target.path, ["may-restore", str(SNAPD_SET)], None)
        wanted = 0 if judged.returncode == 0 else 8
        found = programs.run_setaside(["--root", target.path, "--json", "--store",
                                       target.snapd_store(), "restore", str(SNAPD_SET)])
        expect_equal(wanted, found.returncode,
                     f"status for epoch {epoch}, id {snap_id!r} over {now}, {id_now!r}: "
                     f"{judged.stderr} {found.stderr}")


def unknown_owners(programs, folder):
    """Owners without a name: snapd takes the number, setaside refuses a stranger's."""
    case = Case(programs, folder, [Snap("hello", snap_id=ID)], [])
    make_data(random.Random(4), case.source, case.snaps[0], None, [b"common"], 4)
    os.chown(case.source.at("var/snap/hello/common"), 54321, 54322)
    ours, theirs = case.save_with_setaside(), case.save_with_snapd()
    snapd_judges(case, ours, Target(case, "snapd", 5, case.snaps, []))
    target = Target(case, "setaside", 5, case.snaps, [])
    target.root.setaside("--store", case.source.snapd_store(), "restore",
                         str(theirs["id"]), status=8)
    target.expect_as_before("refused")


def unknown_users(programs, folder):
    """Both leave out who has no account or no home, say so, and restore the others."""
    case = Case(programs, folder, [Snap("hello", snap_id=ID)], ["daemon", "games", "man"])
    rng = random.Random(10)
    os.makedirs(case.source.at("var/snap/hello/common"))  # the system's is nobody else's
    for user in case.users:
        make_data(rng, case.source, case.snaps[0], user, [b"common"], 4)
    ours, theirs = case.save_with_setaside(), case.save_with_snapd()
    left = {}
    for name in ("snapd", "setaside"):
        target = Target(case, name, 11, case.snaps, [])
        root = target.root
        with open(root.at("etc/passwd"), encoding="ascii") as f:
            lines = [line for line in f if not line.startswith("games:")]
        root.write("etc/passwd", "".join(lines))
        os.rmdir(root.home("man"))
        if name == "snapd":
            root.adopt(case.source.store())
            path, = glob.glob(f"{root.snapd_store()}/{ours['id']}_*.zip")
            left[name] = root.judge("restore", path, "7")["log"]
        else:
            left[name] = root.setaside(
                "--store", case.source.snapd_store(), "restore", str(theirs["id"]),
                "--trust", status=3)["restore"]["skipped"]
        saved = trees.as_snapd_saves(case.describe(case.source, True))
        wanted = {k: v for k, v in saved.items()
                  if not k.startswith((b"games", b"man"))}
        expect_same_trees(wanted, target.describe(True), f"what {name} restored")
    expect_equal(["games", "man"], sorted(s["user"] for s in left["setaside"]),
                 "users that setaside left out")
    expect(len(left["snapd"]) == 2 and all(
        any(user in line for line in left["snapd"]) for user in ("games", "man")),
        f"what snapd said: {left['snapd']}")


def finished_restore(programs, folder):
    """snapd's clean-up of setaside's restore removes what was moved aside, no more."""
    case = simple_case(programs, folder)
    theirs = case.save_with_snapd()
    target = Target(case, "target", 12, case.snaps, [None, "daemon"])
    restored = target.root.setaside("--store", case.source.snapd_store(), "restore",
                                    str(theirs["id"]), "--trust")["restore"]
    expect(restored["moved"] and all(os.path.isdir(p) for p in restored["moved"]),
           f"nothing was moved aside: {restored}")
    state = {key: restored[key] for key in ("created", "moved")}
    answer = target.root.judge("cleanup", stdin=json.dumps(state).encode())
    expect_equal(dict(state, done=True), answer, "the state that snapd cleaned up")
    expect(not any(os.path.lexists(p) for p in restored["moved"]), "it is still there")
    target.expect_restored(True, "what was restored")


# Of the directories of an archive, which are there before it is restored.
BEFORE = {
    "nothing": [], "snap": [""], "own": ["", "hello"],
    "revision": ["", "hello", "hello/7"],
    "common": ["", "hello", "hello/common"],
    "all": ["", "hello", "hello/7", "hello/common", "other", "other/7"]}


def restore_states(programs, folder):
    """The same restore by both: the same state, and snapd can go back from either."""
    case = simple_case(programs, folder)
    theirs = case.save_with_snapd()
    path, = glob.glob(f"{case.source.snapd_store()}/*.zip")
    for i, (system, user) in enumerate(zip(BEFORE, [*list(BEFORE)[2:], *BEFORE])):
        what = f"{system} of the system's, {user} of the user's directories are there"
        states, before, after = {}, {}, {}
        for name in ("snapd", "setaside"):
            root = Root(os.path.join(folder, f"{name}-{i}"), programs)
            os.rmdir(root.at("var/snap"))
            for top, there in ((root.at("var/snap"), system),
                               (root.home("daemon") + "/snap", user)):
                for part in BEFORE[there]:
                    os.mkdir(os.path.join(top, part))
            subprocess.run(["chown", "-R", "daemon:", root.home("daemon")], check=True)
            before[name] = names_below(root)
            if name == "snapd":
                state = root.judge("restore", path, "7")["state"]
            else:
                state = root.setaside("--store", case.source.snapd_store(), "restore",
                                      str(theirs["id"]), "--trust")["restore"]
                state = {key: state[key] for key in ("created", "moved") if state[key]}
            expect(not {"done", "config"} & set(state), f"{name}'s state: {state}")
            states[name] = dict(state_of(root, state), keys=sorted(state))
            # What came since, beside the restored snap, is not of this restore
            os.makedirs(root.home("daemon") + "/snap/later/7", exist_ok=True)
            root.judge("revert", stdin=json.dumps(state).encode())
            after[name] = names_below(root)
        expect_equal(states["snapd"], states["setaside"],
                     f"state, {what}: snapd, setaside")
        expect_equal(before["snapd"], before["setaside"], f"before, {what}")
        expect_equal(after["snapd"], after["setaside"],
                     f"reverted by snapd, {what}: restored by snapd, by setaside")
        expect(b"home/daemon/snap/later/7" in after["setaside"], f"lost, {what}")


def names_below(root):
    """All paths where snaps' data can lie."""
    top = os.fsencode(root.path)
    return sorted(os.path.relpath(os.path.join(at, name), top)
                  for part in (b"var/snap", b"home/daemon")
                  for at, folders, files in os.walk(os.path.join(top, part))
                  for name in folders + files)


# ---- What is in a set ---------------------------------------------------------------

def excludes(programs, folder):
    """meta/snapshots.yaml leaves the same files out of both programs' archives."""
    rng = random.Random(6)
    words = ["a", "b", "ab", "a.log", ".hidden", "cache", "x y"]
    parts = ["a", "b", "*", "a*", "*b", "*.log", "c*e", ".*", "x y", "a.log"]
    for i in range(12):
        exclude = ["$" + rng.choice(["SNAP_DATA", "SNAP_COMMON", "SNAP_USER_DATA",
                                     "SNAP_USER_COMMON"]) + "/" +
                   "/".join(rng.choice(parts) for _ in range(rng.choice([1, 1, 2, 3])))
                   for _ in range(rng.choice([1, 3, 6]))]
        case = Case(programs, os.path.join(folder, str(i)),
                    [Snap("hello", snap_id=ID, exclude=exclude)], ["daemon"])
        for user in (None, "daemon"):
            for top in case.source.data_folders("hello", "7", user).values():
                make_words(rng, top, words, user)
        case.save_with_setaside()
        case.save_with_snapd()
        expect_equal(members(case.source.snapd_store()), members(case.source.store()),
                     f"files saved without {exclude}: snapd, setaside")


def make_words(rng, top, words, user):
    """Directories and FIFOs of these names, whose owner may read them."""
    os.makedirs(top)
    folders = [top]
    for _ in range(40):
        path = os.path.join(rng.choice(folders), rng.choice(words).encode())
        if os.path.lexists(path):
            continue
        if rng.random() < 0.5:
            os.mkdir(path)
            folders.append(path)
        else:
            os.mkfifo(path)
        os.chown(path, *owners_of(user)[0])


def members(store):
    """Of each archive in the store's only zip the names of its entries."""
    found = {}
    with zipfile.ZipFile(*glob.glob(f"{store}/*.zip")) as z:
        for name in z.namelist():
            if name.endswith(".tgz"):
                with tarfile.open(fileobj=io.BytesIO(z.read(name))) as t:
                    found[name] = sorted(t.getnames())
    return found


def huge_sparse_file(programs, folder):
    """Nine GiB of hole with a little data, more than an octal size holds."""
    case = simple_case(programs, folder)
    with open(case.source.at("var/snap/hello/common/huge"), "wb") as f:
        f.truncate(9 << 30)
        for at in (0, 123456789, (8 << 30) + 5, (9 << 30) - 1):
            f.seek(at)
            f.write(b"data")
    ours, theirs = case.save_with_setaside(), case.save_with_snapd()
    snapd_judges(case, ours, Target(case, "snapd", 7, case.snaps, [None]))
    setaside_judges(case, theirs, Target(case, "setaside", 7, case.snaps, [None]), False)


def more_than_tar_takes(programs, folder):
    """ACLs, extended attributes and capabilities do not disturb snapd's tar."""
    case = simple_case(programs, folder)
    path = case.source.at("var/snap/hello/common/attributes")
    with open(path, "w", encoding="ascii") as f:
        f.write("x")
    acl = struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", tag, rights, number)
        for tag, rights, number in ((1, 6, 0xffffffff), (2, 4, 1), (4, 4, 0xffffffff),
                                    (16, 6, 0xffffffff), (32, 0, 0xffffffff)))
    capability = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)
    carried = 0
    for name, value in (("user.a=b%", b"\0\xff"), ("security.capability", capability),
                        ("system.posix_acl_access", acl)):
        try:
            os.setxattr(path, name, value)
            carried += 1
        except OSError:
            pass  # not on every file system, not for root in every container
    expect(carried, "no attribute can be set here")
    snapd_judges(case, case.save_with_setaside(),
                 Target(case, "snapd", 8, case.snaps, []))


# ---- Stores and streams -------------------------------------------------------------

def exports(programs, folder):
    """snapd exports and imports setaside's set byte for byte, and knows it again."""
    case = simple_case(programs, folder)
    ours = case.save_with_setaside()
    case.source.adopt(case.source.store())
    stream = case.source.judge_stream("export", str(ours["id"]))
    target = Root(os.path.join(folder, "target"), programs)
    imported = target.judge("import", "77", stdin=stream)
    expect_equal(["hello"], imported["snaps"], "what snapd imported")
    wanted, = glob.glob(f"{case.source.store()}/*.zip")
    found, = glob.glob(f"{target.snapd_store()}/77_*.zip")
    expect(filecmp.cmp(wanted, found, shallow=False), "the imported zip is another")
    again = target.judge("import", "78", stdin=stream)
    expect(again["duplicate"] and str(again["set"]) == "77", f"imported again: {again}")
    store = ["--store", target.snapd_store()]
    listed = target.setaside(*store, "saved")["sets"]
    compare_sets(listed[0], target.judge("list")[0], "setaside's set, imported by snapd")
    expect_equal(ours["content-hash"], listed[0]["content-hash"], "content hash")
    target.setaside(*store, "check", "77", "--deep")


def native_apps_carried(programs, folder):
    """Apps that are no snaps go through snapd as well, with their names and notes."""
    root, places = native_root(programs, folder)
    root.install(Snap("hello", snap_id=ID))
    make_data(random.Random(3), root, root.snaps["hello"], None, [b"common"], 3)
    ours = root.setaside("save", "native:hello", "snap:hello", "--users", "root,daemon",
                         "--name", "both", "--note", "a <note>")["set"]
    snapd = Root(os.path.join(folder, "snapd"), programs)
    _, back = carrying.carry_to_snapd(root, ours, snapd, 12)
    before = {owner: trees.describe(tops) for owner, tops in places.items()}
    for tops in places.values():
        for path in tops.values():
            (shutil.rmtree if os.path.isdir(path) else os.unlink)(path)
    root.setaside("forget", str(ours["id"]))
    answer = carrying.import_by_setaside(root, back)
    found = listed_by_setaside(root, answer["set"])
    expect_equal(["both", "a <note>"], [found["name"], found["note"]], "name and note")
    root.setaside("restore", str(answer["set"]), "--trust")
    for owner, tops in places.items():
        expect_same_trees(before[owner], trees.describe(tops), f"trees of {owner}")


def no_number_left(programs, folder):
    """With the last number given out nothing more comes; what is there is known."""
    case = simple_case(programs, folder, entries=2)
    theirs = case.save_with_snapd()
    target = Root(os.path.join(folder, "target"), programs)
    target.write(f"{target.store()}/.last-set", f"{carrying.LAST_NUMBER - 1}\n")
    os.chmod(target.store(), 0o700)
    there = carrying.carry_to_setaside(case.source, theirs, target)
    expect_equal(str(carrying.LAST_NUMBER), str(there["id"]), "the last number")
    case.source.write("var/snap/hello/common/later", "so that it is another set")
    case.snapd_set = "10"
    stream = carrying.export_by_snapd(case.source, case.save_with_snapd()["id"])
    done = programs.run_setaside(["--root", target.path, "import", "-"], stream.data)
    expect(done.returncode == 6 and b"no set number is left" in done.stderr,
           f"status {done.returncode}: {done.stderr}")
    expect_equal(1, len(glob.glob(f"{target.store()}/*.zip")), "zips in the store")


def unfinished_imports(programs, folder):
    """What a marker hides is hidden from both, until snapd cleans it up."""
    case = simple_case(programs, folder)
    case.save_with_snapd()
    store = case.source.snapd_store()
    with open(f"{store}/{SNAPD_SET}_importing", "wb"):
        pass
    expect_equal([], case.source.judge("list"), "what snapd lists")
    listed = case.source.setaside("--store", store, "saved")["sets"]
    expect_equal([], listed, "what setaside lists")
    expect_equal("1", str(case.source.judge("abandoned")), "imports cleaned up by snapd")
    expect_equal([], os.listdir(store), "the store")


def damage(programs, folder):
    """One wrong bit: what snapd refuses setaside refuses."""
    case = simple_case(programs, folder, entries=2)
    case.save_with_snapd()
    case.save_with_setaside()
    rng = random.Random(9)
    for source in (case.source.snapd_store(), case.source.store()):
        path, = glob.glob(f"{source}/*.zip")
        with open(path, "rb") as f:
            data = f.read()
        for i in range(40):
            at, bit = rng.randrange(len(data)), 1 << rng.randrange(8)
            store = os.path.join(folder, f"{os.path.basename(source)}{len(data)}-{i}")
            os.mkdir(store)
            broken = os.path.join(store, os.path.basename(path))
            with open(broken, "wb") as f:
                f.write(data[:at] + bytes([data[at] ^ bit]) + data[at + 1:])
            judged = programs.run_judge(case.source.path, ["check", broken], None)
            found = programs.run_setaside(["--store", store, "check",
                                           os.path.basename(path).split("_")[0]])
            expect(found.returncode in ((5,) if judged.returncode else (0, 5)),
                   f"byte {at} of {len(data)} xor {bit} in {path}: "
                   f"status {found.returncode}",
                   f"snapd: {judged.stderr}", f"setaside: {found.stderr}")


TESTS = [
    ("a native app, restored by snapd", native_app),
    ("the same, taken over from an older set", native_app_again),
    ("snapd refuses a native app's data for a snap of that name", native_over_snap),
    ("a snap and a native app of one name in a set", two_of_one_name),
    ("the same epochs and snap ids are refused", same_refusals),
    ("owners without a name", unknown_owners),
    ("users without an account or a home", unknown_users),
    ("snapd finishes a restore of setaside's", finished_restore),
    ("restore states agree on what was created and moved", restore_states),
    ("the same files are excluded", excludes),
    ("a sparse file of nine GiB", huge_sparse_file),
    ("attributes that snapd's tar does not know", more_than_tar_takes),
    ("snapd exports and imports setaside's set", exports),
    ("native apps, carried through snapd and back", native_apps_carried),
    ("no set number is left", no_number_left),
    ("an unfinished import is shown by neither", unfinished_imports),
    ("what snapd finds damaged setaside finds damaged", damage),
]
