// SPDX-License-Identifier: MIT
/* Linked into each mutant's program: the environment's MUTANT_CASE is the only case that runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

__attribute__((constructor)) static void run_only_one(void)
{
	const char *name = getenv("MUTANT_CASE");

	if (name)
		cmocka_set_test_filter(name);
}
