#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What meets who is new here: no store yet, a mistyped one, one that cannot be written, data
# that cannot be read.

. "${abs_top_srcdir:?}/tests/cli/e2e_lib.sh" || exit 99

# not_there PATH NAME: nothing has made it.
not_there()
{
	test ! -e "$1"
	is $? 0 "$2"
}

mkdir -p "$home/.demo"
echo one >"$home/.demo/file"

# ---- What a save would do where there is no store yet ----

for where in "--store $scratch/new" "--store $scratch/far/below/" ''; do
	run_raw --user --root "$root" $where save --dry-run demo
	is_status 0 "save --dry-run, no store yet ($where): status"
	is_out 'Would save 4B of data.' "save --dry-run, no store yet ($where): says how much"
	run_raw --user --root "$root" $where save --dry-run --json demo
	is_status 0 "save --dry-run --json, no store yet ($where): status"
done
(cd "$scratch" && "$setaside" --user --root "$root" --store near save --dry-run demo >out 2>err)
is $? 0 'save --dry-run, no store yet: a relative name'
mkdir "$scratch/empty"
run_raw --user --root "$root" --store "$scratch/empty" save --dry-run demo
is_status 0 'save --dry-run, a directory that is no store yet: status'
is "$(ls -A "$scratch/empty")" '' 'save --dry-run: nothing is made in it'
not_there "$scratch/new" 'save --dry-run: no store is made'
not_there "$scratch/far" 'save --dry-run: nor a directory above it'
not_there "$scratch/near" 'save --dry-run: nor one here'
not_there "$home/.local" 'save --dry-run: nor one at home'
ln -s nowhere "$scratch/dangling"
run_raw --user --root "$root" --store "$scratch/dangling" save --dry-run demo
is_status 1 'save --dry-run, a store that is a link to nowhere: status'
like_err 'dangling' 'save --dry-run, a store that is a link to nowhere: named'
if can_mount; then
	mkdir "$scratch/small"
	mount -t tmpfs -o size=1m none "$scratch/small"
	head -c 3000000 /dev/urandom >"$home/.demo/random"
	run_raw --user --root "$root" --store "$scratch/small/new/store" save --dry-run demo
	is_status 6 'save --dry-run, no store yet: there must be room where it will be'
	rm "$home/.demo/random"
	umount "$scratch/small"
else
	skip 'save --dry-run, no store yet: room' 'mounts cannot be made'
fi

# ---- What is no question of sets, apps and users ----

not_made()
{
	run_raw --user --root "$root" --store "$1" save demo
	is_status 1 "save, $2: status"
	like_err 'cannot make directory' "$2: said"
}

not_made "$scratch/dangling" 'a store that is a link to nowhere'
not_made /proc/nosuch/store 'a store where none can be made'
touch "$scratch/plain"
for where in nosuch plain; do
	run_raw --user --root "$scratch/$where" saved
	is_status 1 "a root that is none ($where): status"
	like_err "cannot open root directory .*$where" "a root that is none ($where): named"
done

# ---- Snapshots that are gone or broken ----

run save --name one demo
is_status 0 'a set to lose: status'
lost=$(basename "$(zips "$store/snapshots" 1)")
mv "$store/snapshots/$lost" "$scratch/lost.zip"
for verb in 'restore one' 'restore --dry-run one' 'check one' "export one $scratch/x"; do
	run $verb
	is_status 5 "$verb, its file is gone: status"
done
run restore --json one
is_json 'd["error"]["kind"]' '"damaged"' 'restore, its file is gone: kind'
run doctor
is_status 3 'doctor, a file is gone: status'
like_out "^left: set 1: its file \"$lost\" is gone" 'doctor, a file is gone: named'
head -c 100 "$scratch/lost.zip" >"$store/snapshots/$lost"
run saved
like_out '^1 .*broken: ' 'a file that was cut: listed as broken'
for verb in doctor 'doctor --dry-run'; do
	run $verb
	is_status 3 "$verb, a file was cut: status"
	like_out "^left: set 1: its file \"$lost\" is broken: " "$verb, a file was cut: named"
	run $verb --json
	is_json '[i["object"] for i in d["doctor"]["left"]]' '["set 1"]' "$verb, a file was cut: in JSON"
