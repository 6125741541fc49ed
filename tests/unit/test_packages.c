/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/packages.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/unit/support.h"

#define STATUS "var/lib/dpkg/status"

/* Loads below the test's directory. */
static struct packages *load(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct packages *p = NULL;

	ck_assert_ok(packages_load(support_dirfd(), &p, &err), &err);
	return p;
}

START_TEST(packages_of_no_system_are_none)
{
	_cleanup_(packages_freep) struct packages *p = load();

	ck_assert_ptr_null(packages_version(p, PACKAGE_DEB, "git"));
	ck_assert_ptr_null(packages_version(p, PACKAGE_PACMAN, "git"));
}

END_TEST

START_TEST(packages_of_dpkg_are_the_installed_ones)
{
	_cleanup_(packages_freep) struct packages *p = NULL;

	support_file(support_dirfd(), STATUS, 0644,
		     "Package: git\n"
		     "Status: install ok installed\n"
		     "Architecture: amd64\n"
		     "Version: 1:2.39.5-0+deb12u1\n"
		     "Description: fast\n"
		     " Version: 9\n"
		     " Package: not-me\n"
		     "\n"
		     "Package: gone\n"
		     "Status: deinstall ok config-files\n"
		     "Version: 1.0\n"
		     "\n"
		     "\n"
		     "Version: 3.0\n"
		     "Status: install ok triggers-pending\n"
		     "Package:\t waits \n"
		     "\n"
		     "Package: half\n"
		     "Status: install reinstreq half-installed\n"
		     "Version: 4.0\n"
		     "\n"
		     "Package: nothing\n"
		     "Status: install ok installed\n"
		     "\n"
		     "Packages: odd\n"
		     "Package: last\n"
		     "Status: hold ok installed\n"
		     "Version: 7");
	p = load();
	ck_assert_str_eq(packages_version(p, PACKAGE_DEB, "git"), "1:2.39.5-0+deb12u1");
	ck_assert_str_eq(packages_version(p, PACKAGE_DEB, "waits"), "3.0");
	ck_assert_str_eq(packages_version(p, PACKAGE_DEB, "last"), "7");
	ck_assert_ptr_null(packages_version(p, PACKAGE_DEB, "gone"));
	ck_assert_ptr_null(packages_version(p, PACKAGE_DEB, "half"));
	ck_assert_ptr_null(packages_version(p, PACKAGE_DEB, "nothing"));
	ck_assert_ptr_null(packages_version(p, PACKAGE_DEB, "not-me"));
	ck_assert_ptr_null(packages_version(p, PACKAGE_DEB, "odd"));
	ck_assert_ptr_null(packages_version(p, PACKAGE_DEB, ""));
	ck_assert_ptr_null(packages_version(p, PACKAGE_PACMAN, "git"));
}

END_TEST

START_TEST(packages_of_one_name_have_one_version)
{
	_cleanup_(packages_freep) struct packages *p = NULL;

	support_file(support_dirfd(), STATUS, 0644,
		     "Package: libc6\nStatus: install ok installed\nArchitecture: i386\n"
		     "Version: 2.36-9\n\n"
		     "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\n"
		     "Version: 2.36-10\n");
	p = load();
	ck_assert_str_eq(packages_version(p, PACKAGE_DEB, "libc6"), "2.36-10");
}

END_TEST

/* Appends the character n times. */
static void add_many(struct buf *out, char c, size_t n)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	char *room = buf_reserve(out, n, &err);

	ck_assert_ok_ptr(room, &err);
	memset(room, c, n);
	buf_advance(out, n);
}

START_TEST(packages_survive_long_lines_and_many_stanzas)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(packages_freep) struct packages *p = NULL;
	_cleanup_(buf_done) struct buf text = BUF_INIT;

	/* Lines of all lengths around that of the buffer, so that each border is met. */
	for (size_t i = 0; i < 40; i++) {
		ck_assert_ok(buf_printf(&text, &err,
					"Package: p%zu\nStatus: install ok installed\n"
					"Description: ",
					i),
			     &err);
		add_many(&text, 'x', 65500 + i);
		ck_assert_ok(buf_printf(&text, &err, "\nVersion: 1.%zu\n\n", i), &err);
	}
	/* The rest of a long line is not a field. */
	ck_assert_ok(
		buf_add_str(&text,
			    "Package: long\nStatus: install ok installed\nX: ", &err),
		&err);
	add_many(&text, 'x', 3 * 65536 - 3);
	ck_assert_ok(buf_add_str(&text, "Version: 6\n\n", &err), &err);
	/* Values beyond all measure are none. */
	ck_assert_ok(buf_add_str(&text,
				 "Package: big\nStatus: install ok installed\nVersion: ",
				 &err),
		     &err);
	add_many(&text, '1', 300);
	support_file_n(support_dirfd(), STATUS, 0644, text.data, text.len);
	p = load();
	for (size_t i = 0; i < 40; i++) {
		char name[16], version[16];

		snprintf(name, sizeof(name), "p%zu", i);
		snprintf(version, sizeof(version), "1.%zu", i);
		ck_assert_ptr_nonnull(packages_version(p, PACKAGE_DEB, name));
		ck_assert_str_eq(packages_version(p, PACKAGE_DEB, name), version);
	}
	ck_assert_ptr_null(packages_version(p, PACKAGE_DEB, "long"));
	ck_assert_ptr_null(packages_version(p, PACKAGE_DEB, "big"));
}

