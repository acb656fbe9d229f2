// SPDX-License-Identifier: MIT
#include "test/unit/mm/machine.h"

#include <string.h>

#include "x86/cpu.h"

static struct phys phys;
static struct problem problem;

static int start(void **state)
{
	(void)state;
	machine_start(16);
	problem.code = OK;
	return 0;
}

static int stop(void **state)
{
	(void)state;
	machine_stop();
	return 0;
}

static void ranges_are_rounded_inward_joined_and_sorted(void **state)
{
	(void)state;
	phys_init(&phys, false);
	assert_int_equal(phys_add(&phys, 0x5001, 0x3000, NULL), OK);		/* 6000-7fff */
	assert_int_equal(phys.free_pages, 2);
	assert_int_equal(phys_add(&phys, 0x1000, 0x800, NULL), OK);		/* no whole page */
	assert_int_equal(phys_add(&phys, 0x9000, 0, NULL), OK);
	assert_int_equal(phys.range_count, 1);
	assert_int_equal(phys_add(&phys, 0, 0x2000, NULL), OK);			/* page 0 is left out */
	assert_int_equal(phys.untouched[0].base, 0x1000);
	assert_int_equal(phys.untouched[0].size, 0x1000);
	assert_int_equal(phys_add(&phys, 0x8000, 0x1000, NULL), OK);		/* joins below */
	assert_int_equal(phys_add(&phys, 0x5000, 0x1000, NULL), OK);		/* joins above */
	assert_int_equal(phys_add(&phys, 0x2000, 0x3000, NULL), OK);		/* joins both */
	assert_int_equal(phys.range_count, 1);
	assert_int_equal(phys.untouched[0].base, 0x1000);
	assert_int_equal(phys.untouched[0].size, 0x8000);
	assert_int_equal(phys_add(&phys, 0x20000, 0x1000, NULL), OK);
	assert_int_equal(phys_add(&phys, 0x10000, 0x1000, NULL), OK);		/* between two */
	assert_int_equal(phys.range_count, 3);
	assert_int_equal(phys.untouched[1].base, 0x10000);
	assert_int_equal(phys.free_pages, 10);
	assert_int_equal(phys.total_pages, 10);
}

static void overlaps_wraps_and_too_many_ranges_are_refused(void **state)
{
	static const struct mm_range bad[] = {
		{ 0x10000, 0x1000 }, { 0xf000, 0x2000 }, { 0x12000, 0x4000 }, { 0xf000, 0x8000 }, { 0x11000, 0x1000 },
		{ 0xd000, 0x4000 }, { UINT64_MAX - 0xfff, 0x2000 }, { UINT64_MAX - 0x10, 0x10 }, { 0x14000, 0xd000 },
		{ 1ull << 63, (1ull << 63) + 0x2000 },
	};
	unsigned i;

	(void)state;
	phys_init(&phys, false);
	assert_int_equal(phys_add(&phys, 0x10000, 0x4000, NULL), OK);
	assert_int_equal(phys_add(&phys, 0x20000, 0x4000, NULL), OK);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		problem.code = OK;
		if (phys_add(&phys, bad[i].base, bad[i].size, &problem) != E_MEMORY_MAP)
			fail_msg("range %u was taken", i);
		assert_int_equal(problem.code, E_MEMORY_MAP);
		assert_int_equal(phys.free_pages, 8);
		assert_int_equal(phys.range_count, 2);
	}
	for (i = 2; i < PHYS_RANGES; i++)
		assert_int_equal(phys_add(&phys, 0x100000 + i * 0x2000, 0x1000, NULL), OK);
	problem.code = OK;
	assert_int_equal(phys_add(&phys, 0x90000000, 0x1000, &problem), E_NO_MEMORY);
	assert_int_equal(problem.code, E_NO_MEMORY);
	assert_int_equal(phys_add(&phys, 0x24000, 0x1000, NULL), OK);		/* needs no range of its own */
}

static void the_last_page_of_all_is_refused_when_nothing_is_there(void **state)
{
	(void)state;
	phys_init(&phys, false);
	assert_int_equal(phys_add(&phys, UINT64_MAX - 0x10, 0x10, NULL), E_MEMORY_MAP);
	assert_int_equal(phys.range_count, 0);
	assert_int_equal(phys.free_pages, 0);
}

static void only_neighbours_are_joined(void **state)
{
	(void)state;
	phys_init(&phys, false);
	assert_int_equal(phys_add(&phys, 0x1000, 0x1000, NULL), OK);
	assert_int_equal(phys_add(&phys, 0x5000, 0x1000, NULL), OK);
	assert_int_equal(phys_add(&phys, 0x2000, 0x1000, NULL), OK);
	assert_int_equal(phys.range_count, 2);
	assert_int_equal(phys.untouched[0].size, 0x2000);
}

