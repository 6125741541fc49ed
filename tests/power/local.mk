# SPDX-License-Identifier: LGPL-2.1-or-later

# Whole operations and the power cut under them: POWER holds options of power_cuts. It needs
# a build with --enable-faults, and root.
EXTRA_PROGRAMS += power_cuts
power_cuts_SOURCES = tests/power/attempt.c tests/power/blocklog.c tests/power/cuts.c \
	tests/power/disk.c tests/power/power.c tests/power/power.h tests/power/replay.c \
	$(machine_sources)
power_cuts_LDADD = libstate.la libbackend.la
power_cuts_LDFLAGS = $(AM_LDFLAGS) $(program_ldflags)

dist_check += tests/power/README

.PHONY: check-power
check-power: all
	$(MAKE) $(AM_MAKEFLAGS) power_cuts fault_worker
	$(AM_TESTS_ENVIRONMENT) SETASIDE_WORKER=$(abs_top_builddir)/fault_worker \
		./power_cuts $(POWER)
