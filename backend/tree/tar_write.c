/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/tar_write.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* A ustar header block. */
struct ustar {
	char name[100];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char checksum[8];
	char typeflag;
	char linkname[100];
	char magic[6];
	char version[2];
	char uname[32];
	char gname[32];
	char devmajor[8];
	char devminor[8];
	char prefix[155];
	char unused[12];
};

_Static_assert(sizeof(struct ustar) == TAR_BLOCK, "a header is one block");

/* What fields of 8 and 12 bytes hold, with their final NUL. */
#define OCTAL_7_MAX  07777777u
#define OCTAL_11_MAX 077777777777u

/* Decimal digits of a 64-bit number, sign and NUL. */
#define NUMBER_TEXT 24

unsigned tar_padding(uint64_t n)
{
	return (unsigned)(-n % TAR_BLOCK);
}

/* Fills a field with octal digits and a NUL; what does not fit becomes the largest that
 * does. */
static void put_octal(char *field, size_t n, uint64_t value)
{
	uint64_t max = ((uint64_t)1 << (3 * (n - 1))) - 1;

	if (value > max)
		value = max;
	field[n - 1] = '\0';
	for (size_t i = n - 1; i-- > 0; value >>= 3)
		field[i] = (char)('0' + (value & 7));
}

#define PUT_OCTAL(field, value) put_octal((field), sizeof(field), (value))

/* Magic and checksum: the last things to go into a header. */
static void seal(struct ustar *h)
{
	const unsigned char *bytes = (const unsigned char *)h;
	unsigned sum = 0;

	memcpy(h->magic, "ustar", sizeof(h->magic));
	memcpy(h->version, "00", sizeof(h->version));
	memset(h->checksum, ' ', sizeof(h->checksum));
	for (size_t i = 0; i < sizeof(*h); i++)
		sum += bytes[i];
	/* Six digits, NUL, blank: the form that all readers take. */
	put_octal(h->checksum, sizeof(h->checksum) - 1, sum);
}

/* Appends n zero bytes; the position of the first in *ret. */
static int add_zeros(struct buf *out, size_t n, size_t *ret, struct err *err)
{
	char *p = buf_reserve(out, n, err);

	if (!p)
		return -1;
	memset(p, 0, n);
	*ret = out->len;
	buf_advance(out, n);
	return 0;
}

/* Fills the last block. */
static int pad(struct buf *out, size_t from, struct err *err)
{
	size_t at;

	return add_zeros(out, tar_padding(out->len - from), &at, err);
}

/* Number of decimal digits. */
static size_t digits(size_t n)
{
	size_t count = 1;

	while (n >= 10) {
		n /= 10;
		count++;
	}
	return count;
}

/* Appends a decimal number. */
static char *put_decimal(char *p, uint64_t value)
{
	char text[NUMBER_TEXT];
	size_t n = 0;

	do
		text[n++] = (char)('0' + value % 10);
	while (value /= 10);
	while (n > 0)
		*p++ = text[--n];
	return p;
}

/* Appends one record: its own length, keyword and value. */
static int add_record(struct buf *out, const char *key, const void *value, size_t n,
		      struct err *err)
{
	size_t key_len = strlen(key), len = 3 + key_len + n, total = len + digits(len);
	char *start, *p;

	/* The length counts its own digits, and may get one more by that. */
	total = len + digits(total);
	start = p = buf_reserve(out, total, err);
	if (!p)
		return -1;
	p = put_decimal(p, total);
	*p++ = ' ';
	memcpy(p, key, key_len);
	p += key_len;
	*p++ = '=';
	memcpy(p, value, n);
	p += n;
	*p++ = '\n';
	assert((size_t)(p - start) == total);
	buf_advance(out, total);
	return 0;
}

static int add_text(struct buf *out, const char *key, const char *value, struct err *err)
{
	return add_record(out, key, value, strlen(value), err);
}

static int add_number(struct buf *out, const char *key, uint64_t value, struct err *err)
{
	char text[NUMBER_TEXT];

	return add_record(out, key, text, (size_t)(put_decimal(text, value) - text), err);
}

/* A time as a decimal fraction: of -1.25 s the kernel says -2 s and 750,000,000 ns. */
static int add_mtime(struct buf *out, const struct timespec *t, struct err *err)
{
	bool negative = t->tv_sec < 0;
	uint64_t sec = (uint64_t)t->tv_sec, nsec = (uint64_t)t->tv_nsec;
	char text[2 * NUMBER_TEXT], *p = text;

	if (negative) {
		sec = -sec;
		if (nsec) {
			sec--;
			nsec = 1000000000 - nsec;
		}
		*p++ = '-';
	}
	p = put_decimal(p, sec);
	if (nsec) {
		*p++ = '.';
		for (uint64_t unit = 100000000; nsec; unit /= 10) {
			*p++ = (char)('0' + nsec / unit);
			nsec %= unit;
		}
	}
	return add_record(out, "mtime", text, (size_t)(p - text), err);
}

