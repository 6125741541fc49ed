/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/snapshot.h"

#include <inttypes.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"

/* Of one archive; definitions have a handful. */
#define TREES_MAX 1024

/* ---- The object ---- */

void snapshot_init(struct snapshot *s)
{
	memset(s, 0, sizeof(*s));
	s->time = (struct stamp)STAMP_ZERO;
}

static void free_strings(char **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

static void free_skips(struct snapshot_skip *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(list[i].path);
		free(list[i].why);
	}
	free(list);
}

static void archive_done(struct snapshot_archive *a)
{
	for (size_t i = 0; i < a->n_trees; i++) {
		free(a->trees[i].name);
		free(a->trees[i].path);
		free(a->trees[i].resolved);
		free_strings(a->trees[i].exclude, a->trees[i].n_exclude);
	}
	free(a->trees);
	free_skips(a->skipped, a->n_skipped);
	free_skips(a->changed, a->n_changed);
	free(a->name);
	free(a->user);
	free(a->home);
}

void snapshot_drop_archives(struct snapshot *s)
{
	for (size_t i = 0; i < s->n_archives; i++)
		archive_done(&s->archives[i]);
	free(s->archives);
	s->archives = NULL;
	s->n_archives = 0;
	s->size = 0;
}

void snapshot_done(struct snapshot *s)
{
	char *const strings[] = { s->snap,    s->revision, s->snap_id,    s->summary,
				  s->version, s->conf,     s->broken,     s->packaging,
				  s->host,    s->taken,    s->machine_id, s->name,
				  s->note,    s->reason };

	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		free(strings[i]);
	free_strings(s->exclude, s->n_exclude);
	snapshot_drop_archives(s);
	snapshot_init(s);
}

int snapshot_new(struct snapshot **ret, struct err *err)
{
	struct snapshot *s = alloc_zero(1, sizeof(*s), err);

	if (!s)
		return -1;
	snapshot_init(s);
	*ret = s;
	return 0;
}

void snapshot_free(struct snapshot *s)
{
	if (!s)
		return;
	snapshot_done(s);
	free(s);
}

/* Index of the archive of that name, or where it would stand. */
static size_t find_archive(const struct snapshot *s, const char *name, bool *ret_found)
{
	size_t low = 0, high = s->n_archives;

	*ret_found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(s->archives[middle].name, name);
		if (order == 0)
			*ret_found = true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int snapshot_add_archive(struct snapshot *s, const char *name,
			 struct snapshot_archive **ret, struct err *err)
{
	bool found;
	size_t at = find_archive(s, name, &found);

	if (found)
		return err_set(err, ERR_EXISTS, "there is an archive %s already",
			       q(name));
	struct snapshot_archive *list =
		alloc_resize(s->archives, s->n_archives + 1, sizeof(*list), err);
	if (!list)
		return -1;
	s->archives = list;
	char *copy = alloc_strdup(name, err);
	if (!copy)
		return -1;
	memmove(&list[at + 1], &list[at], (s->n_archives - at) * sizeof(*list));
	memset(&list[at], 0, sizeof(list[at]));
	list[at].name = copy;
	s->n_archives++;
	*ret = &list[at];
	return 0;
}

const struct snapshot_archive *snapshot_archive(const struct snapshot *s,
						const char *name)
{
	bool found;
	size_t at = find_archive(s, name, &found);

	return found ? &s->archives[at] : NULL;
}

const char *snapshot_archive_user(const char *member, size_t *ret_len)
{
	static const char prefix[] = "user/", suffix[] = ".tgz";
	size_t n = strlen(member), head = sizeof(prefix) - 1, tail = sizeof(suffix) - 1;

	if (n < head + tail || strncmp(member, prefix, head) != 0 ||
	    strcmp(member + n - tail, suffix) != 0)
		return NULL;
	*ret_len = n - head - tail;
	return member + head;
}

int snapshot_add_tree(struct snapshot_archive *a, struct snapshot_tree **ret,
		      struct err *err)
{
	struct snapshot_tree *list =
		alloc_resize(a->trees, a->n_trees + 1, sizeof(*list), err);

	if (!list)
		return -1;
	a->trees = list;
	memset(&list[a->n_trees], 0, sizeof(*list));
	*ret = &list[a->n_trees++];
	return 0;
}

static int add_skip(struct snapshot_skip **list, size_t *n, const char *path,
		    const char *why, struct err *err)
{
	struct snapshot_skip *grown = alloc_resize(*list, *n + 1, sizeof(*grown), err);

	if (!grown)
		return -1;
	*list = grown;
	_cleanup_free_ char *path_copy = alloc_strdup(path, err);
	if (!path_copy)
		return -1;
	_cleanup_free_ char *why_copy = why ? alloc_strdup(why, err) : NULL;
	if (why && !why_copy)
		return -1;
	grown[*n].path = TAKE_PTR(path_copy);
	grown[*n].why = TAKE_PTR(why_copy);
	(*n)++;
	return 0;
}

int snapshot_add_skipped(struct snapshot_archive *a, const char *path, const char *why,
			 struct err *err)
{
	return add_skip(&a->skipped, &a->n_skipped, path, why, err);
}

int snapshot_add_changed(struct snapshot_archive *a, const char *path, struct err *err)
{
	return add_skip(&a->changed, &a->n_changed, path, NULL, err);
}

int snapshot_add_string(char ***list, size_t *n, const char *string, struct err *err)
{
	char **grown = alloc_resize(*list, *n + 1, sizeof(*grown), err);

	if (!grown)
		return -1;
	*list = grown;
	grown[*n] = alloc_strdup(string, err);
	if (!grown[*n])
		return -1;
	(*n)++;
	return 0;
}

int snapshot_set_conf(struct snapshot *s, const struct json *object, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT_MAX(SNAPSHOT_META_MAX);
	struct json_writer w = JSON_WRITER(&text, err);
	char *conf = NULL;

	if (object && object->type == JSON_OBJECT && object->n > 0) {
		json_value(&w, object);
		if (json_end(&w) < 0)
			return err_wrap(err, "configuration");
		conf = buf_steal(&text, err);
		if (!conf)
			return -1;
	}
	free(s->conf);
	s->conf = conf;
	return 0;
}

/* ---- Validity ---- */

static bool is_lower_hex(const char *s, size_t n)
{
	return strlen(s) == n && strspn(s, "0123456789abcdef") == n;
}

static bool is_snap(const struct snapshot *s)
{
	return strcmp(s->packaging, SNAPSHOT_SNAP) == 0;
}

static int validate_tree(const struct snapshot *s, const struct snapshot_archive *a,
			 size_t i, struct err *err)
{
	const char *name = a->trees[i].name;
	bool legal = is_snap(s) ? strcmp(name, "common") == 0 ||
					  snapshot_revision_is_legal(name)
				: snapshot_tree_is_legal(name);

	if (!legal)
		return err_set(err, ERR_CORRUPT, "the tree name %s is not legal",
			       q(name));
	for (size_t k = 0; k < i; k++) {
		if (strcmp(a->trees[k].name, name) == 0)
			return err_set(err, ERR_CORRUPT, "the tree %s is there twice",
				       q(name));
	}
	return 0;
}

static int validate_skips(const struct snapshot_skip *list, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		if (!snapshot_path_is_legal(list[i].path))
			return err_set(err, ERR_CORRUPT, "the path %s is not legal",
				       q(list[i].path));
	}
	return 0;
}

