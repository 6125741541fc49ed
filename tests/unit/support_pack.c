/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/support_pack.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/tree/tar_read.h"
#include "tests/unit/support.h"

#define DEFAULT_ROOM ((size_t)1 << 20)

void support_pack_done(struct support_pack *p)
{
	buf_done(&p->stream);
	buf_done(&p->report);
	free(p->block);
}

static int room(void *ctx, void **ret, size_t *ret_n, struct err *err)
{
	struct support_pack *p = ctx;

	(void)err;
	p->calls++;
	if (p->on_room)
		p->on_room(p, p->calls);
	*ret = p->block;
	*ret_n = p->room;
	return 0;
}

static int advance(void *ctx, size_t n, struct err *err)
{
	struct support_pack *p = ctx;

	ck_assert_uint_le(n, p->room);
	if (p->failing)
		return err_set(err, ERR_NO_SPACE, "the sink is full");
	return buf_add(&p->stream, p->block, n, err);
}

static int skipped(void *ctx, const char *path, const char *why, struct err *err)
{
	struct support_pack *p = ctx;

	return buf_printf(&p->report, err, "skipped %s: %s\n", path, why);
}

static int changed(void *ctx, const char *path, struct err *err)
{
	struct support_pack *p = ctx;

	return buf_printf(&p->report, err, "changed %s\n", path);
}

static int name_of(void *ctx, enum owner_kind kind, uint32_t id, char **ret,
		   struct err *err)
{
	(void)ctx;
	(void)err;
	ck_assert_int_ge(asprintf(ret, "%c%u", kind == OWNER_USER ? 'u' : 'g', id), 0);
	return 0;
}

int support_pack_trees(struct support_pack *p, const struct pack_tree *trees, size_t n,
		       struct err *err)
{
	const struct owner_source source = { .name_of = p->named ? name_of : NULL };
	const struct pack_sink sink = { room, advance, p };
	const struct pack_report report = { skipped, changed, p };
	_cleanup_(owners_freep) struct owners *owners = NULL;

	if (p->room == 0)
		p->room = DEFAULT_ROOM;
	if (!p->block)
		p->block = malloc(p->room);
	ck_assert_ptr_nonnull(p->block);
	buf_clear(&p->stream);
	buf_clear(&p->report);
	p->calls = 0;
	/* The report is a string, even if nothing is reported. */
	if (buf_add(&p->report, "", 0, err) < 0 || owners_new(&source, &owners, err) < 0)
		return -1;
	return pack_run(trees, n, &p->options, owners, &sink, &report, p->observer,
			&p->counts, err);
}

int support_pack_run(struct support_pack *p, int dirfd, const char *name, struct err *err)
{
	_cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct pack_tree tree = { .path = "common/tree", .fd = fd };
	struct stat st;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	tree.is_file = S_ISREG(st.st_mode);
	return support_pack_trees(p, &tree, 1, err);
}

/* Gives out a buffer. */
struct reading {
	const struct buf *from;
	size_t at;
};

static ssize_t source(void *ctx, const void **ret, size_t max, struct err *err)
{
	struct reading *r = ctx;
	size_t n = r->from->len - r->at;

	(void)err;
	n = n < max ? n : max;
	*ret = r->from->data + r->at;
	r->at += n;
	return (ssize_t)n;
}

/* "type path" and what makes it up. */
static void list_entry(struct buf *out, const struct entry *e, uint64_t data)
{
	static const char letters[] = {
		[ENTRY_FILE] = 'f',     [ENTRY_DIR] = 'd',  [ENTRY_SYMLINK] = 'l',
		[ENTRY_HARDLINK] = 'h', [ENTRY_FIFO] = 'p', [ENTRY_CHAR] = 'c',
		[ENTRY_BLOCK] = 'b'
	};
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_ok(buf_printf(out, &err, "%c %s", letters[e->type], e->path), &err);
	if (e->target)
		ck_assert_ok(buf_printf(out, &err, " -> %s", e->target), &err);
	if (e->type == ENTRY_FILE)
		ck_assert_ok(buf_printf(out, &err, " %" PRIu64, e->size), &err);
	if (e->sparse)
		ck_assert_ok(buf_printf(out, &err, " sparse %" PRIu64, data), &err);
	ck_assert_ok(buf_add_byte(out, '\n', &err), &err);
}

