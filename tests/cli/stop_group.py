#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stop the processes of a group, and wait until they stand still: stop_group.py GROUP.

The signal alone does not: a thread stops only when it leaves the call that it is in.
"""

import os
import signal
import sys

from program import wait_for


def states(group):
    """Of all threads of its processes."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/stat", encoding="latin-1") as f:
                    fields = f.read().rpartition(")")[2].split()
                if int(fields[2]) == group:
                    yield fields[0]
        except OSError:
            pass  # it has ended meanwhile


def main():
    group = int(sys.argv[1])
    os.killpg(group, signal.SIGSTOP)
    wait_for(lambda: all(state in "TZX" for state in states(group)), "the group does not stop")


main()
