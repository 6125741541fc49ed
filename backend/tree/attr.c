/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/attr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "backend/base/sys.h"
#include "backend/tree/acl.h"

/* Lists and values of this size need no memory of their own. */
#define SMALL 1024

/* An object by descriptor, or by a path where the descriptor is O_PATH. */
struct object {
	int fd;
	bool by_path;
	char path[40];
};

/* What to read, and where it lies: `data` is `small` or `large`. */
struct bytes {
	char small[SMALL];
	char *large;
	char *data;
	size_t n;
};

static void bytes_done(struct bytes *b)
{
	free(b->large);
}

/* The list of names where `name` is NULL, else that attribute's value. */
static ssize_t read_once(struct object *o, const char *name, char *p, size_t n)
{
	ssize_t got;

	if (!o->by_path) {
		got = name ? sys_fgetxattr(o->fd, name, p, n)
			   : sys_flistxattr(o->fd, p, n);
		if (got >= 0 || errno != EBADF)
			return got;
		o->by_path = true;
		snprintf(o->path, sizeof(o->path), "/proc/self/fd/%d", o->fd);
	}
	return name ? sys_getxattr(o->path, name, p, n) : sys_listxattr(o->path, p, n);
}

/* Reads a list or a value of any size; -1 and errno. */
static int read_bytes(struct object *o, const char *name, struct bytes *b,
		      struct err *err)
{
	ssize_t n = read_once(o, name, b->small, sizeof(b->small));

	b->data = b->small;
	if (n < 0 && errno == ERANGE) {
		/* Neither is ever longer than this: no need to ask for the size, which
		 * may have changed by the second call. */
		if (!b->large)
			b->large = alloc_bytes(ENTRY_XATTR_MAX, err);
		if (!b->large)
			return -1;
		n = read_once(o, name, b->large, ENTRY_XATTR_MAX);
		b->data = b->large;
	}
	if (n < 0)
		return -1;
	b->n = (size_t)n;
	return 0;
}

static bool is_taken(const char *name)
{
	return strncmp(name, "user.", 5) == 0 || strncmp(name, "trusted.", 8) == 0 ||
	       strcmp(name, "security.capability") == 0 ||
	       strcmp(name, "security.selinux") == 0;
}

/* Adds one attribute; one that is gone is passed over. */
static int add_value(struct object *o, const char *name, struct entry *e,
		     struct bytes *value, struct err *err)
{
	if (read_bytes(o, name, value, err) == 0)
		return entry_add_xattr(e, name, value->data, value->n, err);
	if (err->kind != ERR_NONE)
		return -1;
	if (errno == ENODATA || errno == EOPNOTSUPP)
		return 0;
	return err_errno(err, "cannot read its extended attribute %s", q(name));
}

/* Adds what the list of names holds. */
static int add_listed(struct object *o, const struct bytes *list, struct owners *owners,
		      struct entry *e, struct err *err)
{
	_cleanup_(bytes_done) struct bytes value = { .large = NULL };
	const char *end = list->data + list->n;

	for (const char *name = list->data; name < end; name += strlen(name) + 1) {
		int r = 0;

		if (is_taken(name))
			r = add_value(o, name, e, &value, err);
		else if (strcmp(name, "system.posix_acl_access") == 0)
			r = acl_read(o->fd, ACL_OF_ACCESS, owners, &e->acl_access, err);
		else if (strcmp(name, "system.posix_acl_default") == 0)
			r = acl_read(o->fd, ACL_OF_DEFAULT, owners, &e->acl_default, err);
		if (r < 0)
			return -1;
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct entry_xattr *)a)->name,
		      ((const struct entry_xattr *)b)->name);
}

int attr_read(int fd, struct owners *owners, struct entry *e, struct err *err)
{
	struct object o = { .fd = fd };
	_cleanup_(bytes_done) struct bytes list;

	list.large = NULL;
	if (read_bytes(&o, NULL, &list, err) < 0) {
		if (err->kind != ERR_NONE)
			return -1;
		if (errno == EOPNOTSUPP || errno == ENOSYS)
			return 0;
		return err_errno(err, "cannot list its extended attributes");
	}
	if (list.n == 0)
		return 0;
	if (add_listed(&o, &list, owners, e, err) < 0)
		return -1;
	/* File systems list them in the order of their making, or by hash. */
	if (e->n_xattrs > 1)
		qsort(e->xattrs, e->n_xattrs, sizeof(*e->xattrs), compare);
	return 0;
}

void attr_clear(struct entry *e)
{
	for (size_t i = 0; i < e->n_xattrs; i++) {
		free(e->xattrs[i].name);
		free(e->xattrs[i].value);
	}
	free(e->xattrs);
	free(e->acl_access);
	free(e->acl_default);
	e->xattrs = NULL;
	e->n_xattrs = 0;
	e->acl_access = e->acl_default = NULL;
}
