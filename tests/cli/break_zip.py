#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Make a damaged copy of a snapshot.

	break_zip.py HOW FROM TO

The container itself stays in order where HOW does not say otherwise: its checksums are
those of what it holds.
"""

import hashlib
import re
import sys
import zipfile

META, META_HASH = "meta.json", "meta.sha3_384"


def members(path):
    with zipfile.ZipFile(path) as z:
        return [(i.filename, i.compress_type, z.read(i)) for i in z.infolist()]


def write(path, parts):
    with zipfile.ZipFile(path, "w") as z:
        for name, method, data in parts:
            z.writestr(name, data, method)


def with_hash(parts):
    """The hash of the metadata, made right again."""
    meta = next(data for name, _, data in parts if name == META)
    line = hashlib.sha3_384(meta).hexdigest().encode() + b"\n"
    return [(n, m, line if n == META_HASH else d) for n, m, d in parts]


def flip(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def change(parts, wanted, function):
    return [(n, m, function(d) if wanted(n) else d) for n, m, d in parts]


def archive(name):
    return name.endswith(".tgz")


def first_hash(meta):
    """Where the first archive's hash stands in the metadata."""
    return re.search(rb'\.tgz":"([0-9a-f])', meta).start(1)


def digit(data, at):
    """Another hexadecimal digit, a bit away."""
    return data[:at] + b"%x" % (int(data[at:at + 1], 16) ^ 1) + data[at + 1:]


HOW = {
    "archive": lambda p: change(p, archive, lambda d: flip(d, len(d) // 2)),
    "meta-hash": lambda p: change(p, META_HASH.__eq__, lambda d: digit(d, 10)),
    "archive-hash": lambda p: with_hash(
        change(p, META.__eq__, lambda d: digit(d, first_hash(d)))),
    "meta": lambda p: change(p, META.__eq__, lambda d: d.replace(b'"summary":"', b'"summary":"x')),
    "no-archive": lambda p: [x for x in p if not archive(x[0])],
    "no-hash": lambda p: [x for x in p if x[0] != META_HASH],
    "huge-meta": lambda p: with_hash(
        change(p, META.__eq__, lambda d: d.rstrip() + b" " * (100 << 20) + b"\n")),
}


def main():
    how, source, target = sys.argv[1:]
    if how in ("half", "tail", "raw"):
        with open(source, "rb") as f:
            data = f.read()
        data = {"half": data[:len(data) // 2], "tail": data[:-1], "raw": flip(data, 200)}[how]
        with open(target, "wb") as f:
            f.write(data)
    else:
        write(target, HOW[how](members(source)))


main()
