/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/worker/serve.h"

#include <errno.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/fd.h"
#include "backend/base/quote.h"
#include "backend/tree/place.h"
#include "backend/worker/packer.h"
#include "backend/worker/protocol.h"
#include "backend/worker/serve_asides.h"

/* Compressing threads: the parent's hash takes the rest of two cores. */
#define PACKER_THREADS 0

struct packer {
	struct serve *serve;
	bool user;
	char *revision;
	struct pack_options options;
	struct exclude *exclude;
	struct pack_tree *trees;
	size_t n_trees, cap_trees;
	struct strings aside; /* names in order, for all archives */
	int pipe;
};

/* Forgets the archive of before. */
static void packer_clear(struct packer *p)
{
	for (size_t i = 0; i < p->n_trees; i++) {
		union {
			const char *in;
			char *out;
		} path = { .in = p->trees[i].path };

		free(path.out);
		sys_close_best_effort(p->trees[i].fd);
	}
	p->n_trees = 0;
	exclude_free(p->exclude);
	p->exclude = NULL;
	free(p->revision);
	p->revision = NULL;
	p->options = (struct pack_options){ 0 };
}

/* serve_kind */
static int start(struct serve *s, struct err *err)
{
	struct packer *p = alloc_zero(1, sizeof(*p), err);

	if (!p)
		return -1;
	p->serve = s;
	s->state = p;
	return 0;
}

/* serve_kind */
static void stop(struct serve *s)
{
	struct packer *p = s->state;

	packer_clear(p);
	strings_done(&p->aside);
	free(p->trees);
	free(p);
}

/* PACKER_BEGIN */
static int begin(struct packer *p, struct wire_in *in, struct err *err)
{
	uint64_t user, native, uid, gid;

	packer_clear(p);
	if (wire_get_u64(in, PACKER_TAG_USER, &user, err) < 0 ||
	    wire_get_u64(in, PACKER_TAG_NATIVE, &native, err) < 0 ||
	    wire_get_u64(in, PACKER_TAG_UID, &uid, err) < 0 ||
	    wire_get_u64(in, PACKER_TAG_GID, &gid, err) < 0 ||
	    wire_get_str(in, PACKER_TAG_REVISION, 64, &p->revision, err) < 0 ||
	    exclude_new(&p->exclude, err) < 0)
		return -1;
	p->user = user != 0;
	p->options.synthetic_common = native != 0;
	p->options.common_mode = p->user ? 0700 : 0755;
	p->options.common_uid = (uint32_t)uid;
	p->options.common_gid = (uint32_t)gid;
	p->options.exclude = p->exclude;
	p->options.aside_names = (const char *const *)p->aside.items;
	p->options.n_aside_names = p->aside.n;
	/* What an earlier archive left there is of no use any more. */
	spill_give_back(&p->serve->spill, 0, p->serve->spill.end);
	p->options.spill = &p->serve->spill;
	return 0;
}

/* Opens what place found; takes archive_path on success. */
static int add_tree(struct packer *p, const struct place *place, char **archive_path,
		    struct err *err)
{
	_cleanup_close_ int fd = -1;

	if (!S_ISDIR(place->st.st_mode) && !S_ISREG(place->st.st_mode))
		return err_set(err, ERR_UNSUPPORTED,
			       "%s is neither a directory nor a file",
			       q(place->resolved));
	if (alloc_grow(&p->trees, p->n_trees, &p->cap_trees, sizeof(*p->trees), err) < 0)
		return -1;
	fd = place_open(place, err);
	if (fd < 0)
		return -1;
	p->trees[p->n_trees].path = TAKE_PTR(*archive_path);
	p->trees[p->n_trees].fd = TAKE_FD(fd);
	p->trees[p->n_trees].is_file = S_ISREG(place->st.st_mode);
	p->n_trees++;
	return 0;
}

/* PACKER_TREE */
static int tree(struct packer *p, struct wire_in *in, struct wire_out *reply,
		struct err *err)
{
	_cleanup_free_ char *archive_path = NULL, *path = NULL;
	_cleanup_(place_done) struct place place = PLACE_INIT;

