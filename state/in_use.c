/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/in_use.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/alloc.h"
#include "backend/base/cleanup.h"
#include "backend/base/fd.h"
#include "backend/base/strings.h"
#include "state/process.h"

#define NAMES_MAX ((size_t)1 << 22)
/* What the kernel appends to the path of a file that has no name any more. */
#define DELETED " (deleted)"

struct search {
	const char *const *targets;
	size_t n_targets;
	const struct observer *observer;
	struct in_use_list list;
	size_t cap;
};

void in_use_list_done(struct in_use_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->processes[i].program);
		free(list->processes[i].path);
	}
	free(list->processes);
	*list = (struct in_use_list){ NULL, 0, false };
}

/* Is path the target, something below it, or what was the target before it was deleted?
 * */
static bool is_below(const char *path, const char *target)
{
	size_t n = strlen(target);

	while (n > 0 && target[n - 1] == '/')
		n--;
	if (strncmp(path, target, n) != 0)
		return false;
	return path[n] == '\0' || path[n] == '/' || strcmp(path + n, DELETED) == 0;
}

/* The index of the target that holds path; n_targets: none does. */
static size_t find_target(const struct search *s, const char *path)
{
	size_t i = 0;

	while (i < s->n_targets && !is_below(path, s->targets[i]))
		i++;
	return i;
}

/* Is it an answer, or did the process end or forbid the look?  Notes the latter. */
static bool is_failure(struct search *s, int errnum)
{
	/* A path that is too long for the kernel to tell may lie anywhere. */
	if (errnum == EACCES || errnum == EPERM || errnum == ENAMETOOLONG) {
		s->list.complete = false;
		return false;
	}
	return errnum != ENOENT && errnum != ESRCH && errnum != EINVAL &&
	       errnum != ENOTDIR;
}

/* Looks where a link of /proc leads: 1 below a target, 0 elsewhere, -1.  `path` has room
 * for PATH_MAX. */
static int look_at(struct search *s, int dirfd, const char *name, char *path,
		   size_t *ret_target, struct err *err)
{
	ssize_t n = sys_readlinkat(dirfd, name, path, PATH_MAX - 1);

	if (n < 0)
		return is_failure(s, errno) ? err_errno(err, "cannot look into /proc")
					    : 0;
	path[n] = '\0';
	*ret_target = find_target(s, path);
	return *ret_target < s->n_targets;
}

/* Looks at every link in a directory of a process. */
static int look_at_all(struct search *s, int process, const char *name, char *path,
		       size_t *ret_target, struct err *err)
{
	_cleanup_(strings_done) struct strings names = STRINGS_INIT;
	_cleanup_close_ int fd = sys_openat(process, name, O_RDONLY | O_DIRECTORY, 0);
	int r = 0;

	if (fd < 0)
		return is_failure(s, errno) ? err_errno(err, "cannot look into /proc")
					    : 0;
	if (fd_list_dir(fd, NAMES_MAX, &names, err) < 0) {
		if (is_failure(s, err->sys_errno))
			return -1;
		err_clear(err); /* the process ended */
		return 0;
	}
	for (size_t i = 0; i < names.n && r == 0; i++)
		r = look_at(s, fd, names.items[i], path, ret_target, err);
	return r;
}

/* Whether a process has something open below a target: 1, 0, -1. */
static int look_into(struct search *s, int process, char *path, size_t *ret_target,
		     struct err *err)
{
	static const char *const links[] = { "cwd", "root", "exe" };
	static const char *const dirs[] = { "fd", "map_files" };
	int r = 0;

	for (size_t i = 0; i < sizeof(links) / sizeof(*links) && r == 0; i++)
		r = look_at(s, process, links[i], path, ret_target, err);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs) && r == 0; i++)
		r = look_at_all(s, process, dirs[i], path, ret_target, err);
	return r;
}

/* Appends a process. */
static int add(struct search *s, pid_t pid, const char *program, const char *path,
	       size_t target, struct err *err)
{
	struct in_use_process *p;

	if (alloc_grow(&s->list.processes, s->list.n, &s->cap, sizeof(*p), err) < 0)
		return -1;
	p = &s->list.processes[s->list.n++];
	*p = (struct in_use_process){ .pid = pid, .target = target };
	p->program = alloc_strdup(program, err);
	if (!p->program)
		return -1;
	p->path = alloc_strdup(path, err);
	return p->path ? 0 : -1;
}

/* Does it look like a worker, the only children that this library has?  They only read
 * trees that an operation has not locked, and may outlive an operation that was killed
 * by the time of a call. */
static bool is_worker(const struct process *info)
{
	return strcmp(info->name, IN_USE_WORKER) == 0;
}

/* One process, `name` being its directory in /proc. */
static int visit(struct search *s, int proc, const char *name, pid_t pid, struct err *err)
{
	_cleanup_close_ int fd = -1;
	struct process info;
	char path[PATH_MAX];
	size_t target = 0;
	int r = process_read(pid, &info, err);

	if (r < 0 && !is_failure(s, err->sys_errno)) {
		err_clear(err); /* hidden: as good as not looked into */
		return 0;
	}
	if (r <= 0 || pid == getpid() || is_worker(&info))
		return r < 0 ? -1 : 0;
	fd = sys_openat(proc, name, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return is_failure(s, errno) ? err_errno(err, "cannot look into /proc")
					    : 0;
	r = look_into(s, fd, path, &target, err);
	if (r <= 0)
		return r;
	return add(s, pid, info.name, path, target, err);
}

/* The number that a name in /proc is, or 0. */
static pid_t pid_of(const char *name)
{
	long n = 0;

	for (const char *c = name; *c; c++) {
		if (*c < '0' || *c > '9' || n > INT_MAX / 10 - 1)
			return 0;
		n = n * 10 + (*c - '0');
	}
	return (pid_t)n;
}

/* All processes. */
static int visit_all(struct search *s, struct err *err)
{
	_cleanup_(strings_done) struct strings names = STRINGS_INIT;
	_cleanup_close_ int proc =
		sys_openat(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY, 0);

	if (proc < 0)
		return err_errno(err, "cannot open /proc");
	if (fd_list_dir(proc, NAMES_MAX, &names, err) < 0)
		return err_wrap(err, "/proc");
	for (size_t i = 0; i < names.n; i++) {
		pid_t pid = pid_of(names.items[i]);

		if (observer_check(s->observer, err) < 0 ||
		    (pid > 0 && visit(s, proc, names.items[i], pid, err) < 0))
			return -1;
	}
	return 0;
}

/* Order of two processes for qsort(). */
static int compare(const void *a, const void *b)
{
	pid_t x = ((const struct in_use_process *)a)->pid;
	pid_t y = ((const struct in_use_process *)b)->pid;

	return x < y ? -1 : x > y;
}

int in_use_find(const char *const *targets, size_t n, const struct observer *o,
		struct in_use_list *ret, struct err *err)
{
	struct search s = { .targets = targets, .n_targets = n, .observer = o };

	s.list.complete = true;
	if (visit_all(&s, err) < 0) {
		in_use_list_done(&s.list);
		return -1;
	}
	if (s.list.n > 1)
		qsort(s.list.processes, s.list.n, sizeof(*s.list.processes), compare);
	*ret = s.list;
	return 0;
}
