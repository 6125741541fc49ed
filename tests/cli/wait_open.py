#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Wait until a process has a file open in a directory, or has ended: wait_open.py PID DIR."""

import os
import sys

from program import wait_for


def has_open(pid, top):
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            if os.readlink(f"/proc/{pid}/fd/{fd}").startswith(top):
                return True
    except FileNotFoundError:
        return not os.path.exists(f"/proc/{pid}/fd")
    return False


def main():
    wait_for(lambda: has_open(sys.argv[1], sys.argv[2] + "/"), "the program opens nothing",
             pause=0.001)


main()
