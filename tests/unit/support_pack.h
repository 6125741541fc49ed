/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TESTS_SUPPORT_PACK_H
#define SETASIDE_TESTS_SUPPORT_PACK_H

/*
 * support_pack: trees packed into memory, and other programs that read the result.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"
#include "backend/tree/pack.h"

struct support_pack {
	size_t room; /* bytes that the sink offers at a time; 0: 1 MiB */
	/* Called before room is given, with the number of the call, from 1. */
	void (*on_room)(struct support_pack *p, unsigned call);
	struct pack_options options;
	const struct observer *observer;
	bool named;   /* owners have names: "u1000", "g1000" */
	bool failing; /* the sink refuses what is put in */
	/* What came of it. */
	struct buf stream;
	struct buf report; /* "skipped PATH: WHY\n", "changed PATH\n" */
	struct pack_counts counts;
	unsigned calls;
	char *block;
};

/* clang-format off */
#define SUPPORT_PACK_INIT { .room = 0 }
/* clang-format on */

void support_pack_done(struct support_pack *p);

/* pack_run(). */
int support_pack_trees(struct support_pack *p, const struct pack_tree *trees, size_t n,
		       struct err *err);

/* The same of one tree: dirfd/name as "common/tree", a file or a directory ("." is
 * dirfd). */
int support_pack_run(struct support_pack *p, int dirfd, const char *name,
		     struct err *err);

/* The same, where it has to succeed; the stream is read through by tar_read. */
void support_pack_ok(struct support_pack *p, int dirfd, const char *name);

/* Reads a stream through; what each entry is goes into *ret as a line. */
char *support_pack_list(const struct buf *stream);

/* Has GNU tar extract the stream in a directory, with attributes and ACLs: status 0 and
 * not a word.  False with a SKIP line where there is no such program. */
#define support_gnu_tar(stream, dir) support_gnu_tar_for(__func__, (stream), (dir))
bool support_gnu_tar_for(const char *test, const struct buf *stream, const char *dir);

/* The names that Python's tarfile finds, each with a newline, for the caller to free;
 * NULL with a SKIP line where there is no Python. */
#define support_python_names(stream) support_python_names_for(__func__, (stream))
char *support_python_names_for(const char *test, const struct buf *stream);

#endif
