/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/sets_internal.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "backend/worker/reader.h"
#include "state/session_internal.h"

/*
 * A record of the cache: the content hash of the snapshot in both forms, and the snapshot
 * itself (snapshot_pack(), which begins with a mark of its own).  Computing the hashes
 * anew costs as much as all the rest of a listing.
 */
#define HASHES_SIZE ((size_t)2 * DIGEST_SHA256_SIZE)

/* So many are written to the cache at once: bounds memory where a large store is
 * read for the first time. */
#define NEWS_MAX ((size_t)1024)

/* What the cache is going to be told of a file. */
struct sets_news {
	const struct store_file *file;
	struct buf record;
	char *broken;
};

int sets_put_string(char **to, const char *from, size_t n, struct err *err)
{
	char *copied = alloc_strndup(from, n, err);

	if (!copied)
		return -1;
	free(*to);
	*to = copied;
	return 0;
}

int sets_guess_meta(const char *file, struct snapshot **ret, struct err *err)
{
	_cleanup_(snapshot_freep) struct snapshot *m = NULL;
	const char *app = strchr(file, '_');
	size_t n;

	if (snapshot_new(&m, err) < 0)
		return -1;
	app = app ? app + 1 : file;
	n = strcspn(app, "_");
	if (app[n] == '\0' && n > 4)
		n -= 4; /* no second part: all but ".zip" */
	if (sets_put_string(&m->snap, app, n, err) < 0 ||
	    sets_put_string(&m->revision, "", 0, err) < 0 ||
	    sets_put_string(&m->summary, "", 0, err) < 0 ||
	    sets_put_string(&m->version, "", 0, err) < 0)
		return -1;
	*ret = TAKE_PTR(m);
	return 0;
}

/* ---- The cache ---- */

/* From the cache: true where it knew. */
static bool remembered(struct sets_reading *r, const struct store_file *f,
		       struct set_snapshot *ret)
{
	struct db *db = r->session->db;
	_cleanup_(err_clear) struct err ignored = ERR_INIT;
	_cleanup_(snapshot_freep) struct snapshot *m = NULL;
	char *broken = NULL;

	buf_clear(&r->record);
	if (!db || !db_cache_get(db, f, &r->record, &broken))
		return false;
	if (broken) {
		ret->broken = broken;
		ret->broken_kind = ERR_CORRUPT;
		return true;
	}
	/* A cache that does not fit is no cache. */
	if (r->record.len < HASHES_SIZE || snapshot_new(&m, &ignored) < 0 ||
	    snapshot_unpack(r->record.data + HASHES_SIZE, r->record.len - HASHES_SIZE, m,
			    &ignored) < 0)
		return false;
	memcpy(ret->hashes, r->record.data, HASHES_SIZE);
	ret->meta = TAKE_PTR(m);
	return true;
}

static void news_done(struct sets_news *news)
{
	buf_done(&news->record);
	free(news->broken);
}

/* Puts into *ret what the cache is to remember of a snapshot. */
static int make_news(const struct store_file *f, const struct set_snapshot *s,
		     struct sets_news *ret, struct err *err)
{
	*ret = (struct sets_news){ .file = f, .record = BUF_INIT };
	if (s->broken) {
		ret->broken = alloc_strdup(s->broken, err);
		return ret->broken ? 0 : -1;
	}
	if (buf_add(&ret->record, s->hashes, HASHES_SIZE, err) < 0)
		return -1;
	return snapshot_pack(s->meta, &ret->record, err);
}

/* For the next time. */
static void remember(struct sets_reading *r, const struct store_file *f,
		     const struct set_snapshot *s)
{
	_cleanup_(err_clear) struct err ignored = ERR_INIT;
	struct sets_news news;

	if (!r->session->db)
		return;
	if (make_news(f, s, &news, &ignored) < 0 ||
	    alloc_grow(&r->news, r->n, &r->cap, sizeof(*r->news), &ignored) < 0) {
		news_done(&news);
		return;
	}
	r->news[r->n++] = news;
	if (r->n == NEWS_MAX)
		sets_reading_flush(r);
}

void sets_reading_flush(struct sets_reading *r)
{
	struct db *db = r->session->db;
	bool reading;

	if (r->n == 0)
		return;
	reading = db_read_end(db);
	if (db_cache_begin_best_effort(db)) {
		for (size_t i = 0; i < r->n; i++) {
			const struct sets_news *news = &r->news[i];

			db_cache_put_best_effort(db, news->file,
						 news->broken ? NULL : news->record.data,
						 news->record.len, news->broken);
		}
		db_cache_end_best_effort(db);
	}
	if (reading)
		db_read_begin_best_effort(db);
	for (size_t i = 0; i < r->n; i++)
		news_done(&r->news[i]);
	r->n = 0;
}

