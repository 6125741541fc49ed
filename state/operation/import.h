/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_OPERATION_IMPORT_H
#define SETASIDE_OPERATION_IMPORT_H

/*
 * import: the sets of an export stream into the store, one after the
 * other; each all or nothing.
 *
 *	setaside_import_open(session, fd, &request, &im, err);
 *	while ((r = setaside_import_next(im, &outcome, err)) > 0 ||
 *	       (r < 0 && err_is(err, ERR_DUPLICATE))) {
 *		...			outcome says which set it is, or was already
 *		import_outcome_done(&outcome);
 *		err_clear(err);
 *	}
 *	setaside_import_close(im);
 *
 * The stream is read once, from a file or a pipe.  Order, for each set (state/new_set.h
 * has what is durable when):
 *	1. what content.json names is looked for among the sets that are here
 *	2. number, row `importing`, marker
 *	3. each zip, while there is room: written without a name, opened, all its archives
 *	   hashed; its name, rebuilt from its metadata, noted in the row; synced and named
 *	4. export.json and the stream's end are seen, the content hash is
 *	   computed anew and compared
 *	5. directory synced, row `complete`: the commit point
 *	6. marker removed
 * Recovery: before 5 the set vanishes, its number stays used; after it the marker goes.
 * A file without a name vanishes by itself.
 *
 * Only the reader process sees the stream's bytes.  Nothing that it holds chooses a path:
 * names in the store come from checked metadata and the new number.
 */

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/cleanup.h"
#include "backend/base/strings.h"
#include "state/session.h"

struct import_request {
	/* of the first set that is imported; NULL: the set's own,
	 * unless another has it */
	const char *name;
	const char *note;     /* of all; NULL: each set's own */
	bool allow_duplicate; /* a set that is here already is imported all the same */
};

struct import_outcome {
	uint64_t set;        /* its number here */
	bool duplicate;      /* it was here already, intact, and stays:
			 * a person's from now on */
	struct strings apps; /* in it */
};

void import_outcome_done(struct import_outcome *o);

struct importing;

/* Opens what a person calls the file to import: a file, a pipe, a device; "-" is not
 * known here.  Returns a descriptor.  ERR_IO: it is missing; ERR_CORRUPT: a directory;
 * ERR_REFUSED: root, and a link of another user; ERR_INTERRUPTED: a signal came while a
 * pipe waited for its writer. */
int setaside_import_open_file(const char *path, struct err *err);

/* Borrows fd and the request until setaside_import_close().  ERR_REFUSED: the store is
 * another's; ERR_USAGE and ERR_EXISTS: the name. */
int setaside_import_open(struct session *s, int fd, const struct import_request *request,
			 struct importing **ret, struct err *err);
void setaside_import_close(struct importing *im);
CLEANUP_FUNC(struct importing *, setaside_import_close);

/*
 * The next set: 1; 0: the stream has ended; -1.  ERR_DUPLICATE: nothing was imported,
 * since the set is here already; `*ret` says which, and the next call goes on behind it.
 * After any other failure, which leaves nothing of this set and nothing else changed,
 * only setaside_import_close() is allowed: ERR_CORRUPT (cut, damaged, not what
 * content.json says, over a limit of backend/export.h), ERR_UNSUPPORTED (a later format),
 * ERR_NO_SPACE, ERR_INTERRUPTED.
 */
int setaside_import_next(struct importing *im, struct import_outcome *ret,
			 struct err *err);

#endif
