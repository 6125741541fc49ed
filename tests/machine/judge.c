/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "state/operation/check.h"
#include "state/operation/doctor.h"
#include "state/session_internal.h"
#include "state/sets.h"
#include "tests/machine/machine.h"

#define TEXT_MAX 65536u

/* ---- Processes ---- */

void *shared_memory(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		       0);

	if (p == MAP_FAILED)
		die("no shared memory");
	return p;
}

int in_child(void (*f)(void *ctx), void *ctx, unsigned seconds)
{
	int status, ended = -1;
	pid_t pid, got;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("cannot fork");
	if (pid == 0) {
		alarm(seconds);
		f(ctx);
		_exit(0);
	}
	/* This process is the reaper of what lost its parent. */
	while ((got = waitpid(-1, &status, 0)) > 0)
		if (got == pid && WIFEXITED(status))
			ended = WEXITSTATUS(status);
	return ended;
}

/* ---- States ---- */

/* Every part's text, in shared memory. */
struct taking {
	const struct world *world;
	bool sets;
	char text[STATE_PARTS][TEXT_MAX];
};

/* What is said of one set, without its number. */
static void tell_set(FILE *f, struct session *s, const struct set *set)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct scope all = { 0 };
	struct check_outcome o;

	fprintf(f, "%s %s %s auto %d\n", set->origin, set->name ? set->name : "-",
		set->note ? set->note : "-", set->automatic);
	for (size_t i = 0; i < set->n; i++) {
		const struct set_snapshot *snap = &set->snapshots[i];

		fprintf(f, "  %s %s%s\n", snap->meta->snap,
			snap->broken ? snap->broken : "whole",
			snap->missing ? ", missing" : "");
		for (size_t k = 0; k < snap->meta->n_archives; k++)
			fprintf(f, "    %s %s\n", snap->meta->archives[k].name,
				snap->meta->archives[k].sha3);
	}
	if (setaside_check(s, set->id, &all, true, &o, &err) < 0) {
		fprintf(f, "  check failed: %s\n", err_message(&err));
		return;
	}
	fprintf(f, "  %s\n", o.ok ? "intact" : "DAMAGED");
	check_outcome_done(&o);
}

static void tell_sets(FILE *f, struct session *s)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct set_list list;

	if (sets_list(s, &list, &err) < 0) {
		fprintf(f, "no list: %s\n", err_message(&err));
		return;
	}
	for (size_t i = 0; i < list.n; i++)
		tell_set(f, s, &list.sets[i]);
	sets_list_done(&list);
}

/* Restores that are not closed, and sets that are not complete. */
static void tell_rows(FILE *f, struct session *s)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct db_restore_list list = { 0 };
	struct db_set_list sets = { 0 };

	if (!s->db)
		return;
	if (db_restores(s->db, &list, &err) < 0 || db_sets(s->db, &sets, &err) < 0)
		fprintf(f, "no rows: %s\n", err_message(&err));
	for (size_t i = 0; i < list.n; i++)
		if (list.restores[i].state != JOURNAL_CLOSED)
			fprintf(f, "%s of %s is %s\n",
				list.restores[i].kind == DB_UNDO ? "undo" : "restore",
				list.restores[i].apps,
				journal_state_name(list.restores[i].state));
	for (size_t i = 0; i < sets.n; i++)
		if (sets.sets[i].state != DB_SET_COMPLETE)
			fprintf(f, "a set is in state %d\n", (int)sets.sets[i].state);
	db_restore_list_done(&list);
	db_set_list_done(&sets);
}

/* in_child */
static void take(void *ctx)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct taking *t = ctx;
	FILE *sets = fmemopen(t->text[STATE_SETS], TEXT_MAX - 1, "w");
	FILE *rows = fmemopen(t->text[STATE_ROWS], TEXT_MAX - 1, "w");
	struct session *s = operation_session(t->world, SESSION_READ, NULL, &err);

	if (!sets || !rows)
		die("no memory");
	snprintf(t->text[STATE_LIVE], TEXT_MAX, "%s", world_list(t->world));
	snprintf(t->text[STATE_FILES], TEXT_MAX, "%s", world_list_store(t->world));
	snprintf(t->text[STATE_OUT], TEXT_MAX, "%s", world_list_out(t->world));
	if (s) {
		if (t->sets)
			tell_sets(sets, s);
		tell_rows(rows, s);
		session_close(s);
	} else {
		fprintf(sets, "no session: %s\n", err_message(&err));
	}
	fclose(sets);
	fclose(rows);
}

