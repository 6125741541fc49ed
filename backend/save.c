/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/save.h"

#include <errno.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/atomic_file.h"
#include "backend/base/digest.h"
#include "backend/base/fd.h"
#include "backend/base/hasher.h"
#include "backend/base/quote.h"
#include "backend/zip.h"

/* Room in the pipe, so that the packer rarely waits for the hash and the other way round. */
#define PIPE_SIZE (1 << 20)

struct saving;

/* One archive on its way; the source of a zip member. */
struct member {
	struct saving *saving;
	const struct save_archive *archive;
	struct snapshot_archive *meta; /* valid once the archive is declared */
	struct hasher *hasher;
	int pipe;
	uint64_t size;
	bool done;
	struct pack_report report;
};

/* One of the two metadata members: made when its turn comes. */
struct text_member {
	struct saving *saving;
	struct buf text;
	size_t read;
};

struct saving {
	struct snapshot *meta;
	const struct save_options *options;
	struct save_result *result;
	struct member *members;
	size_t n_members;
	struct text_member json, hash;
	struct zip_writer *zip;
	size_t listed; /* bytes of what was skipped or changed */
};

/* A list that is too long for the metadata fails now as it would in the end: a packer may not fill
 * memory with it.  What it lists is longer when it is written. */
static int check_lists(struct member *m, const char *path, const char *why, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	size_t *listed = &m->saving->listed;

	*listed += strlen(path) + (why ? strlen(why) : 0);
	return *listed > SNAPSHOT_META_MAX ? snapshot_write(m->saving->meta, &text, err) : 0;
}

/* pack_report */
static int report_skipped(void *ctx, const char *path, const char *why, struct err *err)
{
	struct member *m = ctx;

	m->saving->result->skipped++;
	observer_warn(m->saving->options->observer, m->saving->meta->snap, "%s left out: %s",
		      q(path), why);
	if (snapshot_add_skipped(m->meta, path, why, err) < 0)
		return -1;
	return check_lists(m, path, why, err);
}

/* pack_report */
static int report_changed(void *ctx, const char *path, struct err *err)
{
	struct member *m = ctx;

	m->saving->result->changed++;
	observer_warn(m->saving->options->observer, m->saving->meta->snap,
		      "%s changed while it was read", q(path));
	if (snapshot_add_changed(m->meta, path, err) < 0)
		return -1;
	return check_lists(m, path, NULL, err);
}

/* The excludes of one tree: the definition's, for packer and metadata. */
static int declare_excludes(const struct save_archive *a, const struct save_tree *t,
			    const struct observer *observer, struct err *err)
{
	for (size_t i = 0; t->exclude && i < t->exclude->n; i++)
		if (packer_exclude(a->packer, t->archive_path, t->exclude->items[i], observer,
				   err) < 0)
			return -1;
	return 0;
}

struct declared {
	int (*tree)(void *ctx, const struct save_tree *t, const struct packer_found *found,
		    struct err *err);
	int (*problem)(void *ctx, const struct save_tree *t, const struct err *why,
		       struct err *err);
	void *ctx;
};

/* Tells the packer all about an archive; `d` hears what each tree turned out to be. */
static int declare(const struct save_archive *a, char *const *exclude, size_t n_exclude,
		   const struct save_options *options, const struct declared *d, struct err *err)
{
	const struct observer *observer = options->observer;

	if (packer_begin(a->packer, &a->top, observer, err) < 0)
		return -1;
	for (size_t i = 0; i < a->n_trees; i++) {
		_cleanup_(err_clear) struct err problem = ERR_INIT;
		struct packer_found found = { 0 };
		int r;

		if (packer_tree(a->packer, a->trees[i].archive_path, a->trees[i].path, observer,
				&found, &problem) < 0) {
			/* The tree's own trouble is reported, the packer's is not survived. */
			if (!worker_is_alive(a->packer) || err_is(&problem, ERR_INTERRUPTED))
				return err_move(err, &problem);
			r = d->problem(d->ctx, &a->trees[i], &problem, err);
		} else {
			r = declare_excludes(a, &a->trees[i], observer, err);
			if (r == 0 && found.exists)
				r = d->tree(d->ctx, &a->trees[i], &found, err);
		}
		free(found.resolved);
		if (r < 0)
			return -1;
	}
	for (size_t i = 0; i < n_exclude; i++)
		if (packer_exclude(a->packer, NULL, exclude[i], observer, err) < 0)
			return -1;
	for (const char *const *n = options->leave_out; n && *n; n++)
		if (packer_leave_out(a->packer, *n, observer, err) < 0)
			return -1;
	return 0;
}

