#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Signals end a command that waits, and what was ignored stays ignored.

Another process holds the lock of the store, so that a command that writes has to wait:
there it is met by the signal, without a race.
"""

import json
import os
import signal
import sys

from program import World, catches, is_built, ok, plan, wait_until_caught


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
    got = world.run("saved", stdout=write)
    os.close(write)
    ok(got.returncode == 1, "a pipe without a reader is status 1", got)
    ok(got.stderr == "setaside: cannot write the answer: Broken pipe\n", "and said", got)


def main():
    if not is_built():
        return
    world = World()
    try:
        got = world.run("save")
        ok(got.returncode == 0, "there is something to save", got)
        test_waiting(world)
        test_ignored(world)
        test_pipe(world)
    finally:
        world.remove()
    plan()


sys.exit(main())
