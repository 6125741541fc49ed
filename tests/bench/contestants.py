# SPDX-License-Identifier: LGPL-2.1-or-later
"""setaside and those it is compared with.

Each lays a tree where it wants it on a fresh file system and gives its steps: the name of
the operation (with WHO/ in front where it stands for somebody else), the command, and (of
a save) where its result lies.
"""

import json
import os
import shutil
import subprocess
import time

import measure

USER = 61001
STORE = "var/lib/setaside/snapshots"
SETTLE = 2  # the least: trees are laid just before they are saved
GOPATH = "/usr/share/gocode"


def copy_tree(source, to):
    subprocess.run(["cp", "-a", "--sparse=always", source, to], check=True)


def shell(text, **names):
    return ["bash", "-c", "set -o pipefail; " + text.format(**names)]


class Contestant:
    """One that needs nothing but the tree, as `data`."""
    env = None
    stands_for_others = True
    rest_before = None

    def lay(self, at, source, _scope):
        copy_tree(source, at + "/data")

    def run(self, at, apps, memory):
        """[(who, operation, figures)]"""
        results = []
        for verb, command, stored in self.steps(at, apps):
            who, _, verb = verb.rpartition("/")
            if who and not self.stands_for_others:
                continue
            if verb == self.rest_before:
                time.sleep(SETTLE + 0.1)
            figures = measure.clocked(command, at, self.env, memory)
            if stored:
                figures["bytes"] = (os.path.getsize(stored) if os.path.isfile(stored)
                                    else measure.size_below(stored))
            results.append((who or self.name, verb, figures))
        return results


class Setaside(Contestant):
    name = "setaside"
    rest_before = "save again"

    def __init__(self, args, work):
        # What libtool leaves in the build directory itself is a shell script.
        libs = os.path.join(args.build, ".libs")
        self.program = os.path.join(libs, "setaside")
        if not os.path.exists(self.program):
            self.program = os.path.join(args.build, "setaside")
        self.options = args.save_options.split()
        self.env = {"PATH": os.environ["PATH"], "HOME": "/home/bench", "LC_ALL": "C",
                    "LD_LIBRARY_PATH": libs,
                    "SETASIDE_WORKER": os.path.join(args.build, "setaside-worker"),
                    "SETASIDE_DATADIR": os.path.join(work, "apps")}
        os.makedirs(self.env["SETASIDE_DATADIR"], exist_ok=True)
        self.define("user", "user", "~/data")
        self.define("system", "system", "/srv/data")

    def define(self, app, scope, path):
        with open("%s/%s.json" % (self.env["SETASIDE_DATADIR"], app), "w") as f:
            json.dump({"format": 1, "id": app, "name": app, "trees": [
                {"name": "data", "scope": scope, "at": {"native": path}}]}, f)

    def lay_root(self, at):
        """A root with one user and an empty store."""
        uid, gid = (USER, USER) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
        home = at + "/home/bench"
        for path in (at + "/etc", home, at + "/srv"):
            os.makedirs(path)
        os.makedirs(at + "/" + STORE, 0o700)
        for path in (at + "/etc/setaside", home + "/.config/setaside"):
            os.makedirs(path)
            with open(path + "/setaside.conf", "w") as f:
                f.write("settle = %ds\n" % SETTLE)
        with open(at + "/etc/passwd", "w") as f:
            f.write("bench:x:%d:%d::/home/bench:/bin/sh\n" % (uid, gid))
        with open(at + "/etc/group", "w") as f:
            f.write("bench:x:%d:\n" % gid)
        return home

    def own_home(self, at):
        if os.geteuid() == 0:
            subprocess.run(["chown", "-hR", "%d:%d" % (USER, USER), at + "/home/bench"],
                           check=True)

    def lay(self, at, source, scope):
        home = self.lay_root(at)
        copy_tree(source, home + "/data" if scope == "user" else at + "/srv/data")
        if scope == "user":
            self.own_home(at)

    def command(self, at, *arguments):
        mode = ["--system"] if os.geteuid() == 0 else ["--user", "--store", at + "/" + STORE]
        return [self.program] + mode + ["--root", at, "--quiet"] + list(arguments)

    def steps(self, at, apps):
        export, other = at + "/export", at + "/other"
        # What an export and an import are measured by.
        copy = "cp {a} {b} && openssl dgst -sha3-384 {b} >/dev/null"
        return [("save", self.command(at, "save", *apps, *self.options), at + "/" + STORE),
                ("check", self.command(at, "check", "1"), None),
                ("export", self.command(at, "export", "1", export), None),
                ("cp and hash/export", shell(copy, a="{0}/{1}/1_*.zip".format(at, STORE), b=at + "/copied"),
                 None),
                ("import", [self.program, "--root", at, "--store", other, "--quiet",
                            "import", export], None),
                ("cp and hash/import", shell(copy, a=export, b=at + "/copied"), None),
                ("restore", self.command(at, "restore", "1"), None),
                ("undo", self.command(at, "undo"), None),
                # What was restored and undone has other times, which are new.
                ("save again", self.command(at, "save", *apps, *self.options), None),
                ("unchanged", self.command(at, "save", *apps, *self.options), None)]


