/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/session.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "backend/worker/reader.h"
#include "state/recovery.h"
#include "state/session_internal.h"
#include "state/spare.h"

const char *session_store_path(const struct session *s)
{
	return s->store_shown;
}

bool session_is_system(const struct session *s)
{
	return s->places.system;
}

bool session_is_foreign(const struct session *s)
{
	return s->places.foreign;
}

void session_close(struct session *s)
{
	if (!s)
		return;
	worker_free(s->reader);
	catalog_free(s->catalog);
	locks_close(s->locks);
	db_close(s->db);
	if (s->spare_fd >= 0) {
		spare_make_best_effort(s->spare_fd);
		sys_close_best_effort(s->spare_fd);
	}
	store_close(s->store);
	users_free(s->users);
	user_done(&s->self);
	places_done(&s->places);
	free(s->store_shown);
	free(s->root_key);
	free(s->worker);
	free(s->data_dir);
	free(s->home);
	free(s->verb);
	free(s->xdg_config_home);
	free(s->xdg_data_home);
	free(s->xdg_state_home);
	free(s->xdg_cache_home);
	free(s);
}

/* Copies an optional string. */
static int copy(char **to, const char *from, struct err *err)
{
	if (!from)
		return 0;
	*to = alloc_strdup(from, err);
	return *to ? 0 : -1;
}

/* Everything of the options that outlives the call. */
static int copy_options(struct session *s, const struct session_options *o,
			struct err *err)
{
	if (copy(&s->worker, o->worker, err) < 0 ||
	    copy(&s->data_dir, o->data_dir, err) < 0 ||
	    copy(&s->home, o->home, err) < 0 || copy(&s->verb, o->verb, err) < 0 ||
	    copy(&s->xdg_config_home, o->xdg_config_home, err) < 0 ||
	    copy(&s->xdg_data_home, o->xdg_data_home, err) < 0 ||
	    copy(&s->xdg_state_home, o->xdg_state_home, err) < 0 ||
	    copy(&s->xdg_cache_home, o->xdg_cache_home, err) < 0)
		return -1;
	s->access = o->access;
	s->observer = o->observer;
	return 0;
}

/* Which of the two modes, and where everything lies in it. */
static int find_places(struct session *s, const struct session_options *o,
		       struct err *err)
{
	struct places_request r = {
		.system = o->mode == SESSION_SYSTEM ||
			  (o->mode == SESSION_AUTO && s->is_root),
		.root = o->root,
		.store = o->store,
		.home = o->home,
		.xdg_data_home = o->xdg_data_home,
		.xdg_config_home = o->xdg_config_home,
	};

	if (places_init(&r, &s->places, err) < 0)
		return -1;
	s->store_shown = places_path(&s->places, &s->places.snapshots, err);
	if (!s->store_shown)
		return -1;
	if (!s->places.other_root || s->places.database.in_root)
		return 0;
	s->root_key = places_root_path(&s->places, err);
	return s->root_key ? 0 : -1;
}

/* The configuration of the mode; a missing directory is no error. */
static int read_config(struct session *s, const struct session_options *o,
		       struct err *err)
{
	const struct places_dir *d = &s->places.config;
	_cleanup_free_ char *shown = NULL;

	config_init(&s->config);
	if (d->path) {
		shown = places_path(&s->places, d, err);
		if (!shown ||
		    config_load(s->places.root_fd, d->path, shown, s->places.system,
				s->observer, &s->config, err) < 0)
			return -1;
	}
	s->wait_ms = o->wait_ms >= 0 ? o->wait_ms : s->config.wait * 1000;
	return 0;
}

/* In user mode HOME says where a person's programs keep their data, as it does for XDG's
 * directories; another root has homes of its own. */
static int use_own_home(struct session *s, struct err *err)
{
	char *home;

	if (s->places.system || s->places.other_root || !s->home || s->home[0] != '/')
		return 0;
	home = alloc_strdup(s->home, err);
	if (!home)
		return -1;
	free(s->self.home);
	s->self.home = home;
	return 0;
}

