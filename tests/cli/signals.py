#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Signals end a command that waits, and what was ignored stays ignored.

Another process holds the lock of the store, so that a command that writes has to wait:
there it is met by the signal, without a race.
"""

import fcntl
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

PROGRAM = os.path.join(os.environ["abs_top_builddir"], "setaside")
count = 0


def ok(good, name, *details):
    global count
    count += 1
    print(f"{'ok' if good else 'not ok'} {count} - {name}")
    if not good:
        for detail in details:
            print(f"# {detail!r}")


class World:
    """A root with one user, who has one app, and a store whose lock is held."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="setaside-cli.")
        os.chmod(self.dir, 0o755)
        self.root = os.path.join(self.dir, "root")
        self.store = os.path.join(self.dir, "store")
        home = os.path.join(self.root, "home/tester")
        os.makedirs(home)
        os.makedirs(os.path.join(self.root, "etc"))
        os.makedirs(os.path.join(self.dir, "apps"))
        self.write("root/etc/passwd",
                   f"tester:x:{os.getuid()}:{os.getgid()}::/home/tester:/bin/sh\n")
        self.write("root/etc/group", f"tester:x:{os.getgid()}:\n")
        self.write("root/home/tester/.demo", "data\n")
        self.write("apps/demo.json", json.dumps({
            "format": 1, "id": "demo", "name": "A demo",
            "trees": [{"name": "data", "scope": "user", "at": {"native": "~/.demo"}}]}))

    def write(self, name, text):
        with open(os.path.join(self.dir, name), "w", encoding="utf-8") as f:
            f.write(text)

    def command(self, *arguments):
        return [PROGRAM, "--user", "--root", self.root, "--store", self.store, *arguments]

    def environment(self):
        kept = {k: v for k, v in os.environ.items() if not k.startswith("XDG_")}
        kept.pop("SETASIDE_STORE", None)
        return {**kept, "HOME": "/home/tester",
                "SETASIDE_DATADIR": os.path.join(self.dir, "apps")}

    def run(self, *arguments):
        return subprocess.run(self.command(*arguments), env=self.environment(),
                              check=False, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)

    def start(self, *arguments, ignored=()):
        def ignore():
            # Whoever runs the tests may ignore some: a shell does for what it runs behind.
            for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            for number in ignored:
                signal.signal(number, signal.SIG_IGN)
        return subprocess.Popen(self.command(*arguments), env=self.environment(),
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, preexec_fn=ignore)

    def hold_lock(self):
        """Every byte of the lock file, as an open file description's lock."""
        fd = os.open(os.path.join(self.store, "lock"), os.O_RDWR)
        fcntl.fcntl(fd, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
        return fd

    def saved(self):
        return [s["id"] for s in json.loads(self.run("saved", "--json").stdout)["sets"]]


def catches(pid, number):
    """Before it is the program, the process may be a shell: the build tree's wrapper."""
    if "setaside" not in os.path.basename(os.readlink(f"/proc/{pid}/exe")):
        return False
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        for line in f:
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False


def wait_until_caught(process, number):
    """The program takes its handlers before it waits for anything."""
    end = time.monotonic() + 120
    while process.poll() is None and not catches(process.pid, number):
        if time.monotonic() > end:
            process.kill()
            raise TimeoutError("the program takes no handler")
        time.sleep(0.005)


def test_waiting(world):
    fd = world.hold_lock()
    got = world.run("--wait", "0", "--json", "save")
    ok(got.returncode == 7, "a lock that is held is status 7", got)
    ok(json.loads(got.stdout)["error"]["kind"] == "busy", "and busy in JSON", got)
    for number, status in ((signal.SIGHUP, 129), (signal.SIGINT, 130),
                           (signal.SIGTERM, 143)):
        process = world.start("--wait", "1h", "--json", "save")
        wait_until_caught(process, number)
        process.send_signal(number)
        out, err = process.communicate()
        name = signal.Signals(number).name
        ok(process.returncode == status, f"{name} ends a command that waits: {status}",
           process.returncode, out, err)
        ok(out and json.loads(out)["error"]["kind"] == "interrupted",
           f"{name} is an interruption in JSON", out)
        ok("interrupted" in err, f"{name} is an interruption on stderr", err)
    os.close(fd)
    ok(world.saved() == [1], "nothing is left of what was interrupted", world.saved())


def test_ignored(world):
    fd = world.hold_lock()
    process = world.start("--wait", "1h", "save", ignored=(signal.SIGHUP,))
    wait_until_caught(process, signal.SIGTERM)
    ok(not catches(process.pid, signal.SIGHUP), "what was ignored is not caught")
    process.send_signal(signal.SIGHUP)
    os.close(fd)
    out, err = process.communicate()
    ok(process.returncode == 0, "and does not end the command", out, err)
    ok(world.saved() == [1, 2], "which does its work", world.saved())


def test_pipe(world):
    read, write = os.pipe()
    os.close(read)
    got = subprocess.run(world.command("saved"), env=world.environment(), check=False,
                         stdin=subprocess.DEVNULL, stdout=write, stderr=subprocess.PIPE,
                         text=True)
    os.close(write)
    ok(got.returncode == 1, "a pipe without a reader is status 1", got)
    ok(got.stderr == "setaside: cannot write the answer: Broken pipe\n", "and said", got)


def main():
    if not os.access(PROGRAM, os.X_OK):
        print(f"1..0 # SKIP {PROGRAM} is not built")
        return
    world = World()
    try:
        got = world.run("save")
        ok(got.returncode == 0, "there is something to save", got)
        test_waiting(world)
        test_ignored(world)
        test_pipe(world)
    finally:
        shutil.rmtree(world.dir)
    print(f"1..{count}")


sys.exit(main())
