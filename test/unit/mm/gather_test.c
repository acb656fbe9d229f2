// SPDX-License-Identifier: MIT
/* Batches, what happens without memory for one, two gathers at once, and tables that software walkers hold back. */
#include "test/unit/mm/machine.h"

#include <string.h>

#include "mm/gather.h"
#include "mm/load.h"

#define VA 0x40000000ull
#define FAR_MEMORY 0x200000000ull

static struct space space;

/* For a machine anew at every step of an operation: its memory is filled each time. */
#define FEW_PAGES 64

static void start_with(unsigned pages)
{
	machine_start(pages);
	assert_int_equal(space_init(&space, 4, &machine_features, &machine.tables, NULL), OK);
	machine_load(&space, VA, 4 * MM_2M_BYTES);
}

static int start(void **state)
{
	(void)state;
	start_with(1024);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	machine_unload();
	machine_stop();
	return 0;
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

static void a_full_batch_is_512_pages(void **state)
{
	(void)state;
	map_data_pages(VA, 512);
	map_data_pages(VA + MM_2M_BYTES, 2);
	assert_int_equal(space_unmap_free(&space, VA, 512 * 0x1000, &machine.data, NULL), OK);
	machine_check();
	/* 512 pages, then their table. */
	assert_int_equal(machine.flushes, 2);
	assert_int_equal(machine.frees, 512 + 1 + 1);
	assert_int_equal(machine.phys.poison_damage, 0);
	assert_int_equal(space.gathers, 0);
}

static void without_a_batch_page_it_flushes_more_often(void **state)
{
	uint64_t free_pages;

	(void)state;
	map_data_pages(VA, 100);
	free_pages = machine.phys.free_pages;
	machine.phys.fail_from = 1;
	machine.phys.fail_count = UINT64_MAX;
	assert_int_equal(space_unmap_free(&space, VA, 99 * 0x1000, &machine.data, NULL), OK);
	machine_check();
	assert_int_equal(machine.flushes, (99 + GATHER_ON_STACK - 1) / GATHER_ON_STACK);
	assert_int_equal(machine.frees, 99);
	assert_int_equal(machine.phys.free_pages, free_pages + 99);
}

static void the_batch_page_may_come_later(void **state)
{
	(void)state;
	map_data_pages(VA, 100);
	machine.phys.fail_from = machine.phys.allocations + 1;
	machine.phys.fail_count = 1;
	assert_int_equal(space_unmap_free(&space, VA, 99 * 0x1000, &machine.data, NULL), OK);
	machine_check();
	assert_int_equal(machine.flushes, 2);
	assert_int_equal(machine.frees, 99 + 1);
}

static void a_batch_page_is_no_part_of_the_quarantine(void **state)
{
	uint64_t free_pages;

	(void)state;
	map_data_pages(VA, 100);
	free_pages = machine.phys.free_pages;
	machine.deaf = true;
	assert_int_equal(space_unmap_free(&space, VA, 99 * 0x1000, &machine.data, NULL), E_CPU_LOST);
	assert_int_equal(machine.phys.free_pages, free_pages);
	assert_int_equal(space.quarantined, 99);
}

static void two_gathers_on_one_range_flush_for_both(void **state)
{
	struct gather first, second;

	(void)state;
	/* What the second found to be a hole may have been cleared by the first, which has not flushed yet. */
	gather_begin(&first, &space, NULL);
	gather_begin(&second, &space, NULL);
	assert_int_equal(gather_finish(&second, NULL), OK);
	assert_int_equal(machine.flushes, 1);
	assert_true(machine.last_request.whole && machine.last_request.everyone);
	assert_int_equal(gather_finish(&first, NULL), OK);
	assert_int_equal(machine.flushes, 1);		/* alone again, nothing unlinked */
}

/* --- software walkers --- */

static unsigned frees_in_walk;
static uint64_t walked_phys;
static bool walked;

static void unmap_everything(void)
{
	machine_on_cpu(0);
	assert_int_equal(space_unmap(&space, VA, 4 * MM_2M_BYTES, NULL), OK);
	frees_in_walk = machine.frees;
	machine_on_cpu(1);
}

static void query_on_cpu1(void)
{
	struct mapping mapping = { 0 };
	unsigned before = machine_on_cpu(1);

	walked = space_query(&space, VA + 0x1000, &mapping);
	walked_phys = mapping.phys;
	machine_on_cpu(before);
}

/* An unmap at every step of a walk: the walker gets one of the two answers and never reads a freed table. */
static void a_table_under_a_walk_is_held_back(void **state)
{
	unsigned k, held = 0;
	bool placed = true;

	(void)state;
	for (k = 0; placed; k++) {
		stop(NULL);
		start_with(FEW_PAGES);
		assert_int_equal(space_map(&space, VA, FAR_MEMORY, 0x4000, MM_WRITE, MM_PAGE_4K, NULL), OK);
		frees_in_walk = 0;
		machine.preempt_after = k;
		machine.preempt = unmap_everything;
		query_on_cpu1();
		placed = !machine.preempt;
		machine.preempt = NULL;
		assert_int_equal(shared_load_relaxed_u32(&space.walkers), 0);
		if (walked)
			assert_int_equal(walked_phys, FAR_MEMORY + 0x1000);
		if (!placed)
			break;
		assert_int_equal(machine.frees + space.limbo_pages, 3);
		held += frees_in_walk == 0;
		/* The next change takes them along. */
		assert_int_equal(space_unmap(&space, VA, 0x1000, NULL), OK);
		assert_int_equal(space.limbo_pages, 0);
		assert_int_equal(machine.frees, 3);
		assert_int_equal(machine.phys.free_pages, machine.phys.total_pages - 1);
	}
	/* From behind the count to behind the last entry: root, three tables, and the count itself. */
	assert_int_equal(held, 5);
}

/* A walk at every step of an unmap: it is never under way at a free. */
static void a_walk_at_any_point_of_an_unmap(void **state)
{
	unsigned k;
	bool placed = true;

	(void)state;
	for (k = 0; placed; k++) {
		stop(NULL);
		start_with(FEW_PAGES);
		assert_int_equal(space_map(&space, VA, FAR_MEMORY, 0x4000, MM_WRITE, MM_PAGE_4K, NULL), OK);
		machine.preempt_after = k;
		machine.preempt = query_on_cpu1;
		assert_int_equal(space_unmap(&space, VA, 4 * MM_2M_BYTES, NULL), OK);
		placed = !machine.preempt;
		machine.preempt = NULL;
		machine_check();
		assert_int_equal(space.limbo_pages, 0);
		assert_int_equal(machine.frees, 3);
	}
	assert_true(k > 10);
}

static void a_walker_that_never_ends_costs_tables_not_time(void **state)
{
	(void)state;
	shared_add_seq_cst_u32(&space.walkers, 1);
	map_data_pages(VA, 3);
	assert_int_equal(space_unmap_free(&space, VA, 0x3000, &machine.data, NULL), OK);
	machine_check();
	assert_int_equal(machine.frees, 3);		/* the pages; walkers look at tables only */
	assert_int_equal(space.limbo_pages, 3);
	map_data_pages(VA, 3);
	assert_int_equal(space_unmap_free(&space, VA, 0x3000, &machine.data, NULL), OK);
	assert_int_equal(space.limbo_pages, 6);
	shared_add_seq_cst_u32(&space.walkers, (uint32_t)-1);
	space_quarantine(&space);
	assert_int_equal(space_unmap(&space, VA, 0x1000, NULL), OK);
	assert_int_equal(space.limbo_pages, 6);		/* nothing is freed any more */
}

/* --- the figures --- */

#define GIB_PAGES (MM_1G_BYTES / MM_PAGE_BYTES)
/* One for each 2 MiB, one above them, one above that, the root. */
#define GIB_TABLES (512u + 3u)
#define ROUNDS_MAX 520
#define MEMORY_MAX (16 * 1024)

static uint64_t freed, most_extra;
static unsigned rounds;

static void count_free(void *context, uint64_t page)
{
	(void)context;
	(void)page;
	freed++;
}

static bool count_round(const struct flush_request *request)
{
	uint64_t used = machine.phys.total_pages - machine.phys.free_pages;
	uint64_t extra = (used - (GIB_TABLES - machine.frees)) * MM_PAGE_BYTES + sizeof(struct gather) +
			 sizeof(struct space);

	(void)request;
	rounds++;
	if (extra > most_extra)
		most_extra = extra;
	return true;
}

static void a_gib_in_small_pages(void **state)
{
	struct page_source owner = { NULL, count_free, NULL };

	(void)state;
	machine_unload();
	freed = most_extra = rounds = 0;
	assert_int_equal(space_map(&space, VA, FAR_MEMORY, MM_1G_BYTES, MM_WRITE, MM_PAGE_4K, NULL), OK);
	/* While it is mapped there is nothing else. */
	assert_int_equal(machine.phys.total_pages - machine.phys.free_pages, GIB_TABLES);
	assert_int_equal(space.table_pages, GIB_TABLES);
	mm_set_flush_others(count_round);
	assert_int_equal(space_unmap_free(&space, VA, MM_1G_BYTES, &owner, NULL), OK);
	assert_int_equal(freed, GIB_PAGES);
	assert_int_equal(space.table_pages, 1);
	print_message("figure: 1 GiB in 4 KiB pages: rounds=%u of at most %u, tables=%u KiB, besides=%llu bytes of at "
		      "most %u\n", rounds, ROUNDS_MAX, GIB_TABLES * 4, (unsigned long long)most_extra, MEMORY_MAX);
	assert_in_range(rounds, 1, ROUNDS_MAX);
	assert_in_range(most_extra, MM_PAGE_BYTES, MEMORY_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_full_batch_is_512_pages, start, stop),
		cmocka_unit_test_setup_teardown(without_a_batch_page_it_flushes_more_often, start, stop),
		cmocka_unit_test_setup_teardown(the_batch_page_may_come_later, start, stop),
		cmocka_unit_test_setup_teardown(a_batch_page_is_no_part_of_the_quarantine, start, stop),
		cmocka_unit_test_setup_teardown(two_gathers_on_one_range_flush_for_both, start, stop),
		cmocka_unit_test_setup_teardown(a_table_under_a_walk_is_held_back, start, stop),
		cmocka_unit_test_setup_teardown(a_walk_at_any_point_of_an_unmap, start, stop),
		cmocka_unit_test_setup_teardown(a_walker_that_never_ends_costs_tables_not_time, start, stop),
		cmocka_unit_test_setup_teardown(a_gib_in_small_pages, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
