# SPDX-License-Identifier: LGPL-2.1-or-later
"""Scratch roots with users, snaps and apps, and the two programs that work on them."""

import glob
import grp
import json
import os
import pwd
import shutil
import subprocess

import trees

STATE = {"changes": {}, "tasks": {},
         "last-change-id": 0, "last-task-id": 0, "last-lane-id": 0}

# Users whom every Debian has: snapd's tar runs as them, so they must exist here as well.
USERS = ["daemon", "bin", "sys", "games", "man", "lp", "mail", "news", "uucp", "nobody"]

ID, OTHER_ID = "mVyGrEwiqSi5PugCwyH7WgpoQLemtTd6", "99T7MUlRhtI3U0QFgl5mXXESAiSwt776"


class Failure(Exception):
    """What a test has to say when it fails."""


def expect(condition, *text):
    if not condition:
        raise Failure("\n".join(str(t) for t in text))


def expect_equal(wanted, found, what):
    expect(wanted == found, f"{what}: not as expected",
           f"wanted {wanted!r}", f"found  {found!r}")


def expect_same_trees(wanted, found, what):
    lines = trees.differences(wanted, found)
    more = [f"... {len(lines) - 12} more"] if len(lines) > 12 else []
    expect(not lines, f"{what}: the trees differ", *lines[:12], *more)


class Snap:
    """A snap installed in a scratch root. conf: JSON text as bytes, or None."""

    def __init__(self, name, revision="7", snap_id="", version="1.0", epoch="0",
                 conf=None, exclude=()):
        self.name, self.revision, self.snap_id = name, revision, snap_id
        self.version, self.epoch, self.conf, self.exclude = version, epoch, conf, exclude

    def record(self):
        real, _, instance = self.name.partition("_")
        side = {"name": real, "snap-id": self.snap_id, "revision": self.revision}
        return {"type": "app", "active": True, "current": self.revision,
                "sequence": [side], "instance-key": instance}


