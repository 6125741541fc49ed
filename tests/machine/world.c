/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/machine/machine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "backend/tree/fingerprint.h"
#include "tests/machine/dirs.h"

#define ALICE 20001u
#define BOB   20002u
/* Two blocks of base/appender and a piece, in an archive too. */
#define LONG_SIZE 2200000u

/* The trees of all apps, below the root. */
static const char *const trees[] = {
	"home/alice/.one",         "home/alice/.onerc",
	"home/alice/.deep/er/one", "home/alice/.two",
	"home/bob/.two",           "var/lib/two",
	"home/bob/.config/three",  "home/alice/.config/three",
};

#define N_TREES (sizeof(trees) / sizeof(trees[0]))
const unsigned world_trees = N_TREES;

void die(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, " (%s)\n", strerror(errno));
	exit(99);
}

char *world_inside(const char *dir, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		die("no memory");
	return path;
}

char *world_path(const struct world *w, const char *name)
{
	return world_inside(w->dir, name);
}

void run_program(const char *const argv[])
{
	char *const env[] = { NULL };
	int status;
	pid_t pid;

	if (posix_spawn(&pid, argv[0], NULL, NULL, (char **)(uintptr_t)argv, env) != 0 ||
	    waitpid(pid, &status, 0) != pid || status != 0)
		die("%s %s failed", argv[0], argv[1]);
}

/* ---- Building ---- */

