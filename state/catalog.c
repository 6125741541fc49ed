/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/catalog.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "backend/base/suggest.h"
#include "backend/names.h"
#include "state/catalog_internal.h"
#include "state/flatpak.h"

void catalog_free(struct catalog *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++)
		catalog_app_free(c->apps[i]);
	free(c->apps);
	definitions_free(c->definitions);
	snap_state_free(c->snap_state);
	free(c->home);
	free(c->config_home);
	free(c->data_home);
	free(c->state_home);
	free(c->cache_home);
	free(c);
}

static int compare_to(const struct catalog_app *app, const char *name, enum packaging p)
{
	int order = strcmp(app->name, name);

	return order ? order : (int)app->packaging - (int)p;
}

/* Where the app of that name and packaging is, or would have to be. */
static size_t position(const struct catalog *c, const char *name, enum packaging p)
{
	size_t low = 0, high = c->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_to(c->apps[middle], name, p) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct catalog_app *find(const struct catalog *c, const char *name,
				enum packaging p)
{
	size_t at = position(c, name, p);

	return at < c->n && compare_to(c->apps[at], name, p) == 0 ? c->apps[at] : NULL;
}

/* Puts an app, which may be NULL, into its place, instead of one of the same name and
 * packaging; the catalog owns it on success. */
static int put(struct catalog *c, struct catalog_app **app, struct err *err)
{
	size_t at;

	if (!*app)
		return 0;
	at = position(c, (*app)->name, (*app)->packaging);
	if (at < c->n && compare_to(c->apps[at], (*app)->name, (*app)->packaging) == 0) {
		catalog_app_free(c->apps[at]);
	} else {
		if (alloc_grow(&c->apps, c->n, &c->cap, sizeof(struct catalog_app *),
			       err) < 0)
			return -1;
		memmove(&c->apps[at + 1], &c->apps[at],
			(c->n - at) * sizeof(struct catalog_app *));
		c->n++;
	}
	c->apps[at] = TAKE_PTR(*app);
	return 0;
}

static int add_native(struct catalog *c, struct err *err)
{
	_cleanup_(packages_freep) struct packages *packages = NULL;

	if (packages_load(c->places->root_fd, &packages, err) < 0)
		return -1;
	for (size_t i = 0; i < definitions_count(c->definitions); i++) {
		_cleanup_(catalog_app_freep) struct catalog_app *app = NULL;

		if (catalog_make_native(c, definitions_at(c->definitions, i), packages,
					&app, err) < 0 ||
		    put(c, &app, err) < 0)
			return -1;
	}
	return 0;
}

static int add_flatpaks(struct catalog *c, struct err *err)
{
	_cleanup_(flatpak_list_done) struct flatpak_list list = FLATPAK_LIST_INIT;

	if (flatpak_list_read(c->places->root_fd, c->observer, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++) {
		_cleanup_(catalog_app_freep) struct catalog_app *app = NULL;
		const struct flatpak_app *from = &list.apps[i];

		if (catalog_make_flatpak(c, from->id, from->version, from->summary, &app,
					 err) < 0)
			return -1;
		app->installed = true;
		if (put(c, &app, err) < 0)
			return -1;
	}
	return 0;
}

/* What snapd remembers; a record that cannot be read leaves ids and configurations
 * unknown. */
static int load_snap_state(struct catalog *c, struct err *err)
{
	_cleanup_(err_clear) struct err reason = ERR_INIT;

	if (snap_state_load(c->places->root_fd, &c->snap_state, &reason) == 0)
		return 0;
	if (!err_is(&reason, ERR_CORRUPT) && !err_is(&reason, ERR_NO_SPACE))
		return err_move(err, &reason);
	observer_warn(c->observer, NULL,
		      "ids and configuration of snaps are not known: %s",
		      err_message(&reason));
	return snap_state_new(&c->snap_state, err);
}

/* Asks snapd for what its record does not show to the caller. */
static int ask_snapd(struct catalog *c, const char *socket, struct err *err)
{
	if (!socket && !c->places->other_root)
		socket = SNAP_SOCKET;
	if (!socket || !snap_state_is_hidden(c->snap_state) ||
	    snap_state_ask(c->snap_state, socket, c->observer, err) == 0)
		return 0;
	if (!err_is(err, ERR_CORRUPT) && !err_is(err, ERR_NO_SPACE) &&
	    !err_is(err, ERR_IO))
		return -1;
	observer_warn(c->observer, NULL, "ids of snaps are not known: %s",
		      err_message(err));
	err_clear(err); /* they can be saved without */
	return 0;
}

static int add_snaps(struct catalog *c, const char *socket, struct err *err)
{
	_cleanup_(snap_list_done) struct snap_list list = SNAP_LIST_INIT;

	if (load_snap_state(c, err) < 0 ||
	    snap_list_read(c->places->root_fd, c->snap_state, c->observer, &list, err) <
		    0)
		return -1;
	if (list.n > 0 && ask_snapd(c, socket, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++) {
		_cleanup_(catalog_app_freep) struct catalog_app *app = NULL;

		if (catalog_make_snap(c, list.snaps[i].name, list.snaps[i].revision, &app,
				      err) < 0 ||
		    put(c, &app, err) < 0)
			return -1;
	}
	return 0;
}

/* The caller's variables count for his own data only. */
static int copy_xdg(struct catalog *c, const struct catalog_options *o, struct err *err)
{
	if (o->places->system)
		return 0;
	if (catalog_set(&c->home, o->home, err) < 0 ||
	    catalog_set(&c->config_home, o->xdg_config_home, err) < 0 ||
	    catalog_set(&c->data_home, o->xdg_data_home, err) < 0 ||
	    catalog_set(&c->state_home, o->xdg_state_home, err) < 0 ||
	    catalog_set(&c->cache_home, o->xdg_cache_home, err) < 0)
		return -1;
	c->xdg = (struct xdg){ c->home, c->config_home, c->data_home, c->state_home,
			       c->cache_home };
	return 0;
}

int catalog_new(const struct catalog_options *options, struct catalog **ret,
		struct err *err)
{
	_cleanup_(catalog_freep) struct catalog *c = alloc_zero(1, sizeof(*c), err);
	const struct definitions_options search = {
		.rootfd = options->places->root_fd,
		.system = options->places->system,
		.user_dir = options->places->user_definitions,
		.data_dir = options->data_dir,
		.observer = options->observer,
	};

	if (!c)
		return -1;
	c->places = options->places;
	c->read_snap_meta = options->read_snap_meta;
	c->read_ctx = options->read_ctx;
	c->observer = options->observer;
	if (copy_xdg(c, options, err) < 0 ||
	    definitions_load(&search, &c->definitions, err) < 0 ||
	    add_native(c, err) < 0 || add_flatpaks(c, err) < 0 ||
	    add_snaps(c, options->snapd_socket, err) < 0)
		return -1;
	*ret = TAKE_PTR(c);
	return 0;
}

int catalog_add_home_flatpak(struct catalog *c, const char *id, const char *version,
			     const char *summary, struct err *err)
{
	_cleanup_(catalog_app_freep) struct catalog_app *app = NULL;
	const struct catalog_app *known;

	if (!flatpak_id_is_legal(id))
		return 0;
	known = find(c, id, PACKAGING_FLATPAK);
	/* An installation in a home knows what data alone did not say. */
	if (known && (*known->version || !version || !*version))
		return 0;
	if (catalog_make_flatpak(c, id, version, summary, &app, err) < 0)
		return -1;
	app->installed = version != NULL || (known && known->installed);
	app->home_only = !known || known->home_only;
	return put(c, &app, err) < 0 ? -1 : 1;
}

int catalog_add_home_snap(struct catalog *c, const char *name, const char *revision,
			  struct err *err)
{
	_cleanup_(catalog_app_freep) struct catalog_app *app = NULL;
	const struct catalog_app *known;

	if (!snap_name_is_legal(name) || !snapshot_revision_is_legal(revision))
		return 0;
	known = find(c, name, PACKAGING_SNAP);
	if (known &&
	    (!known->home_only || snap_revision_compare(revision, known->revision) <= 0))
		return 0;
	if (catalog_make_snap(c, name, revision, &app, err) < 0)
		return -1;
	if (!app)
		return 0;
	app->home_only = true;
	return put(c, &app, err) < 0 ? -1 : 1;
}

size_t catalog_unread(const struct catalog *c)
{
	return definitions_unread(c->definitions);
}

size_t catalog_count(const struct catalog *c)
{
	return c->n;
}

const struct catalog_app *catalog_at(const struct catalog *c, size_t i)
{
	return c->apps[i];
}

/* The apps that a name on a command line may mean. */
struct choice {
	const struct catalog_app *apps[PACKAGING_N];
	size_t n;
};

/* Takes PACKAGING: off the name: the packaging, or -1 for any. */
static int split_name(const char **name)
{
	const char *colon = strchr(*name, ':');
	int packaging = colon ? packaging_of_name(*name, (size_t)(colon - *name)) : -1;

	if (packaging >= 0)
		*name = colon + 1;
	return packaging;
}

static struct choice choose(const struct catalog *c, const char *name, int packaging)
{
	struct choice choice = { .n = 0 };

	for (int p = 0; p < PACKAGING_N; p++) {
		const struct catalog_app *app = NULL;

		if (packaging < 0 || packaging == p)
			app = find(c, name, (enum packaging)p);
		if (app)
			choice.apps[choice.n++] = app;
	}
	return choice;
}

/* Leaves those that are here, unless none is: then the first. */
static void narrow(struct choice *choice,
		   bool (*is_here)(void *ctx, const struct catalog_app *app), void *ctx)
{
	size_t n = 0;

	if (choice->n < 2 || !is_here)
		return;
	for (size_t i = 0; i < choice->n; i++) {
		if (is_here(ctx, choice->apps[i]))
			choice->apps[n++] = choice->apps[i];
	}
	choice->n = n ? n : 1;
}

/* -1 where the app that is meant has a definition that is wrong. */
static int check_definition(const struct catalog *c, const char *name, struct err *err)
{
	const struct definition *d;

	if (definitions_find(c->definitions, name, &d, err) < 0 &&
	    !err_is(err, ERR_CORRUPT))
		err_clear(err); /* no definition: then another packaging has it */
	return err_is(err, ERR_NONE) ? 0 : -1;
}

/* -1, with the name that may have been meant. */
static int fail_unknown(const struct catalog *c, const char *name, const char *bare,
			struct err *err)
{
	struct suggest s = SUGGEST(bare);

	for (size_t i = 0; i < c->n; i++)
		suggest_offer(&s, c->apps[i]->name);
	(void)err_set(err, ERR_NOT_FOUND, "there is no app %s", q(name));
	return s.best ? err_hint(err, "did you mean %s?", q(s.best))
		      : err_hint(err, "\"apps\" lists those that are here");
}

int catalog_lookup(const struct catalog *c, const char *name,
		   bool (*is_here)(void *ctx, const struct catalog_app *app), void *ctx,
		   const struct catalog_app **ret, struct err *err)
{
	const char *bare = name;
	int packaging = split_name(&bare);
	struct choice choice = choose(c, bare, packaging);

	if ((packaging < 0 || packaging == PACKAGING_NATIVE) &&
	    check_definition(c, bare, err) < 0)
		return -1;
	narrow(&choice, is_here, ctx);
	if (choice.n == 0)
		return fail_unknown(c, name, bare, err);
	if (choice.n > 1) {
		(void)err_set(err, ERR_USAGE, "%s is the name of more than one app",
			      q(name));
		return err_hint(err, "say %s:%s or %s:%s",
				packaging_name(choice.apps[0]->packaging), bare,
				packaging_name(choice.apps[1]->packaging), bare);
	}
	*ret = choice.apps[0];
	return 0;
}
