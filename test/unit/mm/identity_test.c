// SPDX-License-Identifier: MIT
/* Identity maps from lists, and the count of tables they need. */
#include "test/unit/mm/machine.h"

#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "mm/identity.h"
#include "mm/plan.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct space space;
static struct problem problem;

#define CASE_MAX_S 2			/* of processor time; a case takes some ms */

static void on_time_up(int signal)
{
	(void)signal;
	fail_msg("no end after %u s of processor time", CASE_MAX_S);
}

/* 0: for as long as it takes. */
static void ends_within(unsigned seconds)
{
	sigaction(SIGVTALRM, &(struct sigaction){ .sa_handler = on_time_up, .sa_flags = SA_NODEFER }, NULL);
	setitimer(ITIMER_VIRTUAL, &(struct itimerval){ .it_value.tv_sec = seconds }, NULL);
}

static int start(void **state)
{
	(void)state;
	ends_within(CASE_MAX_S);
	machine_start(MACHINE_PAGES);
	problem.code = OK;
	assert_int_equal(space_init(&space, 4, &machine_features, &machine.tables, NULL), OK);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	ends_within(0);
	assert_int_equal(space_destroy(&space, NULL), OK);
	machine_stop();
	return 0;
}

static void expect(uint64_t va, uint64_t bytes, mm_prot prot)
{
	struct parsed parsed;

	if (!machine_parse(space.root, space.levels, va, &parsed))
		fail_msg("0x%llx is not mapped", (unsigned long long)va);
	assert_int_equal(parsed.phys, va);
	assert_int_equal(parsed.bytes, bytes);
	assert_int_equal(parsed.write, prot & MM_WRITE);
	assert_int_equal(parsed.exec, prot & MM_EXEC ? 1 : 0);
	assert_int_equal(machine_features.pat >> 8 * parsed.pat & 7, mm_prot_cache(prot));
}

static void expect_hole(uint64_t va)
{
	struct parsed parsed;

	if (machine_parse(space.root, space.levels, va, &parsed))
		fail_msg("0x%llx is mapped", (unsigned long long)va);
}

static void expect_count_is_exact(const struct identity_range *ranges, unsigned count)
{
	uint64_t tables;

	assert_int_equal(identity_count_tables(space.levels, &space.features, ranges, count, &tables, NULL), OK);
	assert_int_equal(tables, machine_count_tables(space.root, space.levels));
	assert_int_equal(tables, space.table_pages);
}

static const struct identity_range kernel[] = {
	{ 0x1000, 0x9f000, MM_WRITE, MM_PAGE_1G, "low RAM" },
	{ 0x100000, 0x7ff00000, MM_WRITE, MM_PAGE_1G, "RAM" },
	{ 0x100000000, 0x180000000, MM_WRITE, MM_PAGE_1G, "high RAM" },
	{ 0x7e000000, 0x8000, MM_EXEC, MM_PAGE_4K, "text" },
	{ 0x7e008000, 0x2000, MM_READ, MM_PAGE_4K, "rodata" },
	{ 0x7e010000, 0x1000, MM_NONE, MM_PAGE_4K, "guard page" },
	{ 0xfee00000, 0x1000, MM_WRITE | MM_CACHE(MM_UC), MM_PAGE_4K, "local APIC" },
	{ 0xc0000000, 0x1000000, MM_WRITE | MM_CACHE(MM_UC_MINUS), MM_PAGE_2M, "framebuffer" },
};

static void later_ranges_win_and_pages_are_large_where_they_fit(void **state)
{
	(void)state;
	assert_int_equal(identity_map(&space, kernel, COUNT(kernel), &problem), OK);
	expect_hole(0);
	expect(0x1000, 0x1000, MM_WRITE);
	expect(0x9ffff, 0x1000, MM_WRITE);
	expect_hole(0xa0000);
	expect(0x100000, 0x1000, MM_WRITE);
	expect(0x1fffff, 0x1000, MM_WRITE);
	expect(0x200000, MM_2M_BYTES, MM_WRITE);
	expect(MM_1G_BYTES - 1, MM_2M_BYTES, MM_WRITE);
	expect(0x7dffffff, MM_2M_BYTES, MM_WRITE);
	expect(0x7e000000, 0x1000, MM_EXEC);
	expect(0x7e007fff, 0x1000, MM_EXEC);
	expect(0x7e008000, 0x1000, MM_READ);
	expect(0x7e00a000, 0x1000, MM_WRITE);
	expect_hole(0x7e010000);
	expect(0x7e011000, 0x1000, MM_WRITE);
	expect(0x7e200000, MM_2M_BYTES, MM_WRITE);
	expect_hole(0x80000000);
	expect(0xc0000000, MM_2M_BYTES, MM_WRITE | MM_CACHE(MM_UC_MINUS));
	expect_hole(0xc1000000);
	expect(0xfee00000, 0x1000, MM_WRITE | MM_CACHE(MM_UC));
	expect_hole(0xfee01000);
	expect(0x100000000, MM_1G_BYTES, MM_WRITE);
	expect(0x27fffffff, MM_1G_BYTES, MM_WRITE);
	expect_hole(0x280000000);
	expect_count_is_exact(kernel, COUNT(kernel));
}