/* What stands behind the last range is of no use any more. */
static void a_range_that_is_gone_is_no_neighbour(void **state)
{
	uint64_t base, added[] = { 0x2000, 0x4000 };
	unsigned i;

	(void)state;
	for (i = 0; i < 2; i++) {
		phys_init(&phys, false);
		assert_int_equal(phys_add(&phys, 0x1000, 0x1000, NULL), OK);
		assert_int_equal(phys_add(&phys, i ? 0x5000 : 0x3000, 0x1000, NULL), OK);
		assert_int_equal(phys_alloc_run(&phys, 1, 4096, 0, &base, NULL), OK);
		assert_int_equal(base, i ? 0x5000 : 0x3000);
		assert_int_equal(phys_add(&phys, added[i], 0x1000, NULL), OK);
		assert_int_equal(phys.range_count, i ? 2 : 1);
		assert_int_equal(phys.untouched[i].base, i ? 0x4000 : 0x1000);
		assert_int_equal(phys.untouched[i].size, i ? 0x1000 : 0x2000);
	}
}

/* Its entry still stands behind the last one, and it ended where the new one begins. */
static void a_range_that_was_last_is_not_prolonged(void **state)
{
	uint64_t base;

	(void)state;
	phys_init(&phys, false);
	assert_int_equal(phys_add(&phys, 0x1000, 0x1000, NULL), OK);
	assert_int_equal(phys_add(&phys, 0x3000, 0x1000, NULL), OK);
	phys.untouched[2] = (struct mm_range){ 0x4000, 0x1000 };
	assert_int_equal(phys_add(&phys, 0x5000, 0x1000, NULL), OK);
	assert_int_equal(phys.range_count, 3);
	assert_int_equal(phys.untouched[2].base, 0x5000);
	assert_int_equal(phys_alloc_run(&phys, 1, 4096, 0, &base, NULL), OK);
	assert_int_equal(base, 0x5000);
}

static void no_range_is_no_page(void **state)
{
	uint64_t page;

	(void)state;
	machine_faults_are_failures();
	phys_init(&phys, false);
	assert_int_equal(phys_alloc(&phys, &page, NULL), E_NO_MEMORY);
}

static void single_pages_come_from_the_top_and_return_lifo(void **state)
{
	uint64_t a, b, c;

	(void)state;
	phys_init(&phys, true);
	assert_int_equal(phys_add(&phys, MACHINE_BASE, 0x2000, NULL), OK);
	assert_int_equal(phys_add(&phys, MACHINE_BASE + 0x4000, 0x1000, NULL), OK);
	assert_int_equal(phys_alloc(&phys, &a, NULL), OK);
	assert_int_equal(a, MACHINE_BASE + 0x4000);
	assert_int_equal(phys_alloc(&phys, &b, NULL), OK);
	assert_int_equal(b, MACHINE_BASE + 0x1000);
	assert_int_equal(phys.free_pages, 1);
	phys_free(&phys, a, false);
	phys_free(&phys, b, true);
	assert_int_equal(phys.free_pages, 3);
	assert_int_equal(phys_alloc(&phys, &c, NULL), OK);
	assert_int_equal(c, b);
	assert_int_equal(phys_alloc(&phys, &c, NULL), OK);
	assert_int_equal(c, a);
	assert_int_equal(phys_alloc(&phys, &c, NULL), OK);
	assert_int_equal(phys_alloc(&phys, &c, &problem), E_NO_MEMORY);
	assert_int_equal(problem.code, E_NO_MEMORY);
	assert_int_equal(phys.free_pages, 0);
}

static void untouched_memory_is_not_written(void **state)
{
	uint64_t page;
	unsigned i;

	(void)state;
	phys_init(&phys, true);
	assert_int_equal(phys_add(&phys, MACHINE_BASE, 0x4000, NULL), OK);
	assert_int_equal(phys_alloc(&phys, &page, NULL), OK);
	for (i = 0; i < 0x4000; i++)
		assert_int_equal(((uint8_t *)twin_cpu_phys_pointer(MACHINE_BASE))[i], 0x5d);
}

