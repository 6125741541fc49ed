# SPDX-License-Identifier: LGPL-2.1-or-later

backend_sources += \
	backend/tree/acl.c \
	backend/tree/acl.h \
	backend/tree/entry.c \
	backend/tree/entry.h \
	backend/tree/exclude.c \
	backend/tree/exclude.h \
	backend/tree/owners.c \
	backend/tree/owners.h \
	backend/tree/path_set.c \
	backend/tree/path_set.h \
	backend/tree/tar_header.c \
	backend/tree/tar_header.h \
	backend/tree/tar_input.c \
	backend/tree/tar_input.h \
	backend/tree/tar_pax.c \
	backend/tree/tar_pax.h \
	backend/tree/tar_read.c \
	backend/tree/tar_read.h \
	backend/tree/tar_sparse.c \
	backend/tree/tar_sparse.h \
	backend/tree/unpack.c \
	backend/tree/unpack.h
