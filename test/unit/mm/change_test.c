// SPDX-License-Identifier: MIT
/* Unmap, protect, split, destroy: what leaves, in which order, and what happens if a CPU does not answer. */
#include "test/unit/mm/machine.h"

#include <string.h>

#include "mm/cache.h"
#include "mm/gather.h"
#include "x86/cpu.h"

#define VA 0x40000000ull
#define FAR_MEMORY 0x200000000ull

static struct space space;
static struct problem problem;

static int start_with(unsigned levels, uint64_t window)
{
	machine_start(256);
	problem.code = OK;
	assert_int_equal(space_init(&space, levels, &machine_features, &machine.tables, NULL), OK);
	machine_load(&space, VA, window);
	return 0;
}

static int start(void **state)
{
	(void)state;
	return start_with(4, 4 * MM_2M_BYTES);
}

static int start_big(void **state)
{
	(void)state;
	return start_with(4, MM_1G_BYTES);
}

static int stop(void **state)
{
	(void)state;
	machine_unload();
	machine_stop();
	return 0;
}

static void map(uint64_t va, uint64_t length, mm_prot prot, enum mm_page_size max)
{
	assert_int_equal(space_map(&space, va, FAR_MEMORY + va, length, prot, max, &problem), OK);
	machine_check();
}

static void mapping_something_new_needs_no_flush(void **state)
{
	(void)state;
	map(VA, 2 * MM_2M_BYTES, MM_WRITE, MM_PAGE_4K);
	assert_int_equal(machine.flushes + machine.whole_flushes + machine.invlpgs, 0);
}

static void a_leaf_is_flushed_by_address(void **state)
{
	(void)state;
	map(VA, 0x10000, MM_WRITE, MM_PAGE_4K);
	assert_int_equal(space_unmap(&space, VA + 0x3000, 0x2000, NULL), OK);
	machine_check();
	assert_int_equal(machine.flushes, 1);
	assert_int_equal(machine.invlpgs, 2);
	assert_int_equal(machine.whole_flushes, 0);
	assert_false(machine.last_request.everyone || machine.last_request.whole);
	assert_int_equal(machine.last_request.first, VA + 0x3000);
	assert_int_equal(machine.last_request.last, VA + 0x4fff);
	assert_ptr_equal(machine.last_request.space, &space);
	assert_int_equal(machine.frees, 0);
}

static void a_large_leaf_needs_one_invlpg(void **state)
{
	(void)state;
	map(VA, 2 * MM_2M_BYTES, MM_WRITE, MM_PAGE_2M);
	assert_int_equal(space_protect(&space, VA, MM_2M_BYTES, MM_READ, NULL), OK);
	machine_check();
	assert_int_equal(machine.invlpgs, 1);
}

static void many_pages_are_flushed_as_a_whole(void **state)
{
	(void)state;
	map(VA, MM_2M_BYTES, MM_WRITE, MM_PAGE_4K);
	assert_int_equal(space_protect(&space, VA, FLUSH_RANGE_PAGES * 0x1000, MM_READ, NULL), OK);
	assert_int_equal(machine.invlpgs, FLUSH_RANGE_PAGES);
	assert_int_equal(machine.whole_flushes, 0);
	assert_int_equal(space_protect(&space, VA, (FLUSH_RANGE_PAGES + 1) * 0x1000, MM_WRITE, NULL), OK);
	assert_int_equal(machine.invlpgs, FLUSH_RANGE_PAGES);
	assert_int_equal(machine.whole_flushes, 1);
	machine_check();
}

static void a_hole_needs_no_flush(void **state)
{
	(void)state;
	map(VA, 0x1000, MM_WRITE, MM_PAGE_4K);
	assert_int_equal(space_unmap(&space, VA + 0x2000, 0x5000, NULL), OK);
	assert_int_equal(space_unmap(&space, VA + 0x400000, 0x5000, NULL), OK);
	assert_int_equal(machine.flushes + machine.invlpgs + machine.whole_flushes, 0);
}

