/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/report.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "backend/base/json.h"
#include "cli/text.h"

#define PROGRAM "setaside: "

static const struct {
	const char *json;
	int status;
} kinds[] = {
	[ERR_USAGE] = { "usage", STATUS_USAGE },
	[ERR_NOT_FOUND] = { "not-found", STATUS_NOT_FOUND },
	[ERR_EXISTS] = { "refused", STATUS_REFUSED },
	[ERR_DUPLICATE] = { "refused", STATUS_REFUSED },
	[ERR_BUSY] = { "busy", STATUS_BUSY },
	[ERR_DENIED] = { "failed", STATUS_FAILED },
	[ERR_NO_SPACE] = { "no-space", STATUS_NO_SPACE },
	[ERR_CHANGED] = { "failed", STATUS_FAILED },
	[ERR_CORRUPT] = { "damaged", STATUS_DAMAGED },
	[ERR_UNSUPPORTED] = { "refused", STATUS_REFUSED },
	[ERR_INTERRUPTED] = { "interrupted", STATUS_SIGNAL },
	[ERR_REFUSED] = { "refused", STATUS_REFUSED },
	/* Who did a part has an answer to print; this one has not even that. */
	[ERR_PARTIAL] = { "failed", STATUS_FAILED },
	[ERR_IO] = { "failed", STATUS_FAILED },
	[ERR_NOMEM] = { "failed", STATUS_FAILED },
};

int report_status(enum err_kind kind, int signal)
{
	if (kind == ERR_NONE)
		return STATUS_DONE;
	if (kind == ERR_INTERRUPTED)
		return STATUS_SIGNAL + (signal > 0 ? signal : SIGINT);
	return kinds[kind].status;
}

const char *report_kind(enum err_kind kind)
{
	return kinds[kind].json;
}

int report_format(struct buf *out, const char *label, const char *object,
		  const char *text, struct err *err)
{
	struct text t = TEXT(out, err);

	text_printf(&t, PROGRAM);
	if (label)
		text_printf(&t, "%s: ", label);
	if (object) {
		text_foreign(&t, object);
		text_printf(&t, ": ");
	}
	text_message(&t, text);
	text_printf(&t, "\n");
	return text_end(&t);
}

void report_write_json(struct json_writer *w, const struct err *what)
{
	const char *message = err_message(what);

	json_begin_object(w);
	json_key(w, "kind");
	json_str(w, report_kind(what->kind));
	json_key(w, "message");
	json_bytes(w, message, strlen(message));
	if (what->hint) {
		json_key(w, "hint");
		json_bytes(w, what->hint, strlen(what->hint));
	}
	json_end_object(w);
}

int report_format_json(struct buf *out, const struct err *what, struct err *err)
{
	struct json_writer w = JSON_WRITER(out, err);

	json_begin_object(&w);
	json_key(&w, "version");
	json_u64(&w, 1);
	json_key(&w, "error");
	report_write_json(&w, what);
	json_end_object(&w);
	if (json_end(&w) < 0)
		return -1;
	return buf_add_byte(out, '\n', err);
}

/* One call for one line where that is possible, so that lines of two processes do not
 * mix. */
static void write_all(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t written = write(STDERR_FILENO, p, n);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return; /* there is no one left to tell */
		p += written;
		n -= (size_t)written;
	}
}

void report_line(const char *label, const char *object, const char *text)
{
	_cleanup_(buf_done) struct buf line = BUF_INIT;
	_cleanup_(err_clear) struct err err = ERR_INIT;

	if (report_format(&line, label, object, text, &err) < 0) {
		/* The only thing that can fail is memory: say what needs none. */
		const char *message = err_message(&err);
		write_all(PROGRAM, strlen(PROGRAM));
		write_all(message, strlen(message));
		write_all("\n", 1);
		return;
	}
	write_all(line.data, line.len);
}

void report_error(const struct err *what)
{
	report_line(NULL, NULL, err_message(what));
	if (what->hint)
		report_line("hint", NULL, what->hint);
}
