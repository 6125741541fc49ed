/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "tests/machine/machine.h"

/* The oldest goes first. */
static struct {
	struct known known[64];
	size_t next;
} memory;

#define N_KNOWN (sizeof(memory.known) / sizeof(memory.known[0]))

struct known *known_find(const char *text)
{
	for (size_t i = 0; text && i < N_KNOWN; i++)
		if (memory.known[i].text && strcmp(memory.known[i].text, text) == 0)
			return &memory.known[i];
	return NULL;
}

void known_add(struct known *k)
{
	known_clear(&memory.known[memory.next]);
	memory.known[memory.next] = *k;
	memory.next = (memory.next + 1) % N_KNOWN;
	*k = (struct known){ 0 };
}

void known_clear(struct known *k)
{
	free(k->text);
	state_done(&k->found);
	state_done(&k->recovered);
	*k = (struct known){ 0 };
}

void known_forget(void)
{
	for (size_t i = 0; i < N_KNOWN; i++)
		known_clear(&memory.known[i]);
}
