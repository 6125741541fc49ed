/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/pack_internal.h"

#include <string.h>
#include <sys/sysmacros.h>

#include "backend/base/quote.h"
#include "backend/tree/attr.h"
#include "backend/tree/tar_write.h"
#include "backend/tree/walk.h"

/* A string that an entry borrows: it is never freed or written through the entry. */
static char *lend(const char *s)
{
	union {
		const char *in;
		char *out;
	} p = { .in = s };

	return p.out;
}

void pack_begin(struct packer *p, enum entry_type type, const char *path,
		const struct stat *st)
{
	struct entry *e = &p->entry;
	struct entry_extent *extents = e->extents;

	if (e->n_xattrs || e->acl_access || e->acl_default)
		attr_clear(e);
	*e = (struct entry){
		.type = type,
		.path = lend(path),
		.mode = st->st_mode & 07777,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.mtime = st->st_mtim,
		.extents = extents, /* its room serves the next map */
	};
	if (type == ENTRY_CHAR || type == ENTRY_BLOCK) {
		e->major = major(st->st_rdev);
		e->minor = minor(st->st_rdev);
	}
}

int pack_name_owners(struct packer *p, struct err *err)
{
	const char *user, *group;

	if (!p->owners)
		return 0;
	if (owners_name(p->owners, OWNER_USER, p->entry.uid, &user, err) < 0 ||
	    owners_name(p->owners, OWNER_GROUP, p->entry.gid, &group, err) < 0)
		return err_wrap(err, "cannot name the owner of %s", q(p->entry.path));
	p->entry.user = lend(user);
	p->entry.group = lend(group);
	return 0;
}

int pack_make_head(struct packer *p, struct err *err)
{
	buf_clear(&p->head);
	return tar_write_header(&p->head, &p->entry, err);
}

void pack_count(struct packer *p)
{
	const struct entry *e = &p->entry;

	p->counts.allocated += entry_allocated(e);
	if (e->type != ENTRY_HARDLINK)
		p->counts.entries++;
	if (e->type == ENTRY_FILE)
		p->counts.data += e->stored;
}

int pack_put_entry(struct packer *p, struct err *err)
{
	if (pack_make_head(p, err) < 0 || pack_put(p, p->head.data, p->head.len, err) < 0)
		return -1;
	pack_count(p);
	return 0;
}

int pack_put_link(struct packer *p, const struct stat *st, const char *path,
		  struct err *err)
{
	const char *first = NULL;

	if (st->st_nlink > 1 && links_find(&p->links, st, &first, err) < 0)
		return -1;
	if (!first)
		return 0;
	pack_begin(p, ENTRY_HARDLINK, path, st);
	p->entry.target = lend(first);
	if (pack_name_owners(p, err) < 0 || pack_put_entry(p, err) < 0)
		return -1;
	links_met(&p->links, st);
	return 1;
}

int pack_note_links(struct packer *p, const struct stat *st, const char *path,
		    struct err *err)
{
	return st->st_nlink > 1 ? links_add(&p->links, st, path, err) : 0;
}

int pack_room(struct packer *p, char **ret, size_t *ret_n, struct err *err)
{
	void *room;

	if (p->sink->room(p->sink->ctx, &room, ret_n, err) < 0)
		return -1;
	*ret = room;
	return 0;
}

int pack_advance(struct packer *p, size_t n, struct err *err)
{
	p->counts.bytes += n;
	observer_progress(p->observer, p->counts.bytes, 0);
	return p->sink->advance(p->sink->ctx, n, err);
}

/* Puts n bytes of data, or zeros where data is NULL. */
static int put(struct packer *p, const char *data, uint64_t n, struct err *err)
{
	if (!p->sink) {
		p->counts.bytes += n;
		return 0;
	}
	while (n > 0) {
		size_t fits;
		char *room;

		if (observer_check(p->observer, err) < 0 ||
		    pack_room(p, &room, &fits, err) < 0)
			return -1;
		if (fits > n)
			fits = (size_t)n;
		if (data) {
			memcpy(room, data, fits);
			data += fits;
		} else {
			memset(room, 0, fits);
		}
		if (pack_advance(p, fits, err) < 0)
			return -1;
		n -= fits;
	}
	return 0;
}

int pack_put(struct packer *p, const void *data, size_t n, struct err *err)
{
	return put(p, data, n, err);
}

int pack_put_zeros(struct packer *p, uint64_t n, struct err *err)
{
	return put(p, NULL, n, err);
}

int pack_skip(struct packer *p, const char *path, const char *why, struct err *err)
{
	p->counts.skipped++;
	if (!p->report || !p->report->skipped)
		return 0;
	return p->report->skipped(p->report->ctx, path, why, err);
}

int pack_skip_failed(struct packer *p, const char *path, struct err *problem,
		     struct err *err)
{
	int r;

	if (walk_error_is_ours(problem) || (p->owners && owners_failed(p->owners))) {
		err_move(err, problem);
		return err_wrap(err, "cannot pack %s", q(path));
	}
	r = pack_skip(p, path, err_message(problem), err);
	err_clear(problem);
	return r;
}
