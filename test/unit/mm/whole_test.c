// SPDX-License-Identifier: MIT
/* Changes of more than rights: small pages merged into a large one, the mode of a space. */
#include "test/unit/mm/two_cpus.h"

#include <string.h>

#include "mm/lam.h"
#include "x86/cpu.h"

#define LAM_U57 (1ull << 61)
#define LAM_U48 (1ull << 62)

/* --- merge --- */

static void a_split_page_is_merged_again(void **state)
{
	unsigned tables, frees;

	(void)state;
	map(VA, FAR_MEMORY, MM_1G_BYTES, MM_WRITE, MM_PAGE_1G);
	assert_int_equal(space_protect(&space, VA + 0x3000, 0x1000, MM_READ, NULL), OK);
	assert_int_equal(space_protect(&space, VA + 0x3000, 0x1000, MM_WRITE, NULL), OK);
	machine_check();
	tables = space.table_pages;
	frees = machine.frees;
	assert_int_equal(space_merge(&space, VA, MM_PAGE_2M, NULL), OK);
	machine_check();
	expect(VA + 0x3000, MM_PAGE_2M, FAR_MEMORY + 0x3000, MM_WRITE);
	assert_int_equal(space_merge(&space, VA, MM_PAGE_1G, NULL), OK);
	machine_check();
	expect(VA + 0x3000, MM_PAGE_1G, FAR_MEMORY + 0x3000, MM_WRITE);
	assert_int_equal(space.table_pages, tables - 2);
	assert_int_equal(machine.frees, frees + 2);
	assert_int_equal(space_unmap(&space, VA, MM_1G_BYTES, NULL), OK);
	assert_int_equal(machine.phys.free_pages, machine.phys.total_pages - 1);
	assert_int_equal(machine.phys.poison_damage, 0);
}

static void the_type_of_a_merged_page_moves_its_bit(void **state)
{
	struct parsed parsed;

	(void)state;
	features.pat = 0x0007010600070406ull;			/* WC at 5 */
	space.features.pat = features.pat;
	map(VA, FAR_MEMORY, MM_2M_BYTES, MM_EXEC | MM_CACHE(MM_WC), MM_PAGE_4K);
	assert_int_equal(space_merge(&space, VA, MM_PAGE_2M, NULL), OK);
	machine_check();
	assert_true(machine_parse(space.root, 4, VA + 0x5123, &parsed));
	assert_int_equal(parsed.pat, 5);
	assert_int_equal(parsed.phys, FAR_MEMORY + 0x5123);
	assert_true(parsed.exec && !parsed.write);
}

static void not_merged(uint64_t va, enum mm_page_size size)
{
	unsigned flushes = machine.flushes, tables = space.table_pages;

	problem.code = OK;
	assert_int_equal(space_merge(&space, va, size, &problem), E_MAPPING);
	assert_int_equal(problem.code, E_MAPPING);
	assert_int_equal(machine.flushes, flushes);
	assert_int_equal(space.table_pages, tables);
	machine_check();
}