class SnapdsWay(Contestant):
    """What snapd runs, driven by a shell; the hash is taken of what goes into the zip."""
    name = "snapd's way"

    def steps(self, at, _apps):
        out = at + "/out.tgz"
        save = ("tar --create --sparse --gzip --format gnu --directory {at} data"
                " | tee {out} | openssl dgst -sha3-384 >{out}.sha")
        restore = ("mkdir {at}/new && cat {out} | tee >(openssl dgst -sha3-384 >/dev/null)"
                   " | tar --extract --preserve-permissions --preserve-order --gunzip"
                   " --directory {at}/new && mv {at}/data {at}/old && mv {at}/new/data {at}/data")
        return [("save", shell(save, at=at, out=out), out),
                ("check", shell("openssl dgst -sha3-384 {out} >/dev/null", out=out), None),
                ("restore", shell(restore, at=at, out=out), None),
                ("save again", shell(save, at=at, out=at + "/again"), None)]


class Snapd(Contestant):
    """snapd's own code, by the driver of tests/interop; for system data of a snap."""
    name = "snapd (Go)"

    def __init__(self, work, sources):
        self.judge = os.path.join(work, "judge")
        env = dict(os.environ, GO111MODULE="off", GOPATH=GOPATH, GOPROXY="off", GOFLAGS="")
        # nosecboot: Debian's package leaves out what snapd's disk encryption needs
        subprocess.run(["go", "build", "-tags", "nosecboot", "-o", self.judge, "."], check=True,
                       env=env, cwd=os.path.join(sources, "judge"))

    @staticmethod
    def is_here(sources):
        return (os.geteuid() == 0 and shutil.which("go") is not None
                and os.path.isdir(GOPATH + "/src/github.com/snapcore/snapd")
                and os.path.isdir(sources + "/judge"))

    def lay(self, at, source, _scope):
        for path in ("etc", "root", "home", "var/lib/snapd/snaps", "var/snap/bench/common",
                     "snap/bench/7/meta"):
            os.makedirs("%s/%s" % (at, path))
        os.makedirs(at + "/var/lib/snapd/snapshots", 0o700)
        with open(at + "/etc/passwd", "w") as f:
            f.write("root:x:0:0::/root:/bin/sh\n")
        with open(at + "/snap/bench/7/meta/snap.yaml", "w") as f:
            f.write("name: bench\nversion: '1'\nsummary: none\nepoch: 0\n")
        open(at + "/var/lib/snapd/snaps/bench_7.snap", "w").close()
        for path in ("snap", "var/snap"):
            os.symlink("7", "%s/%s/bench/current" % (at, path))
        record = {"type": "app", "active": True, "current": "7", "instance-key": "",
                  "sequence": [{"name": "bench", "snap-id": "", "revision": "7"}]}
        with open(at + "/var/lib/snapd/state.json", "w") as f:
            json.dump({"data": {"snaps": {"bench": record}, "config": {}}, "changes": {},
                       "tasks": {}, "last-change-id": 0, "last-task-id": 0,
                       "last-lane-id": 0}, f)
        copy_tree(source, at + "/var/snap/bench/7")

    def steps(self, at, _apps):
        store = at + "/var/lib/snapd/snapshots"
        zip_name = store + "/1_bench_1_7.zip"
        call = "{judge} {at} "
        names = {"judge": self.judge, "at": at, "zip": zip_name}
        return [("save", shell(call + "save 1 bench >/dev/null", **names), store),
                ("check", shell(call + "check {zip} >/dev/null", **names), None),
                ("export", shell(call + "export 1 >{at}/export", **names), None),
                ("restore", shell(call + "restore {zip} 7 >{at}/state.json", **names), None),
                ("undo", shell("python3 -c 'import json, sys;"
                               " json.dump(json.load(open(sys.argv[1]))[\"state\"], sys.stdout)'"
                               " {at}/state.json | " + call + "revert >/dev/null", **names), None),
                ("save again", shell(call + "save 2 bench >/dev/null", **names), None)]