char *support_pack_list(const struct buf *stream)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(tar_reader_freep) struct tar_reader *t = NULL;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	struct reading r = { stream, 0 };
	const struct entry *e;
	int more;

	ck_assert_ok(tar_reader_new(source, &r, &t, &err), &err);
	while ((more = tar_read_next(t, &e, &err)) > 0) {
		uint64_t offset, data = 0;
		const void *p;
		ssize_t n;

		while ((n = tar_read_data(t, &offset, &p, &err)) > 0)
			data += (uint64_t)n;
		ck_assert_ok(n, &err);
		list_entry(&out, e, data);
	}
	ck_assert_ok(more, &err);
	ck_assert_uint_eq(r.at, stream->len);
	return buf_steal(&out, &err);
}

void support_pack_ok(struct support_pack *p, int dirfd, const char *name)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_ok(support_pack_run(p, dirfd, name, &err), &err);
	ck_assert_uint_eq(p->counts.bytes, p->stream.len);
	free(support_pack_list(&p->stream));
}

/* A temporary file that holds the bytes, or none. */
static int make_temp(const void *bytes, size_t n)
{
	int fd = open(support_dir(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	for (size_t at = 0; at < n;) {
		ssize_t k = write(fd, (const char *)bytes + at, n - at);

		ck_assert_int_gt(k, 0);
		at += (size_t)k;
	}
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* All of a temporary file. */
static char *read_temp(int fd)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	char part[4096];
	ssize_t n;

	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	while ((n = read(fd, part, sizeof(part))) > 0)
		ck_assert_ok(buf_add(&text, part, (size_t)n, &err), &err);
	return buf_steal(&text, &err);
}

/* Runs a program over the stream; false if it is not there. */
static bool run(const char *const argv[], const struct buf *stream, char **ret_out)
{
	_cleanup_close_ int in = make_temp(stream->data, stream->len);
	_cleanup_close_ int out = make_temp(NULL, 0), errors = make_temp(NULL, 0);
	_cleanup_free_ char *said = NULL;
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		dup2(in, 0);
		dup2(out, 1);
		dup2(errors, 2);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return false;
	said = read_temp(errors);
	ck_assert_msg(status == 0 && *said == '\0', "%s: status %x: %s", argv[0],
		      (unsigned)status, said);
	*ret_out = read_temp(out);
	return true;
}

bool support_gnu_tar_for(const char *test, const struct buf *stream, const char *dir)
{
	const char *argv[10] = { "tar",      "--extract",
				 "--file=-", "--preserve-permissions",
				 "--acls",   "--xattrs" };
	_cleanup_free_ char *out = NULL, *where = NULL;

	ck_assert_int_ge(asprintf(&where, "--directory=%s", dir), 0);
	argv[6] = where;
	if (geteuid() == 0) {
		argv[7] = "--xattrs-include=*";
		argv[8] = "--numeric-owner";
	}
	if (run(argv, stream, &out))
		return true;
	support_skip_for(test, "no tar here");
	return false;
}

char *support_python_names_for(const char *test, const struct buf *stream)
{
	static const char script[] = "import sys, tarfile\n"
				     "for m in tarfile.open(fileobj=sys.stdin.buffer):\n"
				     "    sys.stdout.buffer.write(m.name.encode('utf-8', "
				     "'surrogateescape') + b'\\n')\n";
	const char *const argv[] = { "python3", "-c", script, NULL };
	char *out = NULL;

	if (!run(argv, stream, &out))
		support_skip_for(test, "no python3 here");
	return out;
}
