# SPDX-License-Identifier: LGPL-2.1-or-later
"""Exports that neither program wrote, made here byte by byte or with GNU tar."""

import base64
import gzip
import hashlib
import io
import json
import os
import random
import re
import struct
import subprocess
import tarfile
import warnings
import zipfile
import zlib
from unittest import mock

import oddities
from judging import Case, Target
from roots import ID, Snap

USER = "daemon"


# ---- Data that any tar can hold ------------------------------------------------------

def plain_case(programs, folder, names=("hello",), sparse=False):
    case = Case(programs, folder, [Snap(n, snap_id=ID) for n in names], [USER])
    for snap in case.snaps:
        for user, owner in ((None, 0), (USER, 1)):
            base = case.source.base(snap.name, user)
            os.makedirs(base, exist_ok=True)
            for top in case.source.data_folders(snap.name, snap.revision, user).values():
                plain_tree(os.fsdecode(top), owner, sparse)
    subprocess.run(["chown", "-R", f"{USER}:", case.source.home(USER)], check=True)
    return case


def plain_tree(top, owner, sparse):
    """Files, links, directories, whose names and times fit in the oldest headers."""
    rng = random.Random(len(top))
    os.makedirs(f"{top}/folder/empty")
    for i, size in enumerate((0, 1, 512, 5000, 70000)):
        with open(f"{top}/folder/file {i} \u00e9", "wb") as f:
            f.write(rng.randbytes(size))
        os.chmod(f.name, (0o600, 0o644, 0o755, 0o444, 0o640)[i])
    os.link(f"{top}/folder/file 3 \u00e9", f"{top}/a link")
    os.symlink("folder/file 1", f"{top}/symlink")
    os.chmod(f"{top}/folder", 0o750)
    if sparse:
        with open(f"{top}/sparse", "wb") as f:
            for i in range(sparse):
                f.seek(i << 18)
                f.write(b"some data")
            f.truncate((sparse << 18) + (5 << 20))
    for at, folders, files in os.walk(top, topdown=False):
        for path in [os.path.join(at, n) for n in folders + files] + [at]:
            os.chown(path, owner, owner, follow_symlinks=False)
            os.utime(path, (0, 1700000000 + rng.randrange(1000)), follow_symlinks=False)


# ---- Archives ------------------------------------------------------------------------

def by_gnu_tar(*options):
    def pack(base, tops):
        return subprocess.run(["tar", "-C", base, "--sort=name", *options, "-cf", "-",
                               "--", *tops], check=True, stdout=subprocess.PIPE).stdout
    return pack


def by_python(tar_format, **headers):
    def pack(base, tops):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tar_format, **headers) as t:
            for top in tops:
                t.add(os.path.join(base, top), top)
        return out.getvalue()
    return pack


def in_members(data):
    """Of all lengths, an empty one and a stored one among them."""
    cuts = [0, 1, 513, 513, 20000, 20001, len(data)]
    return b"".join(gzip.compress(data[a:b], 0 if a == 20000 else 9)
                    for a, b in zip(cuts, cuts[1:]))


def with_all_fields(data):
    """A gzip header with FTEXT, FHCRC, FEXTRA, FNAME and FCOMMENT."""
    header = b"\x1f\x8b\x08\x1f" + struct.pack("<IBB", 1700000000, 2, 3)
    header += struct.pack("<H", 8) + b"XY" + struct.pack("<H", 4) + b"\0\1\2\3"
    header += b"archive.tar\0" + b"a comment \xe9\0"
    header += struct.pack("<H", zlib.crc32(header) & 0xffff)
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (header + z.compress(data) + z.flush() +
            struct.pack("<II", zlib.crc32(data), len(data)))


# ---- Metadata ------------------------------------------------------------------------

def metadata(app, archives, **changed):
    values = {
        "set": 4, "time": "2026-03-04T05:06:07.089Z", "snap": app, "revision": "7",
        "snap-id": ID, "epoch": {"read": [0], "write": [0]}, "summary": "",
        "version": "1.0", "conf": {"a": [1, "<x>", None]},
        "sha3-384": {n: hashlib.sha3_384(d).hexdigest() for n, d in archives.items()},
        "size": sum(map(len, archives.values()))}
    values.update(changed)
    return {key: value for key, value in values.items() if value is not ...}


def as_go_writes(values):
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=False)
    for c in "<>&\u2028\u2029":
        text = text.replace(c, f"\\u{ord(c):04x}")
    return text.encode() + b"\n"


def spaced_and_turned(values):
    return json.dumps(dict(reversed(values.items())), indent=3).replace(
        "\n", "\r\n\t").encode()


def all_escaped(values):
    """Every character as an escape, but where snapd reads none: times and revisions."""
    def escape(match):
        text = json.loads(match.group(0))
        if text in (values["time"], values["revision"]):
            return match.group(0)
        return '"' + "".join(f"\\u{ord(c):04X}" for c in text) + '"'
    return re.sub(r'"(?:[^"\\]|\\.)*"', escape, json.dumps(values)).encode()