	if (wire_get_str(in, PACKER_TAG_ARCHIVE_PATH, PACKER_PATH_MAX, &archive_path,
			 err) < 0 ||
	    wire_get_str(in, PACKER_TAG_PATH, PACKER_PATH_MAX, &path, err) < 0)
		return -1;
	if (!archive_path || !path || !p->exclude)
		return err_set(err, ERR_CORRUPT, "a tree without its archive");
	if (place_resolve(p->serve->rootfd, path, p->user ? PLACE_USER : PLACE_SYSTEM,
			  &place, err) < 0)
		return -1;
	/* Somebody meant a place that is not there (an unplugged
	 * disk?): no empty tree. */
	if (place.dangling)
		return err_set(err, ERR_NOT_FOUND, "%s is a link that leads nowhere",
			       q(path));
	if (place.exists && add_tree(p, &place, &archive_path, err) < 0)
		return -1;
	if (wire_put_u64(reply, PACKER_TAG_EXISTS, place.exists, err) < 0 ||
	    wire_put_u64(reply, PACKER_TAG_IS_FILE,
			 place.exists && S_ISREG(place.st.st_mode), err) < 0)
		return -1;
	return wire_put_str(reply, PACKER_TAG_RESOLVED,
			    place.exists ? place.resolved : NULL, err);
}

/* PACKER_EXCLUDE */
static int exclude(struct packer *p, struct wire_in *in, struct err *err)
{
	_cleanup_free_ char *top = NULL, *pattern = NULL;

	if (wire_get_str(in, PACKER_TAG_ARCHIVE_PATH, PACKER_PATH_MAX, &top, err) < 0 ||
	    wire_get_str(in, PACKER_TAG_PATTERN, PACKER_PATH_MAX, &pattern, err) < 0)
		return -1;
	if (!pattern || !p->exclude)
		return err_set(err, ERR_CORRUPT, "a pattern without its archive");
	if (top)
		return exclude_add_below(p->exclude, top, pattern, err);
	return exclude_add_snapd(p->exclude, pattern, p->user,
				 p->revision ? p->revision : "x1", err);
}

/* One name of PACKER_LEAVE_OUT. */
static int leave_out_one(struct packer *p, struct wire_in *in, struct err *err)
{
	_cleanup_free_ char *name = NULL;

	if (wire_get_str(in, PACKER_TAG_PATH, 256, &name, err) < 0)
		return -1;
	if (!name)
		return err_set(err, ERR_CORRUPT, "a name is missing");
	if (strings_take(&p->aside, name, err) < 0)
		return -1;
	name = NULL;
	return 0;
}

/* PACKER_LEAVE_OUT */
static int leave_out(struct packer *p, struct wire_in *in, struct err *err)
{
	uint64_t n, first;

	if (wire_get_u64(in, PACKER_TAG_FIRST, &first, err) < 0 ||
	    wire_get_u64(in, PACKER_TAG_COUNT, &n, err) < 0)
		return -1;
	if (n > PACKER_NAMES_MAX)
		return err_set(err, ERR_CORRUPT, "too many names");
	/* The archive of before has them. */
	packer_clear(p);
	if (first)
		strings_done(&p->aside);
	for (; n > 0; n--)
		if (leave_out_one(p, in, err) < 0)
			return -1;
	strings_sort(&p->aside);
	return 0;
}

/* The counts end a reply. */
static int put_counts(struct wire_out *reply, const struct pack_counts *c,
		      struct err *err)
{
	const uint64_t fields[] = { c->bytes,   c->allocated, c->entries, c->data,
				    c->sockets, c->mounts,    c->skipped, c->changed };

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (wire_put_u64(reply, PACKER_TAG_COUNT, fields[i], err) < 0)
			return -1;
	if (wire_put_bytes(reply, PACKER_TAG_FINGERPRINT, c->fingerprint.digest,
			   sizeof(c->fingerprint.digest), err) < 0)
		return -1;
	return wire_put_u64(reply, PACKER_TAG_AGE, c->fingerprint.age, err);
}

/* PACKER_ESTIMATE */
static int estimate(struct packer *p, struct wire_out *reply, struct err *err)
{
	struct pack_counts counts = { 0 };

	if (pack_estimate(p->trees, p->n_trees, &p->options, p->serve->owners, NULL,
			  &counts, err) < 0)
		return -1;
	return put_counts(reply, &counts, err);
}

