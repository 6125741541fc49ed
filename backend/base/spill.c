/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/spill.h"

#include "backend/base/fd.h"
#include "backend/base/sys.h"

static const char what[] = "what does not fit into memory";

bool spill_wants(const struct spill *s, size_t bytes)
{
	return s && s->fd >= 0 && bytes > s->memory;
}

int spill_take(struct spill *s, uint64_t n, uint64_t *ret, struct err *err)
{
	uint64_t end;

	if (__builtin_add_overflow(s->end, n, &end) || end > INT64_MAX)
		return err_set(err, ERR_NO_SPACE, "no room for %s", what);
	if (sys_ftruncate(s->fd, (off_t)end) < 0)
		return err_errno(err, "no room for %s", what);
	*ret = s->end;
	s->end = end;
	return 0;
}

void spill_give_back(struct spill *s, uint64_t at, uint64_t end)
{
	/* A failure costs room until the process ends. */
	if (at < end && s->end == end && sys_ftruncate(s->fd, (off_t)at) == 0)
		s->end = at;
}

int spill_put(struct spill *s, uint64_t at, const void *p, size_t n, struct err *err)
{
	if (fd_pwrite_all(s->fd, p, n, at, err) < 0)
		return err_wrap(err, "cannot put aside %s", what);
	return 0;
}

int spill_get(struct spill *s, uint64_t at, void *p, size_t n, struct err *err)
{
	ssize_t got = fd_pread_full(s->fd, p, n, at, err);

	if (got < 0)
		return err_wrap(err, "cannot read %s", what);
	if ((size_t)got < n)
		return err_set(err, ERR_IO, "cannot read %s: its file is cut short",
			       what);
	return 0;
}
