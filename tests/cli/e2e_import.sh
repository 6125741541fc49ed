#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What import takes, recognises and refuses: a set is there as a whole or not at all, and
# what was there before stays as it was.

. "${abs_top_srcdir:?}/tests/cli/e2e_two_lib.sh" || exit 99

mkdir -p "$home/.demo/deep" "$home/.other"
echo one >"$home/.demo/file"
head -c 3000000 /dev/urandom >"$home/.demo/random"
echo rc >"$home/.demorc"
echo other >"$home/.other/file"
one=$scratch/one.export two=$scratch/two.export both=$scratch/both.export
run save --name first --note 'of here' demo
run export 1 "$one"
echo two >"$home/.demo/file"
run save demo other
run export 2 "$two"
run export --quiet 1 2 -o "$both"
size=$(stat -c %s "$one")
mkdir -p "$there_home/.demo"
echo live >"$there_home/.demo/file"

# ---- What is no whole export ----

cd "$scratch" || exit 99
refused 1 'cannot open "nosuch": No such file' 'no such file' import nosuch
mkdir dir
refused 5 '"dir" is a directory' 'a directory' import dir
: >empty
refused 5 'cannot import "empty": it is empty' 'an empty file' import empty
head -c 100000 /dev/urandom >garbage
refused 5 'it is no export' 'garbage' import garbage
like_err 'hint: .*encrypted or compressed' 'garbage: hint'
gzip -c "$one" >packed
refused 5 'it is no export' 'a compressed export' import packed
yes 'some text' | head -n 1000 >text
refused 5 'it is no export' 'a text file' import text
refused 5 'it is a zip file' 'a snapshot instead of an export' \
	import "$store/snapshots/1_demo_0_x1.zip"
like_err 'hint: --store DIR' 'a snapshot instead of an export: hint'
for bytes in 1 511 512 700 1024 5000 $((size / 2)) $((size - 3000)) $((size - 1024)) \
	$((size - 1)); do
	head -c "$bytes" "$one" >cut
	refused 5 'cut short|lone zero block|export.json is missing' "cut after $bytes bytes" import cut
	like_err 'hint: copy it here or export it again' "cut after $bytes bytes: hint"
	remember
	"$setaside" --user --root "$there_root" --store "$there_store" import - \
		<cut >"$scratch/out" 2>"$scratch/err"
	status=$?
	is_status 5 "cut after $bytes bytes, standard input: status"
	unchanged "cut after $bytes bytes, standard input"
done
cp "$one" flipped
flip flipped $((size / 2))
refused 5 'user/tester.tgz|hash|checksum' 'a flipped byte' import flipped
edit format "$one" changed
refused 8 'format 2' 'an unknown format' import changed
for how in hash no-manifest directory link device above absolute no-underscore twice goes-on; do
	edit "$how" "$one" changed
	refused 5 '.' "what somebody has changed, $how" import changed
	unchanged "what somebody has changed, $how"
done
there import --json empty
is_status 5 '--json of a failure: status'
is_json '[d["version"], [d["error"][k] for k in ("kind", "message", "hint")]]' \
	'[1,["damaged","cannot import \"empty\": it is empty","copy it here or export it again"]]' \
	'--json of a failure'
there import --json changed
is_json 'd["error"]["kind"]' '"damaged"' '--json of another'
is "$(listed there)" '[]' 'none of it is seen'

# ---- What else is said wrongly ----

for name in 12 'a b' '' ../x; do
	refused 2 'name|empty' "a bad name, \"$name\"" import --name "$name" "$one"
done
refused 2 'note' 'a bad note' import --note $'a\033b' "$one"
refused 2 'needs more operands' 'no file' import
refused 2 'does not take the operand' 'two files' import "$one" "$two"

# ---- What is imported ----

there import --name mine --note 'got it' "$one"
is_status 0 'import: status'
number=$(sed -n 's/^Imported as set \([0-9]*\)\.$/\1/p' out)
is "$((number > 0))" 1 'import: says which set it is'
like_out "^$number +demo .* mine\$" 'import: and lists it'
is_err '' 'import: nothing else'
there saved --json
is_json '[[s["name"], s["note"], s["auto"]] for s in d["sets"]]' '[["mine","got it",false]]' \
	'import: name and note of its own'
is "$(stat -c %a "$there_store/snapshots/${number}_demo_0_x1.zip")" 600 'import: for its owner alone'
refused 8 'name "mine"' 'a name that is taken' import --name mine "$two"
there restore mine
is_status 0 'import: restore'
is "$(cat "$there_home/.demo/file" "$there_home/.demorc")" 'one
rc' 'import: the data is there'
there keep
edit no-content "$two" older
there import --quiet older
is "$status$(cat out err)" 0 'without content.json, as older ones are, --quiet'