static void tables_are_freed_after_a_whole_flush_of_all(void **state)
{
	(void)state;
	map(VA, MM_2M_BYTES + 0x1000, MM_WRITE, MM_PAGE_4K);
	assert_int_equal(space.table_pages, 5);
	assert_int_equal(space_unmap(&space, VA + MM_2M_BYTES, 0x1000, NULL), OK);
	machine_check();
	assert_int_equal(space.table_pages, 4);
	assert_int_equal(machine.flushes, 1);
	assert_true(machine.last_request.everyone && machine.last_request.whole);
	assert_int_equal(machine.frees, 1);
	assert_int_equal(space_unmap(&space, VA, MM_2M_BYTES, NULL), OK);
	machine_check();
	assert_int_equal(space.table_pages, 1);
	assert_int_equal(machine.flushes, 2);		/* three tables, one round */
	assert_int_equal(machine.frees, 4);
}

static void a_full_batch_is_flushed_before_it_is_freed(void **state)
{
	unsigned i;

	(void)state;
	space.gather_capacity = 2;
	for (i = 0; i < 4; i++)
		map(VA + i * MM_2M_BYTES, 0x1000, MM_WRITE, MM_PAGE_4K);
	assert_int_equal(space_unmap(&space, VA, 4 * MM_2M_BYTES, NULL), OK);
	machine_check();
	assert_int_equal(machine.flushes, 3);		/* 4 leaf tables, then the two above them */
	assert_int_equal(machine.frees, 6);
	assert_int_equal(space.table_pages, 1);
}

static void map_data_pages(uint64_t va, unsigned pages)
{
	uint64_t page;
	unsigned i;

	for (i = 0; i < pages; i++) {
		assert_int_equal(machine.data.alloc(machine.data.context, &page, NULL), OK);
		assert_int_equal(space_map(&space, va + i * 0x1000, page, 0x1000, MM_WRITE, MM_PAGE_4K, NULL), OK);
	}
	machine_check();
}

static void leaf_pages_are_freed_after_the_flush(void **state)
{
	uint64_t free_pages;

	(void)state;
	map_data_pages(VA, 100);
	free_pages = machine.phys.free_pages;
	assert_int_equal(space_unmap_free(&space, VA, 99 * 0x1000, &machine.data, NULL), OK);
	machine_check();
	assert_int_equal(machine.phys.free_pages, free_pages + 99);
	assert_int_equal(machine.frees, 99 + 1);	/* and the batch page */
	assert_int_equal(machine.flushes, 1);
	assert_true(machine.last_request.everyone);
	assert_int_equal(space_unmap_free(&space, VA + 99 * 0x1000, 0x1000, &machine.data, NULL), OK);
	assert_int_equal(machine.phys.free_pages, machine.phys.total_pages - 1);
	assert_int_equal(machine.phys.poison_damage, 0);
}

static void each_4k_of_a_large_leaf_is_freed_once(void **state)
{
	uint64_t base, page;
	unsigned i;

	(void)state;
	machine_stop();
	machine_start(1024);
	assert_int_equal(space_init(&space, 4, &machine_features, &machine.tables, NULL), OK);
	assert_int_equal(phys_alloc_run(&machine.phys, 512, MM_2M_BYTES, 0, &base, NULL), OK);
	machine_load(&space, VA, MM_2M_BYTES);
	assert_int_equal(space_map(&space, VA, base, MM_2M_BYTES, MM_WRITE, MM_PAGE_2M, NULL), OK);
	machine_check();
	assert_int_equal(space_unmap_free(&space, VA, MM_2M_BYTES, &machine.data, NULL), OK);
	machine_check();
	assert_int_equal(machine.phys.free_pages, 1023);
	for (i = 0; i < 1023; i++)
		assert_int_equal(phys_alloc(&machine.phys, &page, NULL), OK);
	assert_int_equal(phys_alloc(&machine.phys, &page, NULL), E_NO_MEMORY);
}

static void a_large_page_is_split_by_break_before_make(void **state)
{
	struct mapping mapping;

	(void)state;
	map(VA, MM_1G_BYTES, MM_WRITE, MM_PAGE_1G);
	assert_int_equal(space_protect(&space, VA + 0x3000, 0x1000, MM_READ, NULL), OK);
	machine_check();
	assert_int_equal(machine.flushes, 3);		/* 1G, 2M, the page */
	assert_int_equal(space.table_pages, 4);
	assert_true(space_query(&space, VA + 0x3000, &mapping));
	assert_int_equal(mapping.prot, MM_READ);
	assert_int_equal(mapping.size, MM_PAGE_4K);
	assert_true(space_query(&space, VA + MM_2M_BYTES, &mapping));
	assert_int_equal(mapping.prot, MM_WRITE);
	assert_int_equal(mapping.size, MM_PAGE_2M);
	assert_int_equal(mapping.phys, FAR_MEMORY + VA + MM_2M_BYTES);
}