static void only_a_whole_page_of_equal_ones_is_merged(void **state)
{
	const uint64_t at = VA + 4 * MM_2M_BYTES;

	(void)state;
	map(VA, FAR_MEMORY, MM_2M_BYTES, MM_WRITE, MM_PAGE_4K);
	not_merged(VA, MM_PAGE_4K);
	not_merged(VA + 0x1000, MM_PAGE_2M);
	not_merged(VA, MM_PAGE_1G);				/* holes beside it */
	not_merged(VA + MM_2M_BYTES, MM_PAGE_2M);		/* a hole */
	not_merged(0x0000800000000000ull - MM_1G_BYTES + 0x1000, MM_PAGE_1G);
	assert_int_equal(space_merge(&space, 0x0000800000000000ull, MM_PAGE_2M, &problem), E_MAPPING);
	/* one page with other rights, at each end and inside */
	assert_int_equal(space_protect(&space, VA + 511 * 0x1000, 0x1000, MM_READ, NULL), OK);
	not_merged(VA, MM_PAGE_2M);
	assert_int_equal(space_protect(&space, VA + 511 * 0x1000, 0x1000, MM_WRITE, NULL), OK);
	assert_int_equal(space_unmap(&space, VA + 0x7000, 0x1000, NULL), OK);
	not_merged(VA, MM_PAGE_2M);
	map(VA + 0x7000, FAR_MEMORY + 0x8000, 0x1000, MM_WRITE, MM_PAGE_4K);
	not_merged(VA, MM_PAGE_2M);				/* another frame */
	assert_int_equal(space_unmap(&space, VA, 0x1000, NULL), OK);
	not_merged(VA, MM_PAGE_2M);				/* no first page */
	map(at, FAR_MEMORY + 0x1000, MM_2M_BYTES, MM_WRITE, MM_PAGE_4K);
	not_merged(at, MM_PAGE_2M);				/* frames misaligned */
	map(at + MM_2M_BYTES, FAR_MEMORY, MM_2M_BYTES, MM_WRITE, MM_PAGE_2M);
	not_merged(at + MM_2M_BYTES, MM_PAGE_2M);		/* large already */
	space.features.page_1g = false;
	not_merged(VA, MM_PAGE_1G);
}

static void a_table_of_tables_is_not_merged(void **state)
{
	(void)state;
	map(VA, FAR_MEMORY, MM_1G_BYTES, MM_WRITE, MM_PAGE_2M);
	assert_int_equal(space_protect(&space, VA, 0x1000, MM_READ, NULL), OK);
	not_merged(VA, MM_PAGE_1G);
}

static void without_1g_pages_nothing_is_merged_into_one(void **state)
{
	(void)state;
	map(VA, FAR_MEMORY, MM_1G_BYTES, MM_WRITE, MM_PAGE_2M);
	space.features.page_1g = false;
	not_merged(VA, MM_PAGE_1G);
	space.features.page_1g = true;
	assert_int_equal(space_merge(&space, VA, MM_PAGE_1G, NULL), OK);
}

static void what_must_not_vanish_is_not_merged(void **state)
{
	const struct mm_range pinned = { VA + 0x5000, 0x1000 };
	uint64_t low;

	(void)state;
	map(VA, FAR_MEMORY, MM_2M_BYTES, MM_WRITE, MM_PAGE_4K);
	space.pinned = &pinned;
	space.pinned_count = 1;
	not_merged(VA, MM_PAGE_2M);
	space.pinned_count = 0;
	/* The arena mapped on itself: the tables lie in the page. */
	machine_unload();
	low = MACHINE_BASE + 0x200000;
	assert_int_equal(space_map(&space, MACHINE_BASE, MACHINE_BASE, 0x400000, MM_WRITE, MM_PAGE_4K, NULL), OK);
	assert_int_equal(space_merge(&space, low, MM_PAGE_2M, &problem), E_MAPPING);
	assert_int_equal(problem.code, E_MAPPING);
}

/* The arena mapped on itself: pages are handed out from its end, so the upper 2 MiB hold the upper tables (the first map
 * makes them), and the lower 2 MiB the two that a merge would free. */
static void neither_table_of_a_merge_may_vanish(void **state)
{
	const uint64_t lower = MACHINE_BASE, upper = MACHINE_BASE + MM_2M_BYTES;
	uint64_t page = 0;

	(void)state;
	machine_unload();
	assert_int_equal(space_map(&space, upper + MM_2M_BYTES, FAR_MEMORY, 0x1000, MM_WRITE, MM_PAGE_4K, NULL), OK);
	while (page != upper)
		assert_int_equal(phys_alloc(&machine.phys, &page, NULL), OK);
	assert_int_equal(space_map(&space, lower, lower, 2 * MM_2M_BYTES, MM_WRITE, MM_PAGE_4K, NULL), OK);
	assert_int_equal(space_merge(&space, upper, MM_PAGE_2M, &problem), E_MAPPING);
	assert_non_null(strstr(problem.text, "its own table"));
	problem.code = OK;
	assert_int_equal(space_merge(&space, lower, MM_PAGE_2M, &problem), E_MAPPING);
	assert_non_null(strstr(problem.text, "its own table"));
}

