#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A set becomes one file or stream, and the same set on another machine: what export writes,
# where, and where not.

. "${abs_top_srcdir:?}/tests/cli/e2e_two_lib.sh" || exit 99

# look HOME: the trees of both apps, without what is not saved.
look()
{
	(cd "$1" && fingerprint .demo .demorc .other) | grep -v "' socket "
}

for word in $(rich make "$home/.demo"); do
	echo "# not in the tree: $word"
done
# What is in a user's archive, but only root could set, does not come back.
rm -f "$home/.demo/capable" "$home/.demo/special/"{a-disk,disk,null,null-too}
echo one >"$home/.demorc"
mkdir "$home/.other"
echo other >"$home/.other/file"
look "$home" >"$scratch/wanted"
run save --name trip --note 'a note' --json demo other
hash=$(json 'd["set"]["content-hash"]' | tr -d '"')
head -c 3000000 /dev/urandom >"$home/.other/random"
run save --json other
run saved
file=$scratch/trip.export

# content STORE SET: the content hash of each snapshot, and the bytes of its file.
content()
{
	zips "$1" "$2" | while read -r zip; do sha256sum <"$zip"; done
}

# ---- Round trip ----

run export trip "$file"
is_status 0 'to a file: status'
like_out "^Set 1 exported to \"$file\" \([0-9.]+[kM]?B\)\.\$" 'to a file: says so'
is_err '' 'to a file: nothing else'
is "$(stat -c '%a %F' "$file")" '600 regular file' 'to a file: for its owner alone'
is "$(tar -tf "$file" | tr '\n' ' ')" \
	'content.json 1_demo_0_x1.zip 1_other_0_x1.zip export.json ' \
	'to a file: GNU tar sees what it holds'
there import --json "$file"
is_status 0 'from a file: status'
is_out '{"version":1,"import":{"set":1,"duplicate":false,"apps":["demo","other"]}}' \
	'from a file: JSON'
there saved --json
is_json '[[s["id"], s["name"], s["note"], s["auto"], s["content-hash"]] for s in d["sets"]]' \
	"[[1,\"trip\",\"a note\",false,\"$hash\"]]" 'from a file: name, note and hash come along'
is "$(content "$there_store/snapshots" 1)" "$(content "$store/snapshots" 1)" \
	'from a file: every byte of the snapshots is the same'
there show trip
like_out '^Origin +imported$' 'from a file: it is known to have been imported'
there check --deep trip
is_status 0 'from a file: check'
there restore --trust trip
is_status 0 'from a file: restore'
look "$there_home" >"$scratch/found"
same "$scratch/wanted" "$scratch/found" 'from a file: the trees are equal'

umask 000
run export trip "$scratch/open.export"
umask 022
is "$(stat -c '%a' "$scratch/open.export")" 600 'to a file: whatever the umask'
stripped()
{
	tar -xOf "$1" --exclude export.json | sha256sum
}
is "$(stripped "$scratch/open.export")" "$(stripped "$file")" 'to a file: twice the same'

# through STORE: from one store into another, through a pipe.
through()
{
	local pipe=("$setaside" --user --root "$there_root" --store "$1" --json import -)

	"$setaside" --user --root "$root" --store "$store" export trip - 2>"$scratch/err" |
		"${pipe[@]}" >"$scratch/out" 2>>"$scratch/err"
	is "${PIPESTATUS[*]}" '0 0' 'through a pipe: both ends'
}
through "$scratch/piped"
is_err '' 'through a pipe: without a word'
is "$(imported_set)" 1 'through a pipe: JSON'
is "$(content "$scratch/piped/snapshots" 1)" "$(content "$store/snapshots" 1)" \
	'through a pipe: every byte of the snapshots is the same'
while there keep && test "$status" -eq 0; do :; done
rm -rf "$there_home/.demorc" "$there_home/.other"
run_raw --user --root "$there_root" --store "$scratch/piped" restore --trust 1
is_status 0 'through a pipe: restore'
look "$there_home" >"$scratch/found"
same "$scratch/wanted" "$scratch/found" 'through a pipe: the trees are equal'
run export trip -
cp "$scratch/out" "$scratch/stream"
is "$(stripped "$scratch/stream")" "$(stripped "$file")" 'to standard output: as into a file'

# ---- Which set, which file ----

run export --json "${hash:0:60}" "$scratch/by-hash"
is_status 0 'a set by its hash'
is_json 'd["export"]' "{\"sets\":[1],\"file\":\"$scratch/by-hash\",\"size\":$(
	stat -c %s "$scratch/by-hash")}" 'a set by its hash: JSON'
run export --quiet 1 "$scratch/quiet"
is "$status$(cat "$scratch/out" "$scratch/err")" 0 'a set by its number, --quiet'
# where DIR COMMAND...: there, since an operand of digits has no directory.
where()
{
	(cd "$1" && shift && "$@")
	status=$?
}
mkdir "$scratch/digits"
where "$scratch/digits" "$setaside" --user --root "$root" --store "$store" export 1 3 \
	>"$scratch/out" 2>"$scratch/err"
