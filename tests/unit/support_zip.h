/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TESTS_SUPPORT_ZIP_H
#define SETASIDE_TESTS_SUPPORT_ZIP_H

/*
 * support_zip: zip files made by the writer, and others made by hand, byte for byte, so
 * that they can be wrong.
 */

#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/zip.h"
#include "tests/unit/support_gzip.h"

#define SUPPORT_ZIP_MEMBERS 16

/* A zip file made by hand, and where its parts are. */
struct support_zip {
	struct buf bytes;
	size_t local[SUPPORT_ZIP_MEMBERS], data[SUPPORT_ZIP_MEMBERS],
		central[SUPPORT_ZIP_MEMBERS];
	size_t descriptor[SUPPORT_ZIP_MEMBERS];
	size_t directory, locator, end64, end;
	size_t n;
};

struct support_zip_extra {
	const char *p;
	size_t n;
};

/* How to make a member; all but the name may be left out. */
struct support_zip_spec {
	const char *name, *data;
	uint16_t flags;
	size_t descriptor; /* its length */
	struct support_zip_extra local, central;
	uint32_t local_size;   /* instead of the right one */
	uint32_t central_size; /* likewise, and the offset */
	const char *junk;      /* behind it */
};

void support_zip_add(struct support_zip *z, const void *p, size_t n);
void support_zip_put16(struct support_zip *z, size_t at, unsigned v);
void support_zip_put32(struct support_zip *z, size_t at, uint64_t v);
void support_zip_put64(struct support_zip *z, size_t at, uint64_t v);

/* A whole file of stored members; buf_done() its bytes. */
void support_zip_make(struct support_zip *z, const struct support_zip_spec *specs,
		      size_t n);
/* Puts the zip64 end record and its locator before the end record. */
void support_zip_widen(struct support_zip *z);

/* The parts of support_zip_make(): a stored member; the directory and the end record. */
void support_zip_member(struct support_zip *z, const struct support_zip_spec *s);
void support_zip_finish(struct support_zip *z, const struct support_zip_spec *specs);

/* A file in memory, at its beginning; the caller closes it. */
int support_zip_memory(const void *p, size_t n);

/* A member's source: a support_source, or an error when it is opened. */
struct support_zip_source {
	struct support_source from;
	bool refuses;
	unsigned n_opened;
};

extern const struct zip_source_ops support_zip_ops;

struct support_zip_input {
	const char *name;
	enum zip_method method;
	const char *p;
	size_t n;
};

/* A new empty file in the test's directory. */
int support_zip_create(const char *name);
/* Writes a zip to fd, each source giving at most `piece` bytes a call. */
void support_zip_write(int fd, const struct support_zip_input *inputs, size_t n,
		       size_t piece);

#endif
