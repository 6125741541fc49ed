/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/worker/serve_import.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/fd.h"
#include "backend/import.h"
#include "backend/worker/importer.h"

#define PIECE_SIZE ((size_t)1 << 20)
/* Where a tar says what it is; what only old ones leave out. */
#define TAR_MAGIC    "ustar"
#define TAR_MAGIC_AT ((size_t)257)
#define ZIP_MAGIC    "PK\003\004"

struct serve_import {
	struct import *import;
	int fd;
	void *piece;                   /* what was read last */
	bool read, ended, no_tar, zip; /* what is known of the stream */
};

void serve_import_free(struct serve_import *state)
{
	if (!state)
		return;
	import_free(state->import);
	if (state->fd >= 0)
		sys_close_best_effort(state->fd);
	free(state->piece);
	free(state);
}

/* What does this, with which the stream begins, look like? */
static void look_at(struct serve_import *m, const char *p, size_t n)
{
	size_t end = TAR_MAGIC_AT + strlen(TAR_MAGIC);

	m->no_tar =
		n >= end && memcmp(p + TAR_MAGIC_AT, TAR_MAGIC, strlen(TAR_MAGIC)) != 0;
	m->zip = m->no_tar && memcmp(p, ZIP_MAGIC, strlen(ZIP_MAGIC)) == 0;
}

/* Says of what is no export at all more than how a tar is wrong. */
static int explain(const struct serve_import *m, struct err *err)
{
	if (!err_is(err, ERR_CORRUPT) || (m->read && !m->no_tar))
		return -1;
	if (!m->read && m->ended) {
		err_clear(err); /* that the archive is cut short after 0 bytes */
		return err_set(err, ERR_CORRUPT, "it is empty");
	}
	if (m->zip) {
		err_clear(err); /* that no tar begins so */
		err_set(err, ERR_CORRUPT,
			"it is a zip file, perhaps a snapshot, but no export");
		return err_hint(err, "--store DIR takes a directory with snapshots");
	}
	err_wrap(err, "it is no export");
	return err_hint(err, "what is encrypted or compressed has to be unpacked first: "
			     "\"setaside import -\" reads from a pipe");
}

/* tar_source: whatever the pipe or file has at hand. */
static ssize_t read_piece(void *ctx, const void **ret, size_t max, struct err *err)
{
	struct serve_import *m = ctx;
	ssize_t n =
		fd_read_some(m->fd, m->piece, max < PIECE_SIZE ? max : PIECE_SIZE, err);

	if (n < 0)
		return -1;
	if (!m->read)
		look_at(m, m->piece, (size_t)n);
	m->read = m->read || n > 0;
	m->ended = n == 0;
	*ret = m->piece;
	return n;
}

/* tar_skipper: of a file, and never beyond what is there: one that is cut
 * short must be found out. */
static int skip_bytes(void *ctx, uint64_t n, uint64_t *ret, struct err *err)
{
	const struct serve_import *m = ctx;
	struct stat st;
	off_t at;

	if (sys_fstat(m->fd, &st) < 0)
		return err_errno(err, "cannot look at the stream");
	*ret = 0;
	at = S_ISREG(st.st_mode) ? sys_lseek(m->fd, 0, SEEK_CUR) : -1;
	if (at < 0 || at > st.st_size || n > (uint64_t)(st.st_size - at))
		return 0;
	if (sys_lseek(m->fd, (off_t)n, SEEK_CUR) < 0)
		return err_errno(err, "cannot move in the stream");
	*ret = n;
	return 0;
}

/* IMPORTER_BEGIN */
static int begin(struct serve_import **state, struct wire_in *in, struct err *err)
{
	_cleanup_(serve_import_freep) struct serve_import *m =
		alloc_zero(1, sizeof(*m), err);

	serve_import_free(TAKE_PTR(*state));
	if (!m)
		return -1;
	m->fd = -1;
	m->piece = alloc_bytes(PIECE_SIZE, err);
	if (!m->piece || wire_take_fd(in, &m->fd, err) < 0 ||
	    import_new(read_piece, m, &m->import, err) < 0)
		return -1;
	import_use_skip(m->import, skip_bytes);
	*state = TAKE_PTR(m);
	return 0;
}

/* IMPORTER_NEXT */
static int next(struct serve_import *m, struct wire_out *reply, struct err *err)
{
	struct import_part part;
	int r = import_next(m->import, &part, err);

	if (r < 0)
		return explain(m, err);
	if (wire_put_u64(reply, IMPORTER_TAG_HAS, (uint64_t)r, err) < 0)
		return -1;
	if (r == 0)
		return 0;
	if (wire_put_u64(reply, IMPORTER_TAG_KIND, part.kind, err) < 0 ||
	    wire_put_str(reply, IMPORTER_TAG_NAME, part.name, err) < 0 ||
	    wire_put_u64(reply, IMPORTER_TAG_SIZE, part.size, err) < 0)
		return -1;
	return wire_put_bytes(reply, IMPORTER_TAG_HASH, part.hash, sizeof(part.hash),
			      err);
}

/* IMPORTER_COPY */
static int copy(struct serve_import *m, struct wire_in *in, struct wire_out *reply,
		struct err *err)
{
	_cleanup_close_ int out = -1;
	uint64_t max, done = 0;
	const void *p;
	ssize_t n = 1;

	if (wire_get_u64(in, IMPORTER_TAG_MAX, &max, err) < 0 ||
	    wire_take_fd(in, &out, err) < 0)
		return -1;
	while (done < max && (n = import_read(m->import, &p, err)) > 0) {
		if (fd_write_all(out, p, (size_t)n, err) < 0)
			return -1;
		done += (uint64_t)n;
	}
	return n < 0 ? -1 : wire_put_u64(reply, IMPORTER_TAG_SIZE, done, err);
}

bool serve_import_takes(unsigned type)
{
	return type >= IMPORTER_BEGIN && type <= IMPORTER_END;
}

int serve_import_request(struct serve_import **state, struct wire_in *in,
			 struct wire_out *reply, struct err *err)
{
	if (in->type == IMPORTER_BEGIN)
		return begin(state, in, err);
	if (!*state)
		return err_set(err, ERR_CORRUPT, "no stream was begun");
	switch ((enum importer_type)in->type) {
	case IMPORTER_NEXT:
		return next(*state, reply, err);
	case IMPORTER_COPY:
		return copy(*state, in, reply, err);
	case IMPORTER_BEGIN:
	case IMPORTER_END:
		break;
	}
	serve_import_free(TAKE_PTR(*state));
	return 0;
}
