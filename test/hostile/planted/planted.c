// SPDX-License-Identifier: MIT
/* Which of the mutants of schema.py this run plants: the environment's MUTANT_NUMBER; 0, or no such variable, is none. */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

extern unsigned hostile_mutant;
unsigned hostile_mutant;

/* Without the coverage files that the rest of the program would write: thousands of runs. */
static void leave(int status, void *unused)
{
	(void)unused;
	fflush(NULL);
	_exit(status);
}

__attribute__((constructor)) static void plant(void)
{
	const char *number = getenv("MUTANT_NUMBER");

	hostile_mutant = number ? (unsigned)strtoul(number, NULL, 10) : 0;
	setvbuf(stdout, NULL, _IOLBF, 0);	/* what was said before a hang is known */
	on_exit(leave, NULL);
}