static void pinned_ranges_are_never_split(void **state)
{
	struct mm_range pinned[] = { { 0, 0 }, { VA + 0x5000, 0x1000 } };
	struct mapping mapping;

	(void)state;
	map(VA, 2 * MM_2M_BYTES, MM_WRITE, MM_PAGE_2M);
	space.pinned = pinned;
	space.pinned_count = 2;
	assert_int_equal(space_protect(&space, VA + 0x9000, 0x1000, MM_READ, &problem), E_MAPPING);
	assert_int_equal(problem.code, E_MAPPING);
	assert_int_equal(space_unmap(&space, VA + 0x9000, 0x1000, NULL), E_MAPPING);
	pinned[1] = (struct mm_range){ VA - 0x1000, 0x1001 };			/* reaches in from below */
	assert_int_equal(space_unmap(&space, VA + 0x9000, 0x1000, NULL), E_MAPPING);
	assert_int_equal(machine.flushes, 0);
	assert_true(space_query(&space, VA + 0x9000, &mapping));
	assert_int_equal(mapping.size, MM_PAGE_2M);
	assert_int_equal(space_unmap(&space, VA + MM_2M_BYTES + 0x9000, 0x1000, NULL), OK);
	pinned[1] = (struct mm_range){ VA - 0x1000, 0x1000 };
	assert_int_equal(space_unmap(&space, VA + 0x9000, 0x1000, NULL), OK);
	machine_check();
}

static void a_page_that_holds_its_own_table_is_never_split(void **state)
{
	(void)state;
	machine_unload();
	assert_int_equal(space_map(&space, MACHINE_BASE, MACHINE_BASE, 0x800000, MM_WRITE, MM_PAGE_2M, NULL), OK);
	assert_int_equal(space_unmap(&space, MACHINE_BASE + 0x1000, 0x1000, &problem), E_MAPPING);
	assert_int_equal(problem.code, E_MAPPING);
	assert_int_equal(space_unmap(&space, MACHINE_BASE + MM_2M_BYTES + 0x1000, 0x1000, NULL), OK);
}

static void protect_needs_the_whole_range_mapped(void **state)
{
	struct mapping mapping;

	(void)state;
	map(VA, 0x4000, MM_WRITE, MM_PAGE_4K);
	assert_int_equal(space_protect(&space, VA + 0x2000, 0x4000, MM_READ, &problem), E_MAPPING);
	assert_int_equal(problem.code, E_MAPPING);
	assert_true(space_query(&space, VA + 0x2000, &mapping));
	assert_int_equal(mapping.prot, MM_WRITE);
	assert_int_equal(machine.flushes, 0);
}

static void a_new_memory_type_goes_through_not_present_and_write_back(void **state)
{
	struct mapping mapping;

	(void)state;
	map(VA, 0x4000, MM_WRITE, MM_PAGE_4K);
	twin.clflushes = twin.mfences = 0;
	assert_int_equal(space_protect(&space, VA + 0x1000, 0x2000, MM_WRITE | MM_CACHE(MM_UC_MINUS), NULL), OK);
	machine_check();
	assert_int_equal(twin.clflushes, 0x2000 / CACHE_LINE_BYTES);
	assert_int_equal(twin.mfences, 2);
	assert_true(space_query(&space, VA + 0x1000, &mapping));
	assert_int_equal(mapping.prot, MM_WRITE | MM_CACHE(MM_UC_MINUS));
	assert_int_equal(mapping.phys, FAR_MEMORY + VA + 0x1000);
	twin.clflushes = 0;
	assert_int_equal(space_protect(&space, VA + 0x1000, 0x2000, MM_CACHE(MM_UC_MINUS), NULL), OK);
	assert_int_equal(twin.clflushes, 0);
	machine_check();
}

/* Order of the write-back, recorded: fence, lines, fence. */
static char order[16];
static unsigned order_length;

void twin_cpu_mfence(void)
{
	twin.mfences++;
	if (order_length < sizeof(order) - 1)
		order[order_length++] = 'f';
}

