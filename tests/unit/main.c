/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs the unit tests and speaks TAP: all suites, or those named as arguments.
 * CK_FORK=no runs them in this process, for gdb.  With SETASIDE_TEST_SHORT in the
 * environment, the suites that try whole operations at hundreds of points are left
 * out, unless they are named.
 */
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SUITE(name) Suite *suite_##name(void);
#include "tests/unit/suites.h"
#undef SUITE

static const struct {
	const char *name;
	Suite *(*make)(void);
} suites[] = {

#define SUITE(name) { #name, suite_##name },
#include "tests/unit/suites.h"
#undef SUITE
};

#include "tests/unit/support_worker.h"

#define N_SUITES (sizeof(suites) / sizeof(suites[0]))

/* Is it to be left out of all? */
static bool takes_long(const char *name)
{
	static const char *const suites_of_points[] = { "crash", "import_sweep" };

	for (size_t i = 0; i < sizeof(suites_of_points) / sizeof(suites_of_points[0]);
	     i++)
		if (strcmp(name, suites_of_points[i]) == 0)
			return true;
	return false;
}

/* Adds the suites of that name (NULL: all); false if there is none. */
static bool add_suites(SRunner *runner, const char *name)
{
	bool found = false, is_short = !name && getenv("SETASIDE_TEST_SHORT");

	for (size_t i = 0; i < N_SUITES; i++) {
		if (name && strcmp(name, suites[i].name) != 0)
			continue;
		if (is_short && takes_long(suites[i].name)) {
			printf("# %s is left out: SETASIDE_TEST_SHORT\n", suites[i].name);
			continue;
		}
		srunner_add_suite(runner, suites[i].make());
		found = true;
	}
	return found;
}

/*
 * A test that hangs is ended, after so long that no machine is too slow and no disk too
 * busy for one that does not: Check's own limit is 4 seconds.
 */
static void set_timeout(void)
{
	setenv("CK_DEFAULT_TIMEOUT", "300", 0);
}

int main(int argc, char **argv)
{
	if (support_worker_wanted(argv[0]))
		return support_worker_main();
	set_timeout();

	SRunner *runner = srunner_create(NULL);

	/* What the tests compare must not depend on the caller's habits. */
	umask(022);
	if (argc < 2)
		add_suites(runner, NULL);
	for (int i = 1; i < argc; i++) {
		if (!add_suites(runner, argv[i])) {
			fprintf(stderr, "no suite \"%s\"; there are:", argv[i]);
			for (size_t k = 0; k < N_SUITES; k++)
				fprintf(stderr, " %s", suites[k].name);
			fputc('\n', stderr);
			srunner_free(runner);
			return 2;
		}
	}
	fflush(stdout);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	int n_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
