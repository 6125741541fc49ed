/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/tar_header.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "backend/tree/owners.h"
#include "backend/tree/tar_write.h"

/* Offsets and sizes of the fields. */
enum field {
	NAME_AT = 0,
	NAME_SIZE = 100,
	MODE_AT = 100,
	UID_AT = 108,
	GID_AT = 116,
	ID_SIZE = 8,
	SIZE_AT = 124,
	MTIME_AT = 136,
	LONG_SIZE = 12,
	CHECKSUM_AT = 148,
	CHECKSUM_SIZE = 8,
	TYPE_AT = 156,
	LINK_AT = 157,
	LINK_SIZE = 100,
	MAGIC_AT = 257,
	USER_AT = 265,
	GROUP_AT = 297,
	OWNER_SIZE = 32,
	MAJOR_AT = 329,
	MINOR_AT = 337,
	PREFIX_AT = 345,
	PREFIX_SIZE = 155,
	SPARSE_SIZE = 24, /* a descriptor: two long numbers */
};

bool tar_header_is_zero(const uint8_t *block)
{
	return block[0] == 0 && memcmp(block, block + 1, TAR_BLOCK - 1) == 0;
}

/* Base-256, big endian, two's complement; the first bit only says that it is so. */
static bool parse_binary(const uint8_t *field, size_t n, int64_t *ret)
{
	int64_t v = field[0] & 0x40 ? (int64_t)(field[0] & 0x7f) - 0x80 : field[0] & 0x3f;

	for (size_t i = 1; i < n; i++) {
		if (v > INT64_MAX >> 8 || v < INT64_MIN >> 8)
			return false;
		v = v * 256 + field[i];
	}
	*ret = v;
	return true;
}

bool tar_header_number(const uint8_t *field, size_t n, int64_t *ret)
{
	size_t i = 0;
	int64_t v = 0;

	if (field[0] & 0x80)
		return parse_binary(field, n, ret);
	while (i < n && field[i] == ' ')
		i++;
	for (; i < n && field[i] >= '0' && field[i] <= '7'; i++) {
		if (v > INT64_MAX >> 3)
			return false;
		v = v << 3 | (field[i] - '0');
	}
	if (i < n && field[i] != ' ' && field[i] != '\0')
		return false;
	*ret = v;
	return true;
}

/* Whether the sum of all bytes is what the block says, its own field counting as blanks.
 * Some old writers summed signed characters. */
static bool checksum_is_right(const uint8_t *block)
{
	int64_t unsigned_sum = 0, signed_sum = 0, told;

	for (size_t i = 0; i < TAR_BLOCK; i++) {
		unsigned_sum += block[i];
		signed_sum += (int8_t)block[i];
	}
	for (size_t i = CHECKSUM_AT; i < CHECKSUM_AT + CHECKSUM_SIZE; i++) {
		unsigned_sum += ' ' - block[i];
		signed_sum += ' ' - (int8_t)block[i];
	}
	return tar_header_number(block + CHECKSUM_AT, CHECKSUM_SIZE, &told) &&
	       (told == unsigned_sum || told == signed_sum);
}

static enum tar_format format_of(const uint8_t *block)
{
	if (memcmp(block + MAGIC_AT, "ustar  ", 8) == 0)
		return TAR_GNU;
	return memcmp(block + MAGIC_AT, "ustar", 5) == 0 ? TAR_USTAR : TAR_V7;
}

/* A number of 0 to max. */
static int parse_field(const uint8_t *block, enum field at, size_t size, const char *what,
		       uint64_t max, uint64_t *ret, struct err *err)
{
	int64_t v;

	if (!tar_header_number(block + at, size, &v))
		return err_set(err, ERR_CORRUPT, "header has a malformed %s", what);
	if (v < 0 || (uint64_t)v > max)
		return err_set(err, ERR_CORRUPT, "header has a %s out of range", what);
	*ret = (uint64_t)v;
	return 0;
}

