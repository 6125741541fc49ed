/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/worker/serve.h"

#include <assert.h>

#include "backend/base/sys.h"
#include "backend/worker/protocol.h"

/* Progress is told after so many bytes or milliseconds, whichever comes first. */
#define PROGRESS_STEP ((uint64_t)4 << 20)
#define PROGRESS_MS   100
/* And so many bytes pass between two looks at the clock, which may cost a system call. */
#define PROGRESS_LOOK ((uint64_t)64 << 10)

int serve_send(struct serve *s, struct err *err)
{
	return wire_send(s->sock, &s->out, err);
}

/* Is it worth a record?  PROTOCOL_PROGRESS_MIN_MS is what the parent counts on. */
static bool is_due(const struct serve *s, uint64_t bytes, int64_t now)
{
	if (bytes <= s->told || now - s->told_at < PROTOCOL_PROGRESS_MIN_MS)
		return false;
	return bytes - s->told >= PROGRESS_STEP || now - s->told_at >= PROGRESS_MS;
}

/* struct observer.event */
static void on_event(void *ctx, const struct event *event)
{
	_cleanup_(err_clear) struct err ignored = ERR_INIT;
	struct serve *s = ctx;
	int64_t now;

	if (event->kind != EVENT_PROGRESS || event->done < s->looked + PROGRESS_LOOK)
		return;
	s->looked = event->done;
	now = sys_monotonic_ms();
	if (!is_due(s, event->done, now))
		return;
	s->told = event->done;
	s->told_at = now;
	/* A parent that is gone is met by the next record that matters. */
	if (wire_begin(&s->out, PROTOCOL_PROGRESS, &ignored) == 0 &&
	    wire_put_u64(&s->out, PROTOCOL_TAG_BYTES, event->done, &ignored) == 0)
		(void)wire_offer(s->sock, &s->out, &ignored);
}

struct observer serve_observer(struct serve *s)
{
	return (struct observer){ .event = on_event, .ctx = s };
}

/* Asks the parent; *ret_name may be NULL where only the number is wanted. */
static int query(struct serve *s, enum protocol_type type, enum owner_kind kind,
		 const char *name, uint32_t number, char **ret_name, uint32_t *ret_number,
		 struct err *err)
{
	_cleanup_free_ char *got = NULL;
	uint64_t id;
	int r;

	if (wire_begin(&s->out, type, err) < 0 ||
	    wire_put_u64(&s->out, PROTOCOL_TAG_OWNER, kind, err) < 0 ||
	    wire_put_str(&s->out, PROTOCOL_TAG_NAME, name, err) < 0 ||
	    wire_put_u64(&s->out, PROTOCOL_TAG_NUMBER, number, err) < 0 ||
	    serve_send(s, err) < 0)
		return -1;
	r = wire_recv(s->sock, &s->answer, err);
	if (r == 0)
		return err_set(err, ERR_INTERRUPTED, "the parent is gone");
	if (r < 0)
		return -1;
	if (s->answer.type != PROTOCOL_ANSWER)
		return err_set(err, ERR_CORRUPT, "expected an answer from the parent");
	_cleanup_(err_clear) struct err problem = ERR_INIT;
	if (wire_get_err(&s->answer, &problem, err) < 0)
		return -1;
	if (problem.kind != ERR_NONE)
		return err_move(err, &problem);
	if (wire_get_str(&s->answer, PROTOCOL_TAG_NAME, 256, &got, err) < 0 ||
	    wire_get_u64(&s->answer, PROTOCOL_TAG_NUMBER, &id, err) < 0)
		return -1;
	if (ret_name)
		*ret_name = TAKE_PTR(got);
	if (ret_number)
		*ret_number = (uint32_t)id;
	return 0;
}

/* owner_source over the socket: the name of a number. */
static int ask_name(void *ctx, enum owner_kind kind, uint32_t id, char **ret,
		    struct err *err)
{
	return query(ctx, PROTOCOL_QUERY_NAME, kind, NULL, id, ret, NULL, err);
}

/* owner_source over the socket: the number of a name. */
static int ask_id(void *ctx, enum owner_kind kind, const char *name, uint32_t number,
		  uint32_t *ret, struct err *err)
{
	return query(ctx, PROTOCOL_QUERY_ID, kind, name, number, NULL, ret, err);
}

int serve_init(struct serve *s, int sock, int rootfd, struct err *err)
{
	struct owner_source source = { .name_of = ask_name, .id_of = ask_id, .ctx = s };

	s->sock = sock;
	s->rootfd = rootfd;
	s->told = s->looked = 0;
	s->told_at = 0;
	s->lent = -1;
	s->owners = NULL;
	s->spill = (struct spill)SPILL_NONE;
	s->state = NULL;
	wire_out_init(&s->out);
	wire_out_init(&s->reply);
	wire_in_init(&s->request);
	wire_in_init(&s->answer);
	return owners_new(&source, &s->owners, err);
}

void serve_done(struct serve *s)
{
	owners_free(s->owners);
	wire_in_done(&s->answer);
	wire_in_done(&s->request);
	wire_out_done(&s->reply);
	wire_out_done(&s->out);
}

int serve_fail(struct serve *s, const struct err *problem, struct err *err)
{
	if (wire_begin(&s->out, PROTOCOL_FAIL, err) < 0 ||
	    wire_put_err(&s->out, problem, err) < 0)
		return -1;
	return serve_send(s, err);
}

void serve_lend(struct serve *s, int fd)
{
	assert(s->lent < 0);
	s->lent = fd;
}

/* One request, answered with OK or FAIL. */
static int answer(struct serve *s, const struct serve_kind *kind, struct err *err)
{
	_cleanup_(err_clear) struct err problem = ERR_INIT;

	s->told = s->looked = 0;
	s->told_at = sys_monotonic_ms();
	if (wire_begin(&s->reply, PROTOCOL_OK, err) < 0)
		return -1;
	if (kind->request(s, &s->request, &s->reply, &problem) < 0)
		return serve_fail(s, &problem, err);
	return wire_send(s->sock, &s->reply, err);
}

/* The same, and what was lent to the reply is given back. */
static int serve_request(struct serve *s, const struct serve_kind *kind, struct err *err)
{
	int r = answer(s, kind, err);

	if (s->lent >= 0)
		sys_close_best_effort(s->lent);
	s->lent = -1;
	return r;
}

int serve_loop(struct serve *s, const struct serve_kind *kind, struct err *err)
{
	int r = kind->start ? kind->start(s, err) : 0;

	if (r < 0)
		return -1; /* there is nothing to stop */
	while (r >= 0) {
		r = wire_recv(s->sock, &s->request, err);
		if (r <= 0)
			break;
		r = serve_request(s, kind, err);
	}
	if (kind->stop)
		kind->stop(s);
	return r;
}
