# SPDX-License-Identifier: LGPL-2.1-or-later
"""Exports that are wrong: setaside refuses them, whatever snapd does with them."""

import functools
import glob
import gzip
import hashlib
import io
import os
import tarfile

import carrying
import trees
from foreign import USER, Export, Maker, as_go_writes, plain_case, plain_zip, tar_of
from judging import Target
from roots import expect, expect_equal, text_of


def edited(change):
    """A stream of the members that change() makes of an export's."""
    def make(maker, _):
        return tar_of(change(maker.export().members()))
    return make


def with_member(kind, name="4_x_1_1.zip", **fields):
    """One more member, that is no file, before the last."""
    def make(maker, _):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as t:
            members = maker.export().members()
            for i, (member, data) in enumerate(members):
                if i == len(members) - 1:
                    info = tarfile.TarInfo(name)
                    info.type = kind
                    info.linkname = fields.get("linkname", "")
                    t.addfile(info)
                info = tarfile.TarInfo(member)
                info.size = len(data)
                t.addfile(info, io.BytesIO(data))
        return out.getvalue()
    return make


def renamed(name):
    """The zip under another name, which export.json says as well."""
    def make(maker, _):
        return tar_of(Maker.export(maker, name).members())
    return make


def steps(**others):
    """A zip made otherwise."""
    def make(maker, _):
        return tar_of(Maker(maker.case, **others).export().members())
    return make


def manifest(**values):
    def make(maker, _):
        export = maker.export()
        export.manifest = {k: v for k, v in {**export.manifest, **values}.items()
                           if v is not ...}
        return tar_of(export.members())
    return make


def wrong_archive(members):
    """An archive that is another than its hash says, but as long."""
    return [(n, d[:99] + bytes([d[99] ^ 1]) + d[100:] if n == "archive.tgz" else d)
            for n, d in members]


def short_archive(members):
    return [(n, d[:-1] if n == "archive.tgz" else d) for n, d in members]


def no_padding(data):
    """Without the two blocks of zeros and what follows them."""
    return data[:len(data) - len(data) % 512].rstrip(b"\0")


def twice(members):
    return members[:2] + members[1:]


def claims_another_hash(maker, _):
    export = maker.export()
    return tar_of(Export(export.zips, hashlib.sha256(b"another").digest()).members())


def same_app_twice(maker, _):
    export = maker.export()
    data, = export.zips.values()
    zips = {"4_hello_1.0_7.zip": data, "4_hello_1.0_8.zip": data}
    return tar_of(Export(zips).members())


# By name: the stream, whether snapd refuses it as well.
REFUSED = {
    "a directory": (with_member(tarfile.DIRTYPE), True),
    "a symbolic link": (with_member(tarfile.SYMTYPE, linkname="/etc/passwd"), True),
    "a hard link": (with_member(tarfile.LNKTYPE, linkname="content.json"), True),
    "a FIFO": (with_member(tarfile.FIFOTYPE), True),
    "a device": (with_member(tarfile.CHRTYPE), True),
    "a name without an underscore": (renamed("hello.zip"), True),
    "a name that goes up": (renamed("../4_{}_1.zip"), False),
    "a name that goes up behind the number": (renamed("4_/../../{}_1.zip"), False),
    "an absolute name": (renamed("/tmp/4_{}_1.zip"), False),
    "a name below a directory": (renamed("x/4_{}_1.zip"), False),
    "a name that does not end in .zip": (renamed("4_{}_1"), False),
    "a zip twice": (edited(twice), False),
    "two zips of one app": (same_app_twice, False),
    "no zips": (edited(lambda m: [m[0], m[-1]]), False),
    "no export.json": (edited(lambda m: m[:-1]), True),
    "members behind export.json": (edited(lambda m: [m[0], m[-1], *m[1:-1]]), False),
    "content.json twice": (edited(lambda m: [m[0], *m]), False),
    "another content hash": (claims_another_hash, False),
    "a content.json that is none": (edited(
        lambda m: [("content.json", b"[]"), *m[1:]]), True),
    "an export.json that is none": (edited(
        lambda m: [*m[:-1], ("export.json", b"{}")]), False),
    "another format": (manifest(format=2), False),
    "no format": (manifest(format=...), False),
    "a list of other files": (manifest(files=["4_x_1_1.zip"]), False),
    "a stream that ends with its last byte of data": (
        lambda maker, _: no_padding(tar_of(maker.export().members())), False),
    "a stream that ends before the last member": (
        lambda maker, _: tar_of(maker.export().members()[:-1]).rstrip(b"\0"), True),
    "a stream without its last blocks": (
        lambda maker, _: tar_of(maker.export().members())[:-10240], None),
    "a compressed stream": (
        lambda maker, _: gzip.compress(tar_of(maker.export().members())), True),
    "a zip and no stream": (lambda maker, _: maker.snapshot(maker.case.snaps[0]), True),
    "nothing": (lambda maker, _: b"", True),
    "zeros alone": (lambda maker, _: bytes(10240), True),
    "something behind the end": (
        lambda maker, _: tar_of(maker.export().members()) + b"x" * 512, False),
    "metadata with another hash": (steps(write_hash="0" * 96), True),
    "an archive with another hash": (steps(order=wrong_archive), True),
    "an archive of another size": (steps(order=short_archive), True),
    "a missing archive": (steps(order=lambda m: m[1:]), True),
    "a member twice": (steps(order=lambda m: [m[0], *m]), False),
    "no metadata": (steps(order=lambda m: m[:2]), True),
    "metadata that ends early": (steps(write_meta=lambda v: as_go_writes(v)[:-3]), True),
    "a comment of the zip": (steps(write_zip=functools.partial(
        plain_zip, comment=b"a comment")), False),
    "something before the zip": (steps(write_zip=lambda m: b"#!/bin/sh\n" + plain_zip(m)),
                                 False),
    "a zip that is cut": (steps(write_zip=lambda m: plain_zip(m)[:-30]), True),
    "a revision that is none": (steps(changed={"revision": "unset"}), True),
    "no archives": (steps(changed={"sha3-384": {}}), True),
    "no time": (steps(changed={"time": ...}), True),
    "a key twice": (steps(write_meta=lambda v: as_go_writes(v).replace(
        b'"conf"', b'"version":"2","conf"')), False),
    "an app with a slash": (steps(changed={"snap": "../hello"}), False),
}


