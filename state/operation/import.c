/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/operation/import.h"

#include <errno.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/atomic_file.h"
#include "backend/base/fd.h"
#include "backend/base/meter.h"
#include "backend/base/quote.h"
#include "backend/worker/importer.h"
#include "backend/worker/reader.h"
#include "state/contents.h"
#include "state/new_set.h"
#include "state/operand.h"
#include "state/operation/duplicate.h"
#include "state/retention.h"
#include "state/sets.h"

#define SLICE  ((uint64_t)8 << 20) /* bytes between two looks at the room */
#define INODES 4                   /* zip, marker, .last-set, and what SQLite may need */

struct importing {
	struct session *session;
	const struct import_request *request;
	struct meter meter;
	uint64_t size; /* of the stream; 0: not known */
	uint64_t read; /* bytes of zips so far */
	bool named;    /* the request's name is used up */
	bool passing;  /* the rest of a set that is here already */
	struct duplicates duplicates;

	/* The set under way. */
	struct new_set set;
	bool begun, claimed;
	uint8_t claim[DIGEST_SHA256_SIZE];     /* its content hash, says content.json */
	uint8_t hashes[2][DIGEST_SHA256_SIZE]; /* what it is, in both forms */
	struct snapshot **metas;
	size_t n, cap;
	size_t metadata; /* what export_count_metadata() makes of them */
	bool came;       /* a set did */
};

void import_outcome_done(struct import_outcome *o)
{
	strings_done(&o->apps);
	*o = (struct import_outcome){ 0 };
}

/* Lets go of the set under way; what is not complete of it is removed. */
static void drop_set(struct importing *im)
{
	if (im->begun)
		new_set_done(&im->set);
	for (size_t i = 0; i < im->n; i++)
		snapshot_free(im->metas[i]);
	free(im->metas);
	im->metas = NULL;
	im->n = im->cap = im->metadata = 0;
	im->begun = im->claimed = false;
}

void setaside_import_close(struct importing *im)
{
	_cleanup_(err_clear) struct err ignored = ERR_INIT;

	if (!im)
		return;
	drop_set(im);
	duplicates_done(&im->duplicates);
	if (worker_is_alive(im->session->reader))
		(void)importer_end(im->session->reader, im->session->observer, &ignored);
	free(im);
}

int setaside_import_open_file(const char *path, struct err *err)
{
	_cleanup_close_ int fd = operand_open(path, err);
	struct stat st;

	if (fd < 0)
		return -1;
	if (sys_fstat(fd, &st) < 0)
		return err_errno(err, "cannot look at %s", q(path));
	if (S_ISDIR(st.st_mode))
		return err_set(err, ERR_CORRUPT, "%s is a directory, not an export",
			       q(path));
	return TAKE_FD(fd);
}

/* What is known of the stream's length.  Each byte is gone over
 * twice: written, and hashed. */
static int measure(struct importing *im, int fd, struct err *err)
{
	struct stat st;

	if (sys_fstat(fd, &st) < 0)
		return err_errno(err, "cannot look at the stream");
	if (S_ISDIR(st.st_mode))
		return err_set(err, ERR_CORRUPT, "it is a directory, not an export");
	if (S_ISREG(st.st_mode))
		im->size = (uint64_t)st.st_size;
	meter_init(&im->meter, im->session->observer, meter_add(im->size, im->size));
	return 0;
}

int setaside_import_open(struct session *s, int fd, const struct import_request *request,
			 struct importing **ret, struct err *err)
{
	_cleanup_(setaside_import_closep) struct importing *im = NULL;
	struct worker *reader;

	session_unshield(s);
	if (session_check_own_store(s, "importing", err) < 0 ||
	    (request->note && sets_check_note(request->note, err) < 0) ||
	    new_set_check_name(s, request->name, err) < 0 ||
	    session_reader(s, &reader, err) < 0)
		return -1;
	im = alloc_zero(1, sizeof(*im), err);
	if (!im)
		return -1;
	im->session = s;
	im->duplicates.session = s;
	im->request = request;
	if (measure(im, fd, err) < 0 || importer_begin(reader, fd, s->observer, err) < 0)
		return -1;
	*ret = TAKE_PTR(im);
	return 0;
}

/* ---- A zip ---- */

/* The name that was asked for, as far as it is for this set. */
static const char *wished_name(const struct importing *im)
{
	return im->named ? NULL : im->request->name;
}

