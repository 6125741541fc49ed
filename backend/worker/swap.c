/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/worker/swap.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/alloc.h"
#include "backend/base/fd.h"
#include "backend/base/le.h"
#include "backend/base/quote.h"
#include "backend/tree/acl.h"
#include "backend/tree/remove.h"

bool swap_name_is_legal(const char *name)
{
	return fd_is_component(name) && strlen(name) <= NAME_MAX;
}

bool swap_aside_is_legal(const char *aside)
{
	const char *slash = strchr(aside, '/');
	char first[NAME_MAX + 1];

	if (!slash)
		return swap_name_is_legal(aside);
	if ((size_t)(slash - aside) > NAME_MAX)
		return false;
	memcpy(first, aside, (size_t)(slash - aside));
	first[slash - aside] = '\0';
	return swap_name_is_legal(first) && swap_name_is_legal(slash + 1);
}

int swap_make_dir(int parent, const char *name, mode_t mode, struct err *err)
{
	_cleanup_close_ int fd = -1;

	if (sys_mkdirat(parent, name, 0700) < 0) {
		if (errno == EEXIST)
			return err_set(err, ERR_CHANGED, "%s appeared meanwhile",
				       q(name));
		return err_errno(err, "cannot make %s", q(name));
	}
	fd = sys_openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd < 0 || sys_fchmod(fd, mode) < 0)
		return err_errno(err, "cannot set the mode of %s", q(name));
	return fd_sync(parent, err);
}

