#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What is remembered between runs: a lost or damaged database loses no snapshot, a run that
# is killed at any moment leaves old or new, two runs at once harm nothing, and what has
# expired goes.

. "${abs_top_srcdir:?}/tests/cli/e2e_lib.sh" || exit 99

kills=${SETASIDE_E2E_KILLS-30}

mkdir -p "$home/.demo/deep"
head -c 3000000 /dev/urandom >"$home/.demo/random"
for i in 1 2 3 4 5 6 7 8 9; do
	echo "old $i" >"$home/.demo/deep/$i"
done
echo old >"$home/.demorc"

# content: of all live data, without times, which staging changes.
content()
{
	(cd "$home" && find . -name '*.~?????????~' -prune -o -type f -exec sha256sum {} + | sort)
}

# ids: the sets that are listed, and whether all are whole.
ids()
{
	run saved --json
	json '[[s["id"], [x.get("broken") for x in s["snapshots"]]] for s in d["sets"]]'
}

# ---- A lost database ----

run save --name kept --note 'a note' demo
run save --auto --reason upgrade demo
run saved --json
wanted=$(json '[[s["id"], s["name"], s["note"], s["auto"], s["content-hash"]] for s in d["sets"]]')
# listed NAME: all is known as before.
listed()
{
	run saved --json
	is_status 0 "$1: saved"
	is "$(json '[[s["id"], s["name"], s["note"], s["auto"], s["content-hash"]]
		for s in d["sets"]]')" "$wanted" "$1: every set is listed"
}
rm -f "$store"/state.db*
listed 'no database'
run check kept
is_status 0 'no database: a set is known by its name'
run restore 1
is_status 0 'no database: a set is restored'
run undo
is_status 0 'no database: and that undone'
while run keep && test "$status" -eq 0; do :; done
listed 'a new database'
run save --json demo
is "$(saved_set)" 3 'a new database: no number is given twice'
run forget 3
rm -f "$store"/state.db*
run save --json demo
is "$(saved_set)" 4 'no database: not even one that is forgotten'
run forget 4
printf 'this is no database' >"$store/state.db"
rm -f "$store"/state.db-*
listed 'a damaged database'
like_err 'state.db' 'a damaged database: is named'
run doctor
is_status 0 'a damaged database: doctor makes a new one'
is "$(find "$store" -name 'state.db.damaged-*' | wc -l)" 1 'a damaged database: is put aside'
listed 'a database that doctor made'

# ---- What rests aside and nobody knows ----

# lose: the database, and with it what was known of restores.
lose()
{
	rm -f "$store"/state.db*
}

# left [KEY]: what doctor --json names as left, sorted.
left()
{
	json "sorted(x.get(\"${1-object}\") for x in d[\"doctor\"][\"left\"])"
}

# paths PATH...: as left() has them.
paths()
{
	printf '%s\n' "$@" | sort | python3 -c '
import json, sys
print(json.dumps(sys.stdin.read().split("\n")[:-1], separators=(",", ":")))'
}

run restore --json 1
moved=$(json 'sorted(d["restore"]["moved"])')
run doctor
is_status 0 'aside: doctor leaves what the journal knows'
is_out 'Nothing to repair.' 'aside: and says nothing of it'
lose
run doctor --json
is_status 3 'aside, no database: doctor: status'
is "$(left)" "$moved" 'aside, no database: every tree is named'
is "$(left app)" '["demo","demo"]' 'aside, no database: and whose it is'
is "$(left user)" '["tester","tester"]' 'aside, no database: and which user'
is_json 'sorted(x["size"] for x in d["doctor"]["left"])' '[4,3000054]' \
	'aside, no database: and how much it is'
is_json 'all("diff -r" in x["hint"] and "rm -r" in x["hint"] for x in d["doctor"]["left"])' true \
	'aside, no database: and what can be done'
run doctor
is_status 3 'aside, no database: doctor, a second time'
like_out '^left: .*/\.demo\.~.........~: data of demo of user tester, 3.00MB, known to no restore' \
	'aside, no database: as text'
is "$(grep -c '^hint: ' "$scratch/out")" 1 'aside, no database: one hint for all'
run doctor --quiet
is "$(grep -vc '^left: ' "$scratch/out")" 0 'aside, no database: quiet, without the hint'
run save demo
is_status 0 'aside, no database: a save takes no notice'
run restore --json 1
again=$(json 'sorted(d["restore"]["moved"])')
run doctor --json
is "$(left)" "$moved" 'aside: what a new restore has put there is known'
run keep
run doctor --json
is "$(left)" "$moved" 'aside: keep removes its own alone'
test "$again" != "$moved"
is $? 0 'aside: they are not the same'
find "$home" -maxdepth 1 -name '*.~?????????~' -exec rm -r {} +
run doctor
is_status 0 'aside: removed by a person, nothing is left'

