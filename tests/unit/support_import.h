/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TESTS_SUPPORT_IMPORT_H
#define SETASIDE_TESTS_SUPPORT_IMPORT_H

/*
 * support_import: export streams by hand (see support_tar.h), right and wrong, and what
 * import makes of them.
 *
 *	struct tar_bytes t = TAR_BYTES;
 *
 *	support_content(&t);
 *	tar_file(&t, "1_a_1_x1.zip", "zip");
 *	support_manifest(&t, "\"1_a_1_x1.zip\"");
 *	tar_end(&t);
 *	ck_assert_imports(&t, "content\nzip 1_a_1_x1.zip 3 zip\nend\n");
 */

#include "tests/unit/support_tar.h"

/* The base64 of 32 bytes of 0x11. */
#define SUPPORT_CONTENT_HASH "ERERERERERERERERERERERERERERERERERERERERERE="

/* content.json with that hash. */
void support_content(struct tar_bytes *t);
/* export.json with these names, as JSON: "\"a\",\"b\"". */
void support_manifest(struct tar_bytes *t, const char *files);
/* A right set of the one zip, from content.json to the end. */
void support_export(struct tar_bytes *t, const char *zip, const char *data);

/* Takes the stream apart: a line for each part; of a zip its name, its size and (where
 * `data`) its bytes. */
int support_import_all(struct tar_bytes *t, bool data, struct buf *out, struct err *err);

/* In pieces of any size. */
void ck_assert_imports(struct tar_bytes *t, const char *expected);
void ck_assert_import_refused(struct tar_bytes *t, enum err_kind kind, const char *part);

#endif
