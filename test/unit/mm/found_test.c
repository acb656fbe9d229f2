// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mm/found.h"
#include "mm/table.h"
#include "test/unit/mm/machine.h"

struct runs { struct { uint64_t base, size; } at[32]; unsigned count, stop_at; };

static struct problem p;
static uint64_t root;

static enum status note(void *context, uint64_t base, uint64_t size, struct problem *problem)
{
	struct runs *runs = context;

	if (runs->count == runs->stop_at)
		return problem_set(problem, E_NO_MEMORY, "full");
	runs->at[runs->count].base = base;
	runs->at[runs->count++].size = size;
	return OK;
}

static uint64_t page(void)
{
	uint64_t at = 0;

	assert_int_equal(phys_alloc(&machine.phys, &at, &p), OK);
	table_fill(at, 0);
	return at;
}

/* An entry as a loader writes it, not as Baton does. */
static void put(uint64_t table, unsigned index, uint64_t pte)
{
	pte_store(table_at(table), index, pte);
}

static int fresh(void **state)
{
	(void)state;
	machine_start(64);
	root = page();
	p = (struct problem){ 0 };
	return 0;
}

static int done(void **state)
{
	(void)state;
	machine_stop();
	return 0;
}

static void identity_runs(void **state)
{
	uint64_t pdpt = page(), pd = page(), pt = page();
	struct runs identity = { .stop_at = 32 }, tables = { .stop_at = 32 };

	(void)state;
	put(root, 0, pdpt | 3);
	put(root, 256, pdpt | 3);			/* the upper half: not looked at */
	put(pdpt, 0, pd | 3);
	put(pdpt, 3, 3ull << 30 | 0x83);		/* 1 GiB to itself */
	put(pdpt, 4, 5ull << 30 | 0x83);		/* elsewhere */
	put(pd, 0, pt | 3);
	put(pd, 1, 0x200000 | 0x1083 | PTE_NX);		/* 2 MiB, PAT bit */
	put(pd, 2, 0x400000 | 0x82);			/* not present */
	put(pt, 5, 0x5000 | 3);
	put(pt, 6, 0x7000 | 3);
	assert_int_equal(found_walk(root, 4, note, NULL, &identity, &p), OK);
	assert_int_equal(identity.count, 3);
	assert_true(identity.at[0].base == 0x5000 && identity.at[0].size == 0x1000);
	assert_true(identity.at[1].base == 0x200000 && identity.at[1].size == 0x200000);
	assert_true(identity.at[2].base == 3ull << 30 && identity.at[2].size == 1ull << 30);
	assert_int_equal(found_walk(root | 0x18, 4, NULL, note, &tables, &p), OK);
	assert_int_equal(tables.count, 4);
	assert_true(tables.at[0].base == root && tables.at[1].base == pdpt && tables.at[2].base == pd &&
		    tables.at[3].base == pt && tables.at[3].size == 0x1000);
}

static void five_levels(void **state)
{
	uint64_t pml4 = page(), pdpt = page();
	struct runs identity = { .stop_at = 32 };

	(void)state;
	put(root, 1, pml4 | 3);
	put(pml4, 2, pdpt | 3);
	put(pdpt, 1, (1ull << 48 | 2ull << 39 | 1ull << 30) | 0x83);
	assert_int_equal(found_walk(root, 5, note, NULL, &identity, &p), OK);
	assert_int_equal(identity.count, 1);
	assert_true(identity.at[0].base == (1ull << 48 | 2ull << 39 | 1ull << 30));
}

static void the_caller_ends_the_walk(void **state)
{
	uint64_t pdpt = page();
	struct runs identity = { .stop_at = 1 }, tables = { .stop_at = 1 };

	(void)state;
	put(root, 0, pdpt | 3);
	put(pdpt, 0, 0x83);
	put(pdpt, 1, 1ull << 30 | 0x83);
	put(pdpt, 2, 2ull << 30 | 0x83);
	assert_int_equal(found_walk(root, 4, note, NULL, &identity, &p), E_NO_MEMORY);
	assert_int_equal(identity.count, 1);
	assert_int_equal(found_walk(root, 4, NULL, note, &tables, &p), E_NO_MEMORY);
	assert_int_equal(tables.count, 1);
}

static void who_asks_for_tables_only_is_told_of_no_run(void **state)
{
	uint64_t pdpt = page();
	struct runs tables = { .stop_at = 32 };

	(void)state;
	machine_faults_are_failures();
	put(root, 0, pdpt | 3);
	put(pdpt, 0, 0x83);
	assert_int_equal(found_walk(root, 4, NULL, note, &tables, &p), OK);
	assert_int_equal(tables.count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(identity_runs, fresh, done),
		cmocka_unit_test_setup_teardown(five_levels, fresh, done),
		cmocka_unit_test_setup_teardown(the_caller_ends_the_walk, fresh, done),
		cmocka_unit_test_setup_teardown(who_asks_for_tables_only_is_told_of_no_run, fresh, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
