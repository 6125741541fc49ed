#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Wait until the program, a process of a shell's, catches a signal: wait_caught.py PID NAME."""

import signal
import sys

from program import catches, wait_for


def main():
    pid, number = sys.argv[1], signal.Signals["SIG" + sys.argv[2]]
    wait_for(lambda: catches(pid, number), "the program takes no handler")


main()
