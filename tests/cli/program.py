# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests share that run the program as a process: TAP, a machine, and looks at it.

A machine is a directory with a root, in which the caller is the one user, with apps of his,
and a store.  Its commands run in user mode, on nothing but that.
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

BUILD = os.environ["abs_top_builddir"]
PROGRAM = os.path.join(BUILD, "setaside")
STOPPING = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
PATIENCE = 120  # seconds, after which a test gives up
F_OFD_SETLK = 37
count = 0
failed = 0


def ok(good, name, *details):
    global count, failed
    count += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {count} - {name}", flush=True)
    if not good:
        for detail in details:
            print(f"# {detail!r}")


def plan():
    print(f"1..{count}")


def is_built():
    if os.access(PROGRAM, os.X_OK):
        return True
    print(f"1..0 # SKIP {PROGRAM} is not built")
    return False


def default_signals(ignored=()):
    """Whoever runs the tests may ignore some: a shell does for what it runs behind."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_DFL)
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


class World:
    def __init__(self, apps=None, options=()):
        """Of each app the files, by their paths in its directory, or what its one file holds."""
        self.dir = tempfile.mkdtemp(prefix="setaside-cli.")
        os.chmod(self.dir, 0o755)
        self.root = os.path.join(self.dir, "root")
        self.store = os.path.join(self.dir, "store")
        self.options = options
        self.write("root/etc/passwd",
                   f"tester:x:{os.getuid()}:{os.getgid()}::/home/tester:/bin/sh\n")
        self.write("root/etc/group", f"tester:x:{os.getgid()}:\n")
        for name, files in (apps or {"demo": "data\n"}).items():
            self.add(name, files)

    def add(self, app, files):
        self.write(f"apps/{app}.json", json.dumps({
            "format": 1, "id": app, "name": f"A {app}",
            "trees": [{"name": "data", "scope": "user", "at": {"native": f"~/.{app}"}}]}))
        self.put(app, files)

    def put(self, app, files):
        home = f"root/home/tester/.{app}"
        if not isinstance(files, dict):
            self.write(home, files)
            return
        for path, content in files.items():
            self.write(f"{home}/{path}", content)

    def write(self, name, content):
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(content if isinstance(content, bytes) else content.encode())

    def remove(self):
        shutil.rmtree(self.dir)

    def command(self, *arguments, program=(PROGRAM,)):
        return [*program, "--user", "--root", self.root, "--store", self.store,
                *self.options, *arguments]

    def environment(self, **more):
        kept = {k: v for k, v in os.environ.items() if not k.startswith("XDG_")}
        for name in ("SETASIDE_STORE", "NO_COLOR"):
            kept.pop(name, None)
        return {**kept, "HOME": "/home/tester", "TERM": "xterm",
                "SETASIDE_DATADIR": os.path.join(self.dir, "apps"), **more}

    def run(self, *arguments, **more):
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                   "stderr": subprocess.PIPE, "text": True, **more}
        return subprocess.run(self.command(*arguments), env=self.environment(), check=False,
                              **options)

    def start(self, *arguments, ignored=(), **more):
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                   "stderr": subprocess.PIPE, "text": True, **more}
        return subprocess.Popen(self.command(*arguments), env=self.environment(),
                                preexec_fn=lambda: default_signals(ignored), **options)

    def hold_lock(self):
        """Every byte of the lock file, as an open file description's lock."""
        fd = os.open(os.path.join(self.store, "lock"), os.O_RDWR)
        fcntl.fcntl(fd, F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
        return fd

    def saved(self):
        return [s["id"] for s in json.loads(self.run("saved", "--json").stdout)["sets"]]


def is_program(pid):
    """Before it is the program, the process may be a shell: the build tree's wrapper."""
    return "setaside" in os.path.basename(os.readlink(f"/proc/{pid}/exe"))


def catches(pid, number):
    if not is_program(pid):
        return False
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        for line in f:
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False


def wait_for(condition, complaint, pause=0.002):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            sys.exit(complaint)
        time.sleep(pause)


def wait_until(process, condition, what, pause=0.002):
    """Until it is so, or the process has ended."""
    end = time.monotonic() + PATIENCE
    while process.poll() is None:
        try:
            if condition():
                return
        except OSError:
            pass  # it ended meanwhile, or is not what it will be
        if time.monotonic() > end:
            process.kill()
            raise TimeoutError(f"the program does not {what}")
        time.sleep(pause)


def wait_until_caught(process, number):
    """The program takes its handlers before it waits for anything."""
    wait_until(process, lambda: catches(process.pid, number), "take its handlers")
