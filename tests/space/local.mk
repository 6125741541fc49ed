# SPDX-License-Identifier: LGPL-2.1-or-later

# Every command on disks that are full: SPACE holds options of tests/space/run. Root only.
dist_check += tests/space/README tests/space/run

.PHONY: check-space
check-space: all
	$(AM_TESTS_ENVIRONMENT) $(srcdir)/tests/space/run $(SPACE)
