#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later

set -eu
top=$(cd "$(dirname "$0")" && pwd)
. "$top/data/setup.sh"

usage()
{
	cat <<'END'
usage: ./autogen.sh
           makes configure (autoreconf)
       ./autogen.sh [--yes] [--no-deps] demo
           installs what is missing, builds in build/, and shows setaside at work
           on applications of this machine, in a scratch store
       ./autogen.sh [--yes] [--no-deps] check [ARGUMENT...]
           the same set-up, then all tests; arguments are make's

  --yes      install missing packages without asking (root is not asked)
  --no-deps  leave packages alone
END
}

while setup_option "${1-}"; do
	shift
done

case ${1-} in
'')
	(cd "$top" && autoreconf -fi)
	echo 'now: ./configure && make && make install'
	;;
demo | check)
	verb=$1
	shift
	case $verb in
	demo) script=$top/data/demo ;;
	check) script=$top/tests/check ;;
	esac
	# shellcheck disable=SC2046 # a list of options
	exec "$script" $(setup_flags) "$@"
	;;
-h | --help)
	usage
	;;
*)
	usage >&2
	exit 2
	;;
esac