static void a_write_after_free_is_found(void **state)
{
	static const unsigned words[] = { 2, 511, 100, 0, 1 };
	uint64_t page, other;
	unsigned i;

	(void)state;
	for (i = 0; i < 5; i++) {
		phys_init(&phys, true);
		assert_int_equal(phys_add(&phys, MACHINE_BASE, 0x3000, NULL), OK);
		assert_int_equal(phys_alloc(&phys, &other, NULL), OK);
		assert_int_equal(phys_alloc(&phys, &page, NULL), OK);
		phys_free(&phys, other, false);
		phys_free(&phys, page, i & 1);
		((uint64_t *)twin_cpu_phys_pointer(page))[words[i]] ^= 0x10;
		problem.code = OK;
		assert_int_equal(phys_alloc(&phys, &page, &problem), E_POISON);
		assert_int_equal(problem.code, E_POISON);
		assert_int_equal(phys.poison_damage, MACHINE_BASE + 0x1000);
		/* The damaged page is out of use; a damaged link takes the list behind it along. */
		assert_int_equal(phys.free_pages, words[i] > 1 ? 2 : 1);
		assert_int_equal(phys_alloc(&phys, &page, NULL), OK);
		assert_int_equal(page, words[i] > 1 ? other : MACHINE_BASE);
	}
	phys_free(&phys, page, true);
	((uint64_t *)twin_cpu_phys_pointer(page))[7] = 0;
	assert_int_equal(phys_alloc(&phys, &page, NULL), E_POISON);
	assert_int_equal(phys.poison_damage, MACHINE_BASE + 0x1000);	/* the first stays on record */

	/* Cleared as a whole: all words agree, on no pattern of ours. */
	phys_init(&phys, true);
	assert_int_equal(phys_add(&phys, MACHINE_BASE, 0x1000, NULL), OK);
	assert_int_equal(phys_alloc(&phys, &page, NULL), OK);
	phys_free(&phys, page, true);
	memset(twin_cpu_phys_pointer(page), 0, 4096);
	assert_int_equal(phys_alloc(&phys, &page, NULL), E_POISON);
}

static void without_poison_free_pages_are_not_checked(void **state)
{
	uint64_t page, again;

	(void)state;
	phys_init(&phys, false);
	assert_int_equal(phys_add(&phys, MACHINE_BASE, 0x1000, NULL), OK);
	assert_int_equal(phys_alloc(&phys, &page, NULL), OK);
	((uint64_t *)twin_cpu_phys_pointer(page))[100] = 0;
	phys_free(&phys, page, false);
	assert_int_equal(((uint64_t *)twin_cpu_phys_pointer(page))[100], 0);	/* not filled either */
	((uint64_t *)twin_cpu_phys_pointer(page))[100] = 1;
	assert_int_equal(phys_alloc(&phys, &again, NULL), OK);
	assert_int_equal(again, page);
}

static void poison_makes_stale_walks_fault(void **state)
{
	uint64_t page;
	unsigned i;

	(void)state;
	phys_init(&phys, true);
	assert_int_equal(phys_add(&phys, MACHINE_BASE, 0x1000, NULL), OK);
	assert_int_equal(phys_alloc(&phys, &page, NULL), OK);
	phys_free(&phys, page, true);
	for (i = 1; i < 512; i++) {
		uint64_t word = ((uint64_t *)twin_cpu_phys_pointer(page))[i];

		assert_true(word & 1);			/* present */
		assert_true(word >> 51 & 1);		/* reserved below 52 address bits */
	}
	phys_free(&phys, page, false);
	assert_int_equal(*(uint8_t *)twin_cpu_phys_pointer(page + 4095), 0xaa);
}

