#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What is decided before any store is opened: verbs, options, help, and how it is said.

. "${abs_top_srcdir:?}/tests/cli/lib.sh" || exit 99

verbs='save saved show check restore undo keep forget export import estimate apps users
	doctor help'

# ---- Help and version ----

run_raw --version
is_status 0 '--version is no error'
like_out '^setaside [0-9]+\.[0-9]+\.[0-9]+$' '--version names the program and its version'

run_raw --help
is_status 0 '--help is no error'
is_err '' '--help says nothing on stderr'
for verb in $verbs; do
	like_out "^  $verb  +[a-z]" "--help lists $verb"
	run_raw "$verb" --help
	is_status 0 "$verb --help is no error"
	like_out "^Usage: setaside $verb " "$verb --help says how to use it"
	run_raw --help
done
for verb in files diff extract prune pin unpin note config hook; do
	if grep -Eq "^  $verb " "$scratch/out"; then
		not_ok "--help does not promise $verb"
	else
		ok "--help does not promise $verb"
	fi
done

run_raw --help
cp "$scratch/out" "$scratch/help"
run_raw -h
is_out "$(cat "$scratch/help")" '-h is --help'
run_raw help
is_out "$(cat "$scratch/help")" 'help is --help'
run_raw restore -h
cp "$scratch/out" "$scratch/help"
run_raw help restore
is_out "$(cat "$scratch/help")" 'help VERB is VERB --help'
run_raw verify --help
like_out '^Usage: setaside check ' 'an alias has the help of its verb'
for verb in '' $verbs; do
	run_raw $verb --help
	is "$(awk 'length > 80' "$scratch/out")" '' \
		"${verb:-the whole} --help keeps to 80 columns"
done

run_raw export --help
like_out '^Usage: setaside export \[OPTION\]\.\.\. SET FILE\|-$' 'export --help: its operands'
like_out '^  -o, --output FILE\|- ' 'export --help: -o'
like_out '^  --force ' 'export --help: --force'
like_out 'ssh HOST setaside import -' 'export --help: an example'
like_out 'not encrypted' 'export --help: says what the file is not'
run_raw import --help
like_out '^Usage: setaside import \[OPTION\]\.\.\. FILE\|-$' 'import --help: its operand'
for option in name note allow-duplicate; do
	like_out "^  --$option " "import --help: --$option"
done
like_out '\-\-trust' 'import --help: where to read of trust'

run_raw --json --help
is_json 'd["help"].startswith("Usage: setaside ")' true '--help --json is an object'
run_raw --version --json
is_json 'len(d["setaside"].split("."))' 3 '--version --json is an object'

# ---- Usage errors ----

# usage MESSAGE HINT NAME ARGUMENT...
usage()
{
	message=$1 hint=$2 name=$3
	shift 3
	run_raw "$@"
	is_status 2 "$name: status 2"
	is_err "setaside: $message
setaside: hint: $hint" "$name: said in two lines"
	is_out '' "$name: no answer"
	run_raw --json "$@"
	is_status 2 "$name, --json: status 2"
	is_json 'd["error"]["kind"]' '"usage"' "$name, --json: kind"
	like_err '^setaside: ' "$name, --json: said on stderr too"
}

usage 'no verb given' 'see "setaside --help"' 'nothing'
usage 'no verb given' 'see "setaside --help"' 'only options' --quiet
usage 'unknown verb "frobnicate"' 'see "setaside --help"' 'an unknown verb' frobnicate
usage 'unknown verb "a\nb"' 'see "setaside --help"' 'a verb with a newline' 'a
b'
usage 'unknown verb "resotre"' 'did you mean "restore"?' 'a verb misspelt' resotre 3
usage 'unknown option "--frobnicate"' 'see "setaside saved --help"' \
	'an unknown option' saved --frobnicate
usage 'unknown option "--exlude"' 'did you mean "--exclude"?' \
	'an option misspelt' save --exlude=x
usage 'apps does not take the option "--id"' 'see "setaside apps --help"' \
	'an option of another verb' apps --id 3
usage 'unknown option "--ab"' 'see "setaside saved --help"' 'no abbreviations' saved --ab
usage 'unknown option "-x"' 'see "setaside saved --help"' 'an unknown letter' saved -x
usage 'option "--store" needs a value: DIR' 'see "setaside saved --help"' \
	'a value missing' saved --store
usage 'option "--store" has an empty value' 'see "setaside saved --help"' \
	'an empty value' saved --store=
usage 'option "--deep" takes no value' 'see "setaside check --help"' \
	'a value for a flag' check 3 --deep=1
