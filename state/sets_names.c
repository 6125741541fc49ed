/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/sets.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/buf.h"
#include "backend/base/cleanup.h"
#include "backend/base/quote.h"
#include "backend/base/suggest.h"

#define NAME_MAX_LENGTH 64
#define NOTE_MAX_LENGTH 1000
#define HASH_PREFIX_MIN 3

/* Digits alone: a number. */
static const struct set *by_number(const struct set_list *list, const char *text)
{
	unsigned long long id;
	char *end;

	errno = 0;
	id = strtoull(text, &end, 10);
	if (errno != 0 || *end)
		return NULL;
	for (size_t i = 0; i < list->n; i++)
		if (list->sets[i].id == id)
			return &list->sets[i];
	return NULL;
}

/* The candidates of an ambiguous prefix, as a hint. */
static int ambiguous(const struct set_list *list, const char *text, struct err *err)
{
	_cleanup_(buf_done) struct buf candidates = BUF_INIT;
	_cleanup_(err_clear) struct err ignored = ERR_INIT;
	size_t n = strlen(text);

	for (size_t i = 0; i < list->n; i++)
		if (strncmp(list->sets[i].content_hash, text, n) == 0)
			(void)buf_printf(&candidates, &ignored, "%s%llu (%.12s)",
					 candidates.len ? ", " : "",
					 (unsigned long long)list->sets[i].id,
					 list->sets[i].content_hash);
	err_set(err, ERR_USAGE, "%s is the beginning of several sets' content hashes",
		q(text));
	return err_hint(err, "it may be %s",
			candidates.data ? candidates.data : "any of them");
}

static int no_such_set(const struct set_list *list, const char *text, struct err *err)
{
	struct suggest s = SUGGEST(text);

	for (size_t i = 0; i < list->n; i++)
		if (list->sets[i].name)
			suggest_offer(&s, list->sets[i].name);
	err_set(err, ERR_NOT_FOUND, "there is no set %s", q(text));
	return s.best ? err_hint(err, "did you mean %s?", q(s.best)) : -1;
}

int sets_resolve(const struct set_list *list, const char *text, const struct set **ret,
		 struct err *err)
{
	size_t n = strlen(text), matches = 0;
	const struct set *found = NULL;

	if (n > 0 && strspn(text, "0123456789") == n)
		found = by_number(list, text);
	for (size_t i = 0; !found && i < list->n; i++)
		if (list->sets[i].name && strcmp(list->sets[i].name, text) == 0)
			found = &list->sets[i];
	if (!found && n >= HASH_PREFIX_MIN && strspn(text, "0123456789abcdef") == n &&
	    strspn(text, "0123456789") != n) {
		for (size_t i = 0; i < list->n; i++) {
			if (strncmp(list->sets[i].content_hash, text, n) != 0)
				continue;
			found = &list->sets[i];
			matches++;
		}
		if (matches > 1)
			return ambiguous(list, text, err);
	}
	if (!found)
		return no_such_set(list, text, err);
	*ret = found;
	return 0;
}

int sets_check_name(const char *name, struct err *err)
{
	size_t n = strlen(name);

	if (n == 0 || n > NAME_MAX_LENGTH || !isalnum((unsigned char)name[0]) ||
	    strspn(name,
		   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-") !=
		    n ||
	    strspn(name, "0123456789") == n) {
		err_set(err, ERR_USAGE, "%s cannot be the name of a set", q(name));
		return err_hint(
			err,
			"a name is 1 to %d letters, digits and . _ + -, begins with"
			" a letter or digit, and is not digits alone",
			NAME_MAX_LENGTH);
	}
	return 0;
}

int sets_check_note(const char *note, struct err *err)
{
	size_t n = strlen(note);

	if (n > NOTE_MAX_LENGTH)
		return err_set(err, ERR_USAGE, "a note has at most %d bytes",
			       NOTE_MAX_LENGTH);
	if (!quote_is_clean(note, n))
		return err_set(err, ERR_USAGE,
			       "the note %s is not UTF-8, or has control characters",
			       q(note));
	return 0;
}
