/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_WORKER_FENCE_H
#define SETASIDE_WORKER_FENCE_H

/*
 * fence: what every worker gives up, whatever its kind.
 *
 * Before the identity: no_new_privs, no core files, limits, no descriptor but the
 * protocol's, umask 077, directory /.  After it (a change of uid clears both): not
 * dumpable, and dead when the parent dies.
 */

#include "backend/base/error.h"

int fence_before_identity(struct err *err);
int fence_after_identity(struct err *err);

#endif
