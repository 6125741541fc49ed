/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "backend/base/alloc.h"
#include "backend/base/fd.h"
#include "backend/base/quote.h"
#include "backend/base/strings.h"
#include "backend/base/sys.h"
#include "backend/store_internal.h"

#define STATX_WANTED                                                                     \
 (STATX_TYPE | STATX_UID | STATX_SIZE | STATX_INO | STATX_MTIME | STATX_CTIME)

/* A list that grows. */
struct listing {
	struct store_list list;
	uint64_t only; /* 0: all sets */
	bool names;    /* nothing is looked at */
	size_t cap_files, cap_incomplete;
};

static void listing_done(struct listing *l)
{
	store_list_done(&l->list);
}

void store_list_done(struct store_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->files[i].name);
	free(l->files);
	free(l->incomplete);
	memset(l, 0, sizeof(*l));
}

static int add_file(struct listing *l, uint64_t set, const char *name,
		    const struct statx *stx, struct err *err)
{
	struct store_list *list = &l->list;

	if (alloc_grow(&list->files, list->n, &l->cap_files, sizeof(*list->files), err) <
	    0)
		return -1;
	char *copy = alloc_strdup(name, err);
	if (!copy)
		return -1;
	list->files[list->n++] = (struct store_file){
		.set = set,
		.name = copy,
		.uid = stx->stx_uid,
		.size = stx->stx_size,
		.dev = makedev(stx->stx_dev_major, stx->stx_dev_minor),
		.ino = stx->stx_ino,
		.mtime_sec = stx->stx_mtime.tv_sec,
		.mtime_nsec = stx->stx_mtime.tv_nsec,
		.ctime_sec = stx->stx_ctime.tv_sec,
		.ctime_nsec = stx->stx_ctime.tv_nsec,
	};
	return 0;
}

static int add_incomplete(struct listing *l, uint64_t set, struct err *err)
{
	struct store_list *list = &l->list;

	if (alloc_grow(&list->incomplete, list->n_incomplete, &l->cap_incomplete,
		       sizeof(*list->incomplete), err) < 0)
		return -1;
	list->incomplete[list->n_incomplete++] = set;
	return 0;
}

/* Adds what the name stands for, if it is a snapshot or a marker. */
static int add_name(struct store *s, struct listing *l, const char *name, struct err *err)
{
	uint64_t marked = store_marker_set(name);
	uint64_t set = marked ? marked : store_name_set(name);
	struct statx stx;

	if (set == 0)
		return 0;
	if (set > l->list.highest)
		l->list.highest = set;
	if (l->names || (l->only != 0 && set != l->only))
		return 0;
	if (sys_statx(s->fd, name, AT_SYMLINK_NOFOLLOW, STATX_WANTED, &stx) < 0) {
		if (errno == ENOENT)
			return 0;
		return err_errno(err, "cannot examine %s", q(name));
	}
	if (!S_ISREG(stx.stx_mode))
		return 0;
	return marked ? add_incomplete(l, set, err) : add_file(l, set, name, &stx, err);
}

static int by_set_and_name(const void *a, const void *b)
{
	const struct store_file *x = a, *y = b;

	if (x->set != y->set)
		return x->set < y->set ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Leaves each set once: a directory that changes may give a name twice. */
static void settle_incomplete(struct store_list *list)
{
	size_t kept = 0;

	if (list->n_incomplete > 0)
		qsort(list->incomplete, list->n_incomplete, sizeof(*list->incomplete),
		      by_number);
	for (size_t i = 0; i < list->n_incomplete; i++) {
		if (kept == 0 || list->incomplete[i] != list->incomplete[kept - 1])
			list->incomplete[kept++] = list->incomplete[i];
	}
	list->n_incomplete = kept;
}

/* Sorts, and leaves out doubles and the files of sets that are not complete.  Only
 * after all names are known: a marker may come after the files that it hides. */
static void settle_files(struct store_list *list)
{
	size_t kept = 0, k = 0;

	if (list->n > 0)
		qsort(list->files, list->n, sizeof(*list->files), by_set_and_name);
	for (size_t i = 0; i < list->n; i++) {
		struct store_file *file = &list->files[i];
		while (k < list->n_incomplete && list->incomplete[k] < file->set)
			k++;
		if ((k < list->n_incomplete && list->incomplete[k] == file->set) ||
		    (kept > 0 && strcmp(list->files[kept - 1].name, file->name) == 0))
			free(file->name);
		else
			list->files[kept++] = *file;
	}
	list->n = kept;
}

/* Fills in an empty list. */
static int read_names(struct store *s, struct listing *l, struct err *err)
{
	_cleanup_(strings_done) struct strings names = STRINGS_INIT;
	_cleanup_close_ int fd = -1;

	/* A description of its own: where it stands in the directory is nobody else's. */
	fd = fd_open_dir_at(s->fd, ".", err);
	if (fd < 0 || fd_list_dir(fd, SIZE_MAX, &names, err) < 0)
		return err_wrap(err, "store %s", q(s->path));
	for (size_t i = 0; i < names.n; i++) {
		if (add_name(s, l, names.items[i], err) < 0)
			return err_wrap(err, "store %s", q(s->path));
	}
	if (store_read_last_set(s, &l->list.last_set, &l->list.last_set_damaged, err) < 0)
		return -1;
	if (l->list.last_set > l->list.highest)
		l->list.highest = l->list.last_set;
	settle_incomplete(&l->list);
	settle_files(&l->list);
	return 0;
}

/* store_list(), of all sets or one. */
static int list(struct store *s, uint64_t only, struct store_list *ret, struct err *err)
{
	_cleanup_(listing_done) struct listing l = { .only = only };

	if (read_names(s, &l, err) < 0)
		return -1;
	*ret = l.list;
	l.list = (struct store_list){ 0 };
	return 0;
}

int store_list(struct store *s, struct store_list *ret, struct err *err)
{
	return list(s, 0, ret, err);
}

int store_list_set(struct store *s, uint64_t set, struct store_list *ret, struct err *err)
{
	return list(s, set, ret, err);
}

int store_highest(struct store *s, uint64_t *ret, struct err *err)
{
	_cleanup_(listing_done) struct listing l = { .names = true };

	if (read_names(s, &l, err) < 0)
		return -1;
	*ret = l.list.highest;
	return 0;
}

int store_look_at(struct store *s, uint64_t set, const char *const *names, size_t n,
		  struct store_list *ret, struct err *err)
{
	_cleanup_(listing_done) struct listing l = { .only = set };

	for (size_t i = 0; i < n; i++)
		if (add_name(s, &l, names[i], err) < 0)
			return err_wrap(err, "store %s", q(s->path));
	settle_files(&l.list);
	if (l.list.n != n)
		return err_set(err, ERR_NOT_FOUND, "a file of set %llu is gone",
			       (unsigned long long)set);
	*ret = l.list;
	l.list = (struct store_list){ 0 };
	return 0;
}
