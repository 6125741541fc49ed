/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_OPERATION_HELD_H
#define SETASIDE_OPERATION_HELD_H

/*
 * held: archives of older sets that are what a save would pack now.
 *
 *	held_init(&h, session)
 *	held_find(&h, app, ...)		for each app: which archives need not be packed
 *	held_whole(&h, app, ...)	which set holds all of it
 *	held_open(&h, app), held_close(&h, app)	around the save of each app
 *	held_done(&h)			only after the save
 *
 * The database says which complete set that was saved here had an archive with the same
 * print.  It is believed only if the zip is the very file that was written then (inode,
 * size, time) and the reader finds it in order.  The set of each zip in use is locked
 * (shared) until held_done(), so that it is not forgotten meanwhile; one that is locked
 * by another is passed over.  There may be more of them than descriptors: only those of
 * one app are open at a time.  What the plan has of them (plan_app.held_zips,
 * plan_archive.held) ends with held_done().  Not installed.
 */

#include "state/operation/plan.h"
#include "state/session_internal.h"

struct held_zip;

struct held {
	struct session *session;
	struct held_zip *zips; /* opened so far, those in vain too */
};

void held_init(struct held *h, struct session *s);

/* Fills in held (and save.held) of the archives of `a`, whose snapshot is to
 * be named `snap`, that were packed in the way `packing`.  All from one file,
 * if there is such a one. */
int held_find(struct held *h, struct plan_app *a, const char *snap, const char *packing,
	      struct err *err);

/* The newest set that holds all archives of `a`, however packed, and the
 * configuration `conf` (NULL: none): its number in *ret; 0: there is none.  `only`:
 * it must not hold others. */
int held_whole(struct held *h, struct plan_app *a, const char *snap, const char *conf,
	       bool only, uint64_t *ret, struct err *err);

/* Opens what held_find() found for `a`, and fills in held.fd; an archive whose zip cannot
 * be opened any more is to be packed. */
int held_open(struct held *h, struct plan_app *a, struct err *err);
void held_close(struct held *h, const struct plan_app *a);

void held_done(struct held *h);

#endif
