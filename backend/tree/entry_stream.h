/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_ENTRY_STREAM_H
#define SETASIDE_TREE_ENTRY_STREAM_H

/*
 * entry_stream: checked entries from the process that parses an archive to the
 * one that makes the files.
 *
 * The parser may have been taken over by what it read, so the reading end checks every
 * bound and every path again; what it cannot check (the bytes of a file) can do no more
 * harm than an archive can.  Frames: u32 kind, u32 length, payload, little endian; a
 * stream that ends without its end frame was aborted.
 */

#include <stdint.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/base/observer.h"
#include "backend/tree/unpack.h"

struct entry_writer;

/* A sink that writes to fd (borrowed). */
int entry_writer_new(int fd, struct entry_writer **ret, struct err *err);
struct unpack_sink entry_writer_sink(struct entry_writer *w);
void entry_writer_free(struct entry_writer *w);
CLEANUP_FUNC(struct entry_writer *, entry_writer_free);

/* Reads frames from fd until the end frame and gives them to the sink (finish
 * included). ERR_CORRUPT for anything a right writer would not send,
 * ERR_INTERRUPTED where it just ends. */
int entry_stream_run(int fd, const struct unpack_sink *sink,
		     const struct observer *observer, struct err *err);

#endif