/* A path below the root, in which missing directories are made for that owner. */
static char *place(const struct world *w, const char *path, uid_t owner)
{
	char *full;

	if (asprintf(&full, "%s/%s", w->root, path) < 0)
		die("no memory");
	for (char *p = full + strlen(w->root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (mkdir(full, 0755) == 0) {
			if (w->system && lchown(full, owner, owner) < 0)
				die("chown %s", full);
		} else if (errno != EEXIST) {
			die("mkdir %s", full);
		}
		*p = '/';
	}
	return full;
}

/* A file of `n` bytes that begin with the text. */
static void put_n(const struct world *w, uid_t owner, const char *path, const char *text,
		  size_t n)
{
	char *full = place(w, path, owner);
	FILE *f = fopen(full, "we");

	if (!f || fwrite(text, 1, strlen(text), f) != strlen(text))
		die("write %s", full);
	for (size_t i = strlen(text); i < n; i++)
		putc((int)('a' + (i * i) % 23), f);
	if (fclose(f) != 0 || (w->system && lchown(full, owner, owner) < 0))
		die("write %s", full);
	free(full);
}

static void put(const struct world *w, uid_t owner, const char *path, const char *text)
{
	put_n(w, owner, path, text, 0);
}

/* What else a directory may hold. */
static void put_rich(const struct world *w, uid_t owner, const char *dir,
		     const char *text)
{
	char *path, *full, *other;

	if (asprintf(&path, "%s/sub/big", dir) < 0)
		die("no memory");
	put_n(w, owner, path, text, 20000);
	full = place(w, path, owner);
	if (asprintf(&other, "%s.hard", full) < 0 || link(full, other) < 0 ||
	    chmod(full, 0640) < 0)
		die("link %s", full);
	free(other);
	(void)setxattr(full, "user.note", text, strlen(text),
		       0); /* where there are such */
	if (asprintf(&other, "%s.soft", full) < 0 || symlink("big", other) < 0 ||
	    (w->system && lchown(other, owner, owner) < 0))
		die("symlink %s", other);
	free(other);
	free(full);
	free(path);
}

static uid_t alice(const struct world *w)
{
	return w->system ? ALICE : geteuid();
}

void world_configure(const struct world *w, const char *text)
{
	put(w, geteuid(),
	    w->system ? "etc/setaside/setaside.conf"
		      : "home/alice/.config/setaside/setaside.conf",
	    text);
}

static void put_common(const struct world *w, const char *text)
{
	uid_t a = alice(w);

	/* It works however full the file system is. */
	world_configure(w, "reserve = 0\n");
	put(w, a, "home/alice/.one/a", text);
	put(w, a, "home/alice/.one/cache/c", text);
	put(w, a, "home/alice/.onerc", text);
	put(w, a, "home/alice/.two/t", text);
	put(w, a, "home/alice/own", "no app's");
	if (!w->system) {
		put(w, a, "home/alice/.config/three/x", text);
		return;
	}
	put(w, BOB, "home/bob/.two/t", text);
	put(w, BOB, "home/bob/.config/three/x", text);
	put(w, 0, "var/lib/two/s", text);
	put(w, ALICE, "var/lib/two/d/of-alice", text);
}

void world_put_old(const struct world *w)
{
	put_common(w, "old");
	put(w, alice(w), "home/alice/.one/gone", "old");
	put(w, alice(w), "home/alice/.deep/er/one/a", "old");
	put_rich(w, alice(w), "home/alice/.one", "old");
	if (w->system)
		put_rich(w, 0, "var/lib/two", "old");
}

void world_put_new(const struct world *w)
{
	char *home = world_path(w, "cur/r/home"), *var = world_path(w, "cur/r/var");

	run_program((const char *const[]){ "/bin/rm", "-rf", home, var, NULL });
	free(home);
	free(var);
	put_common(w, "new");
	put(w, alice(w), "home/alice/.one/came", "new");
	put_rich(w, alice(w), "home/alice/.one", "new");
}

#define APP(id, trees_)                                                                  \
 "{ \"format\": 1, \"id\": \"" id "\", \"name\": \"" id "\", \"trees\": [" trees_ "] }"
#define TREE(name, scope, at, more)                                                      \
 "{ \"name\": \"" name "\", \"scope\": \"" scope "\", \"at\": { \"native\": \"" at       \
 "\" }" more " }"

/* Users, groups and definitions. */
static void put_machine(const struct world *w)
{
	char passwd[256];

	snprintf(passwd, sizeof(passwd),
		 "root:x:0:0::/root:/bin/sh\nalice:x:%u:%u::/home/alice:/bin/sh\n%s",
		 (unsigned)alice(w), (unsigned)(w->system ? ALICE : getegid()),
		 w->system ? "bob:x:20002:20002::/home/bob:/bin/sh\n" : "");
	put(w, geteuid(), "etc/passwd", passwd);
	put(w, geteuid(), "etc/group", "root:x:0:\nalice:x:20001:\nbob:x:20002:\n");
	put(w, geteuid(), "../apps/one.json",
	    APP("one",
		TREE("data", "user", "~/.one", ", \"exclude\": [\"cache\"]") "," TREE(
			"rc", "user", "~/.onerc", "") "," TREE("deep", "user",
							       "~/.deep/er/one", "")));
	put(w, geteuid(), "../apps/two.json",
	    APP("two", TREE("data", "user", "~/.two", "") "," TREE("lib", "system",
								   "/var/lib/two", "")));
	put(w, geteuid(), "../apps/three.json",
	    APP("three", TREE("data", "user", "~/.config/three", "")));
}

void world_init(struct world *w, const char *base)
{
	const char *worker = getenv("SETASIDE_WORKER");
	int fd;

	*w = (struct world){ .system = geteuid() == 0 };
	if (!worker)
		die("SETASIDE_WORKER names no worker");
	if (!(w->worker = strdup(worker)) ||
	    asprintf(&w->dir, "%s/setaside-faults.XXXXXX", base) < 0 ||
	    !mkdtemp(w->dir) || chmod(w->dir, 0755) < 0)
		die("cannot make a directory");
	w->root = world_path(w, "cur/r");
	w->store = world_path(w, "cur/store");
	w->apps = world_path(w, "cur/apps");
	w->out = world_path(w, "cur/out");
	w->page = world_path(w, "page");
	for (int i = 0; i < 5; i++) {
		const char *const made[] = { "tmpl", "cur", "cur/r", "cur/apps",
					     "cur/out" };
		char *path = world_path(w, made[i]);

		if (mkdir(path, 0755) < 0)
			die("mkdir %s", path);
		free(path);
	}
	fd = open(w->page, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, 4096) < 0)
		die("create %s", w->page);
	close(fd);
	put_machine(w);
	world_put_old(w);
}

/* ---- Noise ---- */

/* A file of so many bytes that cannot be compressed; others for each
 * seed, which is not 0. */
static void put_noise(const struct world *w, uid_t owner, const char *path, size_t n,
		      uint32_t seed)
{
	char *noise = malloc(n + 1);

	if (!noise)
		die("no memory");
	for (size_t i = 0; i < n; i++) {
		seed ^= seed << 13;
		seed ^= seed >> 17;
		seed ^= seed << 5;
		noise[i] = (char)(seed % 255 + 1);
	}
	noise[n] = '\0';
	put(w, owner, path, noise);
	free(noise);
}

void world_put_long(const struct world *w, uint32_t seed)
{
	put_noise(w, alice(w), "home/alice/.two/long", LONG_SIZE, seed);
}

/* ---- Resting ---- */