class TarZstd(Contestant):
    name = "tar | zstd"

    def steps(self, at, _apps):
        save = "tar --create --sparse --directory {at} data | zstd -q -T0 -o {out}"
        return [("save", shell(save, at=at, out=at + "/out"), at + "/out"),
                ("check", shell("zstd -q -t {at}/out", at=at), None),
                ("restore", shell("mkdir {at}/new && zstd -q -d -c {at}/out | tar --extract"
                                  " --preserve-permissions --directory {at}/new", at=at), None),
                ("save again", shell(save, at=at, out=at + "/again"), None)]


class Restic(Contestant):
    name = "restic"

    def run(self, at, apps, memory):
        os.mkdir(at + "/cache")
        self.env = dict(os.environ, RESTIC_PASSWORD="bench", RESTIC_REPOSITORY=at + "/repo",
                        HOME=at + "/cache", XDG_CACHE_HOME=at + "/cache")
        subprocess.run(["restic", "-q", "init"], check=True, env=self.env)
        return super().run(at, apps, memory)

    def steps(self, at, _apps):
        save = ["restic", "-q", "backup", at + "/data"]
        return [("save", save, at + "/repo"),
                ("check", ["restic", "-q", "check", "--read-data"], None),
                ("restore", ["restic", "-q", "restore", "latest", "--target", at + "/new"], None),
                ("save again", save, None)]


class Borg(Contestant):
    name = "borg"

    def run(self, at, apps, memory):
        os.mkdir(at + "/cache")
        self.env = dict(os.environ, BORG_REPO=at + "/repo", BORG_BASE_DIR=at + "/cache",
                        BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK="yes", LC_ALL="C.UTF-8")
        subprocess.run(["borg", "init", "-e", "none"], check=True, env=self.env)
        return super().run(at, apps, memory)

    def steps(self, at, _apps):
        save = ["borg", "create", "--compression", "lz4", "--sparse"]
        return [("save", save + ["::one", at + "/data"], at + "/repo"),
                ("check", ["borg", "check", "--verify-data"], None),
                ("restore", shell("mkdir {at}/new && cd {at}/new && borg extract --sparse ::one",
                                  at=at), None),
                ("save again", save + ["::two", at + "/data"], None)]


def all_here(args, work, sources):
    """Those that can run on this machine, as far as they are wanted; setaside first."""
    found = [Setaside(args, work)]
    if args.alone:
        return found
    wanted = [n for n in args.against.split(",") if n]

    def add(short, is_here, make):
        if (not wanted or short in wanted) and is_here:
            found.append(make())

    add("snapd", True, SnapdsWay)
    add("go", Snapd.is_here(sources), lambda: Snapd(work, sources))
    add("zstd", shutil.which("zstd") is not None, TarZstd)
    add("restic", shutil.which("restic") is not None, Restic)
    add("borg", shutil.which("borg") is not None, Borg)
    return found
