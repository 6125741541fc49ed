#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Make a directory tree that holds everything a tree can hold, or change all of one.

	rich_tree.py make DIR [UID...]
	rich_tree.py change DIR

`make` prints a word for each thing that the file system or the caller's rights did not
allow.  Root gives the entries to the users named in turn, and sets what only root can.
"""

import os
import socket
import stat
import struct
import sys

ROOT = os.geteuid() == 0
NAMES = [
    b"new\nline", b"\xff\xfe", b"n" * 255, b"-rf", b" ", b"tab\t", b"back\\slash", b"a=b%3D",
    b"\xc3\xa4\xe6\x97\xa5", b"\x01\x7f", b"*", b"'\"$HOME`id`", b"...", b"common", b"x1",
    b"lost+found", b"data.~abc~", b"GNUSparseFile.0", b"o" * 100, b"p" * 101,
]
SIZES = [0, 1, 511, 512, 513, 4097, (1 << 20) - 512, 1 << 20, (1 << 20) + 1, 2500000]
TIMES = [1234567890123456789, 1, 0, -1500000001, 2208988800999999999, 951782400000000001]

# Entries of an ACL: owner, named users, group, a named group, mask, others.  The users are
# two who are called the same everywhere, and one without a name.
ACL_ACCESS = [(1, 6, -1), (2, 4, 1), (2, 5, 64999), (4, 4, -1), (8, 6, 2), (16, 7, -1),
              (32, 0, -1)]
ACL_DEFAULT = [(1, 7, -1), (2, 5, 2), (4, 5, -1), (16, 5, -1), (32, 1, -1)]

lacks = set()


def attempt(word, call, *args, **more):
    try:
        call(*args, **more)
    except OSError:
        lacks.add(word)


def pattern(size, seed):
    """Bytes that neither compress to nothing nor need a random source."""
    unit = b"".join(struct.pack("<Q", (i * 2654435761 + seed) ** 3 & (1 << 64) - 1)
                    for i in range(512))
    return (unit * (size // len(unit) + 1))[:size]


def write(path, data=b""):
    with open(path, "wb") as f:
        f.write(data)


def acl(entries):
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *e) for e in entries)


def make_files(top):
    for size in SIZES:
        write(top + b"/size-%d" % size, pattern(size, size))
    os.mkdir(top + b"/names")
    for name in NAMES:
        write(top + b"/names/" + name, name)
    os.mkdir(top + b"/many")
    for i in range(300):
        write(top + b"/many/%03d" % i, b"%d\n" % i)
    os.makedirs(top + b"/empty/in/empty")


def make_sparse(top):
    mib = 1 << 20
    holes = {b"hole": (8 * mib, []), b"head": (8 * mib, [0]), b"tail": (8 * mib, [8 * mib - 4096]),
             b"many": (4 * mib, range(0, 4 * mib, 65536)), b"odd": (5 * mib + 77, [mib, 3 * mib])}
    os.mkdir(top + b"/sparse")
    for name, (size, places) in holes.items():
        with open(top + b"/sparse/" + name, "wb") as f:
            f.truncate(size)
            for place in places:
                f.seek(place)
                f.write(pattern(4096, place))


def make_links(top):
    os.mkdir(top + b"/links")
    here = top + b"/links/"
    for name, target in ((b"relative", b"../size-1"), (b"dangling", b"no/such"),
                         (b"absolute", b"/etc/passwd"), (b"up", b"../../../.."),
                         (b"odd", b"new\nline\xff"), (b"long", b"t" * 4000), (b"self", b"self")):
        os.symlink(target, here + name)
    write(here + b"zero", b"shared by three names")
    os.link(here + b"zero", here + b"first")
    os.link(here + b"zero", top + b"/empty/linked")
    for name, other in ((b"absolute", b"/links/absolute-too"), (b"dangling", b"/empty/dangling"),
                        (b"up", b"/links/also-up"), (b"long", b"/links/a-long")):
        os.link(here + name, top + other, follow_symlinks=False)


def make_special(top):
    os.mkdir(top + b"/special")
    here = top + b"/special/"
    os.mkfifo(here + b"fifo", 0o640)
    os.link(here + b"fifo", here + b"another")
    os.link(here + b"fifo", top + b"/empty/fifo")
    back = os.getcwd()
    os.chdir(here)
    with socket.socket(socket.AF_UNIX) as s:
        s.bind("socket")
    os.chdir(back)
    if ROOT:
        attempt("devices", os.mknod, here + b"null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        attempt("devices", os.mknod, here + b"disk", stat.S_IFBLK | 0o600, os.makedev(259, 77))
        attempt("devices", os.link, here + b"null", here + b"null-too")
        attempt("devices", os.link, here + b"disk", here + b"a-disk")


def make_deep(top):
    """A path of 6,000 bytes and more; its second half begins with 30."""
    fd = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    for i in range(60):
        name = b"%02d" % i + b"d" * 98
        os.mkdir(name, dir_fd=fd)
        below = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(os.open(b"bottom", os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=fd))
    os.close(fd)


def make_attributes(top):
    write(top + b"/attributes", b"x")
    path = top + b"/attributes"
    for name, value in (("user.plain", b"value"), ("user.a=b%3D", b"\x00\xff\n"),
                        ("user.empty", b""), ("user.long", pattern(1800, 5))):
        attempt("xattr", os.setxattr, path, name, value)
    attempt("xattr", os.setxattr, top + b"/empty", "user.of-a-directory", b"1")
    write(top + b"/acl", b"x")
    attempt("acl", os.setxattr, top + b"/acl", "system.posix_acl_access", acl(ACL_ACCESS))
    os.mkdir(top + b"/acl-dir")
    attempt("acl", os.setxattr, top + b"/acl-dir", "system.posix_acl_default", acl(ACL_DEFAULT))
    write(top + b"/acl-dir/heir", b"x")


def owners(top, uids):
    """Give entries away in turn; the top stays whose it is."""
    turn = 0
    for path, dirs, files in os.walk(top):
        if path.count(b"/") - top.count(b"/") > 4:
            continue
        for name in sorted(dirs + files):
            if not name.startswith(b"00d"):
                uid = uids[turn % len(uids)]
                os.chown(path + b"/" + name, uid, uid, follow_symlinks=False)
                turn += 1


def make_modes(top):
    """After the owners: giving a file away takes such bits from it."""
    os.mkdir(top + b"/modes")
    for mode in (0o4755, 0o2755, 0o6711, 0o600, 0o400, 0o1644):
        write(top + b"/modes/file-%04o" % mode, b"x")
        os.chmod(top + b"/modes/file-%04o" % mode, mode)
    for mode in (0o1777, 0o2770, 0o500, 0o700):
        path = top + b"/modes/dir-%04o" % mode
        os.mkdir(path)
        write(path + b"/in", b"x")
        os.chmod(path, mode)
    if ROOT:
        write(top + b"/modes/file-0000", b"nobody's")
        os.chmod(top + b"/modes/file-0000", 0)
        write(top + b"/capable", b"x")
        attempt("capability", os.setxattr, top + b"/capable", "security.capability",
                struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0))


def times(top):
    """From the bottom up, since what is made in a directory changes its time."""
    turn = 0
    for path, dirs, files in os.walk(top, topdown=False):
        if path.count(b"/") - top.count(b"/") > 4:
            continue
        for name in sorted(files + dirs):
            t = TIMES[turn % len(TIMES)]
            os.utime(path + b"/" + name, ns=(t, t), follow_symlinks=False)
            turn += 1
    os.utime(top, ns=(TIMES[0], TIMES[0]))


def make(top, uids):
    os.makedirs(top, exist_ok=True)
    for part in (make_files, make_sparse, make_links, make_special, make_deep, make_attributes):
        part(top)
    if ROOT and uids:
        owners(top, uids)
    make_modes(top)
    times(top)
    for word in sorted(lacks):
        print(word)


def replace(path, kind):
    """An entry of another type under the same name."""
    os.unlink(path)
    if kind == "dir":
        os.mkdir(path)
        write(path + b"/in", b"was a file")
    elif kind == "symlink":
        os.symlink(b"../..", path)
    else:
        write(path, b"was something else")


def change(top):
    """Content, type, mode, names, attributes and what is there at all."""
    write(top + b"/size-4097", b"shorter")
    with open(top + b"/size-2500000", "r+b") as f:
        f.seek(1000000)
        f.write(b"changed in the middle")
    replace(top + b"/size-1", "dir")
    replace(top + b"/size-513", "symlink")
    replace(top + b"/links/absolute", "file")
    replace(top + b"/links/first", "file")
    os.unlink(top + b"/special/fifo")
    write(top + b"/special/fifo", b"a file now")
    os.rename(top + b"/names/" + NAMES[0], top + b"/names/renamed")
    os.unlink(top + b"/names/" + NAMES[1])
    os.rmdir(top + b"/empty/in/empty")
    os.rename(top + b"/many", top + b"/moved")
    os.truncate(top + b"/sparse/hole", 1)
    os.chmod(top + b"/modes/file-4755", 0o600)
    os.chmod(top + b"/modes/dir-0500", 0o755)
    for name in os.listxattr(top + b"/attributes"):
        if name.startswith("user."):
            os.removexattr(top + b"/attributes", name)
    os.chmod(top + b"/acl", 0o600)
    for i in range(20):
        write(top + b"/added-%d" % i, pattern(3000, i))
    os.makedirs(top + b"/added/with/depth")
    os.utime(top + b"/size-0")
    os.chmod(top, 0o711)


def main():
    verb, top, uids = sys.argv[1], os.fsencode(sys.argv[2]), [int(u) for u in sys.argv[3:]]
    if verb == "make":
        make(top, uids)
    else:
        change(top)


main()
