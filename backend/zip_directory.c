/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/zip_directory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/fd.h"
#include "backend/base/le.h"
#include "backend/base/quote.h"
#include "backend/zip_format.h"

#define DIRECTORY_PER_MEMBER 1024u
/* Enough for all that is read at once: a local header with name and extra field. */
#define SCRATCH_SIZE ((size_t)LOCAL_SIZE + 2 * MAX16)
/* Local extra fields are rarely longer: most headers need one read. */
#define USUAL_EXTRA 64u

/* One entry while it is checked. */
struct entry {
	struct zip_member *member;
	uint64_t header; /* offset of the local header */
	size_t name_len;
	uint16_t flags, method;
};

struct scan {
	int fd;
	uint64_t count;
	uint64_t start, end; /* of the directory */
	uint8_t *central;    /* its bytes */
	uint8_t *scratch;    /* SCRATCH_SIZE */
	struct entry *entries;
	struct zip_directory dir;
};

static const char misplaced[] = "the zip directory is not where the file says";

/* Reads exactly n bytes. */
static int read_at(int fd, void *p, size_t n, uint64_t offset, struct err *err)
{
	ssize_t k = fd_pread_full(fd, p, n, offset, err);

	if (k < 0)
		return -1;
	if ((size_t)k < n)
		return err_set(err, ERR_CORRUPT, "the zip file is cut short");
	return 0;
}

static int corrupt(struct err *err, const char *why)
{
	return err_set(err, ERR_CORRUPT, "%s", why);
}

static int bad_member(const struct entry *e, struct err *err, const char *why)
{
	return err_set(err, ERR_CORRUPT, "member %s: %s", q(e->member->name), why);
}

/* True if a field of the small end record is all ones or what the large one says. */
static bool agrees(uint32_t small, uint64_t large, uint32_t all_ones)
{
	return small == all_ones || small == large;
}

/* True if the small end record says nothing else than the large one. */
static bool records_agree(const uint8_t *end, const uint8_t *end64)
{
	uint64_t count = le_get64(end64 + 32);

	return agrees(le_get16(end + 4), 0, MAX16) &&
	       agrees(le_get16(end + 6), 0, MAX16) &&
	       agrees(le_get16(end + 8), count, MAX16) &&
	       agrees(le_get16(end + 10), count, MAX16) &&
	       agrees(le_get32(end + 12), le_get64(end64 + 40), MAX32) &&
	       agrees(le_get32(end + 16), le_get64(end64 + 48), MAX32);
}

/* Reads the zip64 end record, which has to end at `pos`, where its locator begins. */
static int read_end64(struct scan *s, const uint8_t *end64, const uint8_t *locator,
		      const uint8_t *end, uint64_t pos, struct err *err)
{
	if (pos < END64_SIZE || le_get32(end64) != END64_MAGIC ||
	    le_get64(locator + 8) != pos - END64_SIZE ||
	    le_get64(end64 + 4) != END64_SIZE - 12)
		return corrupt(err, "zip64 end record missing or misplaced");
	if (le_get32(locator + 4) != 0 || le_get32(locator + 16) != 1 ||
	    le_get32(end64 + 16) != 0 || le_get32(end64 + 20) != 0 ||
	    le_get64(end64 + 24) != le_get64(end64 + 32))
		return corrupt(err, "zip file of several disks");
	if (!records_agree(end, end64))
		return corrupt(err, "the two end records of the zip file differ");
	s->count = le_get64(end64 + 32);
	s->start = le_get64(end64 + 48);
	if (__builtin_add_overflow(s->start, le_get64(end64 + 40), &s->end))
		return corrupt(err, "impossible extent of the zip directory");
	if (s->end != pos - END64_SIZE)
		return corrupt(err, misplaced);
	return 0;
}

/* Reads the end record at `pos` where there is no other. */
static int read_end32(struct scan *s, const uint8_t *end, uint64_t pos, struct err *err)
{
	if (le_get32(end + 4) != 0 || le_get16(end + 8) != le_get16(end + 10))
		return corrupt(err, "zip file of several disks");
	s->count = le_get16(end + 10);
	s->start = le_get32(end + 16);
	s->end = s->start + le_get32(end + 12);
	return s->end == pos ? 0 : corrupt(err, misplaced);
}

