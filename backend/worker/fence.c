/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/worker/fence.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backend/base/sys.h"
#include "backend/worker/protocol.h"

/* Descriptors that a deep tree may need at once, or a reader that holds all files of the
 * largest set open (EXPORT_ZIPS_MAX). */
#define FENCE_MAX_FILES 16384

/* Lowers a limit; one that is lower already stays. */
static int limit(int resource, rlim_t value, const char *what, struct err *err)
{
	struct rlimit r;

	if (sys_getrlimit(resource, &r) < 0)
		return err_errno(err, "cannot read the limit on %s", what);
	if (r.rlim_max == RLIM_INFINITY || r.rlim_max > value)
		r.rlim_max = value;
	r.rlim_cur = r.rlim_max;
	if (sys_setrlimit(resource, &r) < 0)
		return err_errno(err, "cannot limit %s", what);
	return 0;
}

int fence_before_identity(struct err *err)
{
	if (sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_errno(err, "cannot give up new privileges");
	if (limit(RLIMIT_CORE, 0, "core files", err) < 0 ||
	    limit(RLIMIT_NOFILE, FENCE_MAX_FILES, "open files", err) < 0)
		return -1;
	if (sys_close_range(PROTOCOL_ALIVE_FD + 1, ~0u, 0) < 0)
		return err_errno(err, "cannot close inherited descriptors");
	(void)sys_umask(077);
	if (sys_chdir("/") < 0)
		return err_errno(err, "cannot change to /");
	return 0;
}

int fence_after_identity(struct err *err)
{
	if (sys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_errno(err, "cannot become undumpable");
	if (sys_prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return err_errno(err, "cannot tie the worker to its parent");
	return 0;
}