void state_take(const struct world *w, const struct operation *o, struct state *ret)
{
	static struct taking *t;

	if (!t)
		t = shared_memory(sizeof(*t));
	ret->last_set = world_last_set(w);
	t->world = w;
	t->sets = o->sets;
	for (int i = 0; i < STATE_PARTS; i++)
		t->text[i][0] = '\0';
	if (in_child(take, t, 60) != 0)
		snprintf(t->text[STATE_SETS], TEXT_MAX, "looking at it died\n");
	for (int i = 0; i < STATE_PARTS; i++)
		if (!(ret->text[i] = strdup(t->text[i])))
			die("no memory");
}

static void state_copy(const struct state *s, struct state *ret)
{
	ret->last_set = s->last_set;
	for (int i = 0; i < STATE_PARTS; i++)
		if (!(ret->text[i] = strdup(s->text[i])))
			die("no memory");
}

void state_done(struct state *s)
{
	for (int i = 0; i < STATE_PARTS; i++)
		free(s->text[i]);
	*s = (struct state){ 0 };
}

/* ---- Judging ---- */

static void broken(struct verdict *v, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void broken(struct verdict *v, const char *fmt, ...)
{
	size_t n = strlen(v->text);
	va_list ap;

	v->broken++;
	va_start(ap, fmt);
	vsnprintf(v->text + n, sizeof(v->text) - n, fmt, ap);
	va_end(ap);
	n = strlen(v->text);
	snprintf(v->text + n, sizeof(v->text) - n, "\n");
}

/* Who dies between naming an export and putting it in place, or cannot do anything any
 * more, leaves a temporary file beside it, which the next export to that file removes. */
static void forgive_temporary(struct state *s)
{
	char *to = s->text[STATE_OUT], *end;

	for (char *p = to; *p; p = end) {
		size_t n = strcspn(p, "\n") + 1;

		end = p + n;
		if (p[0] == '.' && memmem(p, n, ".tmp.", 5))
			continue;
		memmove(to, p, n);
		to += n;
	}
	*to = '\0';
}

static const char *const part_names[] = { "live data", "the store's files", "sets",
					  "rows", "exports" };

/* The first line in which two texts differ, for people. */
static const char *first_difference(const char *a, const char *b)
{
	static char line[MESSAGE_MAX];
	size_t begin = 0;

	for (size_t i = 0; a[i] == b[i]; i++) {
		if (!a[i])
			return "";
		if (a[i] == '\n')
			begin = i + 1;
	}
	snprintf(line, sizeof(line), "\"%.*s\", not \"%.*s\"",
		 (int)strcspn(a + begin, "\n"), a + begin, (int)strcspn(b + begin, "\n"),
		 b + begin);
	return line;
}

static bool same(const struct state *a, const struct state *b)
{
	for (int i = 0; i < STATE_PARTS; i++)
		if (strcmp(a->text[i], b->text[i]) != 0)
			return false;
	return true;
}

/* All is as in `want`. */
static void expect(struct verdict *v, const char *when, const struct state *got,
		   const struct state *want)
{
	for (int i = 0; i < STATE_PARTS; i++)
		if (strcmp(got->text[i], want->text[i]) != 0)
			broken(v, "%s: %s: %s", when, part_names[i],
			       first_difference(got->text[i], want->text[i]));
}

/* One tree is old or new as a whole, and what was live is live or aside. */
static void expect_tree(struct verdict *v, const struct trial *t, const char *got,
			unsigned tree)
{
	const char *before = t->before->text[STATE_LIVE],
		   *after = t->after->text[STATE_LIVE];
	_cleanup_free_ char *a = world_list_tree(before, tree),
			    *b = world_list_tree(after, tree),
			    *c = world_list_tree(got, tree),
			    *aside = world_list_aside(got, tree),
			    *aside_after = world_list_aside(after, tree);

	if (strcmp(c, a) != 0 && strcmp(c, b) != 0)
		broken(v, "as found: a tree is neither old nor new: %s",
		       first_difference(c, a));
	if (strcmp(c, a) != 0 && strcmp(aside, aside_after) != 0)
		broken(v, "as found: what was live is not aside: %s",
		       first_difference(aside, aside_after));
}

/* Each tree is old or new as a whole, each set is whole or not listed. */
static void expect_between(struct verdict *v, const struct trial *t,
			   const struct state *got)
{
	static const enum state_part parts[] = { STATE_SETS, STATE_OUT };

	const char *const *before = (const char *const *)t->before->text;
	const char *const *after = (const char *const *)t->after->text;
	_cleanup_free_ char *others = world_list_others(before[STATE_LIVE]),
			    *others_now = world_list_others(got->text[STATE_LIVE]);

	for (unsigned i = 0; i < world_trees && !t->operation->loose; i++)
		expect_tree(v, t, got->text[STATE_LIVE], i);
	if (strcmp(others, others_now) != 0)
		broken(v, "as found: what is in no tree: %s",
		       first_difference(others_now, others));
	for (int i = 0; i < 2; i++) {
		enum state_part part = parts[i];

		if (strcmp(got->text[part], before[part]) != 0 &&
		    strcmp(got->text[part], after[part]) != 0)
			broken(v, "as found: %s: %s", part_names[part],
			       first_difference(got->text[part], before[part]));
	}
}

/* What the call itself says. */
static void judge_report(struct verdict *v, const struct trial *t)
{
	const struct report *r = t->report;

	if (t->died)
		return;
	if (!r->ended) {
		broken(v, "the process crashed or hung");
		return;
	}
	if ((r->result < 0) != (r->kind != ERR_NONE))
		broken(v, "result %d with error %s", r->result,
		       err_kind_name((enum err_kind)r->kind));
	if (r->result < 0 && !*r->message)
		broken(v, "no message");
	if (r->fds_before != r->fds_after)
		broken(v, "%d descriptors before, %d after", r->fds_before, r->fds_after);
	if (r->leaks)
		broken(v, "memory was lost");
	if (r->children)
		broken(v, "a child was left");
	if (r->result < 0 && t->short_of_memory && r->kind != ERR_NOMEM)
		broken(v, "memory was short, told as %s: %s",
		       err_kind_name((enum err_kind)r->kind), r->message);
	if (t->short_of_memory && strstr(r->warning, "is damaged"))
		broken(v, "memory was short, told as damage: %s", r->warning);
	/* SQLite's own check tells a page that it cannot read as
	 * a problem of the file. */
	if (r->kind == ERR_CORRUPT && !t->damage &&
	    !strstr(r->message, "unable to get the page"))
		broken(v, "told as damage: %s", r->message);
}

/* Done, but not all of it, or not all that was done could be said: it was told so. */
static bool is_part(const struct report *r)
{
	return r->ended && r->result == 0 &&
	       (r->partial || (r->warnings && !strstr(r->warning, "the next run")));
}

/* What must hold even then. */
static void expect_whole_sets(struct verdict *v, const char *when,
			      const struct state *got)
{
	static const char *const bad[] = { "DAMAGED", "missing", "check failed",
					   "no list", "no session" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (strstr(got->text[STATE_SETS], bad[i]))
			broken(v, "%s: a set is not whole: %s", when,
			       strstr(got->text[STATE_SETS], bad[i]));
}

/* A file that has replaced another, of which it is not known whether it would outlive a
 * power cut, is told as a failure: the other is gone. */
static const struct state *state_of_failure(const struct trial *t,
					    const struct state *got)
{
	bool replaced =
		strcmp(t->before->text[STATE_OUT], t->after->text[STATE_OUT]) != 0 &&
		strstr(t->report->message, "durable") &&
		strcmp(got->text[STATE_OUT], t->after->text[STATE_OUT]) == 0;

	return replaced ? t->after : t->before;
}

/* What is there before anybody repairs it. */
static void judge_found(struct verdict *v, const struct trial *t,
			const struct state *found)
{
	const struct report *r = t->report;
	bool clean = r->ended && !t->died && !t->dirty;

	if (found->last_set < t->before->last_set)
		broken(v, "set %ju was given out, then forgotten",
		       (uintmax_t)t->before->last_set);
	expect_whole_sets(v, "as found", found);
	if (is_part(r))
		return;
	if (clean && r->result < 0 && !t->operation->repairs)
		expect(v, "failed, as found", found, state_of_failure(t, found));
	else if (clean && r->result == 0 && !r->warnings)
		expect(v, "succeeded, as found", found, t->after);
	else
		expect_between(v, t, found);
}

/* ---- Recovery, and the same again ---- */

struct next {
	const struct world *world;
	const struct operation *operation;
	struct report *report; /* shared */
	size_t repaired, left;
	char what[MESSAGE_MAX];
	bool has_run; /* anything has */
};

/* in_child: the operation, without faults. */
static void run_again(void *ctx)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct next *n = ctx;

	n->report->result = n->operation->run(n->world, n->report, &err);
	snprintf(n->report->message, sizeof(n->report->message), "%s", err_message(&err));
	n->report->ended = true;
}

static void run_inverse(void *ctx)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct next *n = ctx;

	n->report->result = n->operation->inverse(n->world, n->report, &err);
	snprintf(n->report->message, sizeof(n->report->message), "%s", err_message(&err));
	n->report->ended = true;
}

