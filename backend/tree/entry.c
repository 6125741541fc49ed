/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/entry.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"

#define ARRAY_FIRST 8

/* As ext4 has them, which others are not far from. */
#define ALLOCATION_BLOCK     UINT64_C(4096)
#define INODE_LINK_MAX       60 /* bytes of a link's target in the inode itself */
#define INODE_ATTRIBUTES_MAX 96 /* bytes of attributes in the inode itself */

void entry_init(struct entry *e)
{
	memset(e, 0, sizeof(*e));
}

void entry_done(struct entry *e)
{
	for (size_t i = 0; i < e->n_xattrs; i++) {
		free(e->xattrs[i].name);
		free(e->xattrs[i].value);
	}
	free(e->xattrs);
	free(e->extents);
	free(e->path);
	free(e->target);
	free(e->user);
	free(e->group);
	free(e->acl_access);
	free(e->acl_default);
	entry_init(e);
}

/* Makes room for an element behind n others.  An array of n elements has room for the
 * next power of two, ARRAY_FIRST at least, so that no capacity needs to be kept. */
static int grow(void *arrayp, size_t n, size_t size, struct err *err)
{
	void *array;
	size_t room;

	if (n == 0)
		room = ARRAY_FIRST;
	else if (n >= ARRAY_FIRST && (n & (n - 1)) == 0)
		room = 2 * n;
	else
		return 0;
	memcpy(&array, arrayp, sizeof(array));
	array = alloc_resize(array, room, size, err);
	if (!array)
		return -1;
	memcpy(arrayp, &array, sizeof(array));
	return 0;
}

int entry_add_xattr(struct entry *e, const char *name, const void *value, size_t size,
		    struct err *err)
{
	_cleanup_free_ char *name_copy = NULL;
	_cleanup_free_ void *value_copy = NULL;
	size_t total = strlen(name) + size;

	if (size > ENTRY_XATTR_MAX)
		return err_set(err, ERR_NO_SPACE,
			       "extended attribute %s is longer than %u bytes", q(name),
			       ENTRY_XATTR_MAX);
	for (size_t i = 0; i < e->n_xattrs; i++)
		total += strlen(e->xattrs[i].name) + e->xattrs[i].size;
	if (total > ENTRY_XATTRS_MAX)
		return err_set(err, ERR_NO_SPACE,
			       "extended attributes take more than %u bytes",
			       ENTRY_XATTRS_MAX);

	name_copy = alloc_strdup(name, err);
	if (!name_copy)
		return -1;
	value_copy = alloc_memdup(value, size, err);
	if (!value_copy)
		return -1;
	if (grow(&e->xattrs, e->n_xattrs, sizeof(*e->xattrs), err) < 0)
		return -1;
	e->xattrs[e->n_xattrs++] = (struct entry_xattr){ .name = TAKE_PTR(name_copy),
							 .value = TAKE_PTR(value_copy),
							 .size = size };
	return 0;
}

int entry_add_extent(struct entry *e, uint64_t offset, uint64_t length, struct err *err)
{
	uint64_t end = 0;
	struct entry_extent *last = e->n_extents ? &e->extents[e->n_extents - 1] : NULL;

	if (last)
		end = last->offset + last->length;
	if (offset < end)
		return err_set(err, ERR_CORRUPT, "sparse map is not in order");
	if (offset > ENTRY_SIZE_MAX || length > ENTRY_SIZE_MAX - offset)
		return err_set(err, ERR_CORRUPT,
			       "sparse map goes beyond any file's size");
	e->sparse = true;
	if (length == 0)
		return 0;
	if (last && offset == end) {
		last->length += length;
		return 0;
	}
	if (e->n_extents >= ENTRY_EXTENTS_MAX)
		return err_set(err, ERR_NO_SPACE, "sparse map has more than %u extents",
			       ENTRY_EXTENTS_MAX);
	if (grow(&e->extents, e->n_extents, sizeof(*e->extents), err) < 0)
		return -1;
	e->extents[e->n_extents++] = (struct entry_extent){ offset, length };
	return 0;
}

/* Bytes of the blocks that a range touches. */
static uint64_t blocks_of(uint64_t offset, uint64_t length)
{
	const uint64_t mask = ALLOCATION_BLOCK - 1;

	return length ? ((offset + length + mask) & ~mask) - (offset & ~mask) : 0;
}

/* Bytes of attributes, as far as they take blocks of their own. */
static uint64_t attributes_of(const struct entry *e)
{
	uint64_t n = 0;

	for (size_t i = 0; i < e->n_xattrs; i++)
		n += strlen(e->xattrs[i].name) + e->xattrs[i].size;
	n += e->acl_access ? strlen(e->acl_access) : 0;
	n += e->acl_default ? strlen(e->acl_default) : 0;
	return n > INODE_ATTRIBUTES_MAX ? n : 0;
}

uint64_t entry_allocated(const struct entry *e)
{
	uint64_t bytes = blocks_of(0, attributes_of(e));

	if (e->type == ENTRY_HARDLINK)
		return 0;
	if (e->type == ENTRY_DIR)
		return bytes + ALLOCATION_BLOCK;
	if (e->type == ENTRY_SYMLINK && strlen(e->target) >= INODE_LINK_MAX)
		return bytes + ALLOCATION_BLOCK;
	if (e->type == ENTRY_FILE && !e->sparse)
		return bytes + blocks_of(0, e->size);
	for (size_t i = 0; i < e->n_extents; i++)
		bytes += blocks_of(e->extents[i].offset, e->extents[i].length);
	return bytes;
}

bool entry_path_is_legal(const char *path)
{
	const char *p = path;

	for (;;) {
		size_t n = strcspn(p, "/");

		if (n == 0 || (n == 1 && p[0] == '.') ||
		    (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		p += n;
		if (*p == '\0')
			return p - path <= ENTRY_PATH_MAX;
		p++;
	}
}

bool entry_path_is_below(const char *path, const char *top)
{
	size_t n = strlen(top);

	if (n == 0)
		return true;
	return strncmp(path, top, n) == 0 && (path[n] == '\0' || path[n] == '/');
}
