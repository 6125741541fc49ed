/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backend/base/stamp.h"

#define DELAY    1000 /* milliseconds before the first line */
#define INTERVAL 200  /* and between two */

/* To the first column, and nothing right of it. */
#define WIPE "\r\033[K"

void progress_init(struct progress *p, const char *doing)
{
	const char *terminal = getenv("TERM");

	*p = (struct progress){ NULL, false, false, 0, 0 };
	if (terminal && terminal[0] != '\0' && strcmp(terminal, "dumb") != 0 &&
	    isatty(STDERR_FILENO))
		p->doing = doing;
}

bool progress_is_due(struct progress *p, int64_t now)
{
	if (!p->started) {
		p->started = true;
		p->begun = now;
	}
	if (now - p->begun < DELAY || (p->drawn > 0 && now - p->drawn < INTERVAL))
		return false;
	p->drawn = now;
	return true;
}

void progress_format(const char *doing, uint64_t done, uint64_t total,
		     char out[PROGRESS_MAX])
{
	char part[STAMP_TEXT_MAX], whole[STAMP_TEXT_MAX];

	if (total == 0 && done == 0) {
		snprintf(out, PROGRESS_MAX, "%s ...", doing);
		return;
	}
	stamp_format_size(done, part);
	if (total == 0) {
		snprintf(out, PROGRESS_MAX, "%s: %s", doing, part);
		return;
	}
	/* Files may grow meanwhile: more than all is all. */
	if (done > total)
		done = total;
	stamp_format_size(total, whole);
	stamp_format_size(done, part);
	snprintf(out, PROGRESS_MAX, "%s: %s of %s, %d %%", doing, part, whole,
		 (int)((double)done / (double)total * 100));
}

void progress_update(struct progress *p, uint64_t done, uint64_t total)
{
	char line[PROGRESS_MAX];
	struct timespec now;

	if (!p->doing || clock_gettime(CLOCK_MONOTONIC, &now) < 0 ||
	    !progress_is_due(p, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000))
		return;
	progress_format(p->doing, done, total, line);
	fprintf(stderr, WIPE "%s", line);
	p->shown = true;
}

void progress_clear(struct progress *p)
{
	if (p->shown)
		fputs(WIPE, stderr);
	p->shown = false;
}
