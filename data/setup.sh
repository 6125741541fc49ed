# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# What autogen.sh, data/demo, tests/check and .ci/run share: install what is missing,
# bootstrap, configure, make. Sourced, with $top set to the top of the source tree.
#
#	. "$top/data/setup.sh"
#	while setup_option "${1-}"; do shift; done
#	setup_deps build speed		# installs, or says what is missing and exits
#	setup_build			# leaves the build in $build

setup_yes=no
setup_packages=yes
setup_installed=no

# A build in place, if somebody has configured one there, else build/.
if test -f "$top/config.status"; then
	build=$top
else
	build=$top/build
fi

# setup_option WORD: true if WORD is an option of the set-up, which is then noted.
setup_option()
{
	case $1 in
	--yes) setup_yes=yes ;;
	--no-deps) setup_packages=no ;;
	*) return 1 ;;
	esac
}

# setup_flags: the options noted so far, for the next script.
setup_flags()
{
	test $setup_yes = no || echo --yes
	test $setup_packages = yes || echo --no-deps
}

setup_die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# setup_heading TEXT: what happens next.
setup_heading()
{
	printf '\n== %s\n' "$*"
}

# setup_met TEST: whether one need of data/deps is met.
setup_met()
{
	case $1 in
	*'|'*) setup_met "${1%%|*}" || setup_met "${1#*|}" ;;
	cmd:*) (PATH=$PATH:/usr/sbin:/sbin && command -v "${1#cmd:}") >/dev/null ;;
	pc:*) pkg-config --exists "${1#pc:}" 2>/dev/null ;;
	h:*) echo "#include <${1#h:}>" | cc -E - >/dev/null 2>&1 ;;
	file:*) test -e "${1#file:}" ;;
	*) setup_die "data/deps: unknown test \"$1\"" ;;
	esac
}

# setup_missing COLUMN GROUP...: of the unmet needs of the groups, that column of
# data/deps (1 for what, 2 test, 3 Debian, 4 Fedora, 5 Arch, 6 openSUSE), each once.
setup_missing()
{
	setup_column=$1
	shift
	while read -r for test debian fedora arch suse; do
		case " $* " in
		*" $for "*) ;;
		*) continue ;;
		esac
		setup_met "$test" && continue
		case $setup_column in
		1) echo "$for" ;;
		2) echo "$test" ;;
		3) echo "$debian" ;;
		4) echo "$fedora" ;;
		5) echo "$arch" ;;
		6) echo "$suse" ;;
		esac
	done <"$top/data/deps" | grep -v '^-$' | sort -u
}

# setup_words: lines to one line.
setup_words()
{
	tr '\n' ' ' | sed 's/ $//'
}

# setup_name_needs GROUP...: tells what is missing, in each distribution's words.
setup_name_needs()
{
	{
		echo "missing:  $(setup_missing 2 "$@" | setup_words)"
		echo "Debian:   apt-get install $(setup_missing 3 "$@" | setup_words)"
		echo "Fedora:   dnf install $(setup_missing 4 "$@" | setup_words)"
		echo "Arch:     pacman -S $(setup_missing 5 "$@" | setup_words)"
		echo "openSUSE: zypper install $(setup_missing 6 "$@" | setup_words)"
	} >&2
}

# setup_as_root COMMAND...: at once for root, else by sudo, after asking.
setup_as_root()
{
	if test "$(id -u)" = 0; then
		"$@"
	else
		sudo "$@"
	fi
}

# setup_may_install PACKAGES: whether packages may be installed; root is not asked.
setup_may_install()
{
	echo "packages to be installed: $1"
	test "$(id -u)" = 0 && return 0
	command -v sudo >/dev/null ||
		setup_die "no sudo here: let root run  apt-get install $1"
	test $setup_yes = yes && return 0
	test -t 0 || setup_die "no terminal to ask for sudo on: --yes installs them"
	printf 'Install them with sudo? [y/N] '
	read -r answer || answer=
	case $answer in
	[yY] | [yY][eE][sS]) return 0 ;;
	*) return 1 ;;
	esac
}

# setup_apt PACKAGE...: installs, with fresh lists if the ones here do not do.
setup_apt()
{
	setup_lists=old
	for package; do
		if ! LC_ALL=C apt-cache policy "$package" 2>/dev/null |
			grep -q 'Candidate: [^(]'; then
			setup_as_root apt-get update || return 1
			setup_lists=new
			break
		fi
	done
	setup_apt_install "$@" && return 0
	test $setup_lists = old || return 1
	setup_as_root apt-get update && setup_apt_install "$@"
}

setup_apt_install()
{
	setup_as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y --no-install-recommends "$@" </dev/null
}

# setup_install GROUP...: what apt can do about unmet needs.
setup_install()
{
	packages=$(setup_missing 3 "$@" | setup_words)
	if ! setup_may_install "$packages"; then
		echo 'nothing installed'
		return 0
	fi
	# shellcheck disable=SC2086 # a list of names
	setup_apt $packages || setup_die "cannot install: $packages"
	setup_installed=yes
}

# setup_deps GROUP...: installs what the groups need, where that is allowed and can be
# done. What then still misses ends the script, but for the groups speed and extra.
setup_deps()
{
	setup_heading "packages for: $*"
	if test -z "$(setup_missing 2 "$@")"; then
		echo 'all here'
		return 0
	fi
	if test $setup_packages = yes && command -v apt-get >/dev/null; then
		setup_install "$@"
	fi
	test -z "$(setup_missing 2 "$@")" && return 0
	setup_name_needs "$@"
	if test -n "$(setup_missing 1 "$@" | grep -v -x -e speed -e extra)"; then
		setup_die "what is missing has to be installed first"
	fi
	echo 'going on without: some tests may be skipped' >&2
}

# setup_bootstrap: makes configure, if it is not there or older than what it is made of.
setup_bootstrap()
{
	test -f "$top/configure.ac" || setup_die "$top: no configure.ac"
	setup_heading autoreconf
	if test -f "$top/configure" && test -f "$top/Makefile.in" &&
		test -z "$(find "$top/configure.ac" "$top/m4/setaside.m4" \
			-newer "$top/configure")"; then
		echo 'configure is up to date'
		return 0
	fi
	(cd "$top" && autoreconf -fi) || setup_die 'autoreconf failed'
}

# setup_reconfigure: configures as before, if libraries that may be absent have come.
setup_reconfigure()
{
	if test $setup_installed = no &&
		! { grep -q '"HAVE_CHECK_TRUE"\]="#"' "$build/config.status" &&
			setup_met pc:check; }; then
		echo 'is configured'
		return 0
	fi
	(cd "$build" && ./config.status --recheck && ./config.status)
}

# setup_build: bootstraps, configures if need be, and makes everything in $build.
setup_build()
{
	setup_bootstrap
	setup_heading "configure in $build"
	if test -f "$build/config.status" && test -f "$build/Makefile"; then
		setup_reconfigure || setup_die "configure failed: see $build/config.log"
	else
		mkdir -p "$build" && (cd "$build" && "$top/configure") ||
			setup_die "configure failed: see $build/config.log"
	fi
	setup_heading make
	make -C "$build" -j"$(nproc)" || setup_die 'make failed'
}