/* What the `setaside` key says of an archive. */
static int validate_details(const struct snapshot *s, const struct snapshot_archive *a,
			    struct err *err)
{
	size_t len = 0;
	const char *user = snapshot_archive_user(a->name, &len);

	/* Whose data it is decides who unpacks it, so the two must not differ. */
	if (!user != !a->user ||
	    (user && (strlen(a->user) != len || memcmp(user, a->user, len) != 0)))
		return err_set(err, ERR_CORRUPT, "its user is said to be %s", q(a->user));
	if (a->n_trees > TREES_MAX)
		return err_set(err, ERR_CORRUPT, "it lists more than %d trees",
			       TREES_MAX);
	for (size_t i = 0; i < a->n_trees; i++) {
		if (validate_tree(s, a, i, err) < 0)
			return -1;
	}
	if (validate_skips(a->skipped, a->n_skipped, err) < 0)
		return -1;
	return validate_skips(a->changed, a->n_changed, err);
}

static int validate_archive(const struct snapshot *s, const struct snapshot_archive *a,
			    struct err *err)
{
	if (!snapshot_member_is_legal(a->name))
		return err_set(err, ERR_CORRUPT, "the archive name %s is not legal",
			       q(a->name));
	if (!is_lower_hex(a->sha3, DIGEST_SHA3_384_HEX))
		return err_set(err, ERR_CORRUPT, "the hash of %s is no SHA3-384",
			       q(a->name));
	if (s->has_own && a->has_details && validate_details(s, a, err) < 0)
		return err_wrap(err, "archive %s", q(a->name));
	return 0;
}

/* The keys that a snapshot cannot be without. */
static int validate_required(const struct snapshot *s, struct err *err)
{
	if (s->set == 0)
		return err_set(err, ERR_CORRUPT, "the set number is missing");
	if (s->set > SNAPSHOT_SET_MAX)
		return err_set(err, ERR_CORRUPT,
			       "the set number %" PRIu64 " is too large", s->set);
	if (!s->snap || !*s->snap)
		return err_set(err, ERR_CORRUPT, "the app's name is missing");
	if (!snapshot_app_is_legal(s->snap))
		return err_set(err, ERR_CORRUPT, "the app's name %s is not legal",
			       q(s->snap));
	if (!s->revision || !*s->revision)
		return err_set(err, ERR_CORRUPT, "the revision is missing");
	if (!snapshot_revision_is_legal(s->revision))
		return err_set(err, ERR_CORRUPT, "the revision %s is not legal",
			       q(s->revision));
	if (stamp_is_zero(&s->time))
		return err_set(err, ERR_CORRUPT, "the time is missing");
	if (s->n_archives == 0)
		return err_set(err, ERR_CORRUPT, "it holds no archive");
	return 0;
}

int snapshot_validate(const struct snapshot *s, struct err *err)
{
	if (validate_required(s, err) < 0)
		return -1;
	if (s->has_own && (!s->packaging ||
			   (strcmp(s->packaging, SNAPSHOT_NATIVE) != 0 &&
			    strcmp(s->packaging, SNAPSHOT_FLATPAK) != 0 && !is_snap(s))))
		return err_set(err, ERR_CORRUPT, "the packaging %s is unknown",
			       q(s->packaging));
	for (size_t i = 0; i < s->n_archives; i++) {
		if (validate_archive(s, &s->archives[i], err) < 0)
			return -1;
	}
	return 0;
}