END_TEST

START_TEST(packages_of_a_binary_file_are_none)
{
	_cleanup_(packages_freep) struct packages *p = NULL;
	static const char text[] =
		"Package: a\0b\nStatus: installed\nVersion: 1\n\n\0\0\n";

	support_file_n(support_dirfd(), STATUS, 0644, text, sizeof(text) - 1);
	p = load();
	ck_assert_ptr_null(packages_version(p, PACKAGE_DEB, "a"));
}

END_TEST

START_TEST(packages_need_a_regular_file)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct packages *p = NULL;

	support_node(support_dirfd(), STATUS, S_IFIFO | 0644, 0);
	ck_assert_fails(packages_load(support_dirfd(), &p, &err), &err, ERR_CORRUPT,
			"\"/var/lib/dpkg/status\" is not a regular file");
}

END_TEST

START_TEST(packages_are_looked_for_below_the_root)
{
	_cleanup_(packages_freep) struct packages *p = NULL;

	/* An absolute link stays below the root. */
	support_file(support_dirfd(), "elsewhere/status", 0644,
		     "Package: a\nStatus: install ok installed\nVersion: 1\n");
	support_symlink(support_dirfd(), "var/lib/dpkg", "/../elsewhere");
	p = load();
	ck_assert_str_eq(packages_version(p, PACKAGE_DEB, "a"), "1");
}

END_TEST

START_TEST(packages_of_pacman_are_directory_names)
{
	_cleanup_(packages_freep) struct packages *p = NULL;

	support_mkdir(support_dirfd(), "var/lib/pacman/local/git-2.44.0-1", 0755);
	support_mkdir(support_dirfd(),
		      "var/lib/pacman/local/gtk-update-icon-cache-1:4.14.1-2", 0755);
	support_file(support_dirfd(), "var/lib/pacman/local/ALPM_DB_VERSION", 0644,
		     "9\n");
	support_mkdir(support_dirfd(), "var/lib/pacman/local/odd-1", 0755);
	support_mkdir(support_dirfd(), "var/lib/pacman/local/-1-1", 0755);
	support_mkdir(support_dirfd(), "var/lib/pacman/local/a--1", 0755);
	support_mkdir(support_dirfd(), "var/lib/pacman/local/a-1-", 0755);
	p = load();
	ck_assert_str_eq(packages_version(p, PACKAGE_PACMAN, "git"), "2.44.0-1");
	ck_assert_str_eq(packages_version(p, PACKAGE_PACMAN, "gtk-update-icon-cache"),
			 "1:4.14.1-2");
	ck_assert_ptr_null(packages_version(p, PACKAGE_PACMAN, "odd"));
	ck_assert_ptr_null(packages_version(p, PACKAGE_PACMAN, "a"));
	ck_assert_ptr_null(packages_version(p, PACKAGE_DEB, "git"));
}

END_TEST

Suite *suite_packages(void)
{
	Suite *s = suite_create("packages");
	TCase *tc = support_tcase(s, "versions");

	if (!support_need_openat2())
		return s;
	tcase_add_test(tc, packages_of_no_system_are_none);
	tcase_add_test(tc, packages_of_dpkg_are_the_installed_ones);
	tcase_add_test(tc, packages_of_one_name_have_one_version);
	tcase_add_test(tc, packages_survive_long_lines_and_many_stanzas);
	tcase_add_test(tc, packages_of_a_binary_file_are_none);
	tcase_add_test(tc, packages_need_a_regular_file);
	tcase_add_test(tc, packages_are_looked_for_below_the_root);
	tcase_add_test(tc, packages_of_pacman_are_directory_names);
	return s;
}
