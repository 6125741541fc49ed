/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/acl.h"

#include <acl/libacl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/acl.h>

#include "backend/base/alloc.h"
#include "backend/base/buf.h"
#include "backend/base/cleanup.h"
#include "backend/base/quote.h"
#include "backend/base/sys.h"

/* More than any file system holds; libacl's insertion is quadratic. */
#define ACES_MAX 8192

/* An entry as text has it, without libacl. */
struct ace {
	acl_tag_t tag;
	unsigned perm;
	char *name;      /* NULL: none; borrowed from the text's copy */
	uint32_t number; /* OWNER_NO_NUMBER: none */
};

struct ace_list {
	char *text; /* the copy that names point into */
	struct ace *aces;
	size_t n, cap;
};

static void ace_list_done(struct ace_list *l)
{
	free(l->text);
	free(l->aces);
}

static void acl_freep(acl_t *acl)
{
	if (*acl)
		acl_free(*acl);
}

/* A /proc path of a descriptor. */
struct proc_path {
	char text[40];
};

static const char *proc_path(int fd, struct proc_path *p)
{
	snprintf(p->text, sizeof(p->text), "/proc/self/fd/%d", fd);
	return p->text;
}

/* The kernel's ACL of fd, or NULL and errno.  libacl has no call for default ACLs of
 * descriptors, and none for O_PATH. */
static acl_t get(int fd, enum acl_type type)
{
	struct proc_path path;
	acl_t acl;

	if (type == ACL_OF_DEFAULT)
		return acl_get_file(proc_path(fd, &path), ACL_TYPE_DEFAULT);
	acl = acl_get_fd(fd);
	if (!acl && errno == EBADF)
		acl = acl_get_file(proc_path(fd, &path), ACL_TYPE_ACCESS);
	return acl;
}

/* Sets an ACL, by descriptor where libacl can; 0/-1 and errno. */
static int set(int fd, enum acl_type type, acl_t acl)
{
	struct proc_path path;
	int r;

	if (type == ACL_OF_DEFAULT)
		return acl_set_file(proc_path(fd, &path), ACL_TYPE_DEFAULT, acl);
	r = acl_set_fd(fd, acl);
	if (r < 0 && errno == EBADF)
		r = acl_set_file(proc_path(fd, &path), ACL_TYPE_ACCESS, acl);
	return r;
}

/* Whether a name can stand in the text and be read back as a name. */
static bool name_is_plain(const char *name)
{
	bool digits = true;

	for (const char *p = name; *p; p++) {
		if ((unsigned char)*p <= ' ' || strchr(":,#\\\177", *p))
			return false;
		if (*p < '0' || *p > '9')
			digits = false;
	}
	return !digits;
}

/* Appends `tag:NAME:rwx:ID` or `tag::rwx`. */
static int write_entry(struct buf *out, const char *tag, const char *name,
		       const uint32_t *id, const char *perm, struct err *err)
{
	if (out->len && buf_add_byte(out, ',', err) < 0)
		return -1;
	if (!id)
		return buf_printf(out, err, "%s::%s", tag, perm);
	if (name && name_is_plain(name))
		return buf_printf(out, err, "%s:%s:%s:%u", tag, name, perm, *id);
	return buf_printf(out, err, "%s:%u:%s:%u", tag, *id, perm, *id);
}

/* "rwx" of an entry; libacl's error otherwise. */
static int read_perm(acl_entry_t entry, char perm[4])
{
	static const acl_perm_t bits[] = { ACL_READ, ACL_WRITE, ACL_EXECUTE };
	acl_permset_t permset;

	if (acl_get_permset(entry, &permset) < 0)
		return -1;
	for (int i = 0; i < 3; i++)
		perm[i] = acl_get_perm(permset, bits[i]) > 0 ? "rwx"[i] : '-';
	perm[3] = '\0';
	return 0;
}

