/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_OPERATION_RESTORE_DETAIL_H
#define SETASIDE_OPERATION_RESTORE_DETAIL_H

/*
 * restore_detail: what an undo has to carry over, remembered with the restore, so that
 * the set itself may be forgotten meanwhile.
 *
 * JSON:
 * {"configs":{APP:{...}},"trees":[{"user":...,"tree":...,"revision":...,"patterns":[],"snapd":[],"paths":[]}]};
 * `configs` holds the apps' configuration from before; `user` is null for system data,
 * strings that are not UTF-8 are {"base64":...}.  Not installed.
 */

#include "backend/base/buf.h"
#include "backend/base/strings.h"
#include "backend/restore.h"

struct restore_detail_tree {
	char *user, *tree, *revision;
	struct strings patterns, snapd, paths;
};

struct restore_detail_config {
	char *app, *config; /* canonical JSON object */
};

struct restore_detail {
	struct restore_detail_config *configs;
	size_t n_configs;
	struct restore_detail_tree *trees;
	size_t n;
};

/* `configs` is borrowed. */
int restore_detail_write(const struct restore_plan *plan,
			 const struct restore_detail_config *configs, size_t n_configs,
			 struct buf *out, struct err *err);
int restore_detail_parse(const char *text, size_t len, struct restore_detail *ret,
			 struct err *err);
void restore_detail_done(struct restore_detail *d);
/* What belongs to an item, or NULL. */
const struct restore_detail_tree *restore_detail_find(const struct restore_detail *d,
						      const struct journal_item *item);

#endif