int tar_header_parse(const uint8_t *block, struct tar_header *ret, struct err *err)
{
	struct tar_header h = { .format = format_of(block),
				.type = (char)block[TYPE_AT] };
	uint64_t mode, uid, gid, major = 0, minor = 0;

	if (!checksum_is_right(block))
		return err_set(err, ERR_CORRUPT, "header checksum is wrong");
	if (h.type == '\0')
		h.type = '0';
	if (parse_field(block, MODE_AT, ID_SIZE, "mode", INT64_MAX, &mode, err) < 0 ||
	    parse_field(block, UID_AT, ID_SIZE, "user number", OWNER_NO_NUMBER - 1, &uid,
			err) < 0 ||
	    parse_field(block, GID_AT, ID_SIZE, "group number", OWNER_NO_NUMBER - 1, &gid,
			err) < 0 ||
	    parse_field(block, SIZE_AT, LONG_SIZE, "size", ENTRY_SIZE_MAX, &h.size, err) <
		    0)
		return -1;
	if (!tar_header_number(block + MTIME_AT, LONG_SIZE, &h.mtime))
		return err_set(err, ERR_CORRUPT, "header has a malformed time");
	if ((h.type == '3' || h.type == '4') &&
	    (parse_field(block, MAJOR_AT, ID_SIZE, "device number", UINT32_MAX, &major,
			 err) < 0 ||
	     parse_field(block, MINOR_AT, ID_SIZE, "device number", UINT32_MAX, &minor,
			 err) < 0))
		return -1;
	/* Old writers put the file type among the upper bits. */
	h.mode = (uint32_t)(mode & 07777);
	h.uid = (uint32_t)uid;
	h.gid = (uint32_t)gid;
	h.major = (uint32_t)major;
	h.minor = (uint32_t)minor;
	*ret = h;
	return 0;
}

/* A copy of a text field. */
static char *text_field(const uint8_t *block, enum field at, size_t size, struct err *err)
{
	return alloc_strndup((const char *)block + at, size, err);
}

int tar_header_name(const uint8_t *block, enum tar_format format, char **ret,
		    struct err *err)
{
	char *name;

	/* GNU keeps other things where POSIX has the prefix. */
	if (format == TAR_USTAR && block[PREFIX_AT])
		name = alloc_printf(err, "%.*s/%.*s", PREFIX_SIZE,
				    (const char *)block + PREFIX_AT, NAME_SIZE,
				    (const char *)block + NAME_AT);
	else
		name = text_field(block, NAME_AT, NAME_SIZE, err);
	if (!name)
		return -1;
	*ret = name;
	return 0;
}

int tar_header_link(const uint8_t *block, char **ret, struct err *err)
{
	char *target = text_field(block, LINK_AT, LINK_SIZE, err);

	if (!target)
		return -1;
	*ret = target;
	return 0;
}

int tar_header_owner(const uint8_t *block, enum tar_format format, bool group, char **ret,
		     struct err *err)
{
	enum field at = group ? GROUP_AT : USER_AT;
	char *name = NULL;

	if (format != TAR_V7 && block[at]) {
		name = text_field(block, at, OWNER_SIZE, err);
		if (!name)
			return -1;
	}
	*ret = name;
	return 0;
}

bool tar_header_sparse(const uint8_t *list, size_t i, struct entry_extent *ret,
		       bool *ret_used)
{
	const uint8_t *at = list + i * SPARSE_SIZE;
	int64_t offset, length;

	*ret_used = at[LONG_SIZE] != '\0';
	if (!*ret_used)
		return true;
	if (!tar_header_number(at, LONG_SIZE, &offset) || offset < 0 ||
	    !tar_header_number(at + LONG_SIZE, LONG_SIZE, &length) || length < 0)
		return false;
	ret->offset = (uint64_t)offset;
	ret->length = (uint64_t)length;
	return true;
}
