/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/definition.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/json.h"
#include "state/definition_internal.h"
#include "tests/unit/support.h"
#include "tests/unit/support_events.h"

/* Parses a text as apps.d/x.json. */
static int parse(const char *text, unsigned flags, struct definition **ret,
		 struct err *err)
{
	return definition_parse(text, strlen(text), "apps.d/x.json", "x", flags, NULL,
				ret, err);
}

#define HEAD "{\"format\":1,\"id\":\"x\","
#define TREE(name, path)                                                                 \
 "{\"name\":\"" name "\",\"scope\":\"user\",\"at\":{\"native\":\"" path "\"}}"
#define X(trees) HEAD "\"trees\":[" trees "]}"

START_TEST(definition_keeps_what_it_says)
{
	static const char text[] =
		"{\n"
		"  \"format\": 1, \"id\": \"x\", \"name\": \"The X\", \"kind\": "
		"\"desktop\",\n"
		"  \"match\": { \"deb\": [\"x1\", \"x2\"], \"rpm\": [\"xr\"],\n"
		"    \"pacman\": [\"xp\"], \"flatpak\": [\"org.x.X\"] },\n"
		"  \"trees\": [\n"
		"    { \"name\": \"conf\", \"role\": \"config\", \"scope\": \"system\",\n"
		"      \"at\": { \"native\": \"/etc/x\" } },\n"
		"    { \"name\": \"data\", \"scope\": \"user\", \"required\": true,\n"
		"      \"at\": { \"native\": \"$XDG_DATA_HOME/x\", \"flatpak\": "
		"\"~/.var/app/org.x.X/data/x\" },\n"
		"      \"exclude\": [\"lock\", \"**/tmp/\"], \"sqlite\": [\"*.db\"] },\n"
		"    { \"name\": \"cache\", \"role\": \"cache\", \"scope\": \"user\",\n"
		"      \"at\": { \"native\": \"$XDG_CACHE_HOME/x\" } },\n"
		"    { \"name\": \"icons\", \"role\": \"cache\", \"scope\": \"user\", "
		"\"save\": "
		"\"always\",\n"
		"      \"at\": { \"snap\": \"~/snap/x/common\" } }\n"
		"  ]\n"
		"}\n";
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(definition_freep) struct definition *d = NULL;
	const struct definition_tree *t;

	ck_assert_ok(parse(text, 0, &d, &err), &err);
	ck_assert_str_eq(d->id, "x");
	ck_assert_str_eq(d->name, "The X");
	ck_assert_uint_eq(d->deb.n, 2);
	ck_assert_str_eq(d->deb.items[1], "x2");
	ck_assert_str_eq(d->pacman.items[0], "xp");
	ck_assert_str_eq(d->flatpak.items[0], "org.x.X");
	ck_assert_uint_eq(d->n_trees, 4);

	t = definition_tree(d, "conf");
	ck_assert_ptr_nonnull(t);
	ck_assert_int_eq(t->role, ROLE_CONFIG);
	ck_assert(!t->user_scope && !t->required && t->saved && !t->addition);
	ck_assert_uint_eq(t->line, 6);
	ck_assert_str_eq(t->file, "apps.d/x.json");
	ck_assert_str_eq(t->at[PACKAGING_NATIVE], "/etc/x");
	ck_assert_ptr_null(t->at[PACKAGING_FLATPAK]);

	t = definition_tree(d, "data");
	ck_assert_int_eq(t->role, ROLE_DATA);
	ck_assert(t->user_scope && t->required);
	ck_assert_str_eq(t->at[PACKAGING_FLATPAK], "~/.var/app/org.x.X/data/x");
	ck_assert_uint_eq(t->exclude.n, 2);
	ck_assert_str_eq(t->exclude.items[1], "**/tmp/");

	ck_assert(!definition_tree(d, "cache")->saved);
	ck_assert(definition_tree(d, "icons")->saved);
	ck_assert_ptr_null(definition_tree(d, "none"));
}

END_TEST

