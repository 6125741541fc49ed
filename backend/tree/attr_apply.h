/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_ATTR_APPLY_H
#define SETASIDE_TREE_ATTR_APPLY_H

/*
 * attr_apply: owner, mode, ACLs, extended attributes, capability and times of an entry
 * onto an object that apply has made, with the fewest calls; apply.h says what is kept
 * and when.
 *
 * Private to apply.  What creation gave the object is known to the caller (attr_born), so
 * that what is right already needs no call.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "backend/base/error.h"
#include "backend/tree/apply.h"
#include "backend/tree/entry.h"

#define ATTR_NOTED_MAX 32
#define ATTR_TRIED_MAX 16

/* A foreign owner or group that was reported. */
struct attr_noted {
	bool group;
	bool unknown; /* has no number here */
	uint32_t number;
};

/* Whether the caller may give files to a group. */
struct attr_tried {
	uint32_t gid;
	bool allowed;
};

struct attr_apply {
	unsigned flags; /* enum apply_flags */
	struct owners *owners;
	const struct apply_report *report;
	struct attr_noted noted[ATTR_NOTED_MAX]; /* beyond that many nobody reads them */
	size_t n_noted;
	struct attr_tried tried[ATTR_TRIED_MAX];
	size_t n_tried;
};

struct attr_born {
	uint32_t uid, gid;
	uint32_t mode;
};

static inline struct attr_born attr_born_of(const struct stat *st)
{
	return (struct attr_born){ st->st_uid, st->st_gid, st->st_mode & 07777 };
}

/* The modes that files of a tree were seen to have as they were created with (a umask or
 * a file system may change them): one bit for each of 0777. */
struct attr_modes {
	atomic_uint_fast64_t kept[512 / 64];
};

/* All that a file or directory without ACLs and attributes gets: what is left to do needs
 * neither struct attr_apply nor its thread. */
struct attr_plan {
	bool chown, chmod;
	uint32_t uid, gid;
	uint32_t mode;
	struct timespec mtime;
	struct attr_modes *modes; /* of a file that is still to be created */
};

/* Takes away the ACLs that a new file or directory has inherited, and sets its mode. */
int attr_apply_disinherit(int fd, bool is_dir, mode_t mode, struct err *err);

/* A copy of all of e that is applied: attributes, type, size and stored.  Path, target
 * and map are left out. */
int attr_apply_keep(const struct entry *e, struct entry **ret, struct err *err);
void attr_apply_forget(struct entry *kept);
CLEANUP_FUNC(struct entry *, attr_apply_forget);

/* A file or directory, by a descriptor that is not O_PATH.  `path` is for messages:
 * that of e is not looked at. */
int attr_apply_fd(struct attr_apply *a, int fd, const struct entry *e, const char *path,
		  const struct attr_born *born, struct err *err);

/* Decides on owner and mode as attr_apply_fd() does, and reports likewise.  1; 0: only
 * attr_apply_fd() can do it; -1.  With `modes` (borrowed) it is for a file that is
 * going to be created with attr_plan_mode(). */
int attr_plan(struct attr_apply *a, const struct entry *e, const char *path,
	      const struct attr_born *born, struct attr_modes *modes,
	      struct attr_plan *ret, struct err *err);
mode_t attr_plan_mode(const struct attr_plan *p);
/* After creation: whether that gave the mode. */
int attr_plan_made(struct attr_plan *p, int fd, const char *path, struct err *err);
int attr_plan_apply(int fd, const struct attr_plan *p, const char *path, struct err *err);

/* A symbolic link, FIFO or device that is not opened. */
int attr_apply_at(struct attr_apply *a, int dirfd, const char *name,
		  const struct entry *e, const struct attr_born *born, struct err *err);

/* Reports that something of an entry was left out or changed. */
int attr_apply_note(struct attr_apply *a, const char *path, bool minor, struct err *err,
		    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

#endif
