/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_CONFIG_H
#define SETASIDE_CONFIG_H

/*
 * config: setaside.conf and setaside.conf.d/NAME.conf.
 *
 * Lines `key = value`; a line whose first character is `#` (after blanks) is a comment.
 * setaside.conf first, then the files of setaside.conf.d in byte order of their names;
 * what comes later wins.
 *
 *	keep-for = 7d		   what a restore moved aside stays so long; no: for ever
 *	automatic-retention = 31d  automatic sets stay so long, at least 24h; no: for ever
 *	reserve = 5%		   stays free on a file system: a size, or percent
 *	compress = fast | small
 *	wait = 10s		   writers wait so long for each other; no: not at all
 *	settle = 42s		   files that were changed since may still be written
 *				   unseen (state/settle.h), at least 2s (what is saved
 *				   while it is short stays believed); no: all always
 *				   may; without it what the kernel's settings give
 *
 * A key that is not known is a warning, a value that makes no sense is ERR_USAGE, a
 * line that is neither is ERR_CORRUPT; each with file and line.  In system mode a file
 * that is not root's, or that others may write, is ignored with a warning.
 */

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/error.h"
#include "backend/base/observer.h"

enum config_compress {
	CONFIG_FAST,
	CONFIG_SMALL
};

enum config_reserve_kind {
	CONFIG_RESERVE_DEFAULT, /* the smaller of 1 GiB and 5 % */
	CONFIG_RESERVE_BYTES,
	CONFIG_RESERVE_PERCENT,
};

struct config_reserve {
	enum config_reserve_kind kind;
	uint64_t amount; /* bytes, or percent 0..99 */
};

#define CONFIG_SETTLE_DERIVED (-2)

struct config {
	int64_t keep_for;            /* seconds; -1: for ever */
	int64_t automatic_retention; /* seconds; -1: for ever */
	struct config_reserve reserve;
	enum config_compress compress;
	int64_t wait;   /* seconds; 0: not at all */
	int64_t settle; /* seconds; -1: never; or CONFIG_SETTLE_DERIVED */
};

/* What holds without a file: config_load() and config_parse() change what files say. */
void config_init(struct config *c);

/*
 * Reads the files of the directory `path`, absolute below rootfd ("/" or --root), as in a
 * chroot, over what `c` says already.  `shown` is what messages call the directory.  What
 * is not there is no error.  ERR_USAGE, ERR_CORRUPT, ERR_DENIED.
 */
int config_load(int rootfd, const char *path, const char *shown, bool system,
		const struct observer *o, struct config *c, struct err *err);

/* One file's text, over what `c` says already; `file` is its path, for messages. */
int config_parse(const char *text, size_t len, const char *file, const struct observer *o,
		 struct config *c, struct err *err);

#endif
