# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What the tests of the command share; they source it and speak TAP:
#
#	. "$abs_top_srcdir/tests/cli/lib.sh"
#	run saved
#	is_status 0 'a store that is not there is no error'
#	is_out 'No snapshots found.' 'and holds nothing'
#	done_testing
#
# Everything happens below $scratch, which goes at the end: a root of another system with
# one user, who is the caller, the definitions of two apps, and a store.  Nothing of the
# machine is touched, and no other user is needed.

set -u
: "${abs_top_srcdir:?}" "${abs_top_builddir:?}"
setaside=$abs_top_builddir/setaside
tests=0

if ! test -x "$setaside"; then
	echo "1..0 # SKIP $setaside is not built"
	exit 0
fi

scratch=$(mktemp -d "${TMPDIR:-/tmp}/setaside-cli.XXXXXX") || exit 99
trap 'chmod -R u+rwx "$scratch"; rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

root=$scratch/root
store=$scratch/store
home=$root/home/tester
umask 022
chmod 755 "$scratch"
mkdir -p "$root/etc/setaside" "$home/.config/setaside" "$scratch/apps"
# However full the file system is.
echo 'reserve = 0' >"$root/etc/setaside/setaside.conf"
cp -p "$root/etc/setaside/setaside.conf" "$home/.config/setaside"
echo "tester:x:$(id -u):$(id -g)::/home/tester:/bin/sh" >"$root/etc/passwd"
echo "tester:x:$(id -g):" >"$root/etc/group"

# definition ID: an app with a directory ~/.ID and a file ~/.IDrc.
definition()
{
	cat >"$scratch/apps/$1.json" <<-END
	{
		"format": 1,
		"id": "$1",
		"name": "The app $1",
		"trees": [
			{ "name": "data", "scope": "user", "at": { "native": "~/.$1" } },
			{ "name": "rc", "scope": "user", "at": { "native": "~/.$1rc" } }
		]
	}
	END
}

definition demo
definition other

unset SETASIDE_STORE XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME XDG_CACHE_HOME
HOME=/home/tester
SETASIDE_DATADIR=$scratch/apps
LC_ALL=C
TERM=dumb
export HOME SETASIDE_DATADIR LC_ALL TERM

# run_raw ARGUMENT...: status, and stdout and stderr in $scratch/out and $scratch/err.
run_raw()
{
	"$setaside" "$@" >"$scratch/out" 2>"$scratch/err" </dev/null
	status=$?
}

# run ARGUMENT...: the same on the scratch root and store.
run()
{
	run_raw --user --root "$root" --store "$store" "$@"
}

# flip FILE OFFSET: another byte stands there, whatever stood there.
flip()
{
	local byte

	byte=$(od -An -tu1 -j "$2" -N 1 "$1")
	printf "\\$(printf %03o $((byte ^ 255)))" |
		dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

# Every judgement is one line of TAP; what is to be seen stands in comments behind it.
ok()
{
	tests=$((tests + 1))
	echo "ok $tests - $1"
}

not_ok()
{
	tests=$((tests + 1))
	echo "not ok $tests - $1"
	echo "# status $status"
	sed 's/^/# out: /' "$scratch/out"
	sed 's/^/# err: /' "$scratch/err"
}

# skip NAME WHY
skip()
{
	tests=$((tests + 1))
	echo "ok $tests - $1 # SKIP $2"
}

# is GOT WANTED NAME
is()
{
	if test "$1" = "$2"; then
		ok "$3"
	else
		not_ok "$3"
		printf '%s\n' "$1" | sed 's/^/# got: /'
		printf '%s\n' "$2" | sed 's/^/# wanted: /'
	fi
}

# is_status WANTED NAME
is_status()
{
	if test "$status" -eq "$1"; then
		ok "$2"
	else
		not_ok "$2"
		echo "# wanted status $1"
	fi
}

is_out()
{
	is "$(cat "$scratch/out")" "$1" "$2"
}

is_err()
{
	is "$(cat "$scratch/err")" "$1" "$2"
}

# like_out PATTERN NAME: a line fits the extended regular expression.
like_out()
{
	if grep -Eq -e "$1" "$scratch/out"; then ok "$2"; else not_ok "$2"; fi
}

like_err()
{
	if grep -Eq -e "$1" "$scratch/err"; then ok "$2"; else not_ok "$2"; fi
}

# json EXPRESSION: of the answer d, which must be one object in one line.
json()
{
	python3 -c '
import json, sys
text = sys.stdin.read()
assert text.endswith("\n") and text.count("\n") == 1, "not one line"
d = json.loads(text)
assert d["version"] == 1
print(json.dumps(eval(sys.argv[1]), separators=(",", ":")))' "$1" <"$scratch/out" 2>&1
}

# is_json EXPRESSION WANTED NAME
is_json()
{
	if command -v python3 >/dev/null; then
		is "$(json "$1")" "$2" "$3"
	else
		skip "$3" 'there is no python3'
	fi
}

# The table in $scratch/out without its third column, the age, and with single blanks.
without_age()
{
	awk '{ $3 = ""; print }' "$scratch/out" | tr -s ' '
}

done_testing()
{
	echo "1..$tests"
}
