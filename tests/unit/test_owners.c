/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/owners.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/support.h"

/* A source that counts how often it is asked: users below 1000 have no name. */
struct counting {
	unsigned names, ids;
	bool broken;
};

static int name_of(void *ctx, enum owner_kind kind, uint32_t id, char **ret,
		   struct err *err)
{
	struct counting *c = ctx;

	c->names++;
	if (c->broken)
		return err_set(err, ERR_IO, "the source is gone");
	*ret = NULL;
	if (id == 7)
		*ret = strdup("");
	else if (id >= 1000)
		ck_assert_int_ge(
			asprintf(ret, "%c%u", kind == OWNER_USER ? 'u' : 'g', id), 0);
	return 0;
}

static int id_of(void *ctx, enum owner_kind kind, const char *name, uint32_t number,
		 uint32_t *ret, struct err *err)
{
	struct counting *c = ctx;

	c->ids++;
	if (c->broken)
		return err_set(err, ERR_REFUSED, "nobody of that name");
	*ret = name ? (uint32_t)strlen(name) + (kind == OWNER_GROUP ? 100 : 0)
		    : number + 1;
	return 0;
}

START_TEST(names_are_looked_up_once)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(owners_freep) struct owners *o = NULL;
	struct counting c = { 0 };
	const char *user, *group;

	ck_assert_ok(owners_new(&(struct owner_source){ name_of, id_of, &c }, &o, &err),
		     &err);
	for (int i = 0; i < 3; i++) {
		ck_assert_ok(owners_name(o, OWNER_USER, 1000, &user, &err), &err);
		ck_assert_ok(owners_name(o, OWNER_GROUP, 1000, &group, &err), &err);
		ck_assert_str_eq(user, "u1000");
		ck_assert_str_eq(group, "g1000");
	}
	ck_assert_uint_eq(c.names, 2);
	ck_assert(!owners_failed(o));
}

END_TEST

START_TEST(no_name_is_remembered_too)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(owners_freep) struct owners *o = NULL;
	struct counting c = { 0 };
	const char *name = "x";

	ck_assert_ok(owners_new(&(struct owner_source){ name_of, id_of, &c }, &o, &err),
		     &err);
	for (int i = 0; i < 2; i++) {
		ck_assert_ok(owners_name(o, OWNER_USER, 5, &name, &err), &err);
		ck_assert_ptr_null(name);
		ck_assert_ok(owners_name(o, OWNER_USER, 7, &name, &err), &err);
		ck_assert_ptr_null(name);
	}
	ck_assert_uint_eq(c.names, 2);
}

END_TEST

START_TEST(colliding_ids_take_turns)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(owners_freep) struct owners *o = NULL;
	struct counting c = { 0 };
	const char *name;
	char want[16];

	ck_assert_ok(owners_new(&(struct owner_source){ name_of, id_of, &c }, &o, &err),
		     &err);
	for (uint32_t id = 1000; id < 1000 + 100000; id += 17) {
		ck_assert_ok(owners_name(o, OWNER_USER, id, &name, &err), &err);
		snprintf(want, sizeof(want), "u%u", id);
		ck_assert_str_eq(name, want);
	}
	for (uint32_t id = 0; id < 5000; id++) {
		uint32_t got;

		ck_assert_ok(owners_id(o, OWNER_USER, NULL, id, &got, &err), &err);
		ck_assert_uint_eq(got, id + 1);
	}
}

END_TEST

START_TEST(numbers_depend_on_kind_name_and_number)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(owners_freep) struct owners *o = NULL;
	struct counting c = { 0 };
	uint32_t id;

	ck_assert_ok(owners_new(&(struct owner_source){ name_of, id_of, &c }, &o, &err),
		     &err);
	for (int i = 0; i < 2; i++) {
		ck_assert_ok(owners_id(o, OWNER_USER, "abc", 5, &id, &err), &err);
		ck_assert_uint_eq(id, 3);
		ck_assert_ok(owners_id(o, OWNER_GROUP, "abc", 5, &id, &err), &err);
		ck_assert_uint_eq(id, 103);
		ck_assert_ok(owners_id(o, OWNER_USER, NULL, 5, &id, &err), &err);
		ck_assert_uint_eq(id, 6);
	}
	ck_assert_uint_eq(c.ids, 3);
}

END_TEST

START_TEST(failures_are_passed_on_and_not_remembered)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(owners_freep) struct owners *o = NULL;
	struct counting c = { .broken = true };
	const char *name;
	uint32_t id;

	ck_assert_ok(owners_new(&(struct owner_source){ name_of, id_of, &c }, &o, &err),
		     &err);
	ck_assert_fails(owners_name(o, OWNER_USER, 1000, &name, &err), &err, ERR_IO,
			"gone");
	ck_assert(owners_failed(o));
	ck_assert_fails(owners_id(o, OWNER_USER, "x", 1, &id, &err), &err, ERR_REFUSED,
			"nobody");
	c.broken = false;
	ck_assert_ok(owners_name(o, OWNER_USER, 1000, &name, &err), &err);
	ck_assert_str_eq(name, "u1000");
	ck_assert_ok(owners_id(o, OWNER_USER, "x", 1, &id, &err), &err);
	ck_assert_uint_eq(id, 1);
}

END_TEST

START_TEST(without_functions_numbers_stay)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(owners_freep) struct owners *o = NULL;
	const char *name = "x";
	uint32_t id;

	ck_assert_ok(owners_new(&(struct owner_source){ NULL, NULL, NULL }, &o, &err),
		     &err);
	ck_assert_ok(owners_name(o, OWNER_USER, 0, &name, &err), &err);
	ck_assert_ptr_null(name);
	ck_assert_ok(owners_id(o, OWNER_USER, "root", 12, &id, &err), &err);
	ck_assert_uint_eq(id, 12);
	ck_assert_fails(owners_id(o, OWNER_GROUP, "root", OWNER_NO_NUMBER, &id, &err),
			&err, ERR_REFUSED, "no number for group \"root\"");
}

END_TEST

Suite *suite_owners(void)
{
	Suite *s = suite_create("owners");
	TCase *tc = support_tcase(s, "owners");

	tcase_add_test(tc, names_are_looked_up_once);
	tcase_add_test(tc, no_name_is_remembered_too);
	tcase_add_test(tc, colliding_ids_take_turns);
	tcase_add_test(tc, numbers_depend_on_kind_name_and_number);
	tcase_add_test(tc, failures_are_passed_on_and_not_remembered);
	tcase_add_test(tc, without_functions_numbers_stay);
	return s;
}
