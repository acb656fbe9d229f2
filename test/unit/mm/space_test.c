// SPDX-License-Identifier: MIT
/* Mapping and looking up: page sizes, levels, rights, memory types, refusals, sources that run out. */
#include "test/unit/mm/machine.h"

#include <string.h>

#include "mm/walk.h"
#include "x86/cpu.h"

static struct space space;
static struct problem problem;

static int start(void **state)
{
	(void)state;
	machine_start(64);
	problem.code = OK;
	assert_int_equal(space_init(&space, 4, &machine_features, &machine.tables, NULL), OK);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	machine_unload();
	assert_int_equal(space_destroy(&space, NULL), OK);
	assert_int_equal(space.table_pages, 0);
	assert_int_equal(machine.phys.free_pages, machine.phys.total_pages);
	machine_stop();
	return 0;
}

static void expect_refused(uint64_t va, uint64_t pa, uint64_t length, mm_prot prot)
{
	unsigned tables = machine_count_tables(space.root, space.levels);

	problem.code = OK;
	if (space_map(&space, va, pa, length, prot, MM_PAGE_1G, &problem) != E_MAPPING)
		fail_msg("0x%llx -> 0x%llx +0x%llx prot 0x%x was mapped", (unsigned long long)va,
			 (unsigned long long)pa, (unsigned long long)length, prot);
	assert_int_equal(problem.code, E_MAPPING);
	assert_int_equal(machine_count_tables(space.root, space.levels), tables);
}

static void expect_page(uint64_t va, uint64_t phys, uint64_t bytes)
{
	struct parsed parsed;

	assert_true(machine_parse(space.root, space.levels, va, &parsed));
	assert_int_equal(parsed.phys, phys);
	assert_int_equal(parsed.bytes, bytes);
}

static void an_unreasonable_space_is_refused(void **state)
{
	struct mm_features f = machine_features;
	struct space other;

	(void)state;
	assert_int_equal(space_init(&other, 3, &f, &machine.tables, &problem), E_MAPPING);
	assert_int_equal(problem.code, E_MAPPING);
	assert_int_equal(space_init(&other, 6, &f, &machine.tables, NULL), E_MAPPING);
	f.phys_bits = 31;
	assert_int_equal(space_init(&other, 4, &f, &machine.tables, NULL), E_MAPPING);
	f.phys_bits = 53;
	assert_int_equal(space_init(&other, 4, &f, &machine.tables, NULL), E_MAPPING);
	f.phys_bits = 52;
	machine.phys.fail_from = machine.phys.allocations + 1;
	machine.phys.fail_count = 1;
	assert_int_equal(space_init(&other, 4, &f, &machine.tables, NULL), E_NO_MEMORY);
	assert_int_equal(machine.phys.free_pages, machine.phys.total_pages - 1);
}

static void the_largest_page_that_fits_is_used(void **state)
{
	const uint64_t va = MM_1G_BYTES - MM_2M_BYTES - 0x1000;

	(void)state;
	/* 4K + 2M + 1G + 2M + 4K */
	assert_int_equal(space_map(&space, va, va, MM_1G_BYTES + 2 * (MM_2M_BYTES + 0x1000), MM_WRITE, MM_PAGE_1G,
				   NULL), OK);
	expect_page(va + 8, va + 8, 0x1000);
	expect_page(va + 0x1000, va + 0x1000, MM_2M_BYTES);
	expect_page(MM_1G_BYTES + 12345, MM_1G_BYTES + 12345, MM_1G_BYTES);
	expect_page(2 * MM_1G_BYTES, 2 * MM_1G_BYTES, MM_2M_BYTES);
	expect_page(2 * MM_1G_BYTES + MM_2M_BYTES, 2 * MM_1G_BYTES + MM_2M_BYTES, 0x1000);
	assert_int_equal(space.table_pages, 6);
	assert_int_equal(space_cr3(&space), space.root);
}

