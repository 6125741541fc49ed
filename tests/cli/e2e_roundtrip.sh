#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Save, change everything, restore, undo, undo the undo: each time every attribute of every
# entry is as it was.  As root with two users and all packagings, and as a plain user.

. "${abs_top_srcdir:?}/tests/cli/e2e_lib.sh" || exit 99

# look: what the trees in ${trees[@]} are.  Inside a mount point rests what is aside.
look()
{
	fingerprint "${trees[@]}" | grep -Ev "/\.~[a-z0-9]{9}~['/]"
}

# judge WANTED NAME: the trees in ${trees[@]} are what the file WANTED says.
judge()
{
	look >"$scratch/found"
	same "$1" "$scratch/found" "$2"
}

# hashes: the archives of the set that the last command has printed.
hashes()
{
	json '{s["snap"]: s["sha3-384"] for s in d["set"]["snapshots"]}'
}

# round_trip WHO COMMAND...: the whole job on ${trees[@]} and ${apps[@]}; changes are made by
# the function `change_all`.
round_trip()
{
	local who=$1 first number

	shift
	look >"$scratch/before"
	grep -v "' socket " "$scratch/before" >"$scratch/before.no-sockets"
	"$@" save --json "${apps[@]}"
	is_status 0 "$who: save"
	is "$(json '[s["snap"] for s in d["set"]["snapshots"]] == sorted(
		s["snap"] for s in d["set"]["snapshots"]), d["empty"]')" '[true,[]]' \
		"$who: every app has data"
	first=$(hashes)
	number=$(saved_set)
	judge "$scratch/before" "$who: saving changes nothing"
	"$@" save --json "${apps[@]}"
	is "$(hashes)" "$first" "$who: a second save has the same archives"
	"$@" check --deep "$number"
	is_status 0 "$who: check --deep"

	change_all
	look >"$scratch/changed"
	"$@" restore --dry-run "$number"
	is_status 0 "$who: restore --dry-run"
	judge "$scratch/changed" "$who: restore --dry-run changes nothing"
	"$@" restore "$number"
	is_status 0 "$who: restore"
	judge "$scratch/before.no-sockets" "$who: restore gives back what was saved"
	"$@" save --json "${apps[@]}"
	is "$(hashes)" "$first" "$who: what is restored saves to the same archives"
	"$@" undo
	is_status 0 "$who: undo"
	judge "$scratch/changed" "$who: undo gives back what was changed"
	"$@" undo
	is_status 0 "$who: undo the undo"
	judge "$scratch/before.no-sockets" "$who: undoing the undo restores again"
	"$@" undo
	is_status 0 "$who: and undo it once more"
	judge "$scratch/changed" "$who: as changed once more"
	"$@" restore "$number"
	"$@" doctor
	is_status 0 "$who: doctor has nothing to say"
	is_out 'Nothing to repair.' "$who: in a sentence"
	while "$@" keep && test "$status" -eq 0; do :; done
	is_status 4 "$who: all restores can be kept"
	judge "$scratch/before.no-sockets" "$who: keep changes nothing"
}

