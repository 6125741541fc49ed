/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/fault.h"
#include "state/operation/doctor.h"
#include "state/operation/export.h"
#include "state/operation/forget.h"
#include "state/operation/import.h"
#include "state/operation/restore.h"
#include "state/operation/save.h"
#include "state/sets.h"
#include "tests/machine/machine.h"

struct session *operation_session(const struct world *w, enum session_access access,
				  const struct observer *observer, struct err *err)
{
	struct session_options o = {
		.mode = w->system ? SESSION_SYSTEM : SESSION_USER,
		.access = access,
		.root = w->root,
		.store = w->store,
		.verb = "test",
		.worker = w->worker,
		.data_dir = w->apps,
		.wait_ms = 20000,
		.home = "/home/alice",
		.observer = observer,
	};
	struct session *s = NULL;

	return session_open(&o, &s, err) < 0 ? NULL : s;
}

void report_warning(void *ctx, const struct event *event)
{
	struct report *r = ctx;

	if (event->kind != EVENT_WARNING)
		return;
	r->warnings++;
	snprintf(r->warning, sizeof(r->warning), "%s", event->text ? event->text : "");
}

#define HEAR(report)                                                                     \
 {                                                                                       \
  report_warning, (report), NULL                                                         \
 }

/* The app that can have a long file (world_put_long()). */
static const char *const app_two[] = { "two" };

/* ---- Each from opening to closing ---- */

int operation_save(const struct world *w, const struct save_request *q, struct report *r,
		   struct err *err)
{
	struct observer observer = HEAR(r);
	_cleanup_(session_closep) struct session *s =
		operation_session(w, SESSION_WRITE, &observer, err);
	struct save_outcome o;

	if (!s || setaside_save(s, q, &o, err) < 0)
		return -1;
	r->partial = o.skipped + o.changed + o.problems > 0;
	save_outcome_done(&o);
	return 0;
}

static int run_save(const struct world *w, struct report *r, struct err *err)
{
	return operation_save(w, &(struct save_request){ .note = "a note" }, r, err);
}

static int run_save_two(const struct world *w, struct report *r, struct err *err)
{
	struct save_request q = { .scope = { .apps = app_two, .n_apps = 1 },
				  .note = "a note" };

	return operation_save(w, &q, r, err);
}

static int restore(const struct world *w, const struct restore_request *q,
		   struct report *r, struct err *err)
{
	struct observer observer = HEAR(r);
	_cleanup_(session_closep) struct session *s =
		operation_session(w, SESSION_WRITE, &observer, err);
	struct restore_outcome o;

	if (!s || setaside_restore(s, q, &o, err) < 0)
		return -1;
	r->partial = o.notes > 0 || o.n_skipped > 0;
	restore_outcome_done(&o);
	return 0;
}

static int run_restore(const struct world *w, struct report *r, struct err *err)
{
	return restore(w, &(struct restore_request){ .set = 1, .force = true }, r, err);
}

static int run_restore_two(const struct world *w, struct report *r, struct err *err)
{
	struct restore_request q = { .set = 2,
				     .scope = { .apps = app_two, .n_apps = 1 },
				     .force = true };

	return restore(w, &q, r, err);
}

static int run_undo(const struct world *w, struct report *r, struct err *err)
{
	struct observer observer = HEAR(r);
	_cleanup_(session_closep) struct session *s =
		operation_session(w, SESSION_WRITE, &observer, err);
	struct restore_outcome o;

	if (!s || setaside_undo(s, 0, true, &o, err) < 0)
		return -1;
	r->partial = o.notes > 0 || o.n_skipped > 0;
	restore_outcome_done(&o);
	return 0;
}

static int run_keep(const struct world *w, struct report *r, struct err *err)
{
	struct observer observer = HEAR(r);
	_cleanup_(session_closep) struct session *s =
		operation_session(w, SESSION_WRITE, &observer, err);
	struct keep_outcome o;

	if (!s || setaside_keep(s, 0, &o, err) < 0)
		return -1;
	keep_outcome_done(&o);
	return 0;
}

static int run_forget(const struct world *w, struct report *r, struct err *err)
{
	struct observer observer = HEAR(r);
	_cleanup_(session_closep) struct session *s =
		operation_session(w, SESSION_WRITE, &observer, err);
	struct forget_outcome o;

	if (!s || setaside_forget(s, 1, NULL, 0, false, &o, err) < 0)
		return -1;
	forget_outcome_done(&o);
	return 0;
}

