/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TESTS_SUPPORT_WORKER_H
#define SETASIDE_TESTS_SUPPORT_WORKER_H

/*
 * support_worker: a worker that keeps to no rule, to be told so by its parent.
 *
 * The test program itself is it, where it is started under a worker's name:
 *
 *	env.program = support_worker_program();
 *	worker_start(&env, ...)
 *	worker_begin(w, a request of enum support_worker_request)
 *
 * Asked as a packer, it has found every tree, and leaves out one path after the other.
 */

#include <stdbool.h>

enum support_worker_request {
	SUPPORT_WORKER_LIE =
		200, /* progress that goes back, and beyond all bounds; then OK */
	SUPPORT_WORKER_FLOOD, /* progress without end */
	SUPPORT_WORKER_ASK,   /* asks for owners without end, and reads no answer */
	SUPPORT_WORKER_AGREE, /* says OK without end, to requests that
			       * it does not read, too */
	SUPPORT_WORKER_TALK,  /* takes a pipe: a byte into it, then
			      * TALK records without end */
};

/* Its path; valid for good. */
const char *support_worker_program(void);

/* For main(): whether this is to be the worker, and its life. */
bool support_worker_wanted(const char *argv0);
int support_worker_main(void);

#endif
