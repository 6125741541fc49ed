/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_JOURNAL_H
#define SETASIDE_JOURNAL_H

/*
 * journal: what a restore writes down before it acts, as a struct of callbacks.
 *
 * backend knows no database; state/ implements this over SQLite, tests over memory.
 * Every callback is durable when it returns 0.
 *
 * An item is one exchange of names below one directory:
 *
 *	parent/name   <->   parent/aside
 *
 * `aside` is NAME.~xxxxxxxxx~ in the same directory, or, for a target that is a mount
 * point, .~xxxxxxxxx~/NAME inside it.  First the new tree is made under the aside name
 * (staging), then the two are exchanged, and the old one rests there.  What is done is
 * told from inode numbers:
 *
 *	old_ino new_ino	step
 *	yes	yes	RENAME_EXCHANGE, or three renames (worker/swap.h)
 *	0	yes	aside -> name, RENAME_NOREPLACE
 *	yes	0	name -> aside, RENAME_NOREPLACE (mount-point targets only)
 *
 * An undo is the same exchange again: its items are those of the undone restore with
 * old_ino and new_ino swapped, in reverse order.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"

enum journal_item_kind {
	JOURNAL_SWAP, /* names are exchanged */
	/* A directory `name` in `parent` that was made for the restore; removed by undo
	 * where it is empty. */
	JOURNAL_PARENT,
	/* The staging directory `aside` inside the mount point `parent`; `attrs` are
	 * those of the mount point before and after (restore_attrs.h). */
	JOURNAL_MOUNT,
};

struct journal_item {
	enum journal_item_kind kind;
	char *app;    /* app as the snapshot names it */
	char *user;   /* whose data: a name; NULL: system data */
	char *tree;   /* archive path: "common/profile", "7" */
	char *parent; /* absolute below the root, resolved, no links */
	char *name;   /* one component */
	char *aside;  /* one component, or ".~xxxxxxxxx~/NAME" */
	uint32_t uid; /* who acts: owner of the parent directory */
	uint32_t gid;
	uint64_t parent_ino;
	uint64_t old_ino, new_ino; /* 0: nothing there */
	void *attrs;               /* opaque, made by the swapper */
	size_t attrs_size;
};

enum journal_state {
	JOURNAL_PREPARING, /* staging trees may exist; nothing live was touched */
	JOURNAL_LINKING,  /* undo: live excluded files are carried into the aside trees */
	JOURNAL_SWAPPING, /* all is verified and durable: goes forward */
	JOURNAL_RESTORED, /* done; old trees rest aside; can be undone */
	JOURNAL_CLEANING, /* keep or expiry: aside trees go */
	JOURNAL_CLOSED, /* kept, expired, or undone and taken over: nothing rests aside */
};

void journal_item_init(struct journal_item *item);
void journal_item_done(struct journal_item *item);
int journal_item_copy(const struct journal_item *from, struct journal_item *ret,
		      struct err *err);

/* Callbacks of one restore or undo; ctx knows its id. */
struct journal {
	/* Replaces the items of this restore and sets the state, in one transaction. */
	int (*put)(void *ctx, const struct journal_item *items, size_t n,
		   enum journal_state state, struct err *err);
	/* The state alone. */
	int (*advance)(void *ctx, enum journal_state state, struct err *err);
	void *ctx;
};

const char *journal_state_name(enum journal_state state);
bool journal_state_parse(const char *name, enum journal_state *ret);

#endif