void world_put_resting(const struct world *w)
{
	/* Enough for a snapshot that can be cloned in part. */
	put_noise(w, alice(w), "home/alice/.one/noise", 300000, 2463534242);
	world_configure(w, "settle = 2s\nreserve = 0\n");
}

bool world_init_resting(struct world *w)
{
	const char *base = dirs_on_disk();

	if (!base)
		return false;
	world_init(w, base);
	w->resting = true;
	world_put_resting(w);
	return true;
}

void world_rest(void)
{
	struct timespec pause = { 0, 20000000 }, begun, now;

	/* It is ahead of the coarse clock; file systems take their times from either. */
	clock_gettime(CLOCK_REALTIME, &begun);
	do {
		nanosleep(&pause, NULL);
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
	} while (!fingerprint_is_settled(fingerprint_age(&begun, &now), 0));
}

void world_change(const struct world *w)
{
	if (w->system)
		put(w, BOB, "home/bob/.two/t", "changed");
	put(w, w->system ? BOB : alice(w),
	    w->system ? "home/bob/.config/three/x" : "home/alice/.config/three/x",
	    "changed");
}

/* ---- Looking ---- */

/* A path without the random part of what rests aside. */
static void plain(const char *path, char *ret, size_t size)
{
	size_t n = 0;

	for (const char *p = path; *p && n + 1 < size; p++) {
		ret[n++] = *p;
		if (p[0] == '.' && p[1] == '~' && strlen(p) > 11 && p[11] == '~' &&
		    n + 3 < size) {
			ret[n++] = '~';
			ret[n++] = '~';
			p += 11;
		}
	}
	ret[n] = '\0';
}

/* The number of the tree in which a path lies, asides included; -1: none. */
static int tree_of(const char *path)
{
	for (unsigned i = 0; i < N_TREES; i++) {
		size_t n = strlen(trees[i]);

		if (strncmp(path, trees[i], n) == 0 &&
		    (path[n] == '\0' || path[n] == '/' ||
		     strncmp(path + n, ".~~", 3) == 0))
			return (int)i;
	}
	return -1;
}

/* A short name of some bytes. */
static uint64_t sum(uint64_t h, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ ((const uint8_t *)p)[i]) * 1099511628211u;
	return h;
}

uint64_t world_sum(const char *full, const struct stat *st)
{
	uint64_t h = 14695981039346656037u;
	char b[32768];
	ssize_t n = 0;
	int fd;

	if (S_ISLNK(st->st_mode)) {
		n = readlink(full, b, sizeof(b));
		return sum(h, b, n < 0 ? 0 : (size_t)n);
	}
	if (!S_ISREG(st->st_mode))
		return 0;
	fd = open(full, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	while (fd >= 0 && (n = read(fd, b, sizeof(b))) > 0)
		h = sum(h, b, (size_t)n);
	if (fd < 0 || n < 0)
		die("read %s", full);
	close(fd);
	n = lgetxattr(full, "user.note", b, sizeof(b));
	return sum(h, b, n < 0 ? 0 : (size_t)n);
}

/* Whether the time of a directory tells something: not if it is around the trees,
 * which changes with them, a mount point, which nothing can exchange, or what
 * holds its old entries. */
static bool has_time(const struct world *w, const char *path, int tree)
{
	char *disk = world_path(w, "cur/disk");
	bool mounted = access(disk, F_OK) == 0;

	free(disk);
	return tree >= 0 && !(mounted && (strcmp(path, "home/alice/.two") == 0 ||
					  strcmp(path, "home/alice/.two/.~~") == 0));
}

static void list_one(FILE *f, const struct world *w, const char *full, const char *path,
		     const struct stat *st)
{
	char shown[4096];
	int tree;

	plain(path, shown, sizeof(shown));
	tree = tree_of(shown);
	fprintf(f, "%d %s %o %u:%u", tree, shown, st->st_mode, st->st_uid, st->st_gid);
	/* What is excluded is one file in live and aside trees. */
	if (!S_ISDIR(st->st_mode))
		fprintf(f, " %lu %lld %llx",
			strstr(shown, "/cache/") ? 0 : (unsigned long)st->st_nlink,
			(long long)st->st_size, (unsigned long long)world_sum(full, st));
	if (has_time(w, shown, tree))
		fprintf(f, " %lld.%09ld", (long long)st->st_mtim.tv_sec,
			st->st_mtim.tv_nsec);
	putc('\n', f);
}

/* A directory and all below. */
static void list_below(FILE *f, const struct world *w, const char *path)
{
	struct dirent **names;
	char *full, *inner;
	struct stat st;
	int n;

	if (asprintf(&full, "%s/%s", w->root, path) < 0)
		die("no memory");
	if (lstat(full, &st) == 0) {
		list_one(f, w, full, path, &st);
		n = S_ISDIR(st.st_mode) ? scandir(full, &names, NULL, alphasort) : 0;
		if (n < 0)
			die("scandir %s", full);
		for (int i = 0; i < n; i++) {
			if (strcmp(names[i]->d_name, ".") != 0 &&
			    strcmp(names[i]->d_name, "..") != 0) {
				if (asprintf(&inner, "%s/%s", path, names[i]->d_name) < 0)
					die("no memory");
				list_below(f, w, inner);
				free(inner);
			}
			free(names[i]);
		}
		if (S_ISDIR(st.st_mode))
			free(names);
	}
	free(full);
}

char *world_list(const struct world *w)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	if (!f)
		die("no memory");
	list_below(f, w, "etc");
	list_below(f, w, "home");
	list_below(f, w, "var");
	fclose(f);
	return text;
}

