# SPDX-License-Identifier: LGPL-2.1-or-later

backend_sources += \
	backend/tree/acl.c \
	backend/tree/acl.h \
	backend/tree/apply.c \
	backend/tree/apply.h \
	backend/tree/apply_hand.c \
	backend/tree/apply_internal.h \
	backend/tree/apply_link.c \
	backend/tree/attr.c \
	backend/tree/attr.h \
	backend/tree/attr_apply.c \
	backend/tree/attr_apply.h \
	backend/tree/carry.c \
	backend/tree/carry.h \
	backend/tree/copy.c \
	backend/tree/copy.h \
	backend/tree/dir_stack.c \
	backend/tree/dir_stack.h \
	backend/tree/entry.c \
	backend/tree/entry.h \
	backend/tree/exclude.c \
	backend/tree/exclude.h \
	backend/tree/fingerprint.c \
	backend/tree/fingerprint.h \
	backend/tree/links.c \
	backend/tree/links.h \
	backend/tree/listing.c \
	backend/tree/listing.h \
	backend/tree/look.c \
	backend/tree/look.h \
	backend/tree/makers.c \
	backend/tree/makers.h \
	backend/tree/opener.c \
	backend/tree/opener.h \
	backend/tree/owners.c \
	backend/tree/owners.h \
	backend/tree/pack.c \
	backend/tree/pack.h \
	backend/tree/pack_file.c \
	backend/tree/pack_internal.h \
	backend/tree/pack_stream.c \
	backend/tree/path_set.c \
	backend/tree/path_set.h \
	backend/tree/place.c \
	backend/tree/place.h \
	backend/tree/remove.c \
	backend/tree/remove.h \
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
	backend/tree/tar_write.c \
	backend/tree/tar_write.h \
	backend/tree/unpack.c \
	backend/tree/unpack.h \
	backend/tree/walk.c \
	backend/tree/walk.h
backend_sources += backend/tree/entry_stream.c backend/tree/entry_stream.h
public_headers += backend/tree/owners.h
