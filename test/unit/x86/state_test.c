// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "x86/state.h"

static struct cpu_features_state machine(void)
{
	struct cpu_features_state s = {
		.cr0 = 0x80010033, .cr4 = 0x668, .efer = 0xd00, .pat = 0x0007040600070406,
		.xcr0 = 7, .misc_enable = 0x850089, .has_pat = 1, .has_xsave = 1, .has_misc_enable = 1,
		.mtrr = {
			.present = 1, .variable_count = 8, .cap = 0x508, .def_type = 0xc06,
			.base = { 0x80000000, 0xc0000006 }, .mask = { 0xff80000800, 0xffc0000800 },
		},
	};
	unsigned i;

	for (i = 0; i < MTRR_FIXED_COUNT; i++)
		s.mtrr.fixed[i] = 0x0606060606060606;
	return s;
}

#define EXPECT(change, bits) do {						\
	struct cpu_features_state boss = machine(), own = machine();		\
	change;									\
	assert_int_equal(state_compare(&boss, &own), bits);			\
} while (0)

static void equal_is_equal(void **state)
{
	(void)state;
	EXPECT((void)0, 0);
}

static void each_register_is_seen(void **state)
{
	(void)state;
	EXPECT(own.cr0 ^= 0x10000, STATE_CR0);
	EXPECT(own.cr4 ^= 0x40, STATE_CR4);
	EXPECT(own.efer ^= 0x800, STATE_EFER);
	EXPECT(own.pat ^= 1, STATE_PAT);
	EXPECT(own.has_pat = 0, STATE_PAT);
	EXPECT(own.xcr0 = 3, STATE_XCR0);
	EXPECT(own.has_xsave = 0, STATE_XCR0);
	EXPECT(own.misc_enable ^= 1 << 18, STATE_MISC_ENABLE);
	EXPECT((own.cr4 ^= 0x40, own.pat = 0), STATE_CR4 | STATE_PAT);
}

static void task_switched_is_no_difference(void **state)
{
	(void)state;
	EXPECT(own.cr0 ^= 8, 0);
	EXPECT(own.cr0 ^= 1ull << 20, 0);	/* not a defined bit */
}

static void mtrrs(void **state)
{
	(void)state;
	EXPECT(own.mtrr.present = 0, STATE_MTRR_COUNT);
	EXPECT(own.mtrr.variable_count = 7, STATE_MTRR_COUNT);
	EXPECT(own.mtrr.cap ^= 0x100, STATE_MTRR_COUNT);
	EXPECT(own.mtrr.cap ^= 0x400, 0);	/* write combining supported: no setting */
	EXPECT(own.mtrr.def_type = 0xc00, STATE_MTRR_DEF_TYPE);
	EXPECT(own.mtrr.fixed[10] = 0, STATE_MTRR_FIXED);
	EXPECT(own.mtrr.base[1] = 0xc0000000, STATE_MTRR_VARIABLE);
	EXPECT(own.mtrr.mask[0] = 0xffc0000800, STATE_MTRR_VARIABLE);
	EXPECT(own.mtrr.mask[0] &= ~0x800ull, STATE_MTRR_VARIABLE);
	EXPECT(own.mtrr.mask[5] |= 0x800, STATE_MTRR_VARIABLE);
}

static void what_the_processor_ignores(void **state)
{
	(void)state;
	/* a range that is not valid */
	EXPECT((own.mtrr.base[5] = 0x1234000, own.mtrr.mask[5] = 0xff00000000), 0);
	/* beyond the count */
	EXPECT(own.mtrr.mask[20] = 0xff00000800, 0);
	/* fixed ranges, off on both */
	EXPECT((boss.mtrr.def_type = own.mtrr.def_type = 0x806, own.mtrr.fixed[3] = 0), 0);
	/* everything, off on both */
	EXPECT((boss.mtrr.def_type = own.mtrr.def_type = 6, own.mtrr.fixed[3] = 0, own.mtrr.mask[0] = 0), 0);
	/* off on one only */
	EXPECT((own.mtrr.def_type = 0x406, own.mtrr.fixed[3] = 0), STATE_MTRR_DEF_TYPE | STATE_MTRR_FIXED);
}

static void texts(void **state)
{
	(void)state;
	assert_string_equal(state_difference_text(0), "none");
	assert_string_equal(state_difference_text(STATE_CR0), "CR0");
	assert_string_equal(state_difference_text(STATE_EFER | STATE_PAT), "EFER");
	assert_string_equal(state_difference_text(STATE_MTRR_VARIABLE), "variable MTRRs");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_is_equal),
		cmocka_unit_test(each_register_is_seen),
		cmocka_unit_test(task_switched_is_no_difference),
		cmocka_unit_test(mtrrs),
		cmocka_unit_test(what_the_processor_ignores),
		cmocka_unit_test(texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
