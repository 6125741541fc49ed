# SPDX-License-Identifier: LGPL-2.1-or-later

public_headers += state/operation/inventory.h
public_headers += state/operation/save.h
public_headers += state/operation/scope.h
state_sources += state/operation/inventory.c
state_sources += state/operation/plan.c state/operation/plan.h
state_sources += state/operation/save.c
