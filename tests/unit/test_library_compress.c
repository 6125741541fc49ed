/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/operation/save.h"

#include <string.h>

#include "tests/unit/support.h"
#include "tests/unit/support_gzip.h"
#include "tests/unit/support_world.h"

#define SIZE ((size_t)3 << 20)

/* The bytes of the archives of a new set. */
static uint64_t saved_size(struct session *s, enum save_compress how)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct save_request request = { .compress = how };
	struct save_outcome o;
	uint64_t size = 0;

	ck_assert_ok(setaside_save(s, &request, &o, &err), &err);
	for (size_t i = 0; i < o.set.n; i++)
		size += o.set.snapshots[i].meta->size;
	save_outcome_done(&o);
	return size;
}

START_TEST(save_compresses_as_the_caller_asks)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_free_ char *text = support_data(SUPPORT_TEXT, SIZE, 5);
	uint64_t configured, fast, small;
	struct session *s;

	if (!support_world_make(&w))
		return;
	support_world_put("one", text, SIZE);
	s = support_world_open(&w, "store");
	configured = saved_size(s, SAVE_COMPRESS_CONFIGURED);
	fast = saved_size(s, SAVE_COMPRESS_FAST);
	small = saved_size(s, SAVE_COMPRESS_SMALL);
	ck_assert_uint_gt(small, 0);
	ck_assert_uint_lt(small, fast);
	ck_assert_uint_eq(configured, fast);
	session_close(s);
}

END_TEST

Suite *suite_library_compress(void)
{
	Suite *s = suite_create("library_compress");

	tcase_add_test(support_tcase(s, "save"), save_compresses_as_the_caller_asks);
	return s;
}
