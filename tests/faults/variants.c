/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "state/db.h"
#include "state/operation/check.h"
#include "state/operation/expiry.h"
#include "tests/faults/sweep.h"

/* ---- Operations ---- */

#define RUN(name)                                                                        \
 static int run_##name(const struct world *w, struct report *r, struct err *err)         \
 {                                                                                       \
  return operation_named(#name)->run(w, r, err);                                         \
 }

RUN(restore)
RUN(undo)
RUN(keep)
RUN(export)

static int run_recovery(const struct world *w, struct report *r, struct err *err)
{
	return operation_named("recovery-preparing")->run(w, r, err);
}

/* A set that is whole must never be called damaged; that it cannot be
 * read is something else. */
static int run_check(const struct world *w, struct report *r, struct err *err)
{
	_cleanup_(session_closep) struct session *s =
		operation_session(w, SESSION_WRITE, NULL, err);
	struct scope all = { 0 };
	struct check_outcome o;

	(void)r;
	if (!s || setaside_check(s, 1, &all, true, &o, err) < 0)
		return -1;
	for (size_t i = 0; i < o.n && err->kind == ERR_NONE; i++) {
		const struct strings *p = &o.apps[i].problems;

		if (!o.apps[i].ok)
			err_set(err,
				p->n && strstr(p->items[0], "cannot") ? ERR_IO
								      : ERR_CORRUPT,
				"%s is not whole: %s", o.apps[i].name,
				p->n ? p->items[0] : "");
	}
	check_outcome_done(&o);
	return err->kind == ERR_NONE ? 0 : -1;
}

/* observer.event: what stays for the next time is told so; that it
 * has gone, is no warning. */
static void hear(void *ctx, const struct event *event)
{
	struct report *r = ctx;

	if (event->kind != EVENT_WARNING &&
	    (event->kind != EVENT_NOTE ||
	     !strstr(event->text, "stays for the next time")))
		return;
	r->warnings++;
	snprintf(r->warning, sizeof(r->warning), "%s", event->text ? event->text : "");
}

static int run_expire(const struct world *w, struct report *r, struct err *err)
{
	struct observer observer = { hear, r, NULL };
	_cleanup_(session_closep) struct session *s =
		operation_session(w, SESSION_WRITE, &observer, err);

	return s ? setaside_expire(s, 0, err) : -1;
}

const struct variant variants[] = {
	{ .operation = { .name = "export-new",
			 .from = "saved",
			 .run = run_export,
			 .sets = true } },
	{ .operation = { .name = "check",
			 .from = "two",
			 .run = run_check,
			 .sets = true } },
	{ .operation = { .name = "expire", .from = "expired", .run = run_expire } },
	{ .operation = { .name = "expire-set",
			 .from = "expired-set",
			 .run = run_expire,
			 .sets = true } },
	{ .operation = { .name = "restore-renames",
			 .from = "saved",
			 .run = run_restore,
			 .inverse = run_undo,
			 .loose = true },
	  .no_exchange = true },
	{ .operation = { .name = "undo-renames",
			 .from = "restored",
			 .run = run_undo,
			 .inverse = run_undo,
			 .loose = true },
	  .no_exchange = true },
	{ .operation = { .name = "restore-mount",
			 .from = "mounted",
			 .run = run_restore,
			 .inverse = run_undo,
			 .loose = true },
	  .needs_root = true },
	{ .operation = { .name = "undo-mount",
			 .from = "mount-old",
			 .run = run_undo,
			 .inverse = run_undo,
			 .loose = true },
	  .needs_root = true },
	{ .operation = { .name = "keep-mount",
			 .from = "mount-old",
			 .run = run_keep,
			 .loose = true },
	  .needs_root = true },
	{ .operation = { .name = "recovery-mount",
			 .from = "mount-mess",
			 .run = run_recovery,
			 .repairs = true,
			 .loose = true },
	  .needs_root = true },
};
const size_t n_variants = sizeof(variants) / sizeof(variants[0]);

/* ---- What they begin with ---- */

/* All that rests aside may go at once. */
static void prepare_expired(const struct world *w)
{
	world_reset(w, "saved");
	world_configure(w, "reserve = 0\nkeep-for = 0s\n");
	operation_must(w, run_restore);
	world_keep(w, "expired");
}

static int run_automatic_save(const struct world *w, struct report *r, struct err *err)
{
	return operation_save(w, &(struct save_request){ .automatic = true }, r, err);
}

/* Beside a person's set an automatic one that may go, since long ago. */
static void prepare_expired_set(const struct world *w)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct db *db = NULL;
	int fd;

	world_reset(w, "saved");
	operation_must(w, run_automatic_save);
	fd = open(w->store, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || db_open(fd, w->store, DB_WRITE, &db, &err) < 0 ||
	    db_set_expire(db, 2, 1, &err) < 0)
		die("cannot prepare: %s", err_message(&err));
	db_close(db);
	close(fd);
	world_keep(w, "expired-set");
}

/* Moves a tree to a disk of its own, which is mounted in its place. */
static void prepare_mounted(const struct world *w)
{
	char *tree = world_path(w, "cur/r/home/alice/.two"),
	     *disk = world_path(w, "cur/disk");
	struct stat st;

	world_reset(w, "saved");
	if (lstat(tree, &st) < 0 || rename(tree, disk) < 0 || mkdir(tree, 0755) < 0 ||
	    chown(tree, st.st_uid, st.st_gid) < 0)
		die("move %s", tree);
	world_keep(w, "mounted");
	operation_must(w, run_restore);
	world_keep(w, "mount-old");
	for (size_t i = 0; i < n_variants; i++)
		if (strcmp(variants[i].operation.name, "restore-mount") == 0)
			operation_mess(w, &variants[i].operation, "mount-mess", 80);
	free(tree);
	free(disk);
}

void variants_prepare(const struct world *w)
{
	prepare_expired(w);
	prepare_expired_set(w);
	if (w->system)
		prepare_mounted(w);
}

/* ---- A file system that cannot exchange ---- */

void forbid_exchange(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 0, 3),
		/* Only the lower half of the flags is used, and it comes first here. */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, args[4])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, RENAME_EXCHANGE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0)
		die("seccomp");
}