static void runs_are_aligned_below_the_limit_and_high(void **state)
{
	uint64_t base;

	(void)state;
	phys_init(&phys, false);
	assert_int_equal(phys_add(&phys, 0x100000, 0x100000, NULL), OK);
	assert_int_equal(phys_add(&phys, 0x100000000ull, 0x10000000, NULL), OK);
	assert_int_equal(phys_alloc_run(&phys, 4, 4096, 0, &base, NULL), OK);
	assert_int_equal(base, 0x110000000ull - 0x4000);
	assert_int_equal(phys_alloc_run(&phys, 16, 0x10000, 0x180000, &base, NULL), OK);	/* splits */
	assert_int_equal(base, 0x170000);
	assert_int_equal(phys.range_count, 3);
	assert_int_equal(phys_alloc_run(&phys, 0x70, 4096, 0x170000, &base, NULL), OK);	/* all of the lower part */
	assert_int_equal(base, 0x100000);
	assert_int_equal(phys.range_count, 2);
	assert_int_equal(phys_alloc_run(&phys, 0x80, 0x10000, 0x100000000ull, &base, NULL), OK);
	assert_int_equal(base, 0x180000);
	assert_int_equal(phys.range_count, 1);
	assert_int_equal(phys.free_pages, 0x10000 - 4);
	assert_int_equal(phys_alloc_run(&phys, 1, 4096, 0x100000000ull, &base, &problem), E_NO_MEMORY);
	assert_int_equal(problem.code, E_NO_MEMORY);
	assert_int_equal(phys_alloc_run(&phys, 0, 4096, 0, &base, NULL), E_NO_MEMORY);
	assert_int_equal(phys_alloc_run(&phys, UINT64_MAX / 4096, 4096, 0, &base, NULL), E_NO_MEMORY);
	assert_int_equal(phys_alloc_run(&phys, 1ull << 52, 4096, 0, &base, NULL), E_NO_MEMORY);	/* 0 bytes, if one wraps */
	assert_int_equal(phys_alloc_run(&phys, 1, 1ull << 40, 0, &base, NULL), E_NO_MEMORY);
	assert_int_equal(phys_alloc_run(&phys, 0x200, 1 << 21, 0x100400000ull, &base, NULL), OK);
	assert_int_equal(base, 0x100200000ull);
	assert_int_equal(phys_alloc_run(&phys, 0x200, 1 << 21, 0x100200000ull, &base, NULL), OK);
	assert_int_equal(base, 0x100000000ull);			/* the rest of that range lies above */
	assert_int_equal(phys.range_count, 1);
	assert_int_equal(phys.untouched[0].base, 0x100400000ull);
}

static void a_limit_below_the_run_is_refused(void **state)
{
	uint64_t base;

	(void)state;
	phys_init(&phys, false);
	assert_int_equal(phys_add(&phys, 0x1000, 0x10000, NULL), OK);
	assert_int_equal(phys_alloc_run(&phys, 8, 4096, 0x4000, &base, NULL), E_NO_MEMORY);
	assert_int_equal(phys_alloc_run(&phys, 3, 4096, 0x4000, &base, NULL), OK);
	assert_int_equal(base, 0x1000);
}

static void a_full_range_table_refuses_only_what_needs_an_entry(void **state)
{
	uint64_t base;
	unsigned i;

	(void)state;
	phys_init(&phys, false);
	for (i = 0; i < PHYS_RANGES; i++)
		assert_int_equal(phys_add(&phys, 0x100000 + i * 0x10000, 0x3000, NULL), OK);
	/* The only place below the limit is in the middle of range 0. */
	assert_int_equal(phys_alloc_run(&phys, 1, 0x1000, 0x102000, &base, NULL), E_NO_MEMORY);
	assert_int_equal(phys.free_pages, PHYS_RANGES * 3);
	assert_int_equal(phys_alloc_run(&phys, 1, 0x1000, 0x103000, &base, NULL), OK);
	assert_int_equal(base, 0x102000);
	assert_int_equal(phys_alloc_run(&phys, 1, 0x1000, 0x101000, &base, NULL), OK);
	assert_int_equal(base, 0x100000);
	assert_int_equal(phys.free_pages, PHYS_RANGES * 3 - 2);
}

static void a_freed_run_comes_back_page_by_page(void **state)
{
	uint64_t base, page;
	unsigned i;

	(void)state;
	phys_init(&phys, true);
	assert_int_equal(phys_add(&phys, MACHINE_BASE, 0x4000, NULL), OK);
	assert_int_equal(phys_alloc_run(&phys, 4, 4096, 0, &base, NULL), OK);
	assert_int_equal(base, MACHINE_BASE);
	phys_free_run(&phys, base, 4);
	assert_int_equal(phys.free_pages, 4);
	for (i = 0; i < 4; i++) {
		assert_int_equal(phys_alloc(&phys, &page, NULL), OK);
		assert_int_equal(page, base + i * 0x1000);
	}
	assert_int_equal(phys_alloc(&phys, &page, NULL), E_NO_MEMORY);
}

static void injected_failures_hit_the_requests_named(void **state)
{
	static const enum status expected[] = { OK, E_NO_MEMORY, E_NO_MEMORY, OK };
	uint64_t page;
	unsigned i;

	(void)state;
	phys_init(&phys, false);
	assert_int_equal(phys_add(&phys, 0x1000, 0x10000, NULL), OK);
	phys.fail_from = 2;
	phys.fail_count = 2;
	for (i = 0; i < 4; i++)
		assert_int_equal(i == 2 ? phys_alloc_run(&phys, 1, 4096, 0, &page, NULL) :
					  phys_alloc(&phys, &page, NULL), expected[i]);
	assert_int_equal(phys.free_pages, 14);

	/* All from the third; then none is named, however many are to fail. */
	phys.allocations = 0;
	phys.fail_from = 3;
	phys.fail_count = UINT64_MAX;
	for (i = 1; i < 5; i++)
		assert_int_equal(phys_alloc(&phys, &page, NULL), i < 3 ? OK : E_NO_MEMORY);
	phys.fail_from = 0;
	phys.fail_count = UINT64_MAX;
	assert_int_equal(phys_alloc(&phys, &page, NULL), OK);
}