static void equal_neighbours_are_joined(void **state)
{
	static const struct identity_range list[] = {
		{ 0x40000000, 0x100000, MM_WRITE, MM_PAGE_2M, "a" },
		{ 0x40100000, 0x100000, MM_WRITE, MM_PAGE_2M, "b" },
		{ 0x40200000, 0x100000, MM_WRITE, MM_PAGE_2M, "c" },
		{ 0x40300000, 0x100000, MM_READ, MM_PAGE_2M, "d" },
		{ 0x40400000, 0x100000, MM_WRITE, MM_PAGE_2M, "e" },
		{ 0x40500000, 0x100000, MM_WRITE, MM_PAGE_4K, "f" },
	};

	(void)state;
	assert_int_equal(identity_map(&space, list, COUNT(list), &problem), OK);
	expect(0x40000000, MM_2M_BYTES, MM_WRITE);
	expect(0x40200000, 0x1000, MM_WRITE);
	expect(0x40300000, 0x1000, MM_READ);
	expect(0x40400000, 0x1000, MM_WRITE);
	expect_count_is_exact(list, COUNT(list));
}

static void a_wide_range_below_2m_is_small_pages_only_there(void **state)
{
	static const struct identity_range whole[] = { { 0, 0x100000000, MM_WRITE | MM_EXEC | MM_HANDOVER_WX,
							 MM_PAGE_1G, "everything below 4 GiB" } };
	static const struct identity_range low[] = { { 0, MM_2M_BYTES, MM_WRITE, MM_PAGE_2M, "first 2 MiB" } };
	uint64_t tables;

	(void)state;
	assert_int_equal(identity_map(&space, whole, 1, &problem), OK);
	expect(0, 0x1000, MM_WRITE | MM_EXEC);
	expect(0x200000, MM_2M_BYTES, MM_WRITE | MM_EXEC);
	expect(0x40000000, MM_1G_BYTES, MM_WRITE | MM_EXEC);
	assert_int_equal(space.table_pages, 4);
	expect_count_is_exact(whole, 1);
	assert_int_equal(identity_count_tables(5, &space.features, low, 1, &tables, NULL), OK);
	assert_int_equal(tables, 5);
	assert_int_equal(identity_count_tables(5, &space.features, low, 0, &tables, NULL), OK);
	assert_int_equal(tables, 1);
}

static void a_bad_range_is_named(void **state)
{
	static const struct identity_range odd[] = { { 0x1000, 0x1000, MM_READ, MM_PAGE_4K, "good" },
						     { 0x2000, 0x123, MM_READ, MM_PAGE_4K, "the odd one" } };
	static const struct identity_range wraps[] = { { 0xfffffffffffff000, 0x2000, MM_READ, MM_PAGE_4K, "too far" } };
	static const struct identity_range wx[] = { { 0x1000, 0x1000, MM_WRITE | MM_EXEC, MM_PAGE_4K, "both" } };
	uint64_t tables;

	(void)state;
	assert_int_equal(identity_map(&space, odd, 2, &problem), E_MAPPING);
	assert_non_null(strstr(problem.text, "the odd one"));
	assert_int_equal(space.table_pages, 1);
	assert_int_equal(identity_count_tables(4, &space.features, wraps, 1, &tables, NULL), E_MAPPING);
	assert_int_equal(identity_map(&space, wx, 1, NULL), E_MAPPING);
}

/* No table is left for the low page's 4 KiB entries; what follows needs none, and its success is not the whole's. */
static void the_first_failure_is_the_answer(void **state)
{
	static const struct identity_range wide[] = { { 0x1000, MM_2M_BYTES * 2 - 0x1000, MM_WRITE, MM_PAGE_2M, "wide" } };
	static const struct identity_range two[] = { { 0x1000, 0x1000, MM_WRITE, MM_PAGE_4K, "low" },
						     { MM_2M_BYTES, MM_2M_BYTES, MM_READ, MM_PAGE_2M, "next" } };
	const struct identity_range *lists[] = { wide, two };
	uint64_t tables;

	(void)state;
	assert_int_equal(phys_alloc_run(&machine.phys, 3, MM_PAGE_BYTES, 0, &tables, NULL), OK);
	for (unsigned i = 0; i < COUNT(lists); i++) {
		struct page_source source;
		struct page_pool pool;
		struct space small;

		page_pool_init(&pool, tables, 3);
		source = page_source_pool(&pool);
		assert_int_equal(space_init(&small, 4, &machine_features, &source, NULL), OK);
		assert_int_equal(identity_map(&small, lists[i], i + 1, &problem), E_NO_MEMORY);
		assert_int_equal(space_destroy(&small, NULL), OK);
	}
	phys_free_run(&machine.phys, tables, 3);
}

