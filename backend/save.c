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
#include "backend/save_internal.h"
#include "backend/zip.h"

/* Room in the pipe, so that the packer rarely waits for the hash
 * and the other way round. */
#define PIPE_SIZE (1 << 20)

struct saving;

/* One archive on its way; the source of a zip member. */
struct member {
	struct saving *saving;
	const struct save_archive *archive;
	struct snapshot_archive *meta; /* valid once the archive is declared */
	struct hasher *hasher;
	struct fingerprint *fingerprint;
	struct save_held_reader held; /* where it is not packed */
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
	bool take_held;
	size_t listed;                   /* bytes of what was skipped or changed */
	const struct save_held *damaged; /* what was held could not be taken over */
};

/* A list that is too long for the metadata fails now as it would in the end: a packer may
 * not fill memory with it.  What it lists is longer when it is written. */
static int check_lists(struct member *m, const char *path, const char *why,
		       struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	size_t *listed = &m->saving->listed;

	*listed += strlen(path) + (why ? strlen(why) : 0);
	return *listed > SNAPSHOT_META_MAX ? snapshot_write(m->saving->meta, &text, err)
					   : 0;
}

/* Where on this machine a path of the archive lies. */
static char *shown_path(const struct member *m, const char *path, struct err *err)
{
	const struct save_archive *a = m->archive;
	const char *root = m->saving->options->root;

	for (size_t i = 0; i < a->n_trees; i++) {
		const struct save_tree *t = &a->trees[i];
		size_t n = strlen(t->archive_path);

		if (strncmp(path, t->archive_path, n) == 0 &&
		    (path[n] == '/' || !path[n]))
			return alloc_printf(err, "%s%s%s", root ? root : "", t->path,
					    path + n);
	}
	return alloc_strdup(path, err);
}

char *save_whose(const char *app, const char *user, struct err *err)
{
	return alloc_printf(err, "%s%s%s", app, user ? " of " : "", user ? user : "");
}

/* Warns with what a person knows it by: app, user and path. */
static int warn_of(const struct member *m, const char *path, const char *what,
		   const char *why, struct err *err)
{
	const char *app = m->saving->meta->snap, *user = m->archive->user;
	_cleanup_free_ char *shown = shown_path(m, path, err);
	_cleanup_free_ char *whose = NULL;

	if (shown)
		whose = save_whose(app, user, err);
	if (!whose)
		return -1;
	observer_warn(m->saving->options->observer, whose, "%s %s%s", q(shown), what,
		      why);
	return 0;
}

/* What was left out goes into the metadata. */
static int record_skipped(struct member *m, const char *path, const char *why,
			  struct err *err)
{
	m->saving->result->skipped++;
	if (snapshot_add_skipped(m->meta, path, why, err) < 0)
		return -1;
	return check_lists(m, path, why, err);
}

/* pack_report */
static int report_skipped(void *ctx, const char *path, const char *why, struct err *err)
{
	if (warn_of(ctx, path, "left out: ", why, err) < 0)
		return -1;
	return record_skipped(ctx, path, why, err);
}

/* pack_report */
static int report_changed(void *ctx, const char *path, struct err *err)
{
	struct member *m = ctx;

	m->saving->result->changed++;
	if (warn_of(m, path, "changed while it was read", "", err) < 0 ||
	    snapshot_add_changed(m->meta, path, err) < 0)
		return -1;
	return check_lists(m, path, NULL, err);
}

/* Copies all patterns of a list into the metadata of a tree. */
static int copy_patterns(struct snapshot_tree *t, const struct strings *from,
			 struct err *err)
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

/* save_declared.tree: the tree goes into the metadata. */
static int record_tree(void *ctx, const struct save_tree *t,
		       const struct packer_found *found, struct err *err)
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

/* save_declared.problem: named in the metadata as skipped. */
static int record_problem(void *ctx, const struct save_tree *t, const struct err *why,
			  struct err *err)
{
	struct member *m = ctx;
	const struct save_options *o = m->saving->options;

	if (!o->problem)
		return report_skipped(m, t->archive_path, err_message(why), err);
	if (o->problem(o->problem_ctx, m->archive, t, why, err) < 0)
		return -1;
	return record_skipped(m, t->archive_path, err_message(why), err);
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
	struct save_declared d = { record_tree, record_problem, m, NULL };
	struct pack_report report = { report_skipped, report_changed, m };
	struct meter *meter = m->saving->options->meter;
	_cleanup_close_ int ours = -1, theirs = -1;
	int pipe[2];