void twin_cpu_clflush(const void *p)
{
	(void)p;
	twin.clflushes++;
	if (order_length < sizeof(order) - 1)
		order[order_length++] = 'c';
}

static void write_back_is_fenced_on_both_sides(void **state)
{
	(void)state;
	memset(order, 0, sizeof(order));
	order_length = 0;
	cache_writeback(0x1038, 0x50);		/* three lines */
	assert_string_equal(order, "fcccf");
}

static void a_deaf_cpu_keeps_pages_from_being_freed(void **state)
{
	uint64_t free_pages;

	(void)state;
	space.gather_capacity = 2;
	map_data_pages(VA, 5);
	free_pages = machine.phys.free_pages;
	machine.deaf = true;
	assert_int_equal(space_unmap_free(&space, VA, 5 * 0x1000, &machine.data, &problem), E_CPU_LOST);
	assert_int_equal(problem.code, E_CPU_LOST);
	assert_int_equal(machine.phys.free_pages, free_pages);
	assert_int_equal(machine.frees, 0);
	assert_int_equal(space.quarantined, 8);		/* 5 pages, 3 tables */
}

static bool answers_later(const struct flush_request *request)
{
	(void)request;
	return machine.flushes++ > 0;
}

static void after_a_lost_cpu_the_rest_of_a_gather_is_kept_too(void **state)
{
	(void)state;
	space.gather_capacity = 2;
	map_data_pages(VA, 5);
	machine.deaf = true;
	mm_set_flush_others(answers_later);
	assert_int_equal(space_unmap_free(&space, VA, 5 * 0x1000, &machine.data, NULL), E_CPU_LOST);
	assert_int_equal(machine.frees, 0);
	assert_int_equal(space.quarantined, 8);
	/* And what goes later: that CPU may have cached it before. */
	assert_int_equal(space_map(&space, VA + MM_2M_BYTES, FAR_MEMORY, 0x1000, MM_WRITE, MM_PAGE_4K, NULL), OK);
	assert_int_equal(space_unmap(&space, VA + MM_2M_BYTES, 0x1000, NULL), OK);
	assert_int_equal(machine.frees, 0);
	assert_int_equal(space.quarantined, 11);
}

static void quarantine_can_be_asked_for(void **state)
{
	(void)state;
	map(VA, 0x1000, MM_WRITE, MM_PAGE_4K);
	space_quarantine(&space);
	assert_int_equal(space_unmap(&space, VA, 0x1000, NULL), OK);
	machine_check();
	assert_int_equal(machine.frees, 0);
	assert_int_equal(space.quarantined, 3);
}

static void a_deaf_cpu_leaves_large_page_and_type_as_they_were(void **state)
{
	uint64_t free_pages;
	struct mapping mapping;

	(void)state;
	map(VA, MM_2M_BYTES, MM_WRITE, MM_PAGE_2M);
	map(VA + MM_2M_BYTES, 0x2000, MM_WRITE, MM_PAGE_4K);
	free_pages = machine.phys.free_pages;
	machine.deaf = true;
	assert_int_equal(space_unmap(&space, VA + 0x1000, 0x1000, &problem), E_CPU_LOST);
	assert_int_equal(problem.code, E_CPU_LOST);
	assert_true(space_query(&space, VA, &mapping));
	assert_int_equal(mapping.size, MM_PAGE_2M);
	assert_int_equal(mapping.prot, MM_WRITE);
	assert_int_equal(machine.phys.free_pages, free_pages);
	problem.code = OK;
	assert_int_equal(space_protect(&space, VA + MM_2M_BYTES, 0x2000, MM_CACHE(MM_UC), &problem), E_CPU_LOST);
	assert_int_equal(problem.code, E_CPU_LOST);
	assert_true(space_query(&space, VA + MM_2M_BYTES + 0x1000, &mapping));
	assert_int_equal(mapping.prot, MM_WRITE);
	machine.deaf = false;
	machine_check();
}