static void a_deaf_cpu_leaves_small_pages_as_they_were(void **state)
{
	unsigned tables;

	(void)state;
	map(VA, FAR_MEMORY, MM_2M_BYTES, MM_WRITE, MM_PAGE_4K);
	tables = space.table_pages;
	machine.deaf = true;
	assert_int_equal(space_merge(&space, VA, MM_PAGE_2M, &problem), E_CPU_LOST);
	assert_int_equal(problem.code, E_CPU_LOST);
	expect(VA + 0x1000, MM_PAGE_4K, FAR_MEMORY + 0x1000, MM_WRITE);
	assert_int_equal(space.table_pages, tables);
	assert_true(space.quarantine);
	assert_int_equal(machine.frees, 0);
}

static void merge_on_cpu0(void)
{
	machine_on_cpu(0);
	assert_int_equal(space_merge(&space, VA, MM_PAGE_2M, NULL), OK);
	machine_on_cpu(1);
}

static void a_merge_at_any_point_of_a_walk(void **state)
{
	struct mapping mapping;
	unsigned k, before;
	bool placed = true;

	(void)state;
	for (k = 0; placed; k++) {
		stop(NULL);
		start(NULL);
		map(VA, FAR_MEMORY, MM_2M_BYTES, MM_WRITE, MM_PAGE_4K);
		machine.preempt_after = k;
		machine.preempt = merge_on_cpu0;
		before = machine_on_cpu(1);
		/* "Not mapped" is true for a moment of a merge. */
		if (space_query(&space, VA + 0x3000, &mapping))
			assert_int_equal(mapping.phys, FAR_MEMORY + 0x3000);
		placed = !machine.preempt;
		machine.preempt = NULL;
		machine_on_cpu(before);
		if (placed)
			assert_int_equal(machine.frees + space.limbo_pages, 1);
	}
	assert_true(k > 4);
}

/* --- mode --- */

static void a_mode_reaches_every_cpu_of_the_space(void **state)
{
	(void)state;
	assert_int_equal(space_cr3(&space), space.root);
	assert_int_equal(space_set_lam(&space, MM_LAM_U57, NULL), OK);
	assert_int_equal(cr3_of(0), space.root | LAM_U57);
	assert_int_equal(cr3_of(1), space.root | LAM_U57);
	assert_int_equal(space_cr3(&space), space.root | LAM_U57);
	machine_check();
	/* Lazy ones too. */
	machine_on_cpu(1);
	mm_cpu_lazy(&other);
	machine_on_cpu(0);
	assert_int_equal(space_set_lam(&space, MM_LAM_U48, NULL), OK);
	assert_int_equal(cr3_of(1), space.root | LAM_U48);
	assert_int_equal(space_set_lam(&space, MM_LAM_OFF, NULL), OK);
	assert_int_equal(cr3_of(1), space.root);
	/* One that has left keeps what it has. */
	machine_on_cpu(1);
	space_leave(&other, PARK_ROOT);
	machine_on_cpu(0);
	assert_int_equal(space_set_lam(&space, MM_LAM_U57, NULL), OK);
	assert_int_equal(cr3_of(1), PARK_ROOT);
}

static void a_flush_of_another_space_keeps_the_mode(void **state)
{
	struct space unloaded;

	(void)state;
	assert_int_equal(space_set_lam(&space, MM_LAM_U57, NULL), OK);
	assert_int_equal(space_init(&unloaded, 4, &features, &machine.tables, NULL), OK);
	assert_int_equal(space_destroy(&unloaded, NULL), OK);
	assert_int_equal(cr3_of(0), space.root | LAM_U57);
}

static void a_mode_needs_the_feature(void **state)
{
	(void)state;
	space.features.lam = false;
	assert_int_equal(space_set_lam(&space, MM_LAM_U48, &problem), E_MAPPING);
	assert_int_equal(problem.code, E_MAPPING);
	assert_int_equal(space_cr3(&space), space.root);
	assert_int_equal(space_set_lam(&space, MM_LAM_OFF, NULL), OK);
}