START_TEST(definition_takes_all_keys_of_the_format)
{
	static const char text[] = HEAD "\"trees\":[" TREE(
		"data",
		"~/.x") "],"
			"\"match\":{\"deb\":[],\"snap\":[\"x\"],\"appstream\":["
			"\"x.y\"],\"exec\":[\"x\"]},"
			"\"quiesce\":{\"policy\":\"ask\",\"units\":[\"x.service\"],"
			"\"user_units\":[],"
			"\"scopes\":[\"app-*x*.scope\"],\"timeout\":30},"
			"\"dump\":[{\"name\":\"all\",\"exec\":[\"xdump\",\"-a\"],"
			"\"user\":null,"
			"\"output\":\"all.sql\",\"restore\":[\"xload\"],\"when\":"
			"\"save\"}],"
			"\"owner\":{\"user\":null,\"group\":\"x\"},"
			"\"compat\":{\"data_version\":{\"file\":\"v.ini\",\"key\":\"V\"},"
			"\"restore_to\":\"same-or-newer\"},"
			"\"machine_specific\":[\"id\"],"
			"\"rewrite\":[{\"files\":[\"*.ini\"],\"kind\":\"home-prefix\"}],"
			"\"secrets\":true,"
			"\"hints\":{\"typical_size\":\"1G\",\"max_auto_size\":\"4G\","
			"\"important\":true},"
			"\"doc\":null,\"generated\":false}";
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(definition_freep) struct definition *d = NULL;
	_cleanup_(support_events_done) struct support_events events = SUPPORT_EVENTS_INIT;
	struct observer observer = support_events_observer(&events);

	ck_assert_ok(definition_parse(text, strlen(text), "x.json", "x", 0, &observer, &d,
				      &err),
		     &err);
	ck_assert_str_eq(support_events_text(&events), "");
}

END_TEST

START_TEST(definition_warns_of_unknown_keys)
{
	static const char text[] =
		"{\n \"format\": 1, \"id\": \"x\",\n \"colour\": 3,\n"
		" \"trees\": [\n  { \"name\": \"a\", \"scope\": \"user\",\n"
		"   \"at\": { \"native\": \"~/.x\",\n   \"de\\nb\": \"\" } } ] }";
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(definition_freep) struct definition *d = NULL;
	_cleanup_(support_events_done) struct support_events events = SUPPORT_EVENTS_INIT;
	struct observer observer = support_events_observer(&events);

	ck_assert_ok(definition_parse(text, strlen(text), "d/x.json", "x", 0, &observer,
				      &d, &err),
		     &err);
	ck_assert_str_eq(support_events_text(&events),
			 "d/x.json:3: colour: unknown key\n"
			 "d/x.json:7: trees[0].at.de\\nb: unknown key\n");
}

END_TEST