is_status 2 'a file of digits alone: status'
like_err '"3" looks like a set' 'a file of digits alone: message'
like_err 'hint: .*\./3.*-o' 'a file of digits alone: hint'
is "$(ls "$scratch/digits")" '' 'a file of digits alone: is not made'
where "$scratch/digits" "$setaside" --user --root "$root" --store "$store" export 1 ./3 \
	>"$scratch/out" 2>"$scratch/err"
is_status 0 'a file of digits alone: with ./'
where "$scratch/digits" "$setaside" --user --root "$root" --store "$store" export 1 -o4 \
	>"$scratch/out" 2>"$scratch/err"
is_status 0 'a file of digits alone: with -o'
is "$(ls "$scratch/digits")" '3
4' 'a file of digits alone: there they are'
run export 1 2 "$scratch/x"
is_status 2 'two sets without -o: status'
like_err 'hint: .*-o' 'two sets without -o: hint'
run export trip 2 1 --json -o "$scratch/both"
is_status 0 'several sets: status'
is_json '[d["export"]["sets"], d["export"]["file"] != ""]' '[[1,2],true]' 'several sets: each once'
like_err 'snapd' 'several sets: what snapd makes of them'
is "$(stat -c %s "$scratch/both")" "$(json 'd["export"]["size"]')" 'several sets: the size'
run export 1 2 --output=-
is_status 0 'several sets to standard output'
is "$(stripped "$scratch/out")" "$(stripped "$scratch/both")" 'several sets: the same stream'

# failed STATUS PATTERN NAME ARGUMENT...: export says one thing, and the directory of the
# file is as before.
mkdir "$scratch/to"
failed()
{
	local wanted=$1 pattern=$2 name=$3 before

	shift 3
	before=$(ls -Ai "$scratch/to"; in_store "$store")
	run export "$@"
	is_status "$wanted" "$name: status"
	like_err "$pattern" "$name: message"
	one_message "$name"
	is "$(ls -Ai "$scratch/to"; in_store "$store")" "$before" "$name: nothing has changed"
}

failed 4 'no set "99"' 'no such set' 99 "$scratch/to/x"
failed 4 'no set "nosuch"' 'one of two is no set' 1 nosuch -o "$scratch/to/x"
failed 1 'No such file' 'a directory that is not there' 1 "$scratch/to/no/x"
failed 2 'not the name of a file' 'no name' 1 "$scratch/to/"
echo precious >"$scratch/to/file"
failed 8 'exists already' 'a file that is there' 1 "$scratch/to/file"
like_err 'hint: --force' 'a file that is there: hint'
is "$(cat "$scratch/to/file")" precious 'a file that is there: as it was'
mkdir "$scratch/to/dir"
mkfifo "$scratch/to/fifo"
ln -s file "$scratch/to/link"
for what in dir fifo link; do
	failed 8 'is not a regular file' "a $what" 1 "$scratch/to/$what"
	failed 8 'is not a regular file' "a $what, --force" 1 "$scratch/to/$what" --force
done
failed 8 'is not a regular file' 'a device, --force' 1 /dev/null --force
is "$(stat -c %F /dev/null)" 'character special file' 'a device: as it was'
is "$(cat "$scratch/to/file")" precious 'behind a link: as it was'
run export 1 "$scratch/to/file" --force
is_status 0 'a file that is there, --force: status'
is "$(stripped "$scratch/to/file")" "$(stripped "$file")" 'a file that is there, --force: replaced'
is "$(stat -c %a "$scratch/to/file")" 600 'a file that is there, --force: for its owner alone'
failed 2 'both go to standard output' '--json to standard output' --json 1 -

mkdir -m 500 "$scratch/shut"
if can_mount; then
	mount --bind "$scratch/shut" "$scratch/shut"
	mount -o remount,bind,ro "$scratch/shut"
fi
if is_root && ! can_mount; then
	skip 'a directory that cannot be written' 'root writes anywhere'
else
	failed 1 'Permission denied|Read-only' 'a directory that cannot be written' \
		1 "$scratch/shut/x"
	is "$(ls -A "$scratch/shut")" '' 'a directory that cannot be written: is as it was'
fi

# on_terminal STREAM VERB...: with one of 0 and 1 a terminal.
on_terminal()
{
	python3 -c '
import os, pty, subprocess, sys
ours, theirs = pty.openpty()
streams = [subprocess.DEVNULL, subprocess.PIPE]
streams[int(sys.argv[1])] = theirs
got = subprocess.run(sys.argv[2:], stdin=streams[0], stdout=streams[1], stderr=subprocess.PIPE)
sys.stderr.buffer.write(got.stderr)
sys.exit(got.returncode)' "$1" "$setaside" --user --root "$root" --store "$store" "${@:2}" \
		>"$scratch/out" 2>"$scratch/err"
	status=$?
}
on_terminal 1 export 1 -
is_status 2 'standard output is a terminal: status'
like_err 'standard output is a terminal' 'standard output is a terminal: message'
like_err 'hint: name a file' 'standard output is a terminal: hint'
on_terminal 0 import -
is_status 2 'standard input is a terminal: status'
like_err 'standard input is a terminal' 'standard input is a terminal: message'

