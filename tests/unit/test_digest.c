/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/digest.h"

#include <string.h>

#include "tests/unit/support.h"

/* FIPS 180-4 and 202 examples: of nothing, and of "abc". */
static const struct {
	enum digest_kind kind;
	const char *text, *hex;
} examples[] = {
	{ DIGEST_SHA256, "",
	  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ DIGEST_SHA256, "abc",
	  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ DIGEST_SHA3_384, "",
	  "0c63a75b845e4f7d01107d852e4c2485c51a50aaaa94fc61995e71bbee983a2a"
	  "c3713831264adb47fb6bd1e058d5f004" },
	{ DIGEST_SHA3_384, "abc",
	  "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b2"
	  "98d88cea927ac7f539f1edf228376d25" },
};

START_TEST(examples_of_the_standards_hold)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const char *text = examples[_i].text;
	uint8_t out[DIGEST_MAX_SIZE];
	char hex[2 * DIGEST_MAX_SIZE + 1];

	ck_assert_ok(digest_of(examples[_i].kind, text, strlen(text), out, &err), &err);
	digest_hex(out, digest_size(examples[_i].kind), hex);
	ck_assert_str_eq(hex, examples[_i].hex);
}

END_TEST

START_TEST(pieces_give_the_same_as_the_whole)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(digest_freep) struct digest *d = NULL;
	uint8_t data[1000], whole[DIGEST_MAX_SIZE], pieces[DIGEST_MAX_SIZE];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 31);
	ck_assert_ok(digest_of(DIGEST_SHA3_384, data, sizeof(data), whole, &err), &err);
	ck_assert_ok(digest_new(DIGEST_SHA3_384, &d, &err), &err);
	/* Twice: what was fed before a reset is forgotten. */
	for (int round = 0; round < 2; round++) {
		ck_assert_ok(digest_update(d, "waste", 5, &err), &err);
		ck_assert_ok(digest_reset(d, &err), &err);
		for (size_t i = 0; i < sizeof(data); i += 40)
			ck_assert_ok(digest_update(d, data + i, 40, &err), &err);
		ck_assert_ok(digest_update(d, data, 0, &err), &err);
		ck_assert_ok(digest_final(d, pieces, &err), &err);
		ck_assert_mem_eq(pieces, whole, DIGEST_SHA3_384_SIZE);
		ck_assert_ok(digest_reset(d, &err), &err);
	}
}

END_TEST

START_TEST(nothing_is_freed_without_complaint)
{
	digest_free(NULL);
}

END_TEST

START_TEST(hex_goes_both_ways)
{
	static const uint8_t bytes[] = { 0x00, 0x0f, 0xf0, 0xab, 0xff };
	uint8_t back[5] = { 0 };
	char hex[11];

	digest_hex(bytes, sizeof(bytes), hex);
	ck_assert_str_eq(hex, "000ff0abff");
	ck_assert(digest_unhex("000FF0aBfF", 10, back, 5));
	ck_assert_mem_eq(back, bytes, 5);
	digest_hex(bytes, 0, hex);
	ck_assert_str_eq(hex, "");
}

END_TEST

START_TEST(other_than_hex_is_refused)
{
	static const char *const bad[] = { "",     "00",   "0011223", "00112",
					   "001g", "00 1", "-011",    "0x11" };
	uint8_t out[2] = { 7, 7 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!digest_unhex(bad[i], strlen(bad[i]), out, 2), "%s",
			      bad[i]);
	ck_assert(out[0] == 7 && out[1] == 7);
}

END_TEST

/* RFC 4648, section 10. */
static const struct {
	const char *text, *base64;
} pairs[] = {
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
	{ "\373\377\276", "+/++" },
};

START_TEST(base64_goes_both_ways)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT, back = BUF_INIT;
	const char *text = pairs[_i].text, *base64 = pairs[_i].base64;

	ck_assert_ok(digest_base64(&out, text, strlen(text), &err), &err);
	ck_assert_str_eq(out.data, base64);
	ck_assert_ok(buf_add_str(&back, ">", &err), &err);
	ck_assert_ok(digest_unbase64(base64, strlen(base64), &back, &err), &err);
	ck_assert_str_eq(back.data + 1, text);
}

END_TEST

START_TEST(all_bytes_survive_base64)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	uint8_t bytes[256];

	for (size_t i = 0; i < 256; i++)
		bytes[i] = (uint8_t)i;
	for (size_t n = 0; n <= 256; n++) {
		_cleanup_(buf_done) struct buf out = BUF_INIT, back = BUF_INIT;
		ck_assert_ok(digest_base64(&out, bytes, n, &err), &err);
		ck_assert_uint_eq(out.len, (n + 2) / 3 * 4);
		ck_assert_ok(digest_unbase64(out.data, out.len, &back, &err), &err);
		ck_assert_uint_eq(back.len, n);
		ck_assert_mem_eq(back.data, bytes, n);
	}
}

END_TEST

static const char *const bad_base64[] = {
	"Zg",   "Zg=",  "Z===", "====", "Zg==Zg==", "Zm9v\n", "Zm9 ",
	"Zh==", "Zm9=", "Zm=v", "Zg-_", "Zm9v=",    "=Zm9",   "Zm9v\nZg=",
};

START_TEST(other_than_base64_is_refused)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	const char *bad = bad_base64[_i];

	ck_assert_ok(buf_add_str(&out, "kept", &err), &err);
	ck_assert_fails(digest_unbase64(bad, strlen(bad), &out, &err), &err, ERR_CORRUPT,
			"not base64");
	ck_assert_str_eq(out.data, "kept");
}

END_TEST

Suite *suite_digest(void)
{
	Suite *s = suite_create("digest");
	TCase *tc = support_tcase(s, "digest");

	tcase_add_loop_test(tc, examples_of_the_standards_hold, 0,
			    (int)(sizeof(examples) / sizeof(examples[0])));
	tcase_add_test(tc, pieces_give_the_same_as_the_whole);
	tcase_add_test(tc, nothing_is_freed_without_complaint);
	tc = support_tcase(s, "text");
	tcase_add_test(tc, hex_goes_both_ways);
	tcase_add_test(tc, other_than_hex_is_refused);
	tcase_add_loop_test(tc, base64_goes_both_ways, 0,
			    (int)(sizeof(pairs) / sizeof(pairs[0])));
	tcase_add_test(tc, all_bytes_survive_base64);
	tcase_add_loop_test(tc, other_than_base64_is_refused, 0,
			    (int)(sizeof(bad_base64) / sizeof(bad_base64[0])));
	return s;
}