/* The user database, and who calls. */
static int find_users(struct session *s, struct err *err)
{
	if (users_open(s->places.root_fd, s->places.other_root, &s->users, err) < 0)
		return -1;
	users_owner_source(&s->owners_ctx, &s->owners);
	s->owners_ctx.users = s->users;
	s->owners_ctx.policy = &s->policy;
	if (users_by_uid(s->users, geteuid(), &s->self, err) == 0)
		return use_own_home(s, err);
	if (!err_is(err, ERR_NOT_FOUND))
		return -1;
	err_clear(err);
	/* A number without a name can keep its own data all the same. */
	s->self.uid = geteuid();
	s->self.gid = getegid();
	s->self.name = alloc_printf(err, "%lu", (unsigned long)geteuid());
	if (!s->self.name)
		return -1;
	s->self.home = alloc_strdup(s->home ? s->home : "/", err);
	return s->self.home ? 0 : -1;
}

int session_user(struct session *s, const char *text, bool by_number, struct user *ret,
		 struct err *err)
{
	int r = by_number ? users_find(s->users, text, ret, err)
			  : users_by_name(s->users, text, ret, err);

	if (r == 0 || !err_is(err, ERR_NOT_FOUND) || s->places.system ||
	    strcmp(text, s->self.name) != 0)
		return r;
	err_clear(err);
	return user_copy(&s->self, ret, err);
}

bool session_writes(const struct session *s)
{
	return s->access == SESSION_WRITE || s->access == SESSION_DOCTOR;
}

/* The directory of zips. */
static int open_store(struct session *s, struct err *err)
{
	bool write = session_writes(s) && !s->places.foreign;
	_cleanup_close_ int fd =
		write ? places_make(&s->places, &s->places.snapshots, err)
		      : places_open(&s->places, &s->places.snapshots, err);

	if (fd < 0 || store_open_fd(fd, s->store_shown, write ? 0 : STORE_READ_ONLY,
				    &s->store, err) < 0)
		return -1;
	(void)TAKE_FD(fd); /* the store's now */
	return 0;
}

/* Where there is no room for what a reader would put beside the database he looks at it
 * alone: that the disk is full is no reason not to say what could go. */
static int open_db(int fd, const char *shown, enum db_mode mode, struct db **ret,
		   struct err *err)
{
	if (db_open(fd, shown, mode, ret, err) == 0)
		return 0;
	if (mode != DB_READ || !err_is(err, ERR_NO_SPACE))
		return -1;
	err_clear(err);
	return db_open(fd, shown, DB_LOOK, ret, err);
}

/* The database and the locks beside it. */
static int open_state(struct session *s, struct err *err)
{
	bool write = session_writes(s), look = s->access == SESSION_LOOK;
	_cleanup_free_ char *shown = places_path(&s->places, &s->places.database, err);
	enum db_mode mode = write ? DB_WRITE : look ? DB_LOOK : DB_READ;
	_cleanup_close_ int fd = -1;
	bool own = write && !s->places.foreign;
	int r;

	if (!shown)
		return -1;
	fd = write ? places_make(&s->places, &s->places.database, err)
		   : places_open(&s->places, &s->places.database, err);
	if (fd < 0)
		return -1;
	if (locks_open(fd, shown,
		       write  ? 0
		       : look ? LOCKS_LOOK
			      : LOCKS_OPTIONAL,
		       &s->locks, err) < 0)
		return -1;
	if (own && spare_is_needed(fd))
		(void)spare_give_up(fd);
	r = open_db(fd, shown, mode, &s->db, err);
	if (r < 0 && own && err_is(err, ERR_NO_SPACE) && spare_give_up(fd)) {
		err_clear(err);
		r = open_db(fd, shown, mode, &s->db, err);
	}
	if (r < 0)
		return -1;
	if (own && s->spare_fd < 0)
		s->spare_fd = TAKE_FD(fd);
	return locks_use_db(s->locks, s->db, s->verb ? s->verb : "setaside", err);
}

/* Under the commit lock: 1, with its new name, or 0 where nothing is wrong with it now:
 * another process may have replaced it meanwhile, and what a single look calls damage may
 * be a read that failed. */
