/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/tar_pax.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "backend/tree/owners.h"
#include "backend/tree/tar_sparse.h"

#define OWNER_NAME_MAX 1024
#define XATTR_NAME_MAX 255  /* the kernel's */
#define XATTRS_MAX     4096 /* more than any file system lists */

static const char xattr_prefix[] = "SCHILY.xattr.";

void tar_pax_init(struct tar_pax *pax)
{
	memset(pax, 0, sizeof(*pax));
}

void tar_pax_done(struct tar_pax *pax)
{
	entry_done(&pax->e);
	free(pax->sparse_name);
	tar_pax_init(pax);
}

/* Replaces a text by a copy of the value. */
static int set_text(char **text, const char *value, size_t n, size_t max, struct err *err)
{
	char *copy;

	if (memchr(value, '\0', n))
		return err_set(err, ERR_CORRUPT, "value holds a NUL");
	if (n > max)
		return err_set(err, ERR_CORRUPT, "value is longer than %zu bytes", max);
	copy = alloc_strndup(value, n, err);
	if (!copy)
		return -1;
	free(*text);
	*text = copy;
	return 0;
}

/* A text of which an empty one takes away what was said before. */
static int set_optional(char **text, const char *value, size_t n, size_t max,
			struct err *err)
{
	if (set_text(text, value, n, max, err) < 0)
		return -1;
	if (n == 0) {
		free(*text);
		*text = NULL;
	}
	return 0;
}

static int set_owner(struct tar_pax *pax, enum tar_pax_said bit, char **text,
		     const char *value, size_t n, struct err *err)
{
	if (set_optional(text, value, n, OWNER_NAME_MAX, err) < 0)
		return -1;
	pax->said |= bit;
	return 0;
}

static int set_number(struct tar_pax *pax, enum tar_pax_said bit, uint64_t *number,
		      const char *value, size_t n, struct err *err)
{
	if (!tar_sparse_number(value, n, number))
		return err_set(err, ERR_CORRUPT, "value is no number");
	pax->said |= bit;
	return 0;
}

static int set_id(struct tar_pax *pax, enum tar_pax_said bit, uint32_t *id,
		  const char *value, size_t n, struct err *err)
{
	uint64_t v;

	if (set_number(pax, bit, &v, value, n, err) < 0)
		return -1;
	if (v >= OWNER_NO_NUMBER)
		return err_set(err, ERR_CORRUPT, "number is out of range");
	*id = (uint32_t)v;
	return 0;
}

/* Up to nine digits as nanoseconds; further ones are passed over. */
static bool parse_fraction(const char *digits, size_t n, long *ret)
{
	long nsec = 0;

	for (size_t i = 0; i < n; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return false;
	}
	for (size_t i = 0; i < 9; i++)
		nsec = nsec * 10 + (i < n ? digits[i] - '0' : 0);
	*ret = nsec;
	return true;
}

/* Decimal seconds, perhaps negative, perhaps with a fraction. */
static bool parse_time(const char *text, size_t n, struct timespec *ret)
{
	bool negative = n > 0 && text[0] == '-';
	const char *dot;
	uint64_t sec;
	size_t whole;
	long nsec = 0;

	if (negative) {
		text++;
		n--;
	}
	dot = memchr(text, '.', n);
	whole = dot ? (size_t)(dot - text) : n;
	if (!tar_sparse_number(text, whole, &sec) || sec >= INT64_MAX)
		return false;
	if (dot && !parse_fraction(dot + 1, n - whole - 1, &nsec))
		return false;
	/* Nanoseconds count forward, before 1970 too. */
	if (negative && nsec > 0) {
		sec++;
		nsec = 1000000000 - nsec;
	}
	ret->tv_sec = negative ? -(time_t)sec : (time_t)sec;
	ret->tv_nsec = nsec;
	return true;
}

static int set_mtime(struct tar_pax *pax, const char *value, size_t n, struct err *err)
{
	if (!parse_time(value, n, &pax->e.mtime))
		return err_set(err, ERR_CORRUPT, "value is no time");
	pax->said |= TAR_PAX_MTIME;
	return 0;
}

/* Undoes `%25` and `%3D`, which is all that writers encode; other `%` stand for
 * themselves. */
static size_t decode_xattr_name(const char *name, size_t n, char *out)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		char c = name[i];

		if (c == '%' && n - i > 2 && memcmp(name + i, "%3D", 3) == 0)
			c = '=';
		if (c != name[i] || (n - i > 2 && memcmp(name + i, "%25", 3) == 0))
			i += 2;
		out[k++] = c;
	}
	out[k] = '\0';
	return k;
}

