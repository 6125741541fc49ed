/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/tar_read.h"

#include <inttypes.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/buf.h"
#include "backend/base/quote.h"
#include "backend/tree/tar_header.h"
#include "backend/tree/tar_input.h"
#include "backend/tree/tar_pax.h"
#include "backend/tree/tar_sparse.h"
#include "backend/tree/tar_write.h"

struct tar_reader {
	struct tar_input in;
	struct entry e;        /* the current one */
	struct tar_pax global; /* of g headers so far */
	bool ended;

	/* Of a stream that may hold several archives. */
	bool many, more;
	uint8_t first[TAR_BLOCK]; /* of the one that follows, where `more` */

	/* What precedes the next entry's own header. */
	struct tar_pax pax;
	char *long_name, *long_link;
	bool has_pax;

	/* The current file's data. */
	uint64_t left;     /* bytes in the stream, without padding */
	unsigned padding;  /* after them */
	size_t extent;     /* sparse: the one being read, and how far */
	uint64_t position; /* sparse: within the extent; else within the file */
};

int tar_reader_new(tar_source source, void *ctx, struct tar_reader **ret, struct err *err)
{
	struct tar_reader *t = alloc_zero(1, sizeof(*t), err);

	if (!t)
		return -1;
	t->in.source = source;
	t->in.ctx = ctx;
	*ret = t;
	return 0;
}

/* Forgets what stood before an entry. */
static void drop_preface(struct tar_reader *t)
{
	tar_pax_done(&t->pax);
	t->has_pax = false;
	free(t->long_name);
	free(t->long_link);
	t->long_name = t->long_link = NULL;
}

void tar_reader_use_skip(struct tar_reader *t, tar_skipper skip)
{
	t->in.skip = skip;
}

void tar_reader_allow_more(struct tar_reader *t)
{
	t->many = true;
}

bool tar_reader_has_more(const struct tar_reader *t)
{
	return t->ended && t->more;
}

void tar_reader_free(struct tar_reader *t)
{
	if (!t)
		return;
	drop_preface(t);
	tar_pax_done(&t->global);
	entry_done(&t->e);
	free(t);
}

/* Zeros up to the end of the stream, or to the first header of another archive. */
static int read_padding(struct tar_reader *t, struct err *err)
{
	const uint8_t *p;
	int r;

	while ((r = tar_input_block(&t->in, &p, err)) > 0) {
		if (tar_header_is_zero(p))
			continue;
		memcpy(t->first, p, sizeof(t->first));
		t->more = true;
		return 0;
	}
	return r;
}

/* Zeros up to the end of the stream. */
static int read_zeros(struct tar_reader *t, struct err *err)
{
	const uint8_t *p;
	ssize_t n;

	while ((n = tar_input_peek(&t->in, &p, err)) > 0) {
		if (p[0] != 0 || memcmp(p, p + 1, (size_t)n - 1) != 0)
			return err_set(err, ERR_CORRUPT, "archive goes on after its end");
		tar_input_take(&t->in, (size_t)n);
	}
	return n < 0 ? -1 : 0;
}

/* Everything after the first zero block: one more, then what may follow. */
static int read_end(struct tar_reader *t, struct err *err)
{
	const uint8_t *p;
	int r;

	if (t->has_pax || t->long_name || t->long_link)
		return err_set(err, ERR_CORRUPT,
			       "archive ends with an extended header without an entry");
	r = tar_input_block(&t->in, &p, err);
	if (r <= 0)
		return r < 0 ? -1 : tar_input_cut(&t->in, err);
	if (!tar_header_is_zero(p))
		return err_set(err, ERR_CORRUPT, "archive has a lone zero block");
	if ((t->many ? read_padding(t, err) : read_zeros(t, err)) < 0)
		return -1;
	t->ended = true;
	return 0;
}

/* The next header block: what read_padding() met, else the stream's. */
static int next_block(struct tar_reader *t, const uint8_t **ret, struct err *err)
{
	if (!t->more)
		return tar_input_block(&t->in, ret, err);
	t->more = false;
	*ret = t->first;
	return 1;
}

/* The contents of an extended header or long name, with a limit; a NUL is put behind. */
static int read_contents(struct tar_reader *t, uint64_t size, size_t max, char **ret,
			 struct err *err)
{
	_cleanup_free_ char *text = NULL;