/* Copies all patterns of a list into the metadata of a tree. */
static int copy_patterns(struct snapshot_tree *t, const struct strings *from, struct err *err)
{
	if (!from || from->n == 0)
		return 0;
	t->exclude = alloc_zero(from->n, sizeof(*t->exclude), err);
	if (!t->exclude)
		return -1;
	for (size_t i = 0; i < from->n; i++) {
		t->exclude[i] = alloc_strdup(from->items[i], err);
		if (!t->exclude[i])
			return -1;
		t->n_exclude++;
	}
	return 0;
}

/* declared.tree while saving: the tree goes into the metadata. */
static int record_tree(void *ctx, const struct save_tree *t, const struct packer_found *found,
		       struct err *err)
{
	struct snapshot_archive *a = ((struct member *)ctx)->meta;
	struct snapshot_tree *grown, *mine;

	grown = alloc_resize(a->trees, a->n_trees + 1, sizeof(*a->trees), err);
	if (!grown)
		return -1;
	a->trees = grown;
	mine = &grown[a->n_trees];
	*mine = (struct snapshot_tree){ .is_file = found->is_file };
	a->n_trees++;
	mine->name = alloc_strdup(t->name, err);
	mine->path = alloc_strdup(t->shown_path, err);
	if (!mine->name || !mine->path)
		return -1;
	if (strcmp(found->resolved, t->path) != 0) {
		mine->resolved = alloc_strdup(found->resolved, err);
		if (!mine->resolved)
			return -1;
	}
	return copy_patterns(mine, t->exclude, err);
}

/* declared.problem while saving: named in the metadata as skipped. */
static int record_problem(void *ctx, const struct save_tree *t, const struct err *why,
			  struct err *err)
{
	return report_skipped(ctx, t->archive_path, err_message(why), err);
}

/* The metadata of an archive, but for what its packing tells. */
static int prepare_meta(struct member *m, struct err *err)
{
	const struct save_archive *a = m->archive;
	struct snapshot_archive *s;

	if (snapshot_add_archive(m->saving->meta, a->member, &s, err) < 0)
		return -1;
	m->meta = s;
	s->has_details = true;
	s->uid = a->uid;
	s->gid = a->gid;
	if (a->user) {
		s->user = alloc_strdup(a->user, err);
		s->home = alloc_strdup(a->home ? a->home : "", err);
		if (!s->user || !s->home)
			return -1;
	}
	return 0;
}

/* zip_source_ops.open: the member's turn has come. */
static int member_open(void *ctx, struct err *err)
{
	struct member *m = ctx;
	struct snapshot *meta = m->saving->meta;
	struct declared d = { record_tree, record_problem, m };
	struct pack_report report = { report_skipped, report_changed, m };
	struct meter *meter = m->saving->options->meter;
	_cleanup_close_ int ours = -1, theirs = -1;
	int pipe[2];

	m->report = report;
	if (prepare_meta(m, err) < 0 || hasher_new(DIGEST_SHA3_384, &m->hasher, err) < 0 ||
	    declare(m->archive, meta->exclude, meta->n_exclude, m->saving->options, &d, err) < 0)
		return -1;
	if (sys_pipe2(pipe, O_CLOEXEC) < 0)
		return err_errno(err, "cannot make a pipe");
	ours = pipe[0];
	theirs = pipe[1];
	/* Best effort: a user over the limit for pipes gets a smaller one. */
	(void)sys_fcntl_setpipe(ours, PIPE_SIZE);
	if (meter)
		meter_part(meter, meta->snap, m->archive->user, m->archive->bytes);
	if (packer_pack_begin(m->archive->packer, theirs, m->saving->options->level, &m->report,
			      meter, err) < 0)
		return -1;
	m->pipe = TAKE_FD(ours);
	return 0;
}