done
rm "$store/snapshots/$lost"
mv "$scratch/lost.zip" "$store/snapshots/$lost"
run doctor
is_status 0 'doctor, the file is whole again: status'

# ---- Hints, in JSON too ----

run save --force-read demo
run show --json 1
# Digits alone would be a number.
prefix=$(json 'd["set"]["content-hash"]' | grep -oE '[0-9a-f]{7}[0-9]*[a-f]' | head -n 1)
run show --json "$prefix"
is_status 2 'an ambiguous set: status'
is_json '[h in d["error"]["hint"] for h in ("1 (", "2 (")]' '[true,true]' \
	'an ambiguous set, JSON: the hint lists the candidates'
run show --json 99
is_json 'list(d["error"])' '["kind","message"]' 'no such set, JSON: there is no hint'
run forget 2

# ---- A store that is mistyped ----

run_raw --user --root "$root" --store "$scratch/typo" saved
is_status 0 'saved, a mistyped store: status'
is_out 'No snapshots found.' 'saved, a mistyped store: holds nothing'
is_err "setaside: there is no store at \"$scratch/typo\" yet" 'saved, a mistyped store: noted'
for verb in 'restore 1' 'forget 1' undo keep 'restore --dry-run 1'; do
	run_raw --user --root "$root" --store "$scratch/typo" $verb
	is_status 4 "$verb, a mistyped store: status"
	not_there "$scratch/typo" "$verb, a mistyped store: none is made"
	run_raw --user --root "$root" --store "$scratch/empty" $verb
	is "$status $(ls -A "$scratch/empty")" '4 ' "$verb, an empty directory: nothing is made"
done
for verb in doctor 'doctor --dry-run'; do
	run_raw --user --root "$root" --store "$scratch/typo" $verb
	is_status 0 "$verb, a mistyped store: status"
	not_there "$scratch/typo" "$verb, a mistyped store: none is made"
done

# ---- A store that cannot be written ----

if can_mount; then
	quoted="it's read only"
	cp -a "$store" "$scratch/$quoted"
	mount --bind "$scratch/$quoted" "$scratch/$quoted"
	mount -o remount,bind,ro "$scratch/$quoted"
	hint="--store '$scratch/it'\\''s read only' export SET - | setaside --root $root import -"
	for verb in 'restore 1' keep doctor undo 'forget 1'; do
		run_raw --user --root "$root" --store "$scratch/$quoted" $verb
		is_status 1 "$verb, a read-only store: status"
		like_err 'Read-only' "$verb, a read-only store: said"
		is "$(grep '^setaside: hint' "$scratch/err" | grep -cF -e "$hint")" 1 \
			"$verb, a read-only store: the way out"
	done
	run_raw --user --root "$root" --store "$scratch/$quoted" save --dry-run demo
	is_status 1 'save --dry-run, a read-only store: status'
	like_err 'cannot be written: Read-only' 'save --dry-run, a read-only store: said'
	run_raw --user --root "$root" --store "$scratch/$quoted" restore --dry-run 1
	is_status 0 'restore --dry-run, a read-only store: status'
	like_out '^Would restore set 1' 'restore --dry-run, a read-only store: the plan'
	like_err 'warning: it could not be done now: .*Read-only' \
		'restore --dry-run, a read-only store: a warning'
	is "$(grep -cF -e "$hint" "$scratch/err")" 1 'restore --dry-run, a read-only store: the way out'
	umount "$scratch/$quoted"
else
	skip 'a read-only store' 'mounts cannot be made'
fi

