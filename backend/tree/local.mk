# SPDX-License-Identifier: LGPL-2.1-or-later

backend_sources += \
	backend/tree/acl.c \
	backend/tree/acl.h \
	backend/tree/entry.c \
	backend/tree/entry.h \
	backend/tree/exclude.c \
	backend/tree/exclude.h \
	backend/tree/owners.c \
	backend/tree/owners.h