static void page_size_obeys_limit_alignment_and_cpu(void **state)
{
	(void)state;
	assert_int_equal(space_map(&space, 0, 0, MM_2M_BYTES, MM_WRITE, MM_PAGE_4K, NULL), OK);
	expect_page(0, 0, 0x1000);
	assert_int_equal(space_map(&space, MM_1G_BYTES, MM_1G_BYTES, MM_1G_BYTES, MM_WRITE, MM_PAGE_2M, NULL), OK);
	expect_page(MM_1G_BYTES, MM_1G_BYTES, MM_2M_BYTES);
	assert_int_equal(space_map(&space, 2 * MM_1G_BYTES, 0x1000, MM_2M_BYTES, MM_WRITE, MM_PAGE_1G, NULL), OK);
	expect_page(2 * MM_1G_BYTES, 0x1000, 0x1000);
	space.features.page_1g = false;
	assert_int_equal(space_map(&space, 4 * MM_1G_BYTES, 0, MM_1G_BYTES, MM_WRITE, MM_PAGE_1G, NULL), OK);
	expect_page(4 * MM_1G_BYTES, 0, MM_2M_BYTES);
}

static void write_with_exec_is_refused_but_for_the_handover_root(void **state)
{
	struct parsed parsed;
	struct mapping mapping;

	(void)state;
	expect_refused(0x1000, 0x1000, 0x1000, MM_WRITE | MM_EXEC);
	assert_int_equal(space_map(&space, 0x1000, 0x1000, 0x1000, MM_WRITE | MM_EXEC | MM_HANDOVER_WX, MM_PAGE_4K,
				   NULL), OK);
	assert_true(machine_parse(space.root, 4, 0x1000, &parsed));
	assert_true(parsed.write && parsed.exec);
	assert_true(space_query(&space, 0x1000, &mapping));
	assert_int_equal(mapping.prot, MM_WRITE | MM_EXEC | MM_HANDOVER_WX);
	/* Neither does a change of rights get there. */
	assert_int_equal(space_map(&space, 0x2000, 0x2000, 0x1000, MM_WRITE, MM_PAGE_4K, NULL), OK);
	assert_int_equal(space_protect(&space, 0x2000, 0x1000, MM_WRITE | MM_EXEC, &problem), E_MAPPING);
	assert_int_equal(problem.code, E_MAPPING);
	assert_true(machine_parse(space.root, 4, 0x2000, &parsed));
	assert_false(parsed.exec);
	/* The flag alone gives nothing. */
	assert_int_equal(space_protect(&space, 0x2000, 0x1000, MM_HANDOVER_WX, NULL), OK);
	assert_true(machine_parse(space.root, 4, 0x2000, &parsed));
	assert_false(parsed.exec || parsed.write);
}

static void without_nx_data_is_executable_and_query_says_so(void **state)
{
	struct parsed parsed;
	struct mapping mapping;

	(void)state;
	space.features.nx = false;
	assert_int_equal(space_map(&space, 0x1000, 0x1000, 0x1000, MM_WRITE, MM_PAGE_4K, NULL), OK);
	assert_true(machine_parse(space.root, 4, 0x1000, &parsed));
	assert_true(parsed.exec);		/* bit 63 is reserved then */
	assert_true(space_query(&space, 0x1000, &mapping));
	assert_true(mapping.prot & MM_EXEC);
}

static void bits_that_hardware_would_set_are_set(void **state)
{
	struct parsed parsed;

	(void)state;
	assert_int_equal(space_map(&space, 0, 0, MM_1G_BYTES + MM_2M_BYTES + 0x1000, MM_WRITE, MM_PAGE_1G, NULL), OK);
	assert_int_equal(space_map(&space, 4 * MM_1G_BYTES, 0, 0x1000, MM_EXEC, MM_PAGE_4K, NULL), OK);
	assert_true(machine_parse(space.root, 4, 0, &parsed));
	assert_true(parsed.accessed && parsed.dirty && !parsed.user && !parsed.global);
	assert_true(machine_parse(space.root, 4, MM_1G_BYTES, &parsed));
	assert_true(parsed.accessed && parsed.dirty && !parsed.user && !parsed.global);
	assert_true(machine_parse(space.root, 4, MM_1G_BYTES + MM_2M_BYTES, &parsed));
	assert_true(parsed.accessed && parsed.dirty && !parsed.user && !parsed.global);
	assert_true(machine_parse(space.root, 4, 4 * MM_1G_BYTES, &parsed));
	assert_true(parsed.accessed && !parsed.dirty && !parsed.user && !parsed.global);
}

