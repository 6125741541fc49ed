/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/support_world.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend/base/fd.h"
#include "state/operation/export.h"
#include "state/operation/forget.h"
#include "state/operation/save.h"
#include "state/sets.h"
#include "tests/unit/support.h"

#define FILE_MAX ((size_t)64 << 20)

static void hear(void *ctx, const struct event *event)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct support_world *w = ctx;

	if (event->kind != EVENT_PROGRESS) {
		ck_assert_ok(buf_printf(&w->events.text, &err, "%s: %s\n",
					event->kind == EVENT_WARNING ? "warning" : "note",
					event->text),
			     &err);
		return;
	}
	w->done = event->done;
	w->total = event->total;
	if (w->cancel_at_progress && event->done > 0)
		atomic_store(&w->cancelled, true);
}

/* A definition with one tree in the home. */
static void define(const char *app)
{
	char path[64], text[256];

	snprintf(path, sizeof(path), "apps/%s.json", app);
	snprintf(
		text, sizeof(text),
		"{\"format\":1,\"id\":\"%s\",\"name\":\"%s\",\"trees\":[{\"name\":\"data\","
		"\"scope\":\"user\",\"at\":{\"native\":\"~/.%s\"}}]}",
		app, app, app);
	support_file(support_dirfd(), path, 0644, text);
	support_world_put(app, app, strlen(app));
}

void support_world_put(const char *app, const void *p, size_t n)
{
	char path[64];

	snprintf(path, sizeof(path), "r/home/me/.%s/data", app);
	support_file_n(support_dirfd(), path, 0600, p, n);
}

bool support_world_make_for(const char *test, struct support_world *w)
{
	char passwd[128];

	if (!getenv("SETASIDE_WORKER")) {
		support_skip_for(test, "SETASIDE_WORKER names no worker");
		return false;
	}
	if (!support_need_openat2_for(test))
		return false;
	w->observer = (struct observer){ hear, w, &w->cancelled };
	snprintf(passwd, sizeof(passwd), "tester:x:%u:%u::/home/me:/bin/sh\n",
		 (unsigned)geteuid(), (unsigned)getegid());
	support_file(support_dirfd(), "r/etc/passwd", 0644, passwd);
	support_file(support_dirfd(), "r/etc/group", 0644, "");
	support_file(support_dirfd(), SUPPORT_WORLD_CONFIG, 0644,
		     SUPPORT_WORLD_NO_RESERVE);
	define("one");
	define("two");
	return true;
}

void support_world_done(struct support_world *w)
{
	support_events_done(&w->events);
}

int support_world_try_open_as(struct support_world *w, const char *store,
			      enum session_access access, struct session **ret,
			      struct err *err)
{
	_cleanup_free_ char *root = strdup(support_path("r")),
			    *at = store ? strdup(support_path(store)) : NULL,
			    *data = strdup(support_path("apps"));
	struct session_options o = { .mode = SESSION_USER,
				     .access = access,
				     .root = root,
				     .store = at,
				     .verb = "test",
				     .worker = getenv("SETASIDE_WORKER"),
				     .data_dir = data,
				     .home = "/home/me",
				     .observer = &w->observer };

	return session_open(&o, ret, err);
}

int support_world_try_open(struct support_world *w, const char *store,
			   struct session **ret, struct err *err)
{
	return support_world_try_open_as(w, store, SESSION_WRITE, ret, err);
}

struct session *support_world_open_as(struct support_world *w, const char *store,
				      enum session_access access)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct session *s = NULL;

	ck_assert_ok(support_world_try_open_as(w, store, access, &s, &err), &err);
	return s;
}

struct session *support_world_open(struct support_world *w, const char *store)
{
	return support_world_open_as(w, store, SESSION_WRITE);
}

uint64_t support_world_save(struct session *s, const char *name)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct save_request q = { .name = name };
	struct save_outcome o;
	uint64_t id;

	ck_assert_ok(setaside_save(s, &q, &o, &err), &err);
	ck_assert_uint_eq(o.set.n, 2);
	id = o.set.id;
	save_outcome_done(&o);
	return id;
}

void support_world_forget(struct session *s, uint64_t set)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct forget_outcome o;

	ck_assert_ok(setaside_forget(s, set, NULL, 0, false, &o, &err), &err);
	forget_outcome_done(&o);
}

