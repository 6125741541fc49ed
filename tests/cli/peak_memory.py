#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run a command, and say on stderr, last of all, how many KiB it took at most.

The sum of Pss of it and all processes that descend from it, looked at every 10 ms.
"""

import os
import subprocess
import sys
import time


def children():
    """Of every process."""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as f:
                parent = int(f.read().rsplit(b")", 1)[1].split()[1])
        except OSError:
            continue
        found.setdefault(parent, []).append(int(name))
    return found


def pss(pid):
    """In KiB; of one that is gone, or not to be looked into, 0."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as f:
            for line in f:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def total(pid, below):
    return pss(pid) + sum(total(child, below) for child in below.get(pid, []))


def main():
    peak, looks = 0, 0
    with subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, total(process.pid, children()))
            looks += 1
            time.sleep(0.01)
    print(f"# {looks} looks", file=sys.stderr)
    print(peak, file=sys.stderr)
    sys.exit(process.returncode)


main()
