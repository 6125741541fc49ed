# SPDX-License-Identifier: LGPL-2.1-or-later
"""Exports that are legal but other than the two programs write them: both read them."""

import functools
import gzip
import hashlib
import io
import json
import os
import re
import tarfile
import zipfile

import carrying
import foreign
from foreign import (USER, Export, Maker, by_gnu_tar, by_python, plain_case, plain_zip,
                     tar_of)
from judging import Target, compare_sets, listed_by_setaside, listed_by_snapd
from roots import Number, Root, expect, expect_equal, text_of


def read_by_both(case, stream, notes="", as_it_came=True):
    """Imported, checked, restored by both programs, to the same trees and hashes."""
    targets = [Target(case, name, 3, case.snaps, [None, USER])
               for name in ("snapd", "setaside")]
    snapd, setaside = (t.root for t in targets)
    answer = snapd.judge("import", "12", stdin=stream)
    wanted = listed_by_snapd(snapd, 12)
    carrying.expect_imported(answer, "snaps", False, wanted, "imported by snapd")
    names = [s["snapshot"]["snap"] for s in wanted["snapshots"]]
    expect_equal(sorted(s.name for s in case.snaps), names, "apps")
    number = import_with_notes(case, setaside, stream, notes)
    found = listed_by_setaside(setaside, number)
    compare_sets(found, carrying.renumbered(wanted, number), "imported by both")
    checked = setaside.setaside("check", number, "--deep")["check"]
    expect(all(app["ok"] for app in checked["apps"]), f"setaside checks it: {checked}")
    setaside.setaside("restore", number, "--trust")
    targets[1].expect_restored(True, "restored by setaside")
    for snapshot in (f for f in os.listdir(snapd.snapd_store()) if f.endswith(".zip")):
        path = os.path.join(snapd.snapd_store(), snapshot)
        expect_equal([], snapd.judge("restore", path, "7")["log"], "snapd's log")
    targets[0].expect_restored(True, "restored by snapd")
    expect_same_zips(stream, setaside, number)
    answer = setaside.setaside("import", "-", stdin=stream)["import"]
    expect_equal((number, True), (str(answer["set"]), answer["duplicate"]),
                 "imported again: number, whether a duplicate")


def import_with_notes(case, root, stream, notes):
    """The number; what setaside has to say of the stream goes to standard error."""
    done = case.programs.run_setaside(["--root", root.path, "--json", "import", "-"],
                                      stream)
    said = done.stderr.decode()
    expect_equal(0, done.returncode, f"status of the import: {text_of(done)}")
    expect(notes in said if notes else not said, f"setaside says {said!r}, not {notes!r}")
    return str(json.loads(done.stdout)["import"]["set"])


def expect_same_zips(stream, root, number):
    """Exported again as they came, though under names of setaside's own."""
    with tarfile.open(fileobj=io.BytesIO(stream)) as t:
        came = sorted(t.extractfile(m).read() for m in t if m.name.endswith(".zip"))
    again = carrying.export_by_setaside(root, number)
    expect(came == sorted(again.zips().values()), "the exported zips are others")


def reads(sparse=False, names=("hello",), **steps):
    """A test of one snapshot that is written differently."""
    def test(programs, folder):
        case = plain_case(programs, folder, names, sparse)
        read_by_both(case, tar_of(Maker(case, **steps).export().members()))
    return test


def reads_stream(change):
    """A test of three plain snapshots in a stream that is written differently."""
    def test(programs, folder):
        case = plain_case(programs, folder, ("hello", "b", "c0"))
        stream = change(Maker(case).export(), folder)
        read_by_both(case, stream)
    return test


def content_at(place):
    def change(export, _):
        members = export.members()
        members.insert(place, members.pop(0))
        return tar_of(members)
    return change


def other_names(export, _):
    """Names that nobody gives, and that say nothing."""
    renamed = {f"{i}_{'x' * i}.y.zip": data
               for i, data in enumerate(export.zips.values(), 5)}
    content = Export(renamed)
    content.content = export.content
    return tar_of(content.members())


def more_manifest(export, _):
    export.manifest = {"setaside": None, **export.manifest, "later": {"a": [1]}}
    return tar_of(export.members())


def without_content(export, _):
    export.content = None
    return tar_of(export.members())


def turned_zips(export, _):
    export.zips = dict(reversed(export.zips.items()))
    return tar_of(export.members())


def packed_again(*options):
    def change(export, folder):
        stream = foreign.gnu_tar_of(os.path.join(folder, "unpacked"), export.members(),
                                    *options)
        expect_equal(0, len(stream) % 10240, "length over GNU tar's blocks")
        return stream
    return change