/* Reads the end record and, if there is one, the zip64 end record before it. */
static int read_end(struct scan *s, struct err *err)
{
	uint8_t tail[END64_SIZE + LOCATOR_SIZE + END_SIZE] = { 0 };
	const uint8_t *end = tail + sizeof(tail) - END_SIZE;
	const uint8_t *locator = end - LOCATOR_SIZE;
	struct stat st;

	if (sys_fstat(s->fd, &st) < 0)
		return err_errno(err, "cannot look at the zip file");
	if (!S_ISREG(st.st_mode))
		return corrupt(err, "not a regular file");
	uint64_t size = (uint64_t)st.st_size;
	size_t n = size < sizeof(tail) ? (size_t)size : sizeof(tail);
	if (read_at(s->fd, tail + sizeof(tail) - n, n, size - n, err) < 0)
		return -1;
	if (n < END_SIZE || le_get32(end) != END_MAGIC || le_get16(end + 20) != 0)
		return corrupt(err, "not a zip file, or cut short, or longer than one");
	if (n >= END_SIZE + LOCATOR_SIZE && le_get32(locator) == LOCATOR_MAGIC)
		return read_end64(s, tail, locator, end, size - END_SIZE - LOCATOR_SIZE,
				  err);
	return read_end32(s, end, size - END_SIZE, err);
}

/* Finds the directory: fills count, start and end, and holds them against the limits. */
static int find_directory(struct scan *s, size_t max_members, struct err *err)
{
	if (read_end(s, err) < 0)
		return -1;
	uint64_t size = s->end - s->start;
	if (s->count > max_members || size / DIRECTORY_PER_MEMBER > max_members)
		return corrupt(err, "too many members in the zip file");
	if (size / CENTRAL_SIZE < s->count)
		return corrupt(err, "the zip directory is shorter than it says");
	return 0;
}

/* Walks an extra field and finds the zip64 part, if any. */
static int parse_extra(const struct entry *e, const uint8_t *extra, size_t n,
		       const uint8_t **ret_zip64, size_t *ret_n, struct err *err)
{
	*ret_zip64 = NULL;
	*ret_n = 0;
	while (n > 0) {
		if (n < 4 || le_get16(extra + 2) > n - 4)
			return bad_member(e, err, "malformed extra field");
		uint16_t id = le_get16(extra), len = le_get16(extra + 2);
		if (id == EXTRA_UNICODE_NAME)
			return bad_member(e, err, "has two names");
		if (id == EXTRA_ZIP64) {
			if (*ret_zip64)
				return bad_member(e, err, "two zip64 fields");
			*ret_zip64 = extra + 4;
			*ret_n = len;
		}
		extra += 4 + len;
		n -= 4 + (size_t)len;
	}
	return 0;
}

/* Replaces a value that is all ones by the next one of the zip64 field; false if there is
 * none. */
static bool widen(uint64_t *value, const uint8_t **zip64, size_t *n)
{
	if (*value != MAX32)
		return true;
	if (*n < 8)
		return false;
	*value = le_get64(*zip64);
	*zip64 += 8;
	*n -= 8;
	return true;
}

/* Checks the name, flags and method of a directory entry. */
static int check_kind(struct entry *e, struct err *err)
{
	struct zip_member *m = e->member;

	if (e->name_len == 0 || strlen(m->name) != e->name_len)
		return bad_member(e, err, "a name that is empty or holds NUL");
	if (e->flags & FLAGS_ENCRYPTED)
		return bad_member(e, err, "is encrypted");
	if (e->flags & ~(FLAG_LEVEL | FLAG_DESCRIPTOR | FLAG_UTF8))
		return bad_member(e, err, "unknown flags");
	if (e->method != METHOD_STORED && e->method != METHOD_DEFLATED)
		return bad_member(e, err, "unknown compression method");
	m->method = e->method == METHOD_STORED ? ZIP_STORED : ZIP_DEFLATED;
	m->utf8 = e->flags & FLAG_UTF8;
	m->plain = m->method == ZIP_STORED && (e->flags & ~FLAG_UTF8) == 0;
	return 0;
}

/* Checks what one directory entry says by itself. */
static int check_entry(struct entry *e, const uint8_t *central, struct err *err)
{
	struct zip_member *m = e->member;
	const uint8_t *zip64;
	size_t n;

	e->flags = le_get16(central + 8);
	e->method = le_get16(central + 10);
	m->crc = le_get32(central + 16);
	m->compressed_size = le_get32(central + 20);
	m->size = le_get32(central + 24);
	e->header = le_get32(central + 42);

	if (check_kind(e, err) < 0)
		return -1;
	if (le_get16(central + 32) != 0)
		return bad_member(e, err, "has a comment");
	if (le_get16(central + 34) != 0)
		return bad_member(e, err, "is on another disk");
	if (parse_extra(e, central + CENTRAL_SIZE + e->name_len, le_get16(central + 30),
			&zip64, &n, err) < 0)
		return -1;
	if (!widen(&m->size, &zip64, &n) || !widen(&m->compressed_size, &zip64, &n) ||
	    !widen(&e->header, &zip64, &n) || n > 0)
		return bad_member(e, err, "wrong zip64 field");
	if (m->method == ZIP_STORED && m->size != m->compressed_size)
		return bad_member(e, err, "stored, but with two sizes");
	return 0;
}

