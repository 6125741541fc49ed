/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/apply.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/support.h"
#include "tests/unit/support_tar.h"

/* What a tar format can hold. */
static const struct format {
	const char *name;
	const char *sparse; /* NULL: no sparse files; "": in the format's own way */
	bool special;       /* FIFOs, devices, empty directories with owners */
	bool long_names;
	bool fractions; /* of seconds */
	bool attributes;
} formats[] = {
	{ "v7", NULL, false, false, false, false },
	{ "ustar", NULL, true, false, false, false },
	{ "oldgnu", "", true, true, false, false },
	{ "gnu", "", true, true, false, false },
	{ "posix", NULL, true, true, true, true },
	{ "posix", "0.0", true, true, true, true },
	{ "posix", "0.1", true, true, true, true },
	{ "posix", "1.0", true, true, true, true },
};

#define N_FORMATS ((int)(sizeof(formats) / sizeof(*formats)))

static unsigned own_flags(void)
{
	return geteuid() == 0 ? APPLY_OWNERS | APPLY_TRUSTED : 0;
}

/* Opens a new directory. */
static int new_dir(const char *name)
{
	int fd;

	support_mkdir(support_dirfd(), name, 0700);
	fd = openat(support_dirfd(), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static void build_special(int dirfd)
{
	support_node(dirfd, "common/fifo", S_IFIFO | 0640, 0);
	if (geteuid() == 0) {
		support_node(dirfd, "common/null", S_IFCHR | 0666, 0x103);
		support_node(dirfd, "common/block", S_IFBLK | 0660, 0x701);
		support_owner(dirfd, "common/fifo", 7, 8);
		support_owner(dirfd, "common/null", 0, 5);
	}
}

static void build_long_names(int dirfd)
{
	char name[300] = "common/", path[1200];

	memset(name + 7, 'n', 255);
	name[262] = '\0';
	support_file(dirfd, name, 0600, "long name");
	snprintf(path, sizeof(path), "%s-dir/%s/%s/x", "common/long", name + 107,
		 name + 107);
	support_file(dirfd, path, 0600, "long path");
	memset(path, 't', 1000);
	path[1000] = '\0';
	support_symlink(dirfd, "common/long-link", path);
	support_link(dirfd, "common/zz-link-to-long", name);
}

static void build_attributes(int dirfd)
{
	static const char *const acl[] = { "setfacl", "-m", "u:1:rwx,g:2:r", "common/acl",
					   NULL };
	static const char *const defaults[] = { "setfacl",        "-d", "-m", "u:3:r-x",
						"common/acl-dir", NULL };

	support_file(dirfd, "common/xattr", 0400, "x");
	if (geteuid() == 0)
		support_xattr(dirfd, "common/xattr", "user.a=b%", "value\0\n", 7);
	support_file(dirfd, "common/acl", 0640, "acl");
	support_mkdir(dirfd, "common/acl-dir", 0750);
	ck_assert_int_le(support_run(support_path("src"), NULL, acl), 0);
	ck_assert_int_le(support_run(support_path("src"), NULL, defaults), 0);
}

/* Gives everything an odd time, the deepest first. */
static void age(int dirfd, const struct format *f)
{
	static const char *const find[] = {
		"find",  ".",  "-depth", "-exec",
		"touch", "-h", "-d",     "2020-02-03 04:05:06.123456789",
		"{}",    ";",  NULL
	};
	static const char *const whole[] = {
		"find",  ".",  "-depth", "-exec",
		"touch", "-h", "-d",     "2020-02-03 04:05:06",
		"{}",    ";",  NULL
	};

	(void)dirfd;
	ck_assert_int_eq(
		support_run(support_path("src"), NULL, f->fractions ? find : whole), 0);
}

/* A tree with everything that a format can hold, below src/common. */
static void build_tree(const struct format *f)
{
	int dirfd = new_dir("src");

	support_mkdir(dirfd, "common", 0750);
	support_file(dirfd, "common/file", 0644, "some text\n");
	support_file(dirfd, "common/empty", 0600, "");
	support_file(dirfd, "common/.odd \n\xff\x01 name", 0755, "odd");
	support_mkdir(dirfd, "common/dir", 0711);
	support_file(dirfd, "common/dir/deep/er/file", 0444, "deep");
	support_mkdir(dirfd, "common/void", 0755);
	support_symlink(dirfd, "common/dir/link", "../file");
	support_symlink(dirfd, "common/dangling", "/no/such/file");
	support_link(dirfd, "common/dir/same", "common/file");
	support_link(dirfd, "common/same", "common/file");
	support_link(dirfd, "common/dir/dangling", "common/dangling");
	support_link(dirfd, "common/link", "common/dir/link");
	if (geteuid() == 0) {
		support_owner(dirfd, "common/dir", 1, 2);
		support_owner(dirfd, "common/dir/link", 3, 4);
		support_owner(dirfd, "common/empty", 12345, 54321);
		support_file(dirfd, "common/setuid", 0755, "#!");
		support_owner(dirfd, "common/setuid", 1, 1);
		ck_assert_int_eq(fchmodat(dirfd, "common/setuid", 06755, 0), 0);
	}
	ck_assert_int_eq(fchmodat(dirfd, "common/void", 02755, 0), 0);
	if (f->special)
		build_special(dirfd);
	if (f->long_names)
		build_long_names(dirfd);
	if (f->attributes)
		build_attributes(dirfd);
	if (f->sparse) {
		support_sparse(dirfd, "common/sparse", 5 << 20, 1 << 20, 5000);
		support_sparse(dirfd, "common/sparse-end", 1 << 20, (1 << 20) - 4096,
			       4096);
		support_sparse(dirfd, "common/hole", 1 << 20, 0, 0);
	}
	/* Locked up only now. */
	ck_assert_int_eq(fchmodat(dirfd, "common/dir/deep/er", 0500, 0), 0);
	age(dirfd, f);
	close(dirfd);
}

/* The format's archive of src/common, as "t.tar". */
static void make_archive(const struct format *f)
{
	char format[32], sparse[32];
	const char *argv[16] = { "tar", "-cf", "../t.tar", format };
	size_t n = 4;

	snprintf(format, sizeof(format), "--format=%s", f->name);
	if (f->sparse)
		argv[n++] = "-S";
	if (f->sparse && f->sparse[0]) {
		snprintf(sparse, sizeof(sparse), "--sparse-version=%s", f->sparse);
		argv[n++] = sparse;
	}
	if (f->attributes) {
		argv[n++] = "--xattrs";
		argv[n++] = "--acls";
	}
	argv[n] = "common";
	ck_assert_int_eq(support_run(support_path("src"), NULL, argv), 0);
}

/* Unpacks a file of the test's directory into a new one; its descriptor. */
static int unpack_file(const char *archive, const char *path, const char *out,
		       struct apply_notes *notes)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct fd_source source = { .fd = openat(support_dirfd(), archive, O_RDONLY) };
	int fd = new_dir(out);

	ck_assert_int_ge(source.fd, 0);
	ck_assert_ok(support_unpack(fd_source_read, &source, path, fd, own_flags(), notes,
				    &err),
		     &err);
	close(source.fd);
	return fd;
}

static void assert_same(int a, int b, unsigned flags)
{
	char *why = NULL;
	bool same = support_tree_compare(a, b, flags, &why);

	ck_assert_msg(same, "%s", why);
	free(why);
}

static void check_format(const struct format *f)
{
	struct apply_notes notes;
	int src, out;

	build_tree(f);
	make_archive(f);
	apply_notes_init(&notes);
	out = unpack_file("t.tar", "common", "out", &notes);
	ck_assert_msg(!notes.text.len, "%s", notes.text.data);
	src = openat(support_dirfd(), "src/common", O_RDONLY | O_DIRECTORY);
	assert_same(src, out, f->sparse ? SUPPORT_SPARSE : 0);
	close(src);
	close(out);
	apply_notes_done(&notes);
}

START_TEST(apply_makes_what_gnu_tar_saved)
{
	if (!support_has("setfacl"))
		support_skip("setfacl is not installed: no access control lists");
	check_format(&formats[_i]);
}

END_TEST

START_TEST(apply_makes_what_gnu_tar_saved_as_a_user)
{
	if (support_become_user())
		check_format(&formats[_i]);
}

END_TEST

START_TEST(apply_makes_what_bsdtar_saved)
{
	static const struct format f = { "pax", "", true, true, true, true };
	static const char *const argv[] = { "bsdtar", "-cf",    "../t.tar", "--format",
					    "pax",    "common", NULL };
	struct apply_notes notes;
	int src, out;

	if (!support_has("bsdtar")) {
		support_skip("bsdtar is not installed");
		return;
	}
	build_tree(&f);
	ck_assert_int_eq(support_run(support_path("src"), NULL, argv), 0);
	apply_notes_init(&notes);
	out = unpack_file("t.tar", "common", "out", &notes);
	src = openat(support_dirfd(), "src/common", O_RDONLY | O_DIRECTORY);
	assert_same(src, out, 0);
	close(src);
	close(out);
	apply_notes_done(&notes);
}

END_TEST

/* One tree of one of snapd's own snapshots, against what GNU tar makes of it; false if
 * the archive does not hold it. */
static bool check_fixture(const char *zip, const char *member, const char *top)
{
	const char *const unzip[] = { "unzip", "-p", support_fixture(zip), member, NULL };
	static const char *const gunzip[] = { "gzip", "-dc", "t.tgz", NULL };
	static const char *const extract[] = { "tar", "-xpf", "../t.tar", NULL };
	struct apply_notes notes;
	char path[64];
	int out, ref;

	support_remove_tree(support_dirfd(), "ref");
	ck_assert_int_eq(support_run("/", "t.tgz", unzip), 0);
	ck_assert_int_eq(support_run(support_dir(), "t.tar", gunzip), 0);
	close(new_dir("ref"));
	ck_assert_int_eq(support_run(support_path("ref"), NULL, extract), 0);
	snprintf(path, sizeof(path), "ref/%s", top);
	ref = openat(support_dirfd(), path, O_RDONLY | O_DIRECTORY);
	if (ref < 0)
		return false;
	support_remove_tree(support_dirfd(), "out");
	apply_notes_init(&notes);
	out = unpack_file("t.tar", top, "out", &notes);
	assert_same(ref, out, SUPPORT_SPARSE);
	close(ref);
	close(out);
	apply_notes_done(&notes);
	return true;
}

START_TEST(apply_makes_what_snapd_saved)
{
	static const struct {
		const char *zip, *revision;
	} zips[] = { { "snapd/3_hello_2.10_7.zip", "7" },
		     { "snapd/3_notes-app_v1.33~rc1+git_x2.zip", "x2" },
		     { "snapd/4_hello_2.10_7.zip", "7" } };

	static const char *const members[] = { "archive.tgz", "user/alice.tgz",
					       "user/bob.tgz" };
	static const char *const list[] = { "unzip", "-Z1", NULL, NULL };
	int checked = 0;

	if (!support_has("unzip")) {
		support_skip("unzip is not installed");
		return;
	}
	support_mkdir(support_dirfd(), "ref", 0700);
	support_mkdir(support_dirfd(), "out", 0700);
	for (size_t z = 0; z < sizeof(zips) / sizeof(*zips); z++) {
		const char *argv[] = { list[0], list[1], support_fixture(zips[z].zip),
				       NULL };
		_cleanup_free_ char *names = NULL;

		ck_assert_int_eq(support_run("/", "names", argv), 0);
		names = support_read(support_dirfd(), "names", NULL);
		for (size_t m = 0; m < sizeof(members) / sizeof(*members); m++) {
			if (!strstr(names, members[m]))
				continue;
			checked += check_fixture(zips[z].zip, members[m], "common");
			checked +=
				check_fixture(zips[z].zip, members[m], zips[z].revision);
		}
	}
	ck_assert_int_ge(checked, 6);
}

END_TEST

/* --- Streams made here. --- */

static void unpack_bytes(struct tar_bytes *t, int fd, unsigned flags)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct apply_notes notes;

	apply_notes_init(&notes);
	tar_bytes_rewind(t, 0);
	ck_assert_ok(
		support_unpack(tar_bytes_source, t, "common", fd, flags, &notes, &err),
		&err);
	ck_assert_msg(!notes.text.len, "%s", notes.text.data);
	apply_notes_done(&notes);
}