/* in_child: recovery as any writer has it, then once more: what is left to it? */
static void recover_twice(void *ctx)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct next *n = ctx;
	struct session *s = operation_session(n->world, SESSION_WRITE, NULL, &err);
	struct recovery_report report;

	n->report->result = s ? recovery_run(s, &report, &err) : -1;
	snprintf(n->report->message, sizeof(n->report->message), "%s", err_message(&err));
	n->report->ended = true;
	if (n->report->result < 0)
		return;
	n->repaired = report.n_repaired;
	n->left = report.n_left;
	if (report.n_repaired + report.n_left > 0) {
		const struct recovery_item *item =
			report.n_repaired > 0 ? report.repaired : report.left;

		snprintf(n->what, sizeof(n->what), "%s: %s", item->object, item->what);
	}
	recovery_report_done(&report);
	session_close(s);
}

static bool succeed(struct verdict *v, struct next *n, const char *what,
		    void (*f)(void *ctx))
{
	int status;

	*n->report = (struct report){ 0 };
	n->repaired = n->left = 0;
	n->what[0] = '\0';
	n->has_run = true;
	status = in_child(f, n, 90);
	if (n->report->cannot)
		die("%s cannot be tested", what);
	if (status != 0 || !n->report->ended)
		broken(v, "%s crashed or hung", what);
	else if (n->report->result < 0)
		broken(v, "%s failed: %s", what, n->report->message);
	else
		return true;
	return false;
}

