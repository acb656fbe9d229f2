// SPDX-License-Identifier: MIT
/* Range lists against a bitmap of 256 addresses, and the edges of 64 bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/range.h"

#define SPACE	256u

static void list_check(const struct range_list *list, const bool *in)
{
	bool seen[SPACE] = { false };
	uint64_t total = 0;

	for (uint32_t i = 0; i < list->count; i++) {
		const struct range *r = &list->ranges[i];

		assert_true(r->start < r->end && r->end <= SPACE);
		assert_true(i == 0 || list->ranges[i - 1].end < r->start);
		memset(seen + r->start, true, r->end - r->start);
		total += r->end - r->start;
	}
	assert_memory_equal(seen, in, sizeof(seen));
	assert_int_equal(range_total(list), total);
}

/* True if [at, at + size) lies in [low, high) and is all in (or all out of) the set. */
static bool fits(const bool *in, bool wanted, uint64_t at, uint64_t size, uint64_t low, uint64_t high)
{
	if (at < low || at + size > high)
		return false;
	for (uint64_t i = at; i < at + size; i++)
		if (in[i] != wanted)
			return false;
	return true;
}

static void find_check(const struct range_list *list, const bool *in, unsigned *seed)
{
	uint64_t size = 1 + rand_r(seed) % 40, alignment = 1u << rand_r(seed) % 6, found = 0;
	uint64_t low = rand_r(seed) % SPACE, high = rand_r(seed) % (SPACE + 1);
	bool wanted = rand_r(seed) % 2, any = false, result;
	enum range_end end = rand_r(seed) % 2 ? RANGE_LOWEST : RANGE_HIGHEST;
	uint64_t expected = 0;

	for (uint64_t at = 0; at < SPACE; at += alignment)
		if (fits(in, wanted, at, size, low, high) && (!any || end == RANGE_HIGHEST)) {
			expected = at;
			any = true;
		}
	result = wanted ? range_find(list, size, alignment, low, high, end, &found)
			: range_find_hole(list, size, alignment, low, high, end, &found);
	assert_int_equal(result, any);
	if (any)
		assert_int_equal(found, expected);
}

static void random_operations(void **state)
{
	unsigned seed = 8;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct range *array = malloc(200 * sizeof(*array));
		struct range_list list;
		bool in[SPACE] = { false };

		range_list_init(&list, array, 200);
		for (int step = 0; step < 100; step++) {
			uint64_t start = rand_r(&seed) % SPACE, end = start + rand_r(&seed) % 30;
			bool any = false, all = true;

			end = end > SPACE ? SPACE : end;
			for (uint64_t i = start; i < end; i++) {
				any |= in[i];
				all &= in[i];
			}
			assert_int_equal(range_overlaps(&list, start, end), any);
			assert_int_equal(range_contains(&list, start, end), all);
			if (rand_r(&seed) % 2) {
				assert_true(range_add(&list, start, end));
				memset(in + start, true, end - start);
			} else {
				assert_true(range_subtract(&list, start, end));
				memset(in + start, false, end - start);
			}
			list_check(&list, in);
			find_check(&list, in, &seed);
		}
		free(array);
	}
}

static void full_list_is_left_alone(void **state)
{
	struct range *array = malloc(2 * sizeof(*array)), before[2];
	struct range_list list;

	(void)state;
	range_list_init(&list, array, 2);
	assert_true(range_add(&list, 10, 20));
	assert_true(range_add(&list, 30, 40));
	memcpy(before, array, sizeof(before));
	assert_false(range_add(&list, 50, 60));
	assert_false(range_subtract(&list, 12, 13));
	assert_int_equal(list.count, 2);
	assert_memory_equal(before, array, sizeof(before));
	assert_true(range_add(&list, 20, 30));		/* joins both */
	assert_int_equal(list.count, 1);
	assert_true(range_subtract(&list, 12, 13));
	assert_int_equal(list.count, 2);
	free(array);
}

static void edges_of_64_bits(void **state)
{
	struct range array[4];
	struct range_list list;
	uint64_t at;

	(void)state;
	range_list_init(&list, array, 4);
	assert_true(range_add(&list, 20, 10));
	assert_true(range_add(&list, 10, 10));
	assert_int_equal(list.count, 0);
	assert_true(range_add(&list, UINT64_MAX - 100, UINT64_MAX));
	assert_true(range_contains(&list, UINT64_MAX - 1, UINT64_MAX));
	assert_false(range_find(&list, 1, 4096, UINT64_MAX - 50, UINT64_MAX, RANGE_LOWEST, &at));
	assert_false(range_find(&list, UINT64_MAX, 1, 0, UINT64_MAX, RANGE_LOWEST, &at));
	assert_true(range_find_hole(&list, UINT64_MAX - 100, 1, 0, UINT64_MAX, RANGE_HIGHEST, &at));
	assert_int_equal(at, 0);
	assert_true(range_subtract(&list, 0, UINT64_MAX));
	assert_int_equal(list.count, 0);
	assert_true(range_find_hole(&list, 4096, 4096, 0x1000, 0x3000, RANGE_HIGHEST, &at));
	assert_int_equal(at, 0x2000);
	assert_false(range_find_hole(&list, 0x2001, 1, 0x1000, 0x3000, RANGE_HIGHEST, &at));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations),
		cmocka_unit_test(full_list_is_left_alone),
		cmocka_unit_test(edges_of_64_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
