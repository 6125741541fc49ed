#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What README says of the way to another machine is true: by file, through a real sshd to
# another account, encrypted with age and with gpg.  Its lines are run as they stand there.

. "${abs_top_srcdir:?}/tests/cli/e2e_two_lib.sh" || exit 99

mkdir -p "$home/.demo"
echo 'to be moved' >"$home/.demo/file"
head -c 3000000 /dev/urandom >"$home/.demo/random"
run save --name before-upgrade demo
cd "$scratch" || exit 99
sed -n "/^To another machine\$/,/^Other stores\$/s/^$(printf '\t')//p" \
	"$abs_top_srcdir/README" >lines

# What README's lines call: here, but an import is the other machine's.
setaside()
{
	if test "$1" = import; then
		"$setaside" --user --root "$there_root" --store "$there_store" "$@"
	else
		"$setaside" --user --root "$root" --store "$store" "$@"
	fi
}

# lived PATTERN NAME: README's lines that fit; all of a pipe must succeed.
lived()
{
	local line n=0

	while IFS= read -r line; do
		n=$((n + 1))
		(set -o pipefail && eval "$line") >out 2>err </dev/null
		status=$?
		is_status 0 "$2: $line"
	done < <(grep -E "$1" lines)
	ran=$((ran + n))
	is "$((n > 0))" 1 "$2: README says how"
}

# arrived NAME: one set is there, and its data comes back; then it goes.
arrived()
{
	is "$(listed there)" "[[$number,\"before-upgrade\",[null]]]" "$1: the set is there"
	there restore "$number"
	is_status 0 "$1: restore"
	(cd "$home" && fingerprint .demo) >wanted
	(cd "$there_home" && fingerprint .demo) >found
	same wanted found "$1: the trees are equal"
	there forget "$number"
	number=$((number + 1))
}

ran=0
number=1
lived '^setaside [^|]*$' 'by file'
arrived 'by file'

# sealed FILE: nothing of the set can be read in it.
sealed()
{
	is "$(grep -ac 'content.json' "$1")" 0 "$1 is encrypted"
	there import "$1"
	is_status 5 "$1, not decrypted: refused"
	like_err 'hint: .*encrypted' "$1, not decrypted: hint"
}

if command -v age >/dev/null && command -v age-keygen >/dev/null; then
	age-keygen -o keys.txt 2>err
	age-keygen -y keys.txt >keys.pub
	lived '(^| )age ' 'age'
	arrived age
	sealed upgrade.age
else
	ran=$((ran + $(grep -Ec '(^| )age ' lines)))
	skip 'age' 'there is no age'
fi

if command -v gpg >/dev/null; then
	# The path of the agent's socket may have 107 bytes.
	GNUPGHOME=$(mktemp -d /tmp/setaside.XXXXXX)
	export GNUPGHOME
	gpg --batch --quiet --passphrase '' --quick-gen-key you@example.org >out 2>err
	status=$?
	is_status 0 'gpg: a key'
	lived '(^| )gpg ' 'gpg'
	gpgconf --kill all
	rm -rf "$GNUPGHOME"
	arrived gpg
	sealed upgrade.gpg
else
	ran=$((ran + $(grep -Ec '(^| )gpg ' lines)))
	skip 'gpg' 'there is no gpg'
fi

# ---- ssh ----

# An account of its own for this script's mount namespace, whose home is below $scratch.
account()
{
	local file

	for file in passwd group shadow; do
		cp "/etc/$file" "etc-$file" || return
	done
	grep -q ^sshd: etc-passwd || echo 'sshd:x:61099:65534::/run/sshd:/usr/sbin/nologin' >>etc-passwd
	echo "setaside-far:x:$alice:$alice::$scratch/far:/bin/sh" >>etc-passwd
	echo "setaside-far:x:$alice:" >>etc-group
	echo 'setaside-far:*:19000:0:99999:7:::' >>etc-shadow
	for file in passwd group shadow; do
		mount --bind "etc-$file" "/etc/$file" || return
	done
	if ! test -d /run/sshd; then
		mount -t tmpfs -o mode=755 none /run && mkdir -m 755 /run/sshd || return
	fi
	mkdir -m 700 far && chown "$alice:$alice" far
}

