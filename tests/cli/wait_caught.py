#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Wait until a process catches a signal: wait_caught.py PID NAME.

Before it is the program, it may be a shell: the build tree's wrapper.
"""

import os
import signal
import sys
import time


def catches(pid, number):
    if "setaside" not in os.path.basename(os.readlink(f"/proc/{pid}/exe")):
        return False
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        for line in f:
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False


def main():
    pid, number = sys.argv[1], signal.Signals["SIG" + sys.argv[2]]
    end = time.monotonic() + 120
    while not catches(pid, number):
        if time.monotonic() > end:
            sys.exit("the program takes no handler")
        time.sleep(0.002)


main()
