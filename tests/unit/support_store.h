/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TESTS_SUPPORT_STORE_H
#define SETASIDE_TESTS_SUPPORT_STORE_H

/*
 * support_store: a store "s" in the test's own directory.
 */

#include "backend/store.h"

struct store *support_store_open(unsigned flags);
/* Makes a file of the store, whose content is its name. */
void support_store_put(const char *name);
void support_store_list(struct store *s, struct store_list *ret);
/* The names of a listing, each with a newline, then "-N\n" for each incomplete set. */
const char *support_store_names(const struct store_list *l);

#endif
