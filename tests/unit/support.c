/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/machine/dirs.h"

#define NOBODY  65534
#define N_PATHS 32

/* The state of the one test that this process runs at a time. */
static struct {
	char dir[PATH_MAX];
	int dirfd;
	size_t n_fds;
} test;

static char paths[N_PATHS][PATH_MAX];
static unsigned n_paths;

/* How many descriptors this process has. */
static size_t count_fds(void)
{
	/* The directory's own descriptor is among them each time. */
	return support_count(AT_FDCWD, "/proc/self/fd");
}

/* Makes the test's directory below that one. */
static void make_below(const char *top)
{
	snprintf(test.dir, sizeof(test.dir), "%s/setaside-test-XXXXXX", top);
	ck_assert_msg(mkdtemp(test.dir) != NULL, "%s: %s", test.dir, strerror(errno));
	test.dirfd = open(test.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(test.dirfd, 0);
	test.n_fds = count_fds();
}

static void set_up(void)
{
	make_below(dirs_temporary());
}

static void set_up_on_disk(void)
{
	make_below(dirs_on_disk() ? dirs_on_disk() : dirs_temporary());
}

static void set_up_in_memory(void)
{
	make_below(dirs_in_memory() ? dirs_in_memory() : dirs_temporary());
}

/* Runs after a test that succeeded. */
static void tear_down(void)
{
	size_t n_fds = count_fds();

	ck_assert_msg(n_fds == test.n_fds, "%zd descriptors leaked",
		      (ssize_t)(n_fds - test.n_fds));
	close(test.dirfd);
	if (!getenv("SETASIDE_TEST_KEEP"))
		support_remove_tree(AT_FDCWD, test.dir);
}

static TCase *add_tcase(Suite *s, const char *name, void (*set_up_it)(void))
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, set_up_it, tear_down);
	suite_add_tcase(s, tc);
	return tc;
}

TCase *support_tcase(Suite *s, const char *name)
{
	return add_tcase(s, name, set_up);
}

TCase *support_tcase_on_disk(Suite *s, const char *name)
{
	return add_tcase(s, name, set_up_on_disk);
}

TCase *support_tcase_in_memory(Suite *s, const char *name)
{
	return add_tcase(s, name, set_up_in_memory);
}

const char *support_dir(void)
{
	return test.dir;
}

int support_dirfd(void)
{
	return test.dirfd;
}

/* One of several buffers in turn. */
static char *next_path(void)
{
	return paths[n_paths++ % N_PATHS];
}

const char *support_path(const char *name)
{
	char *path = next_path();
	int n = snprintf(path, PATH_MAX, "%s/%s", test.dir, name);

	ck_assert_msg(n < PATH_MAX, "a path is too long");
	return path;
}

const char *support_fixture(const char *name)
{
	const char *top = getenv("abs_top_srcdir");
	char *path = next_path();

	if (!top)
		top = getenv("top_srcdir");
	int n = snprintf(path, PATH_MAX, "%s/tests/fixtures/%s", top ? top : ".", name);
	ck_assert_msg(n < PATH_MAX, "a path is too long");
	ck_assert_msg(access(path, R_OK) == 0, "%s: %s (set abs_top_srcdir)", path,
		      strerror(errno));
	return path;
}

char *support_read(int dirfd, const char *path, size_t *ret_len)
{
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	ck_assert_msg(fd >= 0 && fstat(fd, &st) == 0, "%s: %s", path, strerror(errno));
	char *text = malloc((size_t)st.st_size + 1);
	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(read(fd, text, (size_t)st.st_size), st.st_size);
	close(fd);
	text[st.st_size] = '\0';
	if (ret_len)
		*ret_len = (size_t)st.st_size;
	return text;
}

bool support_err_is(const struct err *err, enum err_kind kind, const char *part)
{
	return err->kind == kind && (strstr(err_message(err), part) != NULL ||
				     (err->hint && strstr(err->hint, part) != NULL));
}

bool support_forks(void)
{
	const char *fork_status = getenv("CK_FORK");

	return !fork_status || strcmp(fork_status, "no") != 0;
}

void support_skip_for(const char *name, const char *why)
{
	size_t n = strlen(name);

	/* Check's functions are called NAME_fn.  One write, so that lines stay whole. */
	if (n > 3 && strcmp(name + n - 3, "_fn") == 0)
		n -= 3;
	fflush(stdout);
	dprintf(STDOUT_FILENO, "# SKIP %.*s: %s\n", (int)n, name, why);
}

bool support_need_disk_for(const char *name)
{
	if (dirs_is_on_disk(test.dir))
		return true;
	support_skip_for(name, DIRS_NO_DISK);
	return false;
}

bool support_need_memory_for(const char *name)
{
	if (dirs_is_in_memory(test.dir))
		return true;
	support_skip_for(name, DIRS_NO_MEMORY);
	return false;
}

bool support_need_root_for(const char *name)
{
	if (geteuid() == 0)
		return true;
	support_skip_for(name, "needs root");
	return false;
}

bool support_need_openat2_for(const char *name)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC };
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how));

	if (fd < 0) {
		support_skip_for(name, "openat2 cannot be called here");
		return false;
	}
	close(fd);
	return true;
}

bool support_become_user_for(const char *name)
{
	if (geteuid() != 0)
		return true;
	if (!support_forks()) {
		support_skip_for(name, "as root it needs a process of its own");
		return false;
	}
	ck_assert_int_eq(fchown(test.dirfd, NOBODY, NOBODY), 0);
	ck_assert_int_eq(setgroups(0, NULL), 0);
	ck_assert_int_eq(setresgid(NOBODY, NOBODY, NOBODY), 0);
	ck_assert_int_eq(setresuid(NOBODY, NOBODY, NOBODY), 0);
	return true;
}

size_t support_count(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	size_t n = 0;

	ck_assert_msg(dir != NULL, "%s: %s", path, strerror(errno));
	for (const struct dirent *e; (e = readdir(dir));)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(dir);
	return n;
}

bool support_exists(int dirfd, const char *path)
{
	struct stat st;

	return fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}
