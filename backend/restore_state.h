/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_RESTORE_STATE_H
#define SETASIDE_RESTORE_STATE_H

/*
 * restore_state: what a restore did, in snapd's form.
 *
 * In order, the paths that were created and those that rest aside, with the app's
 * configuration from before: as JSON with snapd's keys,
 *
 *	{"done":true,"created":[...],"moved":[...],"config":{...}}
 *
 * of which those that are false or empty are left out.  Paths that are not UTF-8 are
 * {"base64":"..."}, which snapd does not read.  Each path of `moved` is the live path
 * and `.~xxxxxxxxx~` (nine letters or digits).  Where the directory of an archive's
 * trees was made, it stands in `created` with a slash at its end; those above it that
 * had to be made as well do not: snapd lists none of them, and its Revert removes what
 * is listed with all that is in it.
 *
 * Reading takes any legal JSON: unknown keys are ignored, null is a missing key, a key
 * given twice or of a wrong type is ERR_CORRUPT.  The paths are text until someone
 * checks them.
 */

#include <stdbool.h>
#include <stddef.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"
#include "backend/base/json.h"
#include "backend/base/strings.h"

/* Bytes of JSON text that are read. */
#define RESTORE_STATE_MAX ((size_t)16 << 20)

struct restore_state {
	bool done; /* undone or kept: nothing is left to do */
	struct strings created, moved;
	char *config; /* canonical JSON object text, or NULL */
};

#define RESTORE_STATE_INIT                                                               \
 {                                                                                       \
  false, STRINGS_INIT, STRINGS_INIT, NULL                                                \
 }

/* Frees everything; the object is empty afterwards. */
void restore_state_done(struct restore_state *s);

/* *ret is overwritten, not released. */
int restore_state_parse(const char *text, size_t len, struct restore_state *ret,
			struct err *err);
/* Appends the object, without a newline. */
int restore_state_write(const struct restore_state *s, struct buf *out, struct err *err);

/* How much of an aside path is the live path; 0 if it is no aside path. */
size_t restore_state_live_length(const char *aside);
/* Is it `.~xxxxxxxxx~` alone, as the directory is called in which what was
 * in a mount point rests? */
bool restore_state_is_staging(const char *name);
/* A fresh aside name for `name`; caller frees. */
char *restore_state_aside_name(const char *name, struct err *err);

#endif
