// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/random.h"

/* First outputs of the authors' reference code. */
static void known_sequences(void **state)
{
	struct random r = { { 1, 2, 3, 4 } };
	uint64_t s = 1234567;

	(void)state;
	assert_int_equal(random_splitmix64(&s), 6457827717110365317ull);
	assert_int_equal(random_splitmix64(&s), 3203168211198807973ull);
	assert_int_equal(random_next(&r), 11520);
	assert_int_equal(random_next(&r), 0);
	assert_int_equal(random_next(&r), 1509978240);
	assert_int_equal(random_next(&r), 1215971899390074240ull);
}

static void same_seed_same_numbers(void **state)
{
	struct random a, b, c;
	int different = 0;

	(void)state;
	random_seed(&a, 42);
	random_seed(&b, 42);
	random_seed(&c, 43);
	for (int i = 0; i < 100; i++) {
		uint64_t v = random_next(&a);

		assert_int_equal(v, random_next(&b));
		different += v != random_next(&c);
	}
	assert_int_equal(different, 100);
}

static void below_is_even(void **state)
{
	unsigned hits[7] = { 0 };
	struct random r;

	(void)state;
	random_seed(&r, 1);
	for (int i = 0; i < 70000; i++)
		hits[random_below(&r, 7)]++;
	for (int i = 0; i < 7; i++)
		assert_in_range(hits[i], 9600, 10400);
	assert_int_equal(random_below(&r, 1), 0);
	for (int i = 0; i < 100; i++)
		assert_true(random_below(&r, (1ull << 63) + 1) <= 1ull << 63);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_sequences),
		cmocka_unit_test(same_seed_same_numbers),
		cmocka_unit_test(below_is_even),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
