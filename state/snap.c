/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/snap.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "backend/base/strings.h"
#include "backend/base/sys.h"
#include "backend/names.h"
#include "state/rooted.h"

#define DATA_DIR         "/var/snap"
#define STORE_NAME_MIN   2
#define STORE_NAME_MAX   40
#define INSTANCE_KEY_MAX 10

/* Where snaps are mounted, on one distribution or the other. */
static const char *const mount_dirs[] = { "/snap", "/var/lib/snapd/snap" };

#define N_MOUNT_DIRS (sizeof(mount_dirs) / sizeof(*mount_dirs))

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The part before the instance key: n bytes. */
static bool store_name_is_legal(const char *name, size_t n)
{
	bool has_letter = false;

	if (n < STORE_NAME_MIN || n > STORE_NAME_MAX || name[0] == '-' ||
	    name[n - 1] == '-')
		return false;
	for (size_t i = 0; i < n; i++) {
		has_letter |= is_lower(name[i]);
		if (!is_lower(name[i]) && !is_digit(name[i]) && name[i] != '-')
			return false;
		if (name[i] == '-' && name[i - 1] == '-')
			return false;
	}
	return has_letter;
}

bool snap_name_is_legal(const char *name)
{
	size_t n = strcspn(name, "_"), key;

	if (!store_name_is_legal(name, n))
		return false;
	if (name[n] == '\0')
		return true;
	name += n + 1;
	for (key = 0; is_lower(name[key]) || is_digit(name[key]); key++)
		;
	return key >= 1 && key <= INSTANCE_KEY_MAX && name[key] == '\0';
}

int snap_revision_compare(const char *a, const char *b)
{
	const char *x = *a == 'x' ? a + 1 : a, *y = *b == 'x' ? b + 1 : b;
	size_t n = strlen(x), m = strlen(y);
	int order = n != m ? (n < m ? -1 : 1) : strcmp(x, y);

	/* Of two equal numbers the one that came from the store is the higher. */
	return order ? order : (*a != 'x') - (*b != 'x');
}

void snap_list_done(struct snap_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->snaps[i].name);
		free(l->snaps[i].revision);
	}
	free(l->snaps);
	*l = (struct snap_list)SNAP_LIST_INIT;
}

/* The revision that DIR/NAME/current names: 1, or 0 where it names none. */
static int read_current(int rootfd, const char *dir, const char *name, char **ret,
			struct err *err)
{
	_cleanup_free_ char *path = alloc_printf(err, "%s/%s/current", dir, name);
	_cleanup_free_ char *target = NULL;
	int found;

	if (!path)
		return -1;
	found = rooted_read_link(rootfd, path, &target, err);
	if (found <= 0 || !snapshot_revision_is_legal(target))
		return found < 0 ? -1 : 0;
	*ret = TAKE_PTR(target);
	return 1;
}

/* The same for the mounts. */
static int read_mounted(int rootfd, const char *name, char **ret, struct err *err)
{
	int found = 0;

	for (size_t i = 0; found == 0 && i < N_MOUNT_DIRS; i++)
		found = read_current(rootfd, mount_dirs[i], name, ret, err);
	return found;
}

