#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Exports and imports at bad moments: no room, signals, a kill at any moment, two at once.

. "${abs_top_srcdir:?}/tests/cli/e2e_two_lib.sh" || exit 99

kills=${SETASIDE_E2E_KILLS-30}

mkdir -p "$home/.demo" "$there_home/.demo"
echo live >"$there_home/.demo/file"
head -c 3000000 /dev/urandom >"$home/.demo/random"
run save demo
run export 1 "$scratch/small.export"
head -c 24000000 /dev/urandom >"$home/.demo/random"
run save demo
run export 2 "$scratch/large.export"
rm "$home/.demo/random"
cd "$scratch" || exit 99
# What is there before all of it.
there import small.export
is_status 0 'there is a set'

# ---- No room ----

# room NAME ARGUMENT...: an import into the full file system at $scratch/small.
room()
{
	local before

	before=$(in_store "$there_store")
	there import "${@:2}" <"${input-/dev/null}"
	is_status 6 "$1: status"
	one_message "$1"
	is "$(in_store "$there_store")" "$before" "$1: nothing is left"
	is "$(find "$there_store" -name '.*.tmp.*')" '' "$1: no file without a name"
	is "$(cat "$there_home/.demo/file")" live "$1: live data is as it was"
}

own_store=$there_store
if can_mount; then
	# With the reserve that holds without a configuration.
	mv "$there_home/.config" "$scratch/config"
	for size in 256k 1m 2m 3m; do
		small "$size"
		there_store=$scratch/small/store
		room "$size for 3 MB" small.export
		like_err '[0-9][kM]?B' "$size for 3 MB: how much is needed, and is there"
		mount -o remount,size=16m "$scratch/small"
		there import small.export
		is_status 0 "$size for 3 MB: with room the next one succeeds"
		there check 1
		there doctor
		is_out 'Nothing to repair.' "$size for 3 MB: and nothing is to be repaired"
		umount "$scratch/small"
	done
	for inodes in 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
		small 64m "nr_inodes=$inodes"
		there_store=$scratch/small/store
		there import small.export
		if test "$status" -eq 0; then
			break
		fi
		is_status 6 "$inodes inodes: status"
		is "$(find "$there_store" -name '[0-9]*_*')" '' "$inodes inodes: nothing of the set is left"
		umount "$scratch/small"
	done
	is "$((inodes > 4 && inodes < 16)) $status" '1 0' "no room: $inodes inodes are enough"

	# What fills the disk while it comes.
	umount "$scratch/small"
	small 64m
	there import small.export
	mkfifo pipe
	"$setaside" --user --root "$there_root" --store "$there_store" --json import - \
		<pipe >bg.out 2>bg.err &
	job=$!
	exec 9>pipe
	feed large.export 0 12000000
	head -c 100M /dev/zero >"$scratch/small/filler" 2>/dev/null
	feed large.export 12000000 100000000
	exec 9>&-
	wait "$job"
	status=$?
	cp bg.out out
	cp bg.err err
	is_status 6 'full while it comes: status'
	is_json 'd["error"]["kind"]' '"no-space"' 'full while it comes: JSON'
	one_message 'full while it comes'
	is "$(find "$there_store/snapshots" -name '2_*')" '' 'full while it comes: nothing is left'
	rm "$scratch/small/filler"
	there import --json large.export
	is_status 0 'full while it comes: with room the next one succeeds'
	there check "$(imported_set)"
	is_status 0 'full while it comes: and is whole'
	umount "$scratch/small"

	small 64m
	there_store=$scratch/small/store
	mkdir -p "$there_home/.config/setaside"
	echo 'reserve = 97%' >"$there_home/.config/setaside/setaside.conf"
	room 'the reserve' small.export
	rm -r "$there_home/.config"
	there import small.export
	is_status 0 'the reserve: with less of it'
	mv "$scratch/config" "$there_home/.config"
	umount "$scratch/small"
	there_store=$own_store
else
	skip 'no room' 'nothing can be mounted here'
fi

