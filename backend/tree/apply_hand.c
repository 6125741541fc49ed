/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/apply_internal.h"

#include <inttypes.h>
#include <string.h>

#include "backend/base/quote.h"
#include "backend/tree/makers.h"

int apply_wait(struct apply *a, struct err *err)
{
	return a->makers ? makers_wait(a->makers, err) : 0;
}

void apply_give_up(struct apply *a, struct err *err)
{
	if (a->makers)
		makers_give_up(a->makers, err);
}

/* Whether a file is one of many, and what is going to be made of it known. */
static bool is_for_makers(const struct apply *a, const struct apply_tree *tree,
			  const struct entry *e)
{
	return a->makers && tree->knows_born && dir_stack_are_fresh(&tree->dirs) &&
	       !e->sparse && e->size <= MAKERS_FILE_MAX &&
	       strlen(e->path) < MAKERS_PATH_MAX;
}

int apply_hand(struct apply *a, struct apply_tree *tree, const struct entry *e,
	       struct err *err)
{
	struct apply_handed h = { .is_open = true, .size = (size_t)e->size };
	struct attr_plan plan;
	struct maker_dir *dir;
	int r;

	if (!is_for_makers(a, tree, e))
		return 0;
	r = attr_plan(&a->attrs, e, e->path, &tree->born, &tree->modes, &plan, err);
	if (r <= 0)
		return r;
	if (dir_stack_share(&tree->dirs, &dir, err) < 0 ||
	    makers_begin(a->makers, dir, e->path, &plan, h.size, &h.room, &h.path, err) <
		    0)
		return -1;
	a->handed = h;
	return 1;
}

int apply_handed_data(struct apply *a, uint64_t offset, const void *p, size_t n,
		      struct err *err)
{
	struct apply_handed *h = &a->handed;

	if (offset != h->got || n > h->size - h->got)
		return err_set(err, ERR_CORRUPT, "data of %s lie outside of it",
			       q(h->path));
	memcpy(h->room + h->got, p, n);
	h->got += n;
	return 0;
}

int apply_handed_end(struct apply *a, struct err *err)
{
	struct apply_handed *h = &a->handed;

	if (h->got != h->size)
		return err_set(err, ERR_CORRUPT, "%s has %zu bytes instead of %zu",
			       q(h->path), h->got, h->size);
	makers_end(a->makers);
	h->is_open = false;
	return 0;
}
