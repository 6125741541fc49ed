# SPDX-License-Identifier: LGPL-2.1-or-later

dist_check += tests/bench/README
dist_check += tests/bench/compare.py
dist_check += tests/bench/contestants.py
dist_check += tests/bench/listing.py
dist_check += tests/bench/machines.py
dist_check += tests/bench/measure.py
dist_check += tests/bench/report.py
dist_check += tests/bench/run.py
dist_check += tests/bench/scale.py
dist_check += tests/bench/stores.py
dist_check += tests/bench/trees.py

# How fast it is beside others: BENCH holds options of tests/bench/run.py.  The figures go to bench.json.
.PHONY: bench bench-compare
bench: all
	$(srcdir)/tests/bench/run.py --build $(abs_top_builddir) $(BENCH)

# What has changed since: make bench-compare OLD=FILE [NEW=FILE]
NEW = bench.json
bench-compare:
	$(srcdir)/tests/bench/compare.py "$(OLD)" "$(NEW)"
