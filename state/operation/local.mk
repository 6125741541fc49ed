# SPDX-License-Identifier: LGPL-2.1-or-later

public_headers += state/operation/check.h
public_headers += state/operation/doctor.h
public_headers += state/operation/export.h
public_headers += state/operation/forget.h
public_headers += state/operation/import.h
public_headers += state/operation/inventory.h
public_headers += state/operation/restore.h
public_headers += state/operation/save.h
public_headers += state/operation/scope.h
state_sources += state/operation/asides.c state/operation/asides.h
state_sources += state/operation/check.c
state_sources += state/operation/choose.c state/operation/choose.h
state_sources += state/operation/doctor.c
state_sources += state/operation/duplicate.c state/operation/duplicate.h
state_sources += state/operation/export.c
state_sources += state/operation/forget.c
state_sources += state/operation/import.c
state_sources += state/operation/inventory.c
state_sources += state/operation/keep.c
state_sources += state/operation/plan.c state/operation/plan.h
state_sources += state/operation/restore.c
state_sources += state/operation/restore_detail.c state/operation/restore_detail.h
state_sources += state/operation/save.c
state_sources += state/operation/source.c state/operation/source.h
state_sources += state/operation/undo.c
state_sources += state/operation/restore_record.c