/* The lines that begin with a number and are wanted. */
static char *select_lines(const char *list, int number,
			  bool (*is_wanted)(const char *line, const char *end))
{
	char *text = NULL, begin[16];
	size_t n;
	FILE *f = open_memstream(&text, &n);

	if (!f)
		die("no memory");
	n = (size_t)snprintf(begin, sizeof(begin), "%d ", number);
	for (const char *p = list, *end; *p; p = end + 1) {
		end = strchr(p, '\n');
		if (strncmp(p, begin, strlen(begin)) == 0 && is_wanted(p, end))
			fprintf(f, "%.*s\n", (int)(end - p), p);
	}
	fclose(f);
	return text;
}

static bool is_aside(const char *line, const char *end)
{
	const char *aside = strstr(line, ".~~");

	return aside && aside < end;
}

static bool is_live(const char *line, const char *end)
{
	return !is_aside(line, end);
}

/* Directories have the mode 04xxxx. */
static bool is_no_directory(const char *line, const char *end)
{
	const char *mode = strchr(strchr(line, ' ') + 1, ' ') + 1;

	return mode < end && *mode != '4';
}

char *world_list_tree(const char *list, unsigned tree)
{
	return select_lines(list, (int)tree, is_live);
}

char *world_list_aside(const char *list, unsigned tree)
{
	return select_lines(list, (int)tree, is_aside);
}

char *world_list_others(const char *list)
{
	return select_lines(list, -1, is_no_directory);
}

/* The names in a directory, with sizes where asked for. */
static char *list_names(const char *dir, bool sizes)
{
	struct dirent **names;
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	int n = scandir(dir, &names, NULL, alphasort);

	if (!f)
		die("no memory");
	for (int i = 0; i < n; i++) {
		const char *name = names[i]->d_name;
		char *full;
		struct stat st;

		if (asprintf(&full, "%s/%s", dir, name) < 0 || lstat(full, &st) < 0)
			die("lstat %s", name);
		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
		    strcmp(name, ".last-set") != 0)
			fprintf(f, "%s %lld\n",
				name + (sizes ? 0 : strspn(name, "0123456789")),
				sizes ? (long long)st.st_size : 0);
		free(full);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	fclose(f);
	return text;
}

char *world_list_store(const struct world *w)
{
	char *dir, *text;

	if (asprintf(&dir, "%s/snapshots", w->store) < 0)
		die("no memory");
	text = list_names(dir, false);
	free(dir);
	return text;
}

char *world_list_out(const struct world *w)
{
	return list_names(w->out, true);
}

/* The number in a file, if it is higher. */
static uint64_t last_in_file(const char *path, uint64_t last)
{
	unsigned long long set;
	FILE *f = fopen(path, "re");

	if (f) {
		if (fscanf(f, "%llu", &set) == 1 && set > last)
			last = set;
		fclose(f);
	}
	return last;
}

uint64_t world_last_set(const struct world *w)
{
	struct dirent **names;
	uint64_t last = 0;
	char *dir, *path;
	int n;

	if (asprintf(&dir, "%s/snapshots", w->store) < 0 ||
	    asprintf(&path, "%s/.last-set", dir) < 0)
		die("no memory");
	n = scandir(dir, &names, NULL, NULL);
	for (int i = 0; i < n; i++) {
		uint64_t set = strtoull(names[i]->d_name, NULL, 10);

		last = set > last ? set : last;
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	last = last_in_file(path, last);
	free(dir);
	free(path);
	return last;
}
