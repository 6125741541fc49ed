#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Saving what has not changed: archives are taken over from older sets, as whole files or
# one by one, by clones where the file system can; what a set holds as it is need not be
# saved at all; and nothing is ever mistaken for unchanged.

# Nothing is believed of a tmpfs, for one.
for dir in "${TMPDIR:-/tmp}" "${abs_top_builddir:?}" /var/tmp; do
	case $(stat -f -c %T "$dir" 2>/dev/null) in
	ext2/ext3 | xfs | btrfs | f2fs)
		test -w "$dir" && disk=$dir && break
		;;
	esac
done
if test -z "${disk-}"; then
	echo '1..0 # SKIP neither TMPDIR nor the build directory nor /var/tmp lies on ext4, XFS, btrfs or f2fs'
	exit 0
fi
TMPDIR=$disk
export TMPDIR
. "${abs_top_srcdir:?}/tests/cli/e2e_lib.sh" || exit 99

# believe_after TIME DIR: that nothing has changed, by the configuration in DIR; 2s is as soon
# as it can be.
believe_after()
{
	mkdir -p "$2"
	printf '%s\n' "settle = $1" 'reserve = 0' >"$2/setaside.conf"
}

# settle DIR...: until everything below was last changed so long ago.
settle()
{
	local since

	while
		since=$((${EPOCHREALTIME/[.,]/} - 2100000))
		since=@${since:0:-6}.${since: -6}
		test -n "$(find "$@" \( -newermt "$since" -o -newerct "$since" \) -print -quit)"
	do
		read -r -t 0.1 <> <(:) || :
	done
}

# hashes: of the archives of the set that the last command with --json has saved.
hashes()
{
	json '{s["snap"]: s["sha3-384"] for s in d["set"]["snapshots"]}'
}

# whole DIR NAME COMMAND...: what the last command has saved in the store DIR is in order, for
# us, who are asked by COMMAND, and for others.
whole()
{
	local set zip

	set=$(saved_set)
	zip=$(zips "$1" "$set" | head -1)
	cp "$scratch/out" "$scratch/answer"
	"${@:3}" check --deep "$set"
	is_status 0 "$2: its archives are right"
	python3 -c 'import sys, zipfile; assert zipfile.ZipFile(sys.argv[1]).testzip() is None' "$zip" 2>/dev/null
	is $? 0 "$2: Python reads the zip"
	cp "$scratch/answer" "$scratch/out"
}

mkdir -p "$home/.demo/deep" "$home/.other"
head -c 3000000 /dev/urandom >"$home/.demo/random"
ln "$home/.demo/random" "$home/.demo/deep/again"
ln -s random "$home/.demo/link"
echo rc >"$home/.demorc"
echo other >"$home/.other/file"
settle "$home"

# ---- A user's own store ----

early()
{
	run_raw --user --root "$root" --store "$scratch/early" "$@"
}
early save --json
first=$(hashes)
early save --json --if-changed
is_json 'd["unchanged"]' '[]' 'two seconds are not enough by themselves'
is "$(hashes)" "$first" 'two seconds: read again'
believe_after 2s "$home/.config/setaside"
early save --json --if-changed
is_json 'd["unchanged"]' '[]' 'two seconds, as configured: older sets were seen too soon'
early save --json --if-changed
is_json 'd["set"]' null 'two seconds, as configured: are enough'

run save --json
is "$(hashes)" "$first" 'another store: the same archives'
is "$(saved_set)" 1 'the first'
run save --json
is "$(saved_set)" 2 'unchanged: saved all the same'
is "$(hashes)" "$first" 'unchanged: the same archives'
whole "$store/snapshots" unchanged run
run save --json --force-read
is "$(hashes)" "$first" 'all is read: the same archives'

run saved --json
is_json 'len({s["content-hash"] for s in d["sets"]})' 1 'one content'
run restore 2
is_status 0 'what was taken over is restored'
run undo
run keep
run keep

# What was restored and undone are the same files again, under names that were changed.
run save --json demo
is "$(hashes)" "$(python3 -c 'import json, sys
d = json.loads(sys.argv[1]); print(json.dumps({"demo": d["demo"]}, separators=(",", ":")))' "$first")" \
	'after a restore and its undo: the same archive'
