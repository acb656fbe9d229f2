// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "smp/cpu.h"
#include "smp/layout.h"
#include "x86/entry/trampoline.h"

#define BASE	0x10000000ull
#define PAGES	(16u << 10)

/* One owner for each page: 0 nobody. */
static uint8_t owner[PAGES];

static void claim(uint64_t from, uint64_t to, uint8_t who)
{
	uint64_t page;

	assert_true(from % SMP_PAGE == 0 && to % SMP_PAGE == 0 && from >= BASE && to > from);
	for (page = (from - BASE) / SMP_PAGE; page < (to - BASE) / SMP_PAGE; page++) {
		assert_true(page < PAGES);
		assert_int_equal(owner[page], 0);
		owner[page] = who;
	}
}

static void claim_slice(unsigned count, unsigned index)
{
	struct smp_slice s = smp_slice(BASE, count, index);
	unsigned i;

	for (i = 0; i < SMP_SLICE_GUARDS; i++)
		claim(s.guard[i], s.guard[i] + SMP_PAGE, 1);
	claim(s.stack_bottom, s.stack_top, 2);
	claim(s.ist_df - SMP_PAGE, s.ist_df, 3);
	claim(s.ist_nmi - SMP_PAGE, s.ist_nmi, 4);
	claim(s.ist_mc - SMP_PAGE, s.ist_mc, 5);
	claim(s.percpu, s.percpu + SMP_PAGE, 6);
}

/* Every page belongs to exactly one thing, and below every stack lies a guard. */
static void pages_are_disjoint(unsigned count)
{
	struct smp_common common = smp_common(BASE, count);
	uint64_t pages = smp_memory_needed(count) / SMP_PAGE, page;
	unsigned i;

	memset(owner, 0, sizeof(owner));
	assert_int_equal(smp_memory_needed(count) % SMP_PAGE, 0);
	assert_true(common.table - common.cpus >= count * sizeof(struct cpu));
	assert_true(common.scratch_top - SMP_PAGE - common.table >= count * sizeof(struct trampoline_cpu));
	claim(common.cpus, common.scratch_top, 7);
	for (i = 0; i < count; i++)
		claim_slice(count, i);
	for (page = 0; page < pages; page++) {
		assert_int_not_equal(owner[page], 0);
		if (owner[page] >= 2 && owner[page] <= 5 && owner[page - 1] != owner[page])
			assert_int_equal(owner[page - 1], 1);
	}
	assert_int_equal(owner[pages], 0);
}

static void counts(void **state)
{
	static const unsigned tried[] = { 1, 2, 31, 32, 33, 255, SMP_CPUS_MAX };
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(tried) / sizeof(tried[0]); i++)
		pages_are_disjoint(tried[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
