/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TESTS_SUPPORT_WORLD_H
#define SETASIDE_TESTS_SUPPORT_WORLD_H

/*
 * support_world: the whole library on a root of the test's own, with real
 * workers: one user, who has the apps "one" and "two"; any number of stores;
 * exports and imports between them.
 *
 *	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
 *
 *	if (!support_world_make(&w))
 *		return;
 *	s = support_world_open(&w, "store");
 *	id = support_world_save(s, NULL);
 */

#include <stdatomic.h>

#include "backend/base/cleanup.h"
#include "state/operation/import.h"
#include "state/session.h"
#include "tests/unit/support_events.h"
#include "tests/unit/support_tar.h"

struct support_world {
	struct support_events events; /* warnings and notes */
	struct observer observer;     /* kept by the sessions */
	atomic_bool cancelled;
	bool cancel_at_progress; /* the first that tells of something sets `cancelled` */
	uint64_t done, total;    /* the last progress */
};

/* Not to be copied once it is made. */
#define SUPPORT_WORLD                                                                    \
 {                                                                                       \
  .events = SUPPORT_EVENTS_INIT                                                          \
 }

/* Its configuration: saves may fill the file system, however full it is. */
#define SUPPORT_WORLD_CONFIG     "r/home/me/.config/setaside/setaside.conf"
#define SUPPORT_WORLD_NO_RESERVE "reserve = 0\n"

/* The root "r"; false, with a SKIP line, where workers cannot run. */
#define support_world_make(w) support_world_make_for(__func__, (w))
bool support_world_make_for(const char *test, struct support_world *w);
void support_world_done(struct support_world *w);

/* A session for writing in a store of the test's directory; NULL: the user's own. */
struct session *support_world_open(struct support_world *w, const char *store);
struct session *support_world_open_as(struct support_world *w, const char *store,
				      enum session_access access);
int support_world_try_open(struct support_world *w, const char *store,
			   struct session **ret, struct err *err);
int support_world_try_open_as(struct support_world *w, const char *store,
			      enum session_access access, struct session **ret,
			      struct err *err);
/* Replaces what the user's app "one" or "two" has. */
void support_world_put(const char *app, const void *p, size_t n);

/* Both apps; returns the number. */
uint64_t support_world_save(struct session *s, const char *name);
void support_world_forget(struct session *s, uint64_t set);
/* When it expires; 0: never. */
int64_t support_world_expiry(struct session *s, uint64_t set);

/* Appends the stream of these sets, which is as long as was said. */
void support_world_export(struct session *s, const uint64_t *sets, size_t n,
			  struct tar_bytes *to);

/* The stream as a file; the caller closes it. */
int support_world_stream(const struct tar_bytes *t);
/* The first set of the stream.  -1: also what comes of a duplicate; *ret
 * is filled in then, too. */
int support_world_try_import(struct session *s, const struct tar_bytes *t,
			     const struct import_request *request,
			     struct import_outcome *ret, struct err *err);
/* The stream's only set, with no wishes; returns its number. */
uint64_t support_world_import(struct session *s, const struct tar_bytes *t);

/* A line for each file of the store (but .last-set) with its size and a hash of its
 * bytes, then one for each set: number, name, note, origin, automatic, content hash,
 * apps.  The caller frees it. */
char *support_world_state(struct session *s, const char *store);

#endif
