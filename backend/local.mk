# SPDX-License-Identifier: LGPL-2.1-or-later

backend_sources += backend/wire.c backend/wire.h
backend_sources += backend/journal.c backend/journal.h