/* Takes the directory apart into entries. */
static int parse_directory(struct scan *s, struct err *err)
{
	const uint8_t *at = s->central;
	size_t left = (size_t)(s->end - s->start);
	char *name = s->dir.names;

	for (; s->dir.n < s->count; s->dir.n++) {
		struct entry *e = &s->entries[s->dir.n];

		if (left < CENTRAL_SIZE || le_get32(at) != CENTRAL_MAGIC)
			return corrupt(err, "malformed zip directory");
		size_t size = CENTRAL_SIZE + le_get16(at + 28) + le_get16(at + 30) +
			      (size_t)le_get16(at + 32);
		if (size > left)
			return corrupt(err, "malformed zip directory");
		e->member = &s->dir.members[s->dir.n];
		e->name_len = le_get16(at + 28);
		e->member->name = name;
		memcpy(name, at + CENTRAL_SIZE, e->name_len);
		name[e->name_len] = '\0';
		name += e->name_len + 1;
		if (check_entry(e, at, err) < 0)
			return -1;
		at += size;
		left -= size;
	}
	return left == 0 ? 0 : corrupt(err, "the zip directory is longer than it says");
}

/* True if a size in a local header fits what the directory says: in the header itself or,
 * where that is all ones, in its zip64 field, which must never contradict.  With a data
 * descriptor it may be 0. */
static bool size_fits(const struct entry *e, uint64_t real, uint32_t field,
		      const uint8_t *zip64)
{
	bool may_be_0 = e->flags & FLAG_DESCRIPTOR;
	uint64_t wide = zip64 ? le_get64(zip64) : field;

	if (wide != real && !(may_be_0 && wide == 0))
		return false;
	if (field == MAX32)
		return zip64 != NULL;
	return field == real || (may_be_0 && field == 0);
}

/* Compares a local header, of which name and extra field have been read too. */
static int compare_local(const struct entry *e, const uint8_t *local, struct err *err)
{
	const struct zip_member *m = e->member;
	uint32_t crc = le_get32(local + 14);
	const uint8_t *zip64;
	size_t n;

	if (le_get16(local + 6) != e->flags || le_get16(local + 8) != e->method)
		return bad_member(e, err, "two headers that differ");
	if (memcmp(local + LOCAL_SIZE, m->name, e->name_len) != 0)
		return bad_member(e, err, "has two names");
	if (parse_extra(e, local + LOCAL_SIZE + e->name_len, le_get16(local + 28), &zip64,
			&n, err) < 0)
		return -1;
	if (zip64 && n != 16)
		return bad_member(e, err, "wrong zip64 field");
	if ((crc != m->crc && !((e->flags & FLAG_DESCRIPTOR) && crc == 0)) ||
	    !size_fits(e, m->compressed_size, le_get32(local + 18),
		       zip64 ? zip64 + 8 : NULL) ||
	    !size_fits(e, m->size, le_get32(local + 22), zip64))
		return bad_member(e, err, "two headers that differ");
	return 0;
}

/* Checks the local header, which together with the data must end before the directory;
 * fills the member's offset. */
static int check_local(struct scan *s, struct entry *e, struct err *err)
{
	uint64_t room = s->start - e->header; /* the order of entries was checked */
	size_t want = LOCAL_SIZE + e->name_len;
	uint8_t *local = s->scratch;

	if (room < want)
		return bad_member(e, err, "runs into the directory");
	size_t n = room < want + USUAL_EXTRA ? (size_t)room : want + USUAL_EXTRA;
	if (read_at(s->fd, local, n, e->header, err) < 0)
		return -1;
	if (le_get32(local) != LOCAL_MAGIC)
		return bad_member(e, err, "has no local header");
	if (le_get16(local + 26) != e->name_len)
		return bad_member(e, err, "has two names");
	want += le_get16(local + 28);
	if (room < want)
		return bad_member(e, err, "runs into the directory");
	if (n < want && read_at(s->fd, local + n, want - n, e->header + n, err) < 0)
		return -1;
	if (compare_local(e, local, err) < 0)
		return -1;
	e->member->header = e->header;
	e->member->offset = e->header + want;
	if (room - want < e->member->compressed_size)
		return bad_member(e, err, "runs into the directory");
	return 0;
}

/* Checks the n bytes between a member's data and the next header: they have to be its
 * data descriptor, in any of its four forms, and nothing else. */