/* The same command, which now meets no fault; `last`: the highest number until then. */
static void judge_again(struct verdict *v, const struct trial *t, struct next *n,
			uint64_t last)
{
	struct state got;

	if (!succeed(v, n, "the same again", run_again))
		return;
	state_take(t->world, t->operation, &got);
	expect(v, "the same again", &got, t->after);
	if (t->after->last_set > t->before->last_set && got.last_set <= last)
		broken(v, "the same again: set %ju follows set %ju",
		       (uintmax_t)got.last_set, (uintmax_t)last);
	state_done(&got);
}

/* What was exchanged can be taken back. */
static void judge_inverse(struct verdict *v, const struct trial *t, struct next *n,
			  uint64_t last)
{
	struct state got;

	(void)last;
	if (!succeed(v, n, "taking it back", run_inverse))
		return;
	state_take(t->world, t->operation, &got);
	for (unsigned i = 0; i < world_trees; i++) {
		_cleanup_free_ char *a = world_list_tree(got.text[STATE_LIVE], i),
				    *b = world_list_tree(t->before->text[STATE_LIVE], i);

		if (strcmp(a, b) != 0)
			broken(v, "taken back: %s", first_difference(a, b));
	}
	state_done(&got);
}

/* ---- All of it ---- */

/* What goes on from where it has come to: the same again, or what
 * takes it back; or NULL. */
