// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/status.h"

static void first_problem_is_kept(void **state)
{
	struct problem p = { 0 };

	(void)state;
	assert_int_equal(problem_set(&p, E_FILE_READ, "%s: byte %u", "vmlinuz", 7u), E_FILE_READ);
	assert_int_equal(problem_set(&p, E_DIGEST, "later"), E_DIGEST);
	assert_int_equal(p.code, E_FILE_READ);
	assert_string_equal(p.text, "vmlinuz: byte 7");
}

static void nobody_may_listen(void **state)
{
	(void)state;
	assert_int_equal(problem_set(NULL, E_DIGEST, "x"), E_DIGEST);
}

static void long_text_is_cut_and_terminated(void **state)
{
	struct problem p = { 0 };
	char name[400];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[399] = '\0';
	(void)problem_set(&p, E_DIGEST, "%s", name);
	assert_int_equal(strlen(p.text), sizeof(p.text) - 1);
}

static void control_characters_do_not_pass(void **state)
{
	struct problem p = { 0 };

	(void)state;
	(void)problem_set(&p, E_CONFIG_WORD, "a\nb\x1b[2J\x7f%c", 0xe9);
	assert_string_equal(p.text, "a?b?[2J??");
	/* C1, which some terminals obey: as a byte and as UTF-8. What is no UTF-8, and what is. */
	p.code = OK;
	(void)problem_set(&p, E_CONFIG_WORD, "\x9b\xc2\x9b\xc2\xa0\xc0\xaf\xe0\x9f\xbf\xed\xa0\x80\xf4\x90\x80\x80"
			  "\xf0\x8f\xbf\xbf\xf5\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xed\x9f\xbf\xf4\x8f\xbf\xbf\xe2\x82");
	assert_string_equal(p.text, "???\xc2\xa0" "??" "???" "???" "????" "????" "?"
			    "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xed\x9f\xbf\xf4\x8f\xbf\xbf" "??");
}

static void every_number_has_its_text(void **state)
{
	int last = 0;

	(void)state;
#define STATUS(name, number, text)					\
	assert_string_equal(status_text(name), text);			\
	assert_true(number > last);					\
	last = number;
#include "lib/status.def"
#undef STATUS
	assert_string_equal(status_text((enum status)9999), "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_problem_is_kept),
		cmocka_unit_test(nobody_may_listen),
		cmocka_unit_test(long_text_is_cut_and_terminated),
		cmocka_unit_test(control_characters_do_not_pass),
		cmocka_unit_test(every_number_has_its_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