# ---- Damage ----

other=$(zips "$store/snapshots" 2)
cp -p "$other" "$scratch/whole.zip"
for how in archive archive-hash meta meta-hash no-archive half; do
	python3 "$here/break_zip.py" "$how" "$scratch/whole.zip" "$other"
	failed 5 'set 2' "a broken set, $how" 2 "$scratch/to/x"
	run export 1 2 -o -
	is_status 5 "a broken set among others, $how: status"
	cp "$scratch/out" "$scratch/cut"
	remember
	there import "$scratch/cut"
	test "$status" -eq 5 -o "$status" -eq 3
	is $? 0 "a broken set among others, $how: what came is no whole export"
done
cp -p "$scratch/whole.zip" "$other"

# ---- No room, no reader ----

if can_mount; then
	small 1m
	cp "$scratch/to/file" "$scratch/small/there" 2>/dev/null
	before=$(ls -A "$scratch/small")
	run export 2 "$scratch/small/x"
	is_status 6 'no room: status'
	like_err '[0-9][kM]?B.*[0-9][kM]?B' 'no room: how much is needed, and is there'
	one_message 'no room'
	is "$(ls -A "$scratch/small")" "$before" 'no room: nothing is left'
	"$setaside" --user --root "$root" --store "$store" export 2 - \
		>"$scratch/small/by-shell" 2>"$scratch/err" </dev/null
	status=$?
	: >"$scratch/out"
	is_status 6 'no room for standard output: status'
	like_err 'No space left' 'no room for standard output: message'
	one_message 'no room for standard output'
	umount "$scratch/small"
	small 64m nr_inodes=1
	run export 2 "$scratch/small/x"
	is_status 6 'no inode: status'
	umount "$scratch/small"
else
	skip 'no room' 'nothing can be mounted here'
fi

# An import that has read enough says no more, and the export hears of it.
{
	"$setaside" --user --root "$root" --store "$store" export 2 - 2>"$scratch/err"
	echo $? >"$scratch/status"
} </dev/null | head -c 1000 >"$scratch/out"
status=$(cat "$scratch/status")
is_status 1 'the reading end is gone: status'
like_err 'Broken pipe' 'the reading end is gone: message'
one_message 'the reading end is gone'

# ---- Stores of snapd ----

fixtures=$abs_top_srcdir/tests/fixtures/snapd
# parts FILE: name and content of all members but the date.
parts()
{
	python3 -c '
import hashlib, json, sys, tarfile
for info in sorted(tar := tarfile.open(sys.argv[1]), key=lambda i: i.name):
    data = tar.extractfile(info).read()
    if info.name == "export.json":
        data = json.dumps(sorted(json.loads(data)["files"])).encode()
    print(info.name, hashlib.sha256(data).hexdigest())' "$1"
}
run_raw --user --root "$root" --store "$fixtures" export 3 "$scratch/snapd.export"
is_status 0 "snapd's store: status"
parts "$fixtures/set3.snapshot" >"$scratch/wanted"
parts "$scratch/snapd.export" >"$scratch/found"
same "$scratch/wanted" "$scratch/found" "snapd's store: what snapd itself would have written"

# ---- Forgotten meanwhile ----

# slow SET: an export into a pipe that is read when the caller likes; 9 is its reading end.
slow()
{
	rm -f "$scratch/pipe"
	mkfifo "$scratch/pipe"
	"$setaside" --user --root "$root" --store "$store" export "$1" - \
		>"$scratch/pipe" 2>"$scratch/slow.err" </dev/null &
	job=$!
	exec 9<"$scratch/pipe"
	head -c 5000 <&9 >"$scratch/begin"
}

# slow_end NAME: reads the rest; the whole must be set 2.
slow_end()
{
	cat "$scratch/begin" - <&9 >"$scratch/slow"
	exec 9<&-
	wait "$job"
	status=$?
	cp "$scratch/slow.err" "$scratch/err"
	is_status 0 "$1: the export succeeds"
	is "$(stripped "$scratch/slow")" "$(stripped "$scratch/set2")" "$1: and is whole"
}
run export 2 "$scratch/set2"
slow 2
run --wait 0 forget 2
is_status 7 'forget while it is exported: busy'
like_err "$job" 'forget while it is exported: names the process'
like_err 'export' 'forget while it is exported: and what it does'
run --wait 0 saved
is_status 0 'saved while it is exported'
run --wait 0 export 2 "$scratch/twice"
is_status 0 'a second export of it at the same time'
slow_end 'forget while it is exported'
slow 2
rm "$other"
slow_end 'files that go away while they are exported'
cp -p "$scratch/whole.zip" "$other"
run --wait 0 forget 2
is_status 0 'forget, afterwards'
there import "$scratch/slow"
is_status 0 'what was exported meanwhile is imported'
done_testing
