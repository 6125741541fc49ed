#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""On a terminal a long command says how far it is, in one line that does not stay.

The lock of the store is held until the command has run for more than the second after
which it begins to draw; what it does then is long enough, however short.
"""

import fcntl
import os
import pty
import random
import re
import select
import struct
import subprocess
import sys
import termios
import time

import program
from program import is_built, ok, plan

WIPE = "\r\033[K"
DELAY = 1.0  # seconds, as cli/progress.c has them


class World(program.World):
    """One app with a few MiB, and a store with a set of it."""

    def __init__(self):
        super().__init__({"demo": {"data": random.Random(1).randbytes(16 << 20)}},
                         ("--wait", "1h"))

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
    """Until it has run for more than the delay, as its own clock says: what waits for the
    lock has looked at it before."""
    program.wait_until(process, lambda: has_lock_open(process.pid), "wait for the lock")
    time.sleep(DELAY + 0.01)


def has_lock_open(pid):
    if not program.is_program(pid):
        return False
    return any(os.readlink(f"/proc/{pid}/fd/{fd}").endswith("/lock")
               for fd in os.listdir(f"/proc/{pid}/fd"))


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
    if not is_built():
        return
    world = World()
    try:
        got = world.run("save")
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
        world.remove()
    plan()


sys.exit(main())
