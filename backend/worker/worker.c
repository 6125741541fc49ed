/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/worker/worker.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/base/alloc.h"
#include "backend/base/fault.h"
#include "backend/base/quote.h"
#include "backend/base/sys.h"
#include "backend/worker/protocol.h"

/* How often a cancel flag that nobody wakes us for is looked at. */
#define POLL_MS 100
/* Records that are served in a row while other bytes wait to be read. */
#define SERVE_MAX 64
/* How many PROGRESS records there may be beyond one a millisecond, since none is lost
 * where it is only read late. */
#define PROGRESS_SPARE 64
/* How long an idle worker may take to end before it is killed. */
#define END_MS 2000

struct worker {
	const struct worker_env *env;
	enum worker_kind kind;
	pid_t pid;
	int sock;
	bool busy;
	bool dead;      /* no further request */
	struct err err; /* why the last request failed, until worker_wait() takes it */
	worker_handler handler;
	void *ctx;
	struct meter *meter; /* of the request; NULL: nobody wants to know */
	int64_t begun;       /* the request; ms */
	int64_t told;        /* PROGRESS records since */
	struct wire_out out;
	struct wire_in in;
};

const char *worker_kind_name(enum worker_kind kind)
{
	switch (kind) {
	case WORKER_READER:
		return "reader";
	case WORKER_PACKER:
		return "packer";
	case WORKER_UNPACKER:
		return "unpacker";
	case WORKER_APPLIER:
		return "applier";
	case WORKER_SWAPPER:
		return "swapper";
	}
	return "worker";
}

enum worker_kind worker_get_kind(const struct worker *w)
{
	return w->kind;
}

struct wire_in *worker_result(struct worker *w)
{
	return &w->in;
}

void worker_measure(struct worker *w, struct meter *meter)
{
	assert(w->busy);
	w->meter = meter;
}

bool worker_is_busy(const struct worker *w)
{
	return w->busy;
}

bool worker_is_alive(const struct worker *w)
{
	return !w->dead;
}

/* Between fork and exec: only what is safe there.  Descriptors 3 and
 * 4 are the protocol's. */
static void exec_worker(const char *program, enum worker_kind kind, int sock, int alive)
	__attribute__((noreturn));

/* See above. */
static void exec_worker(const char *program, enum worker_kind kind, int sock, int alive)
{
	static char name[] = "setaside-worker";
	char *argv[1 + FAULT_ARGUMENTS + 1] = { name };
	char *envp[] = { NULL };
	sigset_t none;

	fault_put_arguments((int)kind, &argv[1]);
	/* Both first to numbers that neither of the two targets is. */
	sock = fcntl(sock, F_DUPFD_CLOEXEC, PROTOCOL_ALIVE_FD + 1);
	if (alive >= 0)
		alive = fcntl(alive, F_DUPFD_CLOEXEC, PROTOCOL_ALIVE_FD + 1);
	if (sock < 0 || dup2(sock, PROTOCOL_SOCKET_FD) < 0)
		_exit(126);
	if (alive >= 0 && dup2(alive, PROTOCOL_ALIVE_FD) < 0)
		_exit(126);
	if (alive < 0)
		close(PROTOCOL_ALIVE_FD);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* A terminal's Ctrl-C goes to the parent alone, which ends the workers itself. */
	setpgid(0, 0);
	execve(program, argv, envp);
	_exit(127);
}