/* gzip_sink: compressed bytes go into the pipe. */
static int to_pipe(void *ctx, const void *bytes, size_t n, struct err *err)
{
	struct packer *p = ctx;

	if (fd_write_all(p->pipe, bytes, n, err) < 0)
		return err_wrap(err, "cannot hand on the archive");
	return 0;
}

/* pack_sink */
static int sink_room(void *ctx, void **ret, size_t *ret_n, struct err *err)
{
	return gzip_writer_room(ctx, ret, ret_n, err);
}

/* pack_sink */
static int sink_advance(void *ctx, size_t n, struct err *err)
{
	return gzip_writer_advance(ctx, n, err);
}

/* A SKIPPED or CHANGED record; the texts are cut to what a record holds. */
static int report(struct packer *p, enum packer_type type, const char *path,
		  const char *why, struct err *err)
{
	struct wire_out *o = &p->serve->out;
	size_t n = why ? strnlen(why, PACKER_WHY_MAX - 1) : 0;
	_cleanup_free_ char *cut = why ? alloc_strndup(why, n, err) : NULL;

	if (why && !cut)
		return -1;
	/* The longest path does not fit a record; its ends say enough. */
	if (wire_begin(o, type, err) < 0 ||
	    wire_put_str(o, PACKER_TAG_PATH, strlen(path) < WIRE_MAX / 2 ? path : q(path),
			 err) < 0 ||
	    wire_put_str(o, PACKER_TAG_WHY, cut, err) < 0)
		return -1;
	return serve_send(p->serve, err);
}

/* pack_report */
static int report_skipped(void *ctx, const char *path, const char *why, struct err *err)
{
	return report(ctx, PACKER_SKIPPED, path, why, err);
}

/* pack_report */
static int report_changed(void *ctx, const char *path, struct err *err)
{
	return report(ctx, PACKER_CHANGED, path, NULL, err);
}

/* PACKER_PACK */
static int pack(struct packer *p, struct wire_in *in, struct wire_out *reply,
		struct err *err)
{
	struct pack_report rep = { report_skipped, report_changed, p };
	struct pack_counts counts = { 0 };
	/* The writer's threads use the pipe: it is closed after they have ended. */
	_cleanup_close_ int pipe = -1;
	_cleanup_(gzip_writer_freep) struct gzip_writer *gz = NULL;
	/* Hears of what is read, in this thread; the sink runs in others. */
	struct observer observer = serve_observer(p->serve);
	uint64_t level;

	if (wire_get_u64(in, PACKER_TAG_LEVEL, &level, err) < 0 ||
	    wire_take_fd(in, &pipe, err) < 0)
		return -1;
	if (!p->exclude || level > GZIP_SMALL)
		return err_set(err, ERR_CORRUPT, "impossible request to pack");
	p->pipe = pipe;
	if (gzip_writer_new((enum gzip_level)level, PACKER_THREADS, to_pipe, p, &gz,
			    err) < 0)
		return -1;
	struct pack_sink sink = { sink_room, sink_advance, gz };
	if (pack_run(p->trees, p->n_trees, &p->options, p->serve->owners, &sink, &rep,
		     &observer, &counts, err) < 0 ||
	    gzip_writer_finish(gz, err) < 0)
		return -1;
	return put_counts(reply, &counts, err);
}

/* The path that a request is about; caller frees. */
static int get_path(struct wire_in *in, char **ret, struct err *err)
{
	if (wire_get_str(in, PACKER_TAG_PATH, PACKER_PATH_MAX, ret, err) < 0)
		return -1;
	return *ret ? 0 : err_set(err, ERR_CORRUPT, "a path is missing");
}

/* Resolves a path with this process's rights, the last component not
 * followed if it is a link. */
static int open_listed(struct packer *p, const char *path, int flags, struct err *err)
{
	int fd = fd_open_in_root(p->serve->rootfd,
				 path[0] == '/' && path[1] ? path + 1 : ".", flags);

	if (fd < 0)
		return err_errno(err, "cannot open %s", q(path));
	return fd;
}