static void memory_types_find_their_pat_index(void **state)
{
	static const struct { enum mm_cache type; unsigned index; } reset[] = {
		{ MM_WB, 0 }, { MM_WT, 1 }, { MM_UC_MINUS, 2 }, { MM_UC, 3 },
	};
	struct parsed parsed;
	struct mapping mapping;
	uint64_t va = 0;
	unsigned i, size;

	(void)state;
	for (i = 0; i < 4; i++)
		for (size = MM_PAGE_4K; size <= MM_PAGE_1G; size++, va += MM_1G_BYTES) {
			assert_int_equal(space_map(&space, va, 0, mm_size_bytes(size), MM_CACHE(reset[i].type), size,
						   NULL), OK);
			assert_true(machine_parse(space.root, 4, va, &parsed));
			assert_int_equal(parsed.bytes, mm_size_bytes(size));
			assert_int_equal(parsed.pat, reset[i].index);
			assert_true(space_query(&space, va, &mapping));
			assert_int_equal(mm_prot_cache(mapping.prot), reset[i].type);
		}
	expect_refused(va, 0, 0x1000, MM_CACHE(MM_WC));
	assert_int_equal(mm_cache_or(&space.features, MM_WC, MM_UC_MINUS), MM_UC_MINUS);
	assert_int_equal(mm_cache_or(&space.features, MM_WT, MM_UC_MINUS), MM_WT);
}

static void a_reprogrammed_pat_gives_write_combining(void **state)
{
	struct parsed parsed;
	struct mapping mapping;
	unsigned size;

	(void)state;
	space.features.pat = 0x0007010600070406ull;		/* index 5: WC, behind the PAT bit */
	assert_int_equal(mm_cache_or(&space.features, MM_WC, MM_UC_MINUS), MM_WC);
	for (size = MM_PAGE_4K; size <= MM_PAGE_1G; size++) {
		uint64_t va = size * MM_1G_BYTES;

		assert_int_equal(space_map(&space, va, 0, mm_size_bytes(size), MM_WRITE | MM_CACHE(MM_WC), size,
					   NULL), OK);
		assert_true(machine_parse(space.root, 4, va, &parsed));
		assert_int_equal(parsed.pat, 5);
		assert_int_equal(parsed.phys, 0);
		assert_true(space_query(&space, va + 5, &mapping));
		assert_int_equal(mapping.prot, MM_WRITE | MM_CACHE(MM_WC));
		assert_int_equal(mapping.phys, 5);
	}
	/* The PAT bit moves when a page is split: 1G to 2M to 4K. */
	assert_int_equal(space_unmap(&space, 3 * MM_1G_BYTES + 0x1000, 0x1000, NULL), OK);
	assert_true(machine_parse(space.root, 4, 3 * MM_1G_BYTES, &parsed));
	assert_int_equal(parsed.bytes, 0x1000);
	assert_int_equal(parsed.pat, 5);
	expect_page(3 * MM_1G_BYTES + 0x3000, 0x3000, 0x1000);
	assert_true(machine_parse(space.root, 4, 3 * MM_1G_BYTES + MM_2M_BYTES, &parsed));
	assert_int_equal(parsed.bytes, MM_2M_BYTES);
	assert_int_equal(parsed.pat, 5);
	expect_page(4 * MM_1G_BYTES - 1, MM_1G_BYTES - 1, MM_2M_BYTES);
}

static void impossible_ranges_are_refused(void **state)
{
	(void)state;
	expect_refused(0x800, 0, 0x1000, 0);
	expect_refused(0x1000, 0x800, 0x1000, 0);
	expect_refused(0x1000, 0, 0x800, 0);
	expect_refused(0x1000, 0, 0, 0);
	expect_refused(0x1000, 0, 0x1000, MM_NONE);
	expect_refused(0x800000000000, 0, 0x1000, 0);			/* not canonical at 4 levels */
	expect_refused(0x7ffffffff000, 0, 0x2000, 0);			/* runs into the hole */
	expect_refused(0x7ffffffff000, 0, 0xffff000000002000, 0);	/* jumps over it */
	expect_refused(0xfffffffffffff000, 0, 0x2000, 0);		/* wraps */
	expect_refused(0x1000, 1ull << 40, 0x1000, 0);			/* beyond phys_bits */
	expect_refused(0x1000, (1ull << 40) - 0x1000, 0x2000, 0);
	expect_refused(0x1000, 0xfffffffffffff000, 0x2000, 0);
	assert_int_equal(space_unmap(&space, 0x800, 0x1000, NULL), E_MAPPING);
	assert_int_equal(space_protect(&space, 0x800, 0x1000, 0, NULL), E_MAPPING);
	assert_int_equal(space.table_pages, 1);
	assert_int_equal(space_map(&space, 0x1000, (1ull << 40) - 0x1000, 0x1000, 0, MM_PAGE_4K, NULL), OK);
}