/* Appends one of libacl's entries. */
static int write_acl_entry(struct buf *out, acl_entry_t entry, struct owners *owners,
			   struct err *err)
{
	acl_tag_t tag;
	char perm[4];
	const char *name = NULL;
	void *qualifier;
	uint32_t id;

	if (acl_get_tag_type(entry, &tag) < 0 || read_perm(entry, perm) < 0)
		return err_errno(err, "cannot read access control list");
	if (tag == ACL_MASK || tag == ACL_OTHER)
		return write_entry(out, tag == ACL_MASK ? "mask" : "other", NULL, NULL,
				   perm, err);
	if (tag == ACL_USER_OBJ || tag == ACL_GROUP_OBJ)
		return write_entry(out, tag == ACL_USER_OBJ ? "user" : "group", NULL,
				   NULL, perm, err);

	qualifier = acl_get_qualifier(entry);
	if (!qualifier)
		return err_errno(err, "cannot read access control list");
	memcpy(&id, qualifier, sizeof(id));
	acl_free(qualifier);
	if (owners && owners_name(owners, tag == ACL_USER ? OWNER_USER : OWNER_GROUP, id,
				  &name, err) < 0)
		return -1;
	return write_entry(out, tag == ACL_USER ? "user" : "group", name, &id, perm, err);
}

int acl_read(int fd, enum acl_type type, struct owners *owners, char **ret,
	     struct err *err)
{
	_cleanup_(acl_freep) acl_t acl = get(fd, type);
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	acl_entry_t entry;
	char *result = NULL;
	int r;

	if (!acl && (errno == EOPNOTSUPP || errno == ENOSYS ||
		     (errno == EACCES && type == ACL_OF_DEFAULT))) {
		/* EACCES: what is no directory has no default ACL. */
		*ret = NULL;
		return 0;
	}
	if (!acl)
		return err_errno(err, "cannot read access control list");
	if (type == ACL_OF_ACCESS && acl_equiv_mode(acl, NULL) == 0) {
		*ret = NULL;
		return 0;
	}
	for (r = acl_get_entry(acl, ACL_FIRST_ENTRY, &entry); r > 0;
	     r = acl_get_entry(acl, ACL_NEXT_ENTRY, &entry)) {
		if (write_acl_entry(&text, entry, owners, err) < 0)
			return -1;
	}
	if (r < 0)
		return err_errno(err, "cannot read access control list");
	if (text.len) {
		result = buf_steal(&text, err);
		if (!result)
			return -1;
	}
	*ret = result;
	return 0;
}

/* Decimal, 0 to 2^32 - 2; false otherwise. */
static bool parse_number(const char *s, uint32_t *ret)
{
	uint64_t v = 0;

	if (*s == '\0')
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		v = v * 10 + (uint64_t)(*s - '0');
		if (v >= OWNER_NO_NUMBER)
			return false;
	}
	*ret = (uint32_t)v;
	return true;
}

/* "rwx", "r-x", "r", "-": letters at most once. */
static bool parse_perm(const char *s, unsigned *ret)
{
	static const char letters[] = "rwx";
	static const unsigned bits[] = { ACL_READ, ACL_WRITE, ACL_EXECUTE };
	unsigned perm = 0;

	if (*s == '\0' || strlen(s) > 3)
		return false;
	for (; *s; s++) {
		const char *at = strchr(letters, *s);

		if (*s == '-')
			continue;
		if (!at || (perm & bits[at - letters]))
			return false;
		perm |= bits[at - letters];
	}
	*ret = perm;
	return true;
}

/* Whether s is the word or its first letter. */
static bool is_tag(const char *s, const char *word)
{
	return strcmp(s, word) == 0 || (s[0] == word[0] && s[1] == '\0');
}