static int put_state_aside(struct session *s, bool deep, char **ret_name, struct err *err)
{
	_cleanup_(db_closep) struct db *again = NULL;
	_cleanup_free_ char *shown = places_path(&s->places, &s->places.database, err);
	_cleanup_close_ int fd =
		shown ? places_open(&s->places, &s->places.database, err) : -1;

	if (fd < 0)
		return -1;
	if (db_open(fd, shown, DB_WRITE, &again, err) == 0 &&
	    (!deep || db_check(again, err) == 0))
		return 0;
	if (!err_is(err, ERR_CORRUPT))
		return -1;
	observer_warn(s->observer, DB_FILE, "%s", err_message(err));
	err_clear(err);
	db_close(TAKE_PTR(again));
	return db_put_aside(fd, ret_name, err) < 0 ? -1 : 1;
}

int session_drop_db(struct session *s, struct err *err)
{
	if (locks_use_db(s->locks, NULL, "", err) < 0)
		return -1;
	db_close(TAKE_PTR(s->db));
	return 0;
}

/* By whoever may write: the zips hold the truth about data, and recovery
 * rebuilds what can be known. */
int session_replace_db(struct session *s, bool deep, struct err *err)
{
	struct lock_wait wait = session_wait(s);
	_cleanup_free_ char *name = NULL;
	int r;

	err_clear(err);
	if (locks_take(s->locks, LOCK_KEY_COMMIT, LOCK_EXCLUSIVE, &wait, err) < 0)
		return -1;
	/* The connection that found it damaged would keep writing
	 * into what is put aside. */
	r = session_drop_db(s, err);
	if (r == 0)
		r = put_state_aside(s, deep, &name, err);
	locks_drop(s->locks, LOCK_KEY_COMMIT);
	if (r < 0)
		return -1;
	locks_close(s->locks);
	s->locks = NULL;
	if (r == 0)
		return open_state(s, err);
	s->db_damaged = true;
	observer_warn(
		s->observer, DB_FILE,
		"put aside as %s and rebuilt from the snapshots; what it knew of restores"
		" is lost",
		q(name));
	return open_state(s, err);
}

/* What a reader does without: the zips alone still say a lot.  A look at what a writer
 * would do has to see what that one would. */
static bool reader_can_do_without(const struct session *s, const struct err *err)
{
	if (session_writes(s))
		return false;
	if (err_is(err, ERR_NOT_FOUND))
		return true;
	/* Without locks it is their file that is damaged, which no writer puts right. */
	if (err_is(err, ERR_CORRUPT))
		return s->access == SESSION_READ || s->locks;
	return s->access == SESSION_READ &&
	       (err_is(err, ERR_DENIED) || err_is(err, ERR_UNSUPPORTED));
}

/* Store and state, as far as the access needs them. */
static int open_all(struct session *s, struct err *err)
{
	if (open_store(s, err) < 0) {
		if (session_writes(s) || !err_is(err, ERR_NOT_FOUND))
			return -1;
		err_clear(err); /* no snapshots were ever made here */
		if (s->access == SESSION_READ)
			return 0;
	}
	if (open_state(s, err) == 0)
		return 0;
	if (reader_can_do_without(s, err)) {
		s->db_damaged = err_is(err, ERR_CORRUPT);
		if (!err_is(err, ERR_NOT_FOUND))
			observer_note(s->observer, NULL,
				      "listed from the snapshots alone: %s",
				      err_message(err));
		err_clear(err);
		return 0;
	}
	if (err_is(err, ERR_CORRUPT) && s->locks)
		return session_replace_db(s, false, err);
	return -1;
}

/* Is there anything of a store?  What cannot be looked at is for opening it to tell. */
static bool is_there(const struct session *s)
{
	_cleanup_(err_clear) struct err problem = ERR_INIT;
	_cleanup_close_ int fd = places_open(&s->places, &s->places.snapshots, &problem);

	if (fd >= 0 || problem.sys_errno != ENOENT)
		return true;
	err_clear(&problem);
	fd = places_open(&s->places, &s->places.database, &problem);
	return fd >= 0 && sys_faccessat(fd, DB_FILE, F_OK, AT_EACCESS) == 0;
}