/* Starts the program; *ret_sock is the parent's end. */
static int spawn(const struct worker_env *env, enum worker_kind kind, pid_t *ret_pid,
		 int *ret_sock, struct err *err)
{
	const char *program =
		env->program ? env->program : PKGLIBEXECDIR "/setaside-worker";
	_cleanup_close_ int ours = -1, theirs = -1, alive = -1;
	int pair[2];
	pid_t pid;

	/* Looked at here, since a failed exec can say nothing but its status. */
	if (access(program, X_OK) < 0) {
		err_errno(err, "cannot start %s", q(program));
		/* Our own installation is at fault, not what the caller asked for. */
		return err_reclassify(err, ERR_IO);
	}
	if (sys_socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
		return err_errno(err, "cannot make a socket for a worker");
	ours = pair[0];
	theirs = pair[1];
	if (env->alive_fd) {
		alive = env->alive_fd(env->alive_ctx, err);
		if (alive < 0)
			return -1;
	}
	pid = sys_fork();
	if (pid < 0)
		return err_errno(err, "cannot start a worker");
	if (pid == 0)
		exec_worker(program, kind, theirs, alive);
	*ret_pid = pid;
	*ret_sock = TAKE_FD(ours);
	return 0;
}

/* A file for what does not fit into memory, for those who may need
 * it; -1: there is none. */
static int spill_fd(const struct worker *w)
{
	if (!w->env->spill_fd || (w->kind != WORKER_PACKER && w->kind != WORKER_UNPACKER))
		return -1;
	return w->env->spill_fd(w->env->spill_ctx);
}

/* Never waits, where no cancel would be seen: whoever keeps to the protocol has read
 * all that came before. */
static int tell(struct worker *w, const struct wire_out *record, struct err *err)
{
	int r = wire_offer(w->sock, record, err);

	if (r == 0)
		return err_set(err, ERR_CORRUPT, "the %s does not read what it is sent",
			       worker_kind_name(w->kind));
	return r < 0 ? -1 : 0;
}

/* The first record: what the worker shall be. */
static int send_hello(struct worker *w, const struct identity *id, struct err *err)
{
	_cleanup_close_ int spill = spill_fd(w);
	struct wire_out *o = &w->out;

	if (wire_begin(o, PROTOCOL_HELLO, err) < 0 ||
	    wire_put_u64(o, PROTOCOL_TAG_VERSION, PROTOCOL_VERSION, err) < 0 ||
	    wire_put_str(o, PROTOCOL_TAG_BUILD, PACKAGE_VERSION, err) < 0 ||
	    wire_put_u64(o, PROTOCOL_TAG_KIND, w->kind, err) < 0 ||
	    wire_put_u64(o, PROTOCOL_TAG_IDENTITY, id->kind, err) < 0 ||
	    wire_put_u64(o, PROTOCOL_TAG_UID, id->uid, err) < 0 ||
	    wire_put_u64(o, PROTOCOL_TAG_GID, id->gid, err) < 0 ||
	    wire_put_bytes(o, PROTOCOL_TAG_GROUPS, id->groups,
			   id->n_groups * sizeof(gid_t), err) < 0 ||
	    wire_put_u64(o, PROTOCOL_TAG_CAPS, id->caps, err) < 0 ||
	    wire_put_u64(o, PROTOCOL_TAG_SPILL, spill >= 0, err) < 0 ||
	    wire_put_fd(o, w->env->rootfd, err) < 0 ||
	    (spill >= 0 && wire_put_fd(o, spill, err) < 0))
		return -1;
	return tell(w, o, err);
}

/* Have END_MS gone by since `begun`, after so many waits of at least a millisecond? */
static bool is_over(int64_t begun, int waits)
{
	int64_t now = sys_monotonic_ms();

	/* On a busy machine each of them takes several; without a clock
	 * they are all there is. */
	return waits >= END_MS || (begun >= 0 && now - begun >= END_MS);
}

/* Waits for the process; kills it first unless it ends by itself soon. */
static int reap(struct worker *w, bool kill_it)
{
	int64_t begun = sys_monotonic_ms();
	int status = 0, waits = 0;
	pid_t r;

	if (w->pid <= 0)
		return 0;
	if (kill_it)
		sys_kill(w->pid, SIGKILL);
	for (;;) {
		if (!kill_it && is_over(begun, waits)) {
			sys_kill(w->pid, SIGKILL);
			kill_it = true;
		}
		r = sys_waitpid(w->pid, &status, kill_it ? 0 : WNOHANG);
		if (r == w->pid || (r < 0 && errno != EINTR))
			break;
		if (!kill_it) {
			sys_poll(NULL, 0, 1);
			waits++;
		}
	}
	w->pid = 0;
	return status;
}

/* Why the process ended, where its status says so: fills err, which may be filled. */
static bool explain(const struct worker *w, int status, struct err *err)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
		err_clear(err);
		err_set(err, ERR_IO, "the %s could not be executed",
			worker_kind_name(w->kind));
	} else if (WIFEXITED(status) && WEXITSTATUS(status) == PROTOCOL_EXIT_NOMEM) {
		err_clear(err);
		err_nomem(err);
	} else if (WIFSIGNALED(status)) {
		err_clear(err);
		err_set(err, ERR_IO, "the %s died of signal %d",
			worker_kind_name(w->kind), WTERMSIG(status));
	} else {
		return false;
	}
	return true;
}

