/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What save.c does with packers that mean no good; all else of it is tested with real
 * ones, by whole operations.
 */

#include <check.h>
#include <string.h>

#include "backend/save.h"
#include "tests/unit/support.h"
#include "tests/unit/support_snapshot.h"
#include "tests/unit/support_worker.h"

START_TEST(save_of_a_packer_that_leaves_out_without_end_fails)
{
	static const struct save_tree tree = { .name = "data",
					       .archive_path = "common/data",
					       .shown_path = "~/data",
					       .path = "/data" };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(worker_freep) struct worker *w = NULL;
	_cleanup_(store_closep) struct store *store = NULL;
	struct identity self = { .kind = IDENTITY_SELF };
	struct worker_env env = { .program = support_worker_program(),
				  .rootfd = support_dirfd() };
	struct save_options options = { .level = GZIP_FAST };
	struct save_archive archive = { .member = "user/me.tgz",
					.user = "me",
					.home = "/",
					.trees = &tree,
					.n_trees = 1 };
	struct save_result result;
	struct snapshot meta;

	support_mkdir(support_dirfd(), "snapshots", 0700);
	ck_assert_ok(store_open(support_path("snapshots"), 0, &store, &err), &err);
	ck_assert_ok(worker_start(&env, WORKER_PACKER, &self, NULL, &w, &err), &err);
	support_snapshot_small(&meta); /* has an archive.tgz already */
	meta.has_own = true;
	meta.packaging = strdup(SNAPSHOT_NATIVE);
	archive.packer = w;
	ck_assert_fails(save_snapshot(store, &meta, &archive, 1, &options, &result, &err),
			&err, ERR_NO_SPACE,
			"lists of tree \"data\" in \"user/me.tgz\" fill it");
	ck_assert_uint_eq(support_count(support_dirfd(), "snapshots"), 0);
	snapshot_done(&meta);
}

END_TEST

Suite *suite_save(void)
{
	Suite *s = suite_create("save");
	TCase *tc = support_tcase(s, "packers");

	tcase_add_test(tc, save_of_a_packer_that_leaves_out_without_end_fails);
	return s;
}