/* A text that is wrong, and the whole message. */
static const struct fault {
	const char *text, *message;
} faults[] = {
	{ "{\n\"format\":2,\n\"id\":5}",
	  "apps.d/x.json:2: format: this version knows only format 1" },
	{ "{\"format\":\"1\"}",
	  "apps.d/x.json:1: format: this version knows only format 1" },
	{ "{\"format\":1.0}",
	  "apps.d/x.json:1: format: this version knows only format 1" },
	{ "{\"format\":null}", "apps.d/x.json:1: format: must be a number" },
	{ "[]", "apps.d/x.json:1: must be an object" },
	{ "{\"id\":\"x\",\"trees\":[]}", "apps.d/x.json:1: \"format\" is missing" },
	{ "{\"format\":1,\"trees\":[]}", "apps.d/x.json:1: \"id\" is missing" },
	{ "{\"format\":1,\"id\":\"x\"}", "apps.d/x.json:1: \"trees\" is missing" },
	{ "{\"format\":1,\n\"id\":\"y\",\"trees\":[]}",
	  "apps.d/x.json:2: id: \"y\" is not what the file is named after, \"x\"" },
	{ X(""), "apps.d/x.json:1: trees: names no tree" },
	{ HEAD "\"trees\":{}}", "apps.d/x.json:1: trees: must be an array of objects" },
	{ HEAD "\"trees\":[\n7]}", "apps.d/x.json:2: trees[0]: must be an object" },
	{ X("{\"scope\":\"user\",\"at\":{}}"),
	  "apps.d/x.json:1: trees[0]: \"name\" is missing" },
	{ X("{\"name\":\"a\",\"at\":{}}"),
	  "apps.d/x.json:1: trees[0]: \"scope\" is missing" },
	{ X("{\"name\":\"a\",\"scope\":\"user\"}"),
	  "apps.d/x.json:1: trees[0]: \"at\" is missing" },
	{ X("{\"name\":\"a\",\"scope\":\"user\",\"at\":{}}"),
	  "apps.d/x.json:1: trees[0].at: names no path" },
	{ X("{\"name\":\"a\",\n\"scope\":\"all\",\"at\":{}}"),
	  "apps.d/x.json:2: trees[0].scope: \"all\" is not one of user, system" },
	{ X("{\"name\":\"a\",\"role\":\"log\",\"scope\":\"user\",\"at\":{}}"),
	  "apps.d/x.json:1: trees[0].role: \"log\" is not one of config, data, state, "
	  "cache" },
	{ X("{\"name\":\"a\",\"required\":1,\"scope\":\"user\",\"at\":{}}"),
	  "apps.d/x.json:1: trees[0].required: must be true or false" },
	{ X(TREE("A", "~/.x")),
	  "apps.d/x.json:1: trees[0].name: \"A\" is not 1 to 32 of a-z, 0-9 and \"-\"" },
	{ X(TREE("", "~/.x")),
	  "apps.d/x.json:1: trees[0].name: \"\" is not 1 to 32 of a-z, 0-9 and \"-\"" },
	{ X(TREE("a", "~/.x") ",\n" TREE("a", "~/.y")),
	  "apps.d/x.json:2: trees.name: \"a\" is given twice" },
	{ X(TREE("a", "~/.x") ",\n" TREE("b", "~/.x/y")),
	  "apps.d/x.json:2: trees.at.native: \"~/.x/y\" of tree \"b\" and \"~/.x\" of "
	  "tree \"a\" "
	  "nest" },
	{ X(TREE("a", "~/.config/x") "," TREE("b", "$XDG_CONFIG_HOME/x")),
	  "apps.d/x.json:1: trees.at.native: \"$XDG_CONFIG_HOME/x\" of tree \"b\" and "
	  "\"~/.config/x\" of tree \"a\" nest" },
	{ X(TREE("a", "~/.x/y") "," TREE("b", "~/.x")),
	  "apps.d/x.json:1: trees.at.native: \"~/.x\" of tree \"b\" and \"~/.x/y\" of "
	  "tree \"a\" "
	  "nest" },
	{ X(TREE("a", "/etc/x")),
	  "apps.d/x.json:1: trees[0].at.native: \"/etc/x\" does not begin with ~/ or "
	  "$XDG_CONFIG_HOME/, $XDG_DATA_HOME/, $XDG_STATE_HOME/, $XDG_CACHE_HOME/" },
	{ X(TREE("a", "~/")),
	  "apps.d/x.json:1: trees[0].at.native: \"~/\" is no clean path: no empty "
	  "component, "
	  "\".\" or \"..\"" },
	{ X(TREE("a", "~/x/../y")),
	  "apps.d/x.json:1: trees[0].at.native: \"~/x/../y\" is no clean path: no empty "
	  "component, \".\" or \"..\"" },
	{ X(TREE("a", "~/x*")),
	  "apps.d/x.json:1: trees[0].at.native: \"~/x*\" holds a wildcard" },
	{ X(TREE("a", "~/x\\ny")),
	  "apps.d/x.json:1: trees[0].at.native: holds control characters" },
	{ X(TREE("a", "~/x\\u0000y")),
	  "apps.d/x.json:1: trees[0].at.native: holds control characters" },
	{ X("{\"name\":\"a\",\"scope\":\"system\",\"at\":{\"native\":\"~/.x\"}}"),
	  "apps.d/x.json:1: trees[0].at.native: \"~/.x\" is not absolute" },
	{ X("{\"name\":\"a\",\"scope\":\"system\",\"at\":{\"native\":\"/\"}}"),
	  "apps.d/x.json:1: trees[0].at.native: \"/\" is no clean path: no empty "
	  "component, "
	  "\".\" or \"..\"" },
	{ X("{\"name\":\"a\",\"scope\":\"system\",\"at\":{\"native\":\"/home/u/.x\"}}"),
	  "apps.d/x.json:1: trees[0].at.native: \"/home/u/.x\" lies in a home, and "
	  "needs the "
	  "scope \"user\"" },
	{ X("{\"name\":\"a\",\"scope\":\"user\",\"at\":{\"native\":\"~/.x\"},"
	    "\"exclude\":[\"ok\",\n"
	    "\"/abs\"]}"),
	  "apps.d/x.json:2: trees[0].exclude[1]: exclude pattern \"/abs\" is absolute" },
	{ X("{\"name\":\"a\",\"scope\":\"user\",\"at\":{\"native\":\"~/.x\"},"
	    "\"exclude\":[\"../y\"]}"),
	  "apps.d/x.json:1: trees[0].exclude[0]: exclude pattern \"../y\" holds the "
	  "component "
	  "\".\" or \"..\"" },
	{ X("{\"name\":\"a\",\"scope\":\"user\",\"at\":{\"native\":\"~/.x\"},"
	    "\"exclude\":[1]}"),
	  "apps.d/x.json:1: trees[0].exclude[0]: must be a string" },
	{ HEAD "\"trees\":[" TREE("a", "~/.x") "],\n\"match\":{\"flatpak\":[\"x\"]}}",
	  "apps.d/x.json:2: match.flatpak[0]: \"x\" is no name" },
	{ HEAD "\"trees\":[" TREE("a", "~/.x") "],\"match\":{\"deb\":[\"\"]}}",
	  "apps.d/x.json:1: match.deb[0]: \"\" is no name" },
	{ HEAD "\"trees\":[" TREE("a", "~/.x") "],\"name\":\"\"}",
	  "apps.d/x.json:1: name: must have 1 to 200 bytes" },
	{ HEAD "\"trees\":[" TREE("a", "~/.x") "],\"kind\":\"game\"}",
	  "apps.d/x.json:1: kind: \"game\" is not one of desktop, service, cli, "
	  "container, "
	  "virtual" },
	{ HEAD "\"trees\":[" TREE("a", "~/.x") "],\"quiesce\":{\"timeout\":\"3\"}}",
	  "apps.d/x.json:1: quiesce.timeout: must be a number" },
	{ HEAD "\"trees\":[" TREE("a", "~/.x") "],\"dump\":[{\"name\":\"a\"}]}",
	  "apps.d/x.json:1: dump[0]: \"exec\" is missing" },
};

