// SPDX-License-Identifier: MIT
/* The real-mode NMI vector, written from inside the block. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "purgatory/plan.h"
#include "purgatory/recall.h"
#include "x86/cpu.h"

#define VERIFY_ROOT	0x7000
#define HANDOVER_ROOT	0x8000
#define OLD		0xf000e2c3u

static uint32_t boot_page[4];

/* Page 0: only the hand-over root maps it writable. */
void *twin_cpu_phys_pointer(uint64_t phys)
{
	assert_int_equal(twin.cr3, HANDOVER_ROOT);
	assert_true(phys < sizeof(boot_page));
	return (uint8_t *)boot_page + phys;
}

static void test_vector_by_the_handover_root(void **state)
{
	struct plan plan = { .verify_root = VERIFY_ROOT, .handover_root = HANDOVER_ROOT };
	uint32_t old;

	(void)state;
	boot_page[1] = boot_page[3] = 0x55555555;
	boot_page[2] = OLD;
	twin.cr3 = VERIFY_ROOT;
	old = recall_ivt_take(&plan, 0x9e000);
	assert_int_equal(old, OLD);
	assert_int_equal(boot_page[2], 0x9e000000u);	/* 9E00:0000 */
	assert_int_equal(twin.cr3, VERIFY_ROOT);
	recall_ivt_restore(&plan, old);
	assert_int_equal(boot_page[2], OLD);
	assert_int_equal(twin.cr3, VERIFY_ROOT);
	assert_int_equal(boot_page[1], 0x55555555);
	assert_int_equal(boot_page[3], 0x55555555);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_vector_by_the_handover_root) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