typedef void step(struct verdict *v, const struct trial *t, struct next *n,
		  uint64_t last);

static step *next_step(const struct trial *t, const struct state *got)
{
	if (!t->operation->repairs && same(got, t->before))
		return judge_again;
	if (t->operation->inverse && same(got, t->after))
		return judge_inverse;
	return NULL;
}

/* After recovery. */
static void judge_recovered(struct verdict *v, const struct trial *t,
			    const struct state *got)
{
	const struct report *r = t->report;

	if (got->last_set < t->before->last_set)
		broken(v, "recovery forgot that set %ju was given out",
		       (uintmax_t)t->before->last_set);
	expect_whole_sets(v, "after recovery", got);
	if (is_part(r) && !t->died) {
		if (strstr(got->text[STATE_FILES], "_importing") ||
		    strstr(got->text[STATE_FILES], ".tmp."))
			broken(v, "left in the store: %s", got->text[STATE_FILES]);
	} else if (t->operation->repairs || (r->ended && !t->died && r->result == 0))
		expect(v, "after recovery", got, t->after);
	else if (r->ended && !t->died)
		expect(v, "failed, after recovery", got, state_of_failure(t, got));
	else if (!same(got, t->before) && !same(got, t->after)) {
		struct verdict a = { 0 }, b = { 0 };

		expect(&a, "died, after recovery", got, t->before);
		expect(&b, "died, after recovery", got, t->after);
		broken(v, "%s", a.broken <= b.broken ? a.text : b.text);
	}
}

/* Lets recovery do its work; false where it does not come to its end. */
static bool recover(struct verdict *v, const struct trial *t, struct next *n,
		    struct state *ret)
{
	if (!succeed(v, n, "recovery", recover_twice))
		return false;
	if (n->repaired + n->left > 0)
		broken(v, "the second recovery repaired %zu, left %zu: %s", n->repaired,
		       n->left, n->what);
	state_take(t->world, t->operation, ret);
	return true;
}

/* The state as the trial sees it. */
static void see(const struct trial *t, const struct state *s, struct state *ret)
{
	state_copy(s, ret);
	if (t->died || t->dirty)
		forgive_temporary(ret);
}

/* From the machine as it was found to its end; `k` is what is known of it, in part or as
 * a whole, or is to be.  Tells whether that is true of all machines like it. */
static bool judge_machine(struct verdict *v, const struct trial *t, struct next *n,
			  struct known *k)
{
	bool is_known = k->found.text[0];
	struct state found, got, ignored = { 0 };
	step *go_on;
	unsigned broken_until;
	bool recovered_well;

	if (!is_known)
		state_take(t->world, t->operation, &k->found);
	see(t, &k->found, &found);
	judge_found(v, t, &found);
	state_done(&found);
	broken_until = v->broken;
	if (!is_known && !recover(v, t, n, &k->recovered))
		return false;
	recovered_well = v->broken == broken_until;
	see(t, &k->recovered, &got);
	judge_recovered(v, t, &got);
	go_on = next_step(t, &got);
	broken_until = v->broken;
	if (go_on && !k->continued) {
		if (!is_known || recover(v, t, n, &ignored))
			go_on(v, t, n, got.last_set);
		k->continued = v->broken == broken_until;
	}
	state_done(&ignored);
	state_done(&got);
	return recovered_well && v->broken == broken_until;
}

void judge(const struct trial *t, struct verdict *ret)
{
	static struct next *n;
	struct known fresh = { .text = whole_text(t->world) },
		     *k = known_find(fresh.text);

	if (!n) {
		n = shared_memory(sizeof(*n));
		n->report = shared_memory(sizeof(*n->report));
	}
	n->world = t->world;
	n->operation = t->operation;
	n->has_run = false;
	*ret = (struct verdict){ 0 };
	judge_report(ret, t);
	ret->untouched = t->fresh && fresh.text && strcmp(t->fresh, fresh.text) == 0;
	if (judge_machine(ret, t, n, k ? k : &fresh) && !k && fresh.text)
		known_add(&fresh);
	ret->untouched = ret->untouched && !n->has_run;
	known_clear(&fresh);
}