/* Nothing can be sent to it or come from it: it gets no further request, and if it is
 * gone, its end may say more than the socket could. */
static void lose(struct worker *w, struct err *err)
{
	w->dead = true;
	sys_close_best_effort(w->sock);
	w->sock = -1;
	(void)explain(w, reap(w, false), err);
}

int worker_start(const struct worker_env *env, enum worker_kind kind,
		 const struct identity *id, const struct observer *observer,
		 struct worker **ret, struct err *err)
{
	_cleanup_(worker_freep) struct worker *w = alloc_zero(1, sizeof(*w), err);

	if (!w)
		return -1;
	w->env = env;
	w->kind = kind;
	w->sock = -1;
	wire_out_init(&w->out);
	wire_in_init(&w->in);
	if (spawn(env, kind, &w->pid, &w->sock, err) < 0)
		return -1;
	if (send_hello(w, id, err) < 0) {
		lose(w, err);
		return err_wrap(err, "cannot start a %s", worker_kind_name(kind));
	}
	w->busy = true;
	if (worker_wait(&w, 1, observer, err) < 0)
		return err_wrap(err, "cannot start a %s", worker_kind_name(kind));
	*ret = TAKE_PTR(w);
	return 0;
}

void worker_free(struct worker *w)
{
	if (!w)
		return;
	if (w->sock >= 0)
		sys_close_best_effort(w->sock);
	(void)reap(w, w->busy || w->dead);
	err_clear(&w->err);
	wire_in_done(&w->in);
	wire_out_done(&w->out);
	free(w);
}

/* The request is over with `from` (emptied). */
static void fail(struct worker *w, struct err *from)
{
	w->busy = false;
	err_clear(&w->err);
	err_move(&w->err, from);
}

/* Nothing the worker says is believed any more. */
static void give_up(struct worker *w, struct err *from)
{
	w->dead = true;
	fail(w, from);
}

/* The socket ended although a request was under way. */
static void died(struct worker *w)
{
	_cleanup_(err_clear) struct err e = ERR_INIT;

	if (!explain(w, reap(w, false), &e))
		err_set(&e, ERR_IO, "the %s ended before its work was done",
			worker_kind_name(w->kind));
	give_up(w, &e);
}

/* Replaces a text that could harm a terminal or a log by its escaped form. */
static int clean_text(char **text, struct err *err)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT;
	char *clean;

	if (!*text || quote_is_clean(*text, strlen(*text)))
		return 0;
	if (quote_escape(&b, *text, strlen(*text), err) < 0)
		return -1;
	clean = buf_steal(&b, err);
	if (!clean)
		return -1;
	free(*text);
	*text = clean;
	return 0;
}

int worker_take_problem(struct worker *w, struct err *ret, struct err *err)
{
	_cleanup_(err_clear) struct err e = ERR_INIT;

	if (wire_get_err(&w->in, &e, err) < 0 || clean_text(&e.msg, err) < 0 ||
	    clean_text(&e.hint, err) < 0)
		return -1;
	err_move(ret, &e);
	return 0;
}

/* A FAIL record: the worker's error becomes the request's. */
static int take_failure(struct worker *w, struct err *err)
{
	_cleanup_(err_clear) struct err e = ERR_INIT;

	if (worker_take_problem(w, &e, err) < 0)
		return -1;
	if (e.kind == ERR_NONE)
		return err_set(err, ERR_CORRUPT, "the %s failed without a reason",
			       worker_kind_name(w->kind));
	fail(w, &e);
	return 0;
}

/* Puts the answer to an owner query into w->out. */
static int put_answer(struct worker *w, const struct err *problem, const char *name,
		      uint32_t id, struct err *err)
{
	if (wire_begin(&w->out, PROTOCOL_ANSWER, err) < 0 ||
	    wire_put_err(&w->out, problem, err) < 0 ||
	    wire_put_str(&w->out, PROTOCOL_TAG_NAME, name, err) < 0 ||
	    wire_put_u64(&w->out, PROTOCOL_TAG_NUMBER, id, err) < 0)
		return -1;
	return tell(w, &w->out, err);
}

