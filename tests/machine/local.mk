# SPDX-License-Identifier: LGPL-2.1-or-later

# What the programs have in common that run whole operations and let something befall them.
machine_sources = tests/machine/again.c tests/machine/copies.c tests/machine/dirs.c tests/machine/dirs.h \
	tests/machine/inodes.c tests/machine/judge.c tests/machine/known.c tests/machine/machine.h \
	tests/machine/operations.c tests/machine/places.c tests/machine/whole.c tests/machine/world.c