/* Fills in who a user or group entry is about, from its second and fourth fields. */
static bool parse_qualifier(char **field, size_t n, struct ace *ace)
{
	bool user = is_tag(field[0], "user");

	if (field[1][0] == '\0') {
		ace->tag = user ? ACL_USER_OBJ : ACL_GROUP_OBJ;
		return n == 3;
	}
	ace->tag = user ? ACL_USER : ACL_GROUP;
	if (!parse_number(field[1], &ace->number))
		ace->name = field[1];
	return n == 3 || parse_number(field[3], &ace->number);
}

/* Takes one entry apart, in place. */
static bool parse_ace(char *text, struct ace *ret)
{
	struct ace ace = { .number = OWNER_NO_NUMBER };
	char *field[4];
	size_t n = 0;
	bool named;

	for (char *p = text; p; n++) {
		if (n == 4)
			return false;
		field[n] = p;
		p = strchr(p, ':');
		if (p)
			*p++ = '\0';
	}
	named = is_tag(field[0], "user") || is_tag(field[0], "group");
	if (named) {
		if (n < 3 || !parse_qualifier(field, n, &ace))
			return false;
	} else if (is_tag(field[0], "mask") || is_tag(field[0], "other")) {
		ace.tag = is_tag(field[0], "mask") ? ACL_MASK : ACL_OTHER;
		if (n != 2 && (n != 3 || field[1][0] != '\0'))
			return false;
	} else {
		return false;
	}
	if (!parse_perm(field[n == 2 ? 1 : 2], &ace.perm))
		return false;
	*ret = ace;
	return true;
}

/* Orders by tag, name and number: equals are double entries. */
static int compare_aces(const void *pa, const void *pb)
{
	const struct ace *a = pa, *b = pb;
	int by_name;

	if (a->tag != b->tag)
		return a->tag < b->tag ? -1 : 1;
	by_name = strcmp(a->name ? a->name : "", b->name ? b->name : "");
	if (by_name)
		return by_name;
	if (a->name || a->number == b->number)
		return 0;
	return a->number < b->number ? -1 : 1;
}

/* The base entries once each, nothing twice.  Sorts the list. */
static int check_aces(struct ace_list *l, struct err *err)
{
	unsigned base = 0;

	if (l->n > 0)
		qsort(l->aces, l->n, sizeof(*l->aces), compare_aces);
	for (size_t i = 0; i < l->n; i++) {
		const struct ace *ace = &l->aces[i];

		if (i && compare_aces(&l->aces[i - 1], ace) == 0)
			return err_set(err, ERR_CORRUPT,
				       "access control list has an entry twice");
		if (ace->tag == ACL_USER_OBJ || ace->tag == ACL_GROUP_OBJ ||
		    ace->tag == ACL_OTHER)
			base++;
	}
	if (base != 3)
		return err_set(
			err, ERR_CORRUPT,
			"access control list lacks the entry of owner, group or others");
	return 0;
}

/* Parses and checks the whole text; *l is filled in part on failure (ace_list_done). */
static int parse_text(const char *text, struct ace_list *l, struct err *err)
{
	char *next;

	l->text = alloc_strdup(text, err);
	if (!l->text)
		return -1;
	for (char *p = l->text; p; p = next) {
		size_t n = strcspn(p, ",\n");

		next = p[n] ? p + n + 1 : NULL;
		p[n] = '\0';
		p += strspn(p, " \t");
		n = strlen(p);
		while (n && (p[n - 1] == ' ' || p[n - 1] == '\t'))
			p[--n] = '\0';
		if (n == 0)
			continue;
		if (l->n == ACES_MAX)
			return err_set(err, ERR_CORRUPT,
				       "access control list has more than %d entries",
				       ACES_MAX);
		if (alloc_grow(&l->aces, l->n, &l->cap, sizeof(*l->aces), err) < 0)
			return -1;
		if (!parse_ace(p, &l->aces[l->n]))
			return err_set(err, ERR_CORRUPT,
				       "access control list has a malformed entry");
		l->n++;
	}
	return check_aces(l, err);
}

int acl_check_text(const char *text, struct err *err)
{
	_cleanup_(ace_list_done) struct ace_list l = { 0 };

	return parse_text(text, &l, err);
}

