#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""On a terminal a long command says how far it is, in one line that does not stay.

The lock of the store is held until the command has run for more than the second after
which it begins to draw; what it does then is long enough, however short.
"""

import fcntl
import json
import os
import pty
import random
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time

PROGRAM = os.path.join(os.environ["abs_top_builddir"], "setaside")
WIPE = "\r\033[K"
DELAY = 1.0  # seconds, as cli/progress.c has them
count = 0


def ok(good, name, *details):
    global count
    count += 1
    print(f"{'ok' if good else 'not ok'} {count} - {name}")
    if not good:
        for detail in details:
            print(f"# {detail!r}")


class World:
    """A root with one user, who has one app with a few MiB, and a store with a set of it."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="setaside-cli.")
        os.chmod(self.dir, 0o755)
        self.root = os.path.join(self.dir, "root")
        self.store = os.path.join(self.dir, "store")
        self.write("root/etc/passwd",
                   f"tester:x:{os.getuid()}:{os.getgid()}::/home/tester:/bin/sh\n")
        self.write("root/etc/group", f"tester:x:{os.getgid()}:\n")
        self.write("root/home/tester/.demo/data", random.Random(1).randbytes(16 << 20))
        self.write("apps/demo.json", json.dumps({
            "format": 1, "id": "demo", "name": "A demo",
            "trees": [{"name": "data", "scope": "user", "at": {"native": "~/.demo"}}]}))

    def write(self, name, content):
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(content if isinstance(content, bytes) else content.encode())

    def command(self, *arguments):
        return [PROGRAM, "--user", "--root", self.root, "--store", self.store,
                "--wait", "1h", *arguments]

    def environment(self, **more):
        kept = {k: v for k, v in os.environ.items() if not k.startswith("XDG_")}
        for name in ("SETASIDE_STORE", "NO_COLOR"):
            kept.pop(name, None)
        return {**kept, "HOME": "/home/tester", "TERM": "xterm",
                "SETASIDE_DATADIR": os.path.join(self.dir, "apps"), **more}

    def hold_lock(self):
        """Every byte of the lock file, as an open file description's lock."""
        fd = os.open(os.path.join(self.store, "lock"), os.O_RDWR)
        fcntl.fcntl(fd, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
        return fd

    def on_terminal(self, *arguments, columns=80, pipe=False, **environment):
        """Status, and what a command that has waited says on a terminal, or into a pipe."""
        lock = self.hold_lock()
        ours, theirs = os.pipe() if pipe else pty.openpty()
        if not pipe:
            fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen(self.command(*arguments), stdin=subprocess.DEVNULL,
                                   env=self.environment(**environment),
                                   stdout=subprocess.PIPE, stderr=theirs)
        os.close(theirs)
        wait_until_it_waits(process)
        os.close(lock)
        said = read_to_the_end(ours)
        out = process.communicate()[0]
        os.close(ours)
        return process.returncode, said, out.decode()


def wait_until_it_waits(process):
    """Until it has run for more than the delay, as its own clock says."""
    end = time.monotonic() + 120
    began = None
    while process.poll() is None:
        now = time.monotonic()
        if now > end:
            process.kill()
            raise TimeoutError("the program does not begin")
        if began is None and has_lock_open(process.pid):
            began = now
        if began is not None and now - began > DELAY:
            return
        time.sleep(0.01)


def has_lock_open(pid):
    """What waits for the lock has looked at its clock before.  Until it is the program, the
    process may be a shell: the build tree's wrapper."""
    try:
        if "setaside" not in os.path.basename(os.readlink(f"/proc/{pid}/exe")):
            return False
        for fd in os.listdir(f"/proc/{pid}/fd"):
            if os.readlink(f"/proc/{pid}/fd/{fd}").endswith("/lock"):
                return True
    except OSError:
        pass
    return False


def read_to_the_end(fd):
    said = b""
    while True:
        select.select([fd], [], [])
        try:
            piece = os.read(fd, 65536)
        except OSError:  # a terminal's way of saying that nobody is left
            break
        if not piece:
            break
        said += piece
    return said.decode()


def drawn(said):
    """The lines that were drawn one over the other, and what is left at the end."""
    parts = said.split(WIPE)
    return parts[1:-1], parts[0] + parts[-1]


def test_lines(world, verb, doing, arguments, whose="demo of tester"):
    status, said, out = world.on_terminal(verb, *arguments)
    lines, left = drawn(said)
    ok(status == 0, f"{verb} succeeds on a terminal", status, said, out)
    percents = [int(m.group(1)) for line in lines
                if (m := re.fullmatch(doing + r": (\d+) %, [0-9.]+k?M?B of (?:16|33)\.[0-9]MB"
                                      f"(?:: {whose})?", line))]
    ok(percents, f"{verb} draws a percentage, bytes, app and user", said)
    if verb != "import":  # which does not know before it has read the snapshot
        ok(any(line.endswith(": " + whose) for line in lines), f"{verb} says whose", said)
    ok(percents == sorted(percents) and all(0 <= p <= 100 for p in percents),
       f"{verb} goes forward", percents)
    ok(all(p in (doing + " ...",) or re.match(doing + r": \d+ %", p) for p in lines),
       f"{verb} draws nothing else", lines)
    ok(left == "" and said.endswith(WIPE), f"{verb} leaves nothing of it", said)


def test_narrow(world):
    status, said, _ = world.on_terminal("save", columns=20)
    lines, left = drawn(said)
    ok(status == 0 and left == "", "a narrow terminal is left clean", said)
    ok(lines and all(len(line) <= 19 for line in lines), "and no line is wrapped", lines)


def test_silence(world):
    for name, options, more in (
            ("--quiet", ("--quiet",), {}), ("--json", ("--json",), {}),
            ("a dumb terminal", (), {"TERM": "dumb"}), ("no TERM", (), {"TERM": ""}),
            ("NO_COLOR", (), {"NO_COLOR": "1"}), ("a pipe", (), {"pipe": True})):
        status, said, _ = world.on_terminal("save", *options, **more)
        ok(status == 0 and said == "", f"{name}: not a word of progress", status, said)


def main():
    if not os.access(PROGRAM, os.X_OK):
        print(f"1..0 # SKIP {PROGRAM} is not built")
        return
    world = World()
    try:
        got = subprocess.run(world.command("save"), env=world.environment(), check=False,
                             stdin=subprocess.DEVNULL, capture_output=True, text=True)
        ok(got.returncode == 0, "there is something to save", got)
        test_lines(world, "save", "saving", ())
        test_lines(world, "restore", "restoring", ("1",))
        test_lines(world, "check", "checking", ("1",))
        file = os.path.join(world.dir, "export")
        test_lines(world, "export", "exporting", ("1", file), "demo")
        # Each byte is gone over twice: written, and read again.
        test_lines(world, "import", "importing", ("--allow-duplicate", file), "demo")
        test_narrow(world)
        test_silence(world)
    finally:
        shutil.rmtree(world.dir)
    print(f"1..{count}")


sys.exit(main())