static void assert_mode_and_time(int dirfd, const char *name, mode_t mode, int64_t mtime)
{
	struct stat st;

	ck_assert_int_eq(fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert_uint_eq(st.st_mode & 07777, mode);
	ck_assert_int_eq(st.st_mtim.tv_sec, mtime);
	ck_assert_int_eq(st.st_mtim.tv_nsec, 0);
}

/* A directory that keeps its owner out, and is come back to. */
static void check_coming_back(void)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	const unsigned uid = geteuid(), gid = getegid();
	int fd = new_dir("out");

	tar_add(&t, (struct tar_item){ .name = "common",
				       .type = '5',
				       .mode = 0555,
				       .mtime = 1,
				       .uid = uid,
				       .gid = gid });
	for (int i = 0; i < 3; i++) {
		static const char *const names[] = { "common/a", "common/a/in",
						     "common/a/in/b" };
		static const unsigned modes[] = { 02500, 01, 0700 };

		tar_add(&t, (struct tar_item){ .name = names[i],
					       .type = '5',
					       .mode = modes[i],
					       .mtime = 10 + i,
					       .uid = uid,
					       .gid = gid });
	}
	tar_add(&t, (struct tar_item){
			    .name = "common/f", .type = '6', .uid = uid, .gid = gid });
	tar_add(&t, (struct tar_item){ .name = "common/a/in/b/late",
				       .type = '0',
				       .data = "late",
				       .mode = 0600,
				       .mtime = 20,
				       .uid = uid,
				       .gid = gid });
	tar_add(&t, (struct tar_item){ .name = "common/a/late",
				       .type = '5',
				       .mode = 0755,
				       .mtime = 21,
				       .uid = uid,
				       .gid = gid });
	tar_end(&t);
	unpack_bytes(&t, fd, 0);
	assert_mode_and_time(fd, ".", 0555, 1);
	assert_mode_and_time(fd, "a", 02500, 10);
	assert_mode_and_time(fd, "a/in", 01, 11);
	assert_mode_and_time(fd, "a/late", 0755, 21);
	ck_assert_int_eq(fchmodat(fd, "a/in", 0700, 0), 0);
	assert_mode_and_time(fd, "a/in/b", 0700, 12);
	assert_mode_and_time(fd, "a/in/b/late", 0600, 20);
	close(fd);
}

