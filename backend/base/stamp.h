/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_BASE_STAMP_H
#define SETASIDE_BASE_STAMP_H

/*
 * stamp: points in time as RFC 3339 text, and ages and durations for people.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/error.h"

struct stamp {
	int64_t sec;    /* since 1970-01-01T00:00:00Z */
	uint32_t nsec;  /* 0..999999999 */
	int16_t offset; /* minutes east of UTC that the text shows; 0 prints as Z */
};

#define STAMP_TEXT_MAX 48

/* 0001-01-01T00:00:00Z: no time.  A content hash has it in the place of one. */
/* clang-format off */
#define STAMP_ZERO { INT64_C(-62135596800), 0, 0 }
/* clang-format on */

/* Now, with the local zone's offset. */
int stamp_now(struct stamp *ret, struct err *err);
/* Years 0000..9999; ERR_CORRUPT otherwise.  Fractions beyond nine digits are cut. */
int stamp_parse(const char *text, size_t len, struct stamp *ret, struct err *err);
/* Up to nine fraction digits, trailing zeros trimmed.  Years out of 0000..9999 are
 * written as they are, and cannot be read back. */
void stamp_format(const struct stamp *s, char out[STAMP_TEXT_MAX]);
/* Whether it is STAMP_ZERO. */
bool stamp_is_zero(const struct stamp *s);
/* Age as snapd prints it: "529ms" "1.00s" "2h41m" "25d5h" "3d02h"; "0ns" if negative. */
void stamp_format_age(int64_t nsec, char out[STAMP_TEXT_MAX]);
/* "36h" "31d" "2w" "90m" "10s" "no"/"never" (ret = -1); ERR_USAGE otherwise. Seconds. */
int stamp_parse_duration(const char *text, int64_t *ret, struct err *err);
/* Bytes as snapd prints sizes: "882kB", "123B", "1.10MB": SI, three digits, no space. */
void stamp_format_size(uint64_t bytes, char out[STAMP_TEXT_MAX]);
/* "10K" "1G" "1GiB" (1024) "10kB" "1MB" (1000), plain bytes; ERR_USAGE otherwise. */
int stamp_parse_size(const char *text, uint64_t *ret, struct err *err);

#endif