/* One NAME record for each directory in fd. */
static int send_names(struct packer *p, int fd, struct err *err)
{
	char buf[16384];
	ssize_t n;

	while ((n = sys_getdents(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *d =
				(const struct dirent64 *)(const void *)(buf + at);
			struct wire_out *o = &p->serve->out;
			struct stat st;

			at += d->d_reclen;
			if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
				continue;
			if (sys_fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			    !S_ISDIR(st.st_mode))
				continue;
			if (wire_begin(o, PACKER_NAME, err) < 0 ||
			    wire_put_str(o, PACKER_TAG_PATH, d->d_name, err) < 0 ||
			    serve_send(p->serve, err) < 0)
				return -1;
		}
	}
	return n < 0 ? err_errno(err, "cannot read a directory") : 0;
}

/* PACKER_LIST */
static int list(struct packer *p, struct wire_in *in, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;

	if (get_path(in, &path, err) < 0)
		return -1;
	fd = open_listed(p, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, err);
	if (fd < 0 && err_is(err, ERR_NOT_FOUND)) {
		err_clear(err); /* nothing there: nothing to list */
		return 0;
	}
	if (fd < 0)
		return -1;
	if (send_names(p, fd, err) < 0)
		return err_wrap(err, "cannot list %s", q(path));
	return 0;
}

/* PACKER_LINK */
static int link_target(struct packer *p, struct wire_in *in, struct wire_out *reply,
		       struct err *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	char target[PATH_MAX];
	ssize_t n = -1;

	if (get_path(in, &path, err) < 0)
		return -1;
	fd = open_listed(p, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, err);
	if (fd < 0 && !err_is(err, ERR_NOT_FOUND))
		return -1;
	err_clear(err);
	if (fd >= 0)
		n = sys_readlinkat(fd, "", target, sizeof(target) - 1);
	if (n >= 0)
		target[n] = '\0';
	return wire_put_str(reply, PACKER_TAG_RESOLVED, n >= 0 ? target : NULL, err);
}

/* What may be sent of a text. */
static const char *short_text(const char *text)
{
	return text && strlen(text) <= PACKER_TEXT_MAX ? text : NULL;
}

/* PACKER_FLATPAK: the owner's file, parsed with the owner's rights. */
static int flatpak(struct packer *p, struct wire_in *in, struct wire_out *reply,
		   struct err *err)
{
	_cleanup_(flatpak_deploy_done) struct flatpak_deploy d = { NULL, NULL };
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;

	if (get_path(in, &path, err) < 0)
		return -1;
	fd = open_listed(p, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, err);
	if (fd < 0 && !err_is(err, ERR_NOT_FOUND))
		return -1;
	err_clear(err); /* removed, being installed, or only its data is here */
	if (fd >= 0 &&
	    (fd_read_file(fd, FLATPAK_DEPLOY_MAX, &text, err) < 0 ||
	     flatpak_deploy_parse(text.data ? text.data : "", text.len, &d, err) < 0))
		return err_wrap(err, "cannot read %s", q(path));
	if (wire_put_str(reply, PACKER_TAG_TEXT, short_text(d.version), err) < 0)
		return -1;
	return wire_put_str(reply, PACKER_TAG_TEXT, short_text(d.summary), err);
}

/* serve_kind */
static int request(struct serve *s, struct wire_in *in, struct wire_out *reply,
		   struct err *err)
{
	struct packer *p = s->state;

	switch (in->type) {
	case PACKER_BEGIN:
		return begin(p, in, err);
	case PACKER_TREE:
		return tree(p, in, reply, err);
	case PACKER_EXCLUDE:
		return exclude(p, in, err);
	case PACKER_LEAVE_OUT:
		return leave_out(p, in, err);
	case PACKER_ESTIMATE:
		return estimate(p, reply, err);
	case PACKER_PACK:
		return pack(p, in, reply, err);
	case PACKER_LIST:
		return list(p, in, err);
	case PACKER_LINK:
		return link_target(p, in, reply, err);
	case PACKER_FLATPAK:
		return flatpak(p, in, reply, err);
	case PACKER_ASIDES:
		return serve_asides(p->serve, in, err);
	default:
		return err_set(err, ERR_CORRUPT, "unknown request to a packer");
	}
}

const struct serve_kind serve_packer = { start, request, stop };