evil=$(printf 'ev\033[31mil\n')
mkdir -p "$home/snap/hello/7" "$home/snap/hello/$evil.~abcdefghi~"
ln -s 7 "$home/snap/hello/current"
run doctor
is_status 3 'aside, a hostile name: status'
is "$(grep -c "$(printf '\033')" "$scratch/out")" 0 'aside, a hostile name: escaped'
like_out '^left: .*/ev\\x1[bB]\[31mil.*~abcdefghi~: data of hello' 'aside, a hostile name: named'
run doctor --json
is "$(left)" "$(paths "$home/snap/hello/$evil.~abcdefghi~")" 'aside, a hostile name: in JSON'
rm -r "$home/snap"
mkdir "$scratch/elsewhere"
mv "$home/.demo" "$scratch/elsewhere/data"
ln -s ../../../elsewhere/data "$home/.demo"
mkdir "$scratch/elsewhere/data.~abcdefghi~"
run doctor
is_status 0 'aside, beyond the root: is not looked at'
rm "$home/.demo"
mv "$scratch/elsewhere/data" "$home/.demo"
mkdir "$home/real"
mv "$home/.demo" "$home/real/data"
ln -s real/data "$home/.demo"
mkdir "$home/real/data.~abcdefghi~"
run doctor --json
is "$(left)" "$(paths "$home/real/data.~abcdefghi~")" 'aside, behind a link: where the tree really lies'
rm "$home/.demo"
mv "$home/real/data" "$home/.demo"
rm -r "$home/real"
run doctor
is_status 0 'aside: nothing is left'

if is_root; then
	cp "$root/etc/passwd" "$root/etc/group" "$scratch"
	users
	cp "$scratch/apps/demo.json" "$scratch/apps/mine.json"
	sed -i 's/demo/mine/g; s,~/.minerc,~/.config/minerc,' "$scratch/apps/mine.json"
	system_app svc /var/lib/svc/data
	mkdir -p "$root/var/lib/svc/data" "$root/home/alice/.mine" "$root/home/bob/.mine"
	chown -R "$service:$service" "$root/var/lib/svc"
	chown "$alice:$alice" "$root/home/alice/.mine"
	chown "$bob:$bob" "$root/home/bob/.mine"
	sys save svc mine
	sys restore --json --force 1
	moved=$(json 'sorted(d["restore"]["moved"])')
	sys doctor
	is_status 0 'aside, all users: known'
	rm "$root"/var/lib/setaside/state.db*
	sys doctor --json
	is_status 3 'aside, all users: status'
	is "$(left)" "$moved" 'aside, all users: every tree is named'
	is_json 'sorted(str(x["user"]) for x in d["doctor"]["left"])' '["None","alice","bob"]' \
		'aside, all users: and whose it is'
	find "$root/var" "$root/home" -name '*.~?????????~' -exec rm -r {} +
	# What root may see and the user may not is nobody's to tell.
	mkdir -p -m 700 "$root/root/secret/minerc.~abcdefghi~"
	ln -s /root/secret "$root/home/alice/.config"
	rm -r "$root/var/lib/svc/data"
	ln -s /root/secret "$root/var/lib/svc/data"
	mkdir "$root/root/secret.~abcdefghi~"
	sys doctor --json
	is_status 0 'aside, a link to what is not his: status'
	is "$(left)" '[]' 'aside, a link to what is not his: is not followed'
	like_err 'warning: .*/\.config/minerc' 'aside, a link to what is not his: named'
	like_err 'warning: .*/var/lib/svc/data' 'aside, a link of a service: named'
	rm -r "$root/home/alice" "$root/home/bob" "$root/var/lib/svc" "$root/root/secret"*
	rm "$scratch/apps/mine.json" "$scratch/apps/svc.json"
	mv "$scratch/passwd" "$scratch/group" "$root/etc"
else
	skip 'what rests aside for other users' 'only root has them'
fi
if can_mount; then
	mv "$home/.demo" "$scratch/elsewhere/data"
	mkdir "$home/.demo"
	mount -t tmpfs none "$home/.demo"
	cp -a "$scratch/elsewhere/data/." "$home/.demo"
	run restore --json --force 1
	moved=$(json '[p for p in d["restore"]["moved"] if "/.demo/" in p]')
	inside=$(json 'len([p for p in d["restore"]["moved"] if "/.demo/.~" in p])')
	is "$inside" 1 'aside, a mount point: what was in it rests in it'
	lose
	run doctor --json
	is_json '[x["object"] for x in d["doctor"]["left"] if "/.demo/" in x["object"]]' "$moved" \
		'aside, a mount point: named'
	umount "$home/.demo"
	rmdir "$home/.demo"
	mv "$scratch/elsewhere/data" "$home/.demo"
	find "$home" -maxdepth 1 -name '*.~?????????~' -exec rm -r {} +
