/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_WORKER_SERVE_IMPORT_H
#define SETASIDE_WORKER_SERVE_IMPORT_H

/*
 * serve_import: what a reader does with an export stream
 * (importer.h), on the worker's side.
 */

#include <stdbool.h>

#include "backend/base/cleanup.h"
#include "backend/worker/serve.h"

struct serve_import;

/* Is it a request of importer.h? */
bool serve_import_takes(unsigned type);
/* *state is the stream under way, or NULL. */
int serve_import_request(struct serve_import **state, struct wire_in *in,
			 struct wire_out *reply, struct err *err);
void serve_import_free(struct serve_import *state);
CLEANUP_FUNC(struct serve_import *, serve_import_free);

#endif