# ---- Signals ----

# start ARGUMENT...: there, in the background, with the pipe for standard input; it hears
# signals although whoever runs the tests may not.
rm -f pipe
mkfifo pipe
start()
{
	set -m
	env --default-signal=HUP,INT,TERM "$setaside" --user --root "$there_root" --store "$there_store" \
		"$@" <pipe >bg.out 2>bg.err &
	job=$!
	set +m
	exec 9>pipe
}

# ends [SIGNAL]: its status and output become those of a command.
ends()
{
	test $# -eq 0 || kill -"$1" "$job"
	wait "$job"
	status=$?
	exec 9>&-
	cp bg.out out
	cp bg.err err
}

# The writer neither writes nor closes: an import that did not hear the signal would never
# end.
for signal in HUP INT TERM; do
	for bytes in 0 300 100000 20000000; do
		remember
		start import --json -
		# All but what a pipe holds has been read when this returns.
		feed large.export 0 "$bytes"
		until test "$bytes" -lt 5000 ||
			compgen -G "$there_store/snapshots/*_importing" >/dev/null; do
			kill -0 "$job" || break
		done
		python3 "$here/wait_caught.py" "$job" "$signal"
		ends "$signal"
		is_status $((128 + $(kill -l "$signal"))) "import, SIG$signal after $bytes bytes: status"
		is_json 'd["error"]["kind"]' '"interrupted"' "import, SIG$signal after $bytes bytes: JSON"
		one_message "import, SIG$signal after $bytes bytes"
		unchanged "import, SIG$signal after $bytes bytes"
	done
done
there doctor
is_out 'Nothing to repair.' 'import, signals: nothing is to be repaired'

# export_ends SIGNAL: in the middle of a file; nothing can hold it there, so that it may be
# done before it hears.
export_ends()
{
	local tries

	for tries in 1 2 3 4 5 6 7 8 9 10; do
		rm -rf to
		mkdir to
		set -m
		env --default-signal=HUP,INT,TERM "$setaside" --user --root "$root" --store "$store" \
			export "$huge" "$scratch/to/file" >bg.out 2>bg.err </dev/null &
		job=$!
		set +m
		python3 "$here/wait_open.py" "$job" "$scratch/to"
		kill -"$1" "$job"
		wait "$job"
		status=$?
		test "$status" -eq 0 || break
	done
	cp bg.out out
	cp bg.err err
}
head -c 200000000 /dev/urandom >"$home/.demo/random"
run save --json demo
huge=$(saved_set)
rm "$home/.demo/random"
for signal in INT TERM; do
	export_ends "$signal"
	is_status $((128 + $(kill -l "$signal"))) "export, SIG$signal: status"
	one_message "export, SIG$signal"
	is "$(ls -A to)" '' "export, SIG$signal: nothing is left"
done
# Nobody reads.
mkfifo out-pipe
set -m
env --default-signal=HUP,INT,TERM "$setaside" --user --root "$root" --store "$store" \
	export "$huge" - >out-pipe 2>bg.err </dev/null &
job=$!
set +m
exec 8<out-pipe
head -c 100000 <&8 >/dev/null
kill -INT "$job"
wait "$job"
status=$?
exec 8<&-
: >out
cp bg.err err
is_status 130 'export into a pipe that nobody reads, SIGINT: status'
one_message 'export into a pipe that nobody reads, SIGINT'
run forget "$huge"
is_status 0 'export, signals: no lock is left'

# ---- Killed ----

