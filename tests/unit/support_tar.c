/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/support_tar.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/tree/tar_read.h"
#include "tests/unit/support.h"

#define BLOCK 512

static void add(struct tar_bytes *t, const void *p, size_t n)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_ok(buf_add(&t->buf, p, n, &err), &err);
}

static void pad(struct tar_bytes *t)
{
	static const char zeros[BLOCK];

	add(t, zeros, (BLOCK - t->buf.len % BLOCK) % BLOCK);
}

void tar_bytes_done(struct tar_bytes *t)
{
	free(t->lent);
	buf_done(&t->buf);
}

void tar_bytes_rewind(struct tar_bytes *t, size_t chunk)
{
	t->at = 0;
	t->chunk = chunk;
}

ssize_t tar_bytes_source(void *ctx, const void **ret, size_t max, struct err *err)
{
	struct tar_bytes *t = ctx;
	size_t n = t->buf.len - t->at;

	(void)err;
	if (n > max)
		n = max;
	if (t->chunk && n > t->chunk)
		n = t->chunk;
	free(t->lent);
	t->lent = malloc(n ? n : 1);
	ck_assert_ptr_nonnull(t->lent);
	if (n > 0)
		memcpy(t->lent, t->buf.data + t->at, n);
	t->at += n;
	*ret = t->lent;
	return (ssize_t)n;
}

/* Octal with a NUL behind, or base-256 where that does not fit. */
static void put_number(char *field, size_t n, uint64_t v)
{
	char text[32];

	if (snprintf(text, sizeof(text), "%0*" PRIo64, (int)n - 1, v) == (int)n - 1) {
		memcpy(field, text, n);
		return;
	}
	for (size_t i = n; i-- > 0; v >>= 8)
		field[i] = (char)(v & 0xff);
	field[0] = (char)0x80;
}

static void put_text(char *field, size_t n, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	ck_assert_uint_le(len, n);
	if (len)
		memcpy(field, text, len);
}

void tar_checksum(char *block)
{
	unsigned sum = 0;
	char text[16];

	memset(block + 148, ' ', 8);
	for (size_t i = 0; i < BLOCK; i++)
		sum += (unsigned char)block[i];
	snprintf(text, sizeof(text), "%06o", sum);
	memcpy(block + 148, text, 7);
}

size_t tar_header(struct tar_bytes *t, struct tar_item item)
{
	char block[BLOCK] = { 0 };
	unsigned mode = item.mode ? item.mode : item.type == '5' ? 0755 : 0644;
	size_t at = t->buf.len;

	put_text(block, 100, item.name);
	put_number(block + 100, 8, mode);
	put_number(block + 108, 8, item.uid);
	put_number(block + 116, 8, item.gid);
	put_number(block + 124, 12, item.data ? strlen(item.data) : item.size);
	put_number(block + 136, 12, (uint64_t)item.mtime);
	block[156] = item.type;
	put_text(block + 157, 100, item.link);
	memcpy(block + 257, item.magic ? item.magic : "ustar\00000", 8);
	put_text(block + 265, 32, item.user);
	put_text(block + 297, 32, item.group);
	put_number(block + 329, 8, item.major);
	put_number(block + 337, 8, item.minor);
	tar_checksum(block);
	add(t, block, BLOCK);
	return at;
}

void tar_data(struct tar_bytes *t, const void *p, size_t n)
{
	add(t, p, n);
	pad(t);
}

void tar_add(struct tar_bytes *t, struct tar_item item)
{
	tar_header(t, item);
	if (item.data)
		tar_data(t, item.data, strlen(item.data));
}

void tar_dir(struct tar_bytes *t, const char *name)
{
	tar_add(t, (struct tar_item){ .name = name, .type = '5' });
}

void tar_file(struct tar_bytes *t, const char *name, const char *data)
{
	tar_add(t, (struct tar_item){ .name = name, .type = '0', .data = data });
}

void tar_pax(struct tar_bytes *t, int type, ...)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf records = BUF_INIT;
	const char *key;
	va_list ap;

	va_start(ap, type);
	while ((key = va_arg(ap, const char *))) {
		const char *value = va_arg(ap, const char *);
		size_t n = strlen(key) + strlen(value) + 3, digits = 1, total;

		/* The length counts its own digits. */
		for (;; digits++) {
			total = n + digits;
			if ((size_t)snprintf(NULL, 0, "%zu", total) == digits)
				break;
		}
		ck_assert_ok(buf_printf(&records, &err, "%zu %s=%s\n", total, key, value),
			     &err);
	}
	va_end(ap);
	tar_header(t, (struct tar_item){
			      .name = "pax", .type = (char)type, .size = records.len });
	if (records.len)
		tar_data(t, records.data, records.len);
}

void tar_own(struct tar_bytes *t)
{
	char uid[16], gid[16];

	snprintf(uid, sizeof(uid), "%u", geteuid());
	snprintf(gid, sizeof(gid), "%u", getegid());
	tar_pax(t, 'g', "uid", uid, "gid", gid, NULL);
}

void tar_end(struct tar_bytes *t)
{
	static const char zeros[2 * BLOCK];

	add(t, zeros, sizeof(zeros));
}

/* The child's part of support_run(). */
static void become(const char *dir, const char *output, const char *const argv[])
{
	int out = open(output ? support_path(output) : "/dev/null",
		       O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (out < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0 ||
	    chdir(dir) < 0)
		_exit(126);
	if (output)
		dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
	setenv("LC_ALL", "C", 1);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	/* EACCES: somewhere in PATH where we may not look. */
	_exit(errno == ENOENT || errno == EACCES ? 127 : 126);
}

int support_run(const char *dir, const char *output, const char *const argv[])
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		become(dir, output, argv);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status) == 127 ? -1 : WEXITSTATUS(status);
}

