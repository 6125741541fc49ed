# SPDX-License-Identifier: LGPL-2.1-or-later

backend_sources += backend/wire.c backend/wire.h
