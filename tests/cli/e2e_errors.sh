#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Bad input, bad moments and interruptions: the documented exit status, one clear message,
# and live data and store as they were.

. "${abs_top_srcdir:?}/tests/cli/e2e_lib.sh" || exit 99

# here_now: live data and what the store holds.  Staging changes the time of the home, and
# a number that was taken is not used again.
here_now()
{
	fingerprint "$home" | grep -v "^b'$home' "
	(cd "$store/snapshots" 2>/dev/null &&
		find . -type f ! -name .last-set -exec sha256sum {} + | sort)
}

# unchanged NAME: neither is other than when `remember` was called.
remember()
{
	here_now >"$scratch/before"
}

unchanged()
{
	here_now >"$scratch/found"
	same "$scratch/before" "$scratch/found" "$1: nothing has changed"
}

# refused STATUS PATTERN NAME ARGUMENT...: the message is one line, hints and warnings aside.
refused()
{
	local wanted=$1 pattern=$2 name=$3

	shift 3
	remember
	run "$@"
	is_status "$wanted" "$name: status"
	like_err "$pattern" "$name: message"
	is "$(grep -Evc '^setaside: (hint|warning): ' "$scratch/err")" 1 "$name: one message"
	unchanged "$name"
}

mkdir -p "$home/.demo/deep/er"
echo one >"$home/.demo/file"
echo two >"$home/.demo/deep/er/file"
ln -s file "$home/.demo/link"
head -c 300000 /dev/urandom >"$home/.demo/random"
echo two >"$home/.demorc"
run save --name first demo
run save demo

# ---- What is not there ----

for verb in show check restore forget; do
	refused 4 'no set.*99' "$verb of no set" "$verb" 99
done
refused 4 'nosuch' 'restore of no app' restore 1 nosuch
refused 4 'did you mean "demo"' 'restore of a misspelt app' restore 1 dmeo
refused 4 'nosuch' 'save of no app' save nosuch
refused 4 'nosuch' 'save of no user' save --users nosuch demo
refused 4 'no restore|nothing to' 'undo of nothing' undo
refused 4 'no restore|nothing to' 'keep of nothing' keep

# ---- What is said wrongly ----

refused 2 'name' 'a name with a control character' save --name $'a\nb' demo
refused 2 'name' 'a name of digits' save --name 12 demo
refused 8 'first' 'a name that is taken' save --name first demo
for pattern in ../x /abs data/../x nosuch/x data/; do
	refused 2 '.' "the exclude $pattern" save --exclude "$pattern" demo
done
run show --json 1
# Digits alone would be a number.
prefix=$(json '(d.get("set") or d["sets"][0])["content-hash"]' | grep -oE '[0-9a-f]{7}[0-9]*[a-f]' |
	head -n 1)
refused 2 'ambiguous|several|more than one' 'an ambiguous prefix' show "$prefix"

# ---- Definitions ----

printf '{ "format": 1, "id": "bad",\n  oops }\n' >"$scratch/apps/bad.json"
refused 5 'bad.json.*2' 'save of an app with a bad definition' save bad
run apps
is_status 0 'apps: a bad definition is no failure'
like_err 'warning.*bad.json' 'apps: but named'
rm "$scratch/apps/bad.json"

# ---- A limit on the size of files ----

limit=$(ulimit -S -f)
ulimit -S -f 200
refused 6 'File too large' 'save of more than a file may hold' save demo
refused 6 'File too large' 'restore of more than a file may hold' restore 1
ulimit -S -f "$limit"

# ---- Damaged snapshots ----

