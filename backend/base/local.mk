# SPDX-License-Identifier: LGPL-2.1-or-later

backend_sources += \
	backend/base/alloc.c backend/base/alloc.h \
	backend/base/buf.c backend/base/buf.h \
	backend/base/cleanup.h \
	backend/base/error.c backend/base/error.h \
	backend/base/fault.c backend/base/fault.h \
	backend/base/fd.c backend/base/fd.h \
	backend/base/le.h \
	backend/base/quote.c backend/base/quote.h \
	backend/base/sys.c backend/base/sys_process.c backend/base/sys.h \
	backend/base/utf8.c backend/base/utf8.h
