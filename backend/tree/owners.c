/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/owners.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"

/* Slots of each table.  A slot holds the last answer for all keys that fall on it: a
 * tree with more owners than slots is slower, never larger. */
#define SLOTS 256

struct name_slot {
	bool used;
	uint32_t id;
	char *name;
};

struct id_slot {
	bool used;
	char *name;
	uint32_t number;
	uint32_t id;
};

struct owners {
	struct owner_source source;
	bool failed;
	struct name_slot names[2][SLOTS];
	struct id_slot ids[2][SLOTS];
};

int owners_new(const struct owner_source *source, struct owners **ret, struct err *err)
{
	struct owners *o = alloc_zero(1, sizeof(*o), err);

	if (!o)
		return -1;
	o->source = *source;
	*ret = o;
	return 0;
}

bool owners_failed(const struct owners *o)
{
	return o->failed;
}

void owners_free(struct owners *o)
{
	if (!o)
		return;
	for (int kind = 0; kind < 2; kind++) {
		for (int i = 0; i < SLOTS; i++) {
			free(o->names[kind][i].name);
			free(o->ids[kind][i].name);
		}
	}
	free(o);
}

int owners_name(struct owners *o, enum owner_kind kind, uint32_t id, const char **ret,
		struct err *err)
{
	struct name_slot *slot = &o->names[kind][id % SLOTS];
	char *name = NULL;

	if (slot->used && slot->id == id) {
		*ret = slot->name;
		return 0;
	}
	if (o->source.name_of &&
	    o->source.name_of(o->source.ctx, kind, id, &name, err) < 0) {
		o->failed = true;
		return -1;
	}
	if (name && name[0] == '\0') {
		free(name);
		name = NULL;
	}
	free(slot->name);
	*slot = (struct name_slot){ .used = true, .id = id, .name = name };
	*ret = name;
	return 0;
}

/* The slot of (name, number), by an FNV-1a hash. */
static struct id_slot *id_slot(struct owners *o, enum owner_kind kind, const char *name,
			       uint32_t number)
{
	uint32_t hash = 2166136261u ^ number;

	for (const char *p = name ? name : ""; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619u;
	return &o->ids[kind][(hash ^ hash >> 16) % SLOTS];
}

/* Whether two names are equal, NULL being a name of its own. */
static bool same_name(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

int owners_id(struct owners *o, enum owner_kind kind, const char *name, uint32_t number,
	      uint32_t *ret, struct err *err)
{
	struct id_slot *slot = id_slot(o, kind, name, number);
	char *copy = NULL;
	uint32_t id = number;

	if (slot->used && slot->number == number && same_name(slot->name, name)) {
		*ret = slot->id;
		return 0;
	}
	if (!o->source.id_of || (!name && number == OWNER_NO_NUMBER)) {
		if (number == OWNER_NO_NUMBER)
			return err_set(err, ERR_REFUSED, "no number for %s %s",
				       kind == OWNER_USER ? "user" : "group", q(name));
	} else if (o->source.id_of(o->source.ctx, kind, name, number, &id, err) < 0) {
		o->failed = true;
		return -1;
	}
	if (name) {
		copy = alloc_strdup(name, err);
		if (!copy)
			return -1;
	}
	free(slot->name);
	*slot = (struct id_slot){
		.used = true, .name = copy, .number = number, .id = id
	};
	*ret = id;
	return 0;
}