settle "$home"
run save --json
last=$(saved_set)

run save --if-changed
is_status 0 'unchanged apps: status'
is_out "demo has not changed since set $last.
other has not changed since set $last." 'unchanged apps: their set is named'
is_err '' 'unchanged apps: nothing else is said'
run save --if-changed --json
is_json '[d["set"], d["unchanged"], d["empty"]]' \
	"[null,[{\"app\":\"demo\",\"set\":$last},{\"app\":\"other\",\"set\":$last}],[]]" \
	'unchanged apps: in JSON'
run save --if-changed --quiet
is "$(cat "$scratch/out" "$scratch/err")" '' 'unchanged apps: quiet'
run save --if-changed --dry-run demo
is_out "demo has not changed since set $last.
Would save 0B of data." 'unchanged apps: dry run'
run save --if-changed --name lost demo
is_status 0 'a name for nothing: status'
like_err 'no set was made, so nothing is named "lost"' 'a name for nothing: said'
run save --if-changed --json --exclude 'data/deep' demo
is_json 'd["unchanged"]' '[]' 'another exclude is another wish'
run save --if-changed --compress small --json demo
is_json 'd["set"]' null 'compression does not matter to who asks for changes'
run save --compress small --json other
is "$(test "$(hashes)" = "${first#*,}" && echo same)" '' 'but to what is saved'
run save --if-changed --force-read
is_status 2 'both options: usage'

echo more >>"$home/.demo/random"
run save --if-changed --json
is_json '[[s["snap"] for s in d["set"]["snapshots"]], d["unchanged"]]' \
	"[[\"demo\"],[{\"app\":\"other\",\"set\":$((last + 2))}]]" 'one has changed'
changed=$(hashes)
whole "$store/snapshots" 'one has changed' run
believe_after 1h "$home/.config/setaside" # so that it was just now on any machine
run save --json demo
is "$(hashes)" "$changed" 'changed just now: read again'
run save --dry-run --if-changed
like_out '^Would save [1-9]' 'changed just now: would be saved again'
believe_after 2s "$home/.config/setaside"

# It has rested since; then a database that is lost.
settle "$home"
run save --json demo
run save --if-changed --json demo
is_json 'd["set"]' null 'and then it is believed'

# That a set stays longer is done, whether or not it can be told.
if test -w /dev/full; then
	run save --auto demo
	untold()
	{
		"$setaside" --user --root "$root" --store "$store" save --if-changed demo \
			>/dev/full 2>"$scratch/err"
		status=$?
	}
	untold
	is_status 3 'an automatic set that stays: done, but not told'
	untold
	is_status 6 'nothing done, and not told'
else
	skip 'an automatic set that stays: done, but not told' 'there is no /dev/full'
	skip 'nothing done, and not told' 'there is no /dev/full'
fi
rm -f "$store"/state.db*
run save --if-changed --json demo
is_json 'd["unchanged"]' '[]' 'a lost database: nothing is believed'
is "$(hashes)" "$changed" 'a lost database: read anew'

# ---- Damage ----

settle "$home"
run save --json demo
zip=$(zips "$store/snapshots" "$(saved_set)")
damaged=$(saved_set)
touch -r "$zip" "$scratch/time"
flip "$zip" $(($(stat -c %s "$zip") - 5))
touch -r "$scratch/time" "$zip"
run save --json demo
is_status 0 'a damaged set: status'
like_err "set $damaged is damaged" 'a damaged set: named'
is "$(hashes)" "$changed" 'a damaged set: the data are read'
run save --if-changed --json demo
is_json 'd["unchanged"][0]["set"]' $((damaged + 1)) 'a damaged set: holds nothing'

if ! is_root; then
	skip 'data of several users' 'not root'
	skip 'clones' 'not root'
	done_testing
	exit
fi

# ---- Data of several users ----

users
cat >"$scratch/apps/joint.json" <<-END
{
	"format": 1, "id": "joint", "name": "Joint",
	"trees": [ { "name": "data", "scope": "user", "at": { "native": "~/.joint" } },
		{ "name": "system", "scope": "system", "at": { "native": "/var/lib/joint" } } ]
}
END
for user in alice bob; do
	mkdir -p "$root/home/$user/.joint"
	head -c 200000 /dev/urandom >"$root/home/$user/.joint/file"
	chown -R "${!user}:${!user}" "$root/home/$user/.joint"
done
mkdir -p "$root/var/lib/joint"
head -c 500000 /dev/urandom >"$root/var/lib/joint/file"
chown "$service:$service" "$root/var/lib/joint/file"
believe_after 2s "$root/etc/setaside"
settle "$root/home" "$root/var/lib/joint"
snapshots=$root/var/lib/setaside/snapshots

sys save --json joint
first=$(hashes)
is_json 'len(d["set"]["snapshots"][0]["sha3-384"])' 3 'users: three archives'
sys save --json joint
is "$(hashes)" "$first" 'users: the same archives'
whole "$snapshots" users sys
sys save --if-changed --json --users alice joint
is_json 'd["unchanged"]' '[{"app":"joint","set":2}]' 'users: who asks for some is content with all'
sys save --if-changed --json --users alice --no-system joint
is_json 'd["set"]' null 'users: and for one'

echo new >>"$root/home/alice/.joint/file"
sys save --json --if-changed joint
is_json 'd["unchanged"]' '[]' 'one user has changed'
is "$(hashes | python3 -c 'import json, sys
a, b = json.loads(sys.argv[1])["joint"], json.load(sys.stdin)["joint"]
print(*[k for k in a if a[k] == b[k]])' "$first")" 'archive.tgz user/bob.tgz' \
	'one user has changed: the others are as they were'
whole "$snapshots" 'one user has changed' sys
changed=$(hashes)
sys save --json --force-read joint
is "$(hashes)" "$changed" 'one user has changed: the same as read'
rm -r "$root/home/alice/.joint"
sys save --if-changed --json joint
is_json 'd["unchanged"]' '[]' 'one user has none any more: changed'
sys save --json --users bob --no-system joint
sys save --if-changed --json joint
is_json '[len(d["unchanged"]), d["set"]]' '[1,null]' 'but then unchanged'
sys restore 3
is_status 0 'parts of several sets are restored'
is "$(tail -c 4 "$root/home/alice/.joint/file")" new 'parts of several sets: the right ones'
sys save --json joint
is "$(hashes)" "$changed" 'what was restored is read, and the same'

# A user is renamed: his archives bear the new name.
settle "$root/home" "$root/var/lib/joint"
sys save --json joint
sed -i 's/^svc:/daemond:/' "$root/etc/passwd" "$root/etc/group"
sys save --if-changed --json --no-system joint
is_json 'd["set"]' null 'another name of an owner: nothing to his who has another'
sys save --if-changed --json joint
is_json 'd["unchanged"]' '[]' 'another name of an owner: changed'

# ---- Clones ----

if ! can_mount || ! command -v mkfs.xfs >/dev/null || ! command -v filefrag >/dev/null; then
	skip 'clones' 'no mkfs.xfs or filefrag'
	done_testing
	exit
fi
truncate -s 400M "$scratch/xfs"
mkdir "$scratch/cloning"
if mkfs.xfs -q -m reflink=1 "$scratch/xfs" && mount -o loop "$scratch/xfs" "$scratch/cloning"; then
	store=$scratch/cloning/store
	cloned()
	{
		sys --store "$store" "$@"
	}
	cloned save --json joint
	first=$(hashes)
	cloned save --json joint
	is "$(hashes)" "$first" 'a clone: the same archives'
	whole "$store/snapshots" 'a clone' cloned
	filefrag -v "$(zips "$store/snapshots" 2)" >"$scratch/out" 2>&1
	like_out shared 'a clone: shares its blocks'
	cloned save --json --force-read joint
	filefrag -v "$(zips "$store/snapshots" 3)" >"$scratch/out" 2>&1
	is "$(grep -c shared "$scratch/out")" 0 'read anew: shares none'
else
	skip 'clones' 'no XFS here'
fi
done_testing
