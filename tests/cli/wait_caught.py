#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Wait until the program, a process of a shell's, catches a signal: wait_caught.py PID NAME."""

import signal
import sys
import time

from program import PATIENCE, catches


def main():
    pid, number = sys.argv[1], signal.Signals["SIG" + sys.argv[2]]
    end = time.monotonic() + PATIENCE
    while not catches(pid, number):
        if time.monotonic() > end:
            sys.exit("the program takes no handler")
        time.sleep(0.002)


main()
