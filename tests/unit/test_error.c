/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/support.h"

START_TEST(set_fills_kind_and_message)
{
	struct err err = ERR_INIT;

	ck_assert_int_eq(err_set(&err, ERR_USAGE, "bad name %s", q("x")), -1);
	ck_assert(err_is(&err, ERR_USAGE));
	ck_assert_int_eq(err.sys_errno, 0);
	ck_assert_str_eq(err_message(&err), "bad name \"x\"");
	ck_assert_ptr_null(err.hint);
	err_clear(&err);
	ck_assert(err_is(&err, ERR_NONE));
	ck_assert_str_eq(err_message(&err), "no error");
}

END_TEST

START_TEST(errno_gives_kind_and_text)
{
	struct err err = ERR_INIT;

	errno = ENOENT;
	ck_assert_int_eq(err_errno(&err, "cannot open %s", q("f")), -1);
	ck_assert_int_eq(err.sys_errno, ENOENT);
	ck_assert_str_eq(err_message(&err),
			 "cannot open \"f\": No such file or directory");
	ck_assert_err(&err, ERR_NOT_FOUND, "open");

	err_errnum(&err, 4000, "odd");
	ck_assert_err(&err, ERR_IO, "odd: unknown error");
}

END_TEST

START_TEST(each_layer_puts_its_text_in_front)
{
	struct err err = ERR_INIT;

	err_set(&err, ERR_CORRUPT, "inner");
	ck_assert_int_eq(err_wrap(&err, "middle %d", 2), -1);
	ck_assert_int_eq(err_wrap(&err, "outer"), -1);
	ck_assert_str_eq(err_message(&err), "outer: middle 2: inner");
	ck_assert(err_is(&err, ERR_CORRUPT));
	err_clear(&err);
}

END_TEST

START_TEST(hint_is_replaced_and_kept_apart)
{
	struct err err = ERR_INIT;

	err_set(&err, ERR_REFUSED, "no");
	ck_assert_int_eq(err_hint(&err, "first"), -1);
	ck_assert_int_eq(err_hint(&err, "use %s", "--force"), -1);
	ck_assert_str_eq(err.hint, "use --force");
	ck_assert_str_eq(err_message(&err), "no");
	err_wrap(&err, "outer");
	ck_assert_str_eq(err.hint, "use --force");
	err_clear(&err);
}

END_TEST

START_TEST(reclassify_changes_only_the_kind)
{
	struct err err = ERR_INIT;

	err_errnum(&err, ENOENT, "member");
	ck_assert_int_eq(err_reclassify(&err, ERR_CORRUPT), -1);
	ck_assert_int_eq(err.sys_errno, ENOENT);
	ck_assert_err(&err, ERR_CORRUPT, "member: No such file");
}

END_TEST

START_TEST(nomem_has_a_text_without_memory)
{
	struct err err = ERR_INIT;

	ck_assert_int_eq(err_nomem(&err), -1);
	ck_assert_ptr_null(err.msg);
	ck_assert_int_eq(err.sys_errno, ENOMEM);
	ck_assert_str_eq(err_message(&err), "out of memory");
	err_wrap(&err, "saving");
	ck_assert_err(&err, ERR_NOMEM, "saving: out of memory");
}

END_TEST

START_TEST(move_empties_the_source)
{
	struct err a = ERR_INIT, b = ERR_INIT;

	err_set(&a, ERR_BUSY, "old");
	err_set(&b, ERR_IO, "new");
	ck_assert_int_eq(err_move(&a, &b), -1);
	ck_assert(err_is(&b, ERR_NONE));
	ck_assert_str_eq(err_message(&a), "new");
	ck_assert_int_eq(err_move(&a, &b), 0);
	ck_assert(err_is(&a, ERR_NONE));
	ck_assert_ptr_null(a.msg);
}

END_TEST

START_TEST(kinds_have_stable_names)
{
	static const char *const names[] = {
		"none",      "usage",   "not-found",   "exists",
		"duplicate", "busy",    "denied",      "no-space",
		"changed",   "corrupt", "unsupported", "interrupted",
		"refused",   "partial", "io",          "no-memory",
	};

	for (int i = ERR_NONE; i <= ERR_NOMEM; i++) {
		struct err err = { .kind = (enum err_kind)i };
		ck_assert_str_eq(err_kind_name((enum err_kind)i), names[i]);
		ck_assert_uint_gt(strlen(err_message(&err)), 3);
	}
}

END_TEST

static const struct {
	int errnum;
	enum err_kind kind;
} errnums[] = {
	{ ENOENT, ERR_NOT_FOUND },
	{ EEXIST, ERR_EXISTS },
	{ ENOTEMPTY, ERR_EXISTS },
	{ EBUSY, ERR_BUSY },
	{ EAGAIN, ERR_BUSY },
	{ EACCES, ERR_DENIED },
	{ EPERM, ERR_DENIED },
	{ EROFS, ERR_DENIED },
	{ ENOSPC, ERR_NO_SPACE },
	{ EDQUOT, ERR_NO_SPACE },
	{ EFBIG, ERR_NO_SPACE },
	{ ENOMEM, ERR_NOMEM },
	{ ENOSYS, ERR_UNSUPPORTED },
	{ EOPNOTSUPP, ERR_UNSUPPORTED },
	{ EIO, ERR_IO },
	{ EINTR, ERR_IO },
	{ ENOTDIR, ERR_IO },
	{ ECANCELED, ERR_INTERRUPTED },
};

START_TEST(errno_values_map_to_kinds)
{
	ck_assert_int_eq(err_kind_of_errno(errnums[_i].errnum), errnums[_i].kind);
}

END_TEST

/* An assertion that fails as it should leaves no core file and says nothing. */
static void expect_abort(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	ck_assert_int_eq(dup2(null, STDERR_FILENO), STDERR_FILENO);
}

START_TEST(setting_a_filled_object_aborts)
{
	struct err err = ERR_INIT;

	expect_abort();
	err.kind = ERR_IO;
	err_set(&err, ERR_USAGE, "again");
}

END_TEST

START_TEST(wrapping_an_empty_object_aborts)
{
	struct err err = ERR_INIT;

	expect_abort();
	err_wrap(&err, "nothing");
}

END_TEST

Suite *suite_error(void)
{
	Suite *s = suite_create("error");
	TCase *tc = support_tcase(s, "object");

	tcase_add_test(tc, set_fills_kind_and_message);
	tcase_add_test(tc, errno_gives_kind_and_text);
	tcase_add_test(tc, each_layer_puts_its_text_in_front);
	tcase_add_test(tc, hint_is_replaced_and_kept_apart);
	tcase_add_test(tc, reclassify_changes_only_the_kind);
	tcase_add_test(tc, nomem_has_a_text_without_memory);
	tcase_add_test(tc, move_empties_the_source);
	tcase_add_test(tc, kinds_have_stable_names);
	tcase_add_loop_test(tc, errno_values_map_to_kinds, 0,
			    (int)(sizeof(errnums) / sizeof(errnums[0])));

	tc = tcase_create("misuse");
	suite_add_tcase(s, tc);
	if (support_forks()) {
		tcase_add_test_raise_signal(tc, setting_a_filled_object_aborts, SIGABRT);
		tcase_add_test_raise_signal(tc, wrapping_an_empty_object_aborts, SIGABRT);
	}
	return s;
}