/* A number for the set, before the first of its files. */
static int begin_set(struct importing *im, struct err *err)
{
	struct stamp now;

	if (im->begun)
		return 0;
	if (stamp_now(&now, err) < 0)
		return -1;
	new_set_init(&im->set, im->session, DB_SET_IMPORTING, DB_SET_IMPORTED);
	im->begun = true;
	im->set.row.created = now.sec;
	if (wished_name(im)) {
		/* From now on nobody else can take it. */
		im->set.row.name = alloc_strdup(wished_name(im), err);
		if (!im->set.row.name)
			return -1;
	}
	return new_set_begin(&im->set, NULL, NULL, err);
}

/* Is there room for so many bytes more? */
static int check_room(const struct importing *im, uint64_t bytes, struct err *err)
{
	struct session *s = im->session;
	struct retention_room room;

	if (retention_room(store_fd(s->store), &s->config.reserve, &room, err) < 0)
		return -1;
	return retention_check_room(&room, bytes, INODES, s->store_shown, err);
}

/* From the stream into the file. */
static int copy(struct importing *im, const struct importer_part *part, int out,
		struct err *err)
{
	const struct observer *o = im->session->observer;
	uint64_t done = 0, begun = 0, n;

	if (im->size != 0 && part->size > im->size)
		return err_set(err, ERR_CORRUPT,
			       "it is cut short: it should have %llu bytes",
			       (unsigned long long)part->size);
	meter_part(&im->meter, NULL, NULL, part->size);
	do {
		if (observer_check(o, err) < 0 ||
		    check_room(im, part->size - done, err) < 0 ||
		    importer_copy(im->session->reader, out, SLICE, o, &n, err) < 0)
			return -1;
		if (n > part->size - done)
			return err_set(err, ERR_CORRUPT,
				       "the reader wrote more than there is");
		done += n;
		fd_write_behind(out, &begun, done);
		im->read += n;
		if (im->size != 0)
			meter_at(&im->meter, done);
		else
			observer_progress(o, im->read, 0);
	} while (n > 0);
	if (done != part->size)
		return err_set(err, ERR_CORRUPT, "the reader wrote less than there is");
	return 0;
}

/* Each archive against its hash. */
static int check_archives(struct importing *im, uint64_t handle, const struct snapshot *m,
			  struct err *err)
{
	const struct observer *o = im->session->observer;

	for (size_t i = 0; i < m->n_archives; i++) {
		const char *name = m->archives[i].name;
		uint64_t size;

		if (reader_size(im->session->reader, handle, name, o, &size, err) < 0)
			return -1;
		meter_part(&im->meter, m->snap, NULL, size);
		if (reader_check(im->session->reader, handle, name, false,
				 im->size ? &im->meter : NULL, o, err) < 0)
			return -1;
	}
	return 0;
}

/* Opens what was written, and believes it as far as it proves itself. */
static int verify(struct importing *im, int fd, struct snapshot **ret, struct err *err)
{
	_cleanup_(snapshot_freep) struct snapshot *m = NULL;
	_cleanup_(err_clear) struct err problem = ERR_INIT;
	uint64_t handle;
	int r;

	if (reader_open(im->session->reader, fd, im->session->observer, &m, &handle,
			&problem, err) < 0)
		return -1;
	if (handle == 0)
		return err_move(err, &problem);
	r = check_archives(im, handle, m, err);
	if (worker_is_alive(im->session->reader) &&
	    reader_close(im->session->reader, handle, im->session->observer,
			 r < 0 ? &problem : err) < 0)
		r = -1;
	if (r < 0)
		return -1;
	*ret = TAKE_PTR(m);
	return 0;
}

/* Keeps the metadata; an app is in a set once. */
static int add_meta(struct importing *im, struct snapshot *m, struct err *err)
{
	if (export_count_metadata(m, &im->metadata, err) < 0)
		/* The stream is at fault, not this machine. */
		return err_is(err, ERR_NO_SPACE) ? err_reclassify(err, ERR_CORRUPT) : -1;
	for (size_t i = 0; i < im->n; i++)
		if (strcmp(im->metas[i]->snap, m->snap) == 0)
			return err_set(err, ERR_CORRUPT, "a second snapshot of %s",
				       q(m->snap));
	if (alloc_grow(&im->metas, im->n, &im->cap, sizeof(*im->metas), err) < 0)
		return -1;
	im->metas[im->n++] = m;
	return 0;
}

