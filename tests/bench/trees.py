# SPDX-License-Identifier: LGPL-2.1-or-later
"""The trees of the benchmark: the same bytes on every machine, but for /usr."""

import os
import random
import shutil
import sqlite3

MB = 1000 * 1000

WORDS = [w.encode() for w in (
    "the of and to in is it you that he was for on are with as his they be at one have "
    "this from or had by hot but some what there we can out other were all your when up "
    "use word how said an each she which do their time if will way about many then them "
    "would write like so these her long make thing see him two has look more day could go "
    "come did my sound no most number who over know water than call first people may down "
    "side been now find any new work part take get place made live where after back little "
    "only round man year came show every good me give our under name very through just "
    "form much great think say help low line before turn cause same mean differ move right "
    "boy old too does tell sentence set three want air well also play small end put home "
    "read hand port large spell add even land here must big high such follow act why ask "
    "men change went light kind off need house picture try us again animal point mother"
).split()]


class Text:
    """Random text; a pool of it, since making it byte by byte would take minutes."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        parts = []
        for _ in range(200000):
            parts.append(self.random.choice(WORDS))
            if self.random.random() < 0.05:
                parts.append(b"%d" % self.random.getrandbits(32))
        self.pool = b" ".join(parts)

    def take(self, n):
        out = []
        while n > 0:
            at = self.random.randrange(len(self.pool) - 1)
            piece = self.pool[at:at + min(n, self.random.randrange(200, 20000))]
            out.append(piece)
            n -= len(piece)
        return b"".join(out)

    def noise(self, n):
        return self.random.randbytes(n)


def put(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def database(path, text, rows, noise):
    """A table of text and keys, `noise` of whose rows hold random bytes."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    db = sqlite3.connect(path)
    db.execute("pragma journal_mode = off")
    db.execute("pragma synchronous = off")
    db.execute("create table t (k text, v blob)")
    rnd = text.random

    def row(i):
        n = rnd.randrange(200, 4000)
        v = text.noise(n) if rnd.random() < noise else text.take(n)
        return "key-%08x-%d" % (rnd.getrandbits(32), i), v

    db.executemany("insert into t values (?, ?)", (row(i) for i in range(rows)))
    db.execute("create index i on t (k)")
    db.commit()
    db.close()


def browser(top, scale):
    """Databases, caches of compressed and of plain things, many small settings."""
    text = Text(1)
    rnd = text.random
    for i in range(max(1, int(30 * scale))):
        database("%s/storage/default/site%d/idb/data.sqlite" % (top, i), text, 2200, 0.15)
    for i in range(max(1, int(4000 * scale))):
        n = min(int(rnd.lognormvariate(10.5, 1.2)), 4 * MB)
        data = text.noise(n) if rnd.random() < 0.78 else text.take(n)
        put("%s/cache2/entries/%040X" % (top, rnd.getrandbits(160)), data)
    for i in range(max(1, int(12 * scale))):
        put("%s/extensions/addon%d.xpi" % (top, i), text.noise(6 * MB))
    for i in range(max(1, int(600 * scale))):
        put("%s/settings/%d.json" % (top, i), text.take(rnd.randrange(100, 30000)))


def small(top, scale):
    """Text of 200 bytes to 8 KiB."""
    text = Text(2)
    rnd = text.random
    for i in range(int(100000 * scale)):
        n = int(200 * 40 ** rnd.random())
        put("%s/%02x/%03x/%05d.txt" % (top, i % 20, i // 1000 % 100, i), text.take(n))


def bigdb(top, scale):
    """One database."""
    database(top + "/data.sqlite", Text(3), int(900000 * scale), 0.18)


def sparse(top, scale):
    """10 GiB with 300 MB of data in extents of 16 KiB to 4 MiB, a third of them random."""
    text = Text(4)
    rnd = text.random
    os.makedirs(top)
    size = int((10 << 30) * scale)
    left = int(300 * MB * scale)
    with open(top + "/disk.img", "wb") as f:
        f.truncate(size)
        while left > 0:
            n = int(16384 * 256 ** rnd.random())
            f.seek(rnd.randrange(size - n) & ~4095)
            f.write(text.noise(n) if rnd.random() < 0.3 else text.take(n))
            left -= n


def usr(top, scale):
    """Real files: some 500 MB of this machine's /usr, in the order of their names."""
    left = int(500 * MB * scale)
    for part in ("include", "share/doc", "share/perl", "share/vim", "share/icons",
                 "lib/python3", "share/man", "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu"):
        for at, dirs, files in os.walk("/usr/" + part):
            dirs.sort()
            to = top + at[len("/usr"):]
            os.makedirs(to, exist_ok=True)
            for name in sorted(files):
                path = os.path.join(at, name)
                if os.path.islink(path):
                    os.symlink(os.readlink(path), os.path.join(to, name))
                elif os.path.isfile(path) and os.path.getsize(path) < left:
                    shutil.copy2(path, to)
                    left -= os.path.getsize(path)
            if left < 100000:
                return


# name: (maker, whose the tree is)
TREES = {
    "browser": (browser, "user"),
    "usr": (usr, "system"),
    "small": (small, "user"),
    "bigdb": (bigdb, "user"),
    "sparse": (sparse, "user"),
}