/* A mistyped store must not become an empty one. */
static int check_existing(struct session *s, const struct session_options *o,
			  struct err *err)
{
	_cleanup_free_ char *shown = NULL;

	if (!o->existing || !session_writes(s) || s->places.foreign || is_there(s))
		return 0;
	if (s->access == SESSION_DOCTOR) {
		s->access = SESSION_LOOK; /* what rests aside can be found without one */
		return 0;
	}
	shown = places_path(&s->places, &s->places.database, err);
	return shown ? err_set(err, ERR_NOT_FOUND, "there is no store at %s", q(shown))
		     : -1;
}

void session_mention_no_store(const struct session *s)
{
	if (s->places.store_given && !is_there(s))
		observer_note(s->observer, NULL, "there is no store at %s yet",
			      q(s->places.database.path));
}

int session_check_writable(const struct session *s, struct err *err)
{
	const struct places_dir *dirs[] = { &s->places.database, &s->places.snapshots };

	for (size_t i = 0; i < (s->places.foreign ? 1 : 2); i++) {
		_cleanup_close_ int fd = places_open_above(&s->places, dirs[i], err);

		if (fd < 0)
			return -1;
		if (sys_faccessat(fd, ".", W_OK, AT_EACCESS) < 0)
			return err_errno(err, "the store at %s cannot be written",
					 q(dirs[i]->path));
	}
	return 0;
}

int session_open(const struct session_options *o, struct session **ret, struct err *err)
{
	_cleanup_(session_closep) struct session *s = alloc_zero(1, sizeof(*s), err);

	if (!s)
		return -1;
	s->is_root = geteuid() == 0;
	s->spare_fd = -1;
	user_init(&s->self);
	if (copy_options(s, o, err) < 0 || find_places(s, o, err) < 0 ||
	    read_config(s, o, err) < 0 || find_users(s, err) < 0 ||
	    check_existing(s, o, err) < 0 || open_all(s, err) < 0)
		return -1;
	if (s->access == SESSION_WRITE && recovery_run(s, NULL, err) < 0)
		return err_wrap(err, "cannot recover what an earlier run left");
	*ret = TAKE_PTR(s);
	return 0;
}

void session_shield(struct session *s)
{
	if (!s->observer || s->observer == &s->after_commit)
		return;
	s->given = s->observer;
	s->after_commit = *s->observer;
	s->after_commit.cancel = NULL;
	s->observer = &s->after_commit;
}

void session_unshield(struct session *s)
{
	if (s->observer && s->observer == &s->after_commit)
		s->observer = s->given;
}

int session_check_own_store(const struct session *s, const char *what, struct err *err)
{
	if (!s->places.foreign)
		return 0;
	err_set(err, ERR_REFUSED, "%s is another program's store: %s would change it",
		q(s->store_shown), what);
	return err_hint(err, "import its sets, or name another store with --store");
}

int session_open_snapshot(struct session *s, const char *file, struct err *err)
{
	int fd = store_open_file(s->store, file, err);

	if (fd >= 0 || !err_is(err, ERR_NOT_FOUND))
		return fd;
	err_clear(err);
	return err_set(err, ERR_CORRUPT, "the file %s is gone", q(file));
}

struct lock_wait session_wait(const struct session *s)
{
	return (struct lock_wait){ s->wait_ms, s->observer };
}

int session_lock_set(struct session *s, uint64_t set, enum lock_mode mode,
		     struct err *err)
{
	struct lock_wait wait = session_wait(s);

	if (s->locks)
		return locks_take(s->locks, LOCK_KEY_SET(set), mode, &wait, err);
	if (mode == LOCK_SHARED)
		return 0;
	return err_set(err, ERR_DENIED, "the store was opened for reading");
}

void session_unlock_set(struct session *s, uint64_t set)
{
	if (s->locks)
		locks_drop(s->locks, LOCK_KEY_SET(set));
}

