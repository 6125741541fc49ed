/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/support_root.h"

#include <stdio.h>

#include "backend/base/fd.h"
#include "tests/unit/support.h"
#include "tests/unit/support_deploy.h"

void support_install_deb(const char *text)
{
	support_file(support_dirfd(), "var/lib/dpkg/status", 0644, text);
}

void support_install_flatpak(const char *id, const char *version)
{
	_cleanup_(buf_done) struct buf blob = BUF_INIT;
	const struct support_deploy_entry entries[] = { { "appdata-version", version,
							  's' } };
	char path[300];

	support_deploy(&blob, "abc", entries, 1);
	snprintf(path, sizeof(path), "var/lib/flatpak/app/%s/current/active/deploy", id);
	support_file_n(support_dirfd(), path, 0644, blob.data, blob.len);
}

void support_install_snap(const char *name, const char *revision, const char *yaml,
			  const char *snapshots_yaml)
{
	char path[300];

	snprintf(path, sizeof(path), "var/snap/%s/%s", name, revision);
	support_mkdir(support_dirfd(), path, 0755);
	snprintf(path, sizeof(path), "var/snap/%s/current", name);
	support_symlink(support_dirfd(), path, revision);
	if (!yaml)
		return;
	snprintf(path, sizeof(path), "snap/%s/%s/meta/snap.yaml", name, revision);
	support_file(support_dirfd(), path, 0644, yaml);
	if (!snapshots_yaml)
		return;
	snprintf(path, sizeof(path), "snap/%s/%s/meta/snapshots.yaml", name, revision);
	support_file(support_dirfd(), path, 0644, snapshots_yaml);
}

void support_define(const char *id, const char *rest)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	char path[300];

	ck_assert_ok(buf_printf(&text, &err, "{\"format\":1,\"id\":\"%s\",%s}", id, rest),
		     &err);
	snprintf(path, sizeof(path), SUPPORT_APPS "%s.json", id);
	support_file(support_dirfd(), path, 0644, text.data);
}

int support_read_snap_meta(void *ctx, int snap_yaml_fd, int snapshots_yaml_fd,
			   struct snap_meta *ret, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	unsigned *calls = ctx;

	if (calls)
		++*calls;
	if (snap_yaml_fd >= 0 &&
	    (fd_read_file(snap_yaml_fd, SNAP_YAML_MAX, &text, err) < 0 ||
	     snap_yaml_parse(text.data, text.len, ret, err) < 0))
		return -1;
	buf_clear(&text);
	if (snapshots_yaml_fd >= 0 &&
	    (fd_read_file(snapshots_yaml_fd, SNAP_YAML_MAX, &text, err) < 0 ||
	     snap_yaml_parse_exclude(text.data, text.len, ret, err) < 0))
		return -1;
	return 0;
}

struct catalog_options support_catalog_options(struct places *places)
{
	*places = (struct places){ .system = true,
				   .other_root = true,
				   .root_fd = support_dirfd() };
	return (struct catalog_options){ .places = places,
					 .read_snap_meta = support_read_snap_meta };
}

struct catalog *support_catalog(const struct catalog_options *options)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct catalog *c = NULL;

	ck_assert_ok(catalog_new(options, &c, &err), &err);
	return c;
}

const struct catalog_app *support_find_app(const struct catalog *c, const char *name)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const struct catalog_app *app = NULL;

	ck_assert_ok(catalog_lookup(c, name, NULL, NULL, &app, &err), &err);
	return app;
}

const char *support_app_trees(const struct catalog_app *app, struct buf *out)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	buf_clear(out);
	for (size_t i = 0; i < app->n_trees; i++) {
		const struct catalog_tree *t = &app->trees[i];

		ck_assert_ok(buf_printf(out, &err, "%s %s %s",
					t->user_scope ? "user" : "system",
					t->archive_path, t->path),
			     &err);
		for (size_t k = 0; k < t->exclude.n; k++)
			ck_assert_ok(buf_printf(out, &err, " %s", t->exclude.items[k]),
				     &err);
		ck_assert_ok(buf_add_byte(out, '\n', &err), &err);
	}
	return out->data ? out->data : "";
}
