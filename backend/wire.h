/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_WIRE_H
#define SETASIDE_WIRE_H

/*
 * wire: bounded records between processes.
 *
 * A record is a type and a list of fields, each with a tag, in one datagram of at most
 * WIRE_MAX bytes on a SOCK_SEQPACKET pair, with up to WIRE_MAX_FDS descriptors.  Fields
 * are 64-bit numbers or byte strings; they are written and read in a fixed order that
 * the two ends agree on (worker/protocol.h); any surprise (wrong tag, short field,
 * left-over bytes) is ERR_CORRUPT.  Nothing in a record is trusted beyond that.
 *
 * Layout: u16 type, then per field u16 tag, u32 length, bytes; all little endian.  An
 * absent string has the length 2^32-1 and no bytes.  Tags from WIRE_TAG_OWN on are
 * wire's own.
 *
 * Both building and reading latch: if `err` holds an error already, a call does nothing
 * and returns -1, so that a row of calls needs one check at its end.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"

#define WIRE_MAX     65536u
#define WIRE_MAX_FDS 16
#define WIRE_TAG_OWN 0xff00u

struct wire_out {
	struct buf bytes;
	int fds[WIRE_MAX_FDS]; /* borrowed until sent */
	size_t n_fds;
};

struct wire_in {
	unsigned type;
	const uint8_t *p, *end;
	int fds[WIRE_MAX_FDS]; /* owned: wire_in_done() closes what was not taken */
	size_t n_fds, next_fd;
	uint8_t storage[WIRE_MAX];
};

/* Building: a record over WIRE_MAX bytes or WIRE_MAX_FDS descriptors is ERR_NO_SPACE. */
void wire_out_init(struct wire_out *o);
void wire_out_done(struct wire_out *o);
/* Begins a record; what was in `o` is dropped. */
int wire_begin(struct wire_out *o, unsigned type, struct err *err);
int wire_put_u64(struct wire_out *o, unsigned tag, uint64_t v, struct err *err);
int wire_put_bytes(struct wire_out *o, unsigned tag, const void *p, size_t n,
		   struct err *err);
/* NULL sends an absent string. */
int wire_put_str(struct wire_out *o, unsigned tag, const char *s, struct err *err);
/* Borrows fd until the record is sent. */
int wire_put_fd(struct wire_out *o, int fd, struct err *err);
/* Kind, errno, message and hint; ERR_NONE can be sent too.  Long texts are cut. */
int wire_put_err(struct wire_out *o, const struct err *e, struct err *err);

/* Reading, in the order of writing.  ERR_CORRUPT for anything else than was asked for. */
int wire_get_u64(struct wire_in *in, unsigned tag, uint64_t *ret, struct err *err);
/* Points into the record: valid until the next wire_recv() or wire_in_done(). */
int wire_get_bytes(struct wire_in *in, unsigned tag, size_t max, const uint8_t **ret,
		   size_t *ret_n, struct err *err);
/* A copy that the caller frees; NULL if absent was sent.  No NUL inside. */
int wire_get_str(struct wire_in *in, unsigned tag, size_t max, char **ret,
		 struct err *err);
/* The next descriptor of the record; the caller closes it. */
int wire_take_fd(struct wire_in *in, int *ret, struct err *err);
/* Fills `to` (another object than err, cleared first) with the error that was sent,
 * which is a success of this call: 0.  Its texts hold nothing that a terminal would
 * obey. */
int wire_get_err(struct wire_in *in, struct err *to, struct err *err);
/* All fields and all descriptors have been taken. */
bool wire_at_end(const struct wire_in *in);
void wire_in_init(struct wire_in *in);
void wire_in_done(struct wire_in *in);

/* Sends one datagram; EPIPE and ECONNRESET are ERR_IO "the other end is gone". */
int wire_send(int sock, const struct wire_out *o, struct err *err);
/* The same without waiting: 1 sent; 0 not, since the other end has too
 * many to read already; -1. */
int wire_offer(int sock, const struct wire_out *o, struct err *err);
/* 1 a record, 0 end of file, -1.  Closes what was left of the record before.  A gone
 * other end is ERR_IO as in wire_send(); a record that does not fit is ERR_CORRUPT. */
int wire_recv(int sock, struct wire_in *in, struct err *err);

#endif
