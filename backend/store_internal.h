/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_STORE_INTERNAL_H
#define SETASIDE_STORE_INTERNAL_H

/*
 * store_internal: what store.c and store_list.c share.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/error.h"
#include "backend/store.h"

struct store {
	int fd;
	char *path;
	bool read_only;
};

/* Reads a set number at the beginning of the text; the number of digits, 0 for none. */
size_t store_parse_set(const char *text, uint64_t *ret);

/* The number in .last-set: 0 where the file is missing or *ret_damaged. */
int store_read_last_set(struct store *s, uint64_t *ret, bool *ret_damaged,
			struct err *err);

#endif