/* Names and numbers of owners are the parent's to know: it has the user database. */
static int answer_query(struct worker *w, struct err *err)
{
	const struct owner_source *src = w->env->owners;
	bool by_name = w->in.type == PROTOCOL_QUERY_ID;
	_cleanup_(err_clear) struct err problem = ERR_INIT;
	_cleanup_free_ char *name = NULL;
	uint64_t owner, number;
	uint32_t id = 0;

	if (wire_get_u64(&w->in, PROTOCOL_TAG_OWNER, &owner, err) < 0 ||
	    wire_get_str(&w->in, PROTOCOL_TAG_NAME, 256, &name, err) < 0 ||
	    wire_get_u64(&w->in, PROTOCOL_TAG_NUMBER, &number, err) < 0)
		return -1;
	if ((owner != OWNER_USER && owner != OWNER_GROUP) || number > UINT32_MAX)
		return err_set(err, ERR_CORRUPT, "the %s asked for an impossible owner",
			       worker_kind_name(w->kind));
	if (!src)
		err_set(&problem, ERR_UNSUPPORTED, "owners are not known here");
	else if (by_name)
		(void)src->id_of(src->ctx, (enum owner_kind)owner, name, (uint32_t)number,
				 &id, &problem);
	else {
		_cleanup_free_ char *found = NULL;

		(void)src->name_of(src->ctx, (enum owner_kind)owner, (uint32_t)number,
				   &found, &problem);
		return put_answer(w, &problem, found, (uint32_t)number, err);
	}
	return put_answer(w, &problem, NULL, id, err);
}

/* A PROGRESS record.  An honest worker's lie PROTOCOL_PROGRESS_MIN_MS
 * apart by the same clock. */
static int take_progress(struct worker *w, struct err *err)
{
	int64_t now = sys_monotonic_ms();
	uint64_t bytes;

	if (wire_get_u64(&w->in, PROTOCOL_TAG_BYTES, &bytes, err) < 0)
		return -1;
	w->told++;
	if (now >= 0 && w->begun >= 0 && w->told > now - w->begun + PROGRESS_SPARE)
		return err_set(err, ERR_CORRUPT, "the %s sent too many progress records",
			       worker_kind_name(w->kind));
	meter_at(w->meter, bytes);
	return 0;
}

/* One record of a busy worker. */
static int take_record(struct worker *w, struct err *err)
{
	switch (w->in.type) {
	case PROTOCOL_OK:
		w->busy = false;
		return 0;
	case PROTOCOL_FAIL:
		return take_failure(w, err);
	case PROTOCOL_PROGRESS:
		return take_progress(w, err);
	case PROTOCOL_QUERY_NAME:
	case PROTOCOL_QUERY_ID:
		return answer_query(w, err);
	default:
		if (w->in.type < PROTOCOL_KIND_FIRST || !w->handler)
			return err_set(err, ERR_CORRUPT,
				       "the %s sent an unexpected record",
				       worker_kind_name(w->kind));
		return w->handler(w->ctx, &w->in, err);
	}
}

/* The socket is readable. Whatever goes wrong is this worker's failure. */
static void serve_one(struct worker *w)
{
	_cleanup_(err_clear) struct err e = ERR_INIT;
	int r = wire_recv(w->sock, &w->in, &e);

	if (r == 0) {
		died(w);
		return;
	}
	if (r < 0 || take_record(w, &e) < 0) {
		if (err_is(&e, ERR_IO))
			lose(w, &e);
		give_up(w, &e);
	}
}

int worker_begin(struct worker *w, const struct wire_out *request, worker_handler handler,
		 void *ctx, struct err *err)
{
	assert(!w->busy);
	if (w->dead)
		return err_set(err, ERR_IO, "the %s failed before",
			       worker_kind_name(w->kind));
	err_clear(&w->err);
	w->handler = handler;
	w->ctx = ctx;
	w->meter = NULL;
	w->told = 0;
	w->begun = sys_monotonic_ms();
	if (tell(w, request, err) < 0) {
		if (err_is(err, ERR_CORRUPT))
			w->dead = true;
		else
			lose(w, err);
		return err_wrap(err, "cannot reach the %s", worker_kind_name(w->kind));
	}
	w->busy = true;
	return 0;
}