int session_reader(struct session *s, struct worker **ret, struct err *err)
{
	if (s->reader && !worker_is_alive(s->reader)) {
		worker_free(s->reader);
		s->reader = NULL;
	}
	if (!s->reader) {
		s->reader_env = (struct worker_env){ .program = s->worker,
						     .rootfd = s->places.root_fd };
		if (worker_start(&s->reader_env, WORKER_READER, &reader_identity,
				 s->observer, &s->reader, err) < 0)
			return -1;
	}
	*ret = s->reader;
	return 0;
}

/* catalog_options.read_snap_meta */
static int read_snap_meta(void *ctx, int snap_yaml, int snapshots_yaml,
			  struct snap_meta *ret, struct err *err)
{
	struct session *s = ctx;
	struct worker *reader;

	if (session_reader(s, &reader, err) < 0)
		return -1;
	return reader_snap_meta(reader, snap_yaml, snapshots_yaml, s->observer, ret, err);
}

int session_catalog(struct session *s, struct catalog **ret, struct err *err)
{
	struct catalog_options o = {
		.places = &s->places,
		.home = s->self.home,
		.xdg_config_home = s->xdg_config_home,
		.xdg_data_home = s->xdg_data_home,
		.xdg_state_home = s->xdg_state_home,
		.xdg_cache_home = s->xdg_cache_home,
		.data_dir = s->data_dir,
		.read_snap_meta = read_snap_meta,
		.read_ctx = s,
		.observer = s->observer,
	};

	if (!s->catalog && catalog_new(&o, &s->catalog, err) < 0)
		return -1;
	*ret = s->catalog;
	return 0;
}

/* worker_env.alive_fd */
static int alive_fd(void *ctx, struct err *err)
{
	struct session_env *e = ctx;

	return locks_alive_fd(e->session->locks, e->alive, err);
}

/* worker_env.spill_fd: beside the database, where there is room for what is saved. */
static int spill_fd(void *ctx)
{
	_cleanup_(err_clear) struct err ignored = ERR_INIT;
	const struct session *s = ctx;
	_cleanup_close_ int dir = -1;

	if (!session_writes(s))
		return -1;
	dir = places_open(&s->places, &s->places.database, &ignored);
	return dir < 0 ? -1 : sys_openat(dir, ".", O_TMPFILE | O_RDWR, 0600);
}

void session_env_init(struct session *s, struct lock_key alive, bool with_alive,
		      struct session_env *ret)
{
	*ret = (struct session_env){ .session = s, .alive = alive };
	ret->env = (struct worker_env){ .program = s->worker,
					.rootfd = s->places.root_fd,
					.alive_fd = with_alive ? alive_fd : NULL,
					.alive_ctx = ret,
					.spill_fd = spill_fd,
					.spill_ctx = s,
					.owners = &s->owners };
}

char *session_shown_path(const struct session *s, const char *path, struct err *err)
{
	return alloc_printf(err, "%s%s", s->places.root ? s->places.root : "", path);
}

char *session_expand(const char *path, const char *home, struct err *err)
{
	size_t n;

	if (path[0] != '~')
		return alloc_strdup(path, err);
	n = home ? strlen(home) : 0;
	while (n > 0 && home[n - 1] == '/')
		n--;
	return alloc_printf(err, "%.*s%s", (int)n, home ? home : "", path + 1);
}

int session_identity(struct session *s, const struct user *user, struct identity *ret,
		     gid_t **ret_groups, struct err *err)
{
	gid_t *groups = NULL;
	size_t n = 0;

	*ret = (struct identity){ .kind = IDENTITY_SELF };
	*ret_groups = NULL;
	if (!s->is_root)
		return 0;
	if (users_groups(s->users, user, &groups, &n, err) < 0)
		return err_wrap(err, "cannot learn the groups of user %s", q(user->name));
	*ret = (struct identity){ .kind = IDENTITY_USER,
				  .uid = user->uid,
				  .gid = user->gid,
				  .groups = groups,
				  .n_groups = n < IDENTITY_GROUPS_MAX
						      ? n
						      : IDENTITY_GROUPS_MAX };
	*ret_groups = groups;
	return 0;
}
