# SPDX-License-Identifier: LGPL-2.1-or-later

backend_sources += \
	backend/base/alloc.c backend/base/alloc.h \
	backend/base/appender.c backend/base/appender.h \
	backend/base/atomic_file.c backend/base/atomic_file.h \
	backend/base/base64.c \
	backend/base/belt.c backend/base/belt.h \
	backend/base/buf.c backend/base/buf.h \
	backend/base/cleanup.h \
	backend/base/digest.c backend/base/digest.h \
	backend/base/error.c backend/base/error.h \
	backend/base/fault.c backend/base/fault.h \
	backend/base/fd.c backend/base/fd.h \
	backend/base/hasher.c backend/base/hasher.h \
	backend/base/json.c backend/base/json.h backend/base/json_internal.h \
	backend/base/json_text.c backend/base/json_tree.c backend/base/json_write.c \
	backend/base/le.h \
	backend/base/meter.c backend/base/meter.h \
	backend/base/observer.c backend/base/observer.h \
	backend/base/quote.c backend/base/quote.h \
	backend/base/spill.c backend/base/spill.h \
	backend/base/stamp.c backend/base/stamp.h \
	backend/base/strings.c backend/base/strings.h \
	backend/base/suggest.c backend/base/suggest.h \
	backend/base/sys.c backend/base/sys_process.c backend/base/sys.h \
	backend/base/utf8.c backend/base/utf8.h

# What the headers of the library and its first user, the command, build on.
public_headers += \
	backend/base/alloc.h \
	backend/base/buf.h \
	backend/base/cleanup.h \
	backend/base/digest.h \
	backend/base/error.h \
	backend/base/fd.h \
	backend/base/json.h \
	backend/base/observer.h \
	backend/base/quote.h \
	backend/base/stamp.h \
	backend/base/strings.h \
	backend/base/suggest.h \
	backend/base/sys.h \
	backend/base/utf8.h