# ---- What is here already ----

# again FILE NAME [ARGUMENT...]: it is set $number.
again()
{
	in_store "$there_store" >before
	there import --json "${@:3}" "$1"
	is_status 0 "$2: status"
	is_json 'd' "{\"version\":1,\"import\":{\"set\":$number,\"duplicate\":true,\"apps\":[\"demo\"]}}" \
		"$2: JSON"
	in_store "$there_store" >found
	same before found "$2: nothing is stored"
}
again "$one" 'a duplicate'
again "$one" 'a duplicate, with another name' --name else
like_err "set $number is not renamed" 'a duplicate, with another name: says so'
there import "$one"
like_out "^This is set $number, which is here already\.\$" 'a duplicate: says so'
edit no-content "$one" older
again older 'a duplicate without content.json'
there import --json --allow-duplicate "$one"
is_json '[d["import"]["duplicate"], d["import"]["set"] > '"$number]" '[false,true]' \
	'--allow-duplicate: a new set'
copy=$(imported_set)
there saved --json
is_json '[s["name"] for s in d["sets"]]' '["mine",null,"first"]' '--allow-duplicate: with its own name'
there forget "$copy"
cat "$one" | "$setaside" --user --root "$there_root" --store "$there_store" import - >out 2>err
is "${PIPESTATUS[*]}" '0 0' 'a duplicate in a pipe: is read to its end'
zip=$there_store/snapshots/${number}_demo_0_x1.zip
cp -p "$zip" whole.zip
python3 "$here/break_zip.py" archive whole.zip "$zip"
there import --json "$one"
is_json 'd["import"]["duplicate"]' false 'a duplicate that is damaged: is imported anew'
like_err "set $number .*damaged" 'a duplicate that is damaged: why'
copy=$(imported_set)
there check "$copy"
is_status 0 'a duplicate that is damaged: the new one is whole'
there forget "$copy"
cp -p whole.zip "$zip"

run save --auto --reason upgrade --json other
auto=$(saved_set)
run export "$auto" automatic
run import --json automatic
is "$(imported_set)" "$auto" 'an automatic set that is imported: is a duplicate'
run saved --json
is_json "[s[\"auto\"] for s in d[\"sets\"] if s[\"id\"] == $auto]" '[false]' \
	"an automatic set that is imported: is a person's"
run show "$auto"
like_out '^Expires +never$' 'an automatic set that is imported: does not go by itself'

# ---- Several sets ----

fresh=$scratch/fresh
# afresh ARGUMENT...: into another store, which is new.
afresh()
{
	run_raw --user --root "$there_root" --store "$fresh" "$@"
}
afresh import --json --name journey "$both"
is_status 0 'several sets: status'
is_json 'd' "$(printf '%s' '{"version":1,"imports":[' \
	'{"set":1,"duplicate":false,"apps":["demo"]},' \
	'{"set":2,"duplicate":false,"apps":["demo","other"]}]}')" 'several sets: JSON'
is "$(listed afresh)" '[[1,"journey",[null]],[2,null,[null,null]]]' 'several sets: the first has the name'
afresh forget 1
afresh import "$both"
is_status 0 'several sets, one of them here: status'
is "$(grep -E '^(Imp|This)' out)" 'Imported as set 3.
This is set 2, which is here already.' 'several sets, one of them here: says which'
is "$(grep -c '^Set ' out)" 1 'several sets, one of them here: one table'
head -c -5000 "$both" >cut
rm -rf "$fresh"
afresh import --json cut
is_status 3 'several sets, the last cut: status'
is_json 'sorted(d)' '["failed","imports","version"]' 'several sets, the last cut: JSON'
is_json '[d["imports"], d["failed"]["kind"]]' \
	'[[{"set":1,"duplicate":false,"apps":["demo"]}],"damaged"]' \
	'several sets, the last cut: what came, and what did not'
is_json '"cut short" in d["failed"]["message"]' true 'several sets, the last cut: why'
like_err 'cannot import the rest of "cut": .*cut short' 'several sets, the last cut: on stderr'
one_message 'several sets, the last cut'
is "$(listed afresh)" '[[1,"first",[null]]]' 'several sets, the last cut: the first stays'
is "$(find "$fresh/snapshots" -type f ! -name .last-set | wc -l)" 1 \
	'several sets, the last cut: nothing is left of it'
afresh import cut
is_status 3 'several sets, a duplicate and one that is cut: status'
like_out '^This is set 1, which is here already' 'several sets, a duplicate and one that is cut: says so'

# ---- Trust ----

