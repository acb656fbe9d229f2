// SPDX-License-Identifier: MIT
/* A whole live tree rewritten by one CPU. */
#include "test/unit/mm/two_cpus.h"

#include "mm/cache.h"
#include "mm/rewrite.h"
#include "x86/cpu.h"

static unsigned asked;

static mm_prot uncached_and_read_only(void *context, uint64_t va, const struct mapping *old)
{
	const uint64_t *uncached = context;

	asked++;
	assert_int_equal(old->phys, va - VA + MACHINE_BASE);
	return va == *uncached ? MM_READ | MM_CACHE(MM_UC) : MM_READ;
}

static mm_prot write_and_exec(void *context, uint64_t va, const struct mapping *old)
{
	(void)context;
	(void)va;
	(void)old;
	return MM_WRITE | MM_EXEC;
}

static void a_whole_tree_is_rewritten_alone(void **state)
{
	uint64_t uncached = VA + MM_2M_BYTES;

	(void)state;
	map(VA, MACHINE_BASE, MM_2M_BYTES, MM_WRITE, MM_PAGE_2M);
	map(VA + MM_2M_BYTES, MACHINE_BASE + MM_2M_BYTES, 0x3000, MM_WRITE, MM_PAGE_4K);
	/* Not while another CPU has it. */
	assert_int_equal(space_rewrite(&self, &space, PARK_ROOT, uncached_and_read_only, &uncached, &problem),
			 E_MAPPING);
	assert_int_equal(problem.code, E_MAPPING);
	machine_on_cpu(1);
	space_leave(&other, PARK_ROOT);
	machine_on_cpu(0);
	/* Nor with rights that no mapping has. */
	problem.code = OK;
	assert_int_equal(space_rewrite(&self, &space, PARK_ROOT, write_and_exec, NULL, &problem), E_MAPPING);
	assert_int_equal(problem.code, E_MAPPING);
	expect(VA, MM_PAGE_2M, MACHINE_BASE, MM_WRITE);
	asked = 0;
	twin.clflushes = 0;
	assert_int_equal(space_rewrite(&self, &space, PARK_ROOT, uncached_and_read_only, &uncached, NULL), OK);
	machine_check();
	assert_int_equal(asked, 2 * 4);
	expect(VA, MM_PAGE_2M, MACHINE_BASE, MM_READ);
	expect(VA + MM_2M_BYTES, MM_PAGE_4K, MACHINE_BASE + MM_2M_BYTES, MM_READ | MM_CACHE(MM_UC));
	expect(VA + MM_2M_BYTES + 0x1000, MM_PAGE_4K, MACHINE_BASE + MM_2M_BYTES + 0x1000, MM_READ);
	assert_int_equal(cr3_of(0), space.root);
	/* Four tables and one page of data. */
	assert_int_equal(twin.clflushes, 5 * 0x1000 / CACHE_LINE_BYTES);
	/* The same again: no type changes. */
	twin.clflushes = 0;
	assert_int_equal(space_rewrite(&self, &space, PARK_ROOT, uncached_and_read_only, &uncached, NULL), OK);
	assert_int_equal(twin.clflushes, 4 * 0x1000 / CACHE_LINE_BYTES);
}

static void a_lost_cpu_may_still_walk(void **state)
{
	(void)state;
	machine_on_cpu(1);
	space_leave(&other, PARK_ROOT);
	machine_on_cpu(0);
	space_quarantine(&space);
	assert_int_equal(space_rewrite(&self, &space, PARK_ROOT, write_and_exec, NULL, &problem), E_CPU_LOST);
	assert_int_equal(problem.code, E_CPU_LOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_whole_tree_is_rewritten_alone, start, stop),
		cmocka_unit_test_setup_teardown(a_lost_cpu_may_still_walk, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