START_TEST(apply_comes_back_to_a_directory)
{
	check_coming_back();
}

END_TEST

START_TEST(apply_comes_back_to_a_directory_as_a_user)
{
	if (support_become_user())
		check_coming_back();
}

END_TEST

/* A default ACL in front of the staging and one in the archive are for nobody in it. */
START_TEST(apply_lets_nothing_be_inherited)
{
	static const char *const setfacl[] = {
		"setfacl", "-d", "-m", "u:1:rwx", ".", NULL
	};
	static const char *const getfacl[] = {
		"getfacl",      "-npc",           "parent/out", "parent/out/d",
		"parent/out/f", "parent/out/d/f", NULL
	};
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_free_ char *acls = NULL;
	int fd;

	support_mkdir(support_dirfd(), "parent", 02755);
	if (support_run(support_path("parent"), NULL, setfacl) != 0) {
		support_skip("setfacl cannot be used here");
		return;
	}
	fd = new_dir("parent/out");
	tar_own(&t);
	tar_add(&t, (struct tar_item){ .name = "common", .type = '5', .mode = 0755 });
	tar_pax(&t, 'x', "SCHILY.acl.default",
		"user::rwx,user:2:r,group::r,mask::r,other::-", NULL);
	tar_add(&t, (struct tar_item){ .name = "common/d", .type = '5', .mode = 0750 });
	tar_add(&t, (struct tar_item){ .name = "common/f", .type = '0', .mode = 0640 });
	tar_add(&t, (struct tar_item){ .name = "common/d/f", .type = '0', .mode = 0640 });
	tar_end(&t);
	unpack_bytes(&t, fd, own_flags());
	close(fd);
	ck_assert_int_eq(support_run(support_dir(), "acls", getfacl), 0);
	acls = support_read(support_dirfd(), "acls", NULL);
	ck_assert_str_eq(acls, "user::rwx\ngroup::r-x\nother::r-x\n\n"
			       "user::rwx\ngroup::r-x\nother::---\n"
			       "default:user::rwx\ndefault:user:2:r--\n"
			       "default:group::r--\ndefault:mask::r--\n"
			       "default:other::---\n\n"
			       "user::rw-\ngroup::r--\nother::---\n\n"
			       "user::rw-\ngroup::r--\nother::---\n\n");
}

