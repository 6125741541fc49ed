/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/retention.h"

#include "backend/base/quote.h"
#include "backend/base/stamp.h"
#include "backend/base/sys.h"

#define GIB             ((uint64_t)1 << 30)
#define DEFAULT_PERCENT 5
/* As many inodes as 1 GiB has where each 16 KiB get one, the usual measure of ext4. */
#define INODES_MAX 65536

/* start + length, where -1 of a length, or no such time, is never. */
static int64_t add_time(int64_t start, int64_t length)
{
	int64_t end;

	/* 0 means never, so the first second of 1970 has to do without expiries. */
	if (length < 0 || __builtin_add_overflow(start, length, &end) || end <= 0)
		return 0;
	return end;
}

int64_t retention_set_expiry(const struct config *c, bool automatic, int64_t created)
{
	return automatic ? add_time(created, c->automatic_retention) : 0;
}

int64_t retention_aside_expiry(const struct config *c, int64_t restored)
{
	return add_time(restored, c->keep_for);
}

bool retention_is_over(int64_t expires, int64_t now)
{
	return expires != 0 && expires <= now;
}

/* percent of a total, without overflow. */
static uint64_t part_of(uint64_t total, uint64_t percent)
{
	return total / 100 * percent + total % 100 * percent / 100;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What stays free of `total` bytes. */
static uint64_t reserve_of(const struct config_reserve *reserve, uint64_t total)
{
	switch (reserve->kind) {
	case CONFIG_RESERVE_BYTES:
		return reserve->amount;
	case CONFIG_RESERVE_PERCENT:
		return part_of(total, reserve->amount);
	case CONFIG_RESERVE_DEFAULT:
		break;
	}
	return smaller(GIB, part_of(total, DEFAULT_PERCENT));
}

/* What is left when the reserve stays. */
static uint64_t without(uint64_t available, uint64_t reserve)
{
	return available > reserve ? available - reserve : 0;
}

void retention_room_compute(const struct config_reserve *reserve,
			    struct retention_room *room)
{
	room->reserve = reserve_of(reserve, room->total);
	room->usable = without(room->available, room->reserve);
	if (!room->counts_inodes) {
		room->inodes_reserve = room->inodes_usable = 0;
		return;
	}
	room->inodes_reserve =
		smaller(INODES_MAX, part_of(room->inodes_total, DEFAULT_PERCENT));
	room->inodes_usable = without(room->inodes_available, room->inodes_reserve);
}

/* blocks of a size; what is too much for a number is as much as it can say. */
static uint64_t bytes_of(uint64_t blocks, uint64_t size)
{
	uint64_t bytes;

	return __builtin_mul_overflow(blocks, size, &bytes) ? UINT64_MAX : bytes;
}

int retention_room(int fd, const struct config_reserve *reserve,
		   struct retention_room *ret, struct err *err)
{
	struct statvfs vfs;

	if (sys_fstatvfs(fd, &vfs) < 0)
		return err_errno(err, "cannot find out how much room there is");
	/* Blocks and inodes that only root may have are for emergencies, not for us. */
	*ret = (struct retention_room){
		.total = bytes_of(vfs.f_blocks, vfs.f_frsize),
		.available = bytes_of(vfs.f_bavail, vfs.f_frsize),
		.counts_inodes = vfs.f_files != 0,
		.inodes_total = vfs.f_files,
		.inodes_available = vfs.f_favail,
	};
	retention_room_compute(reserve, ret);
	return 0;
}

int retention_check_room(const struct retention_room *room, uint64_t bytes,
			 uint64_t inodes, const char *path, struct err *err)
{
	char need[STAMP_TEXT_MAX], usable[STAMP_TEXT_MAX], reserve[STAMP_TEXT_MAX];

	if (bytes > room->usable) {
		stamp_format_size(bytes, need);
		stamp_format_size(room->usable, usable);
		if (room->reserve == 0)
			return err_set(
				err, ERR_NO_SPACE,
				"%s is needed on the file system of %s, %s is free", need,
				q(path), usable);
		stamp_format_size(room->reserve, reserve);
		err_set(err, ERR_NO_SPACE,
			"%s is needed on the file system of %s, %s may be used (%s stays "
			"free)",
			need, q(path), usable, reserve);
		return err_hint(err, "make room, or lower \"reserve\" in setaside.conf");
	}
	if (room->counts_inodes && inodes > room->inodes_usable)
		return err_set(
			err, ERR_NO_SPACE,
			"%llu inodes are needed on the file system of %s, %llu may be"
			" used",
			(unsigned long long)inodes, q(path),
			(unsigned long long)room->inodes_usable);
	return 0;
}
