/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/fingerprint.h"

#include <linux/magic.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/le.h"
#include "backend/base/sys.h"

/* The digest is fed with pieces of about this size. */
#define BUFFER_SIZE ((size_t)16 << 10)

/* Each item begins with its kind, so that no two lists of items give the same bytes. */
enum item {
	ITEM_ENTRY = 1,
	ITEM_TEXT,
	ITEM_NO_TEXT,
	ITEM_NUMBER,
	ITEM_BYTES,
};

struct fingerprint {
	struct digest *digest;
	struct owners *owners;
	struct timespec begun, newest;
	bool ageless; /* some of the times say nothing */
	size_t fill;
	uint8_t buffer[BUFFER_SIZE];
};

int fingerprint_new(struct owners *owners, struct fingerprint **ret, struct err *err)
{
	_cleanup_(fingerprint_freep) struct fingerprint *f =
		alloc_zero(1, sizeof(*f), err);

	if (!f || digest_new(DIGEST_SHA256, &f->digest, err) < 0)
		return -1;
	/* The clock that file systems take their times from. */
	if (sys_clock_gettime(CLOCK_REALTIME_COARSE, &f->begun) < 0)
		return err_errno(err, "cannot ask the clock");
	f->owners = owners;
	*ret = TAKE_PTR(f);
	return 0;
}

void fingerprint_free(struct fingerprint *f)
{
	if (!f)
		return;
	digest_free(f->digest);
	free(f);
}

static int flush(struct fingerprint *f, struct err *err)
{
	size_t n = f->fill;

	f->fill = 0;
	return digest_update(f->digest, f->buffer, n, err);
}

static int add(struct fingerprint *f, const void *p, size_t n, struct err *err)
{
	if (n > BUFFER_SIZE - f->fill && flush(f, err) < 0)
		return -1;
	if (n > BUFFER_SIZE)
		return digest_update(f->digest, p, n, err);
	memcpy(f->buffer + f->fill, p, n);
	f->fill += n;
	return 0;
}

/* An item that is a kind, a length and so many bytes. */
static int add_item(struct fingerprint *f, enum item kind, const void *p, size_t n,
		    struct err *err)
{
	uint8_t head[9] = { (uint8_t)kind };

	le_put64(head + 1, n);
	if (add(f, head, sizeof(head), err) < 0)
		return -1;
	return n > 0 ? add(f, p, n, err) : 0;
}

int fingerprint_add_text(struct fingerprint *f, const char *text, struct err *err)
{
	if (!text)
		return add_item(f, ITEM_NO_TEXT, NULL, 0, err);
	return add_item(f, ITEM_TEXT, text, strlen(text), err);
}

int fingerprint_add_number(struct fingerprint *f, uint64_t number, struct err *err)
{
	uint8_t bytes[8];

	le_put64(bytes, number);
	return add_item(f, ITEM_NUMBER, bytes, sizeof(bytes), err);
}

int fingerprint_add_bytes(struct fingerprint *f, const void *p, size_t n, struct err *err)
{
	return add_item(f, ITEM_BYTES, p, n, err);
}

static bool is_after(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

uint64_t fingerprint_age(const struct timespec *newest, const struct timespec *begun)
{
	int64_t age;

	if (is_after(newest, begun) ||
	    __builtin_sub_overflow((int64_t)begun->tv_sec, (int64_t)newest->tv_sec, &age))
		return 0;
	/* Whole seconds: one that was only begun does not count. */
	return (uint64_t)age - (begun->tv_nsec < newest->tv_nsec);
}

bool fingerprint_is_settled(uint64_t age, int64_t settle)
{
	return settle >= 0 && age >= FINGERPRINT_SLACK_SEC && age >= (uint64_t)settle;
}

bool fingerprint_believes(uint32_t fs_type)
{
	/* Each dates a store when it makes the page writable, by this machine's clock,
	 * and has a device that dirty pages go to. */
	static const uint32_t believed[] = { EXT4_SUPER_MAGIC /* and ext2, ext3 */,
					     XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC,
					     F2FS_SUPER_MAGIC };

	for (size_t i = 0; i < sizeof(believed) / sizeof(believed[0]); i++)
		if (believed[i] == fs_type)
			return true;
	return false;
}

void fingerprint_add_root(struct fingerprint *f, int fd)
{
	struct statfs fs;

	/* What does not say what it is has no age either. */
	if (sys_fstatfs(fd, &fs) < 0 || !fingerprint_believes((uint32_t)fs.f_type))
		f->ageless = true;
}

/* What the tar headers say of the owners. */
static int add_names(struct fingerprint *f, const struct stat *st, struct err *err)
{
	const char *name = NULL;

	if ((f->owners &&
	     owners_name(f->owners, OWNER_USER, st->st_uid, &name, err) < 0) ||
	    fingerprint_add_text(f, name, err) < 0 ||
	    (f->owners &&
	     owners_name(f->owners, OWNER_GROUP, st->st_gid, &name, err) < 0))
		return -1;
	return fingerprint_add_text(f, name, err);
}

int fingerprint_add_entry(struct fingerprint *f, const char *path, const struct stat *st,
			  struct err *err)
{
	/* Size and links of a directory are its file system's business. */
	bool is_dir = S_ISDIR(st->st_mode);
	const uint64_t fields[] = {
		st->st_ino,
		st->st_mode,
		st->st_uid,
		st->st_gid,
		is_dir ? 0 : st->st_nlink,
		is_dir ? 0 : (uint64_t)st->st_size,
		S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode) ? st->st_rdev : 0,
		(uint64_t)st->st_mtim.tv_sec,
		(uint64_t)st->st_mtim.tv_nsec,
		(uint64_t)st->st_ctim.tv_sec,
		(uint64_t)st->st_ctim.tv_nsec,
	};
	uint8_t bytes[sizeof(fields)];

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		le_put64(bytes + 8 * i, fields[i]);
	if (is_after(&st->st_mtim, &f->newest))
		f->newest = st->st_mtim;
	if (is_after(&st->st_ctim, &f->newest))
		f->newest = st->st_ctim;
	if (add_item(f, ITEM_ENTRY, bytes, sizeof(bytes), err) < 0 ||
	    fingerprint_add_text(f, path, err) < 0)
		return -1;
	return add_names(f, st, err);
}

int fingerprint_final(struct fingerprint *f, struct fingerprint_value *ret,
		      struct err *err)
{
	struct fingerprint_value value = {
		.age = f->ageless ? 0 : fingerprint_age(&f->newest, &f->begun)
	};

	if (flush(f, err) < 0 || digest_final(f->digest, value.digest, err) < 0)
		return -1;
	*ret = value;
	return 0;
}