class Root:
    """A directory that is a whole system to both programs."""

    def __init__(self, path, programs):
        self.path = path
        self.programs = programs
        self.snaps = {}
        for folder in ("etc/setaside/apps.d", "home", "root", "snap", "var/snap",
                       "var/lib/snapd/snaps", "var/lib/snapd/snapshots"):
            os.makedirs(self.at(folder))
        os.chmod(self.at("var/lib/snapd/snapshots"), 0o700)
        self.write_users()

    def at(self, *parts):
        return os.path.join(self.path, *parts)

    def home(self, user):
        return self.at("root" if user == "root" else f"home/{user}")

    def write_users(self):
        lines, groups = [], {0: "root"}
        for user in ["root"] + USERS:
            entry = pwd.getpwnam(user)
            home = "/root" if user == "root" else f"/home/{user}"
            lines.append(f"{user}:x:{entry.pw_uid}:{entry.pw_gid}::{home}:/bin/sh\n")
            groups[entry.pw_gid] = grp.getgrgid(entry.pw_gid).gr_name
            os.makedirs(self.home(user), exist_ok=True)
            os.chown(self.home(user), entry.pw_uid, entry.pw_gid)
        self.write("etc/passwd", "".join(lines))
        self.write("etc/group",
                   "".join(f"{name}:x:{gid}:\n" for gid, name in groups.items()))

    def write(self, path, text):
        os.makedirs(os.path.dirname(self.at(path)), exist_ok=True)
        with open(self.at(path), "wb") as f:
            f.write(text.encode() if isinstance(text, str) else text)

    def install(self, snap):
        """As snapd would leave it, but for data; a snap of that name is replaced."""
        self.snaps[snap.name] = snap
        meta = f"snap/{snap.name}/{snap.revision}/meta"
        real = snap.name.partition("_")[0]
        self.write(f"{meta}/snap.yaml",
                   f"name: {real}\nversion: '{snap.version}'\nsummary: A <snap> & more\n"
                   f"epoch: {snap.epoch}\n")
        if snap.exclude:
            self.write(f"{meta}/snapshots.yaml",
                       "exclude:\n" + "".join(f"  - {p}\n" for p in snap.exclude))
        self.write(f"var/lib/snapd/snaps/{snap.name}_{snap.revision}.snap", "")
        for folder in ("snap", "var/snap"):
            os.makedirs(self.at(folder, snap.name), exist_ok=True)
            link = self.at(folder, snap.name, "current")
            if os.path.lexists(link):
                os.unlink(link)
            os.symlink(snap.revision, link)
        self.write_state()

    def write_state(self):
        records = {s.name: s.record() for s in self.snaps.values()}
        confs = b",".join(json.dumps(s.name).encode() + b":" + s.conf
                          for s in self.snaps.values() if s.conf is not None)
        self.write("var/lib/snapd/state.json",
                   b'{"data":{"snaps":' + json.dumps(records).encode() +
                   b',"config":{' + confs + b"}}," + json.dumps(STATE).encode()[1:])

    # ---- Data

    def base(self, name, user):
        """Where a snap's data lies; user None: the system's."""
        if user is None:
            return self.at("var/snap", name)
        return os.path.join(self.home(user), "snap", name)

    def data_folders(self, name, revision, user):
        """The top directories of one archive; that of the revision is called so."""
        base = os.fsencode(self.base(name, user))
        return {b"revision": base + b"/" + revision.encode(),
                b"common": base + b"/common"}

    def describe(self, name, revision, users, seconds=False):
        """All trees of a snap, and the directories above them."""
        found = {}
        for user in [None] + list(users):
            label = (user or "system").encode()
            part = trees.describe(self.data_folders(name, revision, user), seconds)
            found.update({label + b"/" + n: entry for n, entry in part.items()})
            if part:
                found[label] = above(self.base(name, user))
        return found

    # ---- Programs

    def judge(self, *args, stdin=None):
        """What snapd answers; fails where it refuses."""
        done = self.programs.run_judge(self.path, args, stdin)
        expect(done.returncode == 0, f"snapd: {' '.join(args)}: {text_of(done)}")
        return exact(done.stdout) if done.stdout.strip() else None

    def judge_refuses(self, *args):
        """snapd's reason."""
        done = self.programs.run_judge(self.path, args, None)
        expect(done.returncode == 1, f"snapd takes {' '.join(args)}", text_of(done))
        return done.stderr.decode(errors="replace").strip()

    def judge_stream(self, *args):
        done = self.programs.run_judge(self.path, args, None)
        expect(done.returncode == 0, f"snapd: {' '.join(args)}: {text_of(done)}")
        return done.stdout

    def setaside(self, *args, status=0, stdin=None):
        """What setaside answers; fails where the exit status is another."""
        done = self.programs.run_setaside(["--root", self.path, "--json", *args], stdin)
        expect(done.returncode == status,
               f"setaside {' '.join(args)}: status {done.returncode}, not {status}",
               text_of(done))
        return exact(done.stdout)

    def setaside_stream(self, *args):
        done = self.programs.run_setaside(["--root", self.path, *args])
        expect(done.returncode == 0, f"setaside {' '.join(args)}: {text_of(done)}")
        return done.stdout

    # ---- Stores

    def store(self):
        return self.at("var/lib/setaside/snapshots")

    def snapd_store(self):
        return self.at("var/lib/snapd/snapshots")

    def adopt(self, store):
        """Copy the zips of another store into snapd's."""
        for path in glob.glob(f"{store}/*.zip"):
            shutil.copy(path, self.snapd_store())


def above(folder):
    """Whose the directories are that a restore makes above the trees.

    Below a home setaside makes them 0700 and snapd 0755.
    """
    found = {}
    for _ in range(2):
        st = os.lstat(folder)
        found[os.path.basename(folder)] = f"{st.st_uid}:{st.st_gid}"
        folder = os.path.dirname(folder)
    return found


class Number:
    """A JSON number, digit for digit."""

    def __init__(self, text):
        self.text = text

    def __eq__(self, other):
        return isinstance(other, Number) and self.text == other.text

    def __hash__(self):
        return hash(self.text)

    def __repr__(self):
        return self.text


def exact(text):
    """Parsed JSON, with Numbers."""
    return json.loads(text, parse_float=Number, parse_int=Number)


def text_of(done):
    return (done.stderr or done.stdout[:2000]).decode(errors="replace").strip()


class Programs:
    """Where the programs are. setaside's worker is told by the environment."""

    def __init__(self, setaside, judge, scratch):
        self.setaside, self.judge = setaside, judge
        self.environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8",
                            "HOME": scratch}
        for name in ("SETASIDE_WORKER", "ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.environment[name] = os.environ[name]

    def run(self, command, stdin):
        return subprocess.run(command, input=stdin or b"", stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=self.environment, check=False,
                              timeout=300)

    def run_judge(self, root, args, stdin):
        return self.run([self.judge, root, *args], stdin)

    def run_setaside(self, args, stdin=None):
        return self.run([self.setaside, *args], stdin)