/* Each by its own reason: what comes behind may be spared by another check. */
static void a_range_is_refused_for_what_it_is(void **state)
{
	static const struct { uint64_t va, length; } holes[] = {
		{ 0x2000, 0xfffffffffffff000 },			/* wraps to 0xfff */
		{ 0x7ffffffff000, 0xffff000000002000 },		/* from half to half */
		{ 0x8000000000000000, 0x7fff800000001000 },	/* ends where the upper half begins */
		{ 0x7ffffffff000, 0x2000 },			/* ends in the hole */
	};
	uint64_t last;

	(void)state;
	assert_int_equal(range_check(&space, 0, 0, &last, &problem), E_MAPPING);
	assert_non_null(strstr(problem.text, "not whole pages"));
	for (unsigned i = 0; i < sizeof(holes) / sizeof(holes[0]); i++) {
		problem.code = OK;
		assert_int_equal(range_check(&space, holes[i].va, holes[i].length, &last, &problem), E_MAPPING);
		assert_non_null(strstr(problem.text, "not canonical"));
	}
	assert_int_equal(range_check(&space, 0x2000, 0x1000, &last, NULL), OK);
	assert_int_equal(last, 0x2fff);
}

static void both_ends_of_both_halves_can_be_mapped(void **state)
{
	static const uint64_t at[] = { 0, 0x7ffffffff000, 0xffff800000000000, 0xfffffffffffff000 };
	struct mapping mapping;
	unsigned i;

	(void)state;
	for (i = 0; i < 4; i++) {
		assert_int_equal(space_map(&space, at[i], 0x5000, 0x1000, MM_EXEC, MM_PAGE_1G, NULL), OK);
		assert_true(space_query(&space, at[i] + 0xfff, &mapping));
		assert_int_equal(mapping.phys, 0x5fff);
	}
	assert_int_equal(space.table_pages, 1 + 4 * 3);
	for (i = 0; i < 4; i++) {
		assert_int_equal(space_protect(&space, at[i], 0x1000, MM_WRITE, NULL), OK);
		assert_int_equal(space_unmap(&space, at[i], 0x1000, NULL), OK);
		assert_false(space_query(&space, at[i], &mapping));
	}
	assert_int_equal(space.table_pages, 1);
}

static void a_range_that_touches_a_mapping_is_refused(void **state)
{
	(void)state;
	assert_int_equal(space_map(&space, MM_2M_BYTES, 0, MM_2M_BYTES, MM_WRITE, MM_PAGE_2M, NULL), OK);
	assert_int_equal(space_map(&space, MM_1G_BYTES, 0, MM_1G_BYTES, MM_WRITE, MM_PAGE_1G, NULL), OK);
	expect_refused(MM_2M_BYTES - 0x1000, 0, 0x2000, 0);
	expect_refused(2 * MM_2M_BYTES - 0x1000, 0, 0x1000, 0);
	expect_refused(0, 0, MM_1G_BYTES, 0);
	expect_refused(MM_1G_BYTES + 0x5000, 0, 0x1000, 0);
	expect_refused(0, 0, 1ull << 39, 0);
}

static void five_levels(void **state)
{
	struct mapping mapping;
	struct space deep;

	(void)state;
	assert_int_equal(space_init(&deep, 5, &machine_features, &machine.tables, NULL), OK);
	assert_int_equal(space_map(&deep, 0x800000000000, 0x7000, 0x1000, MM_WRITE, MM_PAGE_4K, NULL), OK);
	assert_int_equal(space_map(&deep, 0xff00000000000000, 0x9000, 0x1000, MM_WRITE, MM_PAGE_4K, NULL), OK);
	assert_int_equal(space_map(&deep, 0x100000000000000, 0, 0x1000, MM_WRITE, MM_PAGE_4K, NULL), E_MAPPING);
	assert_int_equal(deep.table_pages, 9);
	assert_int_equal(machine_count_tables(deep.root, 5), 9);
	assert_true(space_query(&deep, 0x800000000000, &mapping));
	assert_int_equal(mapping.phys, 0x7000);
	assert_true(space_query(&deep, 0xff00000000000fff, &mapping));
	assert_int_equal(mapping.phys, 0x9fff);
	assert_false(space_query(&deep, 0, &mapping));
	assert_int_equal(space_destroy(&deep, NULL), OK);
	assert_int_equal(machine.phys.free_pages, machine.phys.total_pages - 1);
}