/* The pipe has ended: only the packer's own word makes the archive complete. */
static int member_finish(struct member *m, struct err *err)
{
	uint8_t hash[DIGEST_MAX_SIZE];
	struct pack_counts counts;

	if (packer_pack_end(m->archive->packer, m->saving->options->observer, &counts, err) < 0 ||
	    hasher_final(m->hasher, hash, err) < 0)
		return -1;
	digest_hex(hash, DIGEST_SHA3_384_SIZE, m->meta->sha3);
	m->meta->bytes = counts.bytes;
	m->meta->allocated = counts.allocated;
	m->meta->entries = counts.entries;
	hasher_free(TAKE_PTR(m->hasher)); /* its memory, while the next is packed */
	m->saving->meta->size += m->size;
	m->done = true;
	return 0;
}

/* zip_source_ops.read */
static ssize_t member_read(void *ctx, void *p, size_t n, struct err *err)
{
	struct member *m = ctx;
	ssize_t got;

	if (m->done)
		return 0;
	if (worker_wait_readable(m->archive->packer, m->pipe, m->saving->options->observer, err) < 0)
		return err_wrap(err, "cannot pack %s", q(m->archive->member));
	do
		got = sys_read(m->pipe, p, n);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_errno(err, "cannot read an archive from its packer");
	if (got == 0)
		return member_finish(m, err);
	m->size += (uint64_t)got;
	return hasher_update(m->hasher, p, (size_t)got, err) < 0 ? -1 : got;
}

/* zip_source_ops.open of meta.json: every archive is known by now. */
static int json_open(void *ctx, struct err *err)
{
	struct text_member *t = ctx;

	return snapshot_write(t->saving->meta, &t->text, err);
}

/* zip_source_ops.open of meta.sha3_384 */
static int hash_open(void *ctx, struct err *err)
{
	struct text_member *t = ctx;
	const struct buf *json = &t->saving->json.text;
	char hex[DIGEST_SHA3_384_HEX + 1];
	uint8_t hash[DIGEST_MAX_SIZE];

	if (digest_of(DIGEST_SHA3_384, json->data, json->len, hash, err) < 0)
		return -1;
	digest_hex(hash, DIGEST_SHA3_384_SIZE, hex);
	return buf_printf(&t->text, err, "%s\n", hex);
}

/* zip_source_ops.read of both */
static ssize_t text_read(void *ctx, void *p, size_t n, struct err *err)
{
	struct text_member *t = ctx;
	size_t left = t->text.len - t->read;

	(void)err;
	if (n > left)
		n = left;
	memcpy(p, t->text.data + t->read, n);
	t->read += n;
	return (ssize_t)n;
}

/* Declares all members to the zip, in the order of the format. */
static int add_members(struct saving *s, const struct save_archive *archives, struct err *err)
{
	static const struct zip_source_ops archive_ops = { member_open, member_read };
	static const struct zip_source_ops json_ops = { json_open, text_read };
	static const struct zip_source_ops hash_ops = { hash_open, text_read };

	for (size_t i = 0; i < s->n_members; i++) {
		s->members[i] = (struct member){ .saving = s, .archive = &archives[i], .pipe = -1 };
		if (zip_writer_add(s->zip, archives[i].member, ZIP_STORED, &archive_ops,
				   &s->members[i], err) < 0)
			return -1;
	}
	s->json.saving = s->hash.saving = s;
	if (zip_writer_add(s->zip, "meta.json", ZIP_DEFLATED, &json_ops, &s->json, err) < 0)
		return -1;
	return zip_writer_add(s->zip, "meta.sha3_384", ZIP_DEFLATED, &hash_ops, &s->hash, err);
}