	if (size > max)
		return err_set(err, ERR_CORRUPT,
			       "extended header of %" PRIu64 " bytes is too long", size);
	text = alloc_bytes((size_t)size + 1, err);
	if (!text)
		return -1;
	if (tar_input_read(&t->in, text, (size_t)size, err) < 0 ||
	    tar_input_skip(&t->in, tar_padding(size), err) < 0)
		return -1;
	text[size] = '\0';
	*ret = TAKE_PTR(text);
	return 0;
}

static int read_pax(struct tar_reader *t, const struct tar_header *h, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	bool global = h->type == 'g';

	if (t->has_pax || (global && (t->long_name || t->long_link)))
		return err_set(err, ERR_CORRUPT, "two extended headers for one entry");
	if (read_contents(t, h->size, TAR_PAX_MAX, &text, err) < 0)
		return -1;
	t->has_pax = !global;
	return tar_pax_parse(global ? &t->global : &t->pax, global, text, (size_t)h->size,
			     err);
}

/* GNU's L and K: the name with a NUL behind it. */
static int read_long(struct tar_reader *t, const struct tar_header *h, struct err *err)
{
	char **where = h->type == 'L' ? &t->long_name : &t->long_link;
	_cleanup_free_ char *text = NULL;
	size_t n;

	if (*where)
		return err_set(err, ERR_CORRUPT, "two long names for one entry");
	/* A slash behind a directory's name, and the NUL. */
	if (read_contents(t, h->size, ENTRY_PATH_MAX + 2, &text, err) < 0)
		return -1;
	n = strlen(text);
	for (size_t i = n; i < h->size; i++) {
		if (text[i] != '\0')
			return err_set(err, ERR_CORRUPT, "long name holds a NUL");
	}
	*where = TAKE_PTR(text);
	return 0;
}

/* The type of what a header announces; what is none is named. */
static int entry_type_of(const struct tar_header *h, enum entry_type *ret,
			 struct err *err)
{
	static const struct {
		char flag;
		enum entry_type type;
	} types[] = {
		{ '0', ENTRY_FILE }, { '5', ENTRY_DIR },  { '2', ENTRY_SYMLINK },
		{ 'S', ENTRY_FILE }, { '7', ENTRY_FILE }, { '1', ENTRY_HARDLINK },
		{ '6', ENTRY_FIFO }, { '3', ENTRY_CHAR }, { '4', ENTRY_BLOCK },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (types[i].flag == h->type) {
			*ret = types[i].type;
			return 0;
		}
	}
	return err_set(err, ERR_UNSUPPORTED, "entry of an unknown type %s",
		       qn(&h->type, 1));
}

/* Path and link target: whoever says it first of pax, long name and header. */
static int take_names(struct tar_reader *t, const uint8_t *block,
		      const struct tar_header *h, struct err *err)
{
	struct entry *e = &t->e;

	if (t->pax.sparse_name) {
		free(e->path);
		e->path = TAKE_PTR(t->pax.sparse_name);
	}
	if (!e->path)
		e->path = TAKE_PTR(t->long_name);
	if (!e->path && tar_header_name(block, h->format, &e->path, err) < 0)
		return -1;
	if (e->type != ENTRY_SYMLINK && e->type != ENTRY_HARDLINK) {
		free(e->target);
		e->target = NULL;
		return 0;
	}
	if (!e->target)
		e->target = TAKE_PTR(t->long_link);
	if (!e->target && tar_header_link(block, &e->target, err) < 0)
		return -1;
	return 0;
}

/* Legal names; a directory's final slash goes, and makes a plain file a directory. */
static int check_names(struct tar_reader *t, const struct tar_header *h, struct err *err)
{
	struct entry *e = &t->e;
	size_t n = strlen(e->path);

	if (n > 1 && e->path[n - 1] == '/' && (e->type == ENTRY_DIR || h->type == '0')) {
		e->type = ENTRY_DIR;
		e->path[n - 1] = '\0';
	}
	if (!entry_path_is_legal(e->path))
		return err_set(err, ERR_CORRUPT, "archive entry has an illegal path %s",
			       q(e->path));
	if (e->type == ENTRY_HARDLINK && !entry_path_is_legal(e->target))
		return err_set(err, ERR_CORRUPT, "hard link has an illegal target %s",
			       q(e->target));
	if (e->type == ENTRY_SYMLINK && e->target[0] == '\0')
		return err_set(err, ERR_CORRUPT, "symbolic link has no target");
	return 0;
}