static int run_forget_app(const struct world *w, struct report *r, struct err *err)
{
	struct observer observer = HEAR(r);
	_cleanup_(session_closep) struct session *s =
		operation_session(w, SESSION_WRITE, &observer, err);
	struct forget_outcome o;

	if (!s || setaside_forget(s, 1, app_two, 1, false, &o, err) < 0)
		return -1;
	forget_outcome_done(&o);
	return 0;
}

static int run_recovery(const struct world *w, struct report *r, struct err *err)
{
	struct observer observer = HEAR(r);
	_cleanup_(session_closep) struct session *s =
		operation_session(w, SESSION_WRITE, &observer, err);

	return s ? 0 : -1;
}

static int run_doctor(const struct world *w, struct report *r, struct err *err)
{
	struct observer observer = HEAR(r);
	_cleanup_(session_closep) struct session *s =
		operation_session(w, SESSION_DOCTOR, &observer, err);
	struct recovery_report report;

	if (!s || setaside_doctor(s, &report, err) < 0)
		return -1;
	r->partial = report.n_left > 0;
	recovery_report_done(&report);
	return 0;
}

/* The file that is exported to. */
static char *stream_path(const struct world *w)
{
	char *path;

	if (asprintf(&path, "%s/stream", w->out) < 0)
		die("no memory");
	return path;
}

static int run_export(const struct world *w, struct report *r, struct err *err)
{
	struct observer observer = HEAR(r);
	_cleanup_free_ char *path = stream_path(w);
	_cleanup_(session_closep) struct session *s =
		operation_session(w, SESSION_READ, &observer, err);
	uint64_t set = 1, size;

	return s ? setaside_export_file(s, &set, 1, path, true, &size, err) : -1;
}

/* The set of the stream.  It is imported once that was said, whatever comes behind it. */
static int import_all(struct session *s, int fd, struct err *err)
{
	struct import_request q = { 0 };
	_cleanup_(setaside_import_closep) struct importing *im = NULL;
	struct import_outcome o;

	if (setaside_import_open(s, fd, &q, &im, err) < 0 ||
	    setaside_import_next(im, &o, err) < 0)
		return -1;
	import_outcome_done(&o);
	if (setaside_import_next(im, &o, err) < 0)
		err_clear(err);
	return 0;
}

static int run_import(const struct world *w, struct report *r, struct err *err)
{
	struct observer observer = HEAR(r);
	_cleanup_free_ char *path = stream_path(w);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_(session_closep) struct session *s =
		operation_session(w, SESSION_WRITE, &observer, err);

	if (fd < 0)
		die("open %s", path);
	return s ? import_all(s, fd, err) : -1;
}

const struct operation operations[] = {
	{ .name = "restore", .from = "saved", .run = run_restore, .inverse = run_undo },
	{ .name = "undo", .from = "restored", .run = run_undo, .inverse = run_undo },
	{ .name = "keep", .from = "restored", .run = run_keep },
	{ .name = "save", .from = "saved", .run = run_save, .sets = true },
	{ .name = "restore-long",
	  .from = "long",
	  .run = run_restore_two,
	  .inverse = run_undo },
	{ .name = "save-long", .from = "long", .run = run_save_two, .sets = true },
	{ .name = "import", .from = "stream", .run = run_import, .sets = true },
	{ .name = "forget", .from = "two", .run = run_forget, .sets = true },
	{ .name = "forget-app", .from = "two", .run = run_forget_app, .sets = true },
	{ .name = "recovery-preparing",
	  .from = "mess-0",
	  .run = run_recovery,
	  .repairs = true },
	{ .name = "recovery-swapping",
	  .from = "mess-1",
	  .run = run_recovery,
	  .repairs = true },
	{ .name = "recovery-undo",
	  .from = "mess-2",
	  .run = run_recovery,
	  .repairs = true },
	{ .name = "recovery-keep",
	  .from = "mess-3",
	  .run = run_recovery,
	  .repairs = true },
	{ .name = "recovery-save",
	  .from = "mess-4",
	  .run = run_recovery,
	  .sets = true,
	  .repairs = true },
	{ .name = "recovery-import",
	  .from = "mess-5",
	  .run = run_recovery,
	  .sets = true,
	  .repairs = true },
	{ .name = "recovery-forget",
	  .from = "mess-6",
	  .run = run_recovery,
	  .sets = true,
	  .repairs = true },
	{ .name = "recovery-database",
	  .from = "mess-7",
	  .run = run_recovery,
	  .sets = true,
	  .repairs = true },
	{ .name = "export", .from = "two", .run = run_export, .sets = true },
	{ .name = "doctor", .from = "mess-1", .run = run_doctor, .repairs = true },
	{ .name = "save-again",
	  .from = "held",
	  .run = again_run_save,
	  .sets = true,
	  .rests = true },
	{ .name = "save-if-changed",
	  .from = "held",
	  .run = again_run_if_changed,
	  .sets = true,
	  .rests = true },
	{ .name = "save-unchanged",
	  .from = "unchanged",
	  .run = again_run_unchanged,
	  .sets = true,
	  .rests = true },
};
const size_t n_operations = sizeof(operations) / sizeof(operations[0]);