static int check_descriptor(struct scan *s, const struct entry *e, uint64_t offset,
			    uint64_t n, struct err *err)
{
	const struct zip_member *m = e->member;
	uint8_t *d = s->scratch;

	if (!(e->flags & FLAG_DESCRIPTOR))
		return n == 0 ? 0 : bad_member(e, err, "something follows it");
	if (n != 12 && n != 16 && n != 20 && n != 24)
		return bad_member(e, err, "no data descriptor follows it");
	if (read_at(s->fd, d, (size_t)n, offset, err) < 0)
		return -1;
	if (n == 16 || n == 24) {
		if (le_get32(d) != DESCRIPTOR_MAGIC)
			return bad_member(e, err, "no data descriptor follows it");
		d += 4;
	}
	bool wide = n >= 20;
	uint64_t compressed = wide ? le_get64(d + 4) : le_get32(d + 4);
	uint64_t size = wide ? le_get64(d + 12) : le_get32(d + 8);
	if (le_get32(d) != m->crc || compressed != m->compressed_size || size != m->size)
		return bad_member(e, err, "its data descriptor says something else");
	return 0;
}

static int by_header(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return (x->header > y->header) - (x->header < y->header);
}

/* Checks that the members lie end to end, and each local header.  Sorts the entries. */
static int check_extents(struct scan *s, struct err *err)
{
	uint64_t pos = 0;

	qsort(s->entries, s->dir.n, sizeof(*s->entries), by_header);
	for (size_t i = 0; i < s->dir.n; i++) {
		struct entry *e = &s->entries[i];
		uint64_t next = i + 1 < s->dir.n ? s->entries[i + 1].header : s->start;

		if (e->header != pos)
			return bad_member(e, err,
					  "does not begin where the last one ends");
		if (next <= e->header || next > s->start)
			return bad_member(e, err,
					  "overlaps another one or the directory");
		if (check_local(s, e, err) < 0)
			return -1;
		uint64_t end = e->member->offset + e->member->compressed_size;
		if (end > next)
			return bad_member(e, err,
					  "overlaps another one or the directory");
		if (check_descriptor(s, e, end, next - end, err) < 0)
			return -1;
		pos = next;
	}
	return pos == s->start ? 0 : corrupt(err, "something precedes the zip directory");
}

static int by_name(const void *a, const void *b)
{
	const struct zip_member *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* Makes the index of names and checks that they differ. */
static int index_names(struct zip_directory *d, struct err *err)
{
	for (size_t i = 0; i < d->n; i++)
		d->by_name[i] = &d->members[i];
	qsort(d->by_name, d->n, sizeof(*d->by_name), by_name);
	for (size_t i = 1; i < d->n; i++) {
		const char *name = d->by_name[i]->name;
		if (strcmp(d->by_name[i - 1]->name, name) == 0)
			return err_set(err, ERR_CORRUPT, "two members named %s", q(name));
	}
	return 0;
}

/* Everything, into s->dir. */
static int scan(struct scan *s, size_t max_members, struct err *err)
{
	if (find_directory(s, max_members, err) < 0)
		return -1;

	/* Bounded by max_members: count and directory size were held against it. */
	size_t n = (size_t)s->count, size = (size_t)(s->end - s->start);
	s->central = alloc_bytes(size, err);
	if (!s->central || read_at(s->fd, s->central, size, s->start, err) < 0)
		return -1;
	s->scratch = alloc_bytes(SCRATCH_SIZE, err);
	if (!s->scratch)
		return -1;
	s->entries = alloc_zero(n, sizeof(*s->entries), err);
	if (!s->entries)
		return -1;
	s->dir.members = alloc_zero(n, sizeof(*s->dir.members), err);
	if (!s->dir.members)
		return -1;
	s->dir.by_name = alloc_zero(n, sizeof(*s->dir.by_name), err);
	if (!s->dir.by_name)
		return -1;
	/* A name and its NUL are shorter than its entry. */
	s->dir.names = alloc_bytes(size, err);
	if (!s->dir.names)
		return -1;
	if (parse_directory(s, err) < 0 || check_extents(s, err) < 0)
		return -1;
	return index_names(&s->dir, err);
}

int zip_directory_read(int fd, size_t max_members, struct zip_directory *ret,
		       struct err *err)
{
	struct scan s = { .fd = fd };
	int result = scan(&s, max_members, err);

	free(s.central);
	free(s.scratch);
	free(s.entries);
	if (result < 0)
		zip_directory_done(&s.dir);
	else
		*ret = s.dir;
	return result;
}

void zip_directory_done(struct zip_directory *d)
{
	free(d->members);
	free(d->by_name);
	free(d->names);
	*d = (struct zip_directory){ 0 };
}
