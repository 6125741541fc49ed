# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sets carried from one program to the other as export streams, and back again."""

import io
import os
import tarfile

from judging import compare_sets, listed_by_setaside, listed_by_snapd
from roots import Number, exact, expect, expect_equal

LAST_NUMBER = (1 << 53) - 1


class Stream:
    """An export, and what is in it."""

    def __init__(self, data):
        self.data, self.members = data, []
        with tarfile.open(fileobj=io.BytesIO(data)) as t:
            for member in t:
                expect(member.isreg(), f"{member.name} is no regular file")
                self.members.append((member.name, t.extractfile(member).read()))

    def zips(self):
        """By what their names are behind the number."""
        return {name.partition("_")[2]: data for name, data in self.members[1:-1]}

    def expect_complete(self, number, what):
        """What both programs write, in the order in which they write it."""
        names = [name for name, _ in self.members]
        expect_equal(("content.json", "export.json"), (names[0], names[-1]),
                     f"{what}: first and last member")
        expect(all(name.startswith(f"{number}_") and name.endswith(".zip")
                   for name in names[1:-1]), f"{what}: members {names}")
        manifest = exact(self.members[-1][1])
        expect_equal(["date", "files", "format"], sorted(manifest), f"{what}: manifest")
        expect_equal((Number("1"), names[1:-1]), (manifest["format"], manifest["files"]),
                     f"{what}: format and files")


def export_by_setaside(root, number, file=None):
    """file: written there and read from there, else to standard output."""
    number = str(number)
    if file:
        root.setaside("export", number, file)
        expect_equal("0o100600", oct(os.stat(file).st_mode), "mode of an export")
        with open(file, "rb") as f:
            stream = Stream(f.read())
    else:
        stream = Stream(root.setaside_stream("export", number, "-"))
    stream.expect_complete(number, "setaside's export")
    return stream


def export_by_snapd(root, number):
    stream = Stream(root.judge_stream("export", str(number)))
    stream.expect_complete(number, "snapd's export")
    return stream


def expect_same_streams(wanted, found, what):
    """Byte for byte, but for the set's number and the date."""
    expect_equal(wanted.members[0], found.members[0], f"{what}: content.json")
    ours, theirs = wanted.zips(), found.zips()
    expect_equal(sorted(ours), sorted(theirs), f"{what}: names of the zips")
    for name, data in ours.items():
        expect(data == theirs[name], f"{what}: {name} is not the same, byte for byte")


def import_by_setaside(root, stream, file=None):
    """What setaside answers; file: where the stream is put before, None: a pipe."""
    if not file:
        return root.setaside("import", "-", stdin=stream.data)["import"]
    with open(file, "wb") as f:
        f.write(stream.data)
    return root.setaside("import", file)["import"]


def renumbered(found, number):
    """The set as it is listed under another number."""
    number = Number(str(number))
    snapshots = [dict(s, set=number) if "snap" in s else
                 dict(s, snapshot=dict(s["snapshot"], set=number))
                 for s in found["snapshots"]]
    return dict(found, id=number, snapshots=snapshots)


def apps_of(found):
    return sorted(s["snap"] if "snap" in s else s["snapshot"]["snap"]
                  for s in found["snapshots"])


def expect_imported(answer, names, duplicate, found, what):
    """names: the key of the apps."""
    expect_equal((found["id"], duplicate, apps_of(found)),
                 (answer["set"], answer["duplicate"], sorted(answer[names])),
                 f"{what}: number, whether a duplicate, apps")


def carry_to_snapd(source, ours, root, number, file=None):
    """setaside's set into snapd's store, under a number, and back to where it came from.

    Both are to know the set again. Returns it as snapd has to list it, and what snapd has
    exported.
    """
    there = renumbered(ours, number)
    stream = export_by_setaside(source, ours["id"], file)
    answer = root.judge("import", str(number), stdin=stream.data)
    expect_imported(answer, "snaps", False, there, "imported by snapd")
    compare_sets(there, listed_by_snapd(root, number), "imported by snapd")
    back = export_by_snapd(root, number)
    expect_same_streams(stream, back, "setaside's export, exported by snapd")
    answer = import_by_setaside(source, back, file)
    expect_imported(answer, "apps", True, ours, "setaside's set, back from snapd")
    stream = export_by_setaside(source, ours["id"])
    answer = root.judge("import", str(number + 1 if number < LAST_NUMBER else 1),
                        stdin=stream.data)
    expect_imported(answer, "snaps", True, there, "setaside's set, once more to snapd")
    expect_equal(1, len(root.judge("list")), "sets that snapd has")
    return there, back


def carry_to_setaside(source, theirs, root, file=None):
    """snapd's set into setaside's store, and back to where it came from.

    Both are to know the set again. Returns it as snapd would list it there.
    """
    stream = export_by_snapd(source, theirs["id"])
    answer = import_by_setaside(root, stream, file)
    there = renumbered(theirs, answer["set"])
    expect_imported(answer, "apps", False, there, "imported by setaside")
    compare_sets(listed_by_setaside(root, answer["set"]), there, "imported by setaside")
    back = export_by_setaside(root, answer["set"], file and file + ".back")
    expect_same_streams(stream, back, "snapd's export, exported by setaside")
    unused = int(str(theirs["id"])) - 1 or 2
    answer = source.judge("import", str(unused), stdin=back.data)
    expect_imported(answer, "snaps", True, theirs, "snapd's set, back from setaside")
    stream = export_by_snapd(source, theirs["id"])
    answer = import_by_setaside(root, stream)
    expect_imported(answer, "apps", True, there, "snapd's set, once more to setaside")
    expect_equal([there["id"]], [s["id"] for s in root.setaside("saved")["sets"]],
                 "sets that setaside has")
    return there
