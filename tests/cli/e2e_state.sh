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
	"$setaside" --user --root "$root" --store "$store" --wait 60 save demo \
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
mkdir -p "$home/.config/setaside"
echo 'keep-for = 8s' >"$home/.config/setaside/setaside.conf"
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
done_testing
