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


def make_image(path, size, prefill):
    """The file below a file system, with its blocks or without."""
    piece = bytes(16 << 20)
    with open(path, "wb") as f:
        for _ in range(0, size if prefill else 0, len(piece)):
            f.write(piece)
        f.truncate(size)


class Filesystem:
    """For `with`: gives the directory. Root: ext4 on a loop device; else a directory."""

    def __init__(self, args, work, inodes=400000):
        self.mounts = os.geteuid() == 0 and args.fs != "dir"
        self.work = work
        self.at = os.path.join(work, "fs")
        self.size, self.inodes, self.prefill = args.size, inodes, args.prefill

    def __enter__(self):
        os.mkdir(self.at)
        if self.mounts:
            image = os.path.join(self.work, "image")
            if not os.path.exists(image):
                make_image(image, self.size << 30, self.prefill)
            subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,nodiscard",
                            "-N", str(self.inodes), image], check=True)
            subprocess.run(["mount", "-o", "loop,noatime", image, self.at], check=True)
        os.chmod(self.at, 0o755)
        return self.at

    def __exit__(self, *_):
        if self.mounts:
            subprocess.run(["umount", self.at], check=True)
            if not self.prefill:
                os.unlink(os.path.join(self.work, "image"))
        shutil.rmtree(self.at, ignore_errors=True)