static void a_failed_map_takes_its_tables_back_through_a_flush(void **state)
{
	unsigned k;

	(void)state;
	/* The second allocation fails: one table, no leaf in it. The fourth: three tables and leaves. */
	for (k = 2; k <= 4; k++) {
		machine.phys.fail_from = machine.phys.allocations + k;
		machine.phys.fail_count = 1;
		machine.flushes = machine.frees = 0;
		assert_int_equal(space_map(&space, VA, FAR_MEMORY, MM_2M_BYTES + 0x1000, MM_WRITE, MM_PAGE_4K,
					   &problem), E_NO_MEMORY);
		machine_check();
		assert_int_equal(machine.flushes, 1);
		assert_int_equal(machine.frees, k - 1);
		assert_int_equal(space.table_pages, 1);
	}
}

static unsigned frees_at_flush;

static bool note_frees(const struct flush_request *request)
{
	assert_true(request->everyone && request->whole);
	if (!machine.flushes++)
		frees_at_flush = machine.frees;
	return true;
}

static void destroy_flushes_before_it_frees(void **state)
{
	(void)state;
	map(VA, MM_2M_BYTES + 0x1000, MM_WRITE, MM_PAGE_4K);
	assert_int_equal(space_map(&space, 0xffffffff80000000, 0, 0x1000, MM_EXEC, MM_PAGE_4K, NULL), OK);
	machine_unload();
	mm_set_flush_others(note_frees);
	assert_int_equal(space_destroy(&space, NULL), OK);
	assert_int_equal(frees_at_flush, 0);
	assert_int_equal(machine.flushes, 1);
	assert_int_equal(machine.frees, 8);
	assert_int_equal(machine.phys.free_pages, machine.phys.total_pages);
}

static void without_other_cpus_this_one_still_flushes(void **state)
{
	(void)state;
	map(VA, 0x2000, MM_WRITE, MM_PAGE_4K);
	machine_unload();
	mm_set_flush_others(NULL);
	assert_int_equal(space_unmap(&space, VA, 0x1000, NULL), OK);
	assert_int_equal(machine.invlpgs, 1);
	assert_int_equal(space_unmap(&space, VA + 0x1000, 0x1000, NULL), OK);
	assert_int_equal(machine.whole_flushes, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(mapping_something_new_needs_no_flush, start, stop),
		cmocka_unit_test_setup_teardown(a_leaf_is_flushed_by_address, start, stop),
		cmocka_unit_test_setup_teardown(a_large_leaf_needs_one_invlpg, start, stop),
		cmocka_unit_test_setup_teardown(many_pages_are_flushed_as_a_whole, start, stop),
		cmocka_unit_test_setup_teardown(a_hole_needs_no_flush, start, stop),
		cmocka_unit_test_setup_teardown(tables_are_freed_after_a_whole_flush_of_all, start, stop),
		cmocka_unit_test_setup_teardown(a_full_batch_is_flushed_before_it_is_freed, start, stop),
		cmocka_unit_test_setup_teardown(leaf_pages_are_freed_after_the_flush, start, stop),
		cmocka_unit_test_setup_teardown(each_4k_of_a_large_leaf_is_freed_once, start, stop),
		cmocka_unit_test_setup_teardown(a_large_page_is_split_by_break_before_make, start_big, stop),
		cmocka_unit_test_setup_teardown(pinned_ranges_are_never_split, start, stop),
		cmocka_unit_test_setup_teardown(a_page_that_holds_its_own_table_is_never_split, start, stop),
		cmocka_unit_test_setup_teardown(protect_needs_the_whole_range_mapped, start, stop),
		cmocka_unit_test_setup_teardown(a_new_memory_type_goes_through_not_present_and_write_back, start, stop),
		cmocka_unit_test(write_back_is_fenced_on_both_sides),
		cmocka_unit_test_setup_teardown(a_deaf_cpu_keeps_pages_from_being_freed, start, stop),
		cmocka_unit_test_setup_teardown(after_a_lost_cpu_the_rest_of_a_gather_is_kept_too, start, stop),
		cmocka_unit_test_setup_teardown(quarantine_can_be_asked_for, start, stop),
		cmocka_unit_test_setup_teardown(a_deaf_cpu_leaves_large_page_and_type_as_they_were, start, stop),
		cmocka_unit_test_setup_teardown(a_failed_map_takes_its_tables_back_through_a_flush, start, stop),
		cmocka_unit_test_setup_teardown(destroy_flushes_before_it_frees, start, stop),
		cmocka_unit_test_setup_teardown(without_other_cpus_this_one_still_flushes, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