/* ---- What they begin with ---- */

void operation_must(const struct world *w,
		    int (*run)(const struct world *w, struct report *r, struct err *err))
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct report r = { 0 };

	if (run(w, &r, &err) < 0 || r.partial || r.warnings)
		die("cannot prepare: %s; %s", err_message(&err), r.warning);
}

/* One that dies before it changes the nth thing. */
struct death {
	const struct world *w;
	int (*run)(const struct world *w, struct report *r, struct err *err);
	uint64_t nth;
	uint64_t *ret_count; /* shared; how many there are */
};

static void run_dying(void *ctx)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const struct death *d = ctx;
	struct report r = { 0 };

	fault_arm(&(struct fault_plan){ FAULT_CHANGE, FAULT_DIE, d->nth, 0 });
	if (d->run(d->w, &r, &err) < 0)
		die("cannot prepare: %s", err_message(&err));
	*d->ret_count = fault_count(FAULT_CHANGE);
	_exit(0);
}

const struct operation *operation_named(const char *name)
{
	for (size_t i = 0; i < n_operations; i++)
		if (strcmp(operations[i].name, name) == 0)
			return &operations[i];
	die("no operation %s", name);
}

void operation_mess(const struct world *w, const struct operation *o, const char *name,
		    int percent)
{
	struct death d = { w, o->run, UINT64_MAX, shared_memory(sizeof(*d.ret_count)) };

	world_reset(w, o->from);
	if (in_child(run_dying, &d, 60) != 0 || *d.ret_count < 4)
		die("%s: nothing happened, %llu changes", name,
		    (unsigned long long)*d.ret_count);
	d.nth = *d.ret_count * (unsigned)percent / 100;
	world_reset(w, o->from);
	if (in_child(run_dying, &d, 60) != FAULT_EXIT_STATUS)
		die("%s: nobody died", name);
	world_keep(w, name);
}

/* A stream of the old data, and a store that does not have it. */
static void prepare_stream(const struct world *w)
{
	char *store = world_path(w, "cur/store"), *gone = world_path(w, "gone");

	world_reset(w, "saved");
	operation_must(w, run_export);
	if (rename(store, gone) < 0)
		die("rename %s", store);
	operation_must(w, run_save);
	world_keep(w, "stream");
	free(store);
	free(gone);
}

/* A set of a long file, and another one live. */
static void prepare_long(const struct world *w)
{
	world_reset(w, "saved");
	world_put_long(w, 1);
	operation_must(w, run_save_two);
	world_put_long(w, 2);
	world_keep(w, "long");
}

void operations_prepare(const struct world *w)
{
	char *base = world_path(w, "cur/store/state.db");

	operation_must(w, run_save);
	world_put_new(w);
	world_keep(w, "saved");
	operation_must(w, run_restore);
	world_keep(w, "restored");
	prepare_long(w);
	prepare_stream(w);
	world_reset(w, "stream");
	operation_must(w, run_import);
	world_keep(w, "two");
	operation_mess(w, operation_named("restore"), "mess-0", 45);
	operation_mess(w, operation_named("restore"), "mess-1", 85);
	operation_mess(w, operation_named("undo"), "mess-2", 75);
	operation_mess(w, operation_named("keep"), "mess-3", 90);
	operation_mess(w, operation_named("save"), "mess-4", 80);
	operation_mess(w, operation_named("import"), "mess-5", 80);
	operation_mess(w, operation_named("forget"), "mess-6", 75);
	world_reset(w, "two");
	if (unlink(base) < 0)
		die("unlink %s", base);
	world_keep(w, "mess-7");
	free(base);
}
