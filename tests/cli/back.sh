#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What restore and undo say of what they did: whose data was left out, which way an undo
# went, and what can be done where nothing goes.

. "${abs_top_srcdir:?}/tests/cli/lib.sh" || exit 99

# The places, as suggested commands repeat them.
here="--user --root $root --store $store"

# known NAME: who the caller is on this machine.
known()
{
	echo "$1:x:$(id -u):$(id -g)::/home/tester:/bin/sh" >"$root/etc/passwd"
}

for app in demo other; do
	mkdir -p "$home/.$app"
	echo one >"$home/.$app/file"
done
run save
is_status 0 'a set of two apps'

# ---- Nobody here has the data ----

known somebody
unknown='setaside: warning: tester: data of app "demo" left out: there is no such user here'
mapped='setaside: hint: --map-user tester=NAME gives the data to a user who is here'
run restore 1 demo
is_status 3 'restore of nothing: status'
is_out 'Nothing was restored.' 'restore of nothing: says so, and no way back'
is_err "$unknown
$mapped" 'restore of nothing: why, and what can be done'
run restore 1 demo --dry-run
is_status 3 'restore --dry-run of nothing: status'
is_out 'Nothing would be restored.' 'restore --dry-run of nothing: says so'
run restore 1 demo --quiet
is_status 3 'restore --quiet of nothing: status'
is_out '' 'restore --quiet of nothing: no answer'
is_err "$unknown" 'restore --quiet of nothing: no hint'
run restore 1 --json
is_status 3 'restore --json of nothing: status'
is_json '[d["restore"][k] for k in ("id", "apps", "created", "moved")]' \
	'[null,[],[],[]]' 'restore --json of nothing: names no app'
is_json '[[s["app"], s["user"]] for s in d["restore"]["skipped"]]' \
	'[["demo","tester"],["other","tester"]]' 'restore --json of nothing: of which apps'
is_err "$(echo "$unknown" | sed 's/app "demo"/all apps/')
$mapped" \
	'restore of nothing: one line for a user'
run restore 1 demo --map-user tester=somebody
is_status 0 'restore --map-user, as the hint says'
is_out "Restored set 1 of app \"demo\".
To go back: setaside $here undo 1" 'restore --map-user: is one'
run keep
known tester

# ---- There and back, and which way it went ----

echo two >"$home/.demo/file"
run restore 1 demo
like_out '^To go back: setaside .* undo 2$' 'restore: how to go back'
run undo
is_out "Undid the restore of set 1.
To go forward again: setaside $here undo 3" 'undo: back'
is "$(cat "$home/.demo/file")" two 'undo: it did'
run undo
is_out "Redid the restore of set 1 (undid undo 3).
To go back: setaside $here undo 4" 'undo of the undo: forward'
is "$(cat "$home/.demo/file")" one 'undo of the undo: it did'
run undo --json
is_json '[d["restore"][k] for k in ("id", "set", "undid", "redone")]' '[5,1,4,false]' \
	'undo --json: back, and of what'
is "$(cat "$home/.demo/file")" two 'undo --json: it did'
run restore 1 demo --json
is_json '[d["restore"]["id"], "undid" in d["restore"]]' '[6,false]' \
	'restore --json: is none'
run keep
run undo --json
is_json '[d["restore"][k] for k in ("undid", "redone")]' '[5,true]' \
	'undo --json: forward, past what was kept'
is "$(cat "$home/.demo/file")" one 'undo, past what was kept: it did'

# ---- A user whom nobody has heard of ----

for how in '' --dry-run; do
	run restore 1 --map-user testre=tester $how
	is_status 4 "restore --map-user $how: no such user in the set: status"
	is_err 'setaside: set 1 has no data of user "testre"
setaside: hint: did you mean "tester"?' "restore --map-user $how: which is said"
done
run restore 1 --users testre
is_err 'setaside: set 1 has no data of user "testre"
setaside: hint: did you mean "tester"?' 'restore --users: the same'

# ---- Without room ----

echo 'reserve = 1000T' >"$home/.config/setaside/setaside.conf"
run restore 1 demo
is_status 6 'restore without room: status'
like_err '^setaside: hint: make room, .*; "keep" removes the old trees that' \
	'restore without room: old trees could go'
run keep 7
run keep
run restore 1 demo
is_status 6 'restore without room, and nothing aside: status'
like_err '^setaside: hint: make room, or lower "reserve" in setaside.conf$' \
	'restore without room, and nothing aside: keep would not help'
echo 'reserve = 0' >"$home/.config/setaside/setaside.conf"

# ---- While a program is at work there ----

