/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/support_deploy.h"

#include <stdint.h>
#include <string.h>

#include "tests/unit/support.h"

static void add(struct buf *out, const void *p, size_t n)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_ok(buf_add(out, p, n, &err), &err);
}

/* A string with its NUL. */
static void add_string(struct buf *out, const char *text)
{
	add(out, text, strlen(text) + 1);
}

static void align(struct buf *out)
{
	while (out->len % 8)
		add(out, "", 1);
}

/* Ends a container of `out->len` bytes with offsets, each as wide as the whole
 * demands. */
static void add_offsets(struct buf *out, const size_t *offsets, size_t n)
{
	size_t size = 1;

	if (out->len + n > UINT8_MAX)
		size = out->len + 2 * n > UINT16_MAX ? 4 : 2;
	for (size_t i = 0; i < n; i++) {
		uint8_t v8 = (uint8_t)offsets[i];
		uint16_t v16 = (uint16_t)offsets[i];
		uint32_t v32 = (uint32_t)offsets[i];

		add(out,
		    size == 1   ? (void *)&v8
		    : size == 2 ? (void *)&v16
				: (void *)&v32,
		    size);
	}
}

/* {key: <value>} */
static void make_entry(struct buf *out, const struct support_deploy_entry *e)
{
	const size_t end = strlen(e->value) + 1;
	size_t key_end;

	add_string(out, e->key);
	key_end = out->len;
	align(out);
	if (e->type == 't') {
		add(out, e->value, 8);
	} else {
		add_string(out, e->value);
		if (e->type == 'a')
			add(out, &(uint8_t){ (uint8_t)end }, 1);
	}
	add(out, "", 1);
	add(out, e->type == 'a' ? "as" : &e->type, e->type == 'a' ? 2 : 1);
	add_offsets(out, &key_end, 1);
}

void support_deploy(struct buf *out, const char *commit,
		    const struct support_deploy_entry *entries, size_t n)
{
	_cleanup_(buf_done) struct buf dict = BUF_INIT;
	size_t ends[16], offsets[3];

	ck_assert_uint_le(n, 16);
	for (size_t i = 0; i < n; i++) {
		_cleanup_(buf_done) struct buf entry = BUF_INIT;

		make_entry(&entry, &entries[i]);
		align(&dict);
		add(&dict, entry.data, entry.len);
		ends[i] = dict.len;
	}
	add_offsets(&dict, ends, n);

	add_string(out, "flathub");
	offsets[2] = out->len;
	add_string(out, commit);
	offsets[1] = out->len;
	offsets[0] = out->len; /* an empty array of subpaths */
	align(out);
	add(out, "\0\0\0\0\0\0\0", 8);
	if (dict.len)
		add(out, dict.data, dict.len);
	add_offsets(out, offsets, 3);
}