int64_t support_world_expiry(struct session *s, uint64_t id)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct set set;
	int64_t expires;

	ck_assert_ok(sets_get(s, id, &set, &err), &err);
	expires = set.expires;
	set_done(&set);
	return expires;
}

void support_world_export(struct session *s, const uint64_t *sets, size_t n,
			  struct tar_bytes *to)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(setaside_export_closep) struct exporting *x = NULL;
	_cleanup_(buf_done) struct buf bytes = BUF_INIT;
	_cleanup_close_ int fd = memfd_create("export", MFD_CLOEXEC);

	ck_assert_ok(setaside_export_open(s, sets, n, &x, &err), &err);
	ck_assert_ok(setaside_export_stream(x, fd, &err), &err);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	ck_assert_ok(fd_read_file(fd, FILE_MAX, &bytes, &err), &err);
	ck_assert_uint_eq(bytes.len, setaside_export_size(x));
	ck_assert_ok(buf_add(&to->buf, bytes.data, bytes.len, &err), &err);
}

int support_world_stream(const struct tar_bytes *t)
{
	int fd = memfd_create("stream", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, t->buf.data, t->buf.len, 0), (ssize_t)t->buf.len);
	return fd;
}

int support_world_try_import(struct session *s, const struct tar_bytes *t,
			     const struct import_request *request,
			     struct import_outcome *ret, struct err *err)
{
	_cleanup_(setaside_import_closep) struct importing *im = NULL;
	_cleanup_close_ int fd = support_world_stream(t);

	if (setaside_import_open(s, fd, request, &im, err) < 0)
		return -1;
	return setaside_import_next(im, ret, err);
}

uint64_t support_world_import(struct session *s, const struct tar_bytes *t)
{
	_cleanup_(setaside_import_closep) struct importing *im = NULL;
	_cleanup_(import_outcome_done) struct import_outcome o = { 0 };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_close_ int fd = support_world_stream(t);
	const struct import_request q = { .name = NULL };
	uint64_t id;

	ck_assert_ok(setaside_import_open(s, fd, &q, &im, &err), &err);
	ck_assert_ok(setaside_import_next(im, &o, &err), &err);
	ck_assert(!o.duplicate);
	ck_assert_uint_gt(o.set, 0);
	id = o.set;
	import_outcome_done(&o);
	ck_assert_int_eq(setaside_import_next(im, &o, &err), 0);
	return id;
}

/* The line of a file. */
static void write_file(int dirfd, const char *name, struct buf *out)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ char *bytes = NULL;
	uint8_t hash[DIGEST_MAX_SIZE];
	char hex[2 * DIGEST_SHA256_SIZE + 1];
	size_t n;

	bytes = support_read(dirfd, name, &n);
	ck_assert_ok(digest_of(DIGEST_SHA256, bytes, n, hash, &err), &err);
	digest_hex(hash, DIGEST_SHA256_SIZE, hex);
	ck_assert_ok(buf_printf(out, &err, "%s %zu %s\n", name, n, hex), &err);
}

/* The line of a set. */
static void write_set(const struct set *set, struct buf *out)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_ok(buf_printf(out, &err, "%llu %s %s %s %s %s",
				(unsigned long long)set->id, set->name ? set->name : "-",
				set->note ? set->note : "-", set->origin,
				set->automatic ? "automatic" : "manual",
				set->content_hash),
		     &err);
	for (size_t i = 0; i < set->n; i++)
		ck_assert_ok(buf_printf(out, &err, " %s", set->snapshots[i].meta->snap),
			     &err);
	ck_assert_ok(buf_add_byte(out, '\n', &err), &err);
}

char *support_world_state(struct session *s, const char *store)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(strings_done) struct strings names = STRINGS_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	_cleanup_close_ int dirfd = -1;
	struct set_list list;
	char path[256];

	snprintf(path, sizeof(path), "%s/snapshots", store);
	dirfd = openat(support_dirfd(), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_ok(fd_list_dir(dirfd, 10000, &names, &err), &err);
	strings_sort(&names);
	for (size_t i = 0; i < names.n; i++)
		if (strcmp(names.items[i], ".last-set") != 0)
			write_file(dirfd, names.items[i], &out);
	ck_assert_ok(sets_list(s, &list, &err), &err);
	for (size_t i = 0; i < list.n; i++)
		write_set(&list.sets[i], &out);
	sets_list_done(&list);
	return strdup(out.data ? out.data : "");
}