/* The number that a named entry gets here. */
static int map_ace(const struct ace *ace, struct owners *owners, uint32_t *ret,
		   struct err *err)
{
	enum owner_kind kind = ace->tag == ACL_USER ? OWNER_USER : OWNER_GROUP;

	if (owners)
		return owners_id(owners, kind, ace->name, ace->number, ret, err);
	if (ace->number == OWNER_NO_NUMBER)
		return err_set(err, ERR_REFUSED, "no number for %s %s",
			       kind == OWNER_USER ? "user" : "group", q(ace->name));
	*ret = ace->number;
	return 0;
}

/* Appends one entry to libacl's list. */
static int add_ace(acl_t *acl, const struct ace *ace, struct owners *owners,
		   struct err *err)
{
	static const acl_perm_t bits[] = { ACL_READ, ACL_WRITE, ACL_EXECUTE };
	acl_entry_t entry;
	acl_permset_t permset;
	uint32_t id = 0;

	if (acl_create_entry(acl, &entry) < 0 || acl_set_tag_type(entry, ace->tag) < 0 ||
	    acl_get_permset(entry, &permset) < 0)
		return err_errno(err, "cannot make access control list");
	for (size_t i = 0; i < sizeof(bits) / sizeof(*bits); i++) {
		if ((ace->perm & bits[i]) && acl_add_perm(permset, bits[i]) < 0)
			return err_errno(err, "cannot make access control list");
	}
	if (ace->tag != ACL_USER && ace->tag != ACL_GROUP)
		return 0;
	if (map_ace(ace, owners, &id, err) < 0)
		return -1;
	if (acl_set_qualifier(entry, &id) < 0)
		return err_errno(err, "cannot make access control list");
	return 0;
}

/* libacl's form of a parsed list, with a mask where one is needed. */
static int build(const struct ace_list *l, struct owners *owners, acl_t *acl,
		 struct err *err)
{
	bool named = false, mask = false;

	*acl = acl_init((int)l->n);
	if (!*acl)
		return err_errno(err, "cannot make access control list");
	for (size_t i = 0; i < l->n; i++) {
		if (add_ace(acl, &l->aces[i], owners, err) < 0)
			return -1;
		if (l->aces[i].tag == ACL_USER || l->aces[i].tag == ACL_GROUP)
			named = true;
		if (l->aces[i].tag == ACL_MASK)
			mask = true;
	}
	if (named && !mask && acl_calc_mask(acl) < 0)
		return err_errno(err, "cannot make access control list");
	/* Two names may have been mapped to one number. */
	if (acl_valid(*acl) < 0)
		return err_set(err, ERR_CORRUPT,
			       "access control list names an owner twice");
	return 0;
}

int acl_apply(int fd, enum acl_type type, const char *text, struct owners *owners,
	      struct err *err)
{
	_cleanup_(ace_list_done) struct ace_list l = { 0 };
	_cleanup_(acl_freep) acl_t acl = NULL;

	if (parse_text(text, &l, err) < 0 || build(&l, owners, &acl, err) < 0)
		return -1;
	if (set(fd, type, acl) == 0)
		return 0;
	if (errno == EOPNOTSUPP)
		return err_set(err, ERR_UNSUPPORTED,
			       "the file system has no access control lists");
	return err_errno(err, "cannot set access control list");
}

int acl_remove(int fd, enum acl_type type, struct err *err)
{
	const char *name = type == ACL_OF_ACCESS ? "system.posix_acl_access"
						 : "system.posix_acl_default";
	struct proc_path path;
	int r = sys_fremovexattr(fd, name);

	if (r < 0 && errno == EBADF)
		r = sys_removexattr(proc_path(fd, &path), name);
	if (r < 0 && errno != EOPNOTSUPP && errno != ENOSYS && errno != ENODATA &&
	    errno != ENOTDIR)
		return err_errno(err, "cannot remove access control list");
	return 0;
}