else
	skip 'what rests aside in a mount point' 'nothing can be mounted here'
fi

# ---- Killed ----

# settle NAME: doctor, twice.
settle()
{
	run doctor
	test "$status" -eq 0 || not_ok "$1: doctor"
	run doctor
	grep -q 'Nothing to repair' "$scratch/out" || not_ok "$1: a second doctor changes something"
}

# killed MILLISECONDS ARGUMENT...: the process that was started, not its workers.
killed()
{
	local after=$1 job

	shift
	"$setaside" --user --root "$root" --store "$store" "$@" >/dev/null 2>&1 </dev/null &
	job=$!
	sleep "$(printf '0.%03d' "$after")"
	kill -KILL "$job" 2>/dev/null
	wait "$job" 2>/dev/null
}

# span ARGUMENT...: how many milliseconds a command takes when nobody kills it.
span()
{
	local begin

	begin=$(date +%s%N)
	run "$@"
	echo $((($(date +%s%N) - begin) / 1000000))
}

old=$(content)
length=$(span save demo)
bad=0
for ((i = 0; i < kills; i++)); do
	before=$(ids)
	killed $((length * i / kills % 1000)) save demo
	after=$(ids)
	# Either nothing of it is seen, or one more set that is whole.
	case $after in
	"$before" | "${before%]},["*",[null]]]") ;;
	*)
		bad=$((bad + 1))
		echo "# before $before, after $after"
		;;
	esac
	settle "save killed after $((length * i / kills)) ms"
	run saved --json
	is_json '[s["id"] for s in d["sets"] for x in s["snapshots"] if x.get("broken")]' '[]' \
		"save killed after $((length * i / kills)) ms: no set is broken"
	left=$(find "$store/snapshots" -name '*_importing' -o -name '.*' -type f ! -name .last-set)
	test -z "$left" || {
		bad=$((bad + 1))
		echo "# left: $left"
	}
done
is "$bad" 0 "save killed $kills times: all of the set or nothing"
is "$(content)" "$old" "save killed $kills times: live data is as it was"
run check 1
is_status 0 'save killed: the sets from before are whole'

for i in 1 2 3 4 5 6 7 8 9; do
	echo "new $i" >"$home/.demo/deep/$i"
done
echo more >"$home/.demo/more"
rm "$home/.demorc"
new=$(content)
length=$(span restore 1)
run undo
bad=0 olds=0
for ((i = 0; i < kills; i++)); do
	killed $((length * i / kills % 1000)) restore 1
	settle "restore killed after $((length * i / kills)) ms"
	case $(content) in
	"$new") ;;
	"$old")
		olds=$((olds + 1))
		run undo
		test "$(content)" = "$new" || bad=$((bad + 1))
		;;
	*)
		bad=$((bad + 1))
		echo "# after $((length * i / kills)) ms:"
		content | sed 's/^/# /'
		;;
	esac
done
is "$bad" 0 "restore killed $kills times: before or after, $olds times after"
while run keep && test "$status" -eq 0; do :; done
is "$(content)" "$new" 'restore killed: live data at the end'
nothing_aside "$home" 'restore killed: nothing is left aside'

# ---- At once ----

before=$(find "$store/snapshots" -name '*.zip' | wc -l)
for i in 1 2 3 4; do
	"$setaside" --user --root "$root" --store "$store" --wait 3600 save demo \
		>"$scratch/at-once.$i" 2>&1 </dev/null &
done
failed=0
for job in $(jobs -p); do
	wait "$job" || failed=$((failed + 1))
done
is "$failed" 0 'four saves at once: all succeed'
is "$(($(find "$store/snapshots" -name '*.zip' | wc -l) - before))" 4 'four saves at once: four sets'
run saved --json
is_json 'len(set(s["id"] for s in d["sets"])) == len(d["sets"])' true \
	'four saves at once: four numbers'
run doctor
is_out 'Nothing to repair.' 'four saves at once: nothing to repair'

# ---- What expires ----

# asides: how many trees rest aside.
asides()
{
	find "$home" -name '*.~?????????~' -prune | wc -l
}

# seconds N: until the clock says so many more.
seconds()
{
	local until=$(($(date +%s) + $1 + 1))

	while test "$(date +%s)" -lt "$until"; do run saved; done
}