	m->report = report;
	if (prepare_meta(m, err) < 0 ||
	    hasher_new(DIGEST_SHA3_384, &m->hasher, err) < 0 ||
	    fingerprint_new(NULL, &m->fingerprint, err) < 0)
		return -1;
	d.fingerprint = m->fingerprint;
	if (save_declare(m->archive, meta->exclude, meta->n_exclude, m->saving->options,
			 &d, err) < 0)
		return -1;
	if (sys_pipe2(pipe, O_CLOEXEC) < 0)
		return err_errno(err, "cannot make a pipe");
	ours = pipe[0];
	theirs = pipe[1];
	/* Best effort: a user over the limit for pipes gets a smaller one. */
	(void)sys_fcntl_setpipe(ours, PIPE_SIZE);
	if (meter)
		meter_part(meter, meta->snap, m->archive->user, m->archive->bytes);
	if (packer_pack_begin(m->archive->packer, theirs, m->saving->options->level,
			      &m->report, meter, err) < 0)
		return -1;
	m->pipe = TAKE_FD(ours);
	return 0;
}

/* Where the member's print goes. */
static struct save_print *member_print(const struct member *m)
{
	return &m->saving->result->prints[m - m->saving->members];
}

/* The pipe has ended: only the packer's own word makes the archive complete. */
static int member_finish(struct member *m, struct err *err)
{
	uint8_t hash[DIGEST_MAX_SIZE];
	struct pack_counts counts;

	if (packer_pack_end(m->archive->packer, m->saving->options->observer, &counts,
			    err) < 0 ||
	    hasher_final(m->hasher, hash, err) < 0 ||
	    save_print_final(m->fingerprint, &counts, m->saving->options->settle,
			     m->meta->n_skipped == 0 && m->meta->n_changed == 0,
			     member_print(m), err) < 0)
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
	if (worker_wait_readable(m->archive->packer, m->pipe,
				 m->saving->options->observer, err) < 0)
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

/* Describes an archive that is held. */
static int describe_held(struct member *m, struct err *err)
{
	const struct save_held *h = m->archive->held;

	if (prepare_meta(m, err) < 0 || save_held_describe(h, m->meta, err) < 0)
		return -1;
	m->held = (struct save_held_reader){ .held = h };
	*member_print(m) = h->print;
	m->saving->meta->size += h->place.size;
	return 0;
}

/* zip_source_ops.open of one that is held */
static int held_open(void *ctx, struct err *err)
{
	struct member *m = ctx;
	struct meter *meter = m->saving->options->meter;

	if (meter)
		meter_part(meter, m->saving->meta->snap, m->archive->user,
			   m->archive->bytes);
	return describe_held(m, err);
}

/* zip_source_ops.read of one that is held */
static ssize_t held_read(void *ctx, void *p, size_t n, struct err *err)
{
	struct member *m = ctx;
	ssize_t got;

	if (observer_check(m->saving->options->observer, err) < 0)
		return -1;
	got = save_held_read(&m->held, p, n, err);
	if (got < 0)
		m->saving->damaged = m->archive->held;
	meter_at(m->saving->options->meter, m->held.done);
	return got;
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
static int add_members(struct saving *s, const struct save_archive *archives,
		       struct err *err)
{
	static const struct zip_source_ops packed_ops = { member_open, member_read };
	static const struct zip_source_ops held_ops = { held_open, held_read };
	static const struct zip_source_ops json_ops = { json_open, text_read };
	static const struct zip_source_ops hash_ops = { hash_open, text_read };

	for (size_t i = 0; i < s->n_members; i++) {
		bool held = s->take_held && archives[i].held;

		if (zip_writer_add(s->zip, archives[i].member, ZIP_STORED,
				   held ? &held_ops : &packed_ops, &s->members[i],
				   err) < 0)
			return -1;
	}
	if (zip_writer_add(s->zip, "meta.json", ZIP_DEFLATED, &json_ops, &s->json, err) <
	    0)
		return -1;
	return zip_writer_add(s->zip, "meta.sha3_384", ZIP_DEFLATED, &hash_ops, &s->hash,
			      err);
}

/* Frees what a saving holds, finished or not. */
static void saving_done(struct saving *s)
{
	zip_writer_free(s->zip);
	for (size_t i = 0; s->members && i < s->n_members; i++) {
		hasher_free(s->members[i].hasher);
		fingerprint_free(s->members[i].fingerprint);
		if (s->members[i].pipe >= 0)
			sys_close_best_effort(s->members[i].pipe);
	}
	free(s->members);
	buf_done(&s->json.text);
	buf_done(&s->hash.text);
}

/* What is full is the store: nothing else is written to. */
static int cannot_save(const struct store *store, const struct snapshot *meta,
		       struct err *err)
{
	if (err_is(err, ERR_NO_SPACE))
		return err_wrap(err, "cannot save %s in %s", q(meta->snap),
				q(store_path(store)));
	return err_wrap(err, "cannot save %s", q(meta->snap));
}

/* Everything anew: packed, or held one by one. */
static int write_zip(struct saving *s, const struct save_archive *archives, int fd,
		     struct err *err)
{
	if (zip_writer_new(fd, &s->zip, err) < 0 || add_members(s, archives, err) < 0)
		return -1;
	return zip_writer_finish(s->zip, err);
}

/* The beginning of an older zip, and metadata. */
static int renew_zip(struct saving *s, const struct zip_member *kept, int fd,
		     struct err *err)
{
	const struct save_archive *first = s->members[0].archive;
	const struct save_options *o = s->options;
	struct zip_renewal z = { .fd = fd,
				 .from = first->held->fd,
				 .kept = kept,
				 .n_kept = s->n_members,
				 .n_texts = 2,
				 .observer = o->observer,
				 .meter = o->meter };
	uint64_t bytes = 0;

	for (size_t i = 0; i < s->n_members; i++) {
		bytes = meter_add(bytes, s->members[i].archive->bytes);
		if (describe_held(&s->members[i], err) < 0)
			return -1;
	}
	if (o->meter)
		meter_part(o->meter, s->meta->snap, first->user, bytes);
	if (json_open(&s->json, err) < 0 || hash_open(&s->hash, err) < 0)
		return -1;
	const struct zip_text texts[] = {
		{ "meta.json", s->json.text.data, s->json.text.len },
		{ "meta.sha3_384", s->hash.text.data, s->hash.text.len }
	};
	z.texts = texts;
	if (zip_renew(&z, err) == 0)
		return 0;
	if (err_is(err, ERR_CORRUPT))
		s->damaged = first->held;
	return -1;
}

/* What is to be known of a file whose bytes are durable and do not change any more. */
static int look_at_file(int fd, struct store_file *ret, struct err *err)
{
	struct stat st;

	if (sys_fstat(fd, &st) < 0)
		return err_errno(err, "cannot look at the zip file");
	ret->uid = st.st_uid;
	ret->size = (uint64_t)st.st_size;
	ret->dev = st.st_dev;
	ret->ino = st.st_ino;
	ret->mtime_sec = st.st_mtim.tv_sec;
	ret->mtime_nsec = (uint32_t)st.st_mtim.tv_nsec;
	return 0;
}

/* The file itself; s->damaged: an older zip is to blame. */
static int write_snapshot(struct store *store, struct saving *s,
			  const struct save_archive *archives, struct err *err)
{
	_cleanup_(atomic_file_abortp) struct atomic_file *file = NULL;
	_cleanup_free_ struct zip_member *kept = NULL;
	int r;

	s->members = alloc_zero(s->n_members, sizeof(*s->members), err);
	if (!s->members)
		return -1;
	for (size_t i = 0; i < s->n_members; i++)
		s->members[i] = (struct member){ .saving = s,
						 .archive = &archives[i],
						 .pipe = -1 };
	s->json.saving = s->hash.saving = s;
	if ((s->take_held &&
	     save_held_beginning(archives, s->n_members, &kept, err) < 0) ||
	    atomic_file_open(store_fd(store), s->result->file.name, 0600,
			     ATOMIC_FILE_NO_DIR_SYNC, &file, err) < 0)
		return -1;
	r = kept ? renew_zip(s, kept, atomic_file_fd(file), err)
		 : write_zip(s, archives, atomic_file_fd(file), err);
	if (r < 0 || look_at_file(atomic_file_fd(file), &s->result->file, err) < 0)
		return -1;
	return atomic_file_commit(TAKE_PTR(file), err);
}

/* One attempt, with what is held or without; *ret_damaged: what is held is to blame. */
static int attempt(struct store *store, struct snapshot *meta,
		   const struct save_archive *archives, size_t n,
		   const struct save_options *options, bool take_held,
		   struct save_result *result, const struct save_held **ret_damaged,
		   struct err *err)
{
	_cleanup_(saving_done) struct saving s = { .meta = meta,
						   .options = options,
						   .result = result,
						   .n_members = n,
						   .take_held = take_held };
	int r = write_snapshot(store, &s, archives, err);

	*ret_damaged = r < 0 ? s.damaged : NULL;
	return r;
}

void save_result_done(struct save_result *r)
{
	free(r->prints);
	free(r->file.name);
	*r = (struct save_result){ 0 };
}

int save_snapshot(struct store *store, struct snapshot *meta,
		  const struct save_archive *archives, size_t n,
		  const struct save_options *options, struct save_result *ret,
		  struct err *err)
{
	_cleanup_(save_result_done) struct save_result result = { 0 };
	const struct save_held *damaged;
	int r;

	result.prints = alloc_zero(n, sizeof(*result.prints), err);
	if (!result.prints ||
	    store_file_name(meta->set, meta, &result.file.name, err) < 0)
		return -1;
	result.file.set = meta->set;
	r = attempt(store, meta, archives, n, options, true, &result, &damaged, err);
	if (r < 0 && damaged) {
		observer_warn(options->observer, meta->snap,
			      "set %llu is damaged (%s): the data are read anew",
			      (unsigned long long)damaged->set, err_message(err));
		err_clear(err);
		snapshot_drop_archives(meta);
		result.skipped = result.changed = 0;
		r = attempt(store, meta, archives, n, options, false, &result, &damaged,
			    err);
	}
	if (r < 0)
		return cannot_save(store, meta, err);
	*ret = result;
	result = (struct save_result){ 0 };
	return 0;
}
