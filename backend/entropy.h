/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_ENTROPY_H
#define SETASIDE_ENTROPY_H

/*
 * entropy: which parts of a block deflate could not make smaller.
 *
 * Pictures, films, packed and encrypted files are half of many an app's data; a
 * compressor reads them as slowly as all else and leaves them as they are.  So a look at
 * a sample of each piece tells whether it is worth the compressor's while.  It is not if
 *
 *	- all values of bytes are about equally frequent: chi-squared of a sample of 1,856
 *	  bytes against the uniform distribution (mean 255, deviation 22.6 where bytes are
 *	  random) is below 368, five deviations; what passes for random could be made
 *	  smaller by some 0.5 % at most by Huffman codes alone; and
 *	- nothing is there twice: what follows a certain value of a byte is looked for
 *	  among what followed it before, in this piece and in the last few.
 *
 * The answer depends on the bytes of the block alone.  A wrong one costs time or space,
 * no more: what is stored is stored right.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENTROPY_PIECE ((size_t)16 << 10)

/* Says of each piece of the block (the last may be short) whether it is full of entropy;
 * returns how many are. */
size_t entropy_look(const uint8_t *p, size_t n, bool *ret_full);

#endif