static void a_deaf_cpu_may_keep_the_old_mode(void **state)
{
	(void)state;
	machine.deaf = true;
	assert_int_equal(space_set_lam(&space, MM_LAM_U57, &problem), E_CPU_LOST);
	assert_int_equal(problem.code, E_CPU_LOST);
	assert_true(space.quarantine);
}

static void load_on_cpu1(void)
{
	unsigned before = machine_on_cpu(1);

	space_load(&other, &space);
	machine_on_cpu(before);
}

/* The change comes from CPU 0; CPU 1 has interrupts off while it loads, so its call is served after. */
static struct flush_request waiting;
static bool call_waits;

static bool call_later(const struct flush_request *request)
{
	if (flush_wanted(request, &other)) {
		waiting = *request;
		call_waits = true;
	}
	return true;
}

static void set_mode_on_cpu0(void)
{
	unsigned before = machine_on_cpu(0);

	assert_int_equal(space_set_lam(&space, MM_LAM_U57, NULL), OK);
	machine_on_cpu(before);
}

static void a_mode_at_any_point_of_a_load(void **state)
{
	unsigned k;
	bool placed = true;

	(void)state;
	for (k = 0; placed; k++) {
		stop(NULL);
		start(NULL);
		machine_on_cpu(1);
		space_leave(&other, PARK_ROOT);
		machine_on_cpu(0);
		mm_set_flush_others(call_later);
		call_waits = false;
		machine.preempt_after = k;
		machine.preempt = set_mode_on_cpu0;
		load_on_cpu1();
		placed = !machine.preempt;
		machine.preempt = NULL;
		if (call_waits) {
			machine_on_cpu(1);
			flush_on_cpu(&other, &waiting);
			machine_on_cpu(0);
		}
		assert_int_equal(cr3_of(1), space.root | (placed ? LAM_U57 : 0));
	}
	assert_true(k > 3);
}

static void a_load_at_any_point_of_a_mode(void **state)
{
	unsigned k;
	bool placed = true;

	(void)state;
	for (k = 0; placed; k++) {
		stop(NULL);
		start(NULL);
		machine_on_cpu(1);
		space_leave(&other, PARK_ROOT);
		machine_on_cpu(0);
		machine.preempt_after = k;
		machine.preempt = load_on_cpu1;
		assert_int_equal(space_set_lam(&space, MM_LAM_U57, NULL), OK);
		placed = !machine.preempt;
		machine.preempt = NULL;
		if (placed)
			assert_int_equal(cr3_of(1), space.root | LAM_U57);
	}
	assert_true(k > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_split_page_is_merged_again, start, stop),
		cmocka_unit_test_setup_teardown(the_type_of_a_merged_page_moves_its_bit, start, stop),
		cmocka_unit_test_setup_teardown(only_a_whole_page_of_equal_ones_is_merged, start, stop),
		cmocka_unit_test_setup_teardown(a_table_of_tables_is_not_merged, start, stop),
		cmocka_unit_test_setup_teardown(without_1g_pages_nothing_is_merged_into_one, start, stop),
		cmocka_unit_test_setup_teardown(what_must_not_vanish_is_not_merged, start, stop),
		cmocka_unit_test_setup_teardown(neither_table_of_a_merge_may_vanish, start, stop),
		cmocka_unit_test_setup_teardown(a_deaf_cpu_leaves_small_pages_as_they_were, start, stop),
		cmocka_unit_test_setup_teardown(a_merge_at_any_point_of_a_walk, start, stop),
		cmocka_unit_test_setup_teardown(a_mode_reaches_every_cpu_of_the_space, start, stop),
		cmocka_unit_test_setup_teardown(a_flush_of_another_space_keeps_the_mode, start, stop),
		cmocka_unit_test_setup_teardown(a_mode_needs_the_feature, start, stop),
		cmocka_unit_test_setup_teardown(a_deaf_cpu_may_keep_the_old_mode, start, stop),
		cmocka_unit_test_setup_teardown(a_mode_at_any_point_of_a_load, start, stop),
		cmocka_unit_test_setup_teardown(a_load_at_any_point_of_a_mode, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
