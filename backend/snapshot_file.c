/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/snapshot_file.h"

#include <stdatomic.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/digest.h"
#include "backend/base/hasher.h"
#include "backend/base/quote.h"
#include "backend/gzip.h"
#include "backend/snapshot_file_internal.h"

const struct snapshot *snapshot_file_meta(const struct snapshot_file *f)
{
	return f->meta;
}

uint64_t snapshot_file_bytes(const struct snapshot_file *f)
{
	return f->bytes;
}

void snapshot_file_close(struct snapshot_file *f)
{
	if (!f)
		return;
	zip_reader_free(f->zip);
	snapshot_free(f->meta);
	if (f->fd >= 0)
		sys_close_best_effort(f->fd);
	free(f);
}

/* A small member that every snapshot has. */
static int slurp(struct zip_reader *zip, const char *name, size_t max, struct buf *out,
		 struct err *err)
{
	ssize_t i = zip_reader_find(zip, name);

	if (i < 0)
		return err_set(err, ERR_CORRUPT, "member %s is missing", q(name));
	if (zip_reader_member(zip, (size_t)i)->size > max)
		return err_set(err, ERR_CORRUPT, "member %s is larger than %zu bytes",
			       q(name), max);
	return zip_reader_slurp(zip, (size_t)i, max, out, err);
}

/* White space, as snapd trims it from around the hash. */
static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Compares meta.json's bytes with meta.sha3_384 before anything in them is believed. */
static int check_meta_hash(const struct buf *meta, const struct buf *hash,
			   struct err *err)
{
	uint8_t is[DIGEST_MAX_SIZE], should[DIGEST_SHA3_384_SIZE];
	const char *hex = hash->data ? hash->data : "";
	size_t n = hash->len;

	while (n > 0 && is_blank(hex[n - 1]))
		n--;
	for (; n > 0 && is_blank(*hex); n--)
		hex++;
	if (!digest_unhex(hex, n, should, sizeof(should)))
		return err_set(err, ERR_CORRUPT, "meta.sha3_384 is not a hash");
	if (digest_of(DIGEST_SHA3_384, meta->data, meta->len, is, err) < 0)
		return -1;
	if (memcmp(is, should, sizeof(should)) != 0)
		return err_set(err, ERR_CORRUPT, "the hash of meta.json is wrong");
	return 0;
}

/* Every archive that the metadata names is a member, and the sizes add up. */
static int check_members(const struct zip_reader *zip, const struct snapshot *s,
			 struct err *err)
{
	uint64_t total = 0;

	for (size_t i = 0; i < s->n_archives; i++) {
		ssize_t at = zip_reader_find(zip, s->archives[i].name);

		if (at < 0)
			return err_set(err, ERR_CORRUPT, "archive %s is missing",
				       q(s->archives[i].name));
		if (__builtin_add_overflow(
			    total, zip_reader_member(zip, (size_t)at)->size, &total))
			return err_set(err, ERR_CORRUPT, "sizes of archives overflow");
	}
	if (s->size != 0 && s->size != total)
		return err_set(err, ERR_CORRUPT,
			       "archives hold %llu bytes where the metadata says %llu",
			       (unsigned long long)total, (unsigned long long)s->size);
	return 0;
}

/* Reads and checks the metadata of an opened zip. */
static int read_meta(struct zip_reader *zip, struct snapshot **ret, struct err *err)
{
	_cleanup_(buf_done) struct buf meta = BUF_INIT, hash = BUF_INIT;
	_cleanup_(snapshot_freep) struct snapshot *s = NULL;

	if (slurp(zip, "meta.json", SNAPSHOT_META_MAX, &meta, err) < 0 ||
	    slurp(zip, "meta.sha3_384", SNAPSHOT_FILE_HASH_MAX, &hash, err) < 0 ||
	    check_meta_hash(&meta, &hash, err) < 0 || snapshot_new(&s, err) < 0)
		return -1;
	if (snapshot_parse(meta.data, meta.len, s, err) < 0)
		return err_wrap(err, "meta.json");
	*ret = TAKE_PTR(s);
	return 0;
}

int snapshot_file_open(int fd, struct snapshot_file **ret, struct snapshot **ret_meta,
		       struct err *err)
{
	_cleanup_(snapshot_file_closep) struct snapshot_file *f =
		alloc_zero(1, sizeof(*f), err);
	struct stat st;

	*ret_meta = NULL;
	if (!f) {
		sys_close_best_effort(fd);
		return -1;
	}
	f->fd = fd;
	if (sys_fstat(fd, &st) < 0)
		return err_errno(err, "cannot look at the snapshot");
	f->bytes = (uint64_t)st.st_size;
	if (zip_reader_new(fd, SNAPSHOT_FILE_MEMBERS_MAX, &f->zip, err) < 0 ||
	    read_meta(f->zip, &f->meta, err) < 0)
		return -1;
	/* A set may have a thousand files, which are all open for as long
	 * as it is worked with. */
	zip_reader_rest(f->zip);
	if (snapshot_validate(f->meta, err) < 0 ||
	    check_members(f->zip, f->meta, err) < 0) {
		*ret_meta = TAKE_PTR(f->meta);
		return -1;
	}
	*ret = TAKE_PTR(f);
	return 0;
}

int snapshot_file_compare(const struct snapshot_archive *a,
			  const uint8_t hash[DIGEST_SHA3_384_SIZE], struct err *err)
{
	char hex[DIGEST_SHA3_384_HEX + 1];

	digest_hex(hash, DIGEST_SHA3_384_SIZE, hex);
	if (strcmp(hex, a->sha3) != 0)
		return err_set(err, ERR_CORRUPT, "the SHA3-384 hash of %s is wrong",
			       q(a->name));
	return 0;
}

