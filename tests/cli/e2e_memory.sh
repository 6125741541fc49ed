#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Peak memory of all processes together, as a share of what they share, while a large file
# and a tree of many files are saved and restored, and while they go to another machine. With
# SETASIDE_TEST_SHORT in the environment they are hardly larger than the limit.

. "${abs_top_srcdir:?}/tests/cli/e2e_lib.sh" || exit 99

limit=$((64 << 10))
size=512 directories=50
test -z "${SETASIDE_TEST_SHORT-}" || size=80 directories=4

if grep -q '^#define ENABLE_SANITIZERS' "$abs_top_builddir/config.h"; then
	echo '1..0 # SKIP sanitizers need memory of their own'
	exit 0
fi
if ! test -r /proc/self/smaps_rollup; then
	echo '1..0 # SKIP the kernel does not tell the memory of processes'
	exit 0
fi

if ! is_root; then
	echo '1..0 # SKIP workers let nobody but root look into them'
	exit 0
fi

# measured NAME ARGUMENT...: a command, and how much memory it takes at most.
measured()
{
	local name=$1 peak

	shift
	python3 "$here/peak_memory.py" "$setaside" --user --root "$root" \
		--store "$store" "$@" 2>"$scratch/err" >"$scratch/out"
	status=$?
	peak=$(tail -n 1 "$scratch/err")
	is_status 0 "$name: status"
	echo "# $name: $peak KiB"
	is "$((peak < limit))" 1 "$name: stays below $limit KiB"
}

mkdir "$home/.demo"
head -c ${size}M /dev/urandom >"$home/.demo/large"
measured "save of a file of $size MiB" save demo
echo changed >"$home/.demo/small"
measured "check of a file of $size MiB" check --deep 1
measured "restore of a file of $size MiB" restore 1
measured 'undo of it' undo
rm -rf "$home"/.demo*
measured "export of a file of $size MiB" export 1 "$scratch/export"
run forget 1
measured "import of a file of $size MiB" import "$scratch/export"
measured 'import of what is here already' import "$scratch/export"
rm "$scratch/export"
run forget 2
mkdir "$home/.other"
python3 -c '
import os, sys
for d in range(int(sys.argv[2])):
    os.mkdir(f"{sys.argv[1]}/dir-{d:02}")
    for f in range(1000):
        with open(f"{sys.argv[1]}/dir-{d:02}/file-{f:03}", "w") as out:
            out.write(f"{d} {f}\n")' "$home/.other" $directories
measured "save of $directories,000 files" save other
measured "check of $directories,000 files" check --deep 3
measured "restore of $directories,000 files" restore 3
measured 'undo of it' undo
measured 'keep of it' keep
done_testing
