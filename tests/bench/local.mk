# SPDX-License-Identifier: LGPL-2.1-or-later

dist_check += tests/bench/README tests/bench/run.py tests/bench/trees.py

# How fast it is against snapd's way: BENCH holds options of tests/bench/run.py.
.PHONY: bench
bench: all
	$(srcdir)/tests/bench/run.py --build $(abs_top_builddir) $(BENCH)
