// SPDX-License-Identifier: MIT
/* IPIs from inside the block, in both modes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#undef fail				/* cmocka's; the block has a function of that name */

#include "purgatory/purgatory.h"
#include "x86/cpu.h"
#include "x86/regs.h"

#define BASE	0xfee00000ull

static uint32_t page[1024];
static struct plan plan;
static unsigned busy_reads;		/* reads of the ICR until it is idle */
static uint64_t icr;
static uint32_t order;			/* MFENCE 1, LFENCE 2, ICR 3: a digit each */

void *twin_cpu_phys_pointer(uint64_t phys)
{
	assert_in_range(phys, BASE, BASE + 4095);
	if (phys == BASE + APIC_ICR_LOW) {
		page[APIC_ICR_LOW / 4] = busy_reads ? ICR_BUSY : 0;
		busy_reads -= busy_reads != 0;
	}
	return (uint8_t *)page + (phys - BASE);
}

void twin_cpu_wrmsr(uint32_t msr, uint64_t value)
{
	assert_int_equal(msr, MSR_X2APIC_ICR);
	icr = value;
	order = order * 10 + 3;
}

void twin_cpu_mfence(void) { order = order * 10 + 1; }
void twin_cpu_lfence(void) { order = order * 10 + 2; }

static int reset(void **state)
{
	(void)state;
	memset(page, 0, sizeof(page));
	plan = (struct plan){ .lapic_base = BASE };
	busy_reads = order = 0;
	icr = 0;
	return 0;
}

static void test_x2apic_ipi_follows_all_stores(void **state)
{
	(void)state;
	plan.lapic_x2apic = 1;
	assert_true(lapic_idle(&plan));
	assert_true(lapic_send(&plan, 0x12345, ICR_NMI));
	assert_int_equal(order, 123);
	assert_int_equal(icr, 0x12345ull << 32 | ICR_NMI);
}

static void test_id_is_never_truncated(void **state)
{
	(void)state;
	assert_true(lapic_send(&plan, 254, ICR_INIT_ASSERT));
	assert_int_equal(page[APIC_ICR_HIGH / 4], 254u << 24);
	assert_false(lapic_send(&plan, 255, ICR_INIT_ASSERT));
	assert_false(lapic_send(&plan, 0x101, ICR_INIT_ASSERT));
	assert_int_equal(page[APIC_ICR_HIGH / 4], 254u << 24);
}

static void test_busy_icr_is_awaited_not_overwritten(void **state)
{
	(void)state;
	busy_reads = 1000;
	assert_true(lapic_send(&plan, 3, ICR_NMI));
	assert_int_equal(busy_reads, 0);
	assert_int_equal(page[APIC_ICR_HIGH / 4], 3u << 24);
	busy_reads = UINT32_MAX;
	assert_false(lapic_idle(&plan));
	assert_false(lapic_send(&plan, 4, ICR_INIT_ASSERT));
	assert_int_equal(page[APIC_ICR_HIGH / 4], 3u << 24);
}

#define T(f) cmocka_unit_test_setup(f, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_x2apic_ipi_follows_all_stores), T(test_id_is_never_truncated),
		T(test_busy_icr_is_awaited_not_overwritten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