/* Notes the name, then gives it. */
static int name_file(struct importing *im, struct atomic_file *f,
		     const struct snapshot *m, struct err *err)
{
	_cleanup_(atomic_file_abortp) struct atomic_file *file = f;
	_cleanup_free_ char *name = NULL;

	if (store_file_name(im->set.row.id, m, &name, err) < 0 ||
	    new_set_add_file(&im->set, name, m->snap, err) < 0 ||
	    atomic_file_rename(file, name, err) < 0)
		return -1;
	return atomic_file_commit(TAKE_PTR(file), err);
}

/* One zip, from the stream to its place. */
static int take_zip(struct importing *im, const struct importer_part *part,
		    struct err *err)
{
	_cleanup_(atomic_file_abortp) struct atomic_file *f = NULL;
	_cleanup_(snapshot_freep) struct snapshot *m = NULL;
	const struct snapshot *meta;

	if (begin_set(im, err) < 0 ||
	    atomic_file_open(store_fd(im->session->store), "import", 0600,
			     ATOMIC_FILE_NO_DIR_SYNC, &f, err) < 0 ||
	    copy(im, part, atomic_file_fd(f), err) < 0 ||
	    verify(im, atomic_file_fd(f), &m, err) < 0 || add_meta(im, m, err) < 0)
		return err_wrap(err, "%s", q(part->name));
	meta = TAKE_PTR(m);
	if (name_file(im, TAKE_PTR(f), meta, err) < 0)
		return err_wrap(err, "%s", q(part->name));
	return 0;
}

/* ---- The end of a set ---- */

/* The metadata may hold what this version drops: then only its writer
 * can compute the hash. */
static bool has_unknown_keys(const struct importing *im)
{
	for (size_t i = 0; i < im->n; i++)
		if (im->metas[i]->unknown_keys)
			return true;
	return false;
}

/* Computes the content hash in its two forms and compares it with what was claimed; *ret
 * is the form that fits, or the first. */
static int compare_hash(struct importing *im, bool *ret_known, const uint8_t **ret,
			struct err *err)
{
	const struct snapshot *const *metas = (const struct snapshot *const *)im->metas;

	*ret_known = im->claimed;
	*ret = im->hashes[0];
	for (int form = 0; form < 2; form++)
		if (snapshot_set_hash(metas, im->n, form == 1, im->hashes[form], err) < 0)
			return -1;
	for (int form = 0; im->claimed && form < 2; form++) {
		if (memcmp(im->hashes[form], im->claim, sizeof(im->claim)) == 0) {
			*ret = im->hashes[form];
			return 0;
		}
	}
	if (!im->claimed)
		return 0;
	if (!has_unknown_keys(im))
		return err_set(err, ERR_CORRUPT,
			       "%s names another content hash than that of what came",
			       EXPORT_CONTENT);
	*ret_known = false;
	observer_note(
		im->session->observer, NULL,
		"the metadata has keys that this version does not know, so that the content"
		" hash in %s could not be compared",
		EXPORT_CONTENT);
	return 0;
}

/* The name that the set had where it was saved, if it is one and free here. */
static int take_own_name(const struct importing *im, struct err *err)
{
	_cleanup_(err_clear) struct err why = ERR_INIT;
	struct session *s = im->session;
	const char *name = im->metas[0]->name;

	if (!name || (new_set_check_name(s, name, &why) == 0 &&
		      db_set_rename(s->db, im->set.row.id, name, &why) == 0))
		return 0;
	if (!err_is(&why, ERR_USAGE) && !err_is(&why, ERR_EXISTS))
		return err_move(err, &why);
	observer_note(s->observer, NULL, "the set's own name is not taken over: %s",
		      err_message(&why));
	return 0;
}

/* What a person calls it. */
static int describe(struct importing *im, struct err *err)
{
	_cleanup_(err_clear) struct err why = ERR_INIT;
	const struct import_request *r = im->request;
	const char *note = r->note ? r->note : im->metas[0]->note;

	if (note && !r->note && sets_check_note(note, &why) < 0) {
		observer_note(im->session->observer, NULL,
			      "the set's own note is not taken over: %s",
			      err_message(&why));
		note = NULL;
	}
	if ((!wished_name(im) && take_own_name(im, err) < 0) ||
	    (note && db_set_put_note(im->session->db, im->set.row.id, note, err) < 0))
		return -1;
	im->named = true;
	return 0;
}

/* Fills in the answer for the set under way. */
static int answer(const struct importing *im, struct import_outcome *ret, struct err *err)
{
	ret->set = im->set.row.id;
	for (size_t i = 0; i < im->n; i++)
		if (strings_add(&ret->apps, im->metas[i]->snap, err) < 0)
			return -1;
	strings_sort(&ret->apps);
	return 0;
}