void sets_reading_done(struct sets_reading *r)
{
	for (size_t i = 0; i < r->n; i++)
		news_done(&r->news[i]);
	free(r->news);
	buf_done(&r->record);
	digest_free(r->sha256);
	*r = (struct sets_reading){ .session = r->session };
}

/* ---- The file itself ---- */

bool set_snapshot_is_damaged(const struct set_snapshot *snapshot)
{
	return snapshot->broken && (snapshot->broken_kind == ERR_CORRUPT ||
				    snapshot->broken_kind == ERR_UNSUPPORTED);
}

/* Opens the file in the reader, which says what is wrong with it in *problem.
 * -1 is our own failure. */
static int open_once(struct session *s, const struct store_file *f, struct snapshot **ret,
		     struct err *problem, struct err *err)
{
	_cleanup_close_ int fd = store_open_file(s->store, f->name, problem);
	struct worker *reader;
	uint64_t handle = 0;

	if (fd < 0)
		return 0;
	if (session_reader(s, &reader, err) < 0 ||
	    reader_open(reader, fd, s->observer, ret, &handle, problem, err) < 0)
		return -1;
	return handle != 0 ? reader_close(reader, handle, s->observer, err) : 0;
}

/* Through the reader. What is wrong with the file is what it says;
 * -1 is our own failure. */
static int ask_reader(struct session *s, const struct store_file *f,
		      struct set_snapshot *ret, struct err *err)
{
	_cleanup_(err_clear) struct err problem = ERR_INIT;

	if (open_once(s, f, &ret->meta, &problem, err) < 0)
		return -1;
	if (err_is(&problem, ERR_NOMEM) || err_is(&problem, ERR_INTERRUPTED))
		return err_move(err, &problem);
	if (problem.kind != ERR_NONE) {
		ret->broken = alloc_strdup(err_message(&problem), err);
		ret->broken_kind = problem.kind;
		return ret->broken ? 0 : -1;
	}
	for (int form = 0; form < 2; form++)
		if (snapshot_content_hash(ret->meta, form == 1, ret->hashes[form], err) <
		    0)
			return -1;
	return 0;
}

/* As sets_read_file(), but for the number. */
static int read_meta(struct sets_reading *r, const struct store_file *f,
		     struct set_snapshot *ret, struct err *err)
{
	bool settled;

	if (remembered(r, f, ret))
		return 0;
	/* Asked before it is read: what changes from now on shows in its times. */
	settled = db_cache_is_settled(f);
	if (ask_reader(r->session, f, ret, err) < 0)
		return -1;
	/* A file that could not be read may be readable tomorrow, unchanged. */
	if (settled && (!ret->broken || set_snapshot_is_damaged(ret)))
		remember(r, f, ret);
	return 0;
}

int sets_read_file(struct sets_reading *r, const struct store_file *f,
		   struct set_snapshot *ret, struct err *err)
{
	struct set_snapshot one = { 0 };

	if (sets_put_string(&one.file, f->name, strlen(f->name), err) < 0 ||
	    read_meta(r, f, &one, err) < 0 ||
	    (!one.meta && sets_guess_meta(f->name, &one.meta, err) < 0)) {
		set_snapshot_done(&one);
		return -1;
	}
	/* The number of the name outranks the one inside. */
	one.meta->set = f->set;
	*ret = one;
	return 0;
}

/* ---- The content hash ---- */

/* One form of it. */
static int hash_form(struct sets_reading *r, const struct set *set, int form,
		     uint8_t ret[DIGEST_SHA256_SIZE], struct err *err)
{
	_cleanup_free_ struct snapshot_member *members =
		alloc_zero(set->n, sizeof(*members), err);

	if (!members)
		return -1;
	for (size_t i = 0; i < set->n; i++) {
		members[i].snap = set->snapshots[i].meta->snap;
		memcpy(members[i].hash, set->snapshots[i].hashes[form],
		       DIGEST_SHA256_SIZE);
	}
	return snapshot_members_hash(r->sha256, members, set->n, ret, err);
}

int sets_hash(struct sets_reading *r, struct set *set, struct err *err)
{
	bool alike = true;

	if (!r->sha256 && digest_new(DIGEST_SHA256, &r->sha256, err) < 0)
		return -1;
	for (size_t i = 0; i < set->n; i++)
		alike = alike &&
			memcmp(set->snapshots[i].hashes[0], set->snapshots[i].hashes[1],
			       DIGEST_SHA256_SIZE) == 0;
	if (hash_form(r, set, 0, set->hashes[0], err) < 0)
		return -1;
	if (alike)
		memcpy(set->hashes[1], set->hashes[0], DIGEST_SHA256_SIZE);
	else if (hash_form(r, set, 1, set->hashes[1], err) < 0)
		return -1;
	digest_hex(set->hashes[0], DIGEST_SHA256_SIZE, set->content_hash);
	return 0;
}