START_TEST(definition_names_file_line_and_key_of_a_fault)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct definition *d = NULL;

	ck_assert_int_eq(parse(faults[_i].text, 0, &d, &err), -1);
	ck_assert_ptr_null(d);
	ck_assert_int_eq(err.kind, ERR_CORRUPT);
	ck_assert_str_eq(err_message(&err), faults[_i].message);
}

END_TEST

START_TEST(definition_refuses_what_is_no_strict_json)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct definition *d = NULL;

	ck_assert_fails(parse("{\n\"format\":1,\n}", 0, &d, &err), &err, ERR_CORRUPT,
			"apps.d/x.json: line 3");
	ck_assert_fails(parse("// x\n{}", 0, &d, &err), &err, ERR_CORRUPT,
			"apps.d/x.json: line 1");
	ck_assert_fails(parse("", 0, &d, &err), &err, ERR_CORRUPT, "apps.d/x.json: ");
	ck_assert_fails(parse("{\"format\":1,\n\"format\":1}", 0, &d, &err), &err,
			ERR_CORRUPT, "apps.d/x.json: line 2");
	ck_assert_fails(parse("{\"format\":1,\n\"format\":1}", 0, &d, &err), &err,
			ERR_CORRUPT, "\"format\"");
	ck_assert_fails(parse("{\"id\":\"\xff\"}", 0, &d, &err), &err, ERR_CORRUPT,
			"apps.d/x.json: not UTF-8");
	ck_assert_ptr_null(d);
}

