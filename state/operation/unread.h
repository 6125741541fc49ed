/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_OPERATION_UNREAD_H
#define SETASIDE_OPERATION_UNREAD_H

/*
 * unread: the list of trees that cannot be looked at.  Not installed.
 */

#include "state/operation/save.h"

/* Appends copies; `user` NULL: data of the system.  1; 0: this tree of the app is there
 * already; -1. */
int unread_add(struct save_unread_list *list, const char *app, const char *user,
	       const char *path, const struct err *why, struct err *err);
bool unread_has(const struct save_unread_list *list, const char *app);
void unread_list_done(struct save_unread_list *list);

#endif
