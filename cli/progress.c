/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "backend/base/stamp.h"
#include "cli/table.h"
#include "cli/text.h"

#define DELAY    1000 /* milliseconds before the first line */
#define INTERVAL 200  /* and between two */
#define COLUMNS  80   /* where the terminal does not know */

/* To the first column, and nothing right of it. */
#define WIPE "\r\033[K"

/* Milliseconds of a clock that only goes forward. */
static bool read_clock(int64_t *ret)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) < 0)
		return false;
	*ret = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	return true;
}

/* Is stderr a terminal on which a line may be drawn again and again? */
static bool can_show(void)
{
	const char *terminal = getenv("TERM"), *plain = getenv("NO_COLOR");

	return terminal && terminal[0] != '\0' && strcmp(terminal, "dumb") != 0 &&
	       !(plain && plain[0] != '\0') && isatty(STDERR_FILENO);
}

void progress_init(struct progress *p, const char *doing)
{
	*p = (struct progress){ .doing = NULL };
	if (!doing || !can_show())
		return;
	p->doing = doing;
	p->started = read_clock(&p->begun);
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

/* What is done of how much, as far as that is known. */
static void put_amount(struct text *t, const struct event *event)
{
	uint64_t done = event->done, total = event->total;
	char part[STAMP_TEXT_MAX], whole[STAMP_TEXT_MAX];

	if (total == 0 && done == 0) {
		text_printf(t, " ...");
		return;
	}
	if (total > 0 && done > total)
		done = total;
	stamp_format_size(done, part);
	if (total == 0) {
		text_printf(t, ": %s", part);
		return;
	}
	stamp_format_size(total, whole);
	text_printf(t, ": %d %%, %s of %s", (int)((double)done / (double)total * 100),
		    part, whole);
}

void progress_format(const char *doing, const struct event *event, size_t columns,
		     char out[PROGRESS_MAX])
{
	_cleanup_(buf_done) struct buf line = BUF_INIT;
	_cleanup_(err_clear) struct err ignored = ERR_INIT;
	struct text t = TEXT(&line, &ignored);
	size_t n;

	text_printf(&t, "%s", doing);
	put_amount(&t, event);
	if (event->object) {
		text_printf(&t, ": ");
		text_foreign(&t, event->object);
	}
	if (event->object && event->user) {
		text_printf(&t, " of ");
		text_foreign(&t, event->user);
	}
	/* Without memory: as far as it got. */
	n = line.data ? table_fit(line.data, columns) : 0;
	if (n >= PROGRESS_MAX)
		n = PROGRESS_MAX - 1;
	while (n > 0 && ((unsigned char)line.data[n] & 0xc0) == 0x80)
		n--; /* no half character */
	memcpy(out, line.data ? line.data : "", n);
	out[n] = '\0';
}

/* Columns that can be drawn in without going on to the next line. */
static size_t usable_columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return COLUMNS - 1;
	return size.ws_col - 1u;
}

void progress_update(struct progress *p, const struct event *event)
{
	char line[PROGRESS_MAX];
	int64_t now;

	if (!p->doing || !read_clock(&now))
		return;
	/* What there is to do has just become known: worth a line at once. */
	if (event->total != p->total)
		p->drawn = 0;
	p->total = event->total;
	if (!progress_is_due(p, now))
		return;
	progress_format(p->doing, event, usable_columns(), line);
	fprintf(stderr, WIPE "%s", line);
	p->shown = true;
}

void progress_clear(struct progress *p)
{
	if (p->shown)
		fputs(WIPE, stderr);
	p->shown = false;
}