/* Frees what a saving holds, finished or not. */
static void saving_done(struct saving *s)
{
	zip_writer_free(s->zip);
	for (size_t i = 0; s->members && i < s->n_members; i++) {
		hasher_free(s->members[i].hasher);
		if (s->members[i].pipe >= 0)
			sys_close_best_effort(s->members[i].pipe);
	}
	free(s->members);
	buf_done(&s->json.text);
	buf_done(&s->hash.text);
}

/* What is full is the store: nothing else is written to. */
static int cannot_save(const struct store *store, const struct snapshot *meta, struct err *err)
{
	if (err_is(err, ERR_NO_SPACE))
		return err_wrap(err, "cannot save %s in %s", q(meta->snap), q(store_path(store)));
	return err_wrap(err, "cannot save %s", q(meta->snap));
}

int save_snapshot(struct store *store, struct snapshot *meta, const struct save_archive *archives,
		  size_t n, const struct save_options *options, struct save_result *ret,
		  struct err *err)
{
	struct save_result result = { 0 };
	_cleanup_(saving_done) struct saving s = { .meta = meta,
						   .options = options,
						   .result = &result,
						   .n_members = n };
	_cleanup_(atomic_file_abortp) struct atomic_file *file = NULL;
	_cleanup_free_ char *name = NULL;

	s.members = alloc_zero(n, sizeof(*s.members), err);
	/* Descriptor 0 is somebody else's. */
	for (size_t i = 0; s.members && i < n; i++)
		s.members[i].pipe = -1;
	if (!s.members || store_file_name(meta->set, meta, &name, err) < 0)
		return -1;
	if (atomic_file_open(store_fd(store), name, 0600, ATOMIC_FILE_NO_DIR_SYNC, &file, err) < 0 ||
	    zip_writer_new(atomic_file_fd(file), &s.zip, err) < 0 ||
	    add_members(&s, archives, err) < 0 || zip_writer_finish(s.zip, err) < 0 ||
	    atomic_file_commit(TAKE_PTR(file), err) < 0)
		return cannot_save(store, meta, err);
	result.file_name = TAKE_PTR(name);
	*ret = result;
	return 0;
}

struct estimating {
	const struct save_options *options;
	size_t trees, problems;
};

/* declared.tree while estimating */
static int count_tree(void *ctx, const struct save_tree *t, const struct packer_found *found,
		      struct err *err)
{
	(void)t;
	(void)found;
	(void)err;
	((struct estimating *)ctx)->trees++;
	return 0;
}

/* declared.problem while estimating */
static int count_problem(void *ctx, const struct save_tree *t, const struct err *why,
			 struct err *err)
{
	struct estimating *e = ctx;

	(void)err;
	observer_warn(e->options->observer, t->name, "%s: %s", q(t->path), err_message(why));
	e->problems++;
	return 0;
}

int save_estimate(const struct save_archive *archive, const struct strings *exclude,
		  const struct save_options *options, size_t *ret_trees, size_t *ret_problems,
		  struct pack_counts *ret, struct err *err)
{
	struct estimating e = { options, 0, 0 };
	struct declared d = { count_tree, count_problem, &e };
	struct pack_counts counts = { 0 };

	if (declare(archive, exclude ? exclude->items : NULL, exclude ? exclude->n : 0, options, &d,
		    err) < 0)
		return -1;
	if (e.trees > 0 && packer_estimate(archive->packer, options->observer, &counts, err) < 0)
		return -1;
	*ret_trees = e.trees;
	*ret_problems = e.problems;
	*ret = counts;
	return 0;
}