whole=$(zips "$store/snapshots" 1)
cp -p "$whole" "$scratch/whole.zip"
for how in archive meta-hash archive-hash meta no-archive no-hash half tail raw huge-meta; do
	python3 "$here/break_zip.py" "$how" "$scratch/whole.zip" "$whole"
	rm -rf "$home/.demo/changed"
	echo "$how" >"$home/.demo/changed"
	refused 5 '.' "restore, $how" restore 1
	remember
	run check 1
	is_status 5 "check, $how: status"
	unchanged "check, $how"
	run saved
	is_status 0 "saved, $how: status"
	is "$(grep -c '^1 ' "$scratch/out")" 1 "saved, $how: it is listed"
	case $how in
	archive | archive-hash | raw) ;;
	*) like_out '^1 .*broken: ' "saved, $how: as broken" ;;
	esac
	if test "$how" = huge-meta; then
		peak=$(python3 -c '
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' \
			"$setaside" --user --root "$root" --store "$store" check 1)
		is "$((peak < 200000))" 1 "check, $how: $peak KiB at most"
	fi
done
cp -p "$scratch/whole.zip" "$whole"
run check 1
is_status 0 'check: whole again'

# ---- In use, busy, interrupted ----

# start FILE VERB...: in the background, and stopped when FILE of its own appears. It hears
# SIGINT although whoever runs the tests may not, and is slower than this shell.
start()
{
	local seen=$1 i

	shift
	set -m
	env --default-signal=INT nice -n 19 \
		"$setaside" --user --root "$root" --store "$store" "$@" \
		>"$scratch/bg.out" 2>"$scratch/bg.err" </dev/null &
	job=$!
	set +m
	while ! compgen -G "$seen" >/dev/null; do
		kill -0 "$job" 2>/dev/null && continue
		not_ok "$*: ended before it was seen"
		return 1
	done
	kill -STOP "$job" 2>/dev/null
}

# ends [SIGNAL]: lets it go on; its status and output become those of a command.
ends()
{
	test $# -eq 0 || kill -"$1" "$job"
	kill -CONT "$job"
	wait "$job"
	status=$?
	cp "$scratch/bg.out" "$scratch/out"
	cp "$scratch/bg.err" "$scratch/err"
}

sleep 300 <"$home/.demo/file" &
user=$!
until test "$(cat "/proc/$user/comm")" = sleep; do :; done
refused 8 "$user.*sleep|sleep.*$user" 'an app in use' restore 1
run restore --force 1
is_status 0 'an app in use: --force'
run undo --force
is_status 0 'an app in use: undo --force'
kill "$user"
wait "$user" 2>/dev/null
while run keep && test "$status" -eq 0; do :; done

head -c 100000000 /dev/urandom >"$home/.demo/large"
remember
start "$store/snapshots/*_importing" save demo
run --wait 0 save demo
is_status 7 'busy: a second save of the app'
like_err "$job" 'busy: names the process'
like_err 'save' 'busy: and what it does'
ends INT
is_status 130 'save, SIGINT: status'
unchanged 'save, SIGINT'
start "$store/snapshots/*_importing" save demo
ends TERM
is_status 143 'save, SIGTERM: status'
unchanged 'save, SIGTERM'
run save --json demo
large=$(saved_set)
rm "$home/.demo/large"
remember
start "$home/.demo.~*~" restore "$large"
run --wait 0 save demo
is_status 7 'busy: a save while it is restored'
like_err "restore" 'busy: what it does'
ends INT
is_status 130 'restore, SIGINT: status'
unchanged 'restore, SIGINT'
start "$home/.demo.~*~" restore "$large"
ends TERM
is_status 143 'restore, SIGTERM: status'
unchanged 'restore, SIGTERM'
start "$home/.demo.~*~" restore "$large"
mv "$home/.demo" "$home/elsewhere"
ln -s elsewhere "$home/.demo"
remember
ends
is_status 1 'restore, target replaced by a link: status'
like_err '\.demo' 'restore, target replaced by a link: named'
here_now | grep -v "demo[rc]*[.]~" >"$scratch/found"
grep -v "demo[rc]*[.]~" "$scratch/before" >"$scratch/wanted"
same "$scratch/wanted" "$scratch/found" 'restore, target replaced by a link: nothing has changed'
nothing_aside "$home" 'restore, target replaced by a link: nothing is left aside'
rm "$home/.demo"
mv "$home/elsewhere" "$home/.demo"
run doctor
is_status 0 'doctor: nothing is left'

# ---- Forget ----

run forget "$large"
is_status 0 'forget: a set'
refused 4 "$large" 'forget: a second time' forget "$large"

# ---- Other stores ----

mkdir "$scratch/foreign"
cp "$scratch/whole.zip" "$scratch/foreign/1_demo_0_x1.zip"
for verb in 'save demo' 'forget 1'; do
	sha256sum "$scratch/foreign"/* >"$scratch/wanted"
	run_raw --user --root "$root" --store "$scratch/foreign" $verb
	is_status 8 "another's store: $verb: status"
	sha256sum "$scratch/foreign"/* >"$scratch/found"
	same "$scratch/wanted" "$scratch/found" "another's store: $verb: nothing has changed"
done
is "$(ls "$scratch/foreign")" 1_demo_0_x1.zip "another's store: nothing is added"
# Nothing was ever restored from it: there is no journal yet, and none is made.
rm -rf "$home/.local"
run_raw --user --root "$root" --store "$scratch/foreign" restore --dry-run 1
is_status 0 "another's store: what would be restored"
test ! -e "$home/.local"
is $? 0 "another's store: no state is made for that"

# ---- Snaps ----

# snap REVISION EPOCH: installed for the only user, with some data.
snap()
{
	mkdir -p "$root/snap/hello/$1/meta" "$home/snap/hello/$1" "$home/snap/hello/common"
	printf 'name: hello\nversion: 1\nsummary: s\nepoch: %s\n' "$2" \
		>"$root/snap/hello/$1/meta/snap.yaml"
	ln -sfn "$1" "$root/snap/hello/current"
	ln -sfn "$1" "$home/snap/hello/current"
	echo "$1" >"$home/snap/hello/$1/file"
}

# snap_id ID REVISION: as snapd records it.
snap_id()
{
	mkdir -p "$root/var/lib/snapd"
	cat >"$root/var/lib/snapd/state.json" <<-END
	{"data":{"snaps":{"hello":{"type":"app","active":true,"current":"$2",
	"sequence":[{"name":"hello","snap-id":"$1","revision":"$2"}]}}}}
	END
}

definition hello
echo native >"$home/.hellorc"
run save --json hello
native=$(saved_set)
rm "$scratch/apps/hello.json" "$home/.hellorc"
snap 7 1
snap_id one 7
run save --json hello
is_status 0 'snap: save'
snapped=$(saved_set)
refused 8 'native|packag' 'a native set over a snap' restore "$native"
snap 8 0
snap_id one 8
refused 8 'epoch|newer|read' 'data that the snap cannot read' restore "$snapped"
snap 8 1
snap_id two 8
refused 8 'two|another|other' 'another snap of that name' restore "$snapped"
snap_id one 8
run restore "$snapped"
is_status 0 'snap: into the revision that is here'
is "$(cat "$home/snap/hello/8/file")" 7 'snap: its data'
run undo

# ---- Files and trees that cannot be had ----

cp "$root/etc/passwd" "$root/etc/group" "$scratch"
if is_root; then
	users
	cp "$scratch/apps/demo.json" "$scratch/apps/mine.json"
	sed -i 's/demo/mine/g' "$scratch/apps/mine.json"
	for user in alice bob; do
		mkdir "$root/home/$user/.mine"
		echo "$user" >"$root/home/$user/.mine/file"
		chown -R "${!user}:${!user}" "$root/home/$user/.mine"
	done
	echo "root's" >"$root/home/alice/.mine/secret"
	chmod 600 "$root/home/alice/.mine/secret"
	sys save --json mine
	is_status 3 'an unreadable file: status'
	like_err 'secret' 'an unreadable file: named'
	is_json 'd["set"]["snapshots"][0]["setaside"]["archives"]["user/alice.tgz"]["skipped"][0]["path"]' \
		'"common/data/secret"' 'an unreadable file: named in the snapshot'
	both=$(saved_set)
	sys restore "$both"
	is_status 8 'a skipped file that cannot be carried over: refused'
	like_err 'secret' 'a skipped file that cannot be carried over: named'
	chown "$alice:$alice" "$root/home/alice/.mine/secret"
	chmod 0 "$root/home/alice/.mine/secret"
	ln -s .minerc "$root/home/alice/.minerc"
	sys save mine
	is_status 3 'a tree that cannot be resolved: status'
	like_err '\.minerc' 'a tree that cannot be resolved: named'
	rm "$root/home/alice/.minerc"
	sed -i /bob/d "$root/etc/passwd"
	sys restore "$both"
	is_status 3 'an unknown user: status'
	like_err 'bob' 'an unknown user: named'
	is "$(cat "$root/home/alice/.mine/file")" alice 'an unknown user: the others are restored'
	is "$(cat "$root/home/alice/.mine/secret")" "root's" 'what was skipped survives'
	sys restore --json "$both"
	is_json '[s["user"] for s in d["restore"]["skipped"]]' '["bob"]' 'an unknown user: in JSON'
	users
	rm -rf "$root/home/bob"
	sys restore "$both"
	is_status 3 'a missing home: status'
	like_err 'bob' 'a missing home: named'
	test ! -e "$root/home/bob"
	is $? 0 'a missing home: is not made'
else
	skip 'files and trees of other users' 'only root has them'
fi

# ---- The store's file system ----

cp "$scratch/passwd" "$scratch/group" "$root/etc"
tester_store=$store
if ! is_root; then
	chmod 0 "$store"
	run saved
	is_status 1 'an unreadable store: status'
	like_err 'store' 'an unreadable store: named'
	chmod 755 "$store"
fi
if can_mount; then
	mount --bind "$store" "$store"
	mount -o remount,bind,ro "$store"
	refused 1 'read-only|Read-only' 'a read-only store' save demo
	run saved
	is_status 0 'a read-only store: is listed'
	run check 1
	is_status 0 'a read-only store: and checked'
	remember
	run forget --dry-run 1
	is_status 0 'a read-only store: what would be forgotten'
	like_out 'Would forget set 1' 'a read-only store: what would be forgotten is said'
	like_out '^  demo$' 'a read-only store: and which apps'
	is "$(cat "$scratch/err")" '' 'a read-only store: without complaint'
	run forget --dry-run --json 1 demo
	is_status 0 'a read-only store: of one app'
	is_json 'd["forget"]' '{"dry-run":true,"set":1,"apps":["demo"]}' 'a read-only store: of one app in JSON'
	unchanged 'a read-only store: forget --dry-run'
	refused 4 '99' 'a read-only store: forget --dry-run of no set' forget --dry-run 99
	refused 1 'read-only|Read-only' 'a read-only store: forget' forget 1
	run restore --dry-run 1
	is_status 0 'a read-only store: what would be restored'
	umount "$store"
	mv "$store/lock" "$store/state.db" "$scratch"
	rm -f "$store"/state.db-*
	mount --bind "$store" "$store"
	mount -o remount,bind,ro "$store"
	run forget --dry-run 1
	is_status 0 'a read-only store without lock and database: what would be forgotten'
	umount "$store"
	mv "$scratch/lock" "$scratch/state.db" "$store"

	store=$scratch/small
	mkdir "$store"
	mount -t tmpfs -o size=2m none "$store"
	head -c 4000000 /dev/urandom >"$home/.demo/random"
	refused 6 '[0-9][kMG]?B.*[0-9][kMG]?B' 'no room' save demo
	umount "$store"
	# Of so few inodes one or another cannot be had.
	for inodes in 2 3 4 5 6 7 8 9 10 11 12 13 14; do
		mount -t tmpfs -o size=64m,nr_inodes=$inodes none "$store"
		run save demo
		if test "$status" -eq 0; then
			umount "$store"
			break
		fi
		is_status 6 "a full disk, $inodes inodes: status"
		left=$(find "$store" -name '[0-9]*_*')
		is "$left" '' "a full disk, $inodes inodes: nothing of the set is left"
		umount "$store"
	done
	is "$((inodes > 4 && inodes < 14)) $status" '1 0' "a full disk: $inodes inodes are enough"

	# A restore leaves as many inodes free as a save does: a part of all, not of those left.
	store=$scratch/inodes
	mkdir -p "$home/.other"
	mount -t tmpfs -o size=64m,nr_inodes=1000 none "$home/.other"
	touch "$home/.other/file".{1..20}
	run save other
	touch "$home/.other/more".{1..940}
	refused 6 'inodes are needed on the file system of .*, 0 may be used' \
		'few inodes' restore 1 other
	rm "$home/.other/more".{1..100}
	run restore 1 other
	is_status 0 'few inodes: with more of them it is restored'
	umount "$home/.other"
	rmdir "$home/.other"
	store=$scratch/small

	# ---- Forgetting where nothing is free ----

	mount -t tmpfs -o size=24m none "$store"
	run save demo
	run save --force-read demo
	for set in 1 2; do
		cat /dev/zero >"$store/filler.$set" 2>/dev/null
		run forget $set
		is_status 0 "a full disk, set $set: forgotten all the same"
		is "$(find "$store" -name "${set}_*")" '' "a full disk, set $set: its files are gone"
	done
	run saved --json
	like_out '"sets":\[\]' 'a full disk: no set is left'
	is "$(stat -c %b "$store/spare")" 512 'a full disk: there is room to spare for the next time'
	umount "$store"

	# ---- Full in the middle of an archive ----

	# fill DIR KIB NAME: while the run and its workers stand still, others take the room on
	# this file system but for so much.
	fill()
	{
		local room

		python3 "$here/stand_still.py" "$job"
		is $? 0 "$3: all stand still"
		room=$(df --output=avail -k "$1" | tail -1)
		head -c $(((room - $2) * 1024)) /dev/zero >"$1/filler"
		is "$(df --output=avail -k "$1" | tail -1 | tr -d ' ')" "$2" "$3: so much is left"
		python3 "$here/stand_still.py" --go-on "$job"
	}

	# full PATTERN NAME: the run that met a full disk ends as it should.
	full()
	{
		is_status 6 "$2: status"
		like_err "$1" "$2: names it"
		is "$(grep -Evc '^setaside: (hint|warning): ' "$scratch/err")" 1 "$2: one message"
		unchanged "$2"
	}

	# What restores of the other store have put aside would be unknown in these.
	store=$tester_store
	while run keep && test "$status" -eq 0; do :; done
	store=$scratch/small
	head -c 60000000 /dev/urandom >"$home/.demo/random"
	for room in 0 64 5000; do
		name="disk full while saving, $room KiB"
		mount -t tmpfs -o size=150m none "$store"
		run save other
		remember
		start "$store/snapshots/*_importing" save demo
		fill "$store" $room "$name"
		ends
		full '/small/snapshots".*No space left' "$name"
		is "$(cd "$store/snapshots" && find . -name '*_*' -o -name '.*.tmp.*')" '' \
			"$name: nothing half-made is left"
		run saved
		is_out 'No snapshots found.' "$name: no set is listed"
		rm "$store/filler"
		run doctor
		is_status 0 "$name: doctor leaves nothing"
		run save --json demo
		is_status 0 "$name: with room it is saved"
		run check "$(saved_set)" --deep
		is_status 0 "$name: and is whole"
		umount "$store"
	done

	store=$tester_store
	run save --json demo
	large=$(saved_set)
	mv "$home" "$scratch/home"
	for room in 0 64 5000; do
		name="disk full while restoring, $room KiB"
		mount -t tmpfs -o size=150m none "$root/home"
		mkdir "$home"
		cp -a "$scratch/home/.demo" "$scratch/home/.demorc" "$home"
		echo changed >"$home/.demo/file"
		remember
		start "$home/.demo.~*~" restore "$large"
		fill "$root/home" $room "$name"
		ends
		full '"/home/tester".*No space left' "$name"
		nothing_aside "$home" "$name: nothing is left aside"
		rm "$root/home/filler"
		run doctor
		is_out 'Nothing to repair.' "$name: nothing to repair"
		run restore "$large"
		is_status 0 "$name: with room it is restored"
		same "$scratch/home/.demo/random" "$home/.demo/random" "$name: as it was saved"
		is "$(cat "$home/.demo/file")" one "$name: all of it"
		run undo
		is "$(cat "$home/.demo/file")" changed "$name: and goes back"
		run keep
		umount "$root/home"
	done
	mv "$scratch/home" "$home"
else
	skip 'read-only, small and full file systems' 'nothing can be mounted here'
fi
done_testing
