#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Print what a directory tree is, one line an entry, so that two trees can be compared.

	fingerprint.py TREE...

A line holds the path (as Python writes bytes), the type, mode, owner and group, the time
of the last change of the data in nanoseconds, and what the type has: the hash of the
content and where its data lies among holes, the target of a link, the number of a device.
Then all extended attributes that can be read, ACLs and capabilities among them, and of
what has several names, a link or FIFO too, the first of those met.  Trees are walked by descriptors, so that no path
is too long.
"""

import hashlib
import os
import stat
import sys

KINDS = {
    stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "symlink", stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket", stat.S_IFCHR: "char", stat.S_IFBLK: "block",
}


def attributes(path):
    """Of the entry itself; what cannot be read by this user is not there for him."""
    found = {}
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError:
        return found
    for name in sorted(names):
        try:
            found[name] = os.getxattr(path, name, follow_symlinks=False)
        except OSError:
            continue
    return found


def extents(fd, size):
    """Offsets and lengths of data between holes."""
    found, at = [], 0
    while at < size:
        try:
            data = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:
            break
        at = os.lseek(fd, data, os.SEEK_HOLE)
        found.append((data, at - data))
    return found


def content(path, size):
    """Hash and extents of a regular file; None where it cannot be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError:
        return None
    digest = hashlib.sha256()
    try:
        where = extents(fd, size)
        os.lseek(fd, 0, os.SEEK_SET)
        while chunk := os.read(fd, 1 << 20):
            digest.update(chunk)
    finally:
        os.close(fd)
    return digest.hexdigest(), where


class Walk:
    """One run over some trees, which share their hard links."""

    def __init__(self):
        self.first = {}

    def entry(self, path, shown):
        """Print an entry and, of a directory, what is in it."""
        st = os.lstat(path)
        kind = KINDS[stat.S_IFMT(st.st_mode)]
        line = [repr(shown), kind, f"{stat.S_IMODE(st.st_mode):04o}",
                f"{st.st_uid}:{st.st_gid}", st.st_mtime_ns]
        if kind == "file":
            line += [st.st_size, content(path, st.st_size)]
        elif kind == "symlink":
            line.append(os.readlink(path))
        elif kind in ("char", "block"):
            line.append(f"{os.major(st.st_rdev)}:{os.minor(st.st_rdev)}")
        line.append(attributes(path))
        if kind != "dir" and st.st_nlink > 1:
            line.append(self.first.setdefault((st.st_dev, st.st_ino), shown))
        print(*line)
        if kind == "dir":
            self.directory(path, shown)

    def directory(self, path, shown):
        try:
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except PermissionError:
            return
        try:
            here = b"/proc/self/fd/%d/" % fd
            for name in sorted(os.fsencode(n) for n in os.listdir(fd)):
                self.entry(here + name, shown + b"/" + name)
        finally:
            os.close(fd)


def main():
    walk = Walk()
    for tree in map(os.fsencode, sys.argv[1:]):
        if os.path.lexists(tree):
            walk.entry(tree, tree)
        else:
            print(repr(tree), "absent")


main()
