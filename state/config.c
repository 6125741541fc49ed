/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/config.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/cleanup.h"
#include "backend/base/fd.h"
#include "backend/base/quote.h"
#include "backend/base/stamp.h"
#include "backend/base/strings.h"
#include "backend/tree/fingerprint.h"
#include "state/rooted.h"

#define CONFIG_FILE "setaside.conf"
#define CONFIG_DIR  "setaside.conf.d"
#define SUFFIX      ".conf"
#define FILE_MAX    ((size_t)64 << 10)
#define DAY         ((int64_t)24 * 60 * 60)

void config_init(struct config *c)
{
	*c = (struct config){
		.keep_for = 7 * DAY,
		.automatic_retention = 31 * DAY,
		.reserve = { CONFIG_RESERVE_DEFAULT, 0 },
		.compress = CONFIG_FAST,
		.wait = 10,
		.settle = CONFIG_SETTLE_DERIVED,
	};
}

/* ---- Values ---- */

/* keep-for */
static int put_keep_for(struct config *c, const char *value, struct err *err)
{
	return stamp_parse_duration(value, &c->keep_for, err);
}

/* automatic-retention */
static int put_automatic_retention(struct config *c, const char *value, struct err *err)
{
	int64_t seconds;

	if (stamp_parse_duration(value, &seconds, err) < 0)
		return -1;
	if (seconds >= 0 && seconds < DAY)
		return err_set(err, ERR_USAGE, "%s is less than 24h", q(value));
	c->automatic_retention = seconds;
	return 0;
}

/* A number of percent, 0 to 99, of which the sign was cut off. */
static bool parse_percent(const char *text, size_t len, uint64_t *ret)
{
	uint64_t n = 0;

	if (len < 1 || len > 2)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(text[i] - '0');
	}
	*ret = n;
	return true;
}

/* reserve */
static int put_reserve(struct config *c, const char *value, struct err *err)
{
	size_t len = strlen(value);
	uint64_t amount;

	if (len > 0 && value[len - 1] == '%') {
		if (!parse_percent(value, len - 1, &amount))
			return err_set(err, ERR_USAGE, "%s is not between 0%% and 99%%",
				       q(value));
		c->reserve = (struct config_reserve){ CONFIG_RESERVE_PERCENT, amount };
		return 0;
	}
	if (stamp_parse_size(value, &amount, err) < 0)
		return err_hint(err,
				"a size such as \"500M\", or percent such as \"5%%\"");
	c->reserve = (struct config_reserve){ CONFIG_RESERVE_BYTES, amount };
	return 0;
}

/* compress */
static int put_compress(struct config *c, const char *value, struct err *err)
{
	if (strcmp(value, "fast") == 0)
		c->compress = CONFIG_FAST;
	else if (strcmp(value, "small") == 0)
		c->compress = CONFIG_SMALL;
	else
		return err_set(err, ERR_USAGE, "%s is neither \"fast\" nor \"small\"",
			       q(value));
	return 0;
}

/* settle */
static int put_settle(struct config *c, const char *value, struct err *err)
{
	int64_t seconds;

	if (stamp_parse_duration(value, &seconds, err) < 0)
		return -1;
	if (seconds >= 0 && seconds < FINGERPRINT_SLACK_SEC)
		return err_set(err, ERR_USAGE, "%s is less than %ds", q(value),
			       FINGERPRINT_SLACK_SEC);
	c->settle = seconds;
	return 0;
}

/* wait */
static int put_wait(struct config *c, const char *value, struct err *err)
{
	int64_t seconds;

	if (stamp_parse_duration(value, &seconds, err) < 0)
		return -1;
	if (seconds > INT64_MAX / 1000)
		return err_set(err, ERR_USAGE, "%s is too long", q(value));
	c->wait = seconds < 0 ? 0 : seconds;
	return 0;
}

static const struct {
	const char *key;
	int (*put)(struct config *c, const char *value, struct err *err);
} keys[] = {
	{ "automatic-retention", put_automatic_retention },
	{ "compress", put_compress },
	{ "keep-for", put_keep_for },
	{ "reserve", put_reserve },
	{ "settle", put_settle },
	{ "wait", put_wait },
};

/* ---- Lines ---- */

/* Where the text stands: for messages. */
struct where {
	const char *file;
	unsigned line;
	const struct observer *observer;
};

/* Cuts blanks off both ends of a string. */
static char *trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	n = strlen(s);
	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		s[--n] = '\0';
	return s;
}

/* Lowercase letters and hyphens. */
static bool is_key(const char *s)
{
	return *s && s[strspn(s, "abcdefghijklmnopqrstuvwxyz-")] == '\0';
}

/* One setting. */
static int put_value(struct config *c, const char *key, const char *value,
		     const struct where *at, struct err *err)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		if (strcmp(keys[i].key, key) != 0)
			continue;
		if (keys[i].put(c, value, err) < 0)
			return err_wrap(err, "%s, line %u: %s", q(at->file), at->line,
					key);
		return 0;
	}
	observer_warn(at->observer, at->file, "line %u: there is no setting %s", at->line,
		      q(key));
	return 0;
}