static int add_xattr(struct tar_pax *pax, const char *name, size_t name_n,
		     const char *value, size_t n, struct err *err)
{
	char decoded[3 * XATTR_NAME_MAX + 1];

	if (name_n == 0 || name_n > 3 * XATTR_NAME_MAX || memchr(name, '\0', name_n) ||
	    decode_xattr_name(name, name_n, decoded) > XATTR_NAME_MAX)
		return err_set(err, ERR_CORRUPT,
			       "name of an extended attribute is not legal");
	if (pax->e.n_xattrs == XATTRS_MAX)
		return err_set(err, ERR_CORRUPT, "more than %d extended attributes",
			       XATTRS_MAX);
	return entry_add_xattr(&pax->e, decoded, value, n, err);
}

/* GNU.sparse 0.0: a length completes the offset before it. */
static int add_sparse_pair(struct tar_pax *pax, const char *value, size_t n,
			   struct err *err)
{
	uint64_t length;

	if (!(pax->said & TAR_PAX_SPARSE_OFFSET) || !tar_sparse_number(value, n, &length))
		return err_set(err, ERR_CORRUPT, "sparse map is malformed");
	pax->said &= ~(unsigned)TAR_PAX_SPARSE_OFFSET;
	pax->sparse_pairs++;
	return entry_add_extent(&pax->e, pax->sparse_offset, length, err);
}

static int set_sparse_map(struct tar_pax *pax, const char *value, size_t n,
			  struct err *err)
{
	if (pax->e.sparse)
		return err_set(err, ERR_CORRUPT, "a second sparse map");
	pax->said |= TAR_PAX_SPARSE_MAP;
	return tar_sparse_parse_map(value, n, &pax->e, err);
}

/* Names of any bytes are taken as they are; what would need converting is not. */
static int check_charset(const char *value, size_t n, struct err *err)
{
	static const char utf8[] = "ISO-IR 10646 2000 UTF-8";

	if (n == 0 || (n == 6 && memcmp(value, "BINARY", n) == 0) ||
	    (n == sizeof(utf8) - 1 && memcmp(value, utf8, n) == 0))
		return 0;
	return err_set(err, ERR_UNSUPPORTED, "names in another character set");
}

enum key {
	KEY_OTHER,
	KEY_PATH,
	KEY_LINKPATH,
	KEY_SIZE,
	KEY_UID,
	KEY_GID,
	KEY_UNAME,
	KEY_GNAME,
	KEY_MTIME,
	KEY_CHARSET,
	KEY_ACL_ACCESS,
	KEY_ACL_DEFAULT,
	KEY_XATTR,
	KEY_SPARSE_MAJOR,
	KEY_SPARSE_MINOR,
	KEY_SPARSE_NAME,
	KEY_SPARSE_SIZE,
	KEY_SPARSE_COUNT,
	KEY_SPARSE_OFFSET,
	KEY_SPARSE_LENGTH,
	KEY_SPARSE_MAP,
};

static enum key find_key(const char *key, size_t n)
{
	static const struct {
		const char *name;
		enum key key;
	} keys[] = {
		{ "mtime", KEY_MTIME },
		{ "path", KEY_PATH },
		{ "linkpath", KEY_LINKPATH },
		{ "size", KEY_SIZE },
		{ "uid", KEY_UID },
		{ "gid", KEY_GID },
		{ "uname", KEY_UNAME },
		{ "gname", KEY_GNAME },
		{ "hdrcharset", KEY_CHARSET },
		{ "SCHILY.acl.access", KEY_ACL_ACCESS },
		{ "SCHILY.acl.default", KEY_ACL_DEFAULT },
		{ "GNU.sparse.major", KEY_SPARSE_MAJOR },
		{ "GNU.sparse.minor", KEY_SPARSE_MINOR },
		{ "GNU.sparse.name", KEY_SPARSE_NAME },
		{ "GNU.sparse.realsize", KEY_SPARSE_SIZE },
		{ "GNU.sparse.size", KEY_SPARSE_SIZE },
		{ "GNU.sparse.numblocks", KEY_SPARSE_COUNT },
		{ "GNU.sparse.offset", KEY_SPARSE_OFFSET },
		{ "GNU.sparse.numbytes", KEY_SPARSE_LENGTH },
		{ "GNU.sparse.map", KEY_SPARSE_MAP },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		if (strlen(keys[i].name) == n && memcmp(keys[i].name, key, n) == 0)
			return keys[i].key;
	}
	if (n >= sizeof(xattr_prefix) - 1 &&
	    memcmp(key, xattr_prefix, sizeof(xattr_prefix) - 1) == 0)
		return KEY_XATTR;
	return KEY_OTHER;
}

