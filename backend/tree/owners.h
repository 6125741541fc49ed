/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_OWNERS_H
#define SETASIDE_TREE_OWNERS_H

/*
 * owners: names of users and groups, and numbers of names, remembered.
 *
 * Where the answers come from (NSS, a root's own passwd file, the other end of a
 * socket) is the caller's: two callbacks.  Answers are remembered in tables of fixed
 * size, "no name" too; failures are not.  So nothing is looked up twice in a row, and
 * memory is bounded whatever a tree or an archive holds.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"

enum owner_kind {
	OWNER_USER,
	OWNER_GROUP
};

/* In the place of a number: the archive names the owner, but has no number for it. */
#define OWNER_NO_NUMBER UINT32_MAX

struct owner_source {
	/* The name of `id` as a string that the caller frees, or NULL in *ret: it has
	 * none. A NULL function: nothing has a name. */
	int (*name_of)(void *ctx, enum owner_kind kind, uint32_t id, char **ret,
		       struct err *err);
	/* The number that an archive's owner gets here.  `name` may be NULL, `number`
	 * may be OWNER_NO_NUMBER, not both.  ERR_REFUSED where there is no answer.  A
	 * NULL function: numbers are taken as they are. */
	int (*id_of)(void *ctx, enum owner_kind kind, const char *name, uint32_t number,
		     uint32_t *ret, struct err *err);
	void *ctx;
};

struct owners;

/* Copies *source; its ctx is borrowed until owners_free(). */
int owners_new(const struct owner_source *source, struct owners **ret, struct err *err);

/* *ret belongs to the table and is valid until the next owners_name() of the same kind;
 * NULL: no name (the empty name counts as none).  Fails as the source does. */
int owners_name(struct owners *o, enum owner_kind kind, uint32_t id, const char **ret,
		struct err *err);

/* Fails as the source does; ERR_REFUSED where there is neither name nor number. */
int owners_id(struct owners *o, enum owner_kind kind, const char *name, uint32_t number,
	      uint32_t *ret, struct err *err);

/* Whether a source has ever failed: what then fails is not the fault of the object at
 * hand. */
bool owners_failed(const struct owners *o);

void owners_free(struct owners *o);
CLEANUP_FUNC(struct owners *, owners_free);

#endif
