/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_EPOCH_H
#define SETASIDE_EPOCH_H

/*
 * epoch: which generations of its data an app can read and which it writes (format.md).
 *
 * Part of the metadata of a snapshot, whose prefix its names keep.  Each list holds 1 to
 * SNAPSHOT_EPOCH_MAX strictly increasing numbers, and the two meet.  An object with both
 * lists empty (all zero bytes) means epoch 0, which reads and writes 0.
 *
 * All failures are ERR_CORRUPT.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/error.h"
#include "backend/base/json.h"

#define SNAPSHOT_EPOCH_MAX 10

struct snapshot_epoch {
	uint32_t read[SNAPSHOT_EPOCH_MAX], write[SNAPSHOT_EPOCH_MAX];
	size_t n_read, n_write;
};

/* Can `current` read what was written with `data`? */
bool snapshot_epoch_can_read(const struct snapshot_epoch *current,
			     const struct snapshot_epoch *data);

/* The short forms: "5" reads and writes 5, "3*" reads 2 and 3 and writes 3, "" is 0. */
int snapshot_epoch_parse(const char *text, struct snapshot_epoch *ret, struct err *err);

/* One number as it may stand in a list: decimal, no sign, no leading zero. */
int snapshot_epoch_parse_number(const char *text, uint32_t *ret, struct err *err);

/* For lists read from elsewhere: fills in what is missing (n of 0), then checks. */
int snapshot_epoch_complete(struct snapshot_epoch *e, struct err *err);

/* Any form that a reader of meta.json takes; NULL (no such key, or null) is 0. */
int snapshot_epoch_from_json(const struct json *value, struct snapshot_epoch *ret,
			     struct err *err);

/* {"read":[...],"write":[...]}, always both. */
void snapshot_epoch_write(const struct snapshot_epoch *e, struct json_writer *w);

#endif