/* Does it only tell that another worker ended before its stream did? */
static bool is_echo(const struct err *e)
{
	return e->sys_errno == EPIPE || err_is(e, ERR_INTERRUPTED);
}

/* Has one of the workers failed? */
static bool any_failed(struct worker *const *workers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (workers[i] && workers[i]->err.kind != ERR_NONE)
			return true;
	return false;
}

/* The first failure among the workers moves to err, but for echoes of another's. */
static int collect_failure(struct worker *const *workers, size_t n, struct err *err)
{
	struct worker *found = NULL;

	for (size_t i = 0; i < n; i++) {
		struct worker *w = workers[i];

		if (w && w->err.kind != ERR_NONE &&
		    (!found || (is_echo(&found->err) && !is_echo(&w->err))))
			found = w;
	}
	return found ? err_move(err, &found->err) : 0;
}

/* Ends what the other workers do: their work has no use any more. */
static void kill_busy(struct worker *const *workers, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct worker *w = workers[i];

		if (!w || !w->busy)
			continue;
		(void)reap(w, true);
		w->busy = false;
		w->dead = true;
	}
}

/* Fills pfds with the sockets of busy workers; returns their number. */
static nfds_t gather(struct worker *const *workers, size_t n, struct pollfd *pfds,
		     struct worker **who)
{
	nfds_t count = 0;

	for (size_t i = 0; i < n; i++) {
		if (!workers[i] || !workers[i]->busy)
			continue;
		who[count] = workers[i];
		pfds[count++] =
			(struct pollfd){ .fd = workers[i]->sock, .events = POLLIN };
	}
	return count;
}

#define WAIT_MAX 8

int worker_wait(struct worker *const *workers, size_t n, const struct observer *observer,
		struct err *err)
{
	int grace = END_MS;

	assert(n <= WAIT_MAX);
	for (;;) {
		struct pollfd pfds[WAIT_MAX];
		struct worker *who[WAIT_MAX];
		nfds_t count = gather(workers, n, pfds, who);
		bool failed = any_failed(workers, n);
		int ready;

		/* Those that pipes tie to a failed one end by themselves, and one of them
		 * may be the one that knows why. */
		if ((failed && (count == 0 || grace <= 0) &&
		     collect_failure(workers, n, err) < 0) ||
		    observer_check(observer, err) < 0) {
			kill_busy(workers, n);
			return -1;
		}
		if (count == 0)
			return 0;
		ready = sys_poll(pfds, count, POLL_MS);
		if (failed && ready == 0)
			grace -= POLL_MS;
		if (ready < 0) {
			if (errno == EINTR)
				continue;
			err_errno(err, "cannot wait for workers");
			kill_busy(workers, n);
			return -1;
		}
		for (nfds_t i = 0; i < count; i++)
			if (pfds[i].revents)
				serve_one(who[i]);
	}
}

int worker_wait_readable(struct worker *w, int fd, const struct observer *observer,
			 struct err *err)
{
	for (unsigned served = 0;;) {
		/* Records first: a failed worker's pipe ends too, and
		 * must not look complete. */
		struct pollfd pfds[2] = { { .fd = w->busy ? w->sock : -1,
					    .events = POLLIN },
					  { .fd = fd, .events = POLLIN } };

		if (collect_failure(&w, 1, err) < 0 ||
		    observer_check(observer, err) < 0) {
			kill_busy(&w, 1);
			return -1;
		}
		if (sys_poll(pfds, 2, POLL_MS) < 0 && errno != EINTR) {
			err_errno(err, "cannot wait for the %s",
				  worker_kind_name(w->kind));
			kill_busy(&w, 1);
			return -1;
		}
		/* A worker that never stops talking does not keep its
		 * bytes from being read. */
		if (pfds[0].revents && (served++ < SERVE_MAX || !pfds[1].revents))
			serve_one(w);
		else if (pfds[1].revents)
			return 0;
	}
}

int worker_call(struct worker *w, const struct wire_out *request, worker_handler handler,
		void *ctx, const struct observer *observer, struct err *err)
{
	if (worker_begin(w, request, handler, ctx, err) < 0)
		return -1;
	return worker_wait(&w, 1, observer, err);
}