/* One line, which it may cut up. */
static int put_line(struct config *c, char *line, const struct where *at, struct err *err)
{
	char *key = trim(line), *value;

	if (*key == '\0' || *key == '#')
		return 0;
	value = strchr(key, '=');
	if (value) {
		*value++ = '\0';
		key = trim(key);
		value = trim(value);
	}
	if (!value || !is_key(key))
		return err_set(err, ERR_CORRUPT,
			       "%s, line %u: not of the form KEY = VALUE", q(at->file),
			       at->line);
	return put_value(c, key, value, at, err);
}

int config_parse(const char *text, size_t len, const char *file, const struct observer *o,
		 struct config *c, struct err *err)
{
	struct where at = { file, 0, o };
	/* All or nothing of a file. */
	struct config next = *c;

	while (len > 0) {
		const char *end = memchr(text, '\n', len);
		size_t n = end ? (size_t)(end - text) : len;
		_cleanup_free_ char *line = NULL;

		at.line++;
		if (memchr(text, '\0', n))
			return err_set(err, ERR_CORRUPT, "%s, line %u: a NUL byte",
				       q(file), at.line);
		line = alloc_strndup(text, n, err);
		if (!line || put_line(&next, line, &at, err) < 0)
			return -1;
		n += end != NULL;
		text += n;
		len -= n;
	}
	*c = next;
	return 0;
}

/* ---- Files ---- */

struct loading {
	int rootfd;
	const char *path, *shown;
	bool system;
	const struct observer *observer;
	struct config *config;
};

/* In system mode only root decides; warns about what somebody else could have written. */
static int is_trusted(const struct loading *l, int fd, const char *shown, bool *ret,
		      struct err *err)
{
	struct stat st;

	if (sys_fstat(fd, &st) < 0)
		return err_errno(err, "cannot examine %s", q(shown));
	*ret = !l->system || (st.st_uid == 0 && !(st.st_mode & 022));
	if (!*ret)
		observer_warn(l->observer, shown,
			      "is ignored: it is not root's, or others may write it");
	return 0;
}

/* Reads one file, `name` being its path below the directory. */
static int load_file(const struct loading *l, const char *name, struct err *err)
{
	_cleanup_free_ char *path = alloc_printf(err, "%s/%s", l->path, name);
	_cleanup_free_ char *shown = alloc_printf(err, "%s/%s", l->shown, name);
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	_cleanup_close_ int fd = -1;
	bool trusted;

	if (!path || !shown)
		return -1;
	fd = rooted_open_file(l->rootfd, path, err);
	if (fd < 0) {
		if (!err_is(err, ERR_NOT_FOUND))
			return -1;
		err_clear(err); /* nothing is configured there */
		return 0;
	}
	if (is_trusted(l, fd, shown, &trusted, err) < 0)
		return -1;
	if (!trusted)
		return 0;
	if (fd_read_file(fd, FILE_MAX, &text, err) < 0)
		return err_wrap(err, "cannot read %s", q(shown));
	return config_parse(text.data, text.len, shown, l->observer, l->config, err);
}

/* "NAME.conf", and no hidden file. */
static bool is_conf_name(const char *name)
{
	size_t n = strlen(name), suffix = strlen(SUFFIX);

	return name[0] != '.' && n > suffix && strcmp(name + n - suffix, SUFFIX) == 0;
}

/* Opens a directory: 1 it counts, 0 it is not there or not trusted. */
static int check_dir(const struct loading *l, const char *path, const char *shown,
		     struct err *err)
{
	_cleanup_close_ int fd = rooted_open_dir(l->rootfd, path, err);
	bool trusted;

	if (fd < 0) {
		if (!err_is(err, ERR_NOT_FOUND))
			return -1;
		err_clear(err); /* nothing is configured there */
		return 0;
	}
	if (is_trusted(l, fd, shown, &trusted, err) < 0)
		return -1;
	return trusted;
}

/* The files of setaside.conf.d. */
static int load_dropins(const struct loading *l, struct err *err)
{
	_cleanup_free_ char *path = alloc_printf(err, "%s/" CONFIG_DIR, l->path);
	_cleanup_free_ char *shown = alloc_printf(err, "%s/" CONFIG_DIR, l->shown);
	_cleanup_(strings_done) struct strings names = STRINGS_INIT;
	int r;

	if (!path || !shown)
		return -1;
	r = check_dir(l, path, shown, err);
	if (r <= 0)
		return r;
	if (rooted_list(l->rootfd, path, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *name = NULL;

		if (!is_conf_name(names.items[i]))
			continue;
		name = alloc_printf(err, CONFIG_DIR "/%s", names.items[i]);
		if (!name || load_file(l, name, err) < 0)
			return -1;
	}
	return 0;
}

int config_load(int rootfd, const char *path, const char *shown, bool system,
		const struct observer *o, struct config *c, struct err *err)
{
	struct config next = *c;
	const struct loading l = { rootfd, path, shown, system, o, &next };
	int r = check_dir(&l, path, shown, err);

	if (r < 0 ||
	    (r > 0 && (load_file(&l, CONFIG_FILE, err) < 0 || load_dropins(&l, err) < 0)))
		return -1;
	*c = next;
	return 0;
}
