/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_CLI_JSON_INVENTORY_H
#define SETASIDE_CLI_JSON_INVENTORY_H

/*
 * json_inventory: what can be saved here, as whole answers in JSON.
 */

#include "backend/base/buf.h"
#include "backend/base/error.h"
#include "state/operation/inventory.h"

int json_inventory_apps(const struct inventory *i, struct buf *out, struct err *err);
int json_inventory_estimate(const struct inventory *i, struct buf *out, struct err *err);
/* {"version":1,"users":[{"name":...,"uid":N,"gid":N,"home":...}]} */
int json_inventory_users(const struct user_list *list, struct buf *out, struct err *err);

#endif