/* Owners and time: local header, global header, the block itself. */
static int take_attributes(struct tar_reader *t, const uint8_t *block,
			   const struct tar_header *h, struct err *err)
{
	struct entry *e = &t->e;
	const struct tar_pax *g = &t->global;
	unsigned said = t->pax.said;

	e->mode = h->mode;
	if (!(said & TAR_PAX_UID))
		e->uid = g->said & TAR_PAX_UID ? g->e.uid : h->uid;
	if (!(said & TAR_PAX_GID))
		e->gid = g->said & TAR_PAX_GID ? g->e.gid : h->gid;
	if (!(said & TAR_PAX_MTIME)) {
		e->mtime = (struct timespec){ .tv_sec = (time_t)h->mtime };
		if (g->said & TAR_PAX_MTIME)
			e->mtime = g->e.mtime;
	}
	e->major = h->major;
	e->minor = h->minor;
	for (int group = 0; group < 2; group++) {
		unsigned bit = group ? TAR_PAX_GROUP : TAR_PAX_USER;
		const char *of_all = group ? g->e.group : g->e.user;
		char **name = group ? &e->group : &e->user;

		if (said & bit)
			continue;
		if (!(g->said & bit)) {
			if (tar_header_owner(block, h->format, group, name, err) < 0)
				return -1;
		} else if (of_all) {
			*name = alloc_strdup(of_all, err);
			if (!*name)
				return -1;
		}
	}
	return 0;
}

/* Size and map of a file that pax says is sparse. */
static int take_pax_sparse(struct tar_reader *t, struct err *err)
{
	struct tar_pax *pax = &t->pax;
	bool numbered = pax->said & (TAR_PAX_SPARSE_MAJOR | TAR_PAX_SPARSE_MINOR);

	if (!(pax->said & TAR_PAX_SPARSE_SIZE) || pax->sparse_size > ENTRY_SIZE_MAX)
		return err_set(err, ERR_CORRUPT, "sparse file has no right size");
	t->e.size = pax->sparse_size;
	if (numbered) {
		if (pax->sparse_major != 1 || pax->sparse_minor != 0)
			return err_set(err, ERR_UNSUPPORTED,
				       "sparse file of format %" PRIu64 ".%" PRIu64,
				       pax->sparse_major, pax->sparse_minor);
		if (t->e.sparse)
			return err_set(err, ERR_CORRUPT, "a second sparse map");
		return tar_sparse_read_map(&t->in, &t->e, &t->left, err);
	}
	if (!t->e.sparse || (pax->said & TAR_PAX_SPARSE_OFFSET) ||
	    (!(pax->said & TAR_PAX_SPARSE_MAP) &&
	     (!(pax->said & TAR_PAX_SPARSE_COUNT) ||
	      pax->sparse_count != pax->sparse_pairs)))
		return err_set(err, ERR_CORRUPT, "sparse map is not complete");
	return 0;
}

/* How much data the entry has, and where it belongs. */
static int take_size(struct tar_reader *t, const uint8_t *block,
		     const struct tar_header *h, struct err *err)
{
	const unsigned sparse_said = TAR_PAX_SPARSE_MAJOR | TAR_PAX_SPARSE_MINOR |
				     TAR_PAX_SPARSE_SIZE | TAR_PAX_SPARSE_COUNT |
				     TAR_PAX_SPARSE_OFFSET | TAR_PAX_SPARSE_MAP;
	uint64_t size = t->pax.said & TAR_PAX_SIZE ? t->pax.size : h->size;
	struct entry *e = &t->e;
	bool pax_sparse = (t->pax.said & sparse_said) || e->sparse;

	if (size > ENTRY_SIZE_MAX)
		return err_set(err, ERR_CORRUPT, "size is out of range");
	if (e->type != ENTRY_FILE) {
		if (size != 0 || pax_sparse)
			return err_set(err, ERR_CORRUPT, "has a size, but is not a file");
		return 0;
	}
	if (h->type == 'S' && (pax_sparse || h->format != TAR_GNU))
		return err_set(err, ERR_UNSUPPORTED, "sparse file of an unknown format");
	e->size = size;
	t->left = size;
	t->padding = tar_padding(size);
	if (h->type == 'S' && tar_sparse_read_old(&t->in, block, e, err) < 0)
		return -1;
	if (pax_sparse && take_pax_sparse(t, err) < 0)
		return -1;
	e->stored = t->left;
	return e->sparse ? tar_sparse_check(e, err) : 0;
}

