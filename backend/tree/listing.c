/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/listing.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/sys.h"

#define DIRENTS_SIZE ((size_t)64 << 10)

int listing_init(struct listing *l, struct err *err)
{
	char *dirents = alloc_bytes(DIRENTS_SIZE, err);

	if (!dirents)
		return -1;
	*l = (struct listing){ .text = BUF_INIT, .dirents = dirents };
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

int listing_push(struct listing *l, int fd, struct listing_mark *ret, struct err *err)
{
	struct listing_mark mark = { .n = l->n, .text_len = l->text.len };
	ssize_t filled;
	int r = 0;

	for (;;) {
		filled = sys_getdents(fd, l->dirents, DIRENTS_SIZE);
		if (filled < 0 && errno == EINTR)
			continue;
		if (filled <= 0)
			break;
		if (add_dirents(l, (size_t)filled, err) < 0) {
			r = -1;
			break;
		}
	}
	/* ENOENT: the directory was removed while it was open. */
	if (filled < 0 && errno != ENOENT)
		r = err_errno(err, "cannot read directory");
	sort(l, mark.n);
	*ret = mark;
	return r;
}

void listing_pop(struct listing *l, const struct listing_mark *mark)
{
	l->n = mark->n;
	if (l->text.len > mark->text_len)
		buf_cut(&l->text, mark->text_len);
}