/* Attribute records; in their names the two characters that the format needs are escaped.
 */
static int add_xattr(struct buf *out, const struct entry_xattr *x, struct err *err)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT;
	int r = buf_add_str(&key, "SCHILY.xattr.", err);

	for (const char *p = x->name; *p && r == 0; p++) {
		if (*p == '%')
			r = buf_add_str(&key, "%25", err);
		else if (*p == '=')
			r = buf_add_str(&key, "%3D", err);
		else
			r = buf_add_byte(&key, *p, err);
	}
	return r < 0 ? -1 : add_record(out, key.data, x->value, x->size, err);
}

static int add_attributes(struct buf *out, const struct entry *e, struct err *err)
{
	if (e->acl_access && add_text(out, "SCHILY.acl.access", e->acl_access, err) < 0)
		return -1;
	if (e->acl_default &&
	    add_text(out, "SCHILY.acl.default", e->acl_default, err) < 0)
		return -1;
	for (size_t i = 0; i < e->n_xattrs; i++) {
		if (add_xattr(out, &e->xattrs[i], err) < 0)
			return -1;
	}
	return 0;
}

static int add_sparse(struct buf *out, const struct entry *e, struct err *err)
{
	if (add_text(out, "GNU.sparse.major", "1", err) < 0 ||
	    add_text(out, "GNU.sparse.minor", "0", err) < 0 ||
	    add_text(out, "GNU.sparse.name", e->path, err) < 0)
		return -1;
	return add_number(out, "GNU.sparse.realsize", e->size, err);
}

/* The last component, as much as fits, behind a directory name: a name for people. */
static void put_made_up_name(struct ustar *h, const char *dir, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t n = strlen(dir);

	memcpy(h->name, dir, n);
	strncpy(h->name + n, slash ? slash + 1 : path, sizeof(h->name) - n);
}

/* Puts a path into name, or cuts it at a slash into prefix and name; false if it does
 * not fit. `slash`: it is a directory's, which ends in one. */
static bool put_path(struct ustar *h, const char *path, bool slash)
{
	size_t len = strlen(path), total = len + slash;
	const char *cut = NULL;

	if (total > sizeof(h->name)) {
		size_t first = total - sizeof(h->name) - 1;

		if (total > sizeof(h->prefix) + 1 + sizeof(h->name))
			return false;
		cut = memchr(path + first, '/', len - first);
		if (!cut || (size_t)(cut - path) > sizeof(h->prefix) || cut == path)
			return false;
		memcpy(h->prefix, path, (size_t)(cut - path));
		len -= (size_t)(cut + 1 - path);
		path = cut + 1;
	}
	memcpy(h->name, path, len);
	if (slash)
		h->name[len] = '/';
	return true;
}

/* The path record, with the slash that directories end in. */
static int add_path(struct buf *out, const struct entry *e, struct err *err)
{
	size_t len = strlen(e->path), at = out->len;

	if (e->type != ENTRY_DIR)
		return add_record(out, "path", e->path, len, err);
	/* Made one longer, then the NUL that was taken along becomes the slash. */
	if (add_record(out, "path", e->path, len + 1, err) < 0)
		return -1;
	assert(out->len - at > 2);
	out->data[out->len - 2] = '/';
	return 0;
}

/* Name, type, link and size, with the records for what does not fit. */
static int put_name(struct ustar *h, struct buf *out, const struct entry *e,
		    uint64_t size, struct err *err)
{
	if (e->sparse) {
		put_made_up_name(h, "GNUSparseFile.0/", e->path);
		if (add_sparse(out, e, err) < 0)
			return -1;
	} else if (!put_path(h, e->path, e->type == ENTRY_DIR)) {
		put_made_up_name(h, "", e->path);
		if (add_path(out, e, err) < 0)
			return -1;
	}
	if (e->type == ENTRY_SYMLINK || e->type == ENTRY_HARDLINK) {
		size_t n = strlen(e->target);

		if (n > sizeof(h->linkname) &&
		    add_record(out, "linkpath", e->target, n, err) < 0)
			return -1;
		memcpy(h->linkname, e->target,
		       n < sizeof(h->linkname) ? n : sizeof(h->linkname));
	}
	if (size > OCTAL_11_MAX && add_number(out, "size", size, err) < 0)
		return -1;
	PUT_OCTAL(h->size, size);
	return 0;
}

/* One name of an owner; ustar's field ends with a NUL. */
static int put_owner_name(char *field, size_t field_size, const char *key,
			  const char *name, struct buf *out, struct err *err)
{
	size_t n = name ? strlen(name) : 0;

	if (n >= field_size)
		return add_record(out, key, name, n, err);
	if (n)
		memcpy(field, name, n);
	return 0;
}

/* Mode, owners and time, with the records for what does not fit. */
static int put_attributes(struct ustar *h, struct buf *out, const struct entry *e,
			  struct err *err)
{
	const struct timespec *t = &e->mtime;