/* An entry of the file system from its own header and what stood before it. */
static int read_entry(struct tar_reader *t, const uint8_t *block,
		      const struct tar_header *h, struct err *err)
{
	enum entry_type type = ENTRY_FILE;

	if (entry_type_of(h, &type, err) < 0)
		return -1;
	if (t->has_pax && (t->long_name || t->long_link))
		return err_set(err, ERR_CORRUPT, "two extended headers for one entry");
	/* What pax said is the entry already; the rest is filled in. */
	t->e = t->pax.e;
	entry_init(&t->pax.e);
	t->e.type = type;
	if (take_names(t, block, h, err) < 0 || check_names(t, h, err) < 0)
		return -1;
	/* Sparse maps may need further blocks, so that this one is looked at last. */
	if (take_attributes(t, block, h, err) < 0 || take_size(t, block, h, err) < 0)
		return err_wrap(err, "archive entry %s", q(t->e.path));
	drop_preface(t);
	return 0;
}

/* Reads headers up to and with the next entry's own.  1, 0 at the end, -1. */
static int read_headers(struct tar_reader *t, struct err *err)
{
	for (;;) {
		const uint8_t *block;
		struct tar_header h;
		uint64_t at = t->in.offset;
		int r = next_block(t, &block, err);

		if (r == 0)
			return tar_input_cut(&t->in, err);
		if (r < 0)
			return -1;
		if (tar_header_is_zero(block))
			return read_end(t, err);
		if (tar_header_parse(block, &h, err) < 0)
			return err_wrap(err, "archive is damaged at byte %" PRIu64, at);
		if (h.type == 'x' || h.type == 'g')
			r = read_pax(t, &h, err);
		else if (h.type == 'L' || h.type == 'K')
			r = read_long(t, &h, err);
		else
			return read_entry(t, block, &h, err) < 0 ? -1 : 1;
		if (r < 0)
			return -1;
	}
}

int tar_read_next(struct tar_reader *t, const struct entry **ret, struct err *err)
{
	int r;

	if (t->ended && !t->more)
		return 0;
	if (t->ended) {
		t->ended = false;
		tar_pax_done(&t->global);
	}
	if (tar_input_skip(&t->in, t->left, err) < 0 ||
	    tar_input_skip(&t->in, t->padding, err) < 0)
		return -1;
	entry_done(&t->e);
	t->left = 0;
	t->padding = 0;
	t->extent = 0;
	t->position = 0;
	r = read_headers(t, err);
	if (r > 0)
		*ret = &t->e;
	return r;
}

ssize_t tar_read_data(struct tar_reader *t, uint64_t *ret_offset, const void **ret,
		      struct err *err)
{
	const struct entry *e = &t->e;
	uint64_t offset = t->position, room = t->left;
	const uint8_t *p;
	ssize_t n;

	if (t->left == 0)
		return 0;
	if (e->sparse) {
		/* The map adds up to what is stored, so that there is an extent. */
		const struct entry_extent *extent = &e->extents[t->extent];

		offset = extent->offset + t->position;
		room = extent->length - t->position;
	}
	n = tar_input_peek(&t->in, &p, err);
	if (n < 0)
		return -1;
	if (n == 0)
		return tar_input_cut(&t->in, err);
	if ((uint64_t)n > room)
		n = (ssize_t)room;
	tar_input_take(&t->in, (size_t)n);
	t->left -= (uint64_t)n;
	t->position += (uint64_t)n;
	if (e->sparse && (uint64_t)n == room) {
		t->extent++;
		t->position = 0;
	}
	*ret_offset = offset;
	*ret = p;
	return n;
}
