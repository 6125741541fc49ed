/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_BASE_UTF8_H
#define SETASIDE_BASE_UTF8_H

/*
 * utf8: single characters of text of unknown origin.
 *
 * Well-formed is what Unicode calls so: no overlong forms, no surrogates, nothing above
 * U+10FFFF.  Who goes on after an ill-formed byte skips that one byte, as Go does.
 */

#include <stddef.h>
#include <stdint.h>

#define UTF8_MAX         4
#define UTF8_REPLACEMENT 0xfffdu

/* The character at s, of which n bytes may be read: its length (1 to 4), or 0 if there is
 * no well-formed one (*ret is then untouched). */
size_t utf8_decode(const char *s, size_t n, uint32_t *ret);

/* Writes c, a code point that is no surrogate; returns the length. */
size_t utf8_encode(uint32_t c, char out[UTF8_MAX]);

#endif
