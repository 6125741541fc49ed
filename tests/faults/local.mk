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

# The worker, which sweeps start some million times: with all libraries in it of which there is
# an archive, since most of its start is to find what it has of them. Where archives need more
# than is named here it is the usual one.
fault_worker: setaside-worker
	$(AM_V_CCLD)libs=; for lib in $(backend_libs); do \
		archive=`$(CC) -print-file-name=lib$${lib#-l}.a`; \
		test ! -f "$$archive" || lib=$$archive; \
		libs="$$libs $$lib"; \
	done; \
	$(CC) $(AM_CFLAGS) $(CFLAGS) -no-pie $(AM_LDFLAGS) $(LDFLAGS) -o $@ \
		$(setaside_worker_OBJECTS) .libs/libbackend.a $$libs || cp setaside-worker $@
CLEANFILES += fault_worker

.PHONY: check-faults check-strace
check-faults: all
	$(MAKE) $(AM_MAKEFLAGS) fault_sweep fault_worker
	$(AM_TESTS_ENVIRONMENT) SETASIDE_WORKER=$(abs_top_builddir)/fault_worker \
		./fault_sweep $(FAULTS)

# The same from outside, for any build: STRACES holds options of strace.py.
check-strace: all
	$(AM_TESTS_ENVIRONMENT) python3 $(top_srcdir)/tests/faults/strace.py $(STRACES)
