#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Make a copy of an export that is not as it should be.

	edit_export.py HOW FROM TO

The tar itself stays in order; HOW names what is wrong with what it holds.
"""

import base64
import io
import json
import sys
import tarfile

CONTENT, MANIFEST = "content.json", "export.json"


def members(path):
    with tarfile.open(path) as tar:
        return [(info, tar.extractfile(info).read()) for info in tar]


def write(path, parts):
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for info, data in parts:
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def changed(parts, name, function):
    """A JSON member, with what the function makes of its object."""
    return [(i, json.dumps(function(json.loads(d))).encode() if i.name == name else d)
            for i, d in parts]


def entry(name, kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info, b""


def renamed(parts, function):
    """The first snapshot, in the manifest too."""
    old = next(i.name for i, _ in parts if i.name.endswith(".zip"))
    for info, _ in parts:
        if info.name == old:
            info.name = function(old)
    return changed(parts, MANIFEST, lambda o: {
        **o, "files": [function(n) if n == old else n for n in o["files"]]})


HOW = {
    "none": lambda p: p,
    "format": lambda p: changed(p, MANIFEST, lambda o: {**o, "format": 2}),
    "hash": lambda p: changed(p, CONTENT, lambda o: {
        "content-hash": base64.b64encode(bytes(32)).decode()}),
    "no-content": lambda p: [x for x in p if x[0].name != CONTENT],
    "no-manifest": lambda p: [x for x in p if x[0].name != MANIFEST],
    "directory": lambda p: p[:1] + [entry("1_d_0_x1.zip", tarfile.DIRTYPE)] + p[1:],
    "link": lambda p: p[:1] + [entry("1_l_0_x1.zip", tarfile.SYMTYPE, "/etc/passwd")] + p[1:],
    "device": lambda p: p[:1] + [entry("1_c_0_x1.zip", tarfile.CHRTYPE)] + p[1:],
    "above": lambda p: renamed(p, lambda n: "../" + n),
    "absolute": lambda p: renamed(p, lambda n: "/" + n),
    "no-underscore": lambda p: renamed(p, lambda n: n.replace("_", "-")),
    "twice": lambda p: p[:2] + p[1:],
    "goes-on": lambda p: p + [entry("2_more_0_x1.zip")],
}


def main():
    how, source, target = sys.argv[1:]
    write(target, HOW[how](members(source)))


main()
