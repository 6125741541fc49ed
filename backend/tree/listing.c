/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/listing.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/cleanup.h"
#include "backend/base/sys.h"

#define DIRENTS_SIZE ((size_t)64 << 10)

int listing_init(struct listing *l, struct spill *spill, struct err *err)
{
	char *dirents = alloc_bytes(DIRENTS_SIZE, err);

	if (!dirents)
		return -1;
	*l = (struct listing){ .text = BUF_INIT, .dirents = dirents, .spill = spill };
	return 0;
}

void listing_done(struct listing *l)
{
	free(l->names);
	free(l->dirents);
	buf_done(&l->text);
}

/* The first eight bytes as a number that orders like them. */
static uint64_t key_of(const char *name, size_t len)
{
	unsigned char first[8] = { 0 };
	uint64_t key = 0;

	memcpy(first, name, len < sizeof(first) ? len : sizeof(first));
	for (size_t i = 0; i < sizeof(first); i++)
		key = key << 8 | first[i];
	return key;
}

static int add(struct listing *l, const char *name, unsigned char type, struct err *err)
{
	size_t len = strlen(name);

	/* Names that no path can hold come from a broken or hostile file system only. */
	if (len == 0 || memchr(name, '/', len) || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0)
		return 0;
	if (alloc_grow(&l->names, l->n, &l->cap, sizeof(*l->names), err) < 0)
		return -1;
	l->names[l->n] = (struct listing_name){ .key = key_of(name, len),
						.offset = l->text.len,
						.type = type };
	if (buf_add(&l->text, name, len + 1, err) < 0)
		return -1;
	l->n++;
	return 0;
}

/* Adds all records of one getdents64(2). */
static int add_dirents(struct listing *l, size_t filled, struct err *err)
{
	for (size_t at = 0; at < filled;) {
		const struct dirent64 *d = (const void *)(l->dirents + at);

		if (add(l, d->d_name, d->d_type, err) < 0)
			return -1;
		at += d->d_reclen;
	}
	return 0;
}

/* For qsort_r(); ctx is the text. */
static int compare(const void *pa, const void *pb, void *ctx)
{
	const struct listing_name *a = pa, *b = pb;
	const char *text = ctx;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return strcmp(text + a->offset, text + b->offset);
}

/* Puts the names from `first` on in order, each once. */
static void sort(struct listing *l, size_t first)
{
	size_t n = first;

	if (l->n - first < 2)
		return;
	qsort_r(l->names + first, l->n - first, sizeof(*l->names), compare, l->text.data);
	for (size_t i = first + 1; i < l->n; i++) {
		if (compare(&l->names[n], &l->names[i], l->text.data) != 0)
			l->names[++n] = l->names[i];
	}
	l->n = n + 1;
}

/* Bytes of the names from the mark on. */
static size_t bytes_of(const struct listing *l, const struct listing_mark *mark)
{
	return (l->n - mark->n) * sizeof(*l->names) + l->text.len - mark->text_len;
}

static void cut(struct listing *l, const struct listing_mark *mark)
{
	l->n = mark->n;
	if (l->text.len > mark->text_len)
		buf_cut(&l->text, mark->text_len);
}

/* The names from the mark on go into the file. */
static int put_aside(struct listing *l, struct listing_mark *mark, struct err *err)
{
	sort(l, mark->n);
	if (listing_runs_add(l, mark, err) < 0) {
		l->spill_failed = true;
		return -1;
	}
	cut(l, mark);
	return 0;
}

/* Reads the directory to its end; -1 with what was read so far. */
static int read_names(struct listing *l, int fd, struct listing_mark *mark,
		      struct err *err)
{
	for (;;) {
		ssize_t filled = sys_getdents(fd, l->dirents, DIRENTS_SIZE);

		if (filled < 0 && errno == EINTR)
			continue;
		/* ENOENT: the directory was removed while it was open. */
		if (filled < 0 && errno != ENOENT)
			return err_errno(err, "cannot read directory");
		if (filled <= 0)
			return 0;
		if (add_dirents(l, (size_t)filled, err) < 0 ||
		    (spill_wants(l->spill, 2 * bytes_of(l, mark)) &&
		     put_aside(l, mark, err) < 0))
			return -1;
	}
}

int listing_push(struct listing *l, int fd, struct listing_mark *ret, struct err *err)
{
	_cleanup_(err_clear) struct err second = ERR_INIT;
	struct listing_mark mark = { .n = l->n, .text_len = l->text.len };
	int r = read_names(l, fd, &mark, err);

	if (mark.runs) {
		/* The first failure is the one that counts. */
		if (put_aside(l, &mark, r < 0 ? &second : err) < 0) {
			r = -1;
		} else if (listing_more(l, &mark, r < 0 ? &second : err) < 0) {
			l->spill_failed = true;
			r = -1;
		}
	} else {
		sort(l, mark.n);
	}
	*ret = mark;
	return r;
}

int listing_more(struct listing *l, struct listing_mark *mark, struct err *err)
{
	const char *name = NULL;
	unsigned char type = 0;
	int r;

	if (!mark->runs)
		return 0;
	r = listing_runs_next(mark->runs, &name, &type, err);
	if (r <= 0)
		return r;
	cut(l, mark);
	do {
		if (add(l, name, type, err) < 0)
			return -1;
		if (spill_wants(l->spill, 4 * bytes_of(l, mark)))
			return 1;
		r = listing_runs_next(mark->runs, &name, &type, err);
	} while (r > 0);
	return r < 0 ? -1 : 1;
}

void listing_pop(struct listing *l, struct listing_mark *mark)
{
	listing_runs_free(mark->runs);
	mark->runs = NULL;
	cut(l, mark);
}
