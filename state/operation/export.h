/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_OPERATION_EXPORT_H
#define SETASIDE_OPERATION_EXPORT_H

/*
 * export: sets as one stream, for another machine (the format: backend/export.h).
 *
 *	setaside_export_open(session, sets, n, &x, err);
 *	setaside_export_size(x);			known before the first byte
 *	setaside_export_stream(x, fd, err);		once
 *	setaside_export_close(x);
 *
 * From opening to closing the sets are held (shared), and their files open: what removes
 * a set meanwhile takes nothing from the export.  Nothing is copied on the way: each file
 * goes from the store into the stream, in constant memory, while the hashes of its
 * archives are compared.  A set that has a broken snapshot is not exported.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "state/session.h"

struct exporting;

/* Sets given twice are exported once.  ERR_NOT_FOUND; ERR_CORRUPT names what is broken;
 * ERR_BUSY; ERR_NO_SPACE: more snapshots, or more metadata, than an import takes. */
int setaside_export_open(struct session *s, const uint64_t *sets, size_t n,
			 struct exporting **ret, struct err *err);
void setaside_export_close(struct exporting *x);
CLEANUP_FUNC(struct exporting *, setaside_export_close);

/* Of the whole stream, in bytes. */
uint64_t setaside_export_size(const struct exporting *x);

/* Writes it from where fd (borrowed) stands.  A failure leaves a stream that no import
 * takes: ERR_CORRUPT, an archive's hash is wrong; ERR_NO_SPACE; ERR_INTERRUPTED; ERR_IO,
 * the reading end of a pipe is gone. */
int setaside_export_stream(struct exporting *x, int fd, struct err *err);

/* All of the above into a file (0600) that appears whole and durable, or not at all;
 * space is reserved beforehand.  `path` is the caller's, not the root's.
 * ERR_EXISTS: it is there, and `force` was not given; ERR_REFUSED: it is no regular
 * file, which is never replaced. */
int setaside_export_file(struct session *s, const uint64_t *sets, size_t n,
			 const char *path, bool force, uint64_t *ret_size,
			 struct err *err);

#endif
