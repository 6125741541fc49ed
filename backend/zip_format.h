/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_ZIP_FORMAT_H
#define SETASIDE_ZIP_FORMAT_H

/*
 * zip_format: the records of a zip file and the values in them.  Internal to zip.
 */

#define END_MAGIC        0x06054b50u
#define END_SIZE         22u
#define LOCATOR_MAGIC    0x07064b50u
#define LOCATOR_SIZE     20u
#define END64_MAGIC      0x06064b50u
#define END64_SIZE       56u
#define CENTRAL_MAGIC    0x02014b50u
#define CENTRAL_SIZE     46u
#define LOCAL_MAGIC      0x04034b50u
#define LOCAL_SIZE       30u
#define DESCRIPTOR_MAGIC 0x08074b50u

#define FLAG_LEVEL      0x0006u /* how hard it was compressed */
#define FLAG_DESCRIPTOR 0x0008u
#define FLAG_UTF8       0x0800u
#define FLAGS_ENCRYPTED 0x2041u

#define METHOD_STORED   0
#define METHOD_DEFLATED 8

#define EXTRA_ZIP64        0x0001u
#define EXTRA_UNICODE_NAME 0x7075u

#define MAX16 0xffffu
#define MAX32 0xffffffffu

/* What is written. */
#define MADE_BY_UNIX 0x033fu /* with attributes as Unix has them, zip 6.3 */
#define NEEDS_ZIP64  45u     /* the version of zip that a reader has to know */
#define NEEDS_BASE   20u
#define ATTRIBUTES   0x81b60000u /* a regular file, 0666 */
#define DOS_DATE     0x21u       /* 1980-01-01, the first there is */

#endif
