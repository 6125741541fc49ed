/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_DEFINITION_INTERNAL_H
#define SETASIDE_DEFINITION_INTERNAL_H

/* definition_internal: the tables of format 1, for the parser. */

#include "state/definition.h"
#include "state/shape.h"

extern const struct shape definition_format[];

/* Words of trees[].role, in the order of enum tree_role, and of trees[].save. */
extern const char *const definition_roles[];
extern const char *const definition_saves[];

#endif
