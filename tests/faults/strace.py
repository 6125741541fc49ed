#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lets system calls of the programs fail from outside, whatever was built in for tests.

strace makes the nth call of a name fail, or kills at it: in the command itself, or in the
nth worker that it starts. What is left is looked at by the commands themselves. README
says how it is run.
"""

import argparse
import collections
import hashlib
import json
import os
import random
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time

BUILD = os.environ["abs_top_builddir"]
STRACE = shutil.which("strace")
# A command that takes longer hangs.
PATIENCE = 60
MEMORY = "/dev/shm"
MEMORY_WANTED = 1 << 30

WRITES = {"write", "pwrite64", "writev", "pwritev", "ftruncate", "fallocate", "fsync",
          "fdatasync", "syncfs", "mkdirat", "mkdir", "linkat", "symlinkat", "openat",
          "copy_file_range", "renameat2", "fsetxattr"}
CHANGES = WRITES | {"unlink", "unlinkat", "rename", "rmdir", "fchmod", "fchmodat", "fchown",
                    "fchownat", "utimensat", "mknodat"}
READS = {"read", "pread64", "readlinkat", "getdents64", "newfstatat", "fstat", "statx",
         "openat2", "lseek", "fgetxattr", "flistxattr"}
WAITS = {"read", "write", "pread64", "pwrite64", "openat", "fsync", "fdatasync", "ftruncate",
         "recvmsg", "sendmsg", "poll", "ppoll", "wait4"}
FAULTS = {
    "EIO": ("error=EIO", CHANGES | READS),
    "ENOSPC": ("error=ENOSPC", WRITES),
    "EACCES": ("error=EACCES", {"openat", "openat2", "mkdirat", "linkat", "unlinkat", "unlink",
                                "renameat2", "fchown", "fchmod"}),
    "EINTR": ("error=EINTR", WAITS),
    "death": ("signal=KILL", CHANGES | {"sendmsg", "recvmsg", "close"}),
}


def place():
    """Where a machine lies: in memory, where there is room; None: wherever is usual."""
    if not os.access(MEMORY, os.W_OK):
        return None
    fs = os.statvfs(MEMORY)
    return MEMORY if fs.f_bavail * fs.f_frsize >= MEMORY_WANTED else None


class Machine:
    """A root with a user and two apps, a store, and a place for exports."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="setaside-strace.", dir=place())
        os.chmod(self.dir, 0o755)
        self.cur = os.path.join(self.dir, "cur")
        self.system = os.geteuid() == 0
        self.owner = 61001 if self.system else os.geteuid()
        self.log = os.path.join(self.dir, "log")
        self.count = os.path.join(self.dir, "count")
        os.makedirs(os.path.join(self.dir, "kept"))
        self.put("root/etc/passwd", f"tester:x:{self.owner}:{os.getegid()}::/home/tester:/bin/sh\n", 0)
        self.put("root/etc/group", f"tester:x:{os.getegid()}:\n", 0)
        for app in ("one", "two"):
            trees = [{"name": "data", "scope": "user", "at": {"native": f"~/.{app}"}},
                     {"name": "lib", "scope": "system", "at": {"native": f"/var/lib/{app}"}}]
            self.put(f"apps/{app}.json", json.dumps(
                {"format": 1, "id": app, "name": app, "trees": trees}), 0)
        os.mkdir(os.path.join(self.cur, "out"))

    def put(self, path, text, owner=None):
        full = os.path.join(self.cur, path)
        top = os.path.dirname(full)
        made = []
        while not os.path.isdir(top):
            made.append(top)
            top = os.path.dirname(top)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as f:
            f.write(text)
        if self.system and owner is None:
            for p in made + [full]:
                os.chown(p, self.owner, self.owner)

    def put_data(self, text):
        for path in ("home", "var"):
            shutil.rmtree(os.path.join(self.cur, "root", path), ignore_errors=True)
        for app in ("one", "two"):
            self.put(f"root/home/tester/.{app}/a", text)
            self.put(f"root/home/tester/.{app}/sub/b", text * 9000)
            if self.system:
                self.put(f"root/var/lib/{app}/s", text, 0)
        self.put("root/home/tester/own", "no app's")
        # It works however full the file system is.
        if self.system:
            self.put("root/etc/setaside/setaside.conf", "reserve = 0\n", 0)
        else:
            self.put("root/home/tester/.config/setaside/setaside.conf", "reserve = 0\n")

    def keep(self, name):
        subprocess.run(["cp", "-a", self.cur, os.path.join(self.dir, "kept", name)], check=True)

    def reset(self, name):
        shutil.rmtree(self.cur)
        subprocess.run(["cp", "-a", os.path.join(self.dir, "kept", name), self.cur], check=True)

    # ---- Commands ----

    def environment(self, worker=None):
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "SETASIDE_"))}
        libs = os.path.join(BUILD, ".libs")
        return {**kept, "HOME": "/home/tester", "LD_LIBRARY_PATH": libs,
                "SETASIDE_DATADIR": os.path.join(self.cur, "apps"),
                "SETASIDE_WORKER": worker or os.path.join(BUILD, "setaside-worker")}

    def command(self, *arguments):
        # Not the script that libtool puts in its place.
        program = os.path.join(BUILD, ".libs", "setaside")
        if not os.path.exists(program):
            program = os.path.join(BUILD, "setaside")
        return [program, "--system" if self.system else "--user",
                "--root", os.path.join(self.cur, "root"),
                "--store", os.path.join(self.cur, "store"), *arguments]

    def run(self, *arguments, before=(), worker=None):
        return subprocess.run([*before, *self.command(*arguments)], check=False,
                              env=self.environment(worker), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, errors="replace",
                              timeout=PATIENCE)

    def must(self, *arguments):
        done = self.run(*arguments)
        if done.returncode != 0:
            sys.exit(f"{arguments}: {done.stderr}")
        return done

    def stream(self):
        return os.path.join(self.cur, "out", "stream")

    # ---- Where it strikes ----

    def wrapper(self, nth, options):
        """A worker that is the real one; the nth that is started runs under strace."""
        path = os.path.join(self.dir, "worker")
        real = os.path.join(BUILD, "setaside-worker")
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"#!/bin/bash\n"
                    f"exec 9<>{self.count}.lock\n"
                    f"/usr/bin/flock 9\n"
                    f"n=$(<{self.count}); echo $((n + 1)) >{self.count}\n"
                    f"exec 9>&-\n"
                    f"((n == {nth - 1})) && exec {STRACE} -D -f -o {self.log} {options} {real}\n"
                    f"exec {real}\n")
        os.chmod(path, 0o755)
        with open(self.count, "w", encoding="utf-8") as f:
            f.write("0\n")
        if os.path.exists(self.log):
            os.unlink(self.log)
        return path

    def struck(self, place, options, arguments):
        """Runs under strace: place 0 is the command, others the nth worker."""
        if place == 0:
            return self.run(*arguments, before=[STRACE, "-o", self.log, *options.split()])
        done = self.run(*arguments, worker=self.wrapper(place, options))
        self.wait_for_log()
        return done

    def wait_for_log(self):
        """The tracer of a worker may end behind the command."""
        end = time.monotonic() + 5
        while os.path.exists(self.log) and time.monotonic() < end:
            with open(self.log, encoding="utf-8", errors="replace") as f:
                if re.search(r"^\d+ +\+\+\+ ", f.read(), re.M):
                    return
            time.sleep(.01)

    def workers(self):
        with open(self.count, encoding="utf-8") as f:
            return int(f.read())

    def traced(self):
        """What was traced; nothing where no tracer came so far."""
        try:
            with open(self.log, encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def calls(self, place):
        """How often each call comes, and how many of those come before the program's own work."""
        first, all_ = collections.Counter(), collections.Counter()
        begun = False
        for line in self.traced().splitlines():
            name = re.match(r"(?:\d+ +)?(\w+)\(", line)
            if not name:
                continue
            begun = begun or (name[1] == "recvmsg" if place else
                              self.dir in line and name[1] != "execve")
            all_[name[1]] += 1
            if not begun:
                first[name[1]] += 1
        return first, all_

    # ---- What there is ----

    def live(self):
        """All below the root, without the random part of what rests aside."""
        while True:
            try:
                return self.walk()
            except FileNotFoundError:
                # A worker that outlives the command is still at it.
                time.sleep(.01)

    def walk(self):
        found = {}
        top = os.path.join(self.cur, "root")
        for path, dirs, files in os.walk(top):
            for name in dirs + files:
                full = os.path.join(path, name)
                st = os.lstat(full)
                shown = re.sub(r"\.~\w{9}~", ".~~", os.path.relpath(full, top))
                one = [st.st_mode, st.st_uid, st.st_gid]
                if stat.S_ISREG(st.st_mode):
                    with open(full, "rb") as f:
                        one += [st.st_mtime_ns, hashlib.sha1(f.read()).hexdigest()]
                found[shown] = one
        return found

    def tree(self, live, path):
        return {k: v for k, v in live.items() if (k + "/").startswith(path + "/")}

    def trees(self):
        system = ["var/lib/one", "var/lib/two"] if self.system else []
        return ["home/tester/.one", "home/tester/.two", "home/tester/own", *system]

    def state(self):
        """What an operation changes: trees, sets with their hashes, exports."""
        sets = json.loads(self.must("saved", "--json").stdout)["sets"]
        told = [[s["content-hash"], [x.get("broken") for x in s["snapshots"]]] for s in sets]
        whole = all(self.run("check", str(s["id"])).returncode == 0 for s in sets)
        out = os.path.join(self.cur, "out")
        sizes = {n: os.path.getsize(os.path.join(out, n)) for n in os.listdir(out)}
        return {"live": self.live(), "sets": told, "whole": whole, "out": sizes,
                "rest": self.rest()}

    def rest(self):
        """What nobody may leave in the store."""
        names = os.listdir(os.path.join(self.cur, "store", "snapshots"))
        return [n for n in names if not re.fullmatch(r"\d+_.*\.zip|\.last-set", n)]


# ---- Operations ----

def unprepared(_machine):
    pass


def prepare_undo(machine):
    machine.must("restore", "1")


def prepare_import(machine):
    machine.must("forget", "1")


OPERATIONS = {
    "save": (["save"], unprepared),
    "restore": (["restore", "1"], unprepared),
    "undo": (["undo"], prepare_undo),
    "forget": (["forget", "1"], unprepared),
    "import": (["import", "STREAM"], prepare_import),
    "export": (["export", "1", "-o", "NEW"], unprepared),
}


class Sweep:
    """One operation, struck at points of the command and of each of its workers."""

    def __init__(self, machine, name, options):
        self.machine = machine
        self.name = name
        self.options = options
        self.random = random.Random(f"{options.seed} {name}")
        self.sums = collections.defaultdict(lambda: [0, 0, 0])
        self.cut_short = False

    def arguments(self):
        paths = {"STREAM": os.path.join(self.machine.cur, "out", "stream"),
                 "NEW": os.path.join(self.machine.cur, "out", "new")}
        return [paths.get(a, a) for a in OPERATIONS[self.name][0]]

    def reset(self):
        self.machine.reset("saved")
        OPERATIONS[self.name][1](self.machine)

    def points(self):
        """(place, call, nth) of all that can be struck."""
        found = []
        self.reset()
        self.before = self.machine.state()
        done = self.machine.struck(1, "", self.arguments())
        if done.returncode != 0:
            sys.exit(f"{self.name}: {done.stderr}")
        self.after = self.machine.state()
        workers = self.machine.workers()
        for place in range(workers + 1):
            self.reset()
            self.machine.struck(place, "", self.arguments())
            first, all_ = self.machine.calls(place)
            for call in all_:
                found += [(place, call, n) for n in range(first[call] + 1, all_[call] + 1)]
        return sorted(found)

    def run(self):
        if self.is_over():
            return
        points = self.points()
        for fault, (inject, calls) in FAULTS.items():
            for in_worker in (False, True):
                mine = [p for p in points if p[1] in calls and (p[0] > 0) == in_worker]
                self.random.shuffle(mine)
                for place, call, nth in mine[:self.options.points or None]:
                    if not self.is_over():
                        self.strike(fault, inject, place, call, nth)

    def is_over(self):
        """Remembers that time did not do for all."""
        over = time.monotonic() >= self.options.end
        self.cut_short = self.cut_short or over
        return over

    def strike(self, fault, inject, place, call, nth):
        sums = self.sums[("worker" if place else "command", fault)]
        sums[0] += 1
        self.reset()
        before = self.machine.live() if self.name == "undo" else self.before["live"]
        spec = f"-e inject={call}:{inject}:when={nth}"
        try:
            done = self.machine.struck(place, spec, self.arguments())
            text = self.machine.traced()
            sums[1] += "(INJECTED)" in text or "killed by SIGKILL" in text
            broken = self.judge(done, fault == "death" and place == 0, before)
        except subprocess.TimeoutExpired as e:
            done, broken = None, [f"hangs: {e.cmd[-3:]}"]
        if broken:
            sums[2] += 1
            print(f"# {self.name}, {'worker %d' % place if place else 'command'}: {spec}: "
                  + "; ".join(broken))
            if done:
                print(f"#   status {done.returncode}: {done.stderr.strip()}")
            sys.stdout.flush()

    # ---- What must be true ----

    def judge(self, done, killed, before):
        machine, broken = self.machine, []
        if not killed and (done.returncode < 0 or done.returncode > 8):
            broken.append("crashed")
        if not killed and done.returncode != 0 and not done.stderr.strip():
            broken.append("failed without a word")
        self.judge_trees("as found", machine.live(), before, broken)
        first = machine.run("doctor", "--json")
        second = machine.run("doctor", "--json")
        if first.returncode != 0:
            broken.append(f"recovery failed: {first.stderr.strip() or first.stdout.strip()}")
        elif json.loads(second.stdout)["doctor"] != {"repaired": [], "left": []}:
            broken.append(f"a second recovery: {second.stdout.strip()}")
        got = machine.state()
        self.judge_trees("recovered", got["live"], before, broken)
        if not got["whole"]:
            broken.append("a set is damaged")
        if got["rest"]:
            broken.append(f"left in the store: {got['rest']}")
        self.judge_outcome(done, killed, got, before, broken)
        return broken

    def judge_trees(self, when, live, before, broken):
        for path in self.machine.trees():
            tree = self.machine.tree(live, path)
            if tree not in (self.machine.tree(before, path),
                            self.machine.tree(self.after["live"], path)):
                broken.append(f"{when}: {path} is neither old nor new")

    def judge_outcome(self, done, killed, got, before, broken):
        """A success is one, a failure has changed nothing, and the same again succeeds."""
        is_before = self.comparable(got) == [before, *self.comparable(self.before)[1:]]
        is_after = self.comparable(got) == self.comparable(self.after)
        partial = not killed and done.returncode == 3
        # What is left out, or is done by the next run, is told so.
        if partial or (done.returncode == 0 and "warning:" in done.stderr):
            return
        if not killed and done.returncode == 0 and not is_after:
            broken.append("told as a success, but it is none")
        elif not is_before and not is_after:
            broken.append("neither old nor new after recovery")
        elif not killed and done.returncode != 0 and not is_before:
            broken.append("told as a failure, but something changed")
        elif is_before and done.returncode != 0:
            again = self.machine.run(*self.arguments())
            if again.returncode != 0:
                broken.append(f"the same again fails: {again.stderr.strip()}")

    @staticmethod
    def comparable(state):
        return [state["live"], state["sets"], state["out"]]

    def tell(self, count):
        for (place, fault), (points, struck, broken) in sorted(self.sums.items()):
            count += 1
            print(f"{'not ' if broken else ''}ok {count} - {self.name}, {place}, {fault}: "
                  f"{points} points, {struck} faults injected, {broken} broken")
        sys.stdout.flush()
        return count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--points", type=int, default=0,
                        help="of each operation and fault, in the command and in workers; 0: all")
    parser.add_argument("--seed", default="0")
    parser.add_argument("--operation", choices=sorted(OPERATIONS))
    parser.add_argument("--seconds", type=float, default=float("inf"),
                        help="try no point later; another seed begins with another operation")
    options = parser.parse_args()
    options.end = time.monotonic() + options.seconds
    if not STRACE:
        print("1..0 # SKIP there is no strace")
        return 0
    if subprocess.run([STRACE, "-o", "/dev/null", "true"], check=False,
                      capture_output=True).returncode != 0:
        print("1..0 # SKIP nothing may be traced here")
        return 0
    os.umask(0o022)
    machine = Machine()
    begun, count, totals, cut_short = time.monotonic(), 0, [0, 0, 0], 0
    try:
        machine.put_data("old")
        machine.must("save")
        machine.must("export", "1", "-o", machine.stream())
        machine.put_data("new")
        machine.keep("saved")
        for name in random.Random(options.seed).sample(list(OPERATIONS), len(OPERATIONS)):
            if options.operation in (None, name):
                sweep = Sweep(machine, name, options)
                sweep.run()
                count = sweep.tell(count)
                cut_short += sweep.cut_short
                totals = [a + sum(s[i] for s in sweep.sums.values())
                          for i, a in enumerate(totals)]
    finally:
        shutil.rmtree(machine.dir, ignore_errors=True)
    print(f"1..{count}")
    print(f"# time was over before {cut_short} operations were done; seed {options.seed}")
    print(f"# {totals[0]} points tried, {totals[1]} faults injected, {totals[2]} invariants "
          f"broken; {time.monotonic() - begun:.0f} s")
    return totals[2] > 0


sys.exit(main())