rm -f "$home/.demorc"
run restore --json 1
resting=$(json '[len(d["restore"]["moved"]), len(d["restore"]["created"])]')
is "$(asides) $resting" '1 [1,2]' 'keep-for: the old tree rests'
run save demo
is "$(asides)" 1 'keep-for: for days'
printf '%s\n' 'keep-for = 8s' 'reserve = 0' >"$home/.config/setaside/setaside.conf"
run restore 1
is "$(asides)" 3 'keep-for = 8s: two more rest'
seconds 8
run save demo
is_status 0 'keep-for: the next command of a person'
is "$(asides)" 1 'keep-for: after its answer what is over goes'
run restore 1
seconds 8
run doctor
is "$(asides)" 1 'keep-for: also in doctor'
run undo
is_status 0 'keep-for: what has its time can be undone'
seconds 8
run doctor
run undo
is_status 4 'keep-for: and then nothing is left'
nothing_aside "$home" 'keep-for: nothing is left aside'
run saved --json
is_json '[s["auto"] for s in d["sets"] if s["id"] == 2]' '[true]' \
	'an automatic set stays while its time is not over'

# ---- Automatic sets whose time is over ----

# A store of its own, and 31 days are too long to wait.
store=$scratch/expiring
echo 'reserve = 0' >"$home/.config/setaside/setaside.conf"

# let_go SET...: since long ago their time is over.
let_go()
{
	python3 -c '
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
for set in sys.argv[2:]:
    assert db.execute("UPDATE sets SET expires = 1 WHERE id = ?", (set,)).rowcount == 1
db.commit()' "$store/state.db" "$@"
}

# numbers: of the sets that are listed.
numbers()
{
	run saved --json
	json '[s["id"] for s in d["sets"]]'
}

gone='its time had come, and it was removed'
run save --name mine demo
run save --auto --reason upgrade demo
let_go 2
run saved
run check 2
run show 2
like_out '^Expires       1970-01-01T00:00:01Z$' 'an expired set: show'
run save --auto demo
is_err '' 'an expired set: a hook says nothing of it'
is "$(numbers)" '[1,2,3]' 'an expired set: who only looks lets it be, and so does a hook'
run doctor --dry-run --json
would='its time has come, and it would be removed'
is_json 'd["doctor"]' \
	"{\"dry-run\":true,\"repaired\":[{\"object\":\"set 2\",\"what\":\"$would\"}],\"left\":[]}" \
	'an expired set: doctor --dry-run --json'
is "$(numbers)" '[1,2,3]' 'an expired set: doctor --dry-run changes nothing'
run doctor --json
is_status 0 'an expired set: doctor'
is_json 'd["doctor"]["repaired"]' "[{\"object\":\"set 2\",\"what\":\"$gone\"}]" \
	'an expired set: doctor --json'
is "$(numbers)" '[1,3]' 'an expired set: doctor removes it'
is "$(zips "$store/snapshots" 2)" '' 'an expired set: and its files'
let_go 3
run doctor
is_out "repaired: set 3: $gone" 'an expired set: doctor says so'
run doctor
is_out 'Nothing to repair.' 'an expired set: doctor, again'

run save --auto demo other
let_go 4
run save demo --json
is_status 0 'an expired set: a person saves'
is "$(saved_set)" 5 'an expired set: and has the answer'
is_err "setaside: set 4: $gone" 'an expired set: and hears what went'
is "$(numbers)" '[1,5]' 'an expired set: goes then'

run save --auto demo
let_go 6
run restore 6
is_err '' 'an expired set that is restored: nothing more is said'
is "$(numbers)" '[1,5,6]' 'an expired set that is restored: stays'
run undo
is "$(numbers)" '[1,5,6]' 'an expired set that is restored: also when that is undone'
run save --auto demo
run keep
is_err "setaside: set 6: $gone" 'an expired set that is restored: until that is final'
is "$(numbers)" '[1,5,7]' 'an expired set that is restored: goes then'

mkdir -p "$home/.other"
run save --auto demo other
let_go 7 8
run forget 8 demo
is "$(numbers)" '[1,5,8]' 'an expired set that has lost an app just now: stays'

run save --auto demo
let_go 8 9
echo 'automatic-retention = no' >>"$home/.config/setaside/setaside.conf"
run doctor
is_out 'Nothing to repair.' 'automatic-retention = no: nothing goes'
run show 9
like_out '^Expires       never$' 'automatic-retention = no: and show says so'
echo 'reserve = 0' >"$home/.config/setaside/setaside.conf"
run forget 5 --quiet
is_err '' 'an expired set: --quiet'
is "$(numbers)" '[1]' 'automatic-retention, again: it goes'
done_testing