END_TEST

START_TEST(definition_refuses_deep_and_large_texts)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	struct definition *d = NULL;

	for (int i = 0; i < 1000; i++)
		ck_assert_ok(buf_add_byte(&text, '[', &err), &err);
	ck_assert_fails(parse(text.data, 0, &d, &err), &err, ERR_CORRUPT,
			"apps.d/x.json: ");
	buf_clear(&text);
	ck_assert_ok(buf_add_str(&text, "{\"a\":\"", &err), &err);
	while (text.len <= DEFINITION_MAX)
		ck_assert_ok(buf_add_str(&text, "0123456789abcdef", &err), &err);
	ck_assert_ok(buf_add_str(&text, "\"}", &err), &err);
	ck_assert_fails(parse(text.data, 0, &d, &err), &err, ERR_CORRUPT,
			"apps.d/x.json: ");
	buf_clear(&text);
	ck_assert_ok(buf_add_str(&text, HEAD "\"trees\":[", &err), &err);
	for (int i = 0; i <= DEFINITION_TREES_MAX; i++)
		ck_assert_ok(buf_printf(&text, &err, "%s" TREE("t%d", "~/.x%d"),
					i ? "," : "", i, i),
			     &err);
	ck_assert_ok(buf_add_str(&text, "]}", &err), &err);
	ck_assert_fails(parse(text.data, 0, &d, &err), &err, ERR_CORRUPT,
			"apps.d/x.json:1: trees: more than 64");
	ck_assert_ptr_null(d);
}

END_TEST

START_TEST(definition_ids_keep_the_grammar)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	static const char text[] = X(TREE("a", "~/.x"));
	char id[DEFINITION_ID_MAX + 2];
	struct definition *d = NULL;

	memset(id, 'a', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	ck_assert(!definition_id_is_legal(id));
	id[sizeof(id) - 2] = '\0';
	ck_assert(definition_id_is_legal(id));
	ck_assert(definition_id_is_legal("g++-12.x"));
	ck_assert(!definition_id_is_legal(""));
	ck_assert(!definition_id_is_legal(".x"));
	ck_assert(!definition_id_is_legal("a b"));
	ck_assert(!definition_id_is_legal("a:b"));
	ck_assert_fails(definition_parse(text, strlen(text), "a b.json", "a b", 0, NULL,
					 &d, &err),
			&err, ERR_CORRUPT, "a b.json: \"a b\" cannot name an app");
}

END_TEST

static const struct fault user_faults[] = {
	{ X("{\"name\":\"a\",\n\"scope\":\"system\",\"at\":{\"native\":\"/etc/x\"}}"),
	  "apps.d/x.json:2: trees[0].scope: only definitions of the system may name "
	  "system data" },
	{ HEAD "\"trees\":[" TREE(
		  "a", "~/.x") "],\n\"dump\":[{\"name\":\"a\",\"exec\":[\"rm\"]}]}",
	  "apps.d/x.json:2: dump: only definitions of the system may run programs" },
	{ HEAD "\"trees\":[" TREE("a", "~/.x") "],\"quiesce\":{\"units\":[\"a\"]}}",
	  "apps.d/x.json:1: quiesce.units: only definitions of the system may name "
	  "units" },
	{ HEAD "\"trees\":[" TREE("a", "~/.x") "],\"quiesce\":{\"user_units\":[\"a\"]}}",
	  "apps.d/x.json:1: quiesce.user_units: only definitions of the system may "
	  "name units" },
};

START_TEST(definition_of_a_person_is_about_his_home)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(definition_freep) struct definition *d = NULL;

	ck_assert_int_eq(parse(user_faults[_i].text, DEFINITION_USER, &d, &err), -1);
	ck_assert_int_eq(err.kind, ERR_CORRUPT);
	ck_assert_str_eq(err_message(&err), user_faults[_i].message);
	err_clear(&err);
	ck_assert_ok(parse(user_faults[_i].text, 0, &d, &err), &err);
}

