/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/worker/worker.h"
#include "tests/machine/machine.h"

const struct place places[] = {
	{ "parent", 0 },
	{ "reader", WORKER_READER },
	{ "packer", WORKER_PACKER },
	{ "unpacker", WORKER_UNPACKER },
	{ "applier", WORKER_APPLIER },
	{ "swapper", WORKER_SWAPPER },
};

const size_t n_places = sizeof(places) / sizeof(places[0]);