usage 'option "--users" has an empty item in its value "a,,b"' \
	'see "setaside save --help"' 'an empty user' save --users a,,b
usage 'option "--compress" has an unknown value "best"' \
	'it is "fast" or "small"' 'no way to compress' save --compress best
usage 'options "--system" and "--user" exclude each other' 'see "setaside saved --help"' \
	'both modes' saved --system --user
usage 'option "--reason" needs "--auto"' 'see "setaside save --help"' \
	'a reason without --auto' save --reason upgrade
usage 'option "--wait": "soon" is not a duration' \
	'seconds, or a number with a unit such as "2m"' 'no time to wait' \
	saved --wait soon
usage 'saved does not take the operand "x"' 'see "setaside saved --help"' \
	'an operand too many' saved x
usage 'saved does not take the operand "--id"' 'see "setaside saved --help"' \
	'an option behind --' saved -- --id
usage 'show needs more operands: SET' 'see "setaside show --help"' \
	'an operand missing' show
usage 'export needs more operands: SET FILE|-' 'see "setaside export --help"' \
	'export without anything' export
usage 'export needs a file, or - for standard output' 'see "setaside export --help"' \
	'export without a file' export 3
usage 'export takes one set and a file' 'several sets go into one stream with -o FILE' \
	'export of several sets to an operand' export 3 4 file
usage '"4" looks like a set, not like a file' \
	'write ./4 for the file; several sets go into one stream with -o FILE' \
	'export to a file of digits alone' export 3 4
usage 'export needs more operands: SET FILE|-' 'see "setaside export --help"' \
	'export of no set to an option' export -o file
usage 'option "--output" needs a value: FILE|-' 'see "setaside export --help"' \
	'export, a value missing' export 3 -o
usage 'option "--output" needs a value: FILE|-' 'see "setaside export --help"' \
	'export, a long value missing' export 3 --output
usage 'option "--output" has an empty value' 'see "setaside export --help"' \
	'export, an empty value' export 3 --output=
usage 'option "--force" takes no value' 'see "setaside export --help"' \
	'export, a value for a flag' export 3 file --force=yes
usage 'unknown option "-p"' 'see "setaside export --help"' \
	'export, an unknown letter' export 3 -p file
usage 'unknown option "-o"' 'see "setaside import --help"' \
	'import, an option of export' import -o file
usage 'unknown option "--alow-duplicate"' 'did you mean "--allow-duplicate"?' \
	'import, an option misspelt' import --alow-duplicate file
usage 'import needs more operands: FILE|-' 'see "setaside import --help"' \
	'import without a file' import
usage 'import does not take the operand "b"' 'see "setaside import --help"' \
	'import of two files' import a b
usage 'restore got an empty operand' 'see "setaside restore --help"' \
	'an empty operand' restore ''

for verb in files diff extract prune pin unpin note config hook; do
	run_raw "$verb" x
	is_status 2 "$verb is no verb yet"
	like_err "^setaside: unknown verb \"$verb\"\$" "$verb is said to be unknown"
done

run_raw undo zero
is_status 2 'a restore is a number'
run_raw keep 0
is_status 2 'restores count from 1'
run_raw undo 99999999999999999999999999
is_status 4 'a number that no restore can have is not found'

# ---- Where options may stand ----

run --json saved
cp "$scratch/out" "$scratch/expected"
run saved --json
is_out "$(cat "$scratch/expected")" 'an option may stand behind the verb'
run_raw saved --json --root="$root" --user --store="$store"
is_out "$(cat "$scratch/expected")" 'a value may stand behind ='
run_raw --user --root "$root" --store "$scratch/x" --store "$store" --json -- saved
is_out "$(cat "$scratch/expected")" 'the last value counts, and -- may precede the verb'
run_raw --id saved --json --root "$root"
is_status 2 'the value of an option is not the verb'

# ---- Answers that cannot be written ----

if test -w /dev/full; then
	"$setaside" --help >/dev/full 2>"$scratch/err"
	status=$?
	: >"$scratch/out"
	is_status 6 'a full disk under the answer is status 6'
	is_err 'setaside: cannot write the answer: No space left on device' 'and said'
else
	skip 'a full disk under the answer is status 6' 'there is no /dev/full'
	skip 'and said' 'there is no /dev/full'
fi
"$setaside" --help >&- 2>"$scratch/err"
status=$?
is_status 1 'a closed stdout is status 1'
like_err '^setaside: cannot write the answer: ' 'and said'
"$setaside" frobnicate >"$scratch/out" 2>&-
status=$?
is_status 2 'a closed stderr changes nothing'

done_testing
