# SPDX-License-Identifier: LGPL-2.1-or-later

dist_check += tests/README tests/fixtures tests/interop/README tests/interop/run \
	tests/interop/carrying.py tests/interop/different.py tests/interop/foreign.py \
	tests/interop/generated.py tests/interop/judging.py tests/interop/oddities.py \
	tests/interop/roots.py tests/interop/singles.py tests/interop/trees.py \
	tests/interop/wrong.py \
	tests/interop/judge/data.go tests/interop/judge/main.go \
	tests/interop/judge/store.go

# Whole commands, from one end to the other; the longest first.
command_tests += tests/cli/e2e_state.sh tests/cli/e2e_errors.sh tests/cli/e2e_memory.sh \
	tests/cli/e2e_roundtrip.sh tests/cli/e2e_transfer.sh tests/cli/e2e_unchanged.sh \
	tests/cli/e2e_import.sh tests/cli/e2e_export.sh tests/cli/e2e_remote.sh \
	tests/cli/e2e_first.sh
dist_check += tests/cli/break_zip.py tests/cli/e2e_lib.sh tests/cli/e2e_two_lib.sh \
	tests/cli/edit_export.py tests/cli/fingerprint.py tests/cli/peak_memory.py \
	tests/cli/rich_tree.py tests/cli/stand_still.py tests/cli/wait_caught.py tests/cli/wait_open.py

# snapd's own code as judge; skipped where that cannot be built.
.PHONY: check-interop
check-interop: all
	$(AM_TESTS_ENVIRONMENT) $(srcdir)/tests/interop/run
