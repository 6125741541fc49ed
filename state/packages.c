/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/packages.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "backend/base/strings.h"
#include "backend/base/sys.h"
#include "state/rooted.h"

#define DPKG_STATUS  "/var/lib/dpkg/status"
#define PACMAN_LOCAL "/var/lib/pacman/local"

/* Longer names and versions than any archive takes. */
#define FIELD_MAX 255

struct package {
	enum package_system system;
	char *name, *version;
};

struct packages {
	struct package *items; /* sorted once all are read */
	size_t n, cap;
};

void packages_free(struct packages *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++) {
		free(p->items[i].name);
		free(p->items[i].version);
	}
	free(p->items);
	free(p);
}

static int add(struct packages *p, enum package_system system, const char *name,
	       size_t n_name, const char *version, struct err *err)
{
	struct package *item;

	if (alloc_grow(&p->items, p->n, &p->cap, sizeof(*p->items), err) < 0)
		return -1;
	item = &p->items[p->n];
	item->system = system;
	item->name = alloc_strndup(name, n_name, err);
	item->version = item->name ? alloc_strdup(version, err) : NULL;
	if (!item->version) {
		free(item->name);
		return -1;
	}
	p->n++;
	return 0;
}

/* ---- dpkg */

/* Lines of a file, through one buffer of fixed size; a longer line is passed over. */
struct lines {
	int fd;
	size_t begin, end; /* what is in the buffer and not yet given out */
	bool at_end;
	bool skip; /* the rest of a line that was too long comes first */
	char data[65536];
};

/* Reads more behind what is there, of which the buffer is not full.  0 at the end. */
static int fill(struct lines *l, struct err *err)
{
	ssize_t n;

	memmove(l->data, l->data + l->begin, l->end - l->begin);
	l->end -= l->begin;
	l->begin = 0;
	do {
		n = sys_read(l->fd, l->data + l->end, sizeof(l->data) - l->end);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_errno(err, "cannot read %s", q(DPKG_STATUS));
	l->end += (size_t)n;
	return n > 0;
}

/* What follows the last newline: 1 if there is something. */
static int last_line(struct lines *l, const char **ret, size_t *ret_n)
{
	if (l->skip || l->begin == l->end)
		return 0;
	*ret = l->data + l->begin;
	*ret_n = l->end - l->begin;
	l->begin = l->end;
	return 1;
}

/* The next line without its newline: 1, or 0 at the end.  Valid until the next call. */
static int next_line(struct lines *l, const char **ret, size_t *ret_n, struct err *err)
{
	for (;;) {
		char *s = l->data + l->begin;
		char *newline = memchr(s, '\n', l->end - l->begin);
		int more;

		if (newline) {
			bool skipped = l->skip;

			l->begin = (size_t)(newline - l->data) + 1;
			l->skip = false;
			if (skipped)
				continue;
			*ret = s;
			*ret_n = (size_t)(newline - s);
			return 1;
		}
		if (l->begin == 0 && l->end == sizeof(l->data)) {
			l->skip = true;
			l->end = 0;
		}
		more = fill(l, err);
		if (more < 0)
			return -1;
		if (more == 0)
			return last_line(l, ret, ret_n);
	}
}

/* What is known of the current paragraph; empty strings where a field is missing. */
struct stanza {
	char name[FIELD_MAX + 1], version[FIELD_MAX + 1];
	bool installed;
};

/* The value of the field `key` ("Name:") in a line, or NULL. */
static const char *value_of(const char *line, size_t n, const char *key, size_t *ret_n)
{
	size_t k = strlen(key);

	if (n < k || memcmp(line, key, k) != 0)
		return NULL;
	while (k < n && (line[k] == ' ' || line[k] == '\t'))
		k++;
	while (n > k &&
	       (line[n - 1] == ' ' || line[n - 1] == '\t' || line[n - 1] == '\r'))
		n--;
	*ret_n = n - k;
	return line + k;
}

/* Copies a value into a field; one that is too long, or holds a NUL, is as good as
 * none. */
static void set_field(char field[FIELD_MAX + 1], const char *value, size_t n)
{
	if (n > FIELD_MAX || memchr(value, '\0', n))
		n = 0;
	memcpy(field, value, n);
	field[n] = '\0';
}

/* "install ok installed": the last word says it.  Who waits for triggers is installed
 * too. */
static bool is_installed(const char *value, size_t n)
{
	static const char *const states[] = { "installed", "triggers-pending",
					      "triggers-awaited" };
	const char *space = memrchr(value, ' ', n);
	const char *word = space ? space + 1 : value;
	size_t len = n - (size_t)(word - value);

	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
		if (strlen(states[i]) == len && memcmp(word, states[i], len) == 0)
			return true;
	}
	return false;
}

