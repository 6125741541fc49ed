/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TESTS_SUPPORT_H
#define SETASIDE_TESTS_SUPPORT_H

/*
 * support: what all unit tests need.
 *
 *	START_TEST(store_refuses_a_link)
 *	{
 *		_cleanup_(err_clear) struct err err = ERR_INIT;
 *
 *		support_symlink(support_dirfd(), "store", "/elsewhere");
 *		ck_assert_int_eq(store_open(support_path("store"), 0, &s, &err), -1);
 *		ck_assert_err(&err, ERR_CORRUPT, "symbolic link");
 *	}
 *	END_TEST
 *
 *	Suite *suite_store(void)
 *	{
 *		Suite *s = suite_create("store");
 *		TCase *tc = support_tcase(s, "open");
 *
 *		tcase_add_test(tc, store_refuses_a_link);
 *		return s;
 *	}
 *
 * Each test of a support_tcase() has a directory of its own below $TMPDIR, which stays if
 * the test fails (or SETASIDE_TEST_KEEP is set), and fails if it leaks a descriptor.
 * Everything here fails the test if it cannot do its work.  Strings that are returned are
 * valid until the end of the test unless they are said to be the caller's.
 */

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "backend/base/buf.h"
#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/base/quote.h"

/* Every suite, for main.c. */
#define SUITE(name) Suite *suite_##name(void);
#include "tests/unit/suites.h"
#undef SUITE

TCase *support_tcase(Suite *s, const char *name);
/* The same, but where it is possible below a directory whose file system is believed
 * when it says what has changed, or on a tmpfs: support_need_disk(),
 * support_need_memory() tell. */
TCase *support_tcase_on_disk(Suite *s, const char *name);
TCase *support_tcase_in_memory(Suite *s, const char *name);

/* The test's own directory: its path, a descriptor that stays the support's, and the path
 * of something in it. */
const char *support_dir(void);
int support_dirfd(void);
const char *support_path(const char *name);

/* The path of a file below tests/fixtures; the source tree is $abs_top_srcdir or
 * $top_srcdir, else the working directory. */
const char *support_fixture(const char *name);

/* The whole of a file, with a NUL behind it; the caller frees it. */
char *support_read(int dirfd, const char *path, size_t *ret_len);

/*
 * Errors.  Kind and a part of the message (and the hint) have to fit; the object is empty
 * afterwards, so that it can be used for the next call.
 */
/* clang-format off */
#define ck_assert_err(e, kind_, part)                                                    \
	do {                                                                             \
		struct err *err_ = (e);                                                  \
		ck_assert_msg(support_err_is(err_, (kind_), (part)),                     \
			      "expected %s with \"%s\", got %s: %s (hint: %s)",          \
			      err_kind_name(kind_), (part), err_kind_name(err_->kind),   \
			      err_message(err_), err_->hint ? err_->hint : "none");      \
		err_clear(err_);                                                         \
	} while (0)

/* The call returns 0 or more and leaves err empty. */
#define ck_assert_ok(call, e)                                                            \
	do {                                                                             \
		long long got_ = (call);                                                 \
		struct err *err_ = (e);                                                  \
		ck_assert_msg(got_ >= 0 && err_is(err_, ERR_NONE),                       \
			      "%s returned %lld, %s: %s", #call, got_,                   \
			      err_kind_name(err_->kind), err_message(err_));             \
	} while (0)