static void a_pool_that_runs_out_changes_nothing(void **state)
{
	struct page_pool pool;
	struct page_source source;
	struct space small;
	struct mapping mapping;
	uint64_t base;
	unsigned pages;

	(void)state;
	assert_int_equal(phys_alloc_run(&machine.phys, 8, 4096, 0, &base, NULL), OK);
	for (pages = 1; pages < 5; pages++) {
		page_pool_init(&pool, base, pages);
		source = page_source_pool(&pool);
		assert_int_equal(space_init(&small, 4, &machine_features, &source, NULL), OK);
		problem.code = OK;
		assert_int_equal(space_map(&small, MM_2M_BYTES - 0x1000, 0, 0x2000, MM_WRITE, MM_PAGE_4K, &problem),
				 E_NO_MEMORY);
		assert_int_equal(problem.code, E_NO_MEMORY);
		assert_int_equal(pool.used, 1);
		assert_int_equal(small.table_pages, 1);
		assert_false(space_query(&small, MM_2M_BYTES - 0x1000, &mapping));
	}
	page_pool_init(&pool, base, 5);
	source = page_source_pool(&pool);
	assert_int_equal(space_init(&small, 4, &machine_features, &source, NULL), OK);
	assert_int_equal(space_map(&small, MM_2M_BYTES - 0x1000, 0, 0x2000, MM_WRITE, MM_PAGE_4K, NULL), OK);
	assert_int_equal(pool.used, 5);
	assert_int_equal(space_unmap(&small, MM_2M_BYTES, 0x1000, NULL), OK);
	assert_int_equal(pool.used, 4);
	assert_int_equal(space_destroy(&small, NULL), OK);
	assert_int_equal(pool.used, 0);
	assert_int_equal(pool.peak, 5);
	phys_free_run(&machine.phys, base, 8);
}

static void write_combining_gets_a_place_of_its_own(void **state)
{
	const uint64_t linux_layout = 0x0407050600070106ull;	/* WC at 1 */
	const uint64_t used = 0x0705040600070006ull;		/* 6 alone has WP */
	struct mm_features f = machine_features;
	enum mm_cache type;

	(void)state;
	assert_int_equal(mm_pat_with_wc(MM_PAT_RESET), 0x0001040600070406ull);
	assert_int_equal(mm_pat_with_wc(linux_layout), linux_layout);
	assert_int_equal(mm_pat_with_wc(used), used);
	f.pat = mm_pat_with_wc(MM_PAT_RESET);
	assert_int_equal(mm_cache_or(&f, MM_WC, MM_UC_MINUS), MM_WC);
	for (type = MM_UC; type <= MM_UC_MINUS; type++)
		assert_int_equal(mm_cache_or(&f, type, MM_UC),
				 type == MM_WC ? MM_WC : mm_cache_or(&machine_features, type, MM_UC));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(write_combining_gets_a_place_of_its_own),
		cmocka_unit_test_setup_teardown(an_unreasonable_space_is_refused, start, stop),
		cmocka_unit_test_setup_teardown(the_largest_page_that_fits_is_used, start, stop),
		cmocka_unit_test_setup_teardown(page_size_obeys_limit_alignment_and_cpu, start, stop),
		cmocka_unit_test_setup_teardown(write_with_exec_is_refused_but_for_the_handover_root, start, stop),
		cmocka_unit_test_setup_teardown(without_nx_data_is_executable_and_query_says_so, start, stop),
		cmocka_unit_test_setup_teardown(bits_that_hardware_would_set_are_set, start, stop),
		cmocka_unit_test_setup_teardown(memory_types_find_their_pat_index, start, stop),
		cmocka_unit_test_setup_teardown(a_reprogrammed_pat_gives_write_combining, start, stop),
		cmocka_unit_test_setup_teardown(impossible_ranges_are_refused, start, stop),
		cmocka_unit_test_setup_teardown(a_range_is_refused_for_what_it_is, start, stop),
		cmocka_unit_test_setup_teardown(both_ends_of_both_halves_can_be_mapped, start, stop),
		cmocka_unit_test_setup_teardown(a_range_that_touches_a_mapping_is_refused, start, stop),
		cmocka_unit_test_setup_teardown(five_levels, start, stop),
		cmocka_unit_test_setup_teardown(a_pool_that_runs_out_changes_nothing, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
