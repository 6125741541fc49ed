# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random directory trees, and what two trees differ in.

All paths are bytes. A tree is made from a random.Random alone, so that a seed makes it
again; it is described as a dictionary from path to the attributes that count.
"""

import hashlib
import os
import socket
import stat

BLOCK = 4096

ODD_NAMES = [
    b"-rf", b"--exclude=x", b" ", b"a b", b"tab\there", b"new\nline", b"cr\r",
    b"\x01\x7f", b"back\\slash", b"\\101\\n", b"*", b"?", b"[a]", b"{a,b}", b"$HOME",
    b"`id`", b"'", b'"', b"%", b"a=b", b"%3D", b"~", b"..x", b"...", b".hidden", b"dot.",
    b"#", b"@LongLink",
    b"caf\xc3\xa9", b"cafe\xcc\x81", b"\xe6\x97\xa5\xe6\x9c\xac", b"\xf0\x9f\x98\x80",
    b"\xe2\x80\xa8", b"\xff\xfe", b"latin\xe9", b"half\xc3", b"\xed\xa0\x80", b"\xc0\x80",
    b"common", b"x1", b"7", b"meta.json", b"lost+found", b"GNUSparseFile.0",
    b"PaxHeaders.1", b"data.~abcdefghi~", b".snapshot123", b"core",
    b"n" * 100, b"o" * 101, b"p" * 155,
    b"l" * 255, b"\xc3\xa4" * 127,
]

LONG_NAMES = [name for name in ODD_NAMES if len(name) >= 100]

SIZES = [0, 1, 511, 512, 513, 4095, 4096, 4097, 10240, 70000]
BIG_SIZES = [(1 << 20) - 1536, (1 << 20) - 1024, (1 << 20) - 512, 1 << 20, (1 << 20) + 1,
             2500000]

KINDS_MADE = ["file"] * 8 + ["link"] * 3 + ["folder"] * 3 + [
    "big", "sparse", "sparse", "symlink", "symlink", "fifo", "socket", "deep"]


# ---- Making -------------------------------------------------------------------------

class Maker:
    """Fills the directories of one archive; hard links go between all of them.

    owners: (uid, gid) pairs to choose from. With more than one the tree is the system's:
    then any mode will do, else the owner has to be able to read it.
    kinds: of entries, each as often as it is to be met.
    """

    def __init__(self, rng, owners, kinds=None, devices=False):
        self.rng = rng
        self.kinds = list(kinds or KINDS_MADE) + ["device"] * bool(devices and not kinds)
        self.owners = owners
        self.system = len(owners) > 1
        self.linkable = []
        self.stamped = []
        self.sockets = []

    def fill(self, top, entries):
        """Make a directory with about that many entries in and below it."""
        os.mkdir(top)
        folders = [top]
        for _ in range(entries):
            path = os.path.join(self.rng.choice(folders), self.name())
            if len(path) > 3500 or os.path.lexists(path):
                continue
            self.entry(path, folders)
        self.stamped += reversed(folders)

    def finish(self):
        """Owners, modes and times, the directories' last and from the bottom up."""
        folders = [p for p in self.stamped if os.path.isdir(p) and not os.path.islink(p)]
        folders.sort(key=len, reverse=True)
        others = sorted(set(self.stamped) - set(folders))
        for path in others + folders:
            self.stamp(path)

    def name(self):
        if self.rng.random() < 0.4:
            return self.rng.choice(ODD_NAMES)
        return b"f%x" % self.rng.getrandbits(32)

    def entry(self, path, folders):
        kind = self.rng.choice(self.kinds)
        if kind == "long":
            path = os.path.join(os.path.dirname(path), self.rng.choice(LONG_NAMES))
            if os.path.lexists(path):
                return
        if kind == "folder":
            os.mkdir(path)
            folders.append(path)
            return
        if kind == "deep":
            self.deep(path, folders)
            return
        if kind == "socket":
            self.socket(path)
            return
        if kind == "link" and self.linkable:
            os.link(self.rng.choice(self.linkable), path, follow_symlinks=False)
            return
        {"big": self.big, "sparse": self.sparse, "symlink": self.symlink,
         "fifo": os.mkfifo, "device": self.device}.get(kind, self.file)(path)
        self.linkable.append(path)
        self.stamped.append(path)

    def file(self, path, sizes=SIZES):
        size = self.rng.choice(sizes)
        with open(path, "wb") as f:
            if self.rng.random() < 0.5:
                f.write(self.rng.randbytes(size))
            else:
                f.write((b"line %d\n" % size * (size // 6 + 1))[:size])

    def big(self, path):
        self.file(path, BIG_SIZES)

    def sparse(self, path):
        """Holes before, between and behind data; nothing but a hole, too."""
        extents = self.rng.choice([0, 1, 1, 2, 4, 5, 25, 60])
        with open(path, "wb") as f:
            end = 0
            for _ in range(extents):
                end += self.rng.choice([0, BLOCK, 3 * BLOCK, 700, 100000])
                f.seek(end)
                end += f.write(self.rng.randbytes(self.rng.choice([1, 512, BLOCK, 6000])))
            f.truncate(end + self.rng.choice([0, 1, 511, BLOCK, 3 << 20]))

    def symlink(self, path):
        os.symlink(self.rng.choice([
            b"target", b"../up", b"/etc/passwd", b"/", b".", b"dangling/" * 12,
            b"\xff\xfe", b"new\nline", b"x" * 100, b"y" * 101, b"z" * 1500,
            os.path.basename(path)]), path)

    def device(self, path):
        kind = self.rng.choice([stat.S_IFCHR, stat.S_IFBLK])
        os.mknod(path, kind | 0o600, os.makedev(self.rng.randrange(4096),
                                                self.rng.randrange(1 << 16)))

    def socket(self, path):
        short = os.path.join(os.path.dirname(path), b"s")
        if not os.path.lexists(short):
            with socket.socket(socket.AF_UNIX) as s:
                here = os.open(os.path.dirname(path), os.O_PATH)
                s.bind(b"/proc/self/fd/%d/s" % here)
                os.close(here)
            self.sockets.append(short)

    def deep(self, path, folders):
        """A path that no ustar header holds."""
        for _ in range(self.rng.choice([3, 12])):
            os.mkdir(path)
            folders.append(path)
            path = os.path.join(path, b"d" * self.rng.choice([1, 40, 90]))
            if len(path) > 3000:
                break

    def stamp(self, path):
        rng = self.rng
        uid, gid = rng.choice(self.owners)
        os.chown(path, uid, gid, follow_symlinks=False)
        if not os.path.islink(path):
            os.chmod(path, self.mode(os.path.isdir(path)))
        seconds = rng.choice([0, -1, 1, -86400, 1772600706, rng.randrange(1 << 31),
                              rng.randrange(-(1 << 31), 0), rng.randrange(1 << 33)])
        nanoseconds = rng.choice([0, 1, 500000000, 999999999, 123456789, 120000000])
        time = seconds * 1000000000 + nanoseconds
        os.utime(path, ns=(time, time), follow_symlinks=False)

    def mode(self, is_folder):
        rng = self.rng
        if rng.random() < 0.6:
            return 0o755 if is_folder else 0o644
        mode = rng.randrange(0o10000 if rng.random() < 0.5 else 0o1000)
        if not self.system:
            mode |= 0o500 if is_folder else 0o400
        return mode


# ---- Describing ---------------------------------------------------------------------

def content(path, size):
    """A digest of the data and where it lies: blocks of zeros count as holes."""
    digest = hashlib.sha256()
    with open(path, "rb") as f:
        at = 0
        while at < size:
            try:
                at = os.lseek(f.fileno(), at, os.SEEK_DATA)
            except OSError:  # nothing but a hole from here on
                break
            at -= at % BLOCK
            block = os.pread(f.fileno(), BLOCK, at)
            if block.strip(b"\0"):
                digest.update(b"%d:" % at + block.ljust(BLOCK, b"\0"))
            at += BLOCK
    return digest.hexdigest()[:16]


KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "symlink",
         stat.S_IFIFO: "fifo", stat.S_IFCHR: "char device", stat.S_IFBLK: "block device"}


def entry_of(path, st, seconds):
    """What has to be the same; seconds: the part of a second in times does not count."""
    kind = stat.S_IFMT(st.st_mode)
    found = {"kind": KINDS[kind],
             "owner": f"{st.st_uid}:{st.st_gid}",
             "time": st.st_mtime_ns // 1000000000 if seconds else st.st_mtime_ns}
    if kind == stat.S_IFLNK:
        found["target"] = os.readlink(path)
    else:
        found["mode"] = oct(stat.S_IMODE(st.st_mode))
    if kind == stat.S_IFREG:
        found["size"] = st.st_size
        found["content"] = content(path, st.st_size)
        found["hole"] = max(0, st.st_size - st.st_blocks * 512)
    if kind in (stat.S_IFCHR, stat.S_IFBLK):
        found["device"] = st.st_rdev
    return found


def describe(tops, seconds=False):
    """Dictionary from path to attributes for the trees {name: path} of one archive."""
    found, links = {}, {}
    pending = [(name, path) for name, path in tops.items() if os.path.lexists(path)]
    while pending:
        name, path = pending.pop()
        st = os.lstat(path)
        if stat.S_ISSOCK(st.st_mode):
            continue
        found[name] = entry_of(path, st, seconds)
        if stat.S_ISDIR(st.st_mode):
            pending += [(name + b"/" + n, path + b"/" + n) for n in os.listdir(path)]
        else:
            links.setdefault((st.st_dev, st.st_ino), []).append(name)
    for names in links.values():
        for name in names:
            found[name]["links"] = sorted(names)
    return found


def as_snapd_saves(entries):
    """Without the links that its tar does not keep: to FIFOs and devices."""
    kept = ("file", "symlink")
    return {name: {key: value for key, value in entry.items()
                   if key != "links" or entry.get("kind") in kept}
            for name, entry in entries.items()}


def differences(wanted, found):
    """Lines that say what is not as wanted; none if all is."""
    lines = [f"missing: {short(name)} {wanted[name]}"
             for name in sorted(wanted.keys() - found.keys())]
    lines += [f"too much: {short(name)} {found[name]}"
              for name in sorted(found.keys() - wanted.keys())]
    for name in sorted(wanted.keys() & found.keys()):
        for key in wanted[name]:
            if key == "hole" and keeps_hole(wanted[name][key], found[name].get(key, 0)):
                continue
            if wanted[name][key] != found[name].get(key):
                lines.append(f"{short(name)}, a {wanted[name].get('kind')}: {key} is "
                             f"{short(found[name].get(key))}, "
                             f"not {short(wanted[name][key])}")
    return lines


def keeps_hole(wanted, found):
    """Holes need not be kept to the block, but a big one has to stay."""
    return wanted < 1 << 20 or found > wanted // 2


def short(value):
    """As much of a name or a list of names as a person reads."""
    if isinstance(value, list):
        return f"[{', '.join(short(v) for v in value)}]"
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:60]}...{text[-30:]}"
