/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/flatpak_deploy.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/cleanup.h"

/*
 * Serialised GVariants, as far as (ssasta{sv}) needs them.
 *
 * A container ends with framing offsets: where each of its members of variable size ends,
 * counted from the container's first byte.  An array has one for each element, in order;
 * a structure has them in reverse order, and none for its last member.  Each offset has
 * the least of 1, 2, 4, 8 bytes that can hold the container's own size.  Members are
 * aligned relative to the container, all of which are aligned to 8 here.
 */
struct span {
	const uint8_t *p;
	size_t n;
};

/* Members of variable size before the dictionary: origin, commit, subpaths. */
#define N_BEFORE 3

/* The size of one framing offset of a container of n bytes. */
static size_t offset_size(size_t n)
{
	if (n <= UINT8_MAX)
		return 1;
	if (n <= UINT16_MAX)
		return 2;
	return n <= UINT32_MAX ? 4 : 8;
}

/* The little- or big-endian number of n bytes at p, as this machine writes it. */
static uint64_t read_offset(const uint8_t *p, size_t n)
{
	uint16_t v16;
	uint32_t v32;
	uint64_t v64;

	switch (n) {
	case 1:
		return *p;
	case 2:
		memcpy(&v16, p, sizeof(v16));
		return v16;
	case 4:
		memcpy(&v32, p, sizeof(v32));
		return v32;
	default:
		memcpy(&v64, p, sizeof(v64));
		return v64;
	}
}

static size_t align8(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

/* The a{sv} at the end of the file's structure. */
static bool find_dictionary(struct span file, struct span *ret)
{
	size_t size = offset_size(file.n), begin, end;
	uint64_t subpaths_end;

	if (file.n < N_BEFORE * size)
		return false;
	end = file.n - N_BEFORE * size;
	subpaths_end = read_offset(file.p + end, size);
	if (subpaths_end > end)
		return false;
	/* The size of the app stands between, 64 bits wide. */
	begin = align8((size_t)subpaths_end) + sizeof(uint64_t);
	if (begin > end)
		return false;
	*ret = (struct span){ file.p + begin, end - begin };
	return true;
}

/* Takes a {sv} apart: the key as a string, the variant as a span. */
static bool split_entry(struct span entry, const char **ret_key, struct span *ret_value)
{
	size_t size = offset_size(entry.n), begin, end;
	uint64_t key_end;

	if (entry.n < size)
		return false;
	end = entry.n - size;
	key_end = read_offset(entry.p + end, size);
	if (key_end == 0 || key_end > end || entry.p[key_end - 1] != '\0')
		return false;
	begin = align8((size_t)key_end);
	if (begin > end)
		return false;
	*ret_key = (const char *)entry.p;
	*ret_value = (struct span){ entry.p + begin, end - begin };
	return true;
}

/* The string in a variant: its bytes with their NUL, then a NUL and the type "s". */
static const char *variant_string(struct span value)
{
	const uint8_t *last;

	if (value.n < 3 || value.p[value.n - 1] != 's' || value.p[value.n - 2] != '\0')
		return NULL;
	last = value.p + value.n - 3;
	if (memchr(value.p, '\0', value.n - 2) != last)
		return NULL;
	return (const char *)value.p;
}

/* What the dictionary says; borrowed from the file. */
struct found {
	const char *version, *summary, *name;
};

static void take_entry(struct found *f, const char *key, struct span value)
{
	const char *text = variant_string(value);

	if (strcmp(key, "appdata-version") == 0)
		f->version = text;
	else if (strcmp(key, "appdata-summary") == 0)
		f->summary = text;
	else if (strcmp(key, "appdata-name") == 0)
		f->name = text;
}

/* Goes through a{sv}. */
static bool read_dictionary(struct span dict, struct found *ret)
{
	size_t size = offset_size(dict.n), n, begin = 0;
	uint64_t table;

	if (dict.n == 0)
		return true;
	if (dict.n < size)
		return false;
	table = read_offset(dict.p + dict.n - size, size);
	if (table > dict.n - size || (dict.n - table) % size != 0)
		return false;
	n = (size_t)(dict.n - table) / size;
	for (size_t i = 0; i < n; i++) {
		uint64_t end = read_offset(dict.p + table + i * size, size);
		struct span value;
		const char *key;

		begin = align8(begin);
		if (end > table || begin > end ||
		    !split_entry((struct span){ dict.p + begin, (size_t)end - begin },
				 &key, &value))
			return false;
		take_entry(ret, key, value);
		begin = (size_t)end;
	}
	return true;
}

/* Copies text (which may be NULL) to *ret. */
static int copy(const char *text, char **ret, struct err *err)
{
	if (!text)
		return 0;
	*ret = alloc_strdup(text, err);
	return *ret ? 0 : -1;
}

void flatpak_deploy_done(struct flatpak_deploy *d)
{
	free(d->version);
	free(d->summary);
	*d = (struct flatpak_deploy){ NULL, NULL };
}

int flatpak_deploy_parse(const void *p, size_t n, struct flatpak_deploy *ret,
			 struct err *err)
{
	_cleanup_(flatpak_deploy_done) struct flatpak_deploy d = { NULL, NULL };
	struct found found = { NULL, NULL, NULL };
	struct span dict;

	if (n > FLATPAK_DEPLOY_MAX)
		return err_set(err, ERR_CORRUPT, "more than %zu bytes",
			       FLATPAK_DEPLOY_MAX);
	if (!find_dictionary((struct span){ p, n }, &dict) ||
	    !read_dictionary(dict, &found))
		return err_set(err, ERR_CORRUPT, "not the record of a deployment");
	if (copy(found.version, &d.version, err) < 0 ||
	    copy(found.summary ? found.summary : found.name, &d.summary, err) < 0)
		return -1;
	*ret = d;
	d = (struct flatpak_deploy){ NULL, NULL };
	return 0;
}
