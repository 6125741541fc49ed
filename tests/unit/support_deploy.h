/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TESTS_SUPPORT_DEPLOY_H
#define SETASIDE_TESTS_SUPPORT_DEPLOY_H

/* support_deploy: builds the `deploy` file of a flatpak, as GLib serialises
 * (ssasta{sv}). */

#include <stddef.h>

#include "backend/base/buf.h"

struct support_deploy_entry {
	const char *key, *value;
	/* 's': a string; 't': eight bytes of value; 'a': an array of this one string */
	char type;
};

/* Appends ('flathub', commit, [], 0, {entries}) to out, which is empty. */
void support_deploy(struct buf *out, const char *commit,
		    const struct support_deploy_entry *entries, size_t n);

#endif