# others_read STORE SET WHO: GNU tar, unzip and Python's zipfile.
others_read()
{
	local zip member n=0 bad=0

	while read -r zip; do
		python3 -m zipfile -t "$zip" >"$scratch/out" 2>"$scratch/err"
		status=$?
		test "$status" -eq 0 || not_ok "$3: zipfile reads $zip"
		if command -v unzip >/dev/null; then
			unzip -tqq "$zip" >"$scratch/out" 2>"$scratch/err"
			status=$?
			is "$status$(cat "$scratch/err")" 0 "$3: unzip reads ${zip##*/}"
		fi
		while read -r member; do
			n=$((n + 1))
			extract_one "$zip" "$member" "$3" || bad=$((bad + 1))
		done < <(python3 -c 'import sys, zipfile
for name in zipfile.ZipFile(sys.argv[1]).namelist():
    if name.endswith(".tgz"):
        print(name)' "$zip")
	done < <(zips "$1" "$2")
	is "$((n > 0)) $bad" '1 0' "$3: GNU tar extracts every archive without a word"
}

# extract_one ZIP MEMBER WHO: with all attributes.  GNU tar makes no path longer than
# PATH_MAX, and speaks of times before 1970 and after today.
extract_one()
{
	local into=$scratch/tar

	chmod -R u+rwx "$into" 2>/dev/null
	rm -rf "$into"
	mkdir "$into"
	python3 -c 'import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]).open(sys.argv[2]) as member:
    shutil.copyfileobj(member, sys.stdout.buffer)' "$1" "$2" |
		tar -C "$into" -xpzf - --xattrs --xattrs-include='*' --acls --numeric-owner \
			--warning=no-timestamp --exclude='30d*' \
			>"$scratch/out" 2>"$scratch/err"
	status=("${PIPESTATUS[@]}")
	status=${status[1]}
	test "$status" -eq 0 && ! test -s "$scratch/err" && return 0
	not_ok "$3: GNU tar extracts $2 of ${1##*/}"
	return 1
}

# ---- As root ----

# A snap and a flatpak as they lie on a disk.
deploy()
{
	local home

	mkdir -p "$root/snap/hello/7/meta" "$root/var/snap/hello" "$root/var/lib/snapd/snaps"
	printf 'name: hello\nversion: "2.10"\nsummary: Hello\nepoch: 0\n' \
		>"$root/snap/hello/7/meta/snap.yaml"
	ln -s 7 "$root/snap/hello/current"
	ln -s 7 "$root/var/snap/hello/current"
	rich make "$root/var/snap/hello/7" 0 >/dev/null
	rich make "$root/var/snap/hello/common" 0 "$service" >/dev/null
	for user in alice bob; do
		home=$root/homes/$user
		as "${!user}" mkdir -p "$home/snap/hello/7" "$home/snap/hello/common" \
			"$home/.var/app/org.example.Flat/config"
		as "${!user}" sh -c "echo $user >'$home/snap/hello/7/file'"
		as "${!user}" sh -c "echo $user >'$home/.var/app/org.example.Flat/config/file'"
	done
	as "$alice" python3 "$here/rich_tree.py" make "$root/homes/alice/snap/hello/common" >/dev/null
	as "$bob" python3 "$here/rich_tree.py" make \
		"$root/homes/bob/.var/app/org.example.Flat/data" >/dev/null
}

# A service: trees of root's, of its own user, below a directory of that user, through a
# link, a single file, and a tree that is a mount point.
service_app()
{
	cat >"$scratch/apps/svc.json" <<-'END'
	{
		"format": 1, "id": "svc", "name": "A service",
		"trees": [
			{ "name": "config", "scope": "system", "at": { "native": "/etc/svc" } },
			{ "name": "state", "scope": "system", "at": { "native": "/var/lib/svc" } },
			{ "name": "own", "scope": "system", "at": { "native": "/srv/own/svc" } },
			{ "name": "linked", "scope": "system", "at": { "native": "/var/lib/linked" } },
			{ "name": "file", "scope": "system", "at": { "native": "/etc/svc.conf" } },
			{ "name": "user", "scope": "user", "at": { "native": "~/.svc" } },
			{ "name": "dots", "scope": "user", "at": { "native": "~/.dots" } },
			{ "name": "rc", "scope": "user", "at": { "native": "~/.svcrc" } }
		]
	}
	END
	mkdir -p "$root/var/lib" "$root/srv/own" "$root/data"
	lacks=$(rich make "$root/etc/svc" 0 "$alice" "$bob" 64999)
	rich make "$root/var/lib/svc" "$service" >/dev/null
	rich make "$root/srv/own/svc" "$service" 0 >/dev/null
	chown "$service:$service" "$root/var/lib/svc" "$root/srv/own" "$root/srv/own/svc"
	rich make "$root/data/linked" 0 >/dev/null
	ln -s /data/linked "$root/var/lib/linked"
	echo a file >"$root/etc/svc.conf"
	chmod 640 "$root/etc/svc.conf"
	for user in alice bob; do
		home=$root/homes/$user
		as "${!user}" mkdir "$home/dotfiles"
		as "${!user}" python3 "$here/rich_tree.py" make "$home/.svc" >/dev/null
		as "${!user}" python3 "$here/rich_tree.py" make "$home/dotfiles/dots" >/dev/null
		as "${!user}" ln -s dotfiles/dots "$home/.dots"
		as "${!user}" ln "$home/.svc/size-512" "$home/dotfiles/dots/shared"
		as "${!user}" sh -c "echo $user >'$home/.svcrc'"
	done
}

trees_of_root()
{
	trees=("$root/etc/svc" "$root/var/lib/svc" "$root/srv/own/svc" "$root/data/linked"
		"$root/etc/svc.conf" "$root/var/snap/hello/7" "$root/var/snap/hello/common"
		"$root/var/lib/linked" "$root/home")
	for user in alice bob; do
		home=$root/homes/$user
		trees+=("$home/.svc" "$home/dotfiles/dots" "$home/.dots" "$home/.svcrc"
			"$home/snap/hello/7" "$home/snap/hello/common"
			"$home/.var/app/org.example.Flat/config"
			"$home/.var/app/org.example.Flat/data")
	done
}

change_of_root()
{
	rich change "$root/etc/svc"
	rich change "$root/data/linked"
	rich change "$root/var/snap/hello/7"
	rm -rf "$root/srv/own/svc"
	rm -rf "$root/homes/bob/.svc"
	rm "$root/etc/svc.conf"
	mkdir "$root/etc/svc.conf"
	chown -R "$alice" "$root/var/lib/svc/many"
	echo more >>"$root/homes/alice/.svcrc"
	as "$alice" python3 "$here/rich_tree.py" change "$root/homes/alice/.svc"
	as "$bob" python3 "$here/rich_tree.py" change "$root/homes/bob/dotfiles/dots"
	as "$bob" python3 "$here/rich_tree.py" change "$root/homes/bob/.var/app/org.example.Flat/data"
	as "$alice" chmod 700 "$root/homes/alice/snap/hello/common/modes/dir-0500"
	as "$alice" rm -rf "$root/homes/alice/snap/hello"
}

root_job()
{
	local lacks word user home trees apps=(svc hello org.example.Flat)

	users
	# To us this link leads nowhere: /homes is below the root.
	mv "$root/home" "$root/homes"
	ln -s /homes "$root/home"
	deploy
	service_app
	for word in acl capability devices xattr; do
		case " $lacks " in
		*"$word"*) skip "root: $word come back" 'the file system or our rights lack them' ;;
		esac
	done
	trees_of_root
	change_all() { change_of_root; }
	round_trip root sys
	others_read "$root/var/lib/setaside/snapshots" 1 root
	is "$(readlink "$root/home") $(readlink "$root/var/lib/linked")" '/homes /data/linked' \
		'root: links to trees stay'
	nothing_aside "$root" 'root: nothing is left aside'
}

