/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/signals.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

static atomic_bool cancel;
static atomic_int caught;

/* Remembers the first signal and asks the operation to stop. */
static void on_signal(int signal)
{
	int none = 0;

	atomic_compare_exchange_strong(&caught, &none, signal);
	atomic_store(&cancel, true);
}

void signals_catch(void)
{
	static const int stopping[] = { SIGINT, SIGTERM, SIGHUP };
	/* No SA_RESTART: who waits for a lock or a worker is to look at the flag. */
	struct sigaction catch = { .sa_handler = on_signal };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction before;

	sigemptyset(&catch.sa_mask);
	sigemptyset(&ignore.sa_mask);
	for (size_t i = 0; i < sizeof(stopping) / sizeof(stopping[0]); i++) {
		if (sigaction(stopping[i], NULL, &before) == 0 &&
		    before.sa_handler != SIG_IGN)
			(void)sigaction(stopping[i], &catch, NULL);
	}
	(void)sigaction(SIGPIPE, &ignore, NULL);
	(void)sigaction(SIGXFSZ, &ignore, NULL);
}

const atomic_bool *signals_cancel(void)
{
	return &cancel;
}

int signals_caught(void)
{
	return atomic_load(&caught);
}