/* The highest revision that has a directory of data: 1, or 0 where there is none. */
static int highest_revision(int rootfd, const char *name, char **ret, struct err *err)
{
	_cleanup_free_ char *path = alloc_printf(err, DATA_DIR "/%s", name);
	_cleanup_(strings_done) struct strings names = STRINGS_INIT;
	const char *highest = NULL;

	if (!path || rooted_list(rootfd, path, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		if (snapshot_revision_is_legal(names.items[i]) &&
		    (!highest || snap_revision_compare(names.items[i], highest) > 0))
			highest = names.items[i];
	}
	if (!highest)
		return 0;
	*ret = alloc_strdup(highest, err);
	return *ret ? 1 : -1;
}

/* The order is the one of the header. */
static int find_revision(int rootfd, const struct snap_state *state, const char *name,
			 char **ret, struct err *err)
{
	const char *recorded = snap_state_revision(state, name);
	int found = read_mounted(rootfd, name, ret, err);

	if (found == 0)
		found = read_current(rootfd, DATA_DIR, name, ret, err);
	if (found != 0)
		return found;
	if (!recorded)
		return highest_revision(rootfd, name, ret, err);
	*ret = alloc_strdup(recorded, err);
	return *ret ? 1 : -1;
}

static int add(struct snap_list *l, int rootfd, const struct snap_state *state,
	       const char *name, const struct observer *observer, struct err *err)
{
	struct snap *snap;
	int found;

	if (alloc_grow(&l->snaps, l->n, &l->cap, sizeof(*l->snaps), err) < 0)
		return -1;
	snap = &l->snaps[l->n];
	*snap = (struct snap){ .name = NULL };
	found = find_revision(rootfd, state, name, &snap->revision, err);
	if (found < 0)
		return -1;
	if (found == 0) {
		observer_warn(observer, name,
			      "left out: no revision of this snap is known");
		return 0;
	}
	snap->name = alloc_strdup(name, err);
	if (!snap->name) {
		free(snap->revision);
		return -1;
	}
	l->n++;
	return 0;
}

/* Whether the directory is there: 1 or 0. */
static int is_dir(int rootfd, const char *path, struct err *err)
{
	_cleanup_close_ int fd = rooted_open_dir(rootfd, path, err);

	if (fd < 0 && err_is(err, ERR_NOT_FOUND)) {
		err_clear(err); /* that is the answer */
		return 0;
	}
	return fd < 0 ? -1 : 1;
}

/* Adds the names of DATA_DIR that are directories. */
static int add_data_names(int rootfd, struct strings *ret, struct err *err)
{
	_cleanup_(strings_done) struct strings names = STRINGS_INIT;

	if (rooted_list(rootfd, DATA_DIR, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *path = NULL;
		int found;

		if (!snap_name_is_legal(names.items[i]))
			continue;
		path = alloc_printf(err, DATA_DIR "/%s", names.items[i]);
		found = path ? is_dir(rootfd, path, err) : -1;
		if (found < 0 || (found && strings_add(ret, names.items[i], err) < 0))
			return -1;
	}
	return 0;
}

/* Adds the names that are mounted, of those that are not there yet. */
static int add_mount_names(int rootfd, const char *dir, struct strings *ret,
			   struct err *err)
{
	_cleanup_(strings_done) struct strings names = STRINGS_INIT;

	if (rooted_list(rootfd, dir, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		const char *name = names.items[i];
		_cleanup_free_ char *revision = NULL;
		int found;

		if (!snap_name_is_legal(name) || strings_has(ret, name))
			continue;
		found = read_current(rootfd, dir, name, &revision, err);
		if (found < 0 || (found && strings_add(ret, name, err) < 0))
			return -1;
	}
	return 0;
}

int snap_list_read(int rootfd, const struct snap_state *state,
		   const struct observer *observer, struct snap_list *ret,
		   struct err *err)
{
	_cleanup_(snap_list_done) struct snap_list list = SNAP_LIST_INIT;
	_cleanup_(strings_done) struct strings names = STRINGS_INIT;

	if (add_data_names(rootfd, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < N_MOUNT_DIRS; i++) {
		if (add_mount_names(rootfd, mount_dirs[i], &names, err) < 0)
			return -1;
	}
	strings_sort(&names);
	for (size_t i = 0; i < names.n; i++) {
		if (add(&list, rootfd, state, names.items[i], observer, err) < 0)
			return -1;
	}
	*ret = list;
	list = (struct snap_list)SNAP_LIST_INIT;
	return 0;
}

/* What a stranger put into the snap is only opened where it is a plain file inside it. */
static int open_inside(int snapfd, const char *path, struct err *err)
{
	_cleanup_close_ int fd =
		sys_openat2(snapfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0,
			    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
				    RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV);
	struct stat st;

	if (fd < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return -1; /* err stays empty */
		if (errno == ELOOP || errno == EXDEV)
			return err_set(err, ERR_CORRUPT, "%s of the snap is a link",
				       q(path));
		return err_errno(err, "cannot open %s of the snap", q(path));
	}
	if (sys_fstat(fd, &st) < 0)
		return err_errno(err, "cannot examine %s of the snap", q(path));
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_CORRUPT, "%s of the snap is not a regular file",
			       q(path));
	return TAKE_FD(fd);
}

/* The directory of a mounted snap, or -1 with an empty err. */
static int open_snap(int rootfd, const char *name, const char *revision, struct err *err)
{
	for (size_t i = 0; i < N_MOUNT_DIRS; i++) {
		_cleanup_free_ char *meta = NULL, *path = NULL;
		int found;

		path = alloc_printf(err, "%s/%s/%s", mount_dirs[i], name, revision);
		meta = path ? alloc_printf(err, "%s/meta", path) : NULL;
		found = meta ? is_dir(rootfd, meta, err) : -1;
		if (found < 0)
			return -1;
		if (found)
			return rooted_open_dir(rootfd, path, err);
	}
	return -1;
}

int snap_open_meta(int rootfd, const char *name, const char *revision, int *ret_snap_yaml,
		   int *ret_snapshots_yaml, struct err *err)
{
	_cleanup_close_ int snapfd = open_snap(rootfd, name, revision, err);
	_cleanup_close_ int snap_yaml = -1;
	_cleanup_close_ int snapshots_yaml = -1;

	if (snapfd >= 0)
		snap_yaml = open_inside(snapfd, "meta/snap.yaml", err);
	if (snapfd >= 0 && err_is(err, ERR_NONE))
		snapshots_yaml = open_inside(snapfd, "meta/snapshots.yaml", err);
	if (!err_is(err, ERR_NONE))
		return -1;
	*ret_snap_yaml = TAKE_FD(snap_yaml);
	*ret_snapshots_yaml = TAKE_FD(snapshots_yaml);
	return snapfd >= 0;
}