END_TEST

START_TEST(apply_goes_deeper_than_there_are_descriptors)
{
	struct rlimit limit;
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	char path[4096] = "common";
	size_t n = 6;
	int fd = new_dir("out");

	if (!support_forks()) {
		support_skip("changes a limit: needs a process of its own");
		close(fd);
		return;
	}
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 64, limit.rlim_max }),
			 0);
	tar_own(&t);
	tar_dir(&t, path);
	for (int i = 0; i < 300; i++) {
		n += (size_t)snprintf(path + n, sizeof(path) - n, "/%03d", i);
		tar_pax(&t, 'x', "path", path, "mtime", "7", NULL);
		tar_dir(&t, "x");
	}
	/* Up again in steps, and down once more. */
	for (size_t cut = n - 4; cut > 100; cut -= 60) {
		path[cut] = '\0';
		memcpy(path + cut, "/file", 6);
		tar_pax(&t, 'x', "path", path, NULL);
		tar_file(&t, "x", "deep");
	}
	tar_end(&t);
	unpack_bytes(&t, fd, 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	path[107] = '\0';
	assert_mode_and_time(fd, path + 7, 0755, 7);
	close(fd);
}

END_TEST

START_TEST(apply_keeps_the_staging_closed_until_the_end)
{
	static const struct apply_report report = { NULL, NULL };
	_cleanup_(owners_freep) struct owners *owners = support_owners();
	_cleanup_(apply_freep) struct apply *a = NULL;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const struct apply_target target = { .path = "common", .fd = new_dir("out") };
	struct entry e = { .type = ENTRY_DIR,
			   .path = (char[]){ "common" },
			   .mode = 0777 };
	struct unpack_sink sink;
	struct stat st;

	e.uid = geteuid();
	e.gid = getegid();
	ck_assert_ok(apply_new(&target, 1, 0, 3, owners, &report, &a, &err), &err);
	sink = apply_sink(a);
	ck_assert(!apply_found(a, 0));
	ck_assert_ok(sink.entry(sink.ctx, &e, &err), &err);
	ck_assert(apply_found(a, 0));
	ck_assert_int_eq(fstat(target.fd, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	e.type = ENTRY_FILE;
	e.path = (char[]){ "common/f" };
	e.size = 1;
	ck_assert_ok(sink.entry(sink.ctx, &e, &err), &err);
	ck_assert_int_eq(fstatat(target.fd, "f", &st, 0), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_ok(sink.data(sink.ctx, 0, "x", 1, &err), &err);
	ck_assert_ok(sink.finish(sink.ctx, &err), &err);
	ck_assert_int_eq(fstatat(target.fd, "f", &st, 0), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0777);
	ck_assert_int_eq(fstat(target.fd, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0777);
	close(target.fd);
}

END_TEST

/* --- Several targets. --- */

struct targets {
	struct apply_target list[3];
	struct apply_notes notes;
	struct apply *a;
	struct owners *owners;
};

static int run_targets(struct targets *x, size_t n, struct tar_bytes *t, struct err *err)
{
	static const char *const tops[] = { "common", NULL };
	const struct unpack_limits limits = { 0 };
	struct unpack_counts counts;
	struct unpack_sink sink;

	tar_end(t);
	apply_notes_init(&x->notes);
	x->owners = support_owners();
	ck_assert_ok(apply_new(x->list, n, 0, 3, x->owners, &x->notes.report, &x->a, err),
		     err);
	sink = apply_sink(x->a);
	return unpack_run(tar_bytes_source, t, tops, &limits, &sink, NULL, &counts, err);
}

static void targets_done(struct targets *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(x->list[i].fd);
	apply_free(x->a);
	owners_free(x->owners);
	apply_notes_done(&x->notes);
}

static int new_file(const char *name)
{
	int fd = openat(support_dirfd(), name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
			0600);

	ck_assert_int_ge(fd, 0);
	return fd;
}

START_TEST(apply_fills_several_targets)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ char *text = NULL;
	struct targets x = { .list = { { "common/dir", new_dir("dir"), false },
				       { "common/file", new_file("file"), true },
				       { "common/none", new_dir("none"), false } } };
	struct stat a, b;

	tar_own(&t);
	tar_dir(&t, "common");
	tar_file(&t, "common/nobody", "passed over");
	tar_add(&t, (struct tar_item){ .name = "common/dir", .type = '5', .mode = 0711 });
	tar_file(&t, "common/dir/f", "one");
	tar_dir(&t, "common/dirs");
	tar_add(&t, (struct tar_item){ .name = "common/file",
				       .type = '0',
				       .mode = 0640,
				       .data = "two" });
	tar_add(&t, (struct tar_item){ .name = "common/dir/h",
				       .type = '1',
				       .link = "common/dir/f" });
	ck_assert_ok(run_targets(&x, 3, &t, &err), &err);
	ck_assert(apply_found(x.a, 0) && apply_found(x.a, 1) && !apply_found(x.a, 2));
	ck_assert_int_eq(fstat(x.list[0].fd, &a), 0);
	ck_assert_uint_eq(a.st_mode & 07777, 0711);
	ck_assert_int_eq(fstat(x.list[1].fd, &a), 0);
	ck_assert_uint_eq(a.st_mode & 07777, 0640);
	text = support_read(support_dirfd(), "file", NULL);
	ck_assert_str_eq(text, "two");
	ck_assert_uint_eq(support_count(x.list[0].fd, "."), 2);
	ck_assert_int_eq(fstatat(x.list[0].fd, "f", &a, 0), 0);
	ck_assert_int_eq(fstatat(x.list[0].fd, "h", &b, 0), 0);
	ck_assert_uint_eq(a.st_ino, b.st_ino);
	targets_done(&x, 3);
}

END_TEST

START_TEST(apply_copies_links_between_targets_that_are_files)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct targets x = { .list = { { "common/dir", new_dir("dir"), false },
				       { "common/one", new_file("one"), true },
				       { "common/two", new_file("two"), true } } };
	static const char *const paths[] = { "dir/to-one", "one", "two", "dir/f" };

	tar_own(&t);
	tar_dir(&t, "common/dir");
	tar_add(&t, (struct tar_item){ .name = "common/one",
				       .type = '0',
				       .mode = 0604,
				       .mtime = 5,
				       .data = "first" });
	tar_add(&t, (struct tar_item){ .name = "common/dir/to-one",
				       .type = '1',
				       .link = "common/one" });
	tar_add(&t, (struct tar_item){ .name = "common/dir/f",
				       .type = '0',
				       .mode = 0604,
				       .mtime = 5,
				       .data = "first" });
	tar_add(&t, (struct tar_item){
			    .name = "common/two", .type = '1', .link = "common/dir/f" });
	ck_assert_ok(run_targets(&x, 3, &t, &err), &err);
	ck_assert(apply_found(x.a, 2));
	for (size_t i = 0; i < 4; i++) {
		char *text = support_read(support_dirfd(), paths[i], NULL);

		ck_assert_str_eq(text, "first");
		assert_mode_and_time(support_dirfd(), paths[i], 0604, 5);
		free(text);
	}
	ck_assert(apply_notes_have(&x.notes, "(minor) common/two: is a copy of"));
	targets_done(&x, 3);
}

END_TEST

START_TEST(apply_reports_links_to_what_is_not_restored)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct targets x = { .list = { { "common/dir", new_dir("dir"), false },
				       { "common/file", new_file("file"), true } } };

	tar_own(&t);
	tar_file(&t, "common/gone", "x");
	tar_dir(&t, "common/dir");
	tar_add(&t, (struct tar_item){
			    .name = "common/dir/h", .type = '1', .link = "common/gone" });
	tar_add(&t, (struct tar_item){
			    .name = "common/file", .type = '1', .link = "common/gone" });
	ck_assert_ok(run_targets(&x, 2, &t, &err), &err);
	ck_assert(apply_notes_have(&x.notes, "common/dir/h: left out: a link to"));
	ck_assert(!apply_notes_have(&x.notes, "(minor)"));
	ck_assert_uint_eq(support_count(x.list[0].fd, "."), 0);
	/* An empty file must not pass for what was saved. */
	ck_assert(!apply_found(x.a, 1));
	targets_done(&x, 2);
}

END_TEST

START_TEST(apply_copies_links_across_file_systems)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	char other[] = "/dev/shm/setaside-apply-XXXXXX";
	struct targets x = { .list = { { "common/here", new_dir("here"), false },
				       { "common/there", -1, false } } };
	struct stat a, b;

	if (!mkdtemp(other) || stat(other, &a) < 0 || fstat(x.list[0].fd, &b) < 0 ||
	    a.st_dev == b.st_dev) {
		support_skip("no second file system");
		close(x.list[0].fd);
		rmdir(other);
		return;
	}
	x.list[1].fd = open(other, O_RDONLY | O_DIRECTORY);
	tar_own(&t);
	tar_dir(&t, "common/here");
	tar_dir(&t, "common/there");
	tar_add(&t, (struct tar_item){ .name = "common/here/f",
				       .type = '0',
				       .mode = 0460,
				       .mtime = 5,
				       .data = "first" });
	tar_add(&t, (struct tar_item){ .name = "common/there/f",
				       .type = '1',
				       .link = "common/here/f" });
	tar_add(&t,
		(struct tar_item){
			.name = "common/here/p", .type = '6', .mode = 0460, .mtime = 5 });
	tar_add(&t, (struct tar_item){ .name = "common/there/p",
				       .type = '1',
				       .link = "common/here/p" });
	tar_add(&t,
		(struct tar_item){
			.name = "common/here/l", .type = '2', .link = "f", .mtime = 5 });
	tar_add(&t, (struct tar_item){ .name = "common/there/l",
				       .type = '1',
				       .link = "common/here/l" });
	tar_add(&t, (struct tar_item){ .name = "common/here/l2",
				       .type = '1',
				       .link = "common/here/l" });
	ck_assert_ok(run_targets(&x, 2, &t, &err), &err);
	assert_mode_and_time(x.list[1].fd, "f", 0460, 5);
	ck_assert(apply_notes_have(&x.notes, "(minor) common/there/f: is a copy"));
	assert_mode_and_time(x.list[1].fd, "p", 0460, 5);
	ck_assert(apply_notes_have(&x.notes, "(minor) common/there/p: is a copy"));
	ck_assert_int_eq(fstatat(x.list[1].fd, "l", &a, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert(S_ISLNK(a.st_mode) && a.st_mtim.tv_sec == 5);
	ck_assert(apply_notes_have(&x.notes, "(minor) common/there/l: is a copy"));
	ck_assert_int_eq(fstatat(x.list[0].fd, "l", &a, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert_uint_eq(a.st_nlink, 2);
	targets_done(&x, 2);
	support_remove_tree(AT_FDCWD, other);
}

END_TEST

START_TEST(apply_says_that_the_disk_is_full)
{
	const struct rlimit limit = { 4096, 4096 };
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	char big[8192];
	struct apply_notes notes;
	int fd = new_dir("out");

	if (!support_forks()) {
		support_skip("changes a limit: needs a process of its own");
		close(fd);
		return;
	}
	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	tar_dir(&t, "common");
	tar_file(&t, "common/big", big);
	tar_end(&t);
	apply_notes_init(&notes);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_fails(
		support_unpack(tar_bytes_source, &t, "common", fd, 0, &notes, &err), &err,
		ERR_NO_SPACE, "\"common/big\"");
	apply_notes_done(&notes);
	close(fd);
}

END_TEST

Suite *suite_apply(void)
{
	Suite *s = suite_create("apply");
	TCase *tc = support_tcase(s, "archives");

	tcase_add_loop_test(tc, apply_makes_what_gnu_tar_saved, 0, N_FORMATS);
	tcase_add_loop_test(tc, apply_makes_what_gnu_tar_saved_as_a_user, 0, N_FORMATS);
	tcase_add_test(tc, apply_makes_what_bsdtar_saved);
	tcase_add_test(tc, apply_makes_what_snapd_saved);

	tc = support_tcase(s, "streams");
	tcase_add_test(tc, apply_comes_back_to_a_directory);
	tcase_add_test(tc, apply_comes_back_to_a_directory_as_a_user);
	tcase_add_test(tc, apply_lets_nothing_be_inherited);
	tcase_add_test(tc, apply_goes_deeper_than_there_are_descriptors);
	tcase_add_test(tc, apply_keeps_the_staging_closed_until_the_end);
	tcase_add_test(tc, apply_fills_several_targets);
	tcase_add_test(tc, apply_copies_links_between_targets_that_are_files);
	tcase_add_test(tc, apply_reports_links_to_what_is_not_restored);
	tcase_add_test(tc, apply_copies_links_across_file_systems);
	tcase_add_test(tc, apply_says_that_the_disk_is_full);
	return s;
}