# trust: data of the system with all that only root can set.
trust()
{
	local system=(--system --root "$there_root")

	(cd "$root" && fingerprint var/lib/svc) | grep -v "' socket " >wanted
	sys save svc
	sys export 1 strange
	run_raw "${system[@]}" import strange
	is_status 0 'a service: import'
	run_raw "${system[@]}" restore 1
	is_status 8 'a service: devices, restore without --trust: status'
	like_err 'device' 'a service: devices, restore without --trust: message'
	like_err 'hint: .*--trust' 'a service: devices, restore without --trust: hint'
	test ! -e "$there_root/var/lib/svc"
	is $? 0 'a service: devices, restore without --trust: nothing has changed'
	run_raw "${system[@]}" restore --trust 1
	is_status 0 'a service: restore --trust: status'
	(cd "$there_root" && fingerprint var/lib/svc) >found
	same wanted found 'a service: restore --trust: the trees are equal'
	find "$root/var/lib/svc" '(' -type b -o -type c ')' -delete
	sys save svc
	sys export --force 2 strange
	run_raw "${system[@]}" import --json strange
	number=$(imported_set)
	run_raw "${system[@]}" restore --force "$number"
	is_status 3 'a service: restore without --trust: status'
	like_err 'set-user-ID bit left out' 'a service: restore without --trust: set-id bits are named'
	like_err 'capabilities left out' 'a service: restore without --trust: capabilities are named'
	is "$(find "$there_root/var/lib/svc" -perm /6000 ! -type d)" '' \
		'a service: restore without --trust: no set-id bits'
	is "$(python3 -c '
import os, sys
print("security.capability" in os.listxattr(sys.argv[1]))' "$there_root/var/lib/svc/capable")" False \
		'a service: restore without --trust: no capabilities'
}

lacks='only root has data of the system'
if is_root; then
	system_app svc /var/lib/svc
	mkdir -p "$root/var/lib" "$there_root/var/lib"
	lacks=$(rich make "$root/var/lib/svc" 0)
fi
case $lacks in
*only* | *devices* | *capability*) skip 'trust in a set that was imported' "$lacks" ;;
*) trust ;;
esac

# ---- Stores and sets of snapd ----

mkdir foreign
cp -p "$store/snapshots/1_demo_0_x1.zip" foreign
sha256sum foreign/* >wanted
run_raw --user --root "$there_root" --store foreign import "$two"
is_status 8 "into snapd's store: status"
one_message "into snapd's store"
sha256sum foreign/* >found
same wanted found "into snapd's store: nothing has changed"

fixtures=$abs_top_srcdir/tests/fixtures/snapd
for set in 3 4; do
	rm -rf "$fresh"
	afresh import --json "$fixtures/set$set.snapshot"
	is_status 0 "snapd's export $set: status"
	afresh saved --json
	is_json 'd["sets"][0]["content-hash"]' \
		"\"$(sed -n "s/^set $set //p" "$fixtures/content-hashes.txt")\"" \
		"snapd's export $set: the content hash is what snapd says"
	afresh check --deep 1
	is_status 0 "snapd's export $set: check"
done

# by_tar ARCHIVE ZIP DIR: what GNU tar makes of an archive.
by_tar()
{
	mkdir -p "$3"
	python3 -c 'import sys, zipfile
sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))' "$2" "$1" |
		tar -C "$3" -xpzf -
}

# without_owner DIR: two trees; owners have other numbers here.
without_owner()
{
	(cd "$1" && fingerprint 7 common) |
		sed -E 's/^(.*) (dir|file|symlink|fifo) ([0-7]{4}) [0-9]+:[0-9]+ /\1 \2 \3 /'
}
if is_root; then
	users
	run_raw --system --root "$root" import --json "$fixtures/set3.snapshot"
	number=$(imported_set)
	run_raw --system --root "$root" restore --json "$number" hello
	is_status 0 "snapd's export, by root: restore"
	by_tar archive.tgz "$fixtures/3_hello_2.10_7.zip" by-tar/system
	without_owner by-tar/system >wanted
	without_owner "$root/var/snap/hello" >found
	same wanted found "snapd's export, by root: data of the system as GNU tar has it"
	for user in alice bob; do
		by_tar "user/$user.tgz" "$fixtures/3_hello_2.10_7.zip" "by-tar/$user"
		without_owner "by-tar/$user" >wanted
		without_owner "$root/home/$user/snap/hello" >found
		same wanted found "snapd's export, by root: data of $user as GNU tar has it"
		is "$(find "$root/home/$user/snap/hello" ! -user "${!user}" | wc -l)" 0 \
			"snapd's export, by root: and all of it is $user's"
	done
else
	skip "snapd's export, by root" 'only root has data of several users'
fi
done_testing