# server: a real sshd on loopback, and a client that knows it as HOST.
server()
{
	local try port

	mkdir ssh bin
	: >ssh/log
	printf '#!/bin/sh\nexec "%s" "$@"\n' "$abs_top_builddir/setaside" >bin/setaside
	chmod 755 bin/setaside
	ssh-keygen -q -t ed25519 -N '' -f ssh/host
	ssh-keygen -q -t ed25519 -N '' -f ssh/key
	for try in 1 2 3 4 5 6 7 8 9; do
		port=$(python3 -c 'import socket
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    print(s.getsockname()[1])')
		cat >ssh/sshd_config <<-END
		ListenAddress 127.0.0.1
		Port $port
		HostKey $scratch/ssh/host
		PidFile none
		UsePAM no
		PasswordAuthentication no
		KbdInteractiveAuthentication no
		StrictModes no
		AuthorizedKeysFile $scratch/ssh/key.pub
		END
		echo "SetEnv PATH=$scratch/bin:/usr/bin:/bin SETASIDE_DATADIR=$SETASIDE_DATADIR" \
			"SETASIDE_WORKER=$SETASIDE_WORKER" >>ssh/sshd_config
		"$(command -v sshd)" -D -e -f ssh/sshd_config 2>ssh/log &
		while kill -0 $! 2>/dev/null; do
			grep -q 'Server listening' ssh/log && break 2
		done
	done
	cat >ssh/config <<-END
	Host HOST
		HostName 127.0.0.1
		Port $port
		User setaside-far
		IdentityFile $scratch/ssh/key
		IdentitiesOnly yes
		UserKnownHostsFile $scratch/ssh/known
		BatchMode yes
	END
	echo "[127.0.0.1]:$port $(cat ssh/host.pub)" >ssh/known
	grep -q 'Server listening' ssh/log
}

ssh()
{
	command ssh -F "$scratch/ssh/config" "$@"
}

# far ARGUMENT...: setaside as that account.
far()
{
	ssh HOST setaside "$@" >out 2>err </dev/null
	status=$?
}

over_ssh()
{
	lived '\| ssh ' 'ssh'
	far saved --json
	is_status 0 'ssh: the other account lists its sets'
	is_json '[[s["id"], s["name"]] for s in d["sets"]]' '[[1,"before-upgrade"]]' \
		'ssh: the set is there'
	is "$(find far -name '*.zip' -user "$alice" -perm 600 | wc -l)" 1 "ssh: in that account's store"
	far restore --map-user "tester=setaside-far" 1
	is_status 0 'ssh: restore'
	(cd "$home" && sha256sum .demo/*) >wanted
	(cd far && sha256sum .demo/*) >found
	same wanted found 'ssh: the data is there'
	setaside export before-upgrade - | head -c 100000 | ssh HOST setaside import --allow-duplicate - \
		>out 2>err
	status=${PIPESTATUS[2]}
	is_status 5 'ssh: a line that broke'
	far saved --json
	is_json 'len(d["sets"])' 1 'ssh: a line that broke: nothing is left'
	ssh HOST setaside export 1 - | setaside import - >out 2>err
	is "${PIPESTATUS[*]}" '0 0' 'ssh: and back'
	arrived 'ssh: and back'
}

why=
for program in ssh sshd ssh-keygen; do
	command -v $program >/dev/null || why="there is no $program"
done
if ! can_mount; then
	why='an account can be made only in a mount namespace'
elif ! as "$alice" test -x "$SETASIDE_WORKER"; then
	why='another account cannot reach the build directory'
fi
if test -n "$why"; then
	ran=$((ran + $(grep -c '| ssh ' lines)))
	skip 'ssh to another account' "$why"
elif account && server; then
	over_ssh
else
	: >out
	cp ssh/log err
	not_ok 'ssh: a server'
fi
is "$ran" "$(grep -c . lines)" 'README: every line was run'
done_testing
