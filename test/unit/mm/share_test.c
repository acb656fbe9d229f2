// SPDX-License-Identifier: MIT
/* A space as a read-only view of another: rights of all levels together, as the parser reads them. */
#include "test/unit/mm/machine.h"

#include "mm/identity.h"
#include "mm/share.h"
#include "x86/cpu.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct space base, view;
static struct problem problem;

static const struct identity_range everything[] = {
	{ 0, 0x200000, MM_WRITE | MM_EXEC | MM_HANDOVER_WX, MM_PAGE_4K, "low" },
	{ 0x200000, 0x7fe00000, MM_WRITE | MM_EXEC | MM_HANDOVER_WX, MM_PAGE_2M, "RAM" },
};

static const struct identity_range own[] = {
	{ 0x40001000, 0x1000, MM_WRITE, MM_PAGE_4K, "own" },
	{ 0xfee00000, 0x200000, MM_WRITE | MM_CACHE(MM_UC), MM_PAGE_2M, "device" },
};

/* Shared tables are nobody's to free: the arena goes as a whole. */
static void build(unsigned levels, uint64_t exec)
{
	machine_start(MACHINE_PAGES);
	assert_int_equal(space_init(&base, levels, &machine_features, &machine.tables, &problem), OK);
	assert_int_equal(identity_map(&base, everything, COUNT(everything), &problem), OK);
	assert_int_equal(space_init(&view, levels, &machine_features, &machine.tables, &problem), OK);
	assert_int_equal(identity_map(&view, own, COUNT(own), &problem), OK);
	space_share_read_only(&view, &base, exec);
}

static void expect(const struct space *space, uint64_t va, bool write, bool exec)
{
	struct parsed parsed;

	if (!machine_parse(space->root, space->levels, va, &parsed))
		fail_msg("0x%llx is not mapped", (unsigned long long)va);
	assert_int_equal(parsed.phys, va);
	assert_true(parsed.accessed);
	if (parsed.write != write || parsed.exec != exec)
		fail_msg("0x%llx: write %d, exec %d", (unsigned long long)va, parsed.write, parsed.exec);
}

static void expect_hole(uint64_t va)
{
	struct parsed parsed;

	if (machine_parse(view.root, view.levels, va, &parsed))
		fail_msg("0x%llx is mapped", (unsigned long long)va);
}

static void holes_are_filled_read_only(void **state)
{
	(void)state;
	for (unsigned levels = 4; levels <= 5; levels++) {
		build(levels, 0);
		expect(&view, 0x8f000, false, false);
		expect(&view, 0x200000, false, false);
		expect(&view, 0x40200000, false, false);
		expect(&view, 0x7fffffff, false, false);
		expect(&base, 0x8f000, true, true);
		expect(&base, 0x40001000, true, true);
		machine_stop();
	}
}

static void own_mappings_stay(void **state)
{
	(void)state;
	build(4, 0);
	expect(&view, 0x40001000, true, false);
	expect(&view, 0xfee00000, true, false);
	/* Beside it in its table: the other space has a large page there, which is not broken up. */
	expect_hole(0x40000000);
	expect_hole(0x80000000);
	expect_hole(0xfec00000);
	machine_stop();
}

/* A large page of the view's own where the other has a table; and where neither has anything, nothing is written. */
static void nothing_but_holes_is_filled(void **state)
{
	const uint64_t va = 0x40000000;
	const uint64_t *entries;
	unsigned i;

	(void)state;
	machine_start(64);
	assert_int_equal(space_init(&base, 4, &machine_features, &machine.tables, &problem), OK);
	assert_int_equal(space_map(&base, va, va, 0x1000, MM_WRITE, MM_PAGE_4K, &problem), OK);
	assert_int_equal(space_init(&view, 4, &machine_features, &machine.tables, &problem), OK);
	assert_int_equal(space_map(&view, va, va, MM_2M_BYTES, MM_WRITE, MM_PAGE_2M, &problem), OK);
	space_share_read_only(&view, &base, 0);
	expect(&view, va, true, false);
	expect(&view, va + 0x1000, true, false);
	entries = cpu_phys_pointer(view.root);
	for (i = 1; i < 512; i++)
		assert_int_equal(entries[i], 0);
	machine_stop();
}

static void one_entry_stays_executable(void **state)
{
	(void)state;
	build(4, 0x8f000);
	expect(&view, 0x8f000, false, true);
	expect(&view, 0x40200000, false, false);
	machine_stop();
	/* In the table of the space's own: just the 2 MiB. */
	build(4, 0x40200000);
	expect(&view, 0x40200000, false, true);
	expect(&view, 0x40400000, false, false);
	expect(&view, 0x8f000, false, false);
	machine_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holes_are_filled_read_only),
		cmocka_unit_test(own_mappings_stay),
		cmocka_unit_test(nothing_but_holes_is_filled),
		cmocka_unit_test(one_entry_stays_executable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
