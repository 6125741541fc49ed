# SPDX-License-Identifier: LGPL-2.1-or-later
"""A directory as a list of lines."""

import hashlib
import os


def list_tree(top):
    """A line for each file and directory: path, mode, time, hash of what is in it."""
    lines = []
    for path, directories, files in os.walk(top):
        directories.sort()
        for name in ["."] + sorted(files):
            lines.append(describe(path, name, top))
    return lines


def describe(path, name, top):
    full = os.path.join(path, name)
    st = os.lstat(full)
    digest = ""
    if name != ".":
        with open(full, "rb") as f:
            digest = hashlib.sha256(f.read()).hexdigest()
    # What is staged in a home changes its time.
    when = "" if name == "." and path.endswith("/tester") else st.st_mtime_ns
    return f"{os.path.relpath(full, top)} {st.st_mode:o} {when} {digest}"