/* Keys of sparse files. */
static int set_sparse(struct tar_pax *pax, enum key key, const char *value, size_t n,
		      struct err *err)
{
	if (key == KEY_SPARSE_NAME)
		return set_text(&pax->sparse_name, value, n, ENTRY_PATH_MAX, err);
	if (key == KEY_SPARSE_MAJOR)
		return set_number(pax, TAR_PAX_SPARSE_MAJOR, &pax->sparse_major, value, n,
				  err);
	if (key == KEY_SPARSE_MINOR)
		return set_number(pax, TAR_PAX_SPARSE_MINOR, &pax->sparse_minor, value, n,
				  err);
	if (key == KEY_SPARSE_SIZE)
		return set_number(pax, TAR_PAX_SPARSE_SIZE, &pax->sparse_size, value, n,
				  err);
	if (key == KEY_SPARSE_COUNT)
		return set_number(pax, TAR_PAX_SPARSE_COUNT, &pax->sparse_count, value, n,
				  err);
	if (key == KEY_SPARSE_OFFSET)
		return set_number(pax, TAR_PAX_SPARSE_OFFSET, &pax->sparse_offset, value,
				  n, err);
	if (key == KEY_SPARSE_LENGTH)
		return add_sparse_pair(pax, value, n, err);
	return set_sparse_map(pax, value, n, err);
}

/* One record of which the key is known. */
static int set_value(struct tar_pax *pax, enum key key, const char *value, size_t n,
		     struct err *err)
{
	struct entry *e = &pax->e;

	if (key == KEY_PATH)
		return set_text(&e->path, value, n, ENTRY_PATH_MAX + 1, err);
	if (key == KEY_LINKPATH)
		return set_text(&e->target, value, n, ENTRY_PATH_MAX, err);
	if (key == KEY_SIZE)
		return set_number(pax, TAR_PAX_SIZE, &pax->size, value, n, err);
	if (key == KEY_UID)
		return set_id(pax, TAR_PAX_UID, &e->uid, value, n, err);
	if (key == KEY_GID)
		return set_id(pax, TAR_PAX_GID, &e->gid, value, n, err);
	if (key == KEY_UNAME)
		return set_owner(pax, TAR_PAX_USER, &e->user, value, n, err);
	if (key == KEY_GNAME)
		return set_owner(pax, TAR_PAX_GROUP, &e->group, value, n, err);
	if (key == KEY_MTIME)
		return set_mtime(pax, value, n, err);
	if (key == KEY_CHARSET)
		return check_charset(value, n, err);
	if (key == KEY_ACL_ACCESS)
		return set_optional(&e->acl_access, value, n, TAR_PAX_MAX, err);
	if (key == KEY_ACL_DEFAULT)
		return set_optional(&e->acl_default, value, n, TAR_PAX_MAX, err);
	return set_sparse(pax, key, value, n, err);
}

/* Whether a global header may say it. */
static bool may_be_global(enum key key)
{
	return key <= KEY_OTHER || (key >= KEY_UID && key <= KEY_CHARSET);
}

static int set_record(struct tar_pax *pax, bool global, const char *key, size_t key_n,
		      const char *value, size_t n, struct err *err)
{
	enum key k = find_key(key, key_n);
	int r = 0;

	if (global && !may_be_global(k))
		r = err_set(err, ERR_UNSUPPORTED, "said for all entries at once");
	else if (k == KEY_XATTR)
		r = add_xattr(pax, key + sizeof(xattr_prefix) - 1,
			      key_n - (sizeof(xattr_prefix) - 1), value, n, err);
	else if (k != KEY_OTHER)
		r = set_value(pax, k, value, n, err);
	return r < 0 ? err_wrap(err, "extended header %s", qn(key, key_n)) : 0;
}

/* The length of the record at p, of which n bytes are there, and where its key begins;
 * 0 if it is malformed. */
static size_t record_length(const char *p, size_t n, const char **ret_key)
{
	const char *blank = memchr(p, ' ', n < 21 ? n : 21);
	uint64_t length;

	if (!blank || !tar_sparse_number(p, (size_t)(blank - p), &length) || length > n ||
	    length < (size_t)(blank - p) + 2 || p[length - 1] != '\n')
		return 0;
	*ret_key = blank + 1;
	return (size_t)length;
}

int tar_pax_parse(struct tar_pax *pax, bool global, const char *text, size_t n,
		  struct err *err)
{
	const char *p = text, *end = text + n;

	while (p < end) {
		const char *key, *equals, *last;
		size_t length = record_length(p, (size_t)(end - p), &key);

		if (length == 0)
			return err_set(err, ERR_CORRUPT,
				       "extended header has a malformed record");
		last = p + length - 1;
		equals = memchr(key, '=', (size_t)(last - key));
		if (!equals || equals == key)
			return err_set(err, ERR_CORRUPT,
				       "extended header has a malformed record");
		if (set_record(pax, global, key, (size_t)(equals - key), equals + 1,
			       (size_t)(last - equals - 1), err) < 0)
			return -1;
		p = last + 1;
	}
	return 0;
}
