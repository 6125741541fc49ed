# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What the tests of whole commands (e2e_*.sh, bash) share, over lib.sh: a root with users
# and apps of all packagings, mounts that go by themselves, a plain user to be, trees that
# hold everything, and their fingerprints.
#
#	. "$abs_top_srcdir/tests/cli/e2e_lib.sh"
#
# As root all of it happens in a mount namespace of its own, which ends with the script.

PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
export PATH

if test "$(id -u)" -eq 0 && test -z "${SETASIDE_E2E_MOUNTS-}"; then
	if unshare --mount --propagation private true 2>/dev/null; then
		SETASIDE_E2E_MOUNTS=yes
		export SETASIDE_E2E_MOUNTS
		exec unshare --mount --propagation private "$BASH" "$0" "$@"
	fi
	SETASIDE_E2E_MOUNTS=no
	export SETASIDE_E2E_MOUNTS
fi
if ! command -v python3 >/dev/null; then
	echo '1..0 # SKIP there is no python3'
	exit 0
fi
. "${abs_top_srcdir:?}/tests/cli/lib.sh" || exit 99

here=$abs_top_srcdir/tests/cli

is_root()
{
	test "$(id -u)" -eq 0
}

can_mount()
{
	test "${SETASIDE_E2E_MOUNTS-no}" = yes
}

# What a test has mounted is in the way of removing $scratch, also where it failed.
finish()
{
	local point

	kill $(jobs -p) 2>/dev/null
	wait 2>/dev/null
	if can_mount; then
		awk -v top="$scratch/" 'index($5, top) == 1 { print $5 }' /proc/self/mountinfo |
			sort -r | while read -r point; do umount -l "$point"; done
	fi
	chmod -R u+rwx "$scratch" 2>/dev/null
	rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

# ---- Users ----

alice=61001
bob=61002
service=61003

# as UID COMMAND...: as that user without any rights of ours, or as who we are.
as()
{
	local uid=$1

	shift
	if is_root && test "$uid" -ne 0; then
		setpriv --reuid="$uid" --regid="$uid" --clear-groups -- "$@"
	else
		"$@"
	fi
}

# Root has alice, bob and a service on the scratch root.
users()
{
	cat >"$root/etc/passwd" <<-END
	root:x:0:0::/root:/bin/sh
	daemon:x:1:1::/nonexistent:/usr/sbin/nologin
	bin:x:2:2::/nonexistent:/usr/sbin/nologin
	alice:x:$alice:$alice::/home/alice:/bin/sh
	bob:x:$bob:$bob::/home/bob:/bin/sh
	svc:x:$service:$service::/var/lib/svc:/usr/sbin/nologin
	END
	cat >"$root/etc/group" <<-END
	root:x:0:
	daemon:x:1:
	bin:x:2:
	alice:x:$alice:
	bob:x:$bob:
	svc:x:$service:
	END
	mkdir -p "$root/root" "$root/home/alice" "$root/home/bob"
	chown "$alice:$alice" "$root/home/alice"
	chown "$bob:$bob" "$root/home/bob"
	chmod 700 "$root/root" "$root/home/alice" "$root/home/bob"
}

# ---- Commands ----

# sys ARGUMENT...: as root on the scratch root and its own store; see run_raw().
sys()
{
	run_raw --system --root "$root" "$@"
}

# The number of the set that the last command with --json has saved.
saved_set()
{
	json 'd["set"]["id"]'
}

# zips STORE SET: the files of a set.
zips()
{
	find "$1" -name "$2_*.zip" | sort
}

# ---- Trees ----

rich()
{
	python3 "$here/rich_tree.py" "$@"
}

fingerprint()
{
	python3 "$here/fingerprint.py" "$@"
}

# same WANTED FOUND NAME: two files are equal; says in what they differ.
same()
{
	if cmp -s "$1" "$2"; then
		ok "$3"
	else
		not_ok "$3"
		diff "$1" "$2" | cut -c 1-400 | head -20 | sed 's/^/# /'
	fi
}

# nothing_aside DIR... NAME: no staging or aside name is below.
nothing_aside()
{
	local left

	left=$(find "${@:1:$#-1}" -name '*.~?????????~' 2>/dev/null)
	is "$left" '' "${*: -1}"
}

# system_app ID PATH [EXCLUDE]: a definition with one tree of the system.
system_app()
{
	cat >"$scratch/apps/$1.json" <<-END
	{
		"format": 1, "id": "$1", "name": "The app $1",
		"trees": [ { "name": "data", "scope": "system", "at": { "native": "$2" },
			"exclude": [ ${3:+"\"$3\""} ] } ]
	}
	END
}