# ---- Data that cannot be read are not data that are not there ----

# me ARGUMENT...: as who may not read everything, with a store of his own.
me()
{
	local tester

	tester=$(awk -F: '$1 == "tester" { print $3 }' "$root/etc/passwd")
	as "$tester" "$setaside" --user --root "$root" "$@" \
		>"$scratch/out" 2>"$scratch/err" </dev/null
	status=$?
}

if is_root; then
	cp "$root/etc/passwd" "$scratch/passwd"
	sed -i "s/:0:0:/:$alice:$alice:/" "$root/etc/passwd"
	chown -R "$alice:$alice" "$home"
	chmod 755 "$scratch" "$root" "$root/home"
fi
mkdir "$home/.other"
chmod 0 "$home/.other"
test "$(id -u)" -eq 0 && chown "$alice:$alice" "$home/.other"
unread="[{\"app\":\"other\",\"user\":\"tester\",\"path\":\"$home/.other\""
me save other
is_status 1 'unreadable data alone: status'
like_err "^setaside: cannot read the data of \"other\": \"$home/.other\": .*Permission denied" \
	'unreadable data alone: said'
is "$(grep -c warning "$scratch/err")" 1 'unreadable data alone: warned of once'
like_err "^setaside: warning: other of tester: \"$home/.other\": " \
	'unreadable data: the warning names app, user and path'
me save --json other
is_status 1 'unreadable data alone, JSON: status'
is_json 'd["error"]["kind"]' '"failed"' 'unreadable data alone, JSON: kind'
me save --dry-run other
is_status 1 'unreadable data alone, dry run: status'
me save --json demo other
is_status 3 'unreadable data and others: status'
is_json '[d["empty"],[s["snap"] for s in d["set"]["snapshots"]]]' '[[],["demo"]]' \
	'unreadable data and others: it is not empty'
is_json '[{k: u[k] for k in ("app", "user", "path")} for u in d["unreadable"]]' "$unread}]" \
	'unreadable data and others: named in JSON'
like_out 'Permission denied' 'unreadable data and others: and why'
me save --json --if-changed demo other
is_status 3 'unreadable data and unchanged: status'
me estimate other
is_status 3 'unreadable data: estimate'
is "$(grep -c 'has no data' "$scratch/err")" 0 'unreadable data: estimate does not call it empty'
chmod 700 "$home/.other"
rmdir "$home/.other"
ln -s nowhere/at/all "$home/.other"
me save other
is_status 1 'a tree that leads nowhere alone: status'
rm "$home/.other"
me save other
is_status 4 'no data: status'
me save --json demo other
is_json '[d["empty"],d.get("unreadable")]' '[["other"],null]' 'no data: empty'

# ---- Warnings name what is on this machine ----

rm -rf "$home/.other"
echo rc >"$home/.otherrc"
mkdir "$home/.other"
echo key >"$home/.other/key"
chmod 0 "$home/.other/key"
is_root && chown -R "$alice:$alice" "$home/.other" "$home/.otherrc"
me save --json other
is_status 3 'an unreadable file: status'
is "$(grep -c key "$scratch/err")" 1 'an unreadable file: warned of once'
like_err "^setaside: warning: other of tester: \"$home/.other/key\" left out: .*Permission denied" \
	'an unreadable file: by app, user and path'
is_json '[k["path"] for a in d["set"]["snapshots"][0]["setaside"]["archives"].values() for k in a["skipped"]]' \
	'["common/data/key"]' 'an unreadable file: in the metadata as ever'
rm -rf "$home/.other"
ln -s nowhere/at/all "$home/.other"
me save --json other
is_status 3 'a link to nowhere: status'
is "$(grep -c "$home/.other" "$scratch/err")" 1 'a link to nowhere: warned of once'
is_json '[u["path"] for u in d["unreadable"]]' "[\"$home/.other\"]" 'a link to nowhere: in JSON'

done_testing
