/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/save_internal.h"

#include <stdlib.h>
#include <string.h>

/* The excludes of one tree: the definition's. */
static int declare_excludes(const struct save_archive *a, const struct save_tree *t,
			    const struct observer *observer, struct err *err)
{
	for (size_t i = 0; t->exclude && i < t->exclude->n; i++)
		if (packer_exclude(a->packer, t->archive_path, t->exclude->items[i],
				   observer, err) < 0)
			return -1;
	return 0;
}

/* A tree that is there, as its archive and the metadata have it. */
static int note_tree(struct fingerprint *f, const struct save_tree *t,
		     const struct packer_found *found, struct err *err)
{
	const char *const texts[] = { t->name, t->archive_path, t->shown_path, t->path,
				      found->resolved };
	size_t n = t->exclude ? t->exclude->n : 0;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (fingerprint_add_text(f, texts[i], err) < 0)
			return -1;
	if (fingerprint_add_number(f, found->is_file, err) < 0 ||
	    fingerprint_add_number(f, n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (fingerprint_add_text(f, t->exclude->items[i], err) < 0)
			return -1;
	return 0;
}

/* What the archive as a whole is to be. */
static int note_archive(struct fingerprint *f, const struct save_archive *a,
			char *const *exclude, size_t n_exclude, struct err *err)
{
	const uint64_t numbers[] = { PACK_VERSION, a->top.user, a->top.native,
				     a->top.uid,   a->top.gid,  n_exclude };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (fingerprint_add_number(f, numbers[i], err) < 0)
			return -1;
	for (size_t i = 0; i < n_exclude; i++)
		if (fingerprint_add_text(f, exclude[i], err) < 0)
			return -1;
	return fingerprint_add_text(f, a->top.revision, err);
}

/* One tree; its own trouble is reported, the packer's is not survived. */
static int declare_tree(const struct save_archive *a, const struct save_tree *t,
			const struct observer *observer, const struct save_declared *d,
			struct err *err)
{
	_cleanup_(err_clear) struct err problem = ERR_INIT;
	struct packer_found found = { 0 };
	int r;

	if (packer_tree(a->packer, t->archive_path, t->path, observer, &found, &problem) <
	    0) {
		if (!worker_is_alive(a->packer) || err_is(&problem, ERR_INTERRUPTED))
			return err_move(err, &problem);
		return d->problem(d->ctx, t, &problem, err);
	}
	r = declare_excludes(a, t, observer, err);
	if (r == 0 && found.exists)
		r = note_tree(d->fingerprint, t, &found, err);
	if (r == 0 && found.exists)
		r = d->tree(d->ctx, t, &found, err);
	free(found.resolved);
	return r;
}

int save_declare(const struct save_archive *a, char *const *exclude, size_t n_exclude,
		 const struct save_options *options, const struct save_declared *d,
		 struct err *err)
{
	const struct observer *observer = options->observer;

	if (packer_begin(a->packer, &a->top, observer, err) < 0 ||
	    note_archive(d->fingerprint, a, exclude, n_exclude, err) < 0)
		return -1;
	for (size_t i = 0; i < a->n_trees; i++)
		if (declare_tree(a, &a->trees[i], observer, d, err) < 0)
			return -1;
	for (size_t i = 0; i < n_exclude; i++)
		if (packer_exclude(a->packer, NULL, exclude[i], observer, err) < 0)
			return -1;
	return 0;
}

int save_print_final(struct fingerprint *f, const struct pack_counts *counts,
		     int64_t settle, bool clean, struct save_print *ret, struct err *err)
{
	const struct fingerprint_value *walked = &counts->fingerprint;
	struct fingerprint_value all;

	if (fingerprint_add_bytes(f, walked->digest, sizeof(walked->digest), err) < 0 ||
	    fingerprint_final(f, &all, err) < 0)
		return -1;
	memcpy(ret->digest, all.digest, sizeof(ret->digest));
	ret->valid = clean && fingerprint_is_settled(walked->age, settle) &&
		     counts->skipped == 0 && counts->changed == 0;
	return 0;
}

/* ---- Estimates ---- */

struct estimating {
	const struct save_archive *archive;
	const struct save_options *options;
	struct save_estimate result;
};

/* save_declared.tree */
static int count_tree(void *ctx, const struct save_tree *t,
		      const struct packer_found *found, struct err *err)
{
	(void)t;
	(void)found;
	(void)err;
	((struct estimating *)ctx)->result.trees++;
	return 0;
}

/* save_declared.problem */
static int count_problem(void *ctx, const struct save_tree *t, const struct err *why,
			 struct err *err)
{
	struct estimating *e = ctx;
	const struct save_options *o = e->options;

	e->result.problems++;
	return o->problem(o->problem_ctx, e->archive, t, why, err);
}

int save_estimate(const struct save_archive *archive, const struct strings *exclude,
		  const struct save_options *options, struct save_estimate *ret,
		  struct err *err)
{
	_cleanup_(fingerprint_freep) struct fingerprint *f = NULL;
	struct estimating e = { .archive = archive, .options = options };
	struct save_declared d = { count_tree, count_problem, &e, NULL };

	if (fingerprint_new(NULL, &f, err) < 0)
		return -1;
	d.fingerprint = f;
	if (save_declare(archive, exclude ? exclude->items : NULL,
			 exclude ? exclude->n : 0, options, &d, err) < 0)
		return -1;
	if (e.result.trees > 0 &&
	    (packer_estimate(archive->packer, options->observer, &e.result.counts, err) <
		     0 ||
	     save_print_final(f, &e.result.counts, options->settle,
			      e.result.problems == 0, &e.result.print, err) < 0))
		return -1;
	*ret = e.result;
	return 0;
}
