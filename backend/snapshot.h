/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_SNAPSHOT_H
#define SETASIDE_SNAPSHOT_H

/*
 * snapshot: the metadata of one snapshot (format.md, "meta.json").
 *
 * In memory, as JSON text, as content hash, and as a bounded binary record between
 * processes (snapshot_pack/unpack: only the unprivileged reader parses JSON that a
 * stranger may have written).  No file is touched here.
 *
 * Ownership: all that an object points to is its own and comes from alloc.h, so a field
 * is set by freeing the old and storing the new; snapshot_done() frees everything.
 *
 * Strings: JSON strings may hold U+0000, which stands here as the bytes C0 80; they never
 * occur in UTF-8.  What else is not UTF-8 becomes U+FFFD when it is written, but for
 * the strings below the `setaside` key, which keep their bytes.
 *
 * Sources: snapshot.c (object, validity), snapshot_json.c and snapshot_own.c (reading),
 * snapshot_write.c, snapshot_hash.c, snapshot_record.c, epoch.c, names.c.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/cleanup.h"
#include "backend/base/digest.h"
#include "backend/base/error.h"
#include "backend/base/json.h"
#include "backend/base/stamp.h"
#include "backend/epoch.h"
#include "backend/names.h"

#define SNAPSHOT_META_MAX   ((size_t)4 << 20) /* meta.json, bytes */
#define SNAPSHOT_RECORD_MAX ((size_t)8 << 20) /* what snapshot_pack() makes, bytes */
#define SNAPSHOT_SET_MAX    (((uint64_t)1 << 53) - 1)

/* A tree as the `setaside` key of the metadata lists it.  Paths are bytes. */
struct snapshot_tree {
	char *name;     /* folder below common/, or the revision / "common" for snaps */
	char *path;     /* as the definition has it: "~/.mozilla/firefox" */
	char *resolved; /* NULL where it is what path says */
	bool is_file;
	char **exclude; /* all patterns in force, anchored at the tree's top */
	size_t n_exclude;
};

struct snapshot_skip {
	char *path; /* archive path */
	char *why;  /* NULL in `changed` */
};

struct snapshot_archive {
	char *name; /* "archive.tgz", "user/alice.tgz" */
	char sha3[DIGEST_SHA3_384_HEX + 1];
	/* From the `setaside` key; has_details false where it is not there (others'
	 * snapshots). */
	bool has_details;
	char *user; /* NULL for system data */
	uint32_t uid, gid;
	char *home;
	uint64_t bytes, allocated, entries;
	struct snapshot_tree *trees;
	size_t n_trees;
	struct snapshot_skip *skipped, *changed;
	size_t n_skipped, n_changed;
};

struct snapshot {
	uint64_t set;
	struct stamp time; /* stamp_is_zero() where missing */
	char *snap;        /* the app's name; "" where missing */
	char *revision;    /* "x1", "42"; "" where missing */
	char *snap_id;     /* or NULL */
	struct snapshot_epoch epoch;
	char *summary, *version; /* never NULL once read */
	char *conf; /* canonical JSON object text (snapshot_set_conf()), or NULL */
	uint64_t size;
	char **exclude; /* options.exclude */
	size_t n_exclude;
	/* As read, or why a reader found it broken (set that after the content hash was
	 * taken).  Never written but into a content hash and for people. */
	char *broken;
	bool automatic;                    /* `auto` as read */
	struct snapshot_archive *archives; /* sorted by name (byte order) */
	size_t n_archives;

	/* The `setaside` key; has_own false where it is missing. */
	bool has_own;
	char *packaging; /* "native", "flatpak", "snap" */
	char *host, *machine_id, *taken, *name, *note, *reason; /* or NULL */
	bool own_auto;
	bool unknown_keys; /* top-level keys that this version does not know were there */
};

#define SNAPSHOT_NATIVE  "native"
#define SNAPSHOT_FLATPAK "flatpak"
#define SNAPSHOT_SNAP    "snap"

void snapshot_init(struct snapshot *s);
void snapshot_done(struct snapshot *s);
int snapshot_new(struct snapshot **ret, struct err *err);
void snapshot_free(struct snapshot *s);
CLEANUP_FUNC(struct snapshot *, snapshot_free);