static void random_lists_match_their_last_range_and_count(void **state)
{
	struct identity_range list[12];
	struct parsed parsed;
	uint64_t seed, page;
	unsigned round, i, winner;

	ends_within(0);
	for (round = 0; round < 60; round++) {
		seed = round;
		space.features.page_1g = round & 1;
		for (i = 0; i < COUNT(list); i++)
			list[i] = (struct identity_range){
				(machine_random(&seed) % 1024) << (machine_random(&seed) % 2 ? 12 : 20),
				(machine_random(&seed) % 1024) << (machine_random(&seed) % 3 ? 12 : 21),
				(const mm_prot[]){ MM_READ, MM_WRITE, MM_EXEC, MM_NONE }[machine_random(&seed) % 4],
				(enum mm_page_size)(1 + machine_random(&seed) % 3), "random" };
		assert_int_equal(identity_map(&space, list, COUNT(list), NULL), OK);
		expect_count_is_exact(list, COUNT(list));
		for (page = 0; page < 0xc0000000; page += 0x1000 * (1 + machine_random(&seed) % 64)) {
			for (winner = COUNT(list), i = 0; i < COUNT(list); i++)
				if (page - list[i].base < list[i].size)
					winner = i;
			if (winner == COUNT(list) || list[winner].prot == MM_NONE) {
				expect_hole(page);
				continue;
			}
			assert_true(machine_parse(space.root, 4, page, &parsed));
			assert_int_equal(parsed.phys, page);
			assert_int_equal(parsed.write, list[winner].prot == MM_WRITE);
			assert_int_equal(parsed.exec, list[winner].prot == MM_EXEC);
			assert_true(parsed.bytes <= mm_size_bytes(list[winner].max_size));
		}
		stop(state);
		start(state);
	}
}

static void a_plan_takes_mappings_in_order_only(void **state)
{
	struct table_plan plan;

	(void)state;
	table_plan_begin(&plan, 4, &machine_features);
	assert_int_equal(table_plan_add(&plan, 0, 0, 0, MM_PAGE_4K, NULL), E_MAPPING);
	assert_int_equal(table_plan_add(&plan, 0x2000, 0, 0x1000, MM_PAGE_4K, NULL), OK);
	assert_int_equal(plan.tables, 4);
	assert_int_equal(table_plan_add(&plan, 0x1000, 0, 0x1000, MM_PAGE_4K, &problem), E_MAPPING);
	assert_int_equal(problem.code, E_MAPPING);
	assert_int_equal(table_plan_add(&plan, 0x2000, 0, 0x1000, MM_PAGE_4K, NULL), E_MAPPING);
	assert_int_equal(table_plan_add(&plan, 0x3000, 0, 0x800, MM_PAGE_4K, NULL), E_MAPPING);
	assert_int_equal(table_plan_add(&plan, 0x3000, 0, 0, MM_PAGE_4K, NULL), E_MAPPING);
	assert_int_equal(table_plan_add(&plan, 0xffffffffffffe000, 0, 0x3000, MM_PAGE_4K, NULL), E_MAPPING);
	assert_int_equal(table_plan_add(&plan, 0xffffffffffffe000, 0, 0x2000, MM_PAGE_4K, NULL), OK);
	assert_int_equal(plan.tables, 7);
	assert_int_equal(table_plan_add(&plan, 0x3000, 0, 0x1000, MM_PAGE_4K, NULL), E_MAPPING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(later_ranges_win_and_pages_are_large_where_they_fit, start, stop),
		cmocka_unit_test_setup_teardown(equal_neighbours_are_joined, start, stop),
		cmocka_unit_test_setup_teardown(a_wide_range_below_2m_is_small_pages_only_there, start, stop),
		cmocka_unit_test_setup_teardown(a_bad_range_is_named, start, stop),
		cmocka_unit_test_setup_teardown(the_first_failure_is_the_answer, start, stop),
		cmocka_unit_test_setup_teardown(random_lists_match_their_last_range_and_count, start, stop),
		cmocka_unit_test_setup_teardown(a_plan_takes_mappings_in_order_only, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