END_TEST

START_TEST(definition_of_a_person_may_leave_lists_empty)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(definition_freep) struct definition *d = NULL;

	ck_assert_ok(parse(HEAD "\"dump\":[],\"quiesce\":{\"units\":[]},\"trees\":[" TREE(
				   "a", "$XDG_CONFIG_HOME/x") "]}",
			   DEFINITION_USER, &d, &err),
		     &err);
	ck_assert_uint_eq(d->n_trees, 1);
}

END_TEST

/* ---- Drop-ins */

/* A definition of x with the trees a (~/.x) and b (~/.y, cache). */
static struct definition *make_base(struct err *err)
{
	struct definition *d = NULL;

	ck_assert_ok(
		parse("{\"format\":1,\"id\":\"x\",\"name\":\"Old\",\"match\":{\"deb\":["
		      "\"x\"]},"
		      "\"trees\":[{\"name\":\"a\",\"scope\":\"user\",\"at\":{"
		      "\"native\":\"~/.x\"},"
		      "\"exclude\":[\"one\"]}]}",
		      0, &d, err),
		err);
	return d;
}

/* Merges a drop-in into the base. */
static int merge(const char *text, struct definition **ret, struct err *err)
{
	_cleanup_(definition_freep) struct definition *d = make_base(err);
	_cleanup_(definition_freep) struct definition *more = NULL;

	ck_assert_ok(definition_parse(text, strlen(text), "x.json.d/m.json", "x",
				      DEFINITION_DROP_IN, NULL, &more, err),
		     err);
	if (definition_merge(d, more, err) < 0)
		return -1;
	*ret = TAKE_PTR(d);
	return 0;
}

START_TEST(drop_in_adds_to_lists)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(definition_freep) struct definition *d = NULL;
	const struct definition_tree *t;

	ck_assert_ok(merge("{\"name\":\"New\",\"match\":{\"deb\":[\"x2\"],\"flatpak\":["
			   "\"a.b.C\"]},"
			   "\"trees\":[{\"name\":\"a\",\"exclude\":[\"two/\"]},"
			   "{\"name\":\"c\",\"role\":\"state\",\"scope\":\"system\","
			   "\"at\":{\"native\":\"/var/lib/x\"},\"exclude\":[\"q\"]}]}",
			   &d, &err),
		     &err);
	ck_assert_str_eq(d->name, "New");
	ck_assert_uint_eq(d->deb.n, 2);
	ck_assert_str_eq(d->deb.items[1], "x2");
	ck_assert_str_eq(d->flatpak.items[0], "a.b.C");
	t = definition_tree(d, "a");
	ck_assert_uint_eq(t->exclude.n, 2);
	ck_assert_str_eq(t->exclude.items[1], "two/");
	ck_assert_str_eq(t->at[PACKAGING_NATIVE], "~/.x");
	t = definition_tree(d, "c");
	ck_assert(!t->user_scope && t->saved);
	ck_assert_int_eq(t->role, ROLE_STATE);
	ck_assert_str_eq(t->at[PACKAGING_NATIVE], "/var/lib/x");
	ck_assert_str_eq(t->exclude.items[0], "q");
	ck_assert_str_eq(t->file, "x.json.d/m.json");
}

END_TEST