	PUT_OCTAL(h->mode, e->mode & 07777);
	PUT_OCTAL(h->uid, e->uid);
	PUT_OCTAL(h->gid, e->gid);
	PUT_OCTAL(h->mtime, t->tv_sec < 0 ? 0 : (uint64_t)t->tv_sec);
	if (e->uid > OCTAL_7_MAX && add_number(out, "uid", e->uid, err) < 0)
		return -1;
	if (e->gid > OCTAL_7_MAX && add_number(out, "gid", e->gid, err) < 0)
		return -1;
	if (put_owner_name(h->uname, sizeof(h->uname), "uname", e->user, out, err) < 0 ||
	    put_owner_name(h->gname, sizeof(h->gname), "gname", e->group, out, err) < 0)
		return -1;
	if ((t->tv_nsec || t->tv_sec < 0 || (uint64_t)t->tv_sec > OCTAL_11_MAX) &&
	    add_mtime(out, t, err) < 0)
		return -1;
	return add_attributes(out, e, err);
}

/* Type flag and device numbers. */
static int put_type(struct ustar *h, const struct entry *e, struct err *err)
{
	static const char flags[] = {
		[ENTRY_FILE] = '0',     [ENTRY_DIR] = '5',  [ENTRY_SYMLINK] = '2',
		[ENTRY_HARDLINK] = '1', [ENTRY_FIFO] = '6', [ENTRY_CHAR] = '3',
		[ENTRY_BLOCK] = '4',
	};
	bool device = e->type == ENTRY_CHAR || e->type == ENTRY_BLOCK;

	h->typeflag = flags[e->type];
	if (device && (e->major > OCTAL_7_MAX || e->minor > OCTAL_7_MAX))
		return err_set(err, ERR_UNSUPPORTED,
			       "device numbers are too large for tar");
	PUT_OCTAL(h->devmajor, device ? e->major : 0);
	PUT_OCTAL(h->devminor, device ? e->minor : 0);
	return 0;
}

/* Appends the map of a sparse file: the number of its entries, then offset and size of
 * each, one number a line; what it takes, padding included, in *ret.  The last entry
 * tells the file's end, without which GNU tar would cut a trailing hole off. */
static int add_map(struct buf *out, const struct entry *e, uint64_t *ret, struct err *err)
{
	size_t start = out->len, n = (e->n_extents + 1) * 2 + 1;
	char *p = buf_reserve(out, n * NUMBER_TEXT, err), *from = p;

	if (!p)
		return -1;
	p = put_decimal(p, e->n_extents + 1);
	*p++ = '\n';
	for (size_t i = 0; i <= e->n_extents; i++) {
		bool end = i == e->n_extents;

		p = put_decimal(p, end ? e->size : e->extents[i].offset);
		*p++ = '\n';
		p = put_decimal(p, end ? 0 : e->extents[i].length);
		*p++ = '\n';
	}
	buf_advance(out, (size_t)(p - from));
	if (pad(out, start, err) < 0)
		return -1;
	*ret = out->len - start;
	return 0;
}

/* Makes the block that announces the extended header, whose records end `out`; or takes
 * the block away again where there are no records. */
static int finish_extended(struct buf *out, size_t at, struct err *err)
{
	size_t first = at + TAR_BLOCK, size = out->len - first;
	struct ustar *h;

	if (size == 0) {
		buf_cut(out, at);
		return 0;
	}
	if (pad(out, first, err) < 0)
		return -1;
	h = (struct ustar *)(out->data + at);
	/* Nobody reads this name.  The same one each time makes headers that shrink to
	 * next to nothing: a tree of small files is one of headers, too. */
	memcpy(h->name, "PaxHeaders", sizeof("PaxHeaders"));
	PUT_OCTAL(h->mode, 0644);
	PUT_OCTAL(h->uid, 0);
	PUT_OCTAL(h->gid, 0);
	PUT_OCTAL(h->size, size);
	PUT_OCTAL(h->mtime, 0);
	PUT_OCTAL(h->devmajor, 0);
	PUT_OCTAL(h->devminor, 0);
	h->typeflag = 'x';
	seal(h);
	return 0;
}

int tar_write_header(struct buf *out, const struct entry *e, struct err *err)
{
	struct ustar h = { 0 };
	uint64_t size = e->type == ENTRY_FILE ? e->stored : 0, map_size = 0;
	_cleanup_(buf_done) struct buf map = BUF_INIT;
	size_t at;

	if (e->sparse) {
		if (add_map(&map, e, &map_size, err) < 0)
			return -1;
		size += map_size;
	}
	if (add_zeros(out, TAR_BLOCK, &at, err) < 0 || put_type(&h, e, err) < 0 ||
	    put_name(&h, out, e, size, err) < 0 || put_attributes(&h, out, e, err) < 0 ||
	    finish_extended(out, at, err) < 0)
		return -1;
	seal(&h);
	if (buf_add(out, &h, sizeof(h), err) < 0)
		return -1;
	return map_size ? buf_add(out, map.data, map.len, err) : 0;
}
