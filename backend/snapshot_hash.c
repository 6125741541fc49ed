/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/snapshot_internal.h"

/* Writes \b and \f short, in place: the text only gets shorter. */
static void shorten_escapes(struct buf *text)
{
	size_t to = 0;

	for (size_t i = 0; i < text->len;) {
		size_t n = 1;
		if (text->data[i] == '\\')
			n = text->data[i + 1] == 'u' ? 6 : 2;
		char letter = '\0';
		if (n == 6 && memcmp(&text->data[i], "\\u0008", 6) == 0)
			letter = 'b';
		else if (n == 6 && memcmp(&text->data[i], "\\u000c", 6) == 0)
			letter = 'f';
		if (letter) {
			text->data[to++] = '\\';
			text->data[to++] = letter;
		} else {
			memmove(&text->data[to], &text->data[i], n);
			to += n;
		}
		i += n;
	}
	buf_cut(text, to);
}

int snapshot_content_hash(const struct snapshot *s, bool alternate,
			  uint8_t ret[DIGEST_SHA256_SIZE], struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	struct json_writer w = JSON_WRITER(&text, err);
	uint8_t hash[DIGEST_MAX_SIZE];

	snapshot_write_keys(s, SNAPSHOT_FOR_HASH, &w);
	if (json_end(&w) < 0 || buf_add_byte(&text, '\n', err) < 0)
		return -1;
	if (alternate)
		shorten_escapes(&text);
	if (digest_of(DIGEST_SHA256, text.data, text.len, hash, err) < 0)
		return -1;
	memcpy(ret, hash, DIGEST_SHA256_SIZE);
	return 0;
}

/* By name; equal names, which no set should have, by hash: order never matters. */
static int by_snap(const void *a, const void *b)
{
	const struct snapshot_member *x = a, *y = b;
	int order = strcmp(x->snap, y->snap);

	return order ? order : memcmp(x->hash, y->hash, sizeof(x->hash));
}

int snapshot_members_hash(struct digest *sha256, struct snapshot_member *members,
			  size_t n, uint8_t ret[DIGEST_SHA256_SIZE], struct err *err)
{
	if (digest_reset(sha256, err) < 0)
		return -1;
	qsort(members, n, sizeof(*members), by_snap);
	for (size_t i = 0; i < n; i++) {
		if (digest_update(sha256, members[i].hash, DIGEST_SHA256_SIZE, err) < 0)
			return -1;
	}
	return digest_final(sha256, ret, err);
}

int snapshot_set_hash(const struct snapshot *const *snapshots, size_t n, bool alternate,
		      uint8_t ret[DIGEST_SHA256_SIZE], struct err *err)
{
	_cleanup_(digest_freep) struct digest *digest = NULL;
	_cleanup_free_ struct snapshot_member *members =
		alloc_zero(n, sizeof(*members), err);

	if (!members || digest_new(DIGEST_SHA256, &digest, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		members[i].snap = snapshots[i]->snap ? snapshots[i]->snap : "";
		if (snapshot_content_hash(snapshots[i], alternate, members[i].hash, err) <
		    0)
			return -1;
	}
	return snapshot_members_hash(digest, members, n, ret, err);
}
