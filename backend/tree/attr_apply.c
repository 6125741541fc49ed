/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/attr_apply.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/cleanup.h"
#include "backend/base/quote.h"
#include "backend/base/sys.h"
#include "backend/tree/acl.h"

#define NOTE_MAX 512

#define SET_ID_BITS (S_ISUID | S_ISGID)

static const char capability[] = "security.capability";

/* What the policy makes of an entry's owner and mode. */
struct wanted {
	uint32_t uid, gid;
	uint32_t mode;
};

int attr_apply_note(struct attr_apply *a, const char *path, bool minor, struct err *err,
		    const char *fmt, ...)
{
	char text[NOTE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return a->report->note(a->report->ctx, path, text, minor, err);
}

int attr_apply_disinherit(int fd, bool is_dir, mode_t mode, struct err *err)
{
	if (acl_remove(fd, ACL_OF_ACCESS, err) < 0 ||
	    (is_dir && acl_remove(fd, ACL_OF_DEFAULT, err) < 0))
		return -1;
	if (sys_fchmod(fd, mode) < 0)
		return err_errno(err, "cannot set mode");
	return 0;
}

/* A copy of a text that may be missing; false without memory. */
static bool copy_text(const char *text, char **ret, struct err *err)
{
	*ret = text ? alloc_strdup(text, err) : NULL;
	return !text || *ret;
}

int attr_apply_keep(const struct entry *e, struct entry **ret, struct err *err)
{
	_cleanup_(attr_apply_forgetp) struct entry *kept =
		alloc_zero(1, sizeof(*kept), err);

	if (!kept)
		return -1;
	kept->type = e->type;
	kept->mode = e->mode;
	kept->uid = e->uid;
	kept->gid = e->gid;
	kept->mtime = e->mtime;
	kept->size = e->size;
	kept->stored = e->stored;
	kept->sparse = e->sparse;
	if (!copy_text(e->user, &kept->user, err) ||
	    !copy_text(e->group, &kept->group, err) ||
	    !copy_text(e->acl_access, &kept->acl_access, err) ||
	    !copy_text(e->acl_default, &kept->acl_default, err))
		return -1;
	for (size_t i = 0; i < e->n_xattrs; i++) {
		const struct entry_xattr *x = &e->xattrs[i];

		if (entry_add_xattr(kept, x->name, x->value, x->size, err) < 0)
			return -1;
	}
	*ret = TAKE_PTR(kept);
	return 0;
}

void attr_apply_forget(struct entry *kept)
{
	if (!kept)
		return;
	entry_done(kept);
	free(kept);
}

/* The note about an entry's owner or group, or NULL. */
static const struct attr_noted *find_noted(const struct attr_apply *a,
					   const struct entry *e, bool group)
{
	uint32_t number = group ? e->gid : e->uid;

	for (size_t i = 0; i < a->n_noted; i++) {
		if (a->noted[i].group == group && a->noted[i].number == number)
			return &a->noted[i];
	}
	return NULL;
}

/* Reports an owner who is not the caller, once. */
static int note_owner(struct attr_apply *a, const struct entry *e, const char *path,
		      bool group, bool known, struct err *err)
{
	const char *name = group ? e->group : e->user;
	uint32_t number = group ? e->gid : e->uid;

	if (find_noted(a, e, group) || a->n_noted == ATTR_NOTED_MAX)
		return 0;
	a->noted[a->n_noted++] = (struct attr_noted){ .group = group,
						      .unknown = !known,
						      .number = number };
	return attr_apply_note(
		a, path, true, err, "%s %s (%u) is not kept: it is yours now",
		group ? "group" : "owner", name ? q(name) : "without a name", number);
}

/* The number of an entry's owner or group here; *ret_known is false where there is
 * none. */
static int map_owner(struct attr_apply *a, const struct entry *e, const char *path,
		     bool group, uint32_t *ret, bool *ret_known, struct err *err)
{
	const struct attr_noted *noted = find_noted(a, e, group);

	/* Failures are not remembered below, and asking may be a question to another
	 * process. */
	*ret_known = false;
	if (noted && noted->unknown)
		return 0;
	if (owners_id(a->owners, group ? OWNER_GROUP : OWNER_USER,
		      group ? e->group : e->user, group ? e->gid : e->uid, ret,
		      err) == 0) {
		*ret_known = true;
		return 0;
	}
	if (err_is(err, ERR_REFUSED) && !(a->flags & APPLY_OWNERS)) {
		err_clear(err);
		return 0;
	}
	return err_wrap(err, "%s of %s", group ? "group" : "owner", q(path));
}

/* Set-id bits of a file, of which those in `lost` go with the owner that they were
 * for. */
static int want_mode(struct attr_apply *a, const struct entry *e, const char *path,
		     uint32_t lost, uint32_t *ret, struct err *err)
{
	uint32_t bits = e->mode & SET_ID_BITS;

	*ret = e->mode & 07777;
	if (e->type == ENTRY_DIR || e->type == ENTRY_SYMLINK || bits == 0)
		return 0;
	if (a->flags & APPLY_TRUSTED)
		bits &= lost;
	if (bits == 0)
		return 0;
	*ret &= ~bits;
	return attr_apply_note(a, path, !(a->flags & APPLY_OWNERS), err, "%s left out",
			       bits == SET_ID_BITS ? "set-user-ID and set-group-ID bits"
			       : bits == S_ISUID   ? "set-user-ID bit"
						   : "set-group-ID bit");
}

/* Owner and mode of an object of a system archive. */
static int want_as_saved(struct attr_apply *a, const struct entry *e, const char *path,
			 struct wanted *ret, struct err *err)
{
	bool known;

	if (map_owner(a, e, path, false, &ret->uid, &known, err) < 0 ||
	    map_owner(a, e, path, true, &ret->gid, &known, err) < 0)
		return -1;
	return want_mode(a, e, path, 0, &ret->mode, err);
}

/* What is known of giving files to a group, or NULL. */
static const struct attr_tried *find_tried(const struct attr_apply *a, uint32_t gid)
{
	for (size_t i = 0; i < a->n_tried; i++) {
		if (a->tried[i].gid == gid)
			return &a->tried[i];
	}
	return NULL;
}

/* Changes the group of what is the caller's; *ret is false if the caller may not. */
static int try_group(struct attr_apply *a, int fd, const char *name, uint32_t gid,
		     const char *path, bool *ret, struct err *err)
{
	const struct attr_tried *tried = find_tried(a, gid);
	int r;

	if (tried && !tried->allowed) {
		*ret = false;
		return 0;
	}
	if (name)
		r = sys_fchownat(fd, name, (uid_t)-1, gid, AT_SYMLINK_NOFOLLOW);
	else
		r = sys_fchown(fd, (uid_t)-1, gid);
	if (r < 0 && errno != EPERM && errno != EINVAL)
		return err_errno(err, "cannot set the group of %s", q(path));
	if (!tried && a->n_tried < ATTR_TRIED_MAX)
		a->tried[a->n_tried++] =
			(struct attr_tried){ .gid = gid, .allowed = r == 0 };
	*ret = r == 0;
	return 0;
}

/* The same where nothing is there yet: what was found out before. */
static bool may_give(const struct attr_apply *a, uint32_t gid)
{
	const struct attr_tried *tried = find_tried(a, gid);

	return tried && tried->allowed;
}

/* Owner and mode of an object of a user's archive.  The group is tried out, since
 * nobody but the kernel knows which ones are the caller's: what *ret says it is
 * already, but where fd is -1 and nothing can be tried. */
static int want_as_own(struct attr_apply *a, int fd, const char *name,
		       const struct entry *e, const char *path,
		       const struct attr_born *born, struct wanted *ret, struct err *err)
{
	uint32_t uid = 0, gid = 0, lost = 0;
	bool known, given = true;

	*ret = (struct wanted){ .uid = born->uid, .gid = born->gid };
	if (map_owner(a, e, path, false, &uid, &known, err) < 0)
		return -1;
	if (!known || uid != born->uid) {
		lost |= S_ISUID;
		if (note_owner(a, e, path, false, known, err) < 0)
			return -1;
	}
	if (map_owner(a, e, path, true, &gid, &known, err) < 0)
		return -1;
	if (known && gid != born->gid) {
		if (fd < 0)
			given = may_give(a, gid);
		else if (try_group(a, fd, name, gid, path, &given, err) < 0)
			return -1;
		if (given)
			ret->gid = gid;
	}
	if (!known || !given) {
		lost |= S_ISGID;
		if (note_owner(a, e, path, true, known, err) < 0)
			return -1;
	}
	return want_mode(a, e, path, lost, &ret->mode, err);
}

/* Decides on owner and mode, and sets the owner.  fd is the object itself, or with a
 * name the directory that holds it. */
static int apply_owner(struct attr_apply *a, int fd, const char *name,
		       const struct entry *e, const char *path,
		       const struct attr_born *born, uint32_t *ret_mode, struct err *err)
{
	struct wanted w;
	int r = 0;

	if (!(a->flags & APPLY_OWNERS)) {
		if (want_as_own(a, fd, name, e, path, born, &w, err) < 0)
			return -1;
	} else {
		if (want_as_saved(a, e, path, &w, err) < 0)
			return -1;
		if (w.uid == born->uid && w.gid == born->gid)
			r = 0;
		else if (name)
			r = sys_fchownat(fd, name, w.uid, w.gid, AT_SYMLINK_NOFOLLOW);
		else
			r = sys_fchown(fd, w.uid, w.gid);
		if (r < 0)
			return err_errno(err, "cannot set the owner of %s", q(path));
	}
	*ret_mode = w.mode;
	return 0;
}

/* Whether a failure says that this object cannot have that attribute, rather than that
 * something is wrong.  ENOSPC: it does not fit beside the others; if the file system
 * is full indeed, the next call says so. */
static bool attribute_does_not_fit(int errnum)
{
	return errnum == EOPNOTSUPP || errnum == ENOSPC || errnum == E2BIG ||
	       errnum == ERANGE || errnum == EINVAL || errnum == EPERM ||
	       errnum == EACCES;
}

static int set_xattr(struct attr_apply *a, int fd, const char *path,
		     const struct entry_xattr *x, struct err *err)
{
	if (sys_fsetxattr(fd, x->name, x->value, x->size, 0) == 0)
		return 0;
	if (!attribute_does_not_fit(errno))
		return err_errno(err, "cannot set attribute %s of %s", q(x->name),
				 q(path));
	return attr_apply_note(a, path, false, err, "attribute %s left out: %s",
			       q(x->name), strerrordesc_np(errno));
}

/* The attributes that must be set while the owner may write. */
static int apply_user_xattrs(struct attr_apply *a, int fd, const struct entry *e,
			     const char *path, struct err *err)
{
	for (size_t i = 0; i < e->n_xattrs; i++) {
		if (strncmp(e->xattrs[i].name, "user.", 5) == 0 &&
		    set_xattr(a, fd, path, &e->xattrs[i], err) < 0)
			return -1;
	}
	return 0;
}

/* What somebody else sets: a label, and ACLs that came as text too. */
static bool is_elsewhere(const struct entry *e, const char *name)
{
	return strcmp(name, "security.selinux") == 0 ||
	       (e->acl_access && strcmp(name, "system.posix_acl_access") == 0) ||
	       (e->acl_default && strcmp(name, "system.posix_acl_default") == 0);
}

/* All others: a capability if it is to be trusted.  fd -1: nothing can be set. */
static int apply_other_xattrs(struct attr_apply *a, int fd, const struct entry *e,
			      const char *path, struct err *err)
{
	const unsigned both = APPLY_OWNERS | APPLY_TRUSTED;

	for (size_t i = 0; i < e->n_xattrs; i++) {
		const struct entry_xattr *x = &e->xattrs[i];
		int r = 0;

		if (is_elsewhere(e, x->name))
			continue;
		if (fd >= 0 && strncmp(x->name, "user.", 5) == 0)
			continue;
		if (fd >= 0 && strcmp(x->name, capability) == 0 &&
		    e->type == ENTRY_FILE && (a->flags & both) == both)
			r = set_xattr(a, fd, path, x, err);
		else if (strcmp(x->name, capability) == 0)
			r = attr_apply_note(a, path, false, err,
					    "file capabilities left out");
		else
			r = attr_apply_note(a, path, false, err, "attribute %s left out",
					    q(x->name));
		if (r < 0)
			return -1;
	}
	return 0;
}

/* The mode that is safe without the access ACL: the mode's group bits are the ACL's
 * mask, the group itself may have had fewer. */
static uint32_t mode_without_acl(uint32_t mode, const char *acl)
{
	const char *at = strstr(acl, "group::");
	uint32_t group = 0;

	if (at && (at == acl || at[-1] == ',' || at[-1] == '\n'))
		group = (at[7] == 'r' ? 040u : 0) | (at[7] && at[8] == 'w' ? 020u : 0) |
			(at[7] && at[8] && at[9] == 'x' ? 010u : 0);
	return (mode & ~070u) | (mode & group);
}

/* Whether an ACL is left out for that reason. */
static bool acl_is_unfit(const struct attr_apply *a, const struct err *why)
{
	if (err_is(why, ERR_REFUSED))
		return !(a->flags & APPLY_OWNERS);
	return err_is(why, ERR_UNSUPPORTED) || attribute_does_not_fit(why->sys_errno);
}

/* *ret_set: whether the ACL is there now; if not, and it is no failure, it was
 * reported. */
static int set_acl(struct attr_apply *a, int fd, enum acl_type type, const char *text,
		   const char *path, bool *ret_set, struct err *err)
{
	_cleanup_(err_clear) struct err why = ERR_INIT;
	_cleanup_(err_clear) struct err bad = ERR_INIT;

	*ret_set = acl_apply(fd, type, text, a->owners, &why) == 0;
	if (*ret_set)
		return 0;
	if (acl_is_unfit(a, &why) ||
	    /* A good text that is bad here: two owners have become one. */
	    (err_is(&why, ERR_CORRUPT) && acl_check_text(text, &bad) == 0))
		return attr_apply_note(a, path, false, err,
				       "access control list left out: %s",
				       err_message(&why));
	err_move(err, &why);
	return err_wrap(err, "access control list of %s", q(path));
}

/* Both ACLs of an object that has its mode already. */
static int apply_acls(struct attr_apply *a, int fd, const struct entry *e,
		      const char *path, uint32_t mode, struct err *err)
{
	uint32_t safe;
	bool set;

	if (e->acl_access) {
		if (set_acl(a, fd, ACL_OF_ACCESS, e->acl_access, path, &set, err) < 0)
			return -1;
		safe = mode_without_acl(mode, e->acl_access);
		if (!set && safe != mode && sys_fchmod(fd, safe) < 0)
			return err_errno(err, "cannot set the mode of %s", q(path));
	}
	if (e->acl_default && e->type == ENTRY_DIR)
		return set_acl(a, fd, ACL_OF_DEFAULT, e->acl_default, path, &set, err);
	return 0;
}

/* What futimens(2) takes; when something was read last is not saved. */
static void times_of(const struct entry *e, struct timespec ts[2])
{
	ts[0] = (struct timespec){ .tv_nsec = UTIME_OMIT };
	ts[1] = e->mtime;
}

/* Whether an object needs attr_apply_fd(): for what may fail with a word, or for a group
 * that nothing was given to yet. */
static int needs_more(struct attr_apply *a, const struct entry *e, const char *path,
		      const struct attr_born *born, struct err *err)
{
	uint32_t gid = 0;
	bool known;

	if (e->acl_access || e->acl_default)
		return 1;
	for (size_t i = 0; i < e->n_xattrs; i++) {
		if (!is_elsewhere(e, e->xattrs[i].name))
			return 1;
	}
	if (a->flags & APPLY_OWNERS)
		return 0;
	if (map_owner(a, e, path, true, &gid, &known, err) < 0)
		return -1;
	return known && gid != born->gid && !find_tried(a, gid);
}

int attr_plan(struct attr_apply *a, const struct entry *e, const char *path,
	      const struct attr_born *born, struct attr_modes *modes,
	      struct attr_plan *ret, struct err *err)
{
	struct wanted w;
	int r = needs_more(a, e, path, born, err);

	if (r != 0)
		return r < 0 ? -1 : 0;
	r = a->flags & APPLY_OWNERS ? want_as_saved(a, e, path, &w, err)
				    : want_as_own(a, -1, NULL, e, path, born, &w, err);
	if (r < 0)
		return -1;
	*ret = (struct attr_plan){
		.chown = w.uid != born->uid || w.gid != born->gid,
		.chmod = modes ? (w.mode & ~0777u) != 0 : w.mode != born->mode,
		.uid = w.uid,
		.gid = w.gid,
		.mode = w.mode,
		.mtime = e->mtime,
		.modes = modes,
	};
	return 1;
}

mode_t attr_plan_mode(const struct attr_plan *p)
{
	/* Set-id bits would not outlive a change of the owner. */
	return p->chmod ? 0600 : p->mode;
}

int attr_plan_made(struct attr_plan *p, int fd, const char *path, struct err *err)
{
	atomic_uint_fast64_t *kept = &p->modes->kept[(p->mode & 0777) / 64];
	uint64_t bit = (uint64_t)1 << p->mode % 64;
	struct stat st;

	if (p->chmod || (atomic_load_explicit(kept, memory_order_relaxed) & bit))
		return 0;
	if (sys_fstat(fd, &st) < 0)
		return err_errno(err, "cannot examine %s", q(path));
	if ((st.st_mode & 07777) == p->mode)
		atomic_fetch_or_explicit(kept, bit, memory_order_relaxed);
	else
		p->chmod = true;
	return 0;
}

int attr_plan_apply(int fd, const struct attr_plan *p, const char *path, struct err *err)
{
	struct timespec ts[2] = { { .tv_nsec = UTIME_OMIT }, p->mtime };

	if (p->chown && sys_fchown(fd, p->uid, p->gid) < 0)
		return err_errno(err, "cannot set the owner of %s", q(path));
	if (p->chmod && sys_fchmod(fd, p->mode) < 0)
		return err_errno(err, "cannot set the mode of %s", q(path));
	if (sys_futimens(fd, ts) < 0)
		return err_errno(err, "cannot set the time of %s", q(path));
	return 0;
}

int attr_apply_fd(struct attr_apply *a, int fd, const struct entry *e, const char *path,
		  const struct attr_born *born, struct err *err)
{
	struct timespec ts[2];
	uint32_t mode;

	if (apply_owner(a, fd, NULL, e, path, born, &mode, err) < 0)
		return -1;
	if (e->n_xattrs && apply_user_xattrs(a, fd, e, path, err) < 0)
		return -1;
	if (mode != born->mode && sys_fchmod(fd, mode) < 0)
		return err_errno(err, "cannot set the mode of %s", q(path));
	if (apply_acls(a, fd, e, path, mode, err) < 0)
		return -1;
	/* Last of all that chown, chmod and write would take away again. */
	if (e->n_xattrs && apply_other_xattrs(a, fd, e, path, err) < 0)
		return -1;
	times_of(e, ts);
	if (sys_futimens(fd, ts) < 0)
		return err_errno(err, "cannot set the time of %s", q(path));
	return 0;
}

/* Mode and ACL of a FIFO or device that has its owner. */
static int apply_mode_at(struct attr_apply *a, int dirfd, const char *name,
			 const struct entry *e, uint32_t mode, struct err *err)
{
	_cleanup_close_ int fd = -1;
	uint32_t safe;
	bool set;

	if (e->acl_access) {
		/* Naming it, not opening it. */
		fd = sys_openat(dirfd, name, O_PATH | O_NOFOLLOW, 0);
		if (fd < 0)
			return err_errno(err, "cannot open %s", q(e->path));
	}
	/* It was made here a moment ago, in a directory that nobody else can reach,
	 * and is no link: what has no descriptor has no other way to its mode. */
	if (sys_fchmodat(dirfd, name, mode, 0) < 0)
		return err_errno(err, "cannot set the mode of %s", q(e->path));
	if (!e->acl_access)
		return 0;
	if (set_acl(a, fd, ACL_OF_ACCESS, e->acl_access, e->path, &set, err) < 0)
		return -1;
	safe = mode_without_acl(mode, e->acl_access);
	if (!set && safe != mode && sys_fchmodat(dirfd, name, safe, 0) < 0)
		return err_errno(err, "cannot set the mode of %s", q(e->path));
	return 0;
}

int attr_apply_at(struct attr_apply *a, int dirfd, const char *name,
		  const struct entry *e, const struct attr_born *born, struct err *err)
{
	struct timespec ts[2];
	uint32_t mode;

	if (apply_owner(a, dirfd, name, e, e->path, born, &mode, err) < 0)
		return -1;
	if (e->type != ENTRY_SYMLINK && (mode != born->mode || e->acl_access) &&
	    apply_mode_at(a, dirfd, name, e, mode, err) < 0)
		return -1;
	if (apply_other_xattrs(a, -1, e, e->path, err) < 0)
		return -1;
	times_of(e, ts);
	if (sys_utimensat(dirfd, name, ts, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(err, "cannot set the time of %s", q(e->path));
	return 0;
}