def key_that_counts(programs, folder):
    """A later writer's key, which its content hash covers: nobody here can check that."""
    case = plain_case(programs, folder)
    export = Maker(case, changed={"later-key": {"a": 1}, "options": None}).export()
    wrong = Export(export.zips, hashlib.sha256(b"another").digest())
    read_by_both(case, tar_of(wrong.members()), notes="does not know")


def later_form_of_hash(programs, folder):
    """Go writes \\b and \\f short since 1.22, so such a set has two content hashes."""
    case = plain_case(programs, folder)
    maker = Maker(case, changed={"conf": {"a\b": "\f"}},
                  write_meta=lambda v: foreign.as_go_writes(v).replace(
                      b"\\b", b"\\u0008").replace(b"\\f", b"\\u000c"))
    export = maker.export()
    data, = export.zips.values()
    with zipfile.ZipFile(io.BytesIO(data)) as z:
        meta = z.read("meta.json")
    meta = re.sub(b'^{"set":4,"time":"[^"]*"', b'{"set":0,"time":"0001-01-01T00:00:00Z"',
                  meta)
    hashes = [hashlib.sha256(hashlib.sha256(m).digest()).digest() for m in (
        meta, meta.replace(b"\\u0008", b"\\b").replace(b"\\u000c", b"\\f"))]
    expect(hashes[0] == maker.hash_by_snapd(export.zips), "the hash is not snapd's")
    streams = [tar_of(Export(export.zips, h).members()) for h in hashes]
    for first in (0, 1):
        root = Target(case, f"target{first}", 0, [], []).root
        for stream, duplicate in ((streams[first], False), (streams[1 - first], True),
                                  (streams[first], True)):
            answer = root.setaside("import", "-", stdin=stream)["import"]
            expect_equal((Number("1"), duplicate), (answer["set"], answer["duplicate"]),
                         f"form {first} first: number, whether a duplicate")


def header_for_all(programs, folder):
    """A pax header for all members: snapd takes it for one of them."""
    case = plain_case(programs, folder)
    stream = tar_of(Maker(case).export().members(), tarfile.PAX_FORMAT,
                    pax_headers={"comment": "of all that follows"})
    target = Target(case, "target", 3, case.snaps, [None, USER])
    number = import_with_notes(case, target.root, stream, "")
    target.root.setaside("check", number, "--deep")
    target.root.setaside("restore", number, "--trust")
    target.expect_restored(True, "restored by setaside")
    expect_same_zips(stream, target.root, number)
    snapd = Root(os.path.join(folder, "snapd"), programs)
    done = programs.run_judge(snapd.path, ["import", "12"], stream)
    expect_equal(1, done.returncode, "snapd's status")


def number_in_a_store(programs, folder):
    """In a store too the number in the name counts, not that inside."""
    case = plain_case(programs, folder)
    data, = Maker(case).export().zips.values()
    target = Target(case, "target", 3, case.snaps, [None])
    root = target.root
    root.write(f"{root.snapd_store()}/31_hello_1.0_7.zip", data)
    store = ["--store", root.snapd_store()]
    compare_sets(listed_by_setaside(root, 31, store), listed_by_snapd(root, 31),
                 "the set")
    root.setaside(*store, "check", "31", "--deep")
    root.setaside(*store, "restore", "31", "--trust")
    target.expect_restored(True, "restored by setaside")


def two_in_a_stream(programs, folder):
    """Of several sets in one stream snapd takes the first, setaside all."""
    case = plain_case(programs, folder)
    first = case.save_with_setaside()
    case.source.write("var/snap/hello/common/later", "so that the second is another set")
    second = case.save_with_setaside()
    file = os.path.join(folder, "two")
    case.source.setaside("export", str(first["id"]), str(second["id"]), "-o", file)
    with open(file, "rb") as f:
        stream = f.read()
    snapd, setaside = (Target(case, name, 3, [], []).root
                       for name in ("snapd", "setaside"))
    snapd.judge("import", "8", stdin=stream)
    expect_equal([first["content-hash"]],
                 [s["content-hash"] for s in snapd.judge("list")], "what snapd imported")
    answer = setaside.setaside("import", "-", stdin=stream)["imports"]
    expect_equal([(Number("1"), False), (Number("2"), False)],
                 [(a["set"], a["duplicate"]) for a in answer], "what setaside imported")


