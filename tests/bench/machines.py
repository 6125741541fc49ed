# SPDX-License-Identifier: LGPL-2.1-or-later
"""File systems that have never seen a file, one for each run."""

import os
import shutil
import subprocess
import sys


def own_mounts(fs):
    """A mount namespace of our own, so that nothing stays mounted whatever happens."""
    if os.geteuid() == 0 and fs != "dir" and not os.environ.get("SETASIDE_BENCH_NS"):
        os.environ["SETASIDE_BENCH_NS"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private",
                              sys.executable] + sys.argv)


def keep_image(path, size):
    """The file below a file system stays from one to the next, and has its blocks beforehand
    where there is room: to get them is not what is measured, and can take longer (README)."""
    if os.path.exists(path):
        return
    disk = os.statvfs(os.path.dirname(path))
    piece = bytes(16 << 20)
    with open(path, "wb") as f:
        if disk.f_bavail * disk.f_frsize > 1.5 * size:
            for _ in range(0, size, len(piece)):
                f.write(piece)
        f.truncate(size)


class Filesystem:
    """For `with`: gives the directory. Root: ext4 on a loop device; else a directory."""

    def __init__(self, args, work, inodes=400000):
        self.mounts = os.geteuid() == 0 and args.fs != "dir"
        self.work = work
        self.at = os.path.join(work, "fs")
        self.size, self.inodes = args.size, inodes

    def __enter__(self):
        os.mkdir(self.at)
        if self.mounts:
            image = os.path.join(self.work, "image")
            keep_image(image, self.size << 30)
            subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,nodiscard",
                            "-N", str(self.inodes), image], check=True)
            subprocess.run(["mount", "-o", "loop,noatime", image, self.at], check=True)
        os.chmod(self.at, 0o755)
        return self.at

    def __exit__(self, *_):
        if self.mounts:
            subprocess.run(["umount", self.at], check=True)
        shutil.rmtree(self.at, ignore_errors=True)