static void a_pool_ends_and_reuses(void **state)
{
	struct page_pool pool;
	struct page_source source;
	uint64_t page[3];

	(void)state;
	page_pool_init(&pool, MACHINE_BASE, 2);
	source = page_source_pool(&pool);
	assert_int_equal(source.alloc(source.context, &page[0], NULL), OK);
	assert_int_equal(page[0], MACHINE_BASE);
	assert_int_equal(source.alloc(source.context, &page[1], NULL), OK);
	assert_int_equal(page[1], MACHINE_BASE + 4096);
	assert_int_equal(source.alloc(source.context, &page[2], &problem), E_NO_MEMORY);
	assert_int_equal(problem.code, E_NO_MEMORY);
	source.free(source.context, page[0]);
	assert_true(((uint64_t *)twin_cpu_phys_pointer(page[0]))[5] >> 51 & 1);
	source.free(source.context, page[1]);
	assert_int_equal(pool.used, 0);
	assert_int_equal(source.alloc(source.context, &page[2], NULL), OK);
	assert_int_equal(page[2], page[1]);
	assert_int_equal(pool.peak, 2);
	assert_int_equal(source.alloc(source.context, &page[2], NULL), OK);
	assert_int_equal(page[2], page[0]);
	assert_int_equal(source.alloc(source.context, &page[2], NULL), E_NO_MEMORY);
	assert_int_equal(pool.peak, 2);
}

static void sources_of_a_phys_differ_in_poison(void **state)
{
	struct page_source tables, data;
	uint64_t page;

	(void)state;
	phys_init(&phys, true);
	assert_int_equal(phys_add(&phys, MACHINE_BASE, 0x1000, NULL), OK);
	tables = page_source_phys(&phys);
	data = page_source_phys_data(&phys);
	assert_int_equal(tables.alloc(tables.context, &page, NULL), OK);
	tables.free(tables.context, page);
	assert_int_equal(((uint64_t *)twin_cpu_phys_pointer(page))[9], PHYS_POISON_TABLE);
	assert_int_equal(data.alloc(data.context, &page, NULL), OK);
	data.free(data.context, page);
	assert_int_equal(((uint64_t *)twin_cpu_phys_pointer(page))[9], PHYS_POISON_DATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ranges_are_rounded_inward_joined_and_sorted, start, stop),
		cmocka_unit_test_setup_teardown(overlaps_wraps_and_too_many_ranges_are_refused, start, stop),
		cmocka_unit_test_setup_teardown(the_last_page_of_all_is_refused_when_nothing_is_there, start, stop),
		cmocka_unit_test_setup_teardown(only_neighbours_are_joined, start, stop),
		cmocka_unit_test_setup_teardown(a_range_that_is_gone_is_no_neighbour, start, stop),
		cmocka_unit_test_setup_teardown(a_range_that_was_last_is_not_prolonged, start, stop),
		cmocka_unit_test_setup_teardown(no_range_is_no_page, start, stop),
		cmocka_unit_test_setup_teardown(single_pages_come_from_the_top_and_return_lifo, start, stop),
		cmocka_unit_test_setup_teardown(untouched_memory_is_not_written, start, stop),
		cmocka_unit_test_setup_teardown(a_write_after_free_is_found, start, stop),
		cmocka_unit_test_setup_teardown(without_poison_free_pages_are_not_checked, start, stop),
		cmocka_unit_test_setup_teardown(poison_makes_stale_walks_fault, start, stop),
		cmocka_unit_test_setup_teardown(runs_are_aligned_below_the_limit_and_high, start, stop),
		cmocka_unit_test_setup_teardown(a_limit_below_the_run_is_refused, start, stop),
		cmocka_unit_test_setup_teardown(a_full_range_table_refuses_only_what_needs_an_entry, start, stop),
		cmocka_unit_test_setup_teardown(a_freed_run_comes_back_page_by_page, start, stop),
		cmocka_unit_test_setup_teardown(injected_failures_hit_the_requests_named, start, stop),
		cmocka_unit_test_setup_teardown(a_pool_ends_and_reuses, start, stop),
		cmocka_unit_test_setup_teardown(sources_of_a_phys_differ_in_poison, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