/* ERR_DUPLICATE; what came of the set goes. */
static int refuse_duplicate(struct importing *im, const struct import_outcome *o,
			    struct err *err)
{
	drop_set(im);
	if (im->request->name && !im->named)
		observer_note(
			im->session->observer, NULL,
			"set %llu is not renamed: the name was for a set that is here already",
			(unsigned long long)o->set);
	im->named = true;
	return err_set(err, ERR_DUPLICATE, "the set is here already, as set %llu",
		       (unsigned long long)o->set);
}

/* Is there a set of this content?  1: ERR_DUPLICATE is set. */
static int look_for(struct importing *im, const uint8_t hash[DIGEST_SHA256_SIZE],
		    bool verify, struct import_outcome *o, struct err *err)
{
	if (im->request->allow_duplicate)
		return 0;
	return duplicates_find(&im->duplicates, hash, verify, &o->set, &o->apps, err);
}

/* Two who import the same set at the same time do not both keep it: who comes second here
 * finds the other's.  1: it is here. */
static int commit(struct importing *im, const uint8_t hash[DIGEST_SHA256_SIZE],
		  struct import_outcome *o, struct err *err)
{
	struct session *s = im->session;
	struct lock_wait wait = session_wait(s);
	int r;

	if (locks_take(s->locks, LOCK_KEY_COMMIT, LOCK_EXCLUSIVE, &wait, err) < 0)
		return -1;
	r = look_for(im, hash, false, o, err);
	if (r == 0 &&
	    (answer(im, o, err) < 0 || new_set_complete(&im->set, NULL, NULL, err) < 0))
		r = -1;
	if (r == 0)
		contents_note_best_effort(s, &im->set.row, im->hashes[0], im->hashes[1]);
	locks_drop(s->locks, LOCK_KEY_COMMIT);
	return r;
}

/* All of it came. */
static int end_set(struct importing *im, struct import_outcome *o, struct err *err)
{
	const uint8_t *hash;
	bool known;
	int r;

	if (compare_hash(im, &known, &hash, err) < 0)
		return -1;
	r = known ? 0 : look_for(im, hash, true, o, err);
	if (r == 0 && known && !im->request->allow_duplicate)
		r = duplicates_mention_broken(im->session, &im->set.row, err);
	if (r == 0 && describe(im, err) < 0)
		r = -1;
	if (r == 0)
		r = commit(im, hash, o, err);
	o->duplicate = r > 0;
	if (r > 0)
		return refuse_duplicate(im, o, err);
	if (r == 0)
		drop_set(im);
	return r;
}

/* What content.json says: perhaps no more needs to be read. */
static int take_content(struct importing *im, const struct importer_part *part,
			struct import_outcome *o, struct err *err)
{
	int r;

	memcpy(im->claim, part->hash, sizeof(im->claim));
	im->claimed = true;
	r = look_for(im, im->claim, true, o, err);
	o->duplicate = r > 0;
	im->passing = r > 0; /* the rest of it is in the stream */
	return r > 0 ? refuse_duplicate(im, o, err) : r;
}

/* One set.  1, 0 at the end of the stream, -1. */
static int next_set(struct importing *im, struct import_outcome *o, struct err *err)
{
	struct importer_part part = { 0 };
	int r;

	while ((r = importer_next(im->session->reader, im->session->observer, &part,
				  err)) > 0) {
		if (im->passing)
			im->passing = part.kind != IMPORT_END;
		else if (part.kind == IMPORT_CONTENT)
			r = take_content(im, &part, o, err);
		else if (part.kind == IMPORT_ZIP)
			r = take_zip(im, &part, err);
		else
			r = end_set(im, o, err) < 0 ? -1 : 2;
		if (r < 0 || r == 2)
			break;
	}
	importer_part_done(&part);
	return r > 0 ? 1 : r;
}

int setaside_import_next(struct importing *im, struct import_outcome *ret,
			 struct err *err)
{
	_cleanup_(import_outcome_done) struct import_outcome o = { 0 };
	int r;

	session_unshield(im->session);
	r = next_set(im, &o, err);
	/* Once a set came, no signal keeps the caller from telling of it. */
	if (im->came && r != 1)
		session_shield(im->session);
	im->came = im->came || r == 1;
	if (r < 0 && !err_is(err, ERR_DUPLICATE)) {
		drop_set(im);
		return -1;
	}
	if (r == 0) {
		meter_end(&im->meter);
		return 0;
	}
	*ret = o;
	o = (struct import_outcome){ 0 };
	return r;
}
