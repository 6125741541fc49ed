/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_WORKER_SERVE_ASIDES_H
#define SETASIDE_WORKER_SERVE_ASIDES_H

/*
 * serve_asides: a packer's answer to PACKER_ASIDES (see packer_asides()).
 *
 * It only looks at names; whose they are the parent knows.
 */

#include "backend/worker/serve.h"

int serve_asides(struct serve *s, struct wire_in *in, struct err *err);

#endif
