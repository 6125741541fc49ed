# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a command costs: wall clock and processor time, memory, bytes that reach the disk."""

import mmap
import os
import resource
import statistics
import subprocess
import sys
import threading
import time

SECTOR = 512
WARM = 2 << 30
MADV_POPULATE_WRITE = 23


class Memory(threading.Thread):
    """Peak of the summed Pss of a process and all below it."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak, self.stopped = pid, 0, threading.Event()

    def family(self):
        parent = {}
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    with open("/proc/%s/stat" % name) as f:
                        parent[int(name)] = int(f.read().rpartition(")")[2].split()[1])
                except OSError:
                    pass
        found = {self.pid}
        grown = True
        while grown:
            more = {p for p, up in parent.items() if up in found} - found
            found |= more
            grown = bool(more)
        return found

    def run(self):
        while not self.stopped.wait(0.02):
            total = 0
            for pid in self.family():
                try:
                    with open("/proc/%d/smaps_rollup" % pid) as f:
                        total += sum(int(line.split()[1]) for line in f
                                     if line.startswith("Pss:"))
                except (OSError, IndexError):
                    pass
            self.peak = max(self.peak, total)


def written(at):
    """Bytes written to the device below a directory since it was made, or None."""
    device = os.stat(at).st_dev
    try:
        with open("/sys/dev/block/%d:%d/stat" % (os.major(device), os.minor(device))) as f:
            return int(f.read().split()[6]) * SECTOR
    except (OSError, IndexError):
        return None


def touch_memory():
    """A virtual machine may have given its free memory back to its host: whoever touches a page
    first waits for it then, which can take longer than all that is measured."""
    with open("/proc/meminfo") as f:
        free = next(int(line.split()[1]) for line in f if line.startswith("MemFree:")) << 10
    with mmap.mmap(-1, max(mmap.PAGESIZE, min(free // 2, WARM))) as m:
        try:
            m.madvise(MADV_POPULATE_WRITE)
        except OSError:
            pass  # of a kernel before 5.14


def clocked(command, at, env=None, memory=False, accept=(0,)):
    """Runs it and `sync -f`: wall and cpu in seconds, bytes written, and the peak of memory
    where that is asked for."""
    os.sync()  # what earlier steps wrote is not to be written in this one's time
    touch_memory()
    device = written(at)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    p = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT)
    watch = Memory(p.pid) if memory else None
    if watch:
        watch.start()
    out = p.communicate()[0]
    subprocess.run(["sync", "-f", at], check=True)
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if watch:
        watch.stopped.set()
        watch.join()
    if p.returncode not in accept:
        sys.exit("%s\nended with %d:\n%s" % (" ".join(command), p.returncode,
                                              out.decode(errors="replace")[-2000:]))
    figures = {"wall": wall,
               "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}
    if device is not None:
        figures["written"] = written(at) - device
    if watch:
        figures["pss_kib"] = watch.peak
    return figures


def repeat(command, env, times):
    """Wall clocks of a command that writes nothing."""
    walls = []
    for _ in range(times):
        start = time.monotonic()
        p = subprocess.run(command, env=env, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        walls.append(time.monotonic() - start)
        if p.returncode not in (0, 3):
            sys.exit("%s: %s" % (" ".join(command), p.stderr.decode()))
    return walls


def median(figures, key):
    """Of those that have it; None where none has."""
    values = [f[key] for f in figures if f.get(key) is not None]
    return statistics.median(values) if values else None


def size_below(path):
    return sum(os.path.getsize(os.path.join(at, name))
               for at, _, names in os.walk(path) for name in names)
