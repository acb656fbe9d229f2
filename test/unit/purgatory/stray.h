// SPDX-License-Identifier: MIT
/* A stray access is a failed check of its case, not a crash. */
#ifndef TEST_UNIT_PURGATORY_STRAY_H
#define TEST_UNIT_PURGATORY_STRAY_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void on_stray(int number)
{
	assert_int_equal(number, 0);		/* an access where nothing is */
}

/* From here to the case's end: cmocka sets its own handler before each. */
static void __attribute__((unused)) catch_faults(void)
{
	struct sigaction action = { .sa_handler = on_stray, .sa_flags = SA_NODEFER };

	sigaction(SIGSEGV, &action, NULL);
}

#endif
