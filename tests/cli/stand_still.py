#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stop a process and all that it has started, and wait until they stand still, or let them go
on: stand_still.py PROCESS, stand_still.py --go-on PROCESS.

The signal alone does not stop them: a thread stops only when it leaves the call that it is in.
"""

import os
import signal
import sys

from program import wait_for


def read(path):
    try:
        with open(path, encoding="latin-1") as f:
            return f.read()
    except OSError:
        return ""  # it has ended meanwhile


def threads(pid):
    try:
        return [f"/proc/{pid}/task/{thread}" for thread in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return []


def family(pid):
    yield pid
    for thread in threads(pid):
        for child in read(f"{thread}/children").split():
            yield from family(int(child))


def tell(number, pid):
    """The parent first, when it is to stop: it starts no more then."""
    for member in family(pid):
        try:
            os.kill(member, number)
        except ProcessLookupError:
            pass


def stands_still(pid):
    """What was started since is told, too."""
    tell(signal.SIGSTOP, pid)
    states = [read(f"{thread}/stat").rpartition(")")[2].split()[:1]
              for member in family(pid) for thread in threads(member)]
    return all(state in ([], ["T"], ["Z"], ["X"]) for state in states)


def main():
    pid = int(sys.argv[-1])
    if sys.argv[1] == "--go-on":
        tell(signal.SIGCONT, pid)
    else:
        wait_for(lambda: stands_still(pid), "the process does not stop")


main()
