# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What the tests of export and import (bash) share, over e2e_lib.sh: a second machine, of
# which the user has another home and another store, and streams that are not as they should
# be.
#
#	. "$abs_top_srcdir/tests/cli/e2e_two_lib.sh"
#	run export 1 "$scratch/file"		here
#	there import "$scratch/file"		on the second machine

. "${abs_top_srcdir:?}/tests/cli/e2e_lib.sh" || exit 99

there_root=$scratch/there
there_home=$there_root/home/tester
there_store=$scratch/there-store
mkdir -p "$there_root" "$there_home"
# Who stands in access control lists.
printf '%s:x:%s:%s::/:/bin/false\n' daemon 1 1 bin 2 2 guest 64999 64999 >>"$root/etc/passwd"
printf '%s:x:%s:\n' daemon 1 bin 2 >>"$root/etc/group"
cp -R "$root/etc" "$there_root"
cp -a "$home/.config" "$there_home"

there()
{
	run_raw --user --root "$there_root" --store "$there_store" "$@"
}

# imported_set: the number that the last import with --json has given.
imported_set()
{
	json 'd["import"]["set"]'
}

# listed COMMAND: number, name and state of each set.
listed()
{
	"$1" saved --json
	json '[[s["id"], s["name"], [x.get("broken") for x in s["snapshots"]]] for s in d["sets"]]'
}

# in_store STORE: every file of its sets, and whatever else lies with them.
in_store()
{
	(cd "$1/snapshots" 2>/dev/null &&
		find . -type f ! -name .last-set -exec sha256sum {} + | sort -k 2)
}

# remember: what is there; unchanged NAME: and that it still is.
look_there()
{
	fingerprint "$there_home"
	in_store "$there_store"
}

remember()
{
	look_there >"$scratch/before"
}

unchanged()
{
	look_there >"$scratch/found"
	same "$scratch/before" "$scratch/found" "$1: nothing has changed, nothing is left"
}

# one_message NAME: hints and warnings aside.
one_message()
{
	is "$(grep -Evc '^setaside: (hint|warning): ' "$scratch/err")" 1 "$1: one message"
}

# refused STATUS PATTERN NAME ARGUMENT...: there.
refused()
{
	local wanted=$1 pattern=$2 name=$3

	shift 3
	remember
	there "$@"
	is_status "$wanted" "$name: status"
	like_err "$pattern" "$name: message"
	one_message "$name"
	unchanged "$name"
}

# edit HOW FROM TO: an export that somebody has changed; see edit_export.py.
edit()
{
	python3 "$here/edit_export.py" "$@"
}

# small SIZE [OPTION]: an empty file system at $scratch/small.
small()
{
	mkdir -p "$scratch/small"
	mount -t tmpfs -o "size=$1${2:+,$2}" none "$scratch/small"
}

# Writes to descriptor 9 the bytes of FILE from one offset to another: feed FILE FROM TO.
feed()
{
	python3 -c '
import os, sys
name, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with open(name, "rb") as f:
    f.seek(first)
    data = f.read(last - first)
try:
    while data:
        data = data[os.write(9, data):]
except BrokenPipeError:
    pass' "$@"
}
