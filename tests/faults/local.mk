# SPDX-License-Identifier: LGPL-2.1-or-later

# Whole operations with a fault at every point: FAULTS holds options of fault_sweep. It needs
# a build with --enable-faults.
EXTRA_PROGRAMS += fault_sweep
fault_sweep_SOURCES = tests/faults/main.c tests/faults/nested.c tests/faults/sweep.c \
	tests/faults/sweep.h tests/faults/variants.c $(machine_sources)
fault_sweep_LDADD = libstate.la libbackend.la
fault_sweep_LDFLAGS = $(AM_LDFLAGS) $(program_ldflags)
CLEANFILES += $(EXTRA_PROGRAMS)

dist_check += tests/faults/README tests/faults/strace.py

.PHONY: check-faults check-strace
check-faults: all
	$(MAKE) $(AM_MAKEFLAGS) fault_sweep
	$(AM_TESTS_ENVIRONMENT) ./fault_sweep $(FAULTS)

# The same from outside, for any build: STRACES holds options of strace.py.
check-strace: all
	$(AM_TESTS_ENVIRONMENT) python3 $(top_srcdir)/tests/faults/strace.py $(STRACES)
