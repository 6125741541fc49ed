# SPDX-License-Identifier: LGPL-2.1-or-later

# Random commands, killed at random: SOAK holds options of tests/soak/run.
dist_check += tests/soak/README tests/soak/run

.PHONY: soak
soak: all
	$(AM_TESTS_ENVIRONMENT) $(srcdir)/tests/soak/run $(SOAK)