# ---- Mount points ----

# A tree that is a file system of its own, and one with a mount in it.
mount_job()
{
	local trees apps=(vol) tree=$root/var/lib/vol before

	if ! can_mount; then
		skip 'mount: all of it' 'nothing can be mounted here'
		return
	fi
	system_app vol /var/lib/vol
	system_app under /var/lib/under
	mkdir -p "$tree" "$root/var/lib/under/deep/point"
	mount -t tmpfs -o size=64m,mode=751 none "$tree"
	rich make "$tree" 0 "$service" >/dev/null
	mkdir "$tree/lost+found"
	before=$(stat -c '%d' "$tree")
	trees=("$tree")
	change_all() { rich change "$tree"; }
	round_trip mount sys
	is "$(stat -c '%d' "$tree")" "$before" 'mount: it is still mounted'

	echo one >"$root/var/lib/under/file"
	mount -t tmpfs -o size=1m none "$root/var/lib/under/deep/point"
	echo elsewhere >"$root/var/lib/under/deep/point/file"
	sys save --json under
	is_status 0 'mount below: a save leaves it out'
	number=$(saved_set)
	echo two >"$root/var/lib/under/file"
	trees=("$root/var/lib/under")
	look >"$scratch/changed"
	sys restore "$number"
	is_status 7 'mount below: a restore is busy'
	like_err 'deep/point' 'mount below: and names it'
	judge "$scratch/changed" 'mount below: nothing has changed'
	umount "$root/var/lib/under/deep/point"
	sys restore "$number"
	is_status 0 'mount below: without it, the tree is restored'
	is "$(cat "$root/var/lib/under/file")" one 'mount below: as it was'
}

# ---- Names of one object on both sides of an exclude ----