READ = {
    "members in another order": reads(order=lambda m: list(reversed(m))),
    "metadata between the archives": reads(order=lambda m: [m[2], m[0], m[3], m[1]]),
    "sizes behind the data": reads(write_zip=foreign.zip_in_pipe),
    "archives deflated": reads(write_zip=functools.partial(
        plain_zip, method=zipfile.ZIP_DEFLATED)),
    "deflated, sizes behind the data": reads(write_zip=functools.partial(
        foreign.zip_in_pipe, method=zipfile.ZIP_DEFLATED)),
    "zip64 everywhere": reads(write_zip=foreign.all_zip64),
    "zip64 in local headers": reads(write_zip=functools.partial(plain_zip, big=True)),
    "zip64, sizes behind the data": reads(write_zip=functools.partial(
        foreign.zip_in_pipe, big=True)),
    "dates, modes and extra fields": reads(write_zip=functools.partial(
        plain_zip, dated=(2026, 3, 4, 5, 6, 8))),
    "unknown members": reads(more=[("notes.txt", b"x" * 100), ("user/", b""),
                                   ("user/x.json", b"{}"), ("\u00e9/\u2028", b"")]),
    "several gzip members": reads(squeeze=foreign.in_members),
    "all fields of a gzip header": reads(squeeze=foreign.with_all_fields),
    "not compressed at all": reads(squeeze=lambda d: gzip.compress(d, 0)),
    "tar by Python, ustar": reads(pack=by_python(tarfile.USTAR_FORMAT)),
    "tar by Python, GNU": reads(pack=by_python(tarfile.GNU_FORMAT)),
    "tar by Python, pax": reads(pack=by_python(
        tarfile.PAX_FORMAT, pax_headers={"comment": "of all that follows"})),
    **{f"tar by GNU tar, {f}": reads(pack=by_gnu_tar(f"--format={f}"))
       for f in ("oldgnu", "gnu", "ustar", "pax")},  # v7 keeps no names of owners
    "tar with holes, as GNU writes them": reads(30, pack=by_gnu_tar(
        "--format=gnu", "--sparse")),
    "tar with few holes, as GNU writes them": reads(3, pack=by_gnu_tar(
        "--format=gnu", "--sparse")),
    **{f"tar with holes, pax {v}": reads(30, pack=by_gnu_tar(
        "--format=pax", "--sparse", f"--sparse-version={v}"))
       for v in ("0.0", "0.1", "1.0")},
    "tar without padding": reads(pack=by_gnu_tar("--format=gnu", "-b", "1")),
    "metadata spaced, keys in another order": reads(write_meta=foreign.spaced_and_turned),
    "metadata all escaped": reads(write_meta=foreign.all_escaped),
    "every oddity of JSON, as it is": reads(write_meta=foreign.with_raw_conf(1)),
    "every oddity of JSON, other dice": reads(write_meta=foreign.with_raw_conf(2)),
    "a bare revision, a short epoch": reads(changed={"revision": 7, "epoch": "0"}),
    "nothing that may be left out": reads(changed={
        "snap-id": ..., "epoch": ..., "summary": ..., "conf": ..., "size": ...}),
    "null for what may be left out": reads(changed={
        "snap-id": None, "epoch": None, "summary": None, "conf": None, "options": None}),
    "a time with an offset": reads(changed={
        "time": "2026-03-04T05:06:07.123456789+05:45"}),
    "unknown keys": reads(changed={"later": [{"a": 1}], "setaside": {
        "format": 1, "packaging": "snap", "later": [2]}}),
    "options and auto": reads(changed={
        "options": {"exclude": ["$SNAP_DATA/x"]}, "auto": True}),
    "a hash without its newline": reads(write_hash="{}"),
    "a hash with blanks around it": reads(write_hash=" {}\r\n\n"),
    "content.json between the zips": reads_stream(content_at(2)),
    "content.json behind the zips": reads_stream(content_at(3)),
    "no content.json": reads_stream(without_content),
    "zips in another order": reads_stream(turned_zips),
    "zips with other names": reads_stream(other_names),
    "unknown keys in export.json": reads_stream(more_manifest),
    **{f"export packed again by GNU tar, {f}": reads_stream(packed_again(f"--format={f}"))
       for f in ("v7", "oldgnu", "gnu", "ustar", "pax")},
    "export with old file types": reads_stream(lambda e, _: tar_of(
        e.members(), kind=tarfile.AREGTYPE)),
    "export with a megabyte of padding": reads_stream(lambda e, _: tar_of(
        e.members()) + bytes(1 << 20)),
    "a key that the content hash covers": key_that_counts,
    "the content hash as later versions of Go have it": later_form_of_hash,
    "another number inside than in the name": number_in_a_store,
}

TESTS = [(f"read by both: {name}", test) for name, test in READ.items()]
TESTS += [
    ("snapd takes the first of two sets in a stream", two_in_a_stream),
    ("setaside takes a pax header for all members", header_for_all),
]