run keep
echo two >"$home/.demo/file"
run restore 1 demo
exec 9<"$home/.demo/file"
run restore 1 demo
is_status 8 'restore while in use: status'
like_err '^setaside: hint: close it, or restore all the same with --force$' \
	'restore while in use: what can be done'
run undo
is_status 8 'undo while in use: status'
like_err '^setaside: hint: close it, or undo all the same with --force$' \
	'undo while in use: what can be done'
exec 9<&-

# ---- Who has no name on this machine ----

run keep
echo 'somebody:x:4321:4321::/home/somebody:/bin/sh' >"$root/etc/passwd"
me=$(id -u)
run save demo
is_status 0 'save by a number: status'
echo two >"$home/.demo/file"
run restore 2
is_status 0 'restore of a number by itself: status'
is_err '' 'restore of a number by itself: nothing is left out'
is "$(cat "$home/.demo/file")" one 'restore of a number by itself: it did'
run restore 2 --map-user "$me=$me"
is_status 0 'restore --map-user to a number'
run restore 1 demo --map-user "tester=$me"
is_status 0 'restore --map-user of a name to a number'
run undo
is_status 0 'undo by a number'
run restore 2 --map-user "$me=5432"
is_status 4 'restore --map-user to a number that is nobody'
known tester

# ---- Several users, and the system ----

# For the tests named: skips each.
skip_all()
{
	for name in "$@"; do
		skip "$name" 'needs root'
	done
}

# run_system ARGUMENT...: as root, on a root and a store of their own.
run_system()
{
	run_raw --system --root "$scratch/machine" --store "$scratch/sets" "$@"
}

# people NAME=NUMBER...: root, and these.
people()
{
	echo 'root:x:0:0::/root:/bin/sh' >"$scratch/machine/etc/passwd"
	for one in "$@"; do
		echo "${one%=*}:x:${one#*=}:${one#*=}::/home/${one%=*}:/bin/sh"
	done >>"$scratch/machine/etc/passwd"
}

make_machine()
{
	mkdir -p "$scratch/machine/etc/setaside" "$scratch/machine/root" \
		"$scratch/machine/var/lib/demo"
	echo 'reserve = 0' >"$scratch/machine/etc/setaside/setaside.conf"
	: >"$scratch/machine/etc/group"
	people alice=7001 bob=7002
	for name in alice=7001 bob=7002; do
		for app in demo other; do
			mkdir -p "$scratch/machine/home/${name%=*}/.$app"
			echo "${name%=*}" >"$scratch/machine/home/${name%=*}/.$app/file"
		done
		chown -R "${name#*=}:${name#*=}" "$scratch/machine/home/${name%=*}"
	done
	echo system >"$scratch/machine/var/lib/demo/file"
	chown 7002:7002 "$scratch/machine/var/lib/demo/file"
	sed -i 's|"trees": \[|&\n{ "name": "system", "scope": "system",'"\
"' "at": { "native": "/var/lib/demo" } },|' "$scratch/apps/demo.json"
}

if test "$(id -u)" -eq 0; then
	make_machine
	run_system save demo other
	is_status 0 'save of two users and the system'
	echo later >"$scratch/machine/var/lib/demo/file"
	run_system restore 1 --map-user bbo=alice
	is_status 4 'restore --map-user of what no system data belongs to: status'
	is_err 'setaside: set 1 has no data of user "bbo"' \
		'restore --map-user: which is said'
	is "$(cat "$scratch/machine/var/lib/demo/file")" later \
		'restore --map-user: nothing is done'
	run_system restore 1 --map-user bbo=alice --no-system
	is_err 'setaside: set 1 has no data of user "bbo"
setaside: hint: did you mean "bob"?' 'restore --no-system --map-user: at once'
	run_system restore 1 demo --map-user alice=bob
	is_status 8 'restore of two users to one: status'
	is_err "setaside: data of user \"alice\" and of user \"bob\" would both go to\
 \"/home/bob/.demo\"
setaside: hint: --users takes the data of one of them" 'restore of two users to one: whose'
	run_system restore 1 demo --map-user alice=bob --users alice --no-system
	is_status 0 'restore of one of them, as the hint says'
	people bob=7002
	run_system restore 1
	is_status 3 'restore without one of two users: status'
	is_err 'setaside: warning: alice: data of apps "demo", "other" left out: there is no'\
' such user here
setaside: hint: --map-user alice=NAME gives the data to a user who is here' \
		'restore without one of two users: one line'
	run_system restore 1 other --users alice
	is_status 3 'restore of nobody: status'
	is_out 'Nothing was restored.' 'restore of nobody: is nothing'
else
	skip_all 'several users'
fi

done_testing