# one_of NAME...: these names below $tree are one object, "yes" or "no".
one_of()
{
	(cd "$tree" && stat -c '%i' "$@" | sort -u | wc -l) | sed 's/^1$/yes/; t; s/.*/no/'
}

# What was saved is linked again among itself, what is excluded among itself.
links_job()
{
	local tree=$root/var/lib/part name number

	system_app part /var/lib/part cache
	mkdir -p "$tree/cache" "$tree/data/deep"
	ln -s nowhere "$tree/data/link"
	mkfifo -m 640 "$tree/data/fifo"
	echo saved >"$tree/data/file"
	for name in link fifo file; do
		ln -P "$tree/data/$name" "$tree/data/deep/$name"
		ln -P "$tree/data/$name" "$tree/cache/$name"
		ln -P "$tree/data/$name" "$tree/cache/$name-too"
	done
	chown -h "$service:$service" "$tree/data/link" "$tree/data/fifo"
	sys save --json part
	is_status 0 'links: save'
	number=$(saved_set)
	rm -r "$tree/data"
	sys restore "$number"
	is_status 0 'links: restore'
	for name in link fifo file; do
		is "$(one_of "data/$name" "data/deep/$name")" yes "links: a $name is one again"
		is "$(one_of "cache/$name" "cache/$name-too")" yes \
			"links: an excluded $name is one still"
		is "$(one_of "data/$name" "cache/$name")" no \
			"links: a $name that was saved is not the one that was excluded"
	done
	is "$(stat -c '%F %h %u' "$tree/data/link")" "symbolic link 2 $service" \
		'links: a link with its owner'
	is "$(stat -c '%F %h %u %a' "$tree/data/deep/fifo")" "fifo 2 $service 640" \
		'links: a FIFO with its attributes'
	sys undo
	is_status 0 'links: undo'
	is "$(cd "$tree" && find . -type l -o -type p -o -type f | wc -l)" 6 \
		'links: what was removed is gone again, what is excluded is there'
	is "$(one_of cache/link cache/link-too) $(one_of cache/fifo cache/fifo-too)" 'yes yes' \
		'links: and one each'
}

# ---- As a plain user, without another root ----

plain()
{
	as "$plain" env HOME="$plain_home" XDG_DATA_HOME="$plain_home/xdg data" \
		"$setaside" --user "$@" >"$scratch/out" 2>"$scratch/err" </dev/null
	status=$?
}

plain_job()
{
	local trees apps=(demo org.example.Own)

	plain=$(id -u)
	is_root && plain=$(id -u nobody)
	plain_home=$scratch/plain
	mkdir "$plain_home"
	is_root && chown "$plain" "$plain_home"
	if ! as "$plain" test -x "$SETASIDE_WORKER" || ! as "$plain" test -r "$here/rich_tree.py"; then
		skip 'user: all of it' "user $plain cannot reach the build directory"
		return
	fi
	trees=("$plain_home/.demo" "$plain_home/.demorc" "$plain_home/.var/app/org.example.Own/data")
	as "$plain" mkdir -p "$plain_home/.var/app/org.example.Own/cache"
	as "$plain" python3 "$here/rich_tree.py" make "$plain_home/.demo" >/dev/null
	as "$plain" python3 "$here/rich_tree.py" make "${trees[2]}" >/dev/null
	as "$plain" sh -c "echo rc >'$plain_home/.demorc'; umask 077
		echo cached >'$plain_home/.var/app/org.example.Own/cache/file'"
	change_all()
	{
		as "$plain" python3 "$here/rich_tree.py" change "$plain_home/.demo"
		as "$plain" python3 "$here/rich_tree.py" change "${trees[2]}"
		as "$plain" rm "$plain_home/.demorc"
		as "$plain" sh -c "echo newer >'$plain_home/.var/app/org.example.Own/cache/file'"
	}
	round_trip user plain
	is "$(cat "$plain_home/.var/app/org.example.Own/cache/file")" newer \
		'user: a cache is not restored'
	others_read "$plain_home/xdg data/setaside/snapshots" 1 user
	nothing_aside "$plain_home" 'user: nothing is left aside'
}

if is_root; then
	root_job
	mount_job
	links_job
else
	skip 'root: all of it' 'only root can'
fi
plain_job
done_testing