def with_raw_conf(rng_seed):
    def write(values):
        conf = oddities.everything(random.Random(rng_seed))
        return json.dumps(dict(values, conf=0)).encode().replace(
            b'"conf": 0', b'"conf":' + conf)
    return write


# ---- Zips ----------------------------------------------------------------------------

class Pipe(io.RawIOBase):
    """What cannot be sought in: then sizes go behind the data."""

    def __init__(self):
        super().__init__()
        self.data = b""

    def writable(self):
        return True

    def write(self, data):
        self.data += bytes(data)
        return len(data)


def plain_zip(members, method=zipfile.ZIP_STORED, out=None, comment=b"", big=False,
              dated=None):
    out = out or io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for name, data in members:
            info = zipfile.ZipInfo(name, dated or (1980, 1, 1, 0, 0, 0))
            info.compress_type = method
            if dated:
                info.extra = struct.pack("<HHBI", 0x5455, 5, 1, 1700000000)
                info.external_attr = 0o100644 << 16
            with warnings.catch_warnings():  # of a name that is there already
                warnings.simplefilter("ignore")
                with z.open(info, "w", force_zip64=big) as f:
                    f.write(data)
        z.comment = comment
    return out.data if isinstance(out, Pipe) else out.getvalue()


def all_zip64(members):
    """Zip64 in every place where it may stand."""
    with mock.patch.multiple(zipfile, ZIP64_LIMIT=0, ZIP_FILECOUNT_LIMIT=0):
        return plain_zip(members, big=True)


def zip_in_pipe(members, **how):
    return plain_zip(members, out=Pipe(), **how)


# ---- Streams -------------------------------------------------------------------------

class Export:
    """The members of an export, not yet in an archive."""

    def __init__(self, zips, content_hash=None):
        self.zips = zips
        self.content = content_hash and json.dumps(
            {"content-hash": base64.b64encode(content_hash).decode()}).encode()
        self.manifest = {"format": 1, "date": "2026-03-04T05:06:08Z",
                         "files": list(zips)}

    def members(self):
        found = list(self.zips.items())
        if self.content:
            found.insert(0, ("content.json", self.content))
        return found + [("export.json", json.dumps(self.manifest).encode())]


def tar_of(members, tar_format=tarfile.USTAR_FORMAT, kind=tarfile.REGTYPE, **headers):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tar_format, **headers) as t:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size, info.type, info.mode = len(data), kind, 0o600
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def gnu_tar_of(folder, members, *options):
    """As somebody packs the files again who had unpacked them."""
    os.mkdir(folder)
    for name, data in members:
        with open(os.path.join(folder, name), "wb") as f:
            f.write(data)
    return subprocess.run(["tar", "-C", folder, *options, "-cf", "-", "--",
                           *(name for name, _ in members)], check=True,
                          stdout=subprocess.PIPE).stdout


class Maker:
    """An export of a case's data; each step of the way can be another."""

    def __init__(self, case, pack=by_gnu_tar("--format=gnu"), squeeze=gzip.compress,
                 write_meta=as_go_writes, write_hash="{}\n", write_zip=plain_zip,
                 order=None, more=(), changed=None):
        self.case, self.pack, self.squeeze = case, pack, squeeze
        self.write_meta, self.write_hash = write_meta, write_hash
        self.write_zip, self.order = write_zip, order or list
        self.more, self.changed = more, changed or {}

    def archives(self, snap):
        return {name: self.squeeze(self.pack(self.case.source.base(snap.name, user),
                                             [snap.revision, "common"]))
                for name, user in (("archive.tgz", None), (f"user/{USER}.tgz", USER))}

    def snapshot(self, snap):
        archives = self.archives(snap)
        meta = self.write_meta(metadata(snap.name, archives, **self.changed))
        digest = hashlib.sha3_384(meta).hexdigest()
        members = [*archives.items(), ("meta.json", meta),
                   ("meta.sha3_384", self.write_hash.format(digest).encode())]
        return self.write_zip(self.order(members + list(self.more)))

    def export(self, name="4_{}_1.0_7.zip"):
        zips = {name.format(s.name): self.snapshot(s) for s in self.case.snaps}
        return Export(zips, self.hash_by_snapd(zips))

    def hash_by_snapd(self, zips):
        """The content hash, from the only one who can know; None if it cannot."""
        root = Target(self.case, f"hash-{random.getrandbits(64):x}", 0, [], []).root
        for i, data in enumerate(zips.values()):
            root.write(f"{root.snapd_store()}/4_app{i}.zip", data)
        found = root.judge("list")
        return bytes.fromhex(found[0]["content-hash"]) if found else None