bool support_has(const char *program)
{
	const char *const argv[] = { program, "--version", NULL };

	return support_run("/", NULL, argv) != -1;
}

ssize_t fd_source_read(void *ctx, const void **ret, size_t max, struct err *err)
{
	struct fd_source *s = ctx;
	ssize_t n =
		read(s->fd, s->piece, max < sizeof(s->piece) ? max : sizeof(s->piece));

	if (n < 0)
		return err_errno(err, "read");
	*ret = s->piece;
	return n;
}

/* owner_source.id_of */
static int id_of(void *ctx, enum owner_kind kind, const char *name, uint32_t number,
		 uint32_t *ret, struct err *err)
{
	const struct passwd *pw = name && kind == OWNER_USER ? getpwnam(name) : NULL;
	const struct group *gr = name && kind == OWNER_GROUP ? getgrnam(name) : NULL;

	(void)ctx;
	if (pw)
		*ret = pw->pw_uid;
	else if (gr)
		*ret = gr->gr_gid;
	else if ((name && strcmp(name, "unknown") == 0) || number == OWNER_NO_NUMBER)
		return err_set(err, ERR_REFUSED, "%s is not known here", q(name));
	else
		*ret = number;
	return 0;
}

static const struct owner_source owner_source = { .id_of = id_of };

struct owners *support_owners(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct owners *o = NULL;

	ck_assert_ok(owners_new(&owner_source, &o, &err), &err);
	return o;
}

/* apply_report.note */
static int take_note(void *ctx, const char *path, const char *what, bool minor,
		     struct err *err)
{
	struct apply_notes *n = ctx;

	return buf_printf(&n->text, err, "%s%s: %s\n", minor ? "(minor) " : "", path,
			  what);
}

void apply_notes_init(struct apply_notes *n)
{
	*n = (struct apply_notes){ .text = BUF_INIT };
	n->report = (struct apply_report){ take_note, n };
}

void apply_notes_done(struct apply_notes *n)
{
	buf_done(&n->text);
}

bool apply_notes_have(const struct apply_notes *n, const char *part)
{
	return n->text.data && strstr(n->text.data, part);
}

int support_unpack(tar_source source, void *ctx, const char *path, int fd, unsigned flags,
		   struct apply_notes *notes, struct err *err)
{
	static const char *const tops[] = { "common", "7", "x2", NULL };
	const struct apply_target target = { .path = path, .fd = fd };
	const struct unpack_limits limits = { 0 };
	_cleanup_(owners_freep) struct owners *owners = NULL;
	_cleanup_(apply_freep) struct apply *a = NULL;
	struct unpack_counts counts;
	struct unpack_sink sink;

	if (owners_new(&owner_source, &owners, err) < 0 ||
	    apply_new(&target, 1, flags, 3, owners, &notes->report, &a, err) < 0)
		return -1;
	sink = apply_sink(a);
	return unpack_run(source, ctx, tops, &limits, &sink, NULL, &counts, err);
}

int tar_read_all(struct tar_bytes *t, struct buf *out, struct err *err)
{
	_cleanup_(tar_reader_freep) struct tar_reader *r = NULL;
	const struct entry *e;
	int more;

	ck_assert_ok(tar_reader_new(tar_bytes_source, t, &r, err), err);
	while ((more = tar_read_next(r, &e, err)) > 0) {
		const void *p;
		uint64_t offset;
		ssize_t n;

		if (buf_printf(out, err, "%d %s%s%s %04o %u:%u %s:%s %lld.%09ld %llu\n",
			       (int)e->type, e->path, e->target ? " -> " : "",
			       e->target ? e->target : "", e->mode, e->uid, e->gid,
			       e->user ? e->user : "-", e->group ? e->group : "-",
			       (long long)e->mtime.tv_sec, e->mtime.tv_nsec,
			       (unsigned long long)e->size) < 0)
			return -1;
		while ((n = tar_read_data(r, &offset, &p, err)) > 0) {
			if (buf_printf(out, err, "  %llu+%.*s\n",
				       (unsigned long long)offset, (int)n,
				       (const char *)p) < 0)
				return -1;
		}
		if (n < 0)
			return -1;
	}
	return more;
}

void ck_assert_tar_reads(struct tar_bytes *t, const char *expected)
{
	static const size_t chunks[] = { 0, 100000, 513, 512, 511, 7, 1 };
	_cleanup_(err_clear) struct err err = ERR_INIT;

	for (size_t i = 0; i < sizeof(chunks) / sizeof(*chunks); i++) {
		_cleanup_(buf_done) struct buf got = BUF_INIT;

		tar_bytes_rewind(t, chunks[i]);
		ck_assert_ok(tar_read_all(t, &got, &err), &err);
		/* Small pieces cut data into small pieces. */
		if (chunks[i] == 0 || chunks[i] > 600)
			ck_assert_str_eq(got.data ? got.data : "", expected);
	}
}

void ck_assert_tar_refused(struct tar_bytes *t, enum err_kind kind, const char *part)
{
	static const size_t chunks[] = { 0, 512, 5 };
	_cleanup_(err_clear) struct err err = ERR_INIT;

	for (size_t i = 0; i < sizeof(chunks) / sizeof(*chunks); i++) {
		_cleanup_(buf_done) struct buf got = BUF_INIT;

		tar_bytes_rewind(t, chunks[i]);
		ck_assert_fails(tar_read_all(t, &got, &err), &err, kind, part);
	}
}
