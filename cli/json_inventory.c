/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/json_inventory.h"

#include "cli/json_parts.h"

int json_inventory_apps(const struct inventory *i, struct buf *out, struct err *err)
{
	struct json_writer w = JSON_WRITER(out, err);

	json_parts_begin(&w);
	json_key(&w, "apps");
	json_begin_array(&w);
	for (size_t k = 0; k < i->n; k++) {
		const struct inventory_app *app = &i->apps[k];

		json_begin_object(&w);
		json_parts_text(&w, "name", app->name);
		json_parts_text(&w, "packaging", app->packaging);
		json_parts_text(&w, "version", app->version);
		json_parts_text(&w, "revision", app->revision);
		json_parts_list(&w, "users", &app->users);
		json_parts_number(&w, "size", app->size);
		json_parts_text(&w, "summary", app->summary);
		json_end_object(&w);
	}
	json_end_array(&w);
	return json_parts_end(&w);
}

int json_inventory_estimate(const struct inventory *i, struct buf *out, struct err *err)
{
	struct json_writer w = JSON_WRITER(out, err);

	json_parts_begin(&w);
	json_parts_number(&w, "size", i->size);
	json_key(&w, "apps");
	json_begin_array(&w);
	for (size_t k = 0; k < i->n; k++) {
		const struct inventory_app *app = &i->apps[k];

		json_begin_object(&w);
		json_parts_text(&w, "name", app->name);
		json_parts_text(&w, "packaging", app->packaging);
		json_parts_number(&w, "size", app->size);
		json_key(&w, "archives");
		json_begin_object(&w);
		for (size_t a = 0; a < app->n_archives; a++)
			json_parts_number(&w, app->archives[a].member,
					  app->archives[a].size);
		json_end_object(&w);
		json_end_object(&w);
	}
	json_end_array(&w);
	return json_parts_end(&w);
}

int json_inventory_users(const struct user_list *list, struct buf *out, struct err *err)
{
	struct json_writer w = JSON_WRITER(out, err);

	json_parts_begin(&w);
	json_key(&w, "users");
	json_begin_array(&w);
	for (size_t i = 0; i < list->n; i++) {
		const struct user *user = &list->users[i];

		json_begin_object(&w);
		json_parts_text(&w, "name", user->name);
		json_parts_number(&w, "uid", user->uid);
		json_parts_number(&w, "gid", user->gid);
		json_parts_text(&w, "home", user->home);
		json_end_object(&w);
	}
	json_end_array(&w);
	return json_parts_end(&w);
}
