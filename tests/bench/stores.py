# SPDX-License-Identifier: LGPL-2.1-or-later
"""A store with many sets, written without setaside, which would take minutes."""

import gzip
import hashlib
import io
import json
import os
import tarfile
import zipfile

WHERE = {"archive.tgz": (None, 0, None, "/srv/data"),
         "user/bench.tgz": ("bench", 61001, "/home/bench", "~/data")}


def archive(text):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name in ("common", "common/data"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        entry = tarfile.TarInfo("common/data/file")
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))
    return gzip.compress(out.getvalue(), 1, mtime=0)


def metadata(number, app, data):
    digest = hashlib.sha3_384(data).hexdigest()
    details = {member: {
        "user": user, "uid": uid, "gid": uid, "home": home, "bytes": 10240,
        "allocated": 8192, "entries": 3, "skipped": [], "changed": [],
        "trees": [{"name": "data", "path": path, "type": "dir", "exclude": ["*/cache"]}],
    } for member, (user, uid, home, path) in WHERE.items()}
    return (json.dumps({
        "set": number, "time": "2026-01-02T03:04:05.%09dZ" % number, "snap": app,
        "revision": "x1", "snap-id": "setaside-native",
        "epoch": {"read": [0], "write": [0]}, "summary": "An application",
        "version": "1.%d" % number, "sha3-384": {member: digest for member in WHERE},
        "size": len(WHERE) * len(data),
        "setaside": {"format": 1, "packaging": "native", "host": "machine",
                     "machine-id": "0" * 32, "taken": "online", "archives": details},
    }, separators=(",", ":")) + "\n").encode()


def fill(store, sets, apps, first=1):
    """So many sets of so many apps each; all differ."""
    os.makedirs(store, 0o700, exist_ok=True)
    for number in range(first, first + sets):
        for i in range(apps):
            app = "app%03d" % i
            data = archive(b"%d %d" % (number, i))
            meta = metadata(number, app, data)
            path = "%s/%d_%s_1.%d_x1.zip" % (store, number, app, number)
            with zipfile.ZipFile(path, "w") as z:
                for member in WHERE:
                    z.writestr(member, data)
                z.writestr("meta.json", meta, zipfile.ZIP_DEFLATED)
                z.writestr("meta.sha3_384", hashlib.sha3_384(meta).hexdigest() + "\n")
            os.chmod(path, 0o600)
