/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/verb.h"

#include <string.h>

#include "backend/base/quote.h"
#include "backend/base/suggest.h"

static const struct verb *const verbs[] = {
	&cmd_save,     &cmd_saved, &cmd_show,   &cmd_check,  &cmd_restore,
	&cmd_undo,     &cmd_keep,  &cmd_forget, &cmd_export, &cmd_import,
	&cmd_estimate, &cmd_apps,  &cmd_users,  &cmd_doctor, &cmd_help,
};

size_t verb_count(void)
{
	return sizeof(verbs) / sizeof(verbs[0]);
}

const struct verb *verb_at(size_t i)
{
	return verbs[i];
}

int verb_find(const char *name, const struct verb **ret, struct err *err)
{
	struct suggest s = SUGGEST(name);

	for (size_t i = 0; i < verb_count(); i++) {
		const struct verb *verb = verbs[i];
		if (strcmp(verb->name, name) == 0 ||
		    (verb->alias && strcmp(verb->alias, name) == 0)) {
			*ret = verb;
			return 0;
		}
		suggest_offer(&s, verb->name);
		if (verb->alias)
			suggest_offer(&s, verb->alias);
	}
	err_set(err, ERR_USAGE, "unknown verb %s", q(name));
	return s.best ? err_hint(err, "did you mean \"%s\"?", s.best) : -1;
}

int verb_check_operands(const struct verb *verb, size_t n, const char *const *operands,
			struct err *err)
{
	if (n < verb->min_operands)
		return err_set(err, ERR_USAGE, "%s needs more operands: %s", verb->name,
			       verb->operands);
	if (n > verb->max_operands)
		return err_set(err, ERR_USAGE, "%s does not take the operand %s",
			       verb->name, q(operands[verb->max_operands]));
	for (size_t i = 0; i < n; i++) {
		if (operands[i][0] == '\0')
			return err_set(err, ERR_USAGE, "%s got an empty operand",
				       verb->name);
	}
	return 0;
}
