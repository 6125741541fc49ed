/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_BASE_CLEANUP_H
#define SETASIDE_BASE_CLEANUP_H

/*
 * cleanup: scope-bound ownership.
 *
 *	_cleanup_free_ char *name = NULL;
 *	_cleanup_close_ int fd = -1;	   // read-only fds; written ones: fd_close()
 *	_cleanup_(snapshot_freep) struct snapshot *s = NULL;
 *	...
 *	*ret_name = TAKE_PTR(name);
 *
 * CLEANUP_FUNC(type, func) defines func##p for a pointer type.
 */

#include <stdlib.h>

#include "backend/base/sys.h"

#define _cleanup_(f) __attribute__((cleanup(f)))

/* clang-format off */
#define CLEANUP_FUNC(type, func)                              \
	static inline void func##p(type *pp)                  \
	{                                                     \
		if (*pp)                                      \
			func(*pp);                            \
		*pp = NULL;                                   \
	}                                                     \
	struct cleanup_semicolon_##func

/* clang-format on */

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
	*(void **)p = NULL;
}

static inline void cleanup_close(const int *fd)
{
	if (*fd >= 0)
		sys_close_best_effort(*fd);
}

#define _cleanup_free_  _cleanup_(cleanup_free)
#define _cleanup_close_ _cleanup_(cleanup_close)

/* clang-format off */
#define TAKE_PTR(p)                          \
	({                                   \
		__typeof__(p) *pp_ = &(p);   \
		__typeof__(p) taken_ = *pp_; \
		*pp_ = NULL;                 \
		taken_;                      \
	})

#define TAKE_FD(fd)                \
	({                         \
		int *fdp_ = &(fd); \
		int taken_ = *fdp_; \
		*fdp_ = -1;        \
		taken_;            \
	})
/* clang-format on */

#endif