before=$(listed there)
begin=$(date +%s%N)
there import --json large.export
length=$((($(date +%s%N) - begin) / 1000000))
there forget "$(imported_set)"
bad=0 whole=0
# settled LISTED: there is what was there before, or one set more, which is whole and goes.
settled()
{
	local last

	case $1 in
	"$before") return ;;
	"${before%]},["*",null,[null]]]")
		whole=$((whole + 1))
		last=$(json 'd["sets"][-1]["id"]')
		there show "$last"
		grep -q '^Origin  *imported$' out && there check "$last" && test "$status" -eq 0 &&
			there forget "$last" && test "$status" -eq 0 && return
		;;
	esac
	bad=$((bad + 1))
	echo "# before $before, after $1"
}
for ((i = 0; i < kills; i++)); do
	"$setaside" --user --root "$there_root" --store "$there_store" import large.export \
		>/dev/null 2>&1 </dev/null &
	job=$!
	sleep "$(printf '%d.%03d' $((length * i / kills / 1000)) $((length * i / kills % 1000)))"
	kill -KILL "$job" 2>/dev/null
	wait "$job" 2>/dev/null
	settled "$(listed there)"
	there import --json small.export
	test "$status" -eq 0 || bad=$((bad + 1))
	# Where only the end of its work was missing, that run has closed it.
	settled "$(listed there)"
	left=$(find "$there_store/snapshots" -type f ! -name .last-set ! -name '1_*.zip')
	test -z "$left" || {
		bad=$((bad + 1))
		echo "# left after $((length * i / kills)) ms: $left"
	}
done
is "$bad" 0 "import killed $kills times: all of the set or nothing; $whole times all"
there import --json large.export
is_status 0 'import killed: the next one succeeds'
last=$(imported_set)
there check "$last"
is_status 0 'import killed: and is whole'
there forget "$last"
# At a moment that is certain: a part of the zip has come.
start import -
feed large.export 0 20000000
kill -KILL "$job"
wait "$job" 2>/dev/null
exec 9>&-
is "$(find "$there_store/snapshots" -name '*_importing' | wc -l)" 1 \
	'killed in the middle: it had begun'
there saved --json
is_json '[s["id"] for s in d["sets"]]' '[1]' 'killed in the middle: nothing of it is seen'
there doctor --json
is_json '[d["doctor"]["left"], len(d["doctor"]["repaired"])]' '[[],1]' \
	'killed in the middle: doctor clears up'
is "$(find "$there_store/snapshots" -name '*_importing')" '' 'killed in the middle: nothing is left'

# ---- At once ----

for file in small.export large.export; do
	"$setaside" --user --root "$there_root" --store "$there_store" --wait 3600 --json \
		import --allow-duplicate "$file" >"at-once.$file" 2>&1 </dev/null &
done
failed=0
for job in $(jobs -p); do
	wait "$job" || failed=$((failed + 1))
done
is "$failed" 0 'two imports at once: both succeed'
cat at-once.* >out
is "$(cat at-once.* | sort -u | wc -l)" 2 'two imports at once: two numbers'
there saved --json
is_json 'len(set(s["id"] for s in d["sets"])) == len(d["sets"]) == 3' true \
	'two imports at once: all are listed'
there doctor
is_out 'Nothing to repair.' 'two imports at once: nothing to repair'
# One that waits for its writer keeps nobody from working.
start import --allow-duplicate -
feed large.export 0 20000000
there --wait 0 import --allow-duplicate --json small.export
is_status 0 'beside a slow import: another one'
there --wait 0 forget "$(imported_set)"
is_status 0 'beside a slow import: forget'
there --wait 0 restore 1
is_status 0 'beside a slow import: restore'
feed large.export 20000000 100000000
exec 9>&-
ends
is_status 0 'beside a slow import: which succeeds'
# Two who bring the same set do not both leave it here.
there saved --json
for id in $(python3 -c 'import json; print(*[s["id"] for s in json.load(open("out"))["sets"][1:]])'); do
	there forget "$id"
done
start --json import -
feed large.export 0 20000000
there import --json large.export
is_json 'd["import"]["duplicate"]' false 'the same set twice at once: it comes'
first=$(imported_set)
feed large.export 20000000 100000000
exec 9>&-
ends
is_status 0 'the same set twice at once: the later one is no failure'
is_json '[d["import"]["set"], d["import"]["duplicate"]]' "[$first,true]" \
	'the same set twice at once: the later one finds it'
there saved --json
is_json 'len(d["sets"])' 2 'the same set twice at once: it is here once'
done_testing