int swap_stage(int parent, const char *aside, bool is_file, struct err *err)
{
	int fd;

	if (is_file) {
		fd = sys_openat(parent, aside, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW,
				0600);
		return fd < 0 ? err_errno(err, "cannot make %s", q(aside)) : fd;
	}
	if (sys_mkdirat(parent, aside, 0700) < 0)
		return err_errno(err, "cannot make %s", q(aside));
	fd = sys_openat(parent, aside, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	return fd < 0 ? err_errno(err, "cannot open %s", q(aside)) : fd;
}

int swap_open_dir(int parent, const char *name, struct err *err)
{
	/* The names are ours, but what lies below a user's directory is
	 * not: no link on the way. */
	int fd = sys_openat2(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
			     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
				     RESOLVE_NO_MAGICLINKS);

	if (fd < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		return err_errno(err, "cannot open %s", q(name));
	return fd;
}

/* The directory that holds the aside name, and the name in it. */
static int open_aside(const struct swap *s, const char **ret_name, struct err *err)
{
	const char *slash = strchr(s->aside, '/');
	char first[NAME_MAX + 1];
	int fd;

	if (!slash) {
		*ret_name = s->aside;
		fd = sys_dup(s->parent);
		return fd < 0 ? err_errno(err, "cannot duplicate a descriptor") : fd;
	}
	memcpy(first, s->aside, (size_t)(slash - s->aside));
	first[slash - s->aside] = '\0';
	*ret_name = slash + 1;
	fd = swap_open_dir(s->parent, first, err);
	if (fd < 0 && err_is(err, ERR_NONE))
		return err_set(err, ERR_NOT_FOUND, "%s is gone", q(first));
	return fd;
}

/* The inode number behind a name; 0: nothing there. */
static int inode_at(int dirfd, const char *name, uint64_t *ret, struct err *err)
{
	struct stat st;

	if (sys_fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			return err_errno(err, "cannot look at %s", q(name));
		*ret = 0;
		return 0;
	}
	*ret = st.st_ino;
	return 0;
}

int swap_look(const struct swap *s, uint64_t *ret_live, uint64_t *ret_aside,
	      struct err *err)
{
	_cleanup_close_ int dir = -1;
	const char *name;

	*ret_live = *ret_aside = 0;
	if (s->name[0] && inode_at(s->parent, s->name, ret_live, err) < 0)
		return -1;
	if (!s->aside)
		return 0;
	dir = open_aside(s, &name, err);
	if (dir < 0) {
		if (!err_is(err, ERR_NOT_FOUND))
			return -1;
		err_clear(err); /* no staging directory: nothing aside */
		return 0;
	}
	return inode_at(dir, name, ret_aside, err);
}

/* Beyond these somebody does nothing but replace what is live. */
#define EXCHANGES_MAX 64
#define CHANGES_MAX   8

/* A step between two directories that may be the same. */
struct step {
	int live_dir, aside_dir;
	const char *live, *aside;
	char third[NAME_MAX + 1]; /* beside the aside name */
	uint64_t from, to;        /* what is live before and after */
};

/* Renames without replacing. File systems without the flag get a look
 * first: the names are ours. */
static int rename_over_nothing(int from_dir, const char *from, int to_dir, const char *to,
			       struct err *err)
{
	uint64_t there;

	if (sys_renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == EINVAL || errno == ENOSYS) {
		if (inode_at(to_dir, to, &there, err) < 0)
			return -1;
		if (there != 0)
			errno = EEXIST;
		else if (sys_renameat2(from_dir, from, to_dir, to, 0) == 0)
			return 0;
	}
	if (errno == EEXIST)
		return err_set(err, ERR_CHANGED, "%s appeared meanwhile", q(to));
	return err_errno(err, "cannot rename %s to %s", q(from), q(to));
}

/* The inode numbers behind the three names. */
struct spots {
	uint64_t live, aside, third;
};

static int look_around(const struct step *t, struct spots *ret, struct err *err)
{
	if (inode_at(t->live_dir, t->live, &ret->live, err) < 0 ||
	    inode_at(t->aside_dir, t->aside, &ret->aside, err) < 0)
		return -1;
	return inode_at(t->aside_dir, t->third, &ret->third, err);
}

/* One rename. */
struct move {
	int from_dir, to_dir;
	const char *from, *to;
};

/* Fails. */
static int was_replaced(const struct step *t, struct err *err)
{
	return err_set(err, ERR_CHANGED, "%s was replaced meanwhile", q(t->live));
}

/* The next of the three renames, from wherever a crash left them: on the way forward or
 * back.  What became live after the look lies under the third name and goes back, too. */
static int find_move(const struct step *t, const struct spots *at, struct move *ret,
		     struct err *err)
{
	struct move aside_to_live = { t->aside_dir, t->live_dir, t->aside, t->live };
	struct move third_to_live = { t->aside_dir, t->live_dir, t->third, t->live };
	struct move live_to_third = { t->live_dir, t->aside_dir, t->live, t->third };
	struct move live_to_aside = { t->live_dir, t->aside_dir, t->live, t->aside };
	struct move third_to_aside = { t->aside_dir, t->aside_dir, t->third, t->aside };

	if (at->live == 0 && at->aside == t->to && at->third == t->from)
		*ret = aside_to_live;
	else if (at->live == 0 && at->third != 0)
		*ret = third_to_live;
	else if (at->live == t->from && at->aside == t->to && at->third == 0)
		*ret = live_to_third;
	else if (at->live == t->from && at->third == t->to && at->aside == 0)
		*ret = live_to_aside;
	else if (at->live != 0 && at->third == t->from && at->aside == 0)
		*ret = third_to_aside;
	else
		return err_set(err, ERR_CHANGED,
			       "%s was replaced by something else during the restore",
			       q(t->live));
	return 0;
}

/* All renames that are left. */
static int exchange_by_renames(const struct step *t, struct err *err)
{
	struct spots at;
	struct move m;

	for (;;) {
		if (look_around(t, &at, err) < 0)
			return -1;
		if (at.aside == t->from && at.third == 0)
			return 0;
		if (find_move(t, &at, &m, err) < 0 ||
		    rename_over_nothing(m.from_dir, m.from, m.to_dir, m.to, err) < 0)
			return -1;
	}
}

/* Exchanges two names that both exist.  Between the look and this, and between any two of
 * these, a program may rename a file of its own over the live name.  That one is the
 * newest there is, and must not come to rest where nobody knows it: back with it, as
 * often as it takes; and the call fails, as the new file may have the number of one that
 * is gone. */
static int exchange(const struct step *t, struct err *err)
{
	uint64_t live = t->from, aside = t->to, now;

	for (int i = 0; i < EXCHANGES_MAX; i++) {
		if (sys_renameat2(t->live_dir, t->live, t->aside_dir, t->aside,
				  RENAME_EXCHANGE) < 0) {
			if (i == 0 && (errno == EINVAL || errno == ENOSYS))
				return exchange_by_renames(t, err);
			if (errno == ENOENT)
				return was_replaced(t, err);
			return err_errno(err, "cannot exchange %s and %s", q(t->live),
					 q(t->aside));
		}
		if (inode_at(t->aside_dir, t->aside, &now, err) < 0)
			return -1;
		if (now == live || now == 0)
			return i == 0 ? 0 : was_replaced(t, err);
		live = aside;
		aside = now;
	}
	return was_replaced(t, err);
}

/* Between two renames of a file system without exchange? */
static bool is_between(const struct step *t, const struct spots *at)
{
	return t->from != 0 && t->to != 0 && at->third != 0 &&
	       (at->live == 0 || at->third == t->from || at->third == t->to);
}

/* Does something rest aside that a change took there in place of what it had seen to be
 * live?  Nobody but a change brings anything there. */
static bool is_astray(const struct step *t, const struct spots *at)
{
	if (at->aside == 0 || at->aside == t->from || at->aside == t->to)
		return false;
	if (t->from == 0 || t->to == 0)
		return at->live == 0;
	return at->live == t->from || at->live == t->to;
}

/* Makes it live again; what it was to be exchanged for goes back aside. */
static int put_right(const struct step *t, const struct spots *at, struct err *err)
{
	struct step back = *t;

	if (at->live == 0)
		return rename_over_nothing(t->aside_dir, t->aside, t->live_dir, t->live,
					   err);
	back.from = at->live;
	back.to = at->aside;
	return exchange(&back, err);
}

/* Is nothing left to do?  The aside name tells more than the live one: nobody but
 * a swap puts there what was live, but what is live may be replaced by whoever
 * uses it, at any time. */
static bool is_done(const struct step *t, const struct spots *at, bool backward)
{
	if ((at->live == t->to && at->aside == t->from) ||
	    (t->from != 0 && at->aside == t->from))
		return true;
	/* Back: nothing of ours may be live, or nothing had gone aside.  Forward: the new
	 * one left, and it left for there. */
	if (backward && t->from == 0)
		return at->aside != t->to;
	if (backward)
		return t->to ? at->live == t->to : at->live != t->from;
	return t->from == 0 && at->live != 0 && at->aside != t->to;
}

/* What there is to do: 1 a change, which can be made, 0 nothing, -1. */
static int judge(const struct step *t, const struct spots *at, bool backward,
		 struct err *err)
{
	struct move unused;

	if (is_between(t, at))
		return find_move(t, at, &unused, err) < 0 ? -1 : 1;
	if (is_done(t, at, backward))
		return 0;
	if (at->live != t->from || at->aside != t->to)
		return was_replaced(t, err);
	return 1;
}

/* Makes it. */
static int change(const struct step *t, const struct spots *at, struct err *err)
{
	if (is_between(t, at))
		return exchange_by_renames(t, err);
	if (t->from != 0 && t->to != 0)
		return exchange(t, err);
	if (t->to != 0)
		return rename_over_nothing(t->aside_dir, t->aside, t->live_dir, t->live,
					   err);
	return rename_over_nothing(t->live_dir, t->live, t->aside_dir, t->aside, err);
}

/* *ret_dir is the directory of the aside name, which the caller closes, and the step
 * refers to. */
static int open_step(const struct swap *s, bool backward, int *ret_dir, struct step *ret,
		     struct err *err)
{
	struct step t = { .live_dir = s->parent,
			  .live = s->name,
			  .from = backward ? s->new_ino : s->old_ino,
			  .to = backward ? s->old_ino : s->new_ino };
	int dir = open_aside(s, &t.aside, err);

	if (dir < 0)
		return -1;
	t.aside_dir = dir;
	snprintf(t.third, sizeof(t.third), "%.*s~", NAME_MAX - 1, t.aside);
	*ret = t;
	*ret_dir = dir;
	return 0;
}

int swap_check(const struct swap *s, bool backward, struct err *err)
{
	_cleanup_close_ int dir = -1;
	struct spots at, right;
	struct step t;

	if (open_step(s, backward, &dir, &t, err) < 0 || look_around(&t, &at, err) < 0)
		return -1;
	right = at;
	if (!is_between(&t, &at) && is_astray(&t, &at)) {
		right.live = at.aside;
		right.aside = at.live;
	}
	return judge(&t, &right, backward, err) < 0 ? -1 : 0;
}

/* Looks and changes, until a look finds nothing left to do: what was changed is believed
 * only as far as it is seen. */
static int make_step(const struct step *t, bool backward, struct err *err)
{
	bool tried = false;
	struct spots at;

	for (int i = 0; i < CHANGES_MAX; i++) {
		int r;

		if (look_around(t, &at, err) < 0)
			return -1;
		if (!is_between(t, &at) && is_astray(t, &at)) {
			r = put_right(t, &at, err);
		} else {
			r = judge(t, &at, backward, err);
			if (r == 0)
				return 0;
			if (r > 0)
				r = change(t, &at, err);
			else if (!tried)
				return -1;
		}
		tried = true;
		if (r < 0)
			return err_is(err, ERR_CHANGED) ? err_hint(err, "try again") : -1;
	}
	return was_replaced(t, err);
}

int swap_step(const struct swap *s, bool backward, struct err *err)
{
	_cleanup_close_ int dir = -1;
	struct step t;

	if (open_step(s, backward, &dir, &t, err) < 0 || make_step(&t, backward, err) < 0)
		return -1;
	/* Also where nothing was left to do: the run that did it may not have synced. */
	if (strchr(s->aside, '/') && fd_sync(dir, err) < 0)
		return -1;
	return fd_sync(s->parent, err);
}

int swap_list(int dirfd, const char *except,
	      int (*entry)(void *ctx, const char *name, uint64_t ino, struct err *err),
	      void *ctx, struct err *err)
{
	_cleanup_(strings_done) struct strings names = STRINGS_INIT;

	if (fd_list_dir(dirfd, SIZE_MAX, &names, err) < 0)
		return -1;
	strings_sort(&names);
	for (size_t i = 0; i < names.n; i++) {
		uint64_t ino;

		if ((except && strcmp(names.items[i], except) == 0) ||
		    strcmp(names.items[i], "lost+found") == 0)
			continue;
		if (inode_at(dirfd, names.items[i], &ino, err) < 0)
			return -1;
		if (ino != 0 && entry(ctx, names.items[i], ino, err) < 0)
			return -1;
	}
	return 0;
}

/* Fixed part of packed attributes; two texts of ACLs with their lengths follow. */
#define ATTRS_FIXED 32u

/* A text with its length, UINT32_MAX for none. */
static int put_text(struct buf *out, const char *text, struct err *err)
{
	uint8_t length[4];

	le_put32(length, text ? (uint32_t)strlen(text) : UINT32_MAX);
	if (buf_add(out, length, sizeof(length), err) < 0)
		return -1;
	return text ? buf_add_str(out, text, err) : 0;
}

int swap_read_attrs(int dirfd, struct owners *owners, struct buf *out, struct err *err)
{
	_cleanup_free_ char *access = NULL, *fallback = NULL;
	uint8_t fixed[ATTRS_FIXED] = { 0 };
	struct stat st;

	if (sys_fstat(dirfd, &st) < 0)
		return err_errno(err, "cannot look at a mount point");
	le_put32(fixed, st.st_mode & 07777);
	le_put32(fixed + 4, st.st_uid);
	le_put32(fixed + 8, st.st_gid);
	le_put32(fixed + 12, (uint32_t)st.st_mtim.tv_nsec);
	le_put64(fixed + 16, (uint64_t)st.st_mtim.tv_sec);
	if (acl_read(dirfd, ACL_OF_ACCESS, owners, &access, err) < 0 ||
	    acl_read(dirfd, ACL_OF_DEFAULT, owners, &fallback, err) < 0 ||
	    buf_add(out, fixed, sizeof(fixed), err) < 0 || put_text(out, access, err) < 0)
		return -1;
	return put_text(out, fallback, err);
}

/* The text at *p, or NULL; moves on. */
static int get_text(const uint8_t **p, const uint8_t *end, char **ret, struct err *err)
{
	uint32_t n;

	if (end - *p < 4)
		return err_set(err, ERR_CORRUPT, "attributes are cut short");
	n = le_get32(*p);
	*p += 4;
	*ret = NULL;
	if (n == UINT32_MAX)
		return 0;
	if (n > (size_t)(end - *p))
		return err_set(err, ERR_CORRUPT, "attributes are cut short");
	*ret = alloc_strndup((const char *)*p, n, err);
	*p += n;
	return *ret ? 0 : -1;
}

/* Sets an ACL, or removes the one that is there in place of none. */
static int apply_acl(int dirfd, enum acl_type type, const char *text,
		     struct owners *owners, struct err *err)
{
	if (!text)
		return acl_remove(dirfd, type, err);
	return acl_apply(dirfd, type, text, owners, err);
}

int swap_apply_attrs(int dirfd, const void *attrs, size_t n, struct owners *owners,
		     struct err *err)
{
	const uint8_t *p = attrs, *end = p + n;
	_cleanup_free_ char *access = NULL, *fallback = NULL;
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };
	struct stat st;

	if (n < ATTRS_FIXED)
		return err_set(err, ERR_CORRUPT, "attributes are cut short");
	p += ATTRS_FIXED;
	if (get_text(&p, end, &access, err) < 0 || get_text(&p, end, &fallback, err) < 0)
		return -1;
	p = attrs;
	if (sys_fstat(dirfd, &st) < 0)
		return err_errno(err, "cannot look at a mount point");
	/* An owner that is right already needs no right to set it. */
	if ((st.st_uid != le_get32(p + 4) || st.st_gid != le_get32(p + 8)) &&
	    sys_fchown(dirfd, le_get32(p + 4), le_get32(p + 8)) < 0)
		return err_errno(err, "cannot set the owner of a mount point");
	/* Before the ACL goes: what its mask allowed is not for the group even now. */
	if (sys_fchmod(dirfd, le_get32(p) & 07777) < 0)
		return err_errno(err, "cannot set the mode of a mount point");
	if (apply_acl(dirfd, ACL_OF_ACCESS, access, owners, err) < 0 ||
	    apply_acl(dirfd, ACL_OF_DEFAULT, fallback, owners, err) < 0)
		return -1;
	times[1].tv_sec = (time_t)le_get64(p + 16);
	times[1].tv_nsec = (long)le_get32(p + 12);
	if (sys_futimens(dirfd, times) < 0)
		return err_errno(err, "cannot set the time of a mount point");
	return fd_sync(dirfd, err);
}

/* Does what is removed have to be one of the two?  Root removes nothing in another's
 * directory but what the journal knows: its owner may have put something else of root's
 * there.  1, 0, -1. */
static int must_be_known(const struct swap *s, int dir, struct err *err)
{
	struct stat st;

	if (s->old_ino == 0 && s->new_ino == 0)
		return 0;
	if (sys_fstat(dir, &st) < 0)
		return err_errno(err, "cannot look at a directory");
	return geteuid() == 0 && st.st_uid != 0;
}

int swap_remove_aside(const struct swap *s, struct err *err)
{
	_cleanup_close_ int dir = -1;
	const uint64_t known[2] = { s->old_ino, s->new_ino };
	const char *name;
	int r;

	dir = open_aside(s, &name, err);
	if (dir < 0) {
		if (!err_is(err, ERR_NOT_FOUND))
			return -1;
		err_clear(err); /* removed before, with its directory */
		return 0;
	}
	r = must_be_known(s, dir, err);
	if (r >= 0)
		r = r > 0 ? remove_known_at(dir, name, known, NULL, err)
			  : remove_tree_at(dir, name, NULL, err);
	if (r < 0)
		return -1;
	return fd_sync(dir, err);
}

int swap_remove_dir(const struct swap *s, bool *ret_removed, struct err *err)
{
	*ret_removed = sys_unlinkat(s->parent, s->name, AT_REMOVEDIR) == 0;
	if (!*ret_removed && errno != ENOTEMPTY && errno != EEXIST && errno != ENOENT)
		return err_errno(err, "cannot remove %s", q(s->name));
	return fd_sync(s->parent, err);
}