static void take_line(struct stanza *s, const char *line, size_t n)
{
	const char *value;
	size_t len;

	if ((value = value_of(line, n, "Package:", &len)))
		set_field(s->name, value, len);
	else if ((value = value_of(line, n, "Version:", &len)))
		set_field(s->version, value, len);
	else if ((value = value_of(line, n, "Status:", &len)))
		s->installed = is_installed(value, len);
}

/* Keeps the paragraph that ends here, if it is of an installed package. */
static int end_stanza(struct packages *p, struct stanza *s, struct err *err)
{
	bool wanted = s->installed && s->name[0] && s->version[0];

	if (wanted && add(p, PACKAGE_DEB, s->name, strlen(s->name), s->version, err) < 0)
		return -1;
	*s = (struct stanza){ .installed = false };
	return 0;
}

static int read_lines(struct packages *p, struct lines *l, struct err *err)
{
	struct stanza stanza = { .installed = false };
	const char *line;
	size_t n;
	int more;

	while ((more = next_line(l, &line, &n, err)) > 0) {
		if (n > 0)
			take_line(&stanza, line, n);
		else if (end_stanza(p, &stanza, err) < 0)
			return -1;
	}
	return more < 0 ? -1 : end_stanza(p, &stanza, err);
}

static int load_dpkg(struct packages *p, int rootfd, struct err *err)
{
	_cleanup_close_ int fd = rooted_open_file(rootfd, DPKG_STATUS, err);
	_cleanup_free_ struct lines *l = NULL;

	if (fd < 0 && (err_is(err, ERR_NOT_FOUND) || err_is(err, ERR_DENIED))) {
		err_clear(err); /* not a dpkg system, or not for the caller's eyes */
		return 0;
	}
	if (fd < 0)
		return -1;
	l = alloc_zero(1, sizeof(*l), err);
	if (!l)
		return -1;
	l->fd = fd;
	return read_lines(p, l, err);
}

/* ---- pacman */

/* Takes NAME-VERSION-RELEASE apart. */
static int add_pacman(struct packages *p, const char *dir, struct err *err)
{
	const char *release = strrchr(dir, '-');
	const char *version = release ? memrchr(dir, '-', (size_t)(release - dir)) : NULL;

	if (!version || version == dir || release == version + 1 || release[1] == '\0')
		return 0;
	return add(p, PACKAGE_PACMAN, dir, (size_t)(version - dir), version + 1, err);
}

static int load_pacman(struct packages *p, int rootfd, struct err *err)
{
	_cleanup_(strings_done) struct strings names = STRINGS_INIT;

	if (rooted_list(rootfd, PACMAN_LOCAL, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		if (add_pacman(p, names.items[i], err) < 0)
			return -1;
	}
	return 0;
}

/* By system, name and, for one name on two architectures, text of the version. */
static int compare(const void *a, const void *b)
{
	const struct package *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (x->system != y->system)
		return x->system < y->system ? -1 : 1;
	return order ? order : strcmp(x->version, y->version);
}

int packages_load(int rootfd, struct packages **ret, struct err *err)
{
	_cleanup_(packages_freep) struct packages *p = alloc_zero(1, sizeof(*p), err);

	if (!p || load_dpkg(p, rootfd, err) < 0 || load_pacman(p, rootfd, err) < 0)
		return -1;
	if (p->n > 1)
		qsort(p->items, p->n, sizeof(*p->items), compare);
	*ret = TAKE_PTR(p);
	return 0;
}

const char *packages_version(const struct packages *p, enum package_system system,
			     const char *name)
{
	size_t low = 0, high = p->n;

	/* The first that is not before (system, name). */
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct package *item = &p->items[middle];

		if (item->system < system ||
		    (item->system == system && strcmp(item->name, name) < 0))
			low = middle + 1;
		else
			high = middle;
	}
	if (low == p->n || p->items[low].system != system ||
	    strcmp(p->items[low].name, name) != 0)
		return NULL;
	return p->items[low].version;
}
