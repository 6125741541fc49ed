/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_FLATPAK_DEPLOY_H
#define SETASIDE_FLATPAK_DEPLOY_H

/*
 * flatpak_deploy: version and summary out of a flatpak's `deploy` file.
 *
 * The file is one serialised GVariant of type (ssasta{sv}) in the byte order of the
 * machine; only strings of the dictionary are read.  Every offset is checked; whatever
 * does not fit is ERR_CORRUPT.  A pure function on a buffer.
 */

#include <stddef.h>

#include "backend/base/error.h"

#define FLATPAK_DEPLOY_MAX ((size_t)4 << 20) /* bytes of the file */

struct flatpak_deploy {
	char *version; /* "appdata-version", or NULL */
	char *summary; /* "appdata-summary", else "appdata-name", or NULL */
};

void flatpak_deploy_done(struct flatpak_deploy *d);

int flatpak_deploy_parse(const void *p, size_t n, struct flatpak_deploy *ret,
			 struct err *err);

#endif
