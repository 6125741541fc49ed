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

done_testing
