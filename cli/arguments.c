/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/arguments.h"

#include <stdint.h>
#include <string.h>

#include "backend/base/quote.h"
#include "backend/base/stamp.h"

static const struct option_spec global_options[] = {
	ARGUMENT_FLAG("system", system, "the store of the machine; root's default"),
	ARGUMENT_FLAG("user", user, "your own store; everyone else's default"),
	ARGUMENT("store", OPTION_TEXT, store, "DIR",
		 "another store, made by setaside or by snapd (then read only); also in "
		 "the environment as SETASIDE_STORE"),
	ARGUMENT("root", OPTION_TEXT, root, "DIR",
		 "work on the system below DIR: its users, homes, apps and store"),
	ARGUMENT("wait", OPTION_TEXT, wait, "S",
		 "seconds, or 2m and the like, to wait for another operation; \"no\": "
		 "not at all"),
	ARGUMENT_FLAG("json", json, "print one JSON object"),
	ARGUMENT_FLAG("quiet", quiet,
		      "no progress, no notes, nothing on success but what was asked for"),
	{ "help", 'h', OPTION_FLAG, NULL, "show this, or what the verb does",
	  offsetof(struct arguments, help) },
	ARGUMENT_FLAG("version", version, "show which version this is"),
};

const struct option_table arguments_global = OPTION_TABLE(global_options);

void arguments_done(struct arguments *a)
{
	strings_done(&a->users);
	strings_done(&a->exclude);
	strings_done(&a->map_users);
}

int arguments_check(const struct arguments *a, struct err *err)
{
	int64_t ms;

	if (a->system && a->user)
		return err_set(err, ERR_USAGE,
			       "options \"--system\" and \"--user\" exclude each other");
	if (a->reason && !a->automatic)
		return err_set(err, ERR_USAGE, "option \"--reason\" needs \"--auto\"");
	if (a->force_read && a->if_changed)
		return err_set(err, ERR_USAGE,
			       "options \"--force-read\" and \"--if-changed\" exclude "
			       "each other");
	return arguments_wait(a, &ms, err);
}

int arguments_wait(const struct arguments *a, int64_t *ret_ms, struct err *err)
{
	char with_unit[32];
	const char *text = a->wait;
	int64_t seconds, ms;

	if (!text) {
		*ret_ms = -1;
		return 0;
	}
	size_t digits = strspn(text, "0123456789");
	if (text[digits] == '\0' && digits < sizeof(with_unit) - 1) {
		memcpy(with_unit, text, digits);
		memcpy(with_unit + digits, "s", 2);
		text = with_unit;
	}
	if (stamp_parse_duration(text, &seconds, err) < 0) {
		err_wrap(err, "option \"--wait\"");
		return err_hint(err, "seconds, or a number with a unit such as \"2m\"");
	}
	if (seconds < 0)
		seconds = 0; /* "no": not at all, as in the configuration */
	if (__builtin_mul_overflow(seconds, 1000, &ms))
		return err_set(err, ERR_USAGE, "option \"--wait\": %s is too long",
			       q(a->wait));
	*ret_ms = ms;
	return 0;
}
