/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_PLACES_H
#define SETASIDE_PLACES_H

/*
 * places: where snapshots, database, configuration and definitions lie.
 *
 *			system				user
 *	snapshots	/var/lib/setaside/snapshots	$XDG_DATA_HOME/setaside/snapshots
 *	database	/var/lib/setaside		$XDG_DATA_HOME/setaside
 *	config		/etc/setaside			$XDG_CONFIG_HOME/setaside
 *	definitions	see definitions.h		also those of the config directory
 *
 * With another root all of these are its own, resolved as in a chroot; but a store that
 * the caller names is the caller's path.  A store that itself holds N_*.zip is snapd's:
 * it is never written, and the database is the default one.
 *
 * Nothing is made here but by places_make().
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"

struct places_request {
	bool system;       /* else: user mode */
	const char *root;  /* --root DIR, or NULL */
	const char *store; /* --store DIR or SETASIDE_STORE, or NULL */
	/* The environment's; NULL where not set.  Relative ones count as not set. */
	const char *home, *xdg_data_home, *xdg_config_home;
};

/* A directory: below the other root, or the caller's own path. */
struct places_dir {
	char *path;   /* absolute if below the root */
	bool in_root; /* resolve below places.root_fd */
};

struct places {
	bool system;
	char *root;  /* DIR as given, without slashes at its end; "" for "/" */
	int root_fd; /* O_PATH */
	bool other_root;
	struct places_dir snapshots; /* the directory of zips */
	struct places_dir database;  /* holds state.db and lock */
	bool foreign;                /* snapshots is snapd's: read only */
	bool store_given;            /* --store, and not foreign */
	struct places_dir config;    /* path NULL: there is none */
	char *user_definitions; /* as definitions_load() wants it; NULL in system mode */
};

/* ERR_USAGE: neither HOME nor XDG_DATA_HOME where one is needed; ERR_IO: the
 * root is not there. */
int places_init(const struct places_request *request, struct places *ret,
		struct err *err);
void places_done(struct places *p);

/* A descriptor (O_RDONLY, directory) of d.  ERR_NOT_FOUND. */
int places_open(const struct places *p, const struct places_dir *d, struct err *err);
/* The same; missing directories are made (0700; above the system store 0755), durably.
 * Never ERR_NOT_FOUND. */
int places_make(const struct places *p, const struct places_dir *d, struct err *err);
/* What places_make() would begin with: d, or the nearest directory
 * above it that is there. */
int places_open_above(const struct places *p, const struct places_dir *d,
		      struct err *err);
/* As on this machine, for messages: the root in front; caller frees. */
char *places_path(const struct places *p, const struct places_dir *d, struct err *err);
/* The path of the other root as the kernel has it, to tell roots apart
 * (db_restore.root); caller frees. */
char *places_root_path(const struct places *p, struct err *err);

/* The system's store, for telling a person that there is one. */
int places_system_store(const struct places *p, struct places_dir *ret, struct err *err);
void places_dir_done(struct places_dir *d);

/* Does the directory hold a file N_*.zip? */
int places_is_foreign_store(int dirfd, bool *ret, struct err *err);

#endif