START_TEST(drop_in_keeps_the_rules)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct definition *d = NULL;

	ck_assert_fails(
		merge("{\n\"trees\":[{\"name\":\"z\",\"exclude\":[\"two\"]}]}", &d, &err),
		&err, ERR_CORRUPT,
		"x.json.d/m.json:2: trees.name: there is no tree \"z\" to add to");
	ck_assert_fails(merge("{\"trees\":[" TREE("a", "~/.z") "]}", &d, &err), &err,
			ERR_CORRUPT,
			"x.json.d/m.json:1: trees.name: \"a\" is given twice");
	ck_assert_fails(merge("{\"trees\":[" TREE("z", "~/.x/z") "]}", &d, &err), &err,
			ERR_CORRUPT,
			"x.json.d/m.json:1: trees.at.native: \"~/.x/z\" of tree");
	ck_assert_fails(parse("{\"format\":2}", DEFINITION_DROP_IN, &d, &err), &err,
			ERR_CORRUPT, "apps.d/x.json:1: format: this version");
	ck_assert_fails(parse("{\"id\":\"y\"}", DEFINITION_DROP_IN, &d, &err), &err,
			ERR_CORRUPT, "apps.d/x.json:1: id: \"y\" is not");
	ck_assert_fails(
		parse("{\"trees\":[{\"exclude\":[]}]}", DEFINITION_DROP_IN, &d, &err),
		&err, ERR_CORRUPT, "apps.d/x.json:1: trees[0]: \"name\" is missing");
	ck_assert_fails(
		parse("{\"trees\":[{\"name\":\"a\",\"at\":{\"native\":\"~/.x\"}}]}",
		      DEFINITION_DROP_IN, &d, &err),
		&err, ERR_CORRUPT, "apps.d/x.json:1: trees[0]: \"scope\" is missing");
	ck_assert_fails(parse("{\"trees\":[{\"name\":\"a\",\"scope\":\"system\"}]}",
			      DEFINITION_DROP_IN | DEFINITION_USER, &d, &err),
			&err, ERR_CORRUPT,
			"trees[0].scope: only definitions of the system");
	ck_assert_ptr_null(d);
}

END_TEST

START_TEST(drop_in_cannot_exceed_the_number_of_trees)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	struct definition *d = NULL;

	ck_assert_ok(buf_add_str(&text, "{\"trees\":[", &err), &err);
	for (int i = 0; i < DEFINITION_TREES_MAX; i++)
		ck_assert_ok(buf_printf(&text, &err, "%s" TREE("t%d", "~/.t%d"),
					i ? "," : "", i, i),
			     &err);
	ck_assert_ok(buf_add_str(&text, "]}", &err), &err);
	ck_assert_fails(merge(text.data, &d, &err), &err, ERR_CORRUPT,
			"x.json.d/m.json:1: trees: more than 64");
}

END_TEST

/* ---- What is shipped */

/* The directory data/ of the source. */
static const char *data_dir(void)
{
	static char path[4096];
	const char *top = getenv("abs_top_srcdir");

	snprintf(path, sizeof(path), "%s/data", top ? top : ".");
	return path;
}

START_TEST(definition_of_every_shipped_app_is_good)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(support_events_done) struct support_events events = SUPPORT_EVENTS_INIT;
	struct observer observer = support_events_observer(&events);
	char path[5000];
	size_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/apps.d", data_dir());
	dir = opendir(path);
	ck_assert_ptr_nonnull(dir);
	for (const struct dirent *e; (e = readdir(dir));) {
		_cleanup_(definition_freep) struct definition *d = NULL;
		_cleanup_free_ char *text = NULL, *id = NULL;
		size_t len;

		if (e->d_name[0] == '.')
			continue;
		id = strdup(e->d_name);
		ck_assert(strlen(id) > 5 && strcmp(id + strlen(id) - 5, ".json") == 0);
		id[strlen(id) - 5] = '\0';
		text = support_read(dirfd(dir), e->d_name, &len);
		ck_assert_ok(definition_parse(text, len, e->d_name, id, 0, &observer, &d,
					      &err),
			     &err);
		ck_assert_msg(d->name != NULL, "%s has no name", id);
		n++;
	}
	closedir(dir);
	ck_assert_uint_ge(n, 12);
	ck_assert_str_eq(support_events_text(&events), "");
}

END_TEST