def refuses(make, by_snapd):
    """Refused from a pipe and a file; nothing is left, the set that is there stays."""
    def test(programs, folder):
        case = plain_case(programs, folder)
        stream = make(Maker(case), folder)
        snapd, root = (Target(case, name, 0, [], []).root
                       for name in ("snapd", "setaside"))
        kept = case.save_with_setaside()["id"]
        root.setaside("import", "-",
                      stdin=carrying.export_by_setaside(case.source, kept).data)
        before = trees.describe({b"store": os.fsencode(root.store())})
        file = os.path.join(folder, "wrong")
        with open(file, "wb") as f:
            f.write(stream)
        for operand, stdin in (("-", stream), (file, None)):
            done = programs.run_setaside(["--root", root.path, "import", operand], stdin)
            expect(done.returncode in (5, 8) and done.stderr,
                   f"status {done.returncode} from {operand}: {text_of(done)}")
        after = trees.describe({b"store": os.fsencode(root.store())})
        for found in (before, after):
            found.pop(b"store/.last-set", None)  # numbers stay used
            found[b"store"].pop("time")
        expect_equal(before, after, "setaside's store, before and after")
        expect_equal(1, len(root.setaside("saved")["sets"]), "sets that setaside lists")
        done = programs.run_judge(snapd.path, ["import", "12"], stream)
        if by_snapd is not None:
            expect_equal(by_snapd, done.returncode == 1,
                         f"refused by snapd: {text_of(done)}")
    return test


# ---- What no hash tells ----------------------------------------------------------------

def crc_of_another(data):
    return gzip.compress(data)[:-8] + gzip.compress(data + b"x")[-8:]


UNREADABLE = {
    "a gzip member that is cut": lambda data: gzip.compress(data)[:-5000],
    "a tar that is cut": lambda data: gzip.compress(data[:-50000]),
    "another checksum of gzip": crc_of_another,
    "no gzip member": lambda data: data,
}


def not_restored(squeeze):
    """Imported, since all hashes are right; a restore fails and changes nothing."""
    def test(programs, folder):
        case = plain_case(programs, folder)
        stream = tar_of(Maker(case, squeeze=squeeze).export().members())
        targets = [Target(case, name, 3, case.snaps, [None, USER])
                   for name in ("snapd", "setaside")]
        snapd, root = (t.root for t in targets)
        snapd.judge("import", "12", stdin=stream)
        path, = glob.glob(f"{snapd.snapd_store()}/*.zip")
        snapd.judge_refuses("restore", path, "7")
        root.setaside("import", "-", stdin=stream)
        root.setaside("check", "1")
        root.setaside("check", "1", "--deep", status=5)
        root.setaside("restore", "1", "--trust", status=5)
        for target in targets:
            target.expect_as_before("after a restore that failed")
    return test


TESTS = [(f"refused: {name}", refuses(*what)) for name, what in REFUSED.items()]
TESTS += [(f"not restored: {name}", not_restored(squeeze))
          for name, squeeze in UNREADABLE.items()]