/* Everything between the zip and the sink. */
static int stream_hashed(struct zip_reader *zip, const struct snapshot_archive *a,
			 struct hasher *h, snapshot_file_sink sink, void *ctx,
			 const struct observer *observer, struct err *err)
{
	_cleanup_free_ void *buf = alloc_bytes(SNAPSHOT_FILE_PIECE, err);
	uint8_t is[DIGEST_MAX_SIZE];
	ssize_t n;

	if (!buf)
		return -1;
	while ((n = zip_reader_read(zip, buf, SNAPSHOT_FILE_PIECE, err)) > 0)
		if (observer_check(observer, err) < 0 ||
		    hasher_update(h, buf, (size_t)n, err) < 0 ||
		    (sink && sink(ctx, buf, (size_t)n, err) < 0))
			return -1;
	if (n < 0 || hasher_final(h, is, err) < 0)
		return -1;
	return snapshot_file_compare(a, is, err);
}

/* The index of an archive member that the metadata names. */
static int find_archive(const struct snapshot_file *f, const char *member,
			const struct snapshot_archive **ret, size_t *ret_index,
			struct err *err)
{
	const struct snapshot_archive *a = snapshot_archive(f->meta, member);
	ssize_t i = a ? zip_reader_find(f->zip, member) : -1;

	if (i < 0)
		return err_set(err, ERR_NOT_FOUND, "no archive %s in the snapshot",
			       q(member));
	*ret = a;
	*ret_index = (size_t)i;
	return 0;
}

/* Opens it. */
static int open_archive(struct snapshot_file *f, const char *member,
			const struct snapshot_archive **ret, struct err *err)
{
	size_t i = 0;

	if (find_archive(f, member, ret, &i, err) < 0)
		return -1;
	return zip_reader_open(f->zip, i, err);
}

int snapshot_file_size(struct snapshot_file *f, const char *member, uint64_t *ret,
		       struct err *err)
{
	const struct snapshot_archive *a;
	size_t i = 0;

	if (find_archive(f, member, &a, &i, err) < 0)
		return -1;
	*ret = zip_reader_member(f->zip, i)->size;
	return 0;
}

int snapshot_file_place(struct snapshot_file *f, const char *member,
			struct zip_member *ret, struct err *err)
{
	const struct snapshot_archive *a = NULL;
	size_t i = 0;

	if (find_archive(f, member, &a, &i, err) < 0)
		return -1;
	*ret = *zip_reader_member(f->zip, i);
	return 0;
}

int snapshot_file_stream(struct snapshot_file *f, const char *member,
			 snapshot_file_sink sink, void *ctx,
			 const struct observer *observer, struct err *err)
{
	_cleanup_(hasher_freep) struct hasher *h = NULL;
	_cleanup_(zip_reader_freep) struct zip_reader *zip = NULL;
	_cleanup_(err_clear) struct err ignored = ERR_INIT;
	const struct snapshot_archive *a = NULL;
	size_t i = 0;
	int r;

	/* A reader of its own: one has no more than one member open. */
	if (hasher_new(DIGEST_SHA3_384, &h, err) < 0 ||
	    zip_reader_again(f->zip, &zip, err) < 0 ||
	    find_archive(f, member, &a, &i, err) < 0 || zip_reader_open(zip, i, err) < 0)
		return -1;
	r = stream_hashed(zip, a, h, sink, ctx, observer, err);
	/* After a failure the first error stands. */
	if (zip_reader_close(zip, r < 0 ? &ignored : err) < 0 || r < 0)
		return -1;
	return 0;
}

/* A member on its way through gzip and tar. */
struct walking {
	struct zip_reader *zip;
	struct gzip_reader *gz;
	const struct observer *observer;
	atomic_uint_least64_t read; /* of the member */
};

/* gzip_source over the open member; may run in another thread than the observer's. */
static ssize_t member_bytes(void *ctx, void *p, size_t n, struct err *err)
{
	struct walking *w = ctx;
	ssize_t got = zip_reader_read(w->zip, p, n, err);

	if (got > 0)
		atomic_fetch_add_explicit(&w->read, (uint64_t)got, memory_order_relaxed);
	return got;
}

/* tar_source over the inflated stream. */
static ssize_t tar_bytes(void *ctx, const void **ret, size_t max, struct err *err)
{
	struct walking *w = ctx;

	observer_progress(w->observer,
			  atomic_load_explicit(&w->read, memory_order_relaxed), 0);
	return gzip_reader_next(w->gz, ret, max, err);
}

int snapshot_file_walk(struct snapshot_file *f, const char *member,
		       const struct unpack_limits *limits,
		       const struct observer *observer, struct unpack_counts *ret,
		       struct err *err)
{
	const char *tops[] = { f->meta->revision, "common", NULL };
	struct walking w = { .zip = f->zip, .observer = observer };
	_cleanup_(err_clear) struct err ignored = ERR_INIT;
	const struct snapshot_archive *a = NULL;
	int r;

	if (open_archive(f, member, &a, err) < 0)
		return -1;
	r = gzip_reader_new(0, member_bytes, &w, &w.gz, err);
	if (r == 0)
		r = unpack_run(tar_bytes, &w, tops, limits, &unpack_discard, observer,
			       ret, err);
	/* The reader's threads use the member: they end before it is closed. */
	gzip_reader_free(w.gz);
	if (zip_reader_close(f->zip, r < 0 ? &ignored : err) < 0 || r < 0)
		return err_wrap(err, "archive %s", q(member));
	return 0;
}