/* Follows {"$ref": "#/$defs/NAME"}, an array's items, and oneOf [null, X]. */
static const struct json *resolve(const struct json *schema, const struct json *node)
{
	for (;;) {
		const struct json *ref = json_get(node, "$ref"),
				  *one = json_get(node, "oneOf");
		const struct json *items = json_get(node, "items");

		if (ref)
			node = json_get(json_get(schema, "$defs"),
					json_to_str(ref) + strlen("#/$defs/"));
		else if (one)
			node = one->items[1];
		else if (items)
			node = items;
		else
			return node;
		ck_assert_ptr_nonnull(node);
	}
}

/* Both must have the same keys, words and required keys. */
static void compare_with_schema(const struct json *schema, const struct json *node,
				const struct shape *table)
{
	const struct json *properties = json_get(node, "properties");
	const struct json *required = json_get(node, "required");
	size_t n = 0, n_required = 0;

	ck_assert_ptr_nonnull(properties);
	for (; table->key; table++, n++) {
		const struct json *property = json_get(properties, table->key);
		size_t n_words = 0;

		ck_assert_msg(property != NULL, "%s is not in the schema", table->key);
		n_required += table->required;
		property = resolve(schema, property);
		if (table->shape)
			compare_with_schema(schema, property, table->shape);
		if (!table->words)
			continue;
		while (table->words[n_words]) {
			ck_assert_str_eq(json_get(property, "enum")->items[n_words]->text,
					 table->words[n_words]);
			n_words++;
		}
		ck_assert_uint_eq(json_get(property, "enum")->n, n_words);
	}
	ck_assert_uint_eq(properties->n, n);
	ck_assert_uint_eq(required ? required->n : 0, n_required);
}

START_TEST(definition_schema_says_what_the_parser_does)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(json_freep) struct json *schema = NULL;
	_cleanup_free_ char *text = NULL;
	char path[5000];
	size_t len;

	snprintf(path, sizeof(path), "%s/apps.schema.json", data_dir());
	text = support_read(AT_FDCWD, path, &len);
	ck_assert_ok(json_parse(text, len, &(struct json_limits){ 0, 0 }, &schema, &err),
		     &err);
	compare_with_schema(schema, schema, definition_format);
}

END_TEST

START_TEST(packagings_have_names)
{
	ck_assert_str_eq(packaging_name(PACKAGING_FLATPAK), "flatpak");
	ck_assert_int_eq(packaging_of_name("snap:x", 4), PACKAGING_SNAP);
	ck_assert_int_eq(packaging_of_name("native", 6), PACKAGING_NATIVE);
	ck_assert_int_eq(packaging_of_name("nativ", 5), -1);
	ck_assert_int_eq(packaging_of_name("", 0), -1);
	ck_assert_str_eq(tree_role_name(ROLE_STATE), "state");
}

END_TEST

Suite *suite_definition(void)
{
	Suite *s = suite_create("definition");
	TCase *tc = support_tcase(s, "parse");

	tcase_add_test(tc, definition_keeps_what_it_says);
	tcase_add_test(tc, definition_takes_all_keys_of_the_format);
	tcase_add_test(tc, definition_warns_of_unknown_keys);
	tcase_add_loop_test(tc, definition_names_file_line_and_key_of_a_fault, 0,
			    sizeof(faults) / sizeof(*faults));
	tcase_add_test(tc, definition_refuses_what_is_no_strict_json);
	tcase_add_test(tc, definition_refuses_deep_and_large_texts);
	tcase_add_test(tc, definition_ids_keep_the_grammar);
	tcase_add_loop_test(tc, definition_of_a_person_is_about_his_home, 0,
			    sizeof(user_faults) / sizeof(*user_faults));
	tcase_add_test(tc, definition_of_a_person_may_leave_lists_empty);
	tc = support_tcase(s, "drop-ins");
	tcase_add_test(tc, drop_in_adds_to_lists);
	tcase_add_test(tc, drop_in_keeps_the_rules);
	tcase_add_test(tc, drop_in_cannot_exceed_the_number_of_trees);
	tc = support_tcase(s, "shipped");
	tcase_add_test(tc, definition_of_every_shipped_app_is_good);
	tcase_add_test(tc, definition_schema_says_what_the_parser_does);
	tcase_add_test(tc, packagings_have_names);
	return s;
}
