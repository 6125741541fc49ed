/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_RETENTION_H
#define SETASIDE_RETENTION_H

/*
 * retention: how long things stay, and how much room must stay.
 *
 * Times are seconds since 1970; an expiry of 0 means never.
 */

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/error.h"
#include "state/config.h"

/* Of a set: automatic ones go, a person's never. */
int64_t retention_set_expiry(const struct config *c, bool automatic, int64_t created);
/* Of what a restore moved aside. */
int64_t retention_aside_expiry(const struct config *c, int64_t restored);
/* expires is 0 or still to come: false. */
bool retention_is_over(int64_t expires, int64_t now);

/* The room of one file system, in bytes and in inodes. */
struct retention_room {
	uint64_t total, available; /* for a process without privileges */
	uint64_t reserve;          /* stays free */
	uint64_t usable;           /* what may be used: available without the reserve */
	bool counts_inodes; /* false: the file system has no fixed number of them */
	uint64_t inodes_total, inodes_available, inodes_reserve, inodes_usable;
};

/* Of the file system that holds fd. */
int retention_room(int fd, const struct config_reserve *reserve,
		   struct retention_room *ret, struct err *err);
/* The pure part of it: `total` and `available` are given. */
void retention_room_compute(const struct config_reserve *reserve,
			    struct retention_room *room);

/* ERR_NO_SPACE, with what is needed and what may be used, where it does not fit.
 * `path`: any of the file system, for the message. */
int retention_check_room(const struct retention_room *room, uint64_t bytes,
			 uint64_t inodes, const char *path, struct err *err);

#endif
