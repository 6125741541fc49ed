/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/support_gzip.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/support.h"

uint64_t support_random(uint64_t *state)
{
	/* xorshift64* */
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545f4914f6cdd1d);
}

/* Fills p by turns. */
static void mix(char *p, size_t n, uint64_t seed)
{
	enum support_data kind = SUPPORT_TEXT;

	for (size_t i = 0, part; i < n; i += part) {
		part = 1 + (size_t)(support_random(&seed) >> 8) % 100000;
		part = part < n - i ? part : n - i;
		_cleanup_free_ char *data = support_data(kind, part, seed);
		memcpy(p + i, data, part);
		kind = kind == SUPPORT_TEXT ? SUPPORT_RANDOM : SUPPORT_TEXT;
	}
}

char *support_data(enum support_data kind, size_t n, uint64_t seed)
{
	static const char letters[] = "etaoin shrdlu\n";
	char *p = calloc(n + 1, 1);
	size_t i = 0;

	ck_assert_ptr_nonnull(p);
	if (kind == SUPPORT_MIXED) {
		mix(p, n, seed);
		return p;
	}
	while (kind != SUPPORT_ZEROS && i < n) {
		uint64_t r = support_random(&seed);

		if (kind == SUPPORT_TEXT && i > 4096 && (r & 3) != 0) {
			/* A word or a line of before. */
			size_t back = 1 + (size_t)(r >> 8) % 4096,
			       len = 4 + (r >> 4) % 24;
			for (; len > 0 && i < n; len--, i++)
				p[i] = p[i - back];
		} else {
			p[i++] = kind == SUPPORT_TEXT
					 ? letters[(r >> 32) % (sizeof(letters) - 1)]
					 : (char)(r >> 32);
		}
	}
	return p;
}

int support_collect(void *buf, const void *p, size_t n, struct err *err)
{
	return buf_add(buf, p, n, err);
}

ssize_t support_supply(void *source, void *p, size_t n, struct err *err)
{
	struct support_source *s = source;

	if (s->piece > 0 && n > s->piece)
		n = s->piece;
	if (n > s->n - s->pos)
		n = s->n - s->pos;
	if (n == 0 && s->fail != ERR_NONE)
		return err_set(err, s->fail, "the source is tired");
	memcpy(p, s->p + s->pos, n);
	s->pos += n;
	return (ssize_t)n;
}

struct buf support_compress(enum gzip_level level, unsigned threads, const void *p,
			    size_t n)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct buf out = BUF_INIT;
	_cleanup_(gzip_writer_freep) struct gzip_writer *w = NULL;

	ck_assert_ok(gzip_writer_new(level, threads, support_collect, &out, &w, &err),
		     &err);
	ck_assert_ok(gzip_writer_write(w, p, n, &err), &err);
	ck_assert_ok(gzip_writer_finish(w, &err), &err);
	ck_assert_uint_eq(gzip_writer_total(w), n);
	return out;
}

ssize_t support_inflate(unsigned threads, const void *p, size_t n, struct buf *out,
			struct err *err)
{
	struct support_source source = { .p = p, .n = n };
	_cleanup_(gzip_reader_freep) struct gzip_reader *r = NULL;
	size_t begin = out->len;
	const void *data;
	ssize_t k;

	if (gzip_reader_new(threads, support_supply, &source, &r, err) < 0)
		return -1;
	while ((k = gzip_reader_next(r, &data, GZIP_BLOCK, err)) > 0) {
		if (buf_add(out, data, (size_t)k, err) < 0)
			return -1;
	}
	return k < 0 ? -1 : (ssize_t)(out->len - begin);
}

int support_shell(const char *command)
{
	char line[8192];
	int n = snprintf(line, sizeof(line), "cd '%s' && %s", support_dir(), command);

	ck_assert_int_lt(n, sizeof(line));
	pid_t pid = fork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", line, (char *)NULL);
		_exit(127);
	}
	int status = -1;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "%s: died", command);
	return WEXITSTATUS(status);
}

bool support_need_program_for(const char *test, const char *name)
{
	char line[256];

	snprintf(line, sizeof(line), "command -v %s >/dev/null", name);
	if (support_shell(line) == 0)
		return true;
	snprintf(line, sizeof(line), "there is no %s", name);
	support_skip_for(test, line);
	return false;
}