/* The call returns -1 and err has that kind and message. */
#define ck_assert_fails(call, e, kind_, part)                                            \
	do {                                                                             \
		long long got_ = (call);                                                 \
		ck_assert_msg(got_ == -1, "%s returned %lld", #call, got_);              \
		ck_assert_err((e), (kind_), (part));                                     \
	} while (0)

/* The pointer is there and err is empty. */
#define ck_assert_ok_ptr(pointer, e)                                                     \
	do {                                                                             \
		const void *got_ = (pointer);                                            \
		struct err *err_ = (e);                                                  \
		ck_assert_msg(got_ && err_is(err_, ERR_NONE), "%s is %p, %s: %s",        \
			      #pointer, got_, err_kind_name(err_->kind),                 \
			      err_message(err_));                                        \
	} while (0)
/* clang-format on */

bool support_err_is(const struct err *err, enum err_kind kind, const char *part);

/*
 * What cannot run here.  Each prints a SKIP line and returns false; the test returns.
 */
#define support_need_root() support_need_root_for(__func__)
bool support_need_root_for(const char *test);
#define support_need_disk() support_need_disk_for(__func__)
bool support_need_disk_for(const char *test);
#define support_need_memory() support_need_memory_for(__func__)
bool support_need_memory_for(const char *test);
/* Becomes the user nobody, to whom the test's directory is given, for good. */
#define support_become_user() support_become_user_for(__func__)
bool support_become_user_for(const char *test);
/* valgrind 3.19 does not know openat2. */
#define support_need_openat2() support_need_openat2_for(__func__)
bool support_need_openat2_for(const char *test);
#define support_skip(why) support_skip_for(__func__, (why))

/* From now on this process's kernel or file system lacks these: it answers as those do
 * that never had them.  For good, so only where tests run in processes of their own. */
enum support_abilities {
	SUPPORT_TMPFILE = 1 << 0,   /* O_TMPFILE: EOPNOTSUPP */
	SUPPORT_NOREPLACE = 1 << 1, /* RENAME_NOREPLACE: EINVAL */
	SUPPORT_EXCHANGE = 1 << 2,  /* RENAME_EXCHANGE: EINVAL */
	SUPPORT_OPENAT2 = 1 << 3,   /* ENOSYS */
	SUPPORT_CLOSE = 1 << 4,     /* no descriptor can be closed: EDQUOT */
};

#define support_lack(abilities) support_lack_for(__func__, (abilities))
bool support_lack_for(const char *test, unsigned abilities);

/* From now on `act` is called, by a thread of its own, before this thread makes such a
 * call: as another program that comes in between.  Until the end; after it these calls
 * fail in this thread. */
enum support_deed {
	SUPPORT_EXCHANGING,  /* renameat2() with RENAME_EXCHANGE */
	SUPPORT_NOREPLACING, /* with RENAME_NOREPLACE */
	SUPPORT_OPENING_DIR, /* openat() with O_DIRECTORY and O_NOFOLLOW */
};

#define support_meanwhile(deed, act) support_meanwhile_for(__func__, (deed), (act))
bool support_meanwhile_for(const char *test, enum support_deed deed,
			   void (*act)(int nth));
void support_meanwhile_end(void);
void support_skip_for(const char *test, const char *why);
/* True if tests run in processes of their own, as tests that die must. */
bool support_forks(void);

/*
 * Builders.  Paths are relative to dirfd; missing parents are made with mode 0755.  Modes
 * are set whatever the umask says.
 */
void support_mkdir(int dirfd, const char *path, mode_t mode);
void support_file(int dirfd, const char *path, mode_t mode, const char *content);
void support_file_n(int dirfd, const char *path, mode_t mode, const void *p, size_t n);
/* `size` bytes of holes but for `n` letters at `offset`. */
void support_sparse(int dirfd, const char *path, uint64_t size, uint64_t offset,
		    size_t n);
void support_symlink(int dirfd, const char *path, const char *target);
void support_link(int dirfd, const char *path, const char *existing);
/* S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK with the mode's bits. */
void support_node(int dirfd, const char *path, mode_t mode, dev_t dev);
void support_owner(int dirfd, const char *path, uid_t uid, gid_t gid);
void support_mtime(int dirfd, const char *path, int64_t sec, long nsec);
/* False, with a SKIP line, where the file system or the user cannot. */
bool support_xattr(int dirfd, const char *path, const char *name, const void *p,
		   size_t n);
void support_remove_tree(int dirfd, const char *path);

/*
 * Comparing two trees, the two directories included: names, types, contents, targets,
 * modes, owners, mtimes to the nanosecond, devices, extended attributes (ACLs are such),
 * and which names are one file.  Holes only with SUPPORT_SPARSE.  *ret_why is NULL if
 * they are equal, else the first difference; the caller frees it.
 */
enum support_tree_flags {
	SUPPORT_SPARSE = 1 << 0,      /* data and holes lie at the same places */
	SUPPORT_NO_OWNER = 1 << 1,    /* owners may differ */
	SUPPORT_NO_TOP_TIME = 1 << 2, /* the mtimes of the two directories may differ */
};

bool support_tree_compare(int a, int b, unsigned flags, char **ret_why);
bool support_tree_equal(int a, int b, char **ret_why);

/* clang-format off */
#define ck_assert_tree_eq(a, b)                                                          \
	do {                                                                             \
		_cleanup_free_ char *why_ = NULL;                                        \
		bool equal_ = support_tree_equal((a), (b), &why_);                       \
		ck_assert_msg(equal_, "trees differ: %s", why_);                         \
	} while (0)
/* clang-format on */

/* How many entries a directory has, "." and ".." not counted. */
size_t support_count(int dirfd, const char *path);
bool support_exists(int dirfd, const char *path);

/* How much of a part of a file is in the page cache: 0 to 1. */
double support_held_in_memory(int fd, off_t from, size_t n);

#endif
