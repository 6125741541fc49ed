#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""SIGINT, SIGTERM and SIGHUP at each moment of each command that writes.

A signal that comes before the commit point leaves all as it was, and the status is that of
the signal; one that comes later is too late, and the command does its work and reports it.
What is neither is wrong, as is whatever doctor finds afterwards.

    interrupted.py [--all] [VERB...]

Without --all only some of the calls of each verb are tried; with SETASIDE_TEST_SHORT in the
environment, of two verbs.

Moments are the calls of the command's own process that others can see, or hear (strace);
and, for each worker that it starts, the time at which it waits for that one, which has been
stopped and does not answer: so it cannot be the worker's end that ends it.
"""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile

from program import (BUILD, PROGRAM, STOPPING, World, default_signals, is_built, ok, plan,
                     wait_until)
from trees import list_tree

# Seconds after which a command that waits for a worker is taken for one that has to.  (It gives
# those that have nothing to do a while to end.)
PAST_COMMIT = 20
# Whose workers come after their commit point, if there are any, and whose first calls are it.
LATE = ("keep", "forget", "doctor")
CALLS = "sendmsg,fsync,fdatasync,linkat,unlinkat,renameat2,mkdirat"
OLD = {"file": "old\n", "sub/file": "old too\n"}
# What keeps workers at work for a while.
MUCH = {**OLD, "much": random.Random(1).randbytes(24 << 20)}
NEW = {"file": "new\n", "sub/other": "new too\n"}


class Machine(World):
    """Set 1 has the old data; the new is live."""

    def __init__(self, old):
        super().__init__({"one": old, "two": "old\n"})
        self.out = os.path.join(self.dir, "out")
        os.mkdir(self.out)
        self.must("save")
        self.must("export", "1", os.path.join(self.dir, "export"))
        self.put("one", NEW)
        self.put("two", "new\n")

    def must(self, *arguments):
        got = self.run(*arguments)
        if got.returncode != 0:
            raise RuntimeError(f"{arguments}: {got}")

    def state(self):
        """All that a command may change, but for numbers that were given out."""
        trees = list_tree(os.path.join(self.root, "home")) + list_tree(self.out)
        snapshots = [line for line in list_tree(os.path.join(self.store, "snapshots"))
                     if not line.startswith((".last-set", ". "))]
        sets = json.loads(self.run("saved", "--json").stdout)["sets"]
        return {"live": trees, "store": snapshots, "sets": sorted(s["id"] for s in sets),
                "apps": sum(len(s["snapshots"]) for s in sets)}

    def mess(self):
        """What is left to do: nothing, after a command of any kind."""
        got = self.run("doctor", "--dry-run", "--json")
        doctor = json.loads(got.stdout)["doctor"]
        return [x for k in ("repaired", "left", "busy") for x in doctor.get(k, [])]


def before_undo(m):
    m.must("restore", "1")


def before_doctor(m):
    m.write("store/snapshots/7_importing", "")
    m.write("store/snapshots/7_one_1_x1.zip", "half")
    m.write("store/snapshots/.7_x.zip.tmp.abcdefghi", "half")


# What goes before, and the command; FILE is one to write, EXPORT one that is there.
VERBS = {
    "save": (None, ("save",)),
    "import": (None, ("import", "--allow-duplicate", "EXPORT")),
    "export": (None, ("export", "1", "FILE")),
    "export -": (None, ("export", "1", "-")),
    "restore": (None, ("restore", "1")),
    "undo": (before_undo, ("undo",)),
    "keep": (before_undo, ("keep",)),
    "forget": (None, ("forget", "1")),
    "doctor": (before_doctor, ("doctor",)),
}


class Trial:
    """One command, on a machine of its own."""

    def __init__(self, verb, old):
        prepare, arguments = VERBS[verb]
        self.machine = Machine(old)
        if prepare:
            prepare(self.machine)
        places = {"FILE": os.path.join(self.machine.out, "file"),
                  "EXPORT": os.path.join(self.machine.dir, "export")}
        self.arguments = [places.get(a, a) for a in arguments]
        self.before = self.machine.state()

    def start(self):
        program, more = real_program()
        return subprocess.Popen(
            self.machine.command(*self.arguments, program=(program,)), text=True,
            env=self.machine.environment(**more), preexec_fn=default_signals, errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.machine.remove()

    def outcome(self, verb, number, status, said):
        """"interrupted" or "done"; else what is wrong."""
        after = self.machine.state()
        mess = self.machine.mess()
        if status == 128 + number:
            if "interrupted" not in said:
                return f"says {said!r}"
            if verb != "doctor" and (mess or after != self.before):
                return f"status {status}, but {differences(self.before, after)}, mess {mess}"
            return "interrupted"
        if verb == "import" and status == 3 and "the rest of" in said and not mess:
            return "done"  # all but the look for another set behind
        if status != 0 or "interrupted" in said or mess:
            return f"status {status}, says {said!r}, mess {mess}"
        if verb not in ("doctor", "export -") and after == self.before:
            return "status 0, but nothing was done"
        return "done"


def differences(a, b):
    return [f"{k}: {sorted(set(map(str, a[k])) ^ set(map(str, b[k])))[:6]}" for k in a
            if isinstance(a[k], list) and a[k] != b[k]]


def real_program():
    """The program itself, and where it finds its library: the build tree has a script."""
    inner = os.path.join(BUILD, ".libs", "setaside")
    if os.path.exists(inner):
        return inner, {"LD_LIBRARY_PATH": os.path.join(BUILD, ".libs")}
    return PROGRAM, {}


def traced(machine, arguments, strace):
    program, more = real_program()
    environment = " ".join(f"-E {k}={v}" for k, v in more.items()).split()
    command = machine.command(*arguments, program=("strace", "-qq", *environment, *strace, program))
    return subprocess.run(command, env=machine.environment(), check=False, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, errors="replace",
                          stderr=subprocess.PIPE, preexec_fn=default_signals)


def count_calls(verb):
    with Trial(verb, OLD) as t, tempfile.NamedTemporaryFile() as log:
        got = traced(t.machine, t.arguments, ("-o", log.name, "-e", f"trace={CALLS}"))
        if got.returncode != 0:
            raise RuntimeError(f"{verb}: {got}")
        return sum(1 for line in log if re.match(rb"\w+\(", line))


def test_calls(verb, points):
    n = count_calls(verb)
    tried = sorted({1 + i * (n - 1) // (points - 1) for i in range(points)} if points
                   else range(1, n + 1))
    outcomes = []
    wrong = []
    for at in tried:
        number = STOPPING[at % len(STOPPING)]
        with Trial(verb, OLD) as t:
            inject = f"inject={CALLS}:signal={number.value}:when={at}"
            got = traced(t.machine, t.arguments, ("-o", "/dev/null", "-e", f"trace={CALLS}",
                                                  "-e", inject))
            outcome = t.outcome(verb, number, got.returncode, got.stderr)
        outcomes.append(outcome)
        if outcome not in ("interrupted", "done"):
            wrong.append(f"{number.name} at call {at} of {n}: {outcome}")
    interrupted = outcomes.count("interrupted")
    ok(not wrong, f"{verb}: signals at {len(tried)} of {n} calls, {interrupted} before the commit point", *wrong)
    if verb != "doctor":  # which does several things, each with a commit point of its own
        ok(outcomes == sorted(outcomes, reverse=True),
           f"{verb}: what comes after the commit point is too late", outcomes)
    ok(outcomes[0] == "interrupted" or verb in LATE, f"{verb}: what comes at first is not", outcomes[:1])


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def is_at_work(pid):
    """Past its start: fenced in, and waiting for a request or with a pipe.  What it waits for is
    for root alone to see."""
    status = status_of(pid)
    return status["NoNewPrivs"] == "1" and status["State"].startswith("S")


def stop_worker(process, nth):
    """Stops the nth worker as soon as it is at work; its number, or None."""
    found = []
    stopped = []

    def look():
        with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as f:
            found.extend(int(pid) for pid in f.read().split() if int(pid) not in found)
        if len(found) <= nth or not is_at_work(found[nth]):
            return False
        os.kill(found[nth], signal.SIGSTOP)
        stopped.append(found[nth])
        return True

    wait_until(process, look, "start its workers", pause=0)
    return stopped[0] if stopped else None


def end_stopped(process, worker):
    """What it says, and whether the worker had to go on for it to end."""
    try:
        return process.communicate(timeout=PAST_COMMIT)[1], False
    except subprocess.TimeoutExpired:
        os.kill(worker, signal.SIGCONT)
        return process.communicate()[1], True


def end_at_worker(verb, nth):
    """What comes of a signal while the nth worker stands still: an outcome, and whether the worker
    had to go on for it; None where there are fewer workers."""
    number = STOPPING[nth % len(STOPPING)]
    with Trial(verb, MUCH) as t:
        process = t.start()
        worker = stop_worker(process, nth)
        process.send_signal(number)
        said, late = end_stopped(process, worker)
        if not worker:
            return None
        outcome = t.outcome(verb, number, process.returncode, said)
        if os.path.exists(f"/proc/{worker}"):
            outcome = f"{outcome}, and the worker is still there"
        return outcome, late


def test_stopped(verb):
    ends = {"interrupted": 0, "done": 0}
    wrong = []
    for nth in range(16):
        # What has ended by itself may have been late all the same, on a machine that stood still.
        for _ in range(2):
            end = end_at_worker(verb, nth)
            if end != ("interrupted", True):
                break
        if end is None:
            break
        outcome, late = end
        if outcome not in ends or (late and outcome != "done"):
            wrong.append(f"worker {nth + 1}: {outcome}, waited {late}")
        else:
            ends[outcome] += 1
    ok(not wrong, f"{verb}: a signal while a worker is busy for ever: {ends}", *wrong)
    return ends["interrupted"]


def test_pipe():
    with Trial("export -", MUCH) as t:
        read, write = os.pipe()
        os.close(read)
        got = t.machine.run(*t.arguments, stdout=write)
        os.close(write)
        ok(got.returncode == 1 and "Broken pipe" in got.stderr,
           "export -: a reader that goes is an ordinary failure", got)
        ok(t.machine.state() == t.before and not t.machine.mess(), "export -: and changes nothing")


def main():
    if not is_built():
        return
    short = "SETASIDE_TEST_SHORT" in os.environ
    wanted = [a for a in sys.argv[1:] if a != "--all"] or (("save", "restore") if short else VERBS)
    points = 0 if "--all" in sys.argv else 6
    ended = sum(test_stopped(verb) for verb in wanted)
    ok(ended > 0 or set(wanted) <= set(LATE), f"{ended} commands ended without their workers")
    test_pipe()
    if shutil.which("strace"):
        for verb in wanted:
            test_calls(verb, points)
    else:
        ok(True, "signals at each call # SKIP there is no strace")
    plan()


sys.exit(main())
