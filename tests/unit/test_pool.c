/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/pool.h"

#include "tests/unit/support.h"
#include "tests/unit/support_world.h"

/* The swapper for a directory of the system that these own. */
static struct worker *swapper(struct pool *p, uint32_t uid, uint32_t gid)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct worker *w = NULL;

	ck_assert_ok(
		p->callbacks.swapper(p->callbacks.ctx, NULL, uid, gid, NULL, &w, &err),
		&err);
	return w;
}

/* What one makes has its group. */
START_TEST(each_owner_and_group_of_a_directory_has_a_swapper)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	struct worker *first, *second, *root;
	struct session *s;
	struct pool p;

	if (!support_need_root() || !support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	pool_init(&p, s);
	first = swapper(&p, 54321, 100);
	second = swapper(&p, 54321, 200);
	ck_assert_ptr_ne(first, second);
	ck_assert_ptr_eq(swapper(&p, 54321, 100), first);
	ck_assert_ptr_eq(swapper(&p, 54321, 200), second);
	ck_assert_ptr_ne(swapper(&p, 54322, 200), second);
	/* Root's gives whatever it makes to root. */
	root = swapper(&p, 0, 0);
	ck_assert_ptr_eq(swapper(&p, 0, 100), root);
	pool_done(&p);
	session_close(s);
}

END_TEST

Suite *suite_pool(void)
{
	Suite *s = suite_create("pool");
	TCase *tc = support_tcase(s, "pool");

	tcase_add_test(tc, each_owner_and_group_of_a_directory_has_a_swapper);
	return s;
}
