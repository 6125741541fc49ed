#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# README is true: its five minutes are lived through, its definition is one, and it names
# every package of data/deps that a build needs.

. "${abs_top_srcdir:?}/tests/cli/lib.sh" || exit 99

readme=$abs_top_srcdir/README
tab=$(printf '\t')

# The function that README's commands call.
setaside()
{
	run "$@"
}

SETASIDE_DATADIR=$abs_top_srcdir/data/apps.d
printf '[user]\n\tname = Tester\n' >"$home/.gitconfig"
echo 'set number' >"$home/.vimrc"
sed -n "s/^$tab\\$ //p" "$readme" >"$scratch/commands"
while IFS= read -r command; do
	eval "$command" <"$scratch/commands"
	is_status 0 "$command"
done <"$scratch/commands"
is "$(test -s "$scratch/commands" && echo some)" some 'README: there were commands to try'
like_out '^Nothing ' 'README: nothing is wrong at the end'
is "$(cat "$home/.vimrc")" 'set number' 'README: the data is as it was'
for verb in $(run_raw --help; sed -n '/^Verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p' "$scratch/out")
do
	if grep -q "setaside $verb" "$readme"; then
		ok "README: $verb is shown"
	else
		not_ok "README: $verb is shown"
	fi
done

# ---- The definition ----

mkdir -p "$home/.config/setaside/apps.d" "$home/.notes/cache"
echo one >"$home/.notes/file"
sed -n "/^$tab{\$/,/^$tab}\$/p" "$readme" >"$home/.config/setaside/apps.d/notes.json"
run apps
is_status 0 'README: the definition is read'
is_err '' 'README: without a warning'
like_out '^notes .* 4B .* My notes$' 'README: and found, without its cache'

# ---- Packages ----

for column in 3 4 5 6; do
	missing=$(awk -v column=$column '/^(build|speed|check)/ { print $column }' \
		"$abs_top_srcdir/data/deps" |
		while read -r package; do
			grep -qE "(^|[[:space:]])$package($|[[:space:]])" "$readme" ||
				echo "$package"
		done)
	is "$missing" '' "README: names what data/deps names in column $column"
done

done_testing