/* Adds an archive in its sorted place; returns it in *ret (valid until the next add).
 * ERR_EXISTS. */
int snapshot_add_archive(struct snapshot *s, const char *name,
			 struct snapshot_archive **ret, struct err *err);
/* Takes all of them away, and the size. */
void snapshot_drop_archives(struct snapshot *s);
const struct snapshot_archive *snapshot_archive(const struct snapshot *s,
						const char *name);
/* "alice" of "user/alice.tgz"; NULL for archive.tgz; `len` of the result without
 * ".tgz". */
const char *snapshot_archive_user(const char *member, size_t *ret_len);

/* Append to the lists of an archive; strings are copied.  *ret is all zero, valid until
 * the next tree is added; the caller stores what alloc.h gave. */
int snapshot_add_tree(struct snapshot_archive *a, struct snapshot_tree **ret,
		      struct err *err);
int snapshot_add_skipped(struct snapshot_archive *a, const char *path, const char *why,
			 struct err *err);
int snapshot_add_changed(struct snapshot_archive *a, const char *path, struct err *err);
/* Appends to a list such as `exclude`. */
int snapshot_add_string(char ***list, size_t *n, const char *string, struct err *err);
/* Replaces `conf` by the object's canonical text; NULL, null and {} make it NULL. */
int snapshot_set_conf(struct snapshot *s, const struct json *object, struct err *err);

/*
 * Reads meta.json text: any legal JSON, strict as format.md says.  ERR_CORRUPT, naming
 * the key.  *ret is overwritten, not released.  What is missing is no error here but in
 * snapshot_validate().  null reads as missing, but in the lists of an epoch.
 *
 * The `setaside` key may be a stranger's too: a wrong type in it is ERR_CORRUPT, like
 * anywhere; a format above 1 makes the whole key unknown (has_own false, unknown_keys
 * true); details of an archive that sha3-384 does not list are ignored.
 */
int snapshot_parse(const char *text, size_t len, struct snapshot *ret, struct err *err);
/* Appends meta.json with its newline; ERR_NO_SPACE over 4 MiB, naming the app and the
 * tree whose lists fill it. */
int snapshot_write(const struct snapshot *s, struct buf *out, struct err *err);
/* For people: the keys of meta.json (`auto` too), then "broken" if it is set. */
void snapshot_write_json(const struct snapshot *s, struct json_writer *w);
/* ERR_CORRUPT with the reason unless it is valid (format.md) and its names keep the
 * grammar. */
int snapshot_validate(const struct snapshot *s, struct err *err);

/* Content hashes (SHA-256) over the values as they read back.  `alternate`: \b and \f
 * written short, as Go does since 1.22 (see format.md). */
int snapshot_content_hash(const struct snapshot *s, bool alternate,
			  uint8_t ret[DIGEST_SHA256_SIZE], struct err *err);

/* Of a set, from the hashes of its snapshots, which are put in order.
 * `sha256` is begun anew. */
struct snapshot_member {
	const char *snap;
	uint8_t hash[DIGEST_SHA256_SIZE];
};

int snapshot_members_hash(struct digest *sha256, struct snapshot_member *members,
			  size_t n, uint8_t ret[DIGEST_SHA256_SIZE], struct err *err);
/* Of a set, from its snapshots in any order. */
int snapshot_set_hash(const struct snapshot *const *snapshots, size_t n, bool alternate,
		      uint8_t ret[DIGEST_SHA256_SIZE], struct err *err);

/*
 * A binary record.  Packing one over SNAPSHOT_RECORD_MAX is ERR_NO_SPACE.  Unpacking
 * checks every bound and trusts no count: memory is bounded by a small multiple of n.
 * Beyond the structure it proves only what all functions here and in stamp.h rely on
 * (archives in order, time and epoch in range, conf is text without control
 * characters); snapshot_validate() does the rest.  ERR_CORRUPT; *ret is overwritten,
 * not released.
 */
int snapshot_pack(const struct snapshot *s, struct buf *out, struct err *err);
int snapshot_unpack(const void *p, size_t n, struct snapshot *ret, struct err *err);

#endif
