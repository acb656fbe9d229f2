// SPDX-License-Identifier: MIT
/* The local APIC in both modes, a fake one: registers in memory or MSRs, an ICR that stays busy for a while. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/regs.h"
#include "x86/tsc.h"

#define BASE	0xfee00000ull
#define STEP	1000u			/* microseconds a PAUSE */

static uint32_t page[1024];
static uint64_t base_msr, icr, now, busy_until;
static unsigned taken[256];
static uint32_t order;			/* MFENCE 1, LFENCE 2, ICR 3: a digit each */

void *twin_cpu_phys_pointer(uint64_t phys)
{
	assert_in_range(phys, BASE, BASE + 4095);
	if (phys == BASE + APIC_EOI)		/* only vector 0x21 is ever in service here */
		page[APIC_ISR / 4 + 4] = 0;
	if (phys == BASE + APIC_ICR_LOW)
		page[APIC_ICR_LOW / 4] = now < busy_until ? ICR_BUSY : 0;
	return (uint8_t *)page + (phys - BASE);
}

uint64_t twin_cpu_rdmsr(uint32_t msr)
{
	assert_int_equal(msr, MSR_APIC_BASE);
	return base_msr;
}

void twin_cpu_wrmsr(uint32_t msr, uint64_t value)
{
	assert_int_equal(msr, MSR_X2APIC_ICR);
	icr = value;
	order = order * 10 + 3;
}

struct cpuid_regs twin_cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
	(void)leaf, (void)subleaf;
	return (struct cpuid_regs){ 0 };
}

void twin_cpu_mfence(void) { order = order * 10 + 1; }
void twin_cpu_lfence(void) { order = order * 10 + 2; }

/* The gate of idt.c, taken for the highest request above the priority. */
void twin_cpu_poll_irq(void)
{
	for (unsigned vector = 255; vector >> 4 > page[APIC_TPR / 4] >> 4; vector--) {
		uint32_t *word = &page[(APIC_IRR + vector / 32 * 0x10) / 4];

		if (!(*word >> vector % 32 & 1))
			continue;
		assert_true(vector >= 32);
		assert_int_equal(page[APIC_ISR / 4 + 4], 0);
		*word &= ~(1u << vector % 32);
		taken[vector]++;
		return;
	}
}

void twin_cpu_relax(void) { now += STEP; }
uint64_t tsc_deadline(uint64_t us) { return now + us; }
bool tsc_passed(uint64_t deadline) { return now >= deadline; }

static void open(uint64_t bits)
{
	struct problem problem = { .code = OK };

	memset(page, 0, sizeof(page));
	now = busy_until = icr = order = 0;
	base_msr = BASE | APIC_BASE_EN | bits;
	assert_int_equal(apic_init(&problem), OK);
}

static void x2apic_ipi_follows_all_stores(void **state)
{
	(void)state;
	open(APIC_BASE_EXTD);
	assert_int_equal(apic_mode(), APIC_MODE_X2APIC);
	assert_true(apic_send(0x12345, ICR_NMI));
	assert_int_equal(order, 123);
	assert_int_equal(icr, 0x12345ull << 32 | ICR_NMI);
}

static void ids_that_the_mode_cannot_name(void **state)
{
	(void)state;
	open(0);
	assert_int_equal(apic_mode(), APIC_MODE_XAPIC);
	assert_int_equal(apic_base(), BASE);
	assert_true(apic_send(254, ICR_NMI));
	assert_int_equal(page[APIC_ICR_HIGH / 4], 254u << 24);
	page[APIC_ICR_HIGH / 4] = 0;
	assert_false(apic_send(255, ICR_INIT_ASSERT));	/* everybody */
	assert_false(apic_send(256, ICR_INIT_ASSERT));	/* cut off: the boss itself */
	assert_int_equal(page[APIC_ICR_HIGH / 4], 0);
	open(APIC_BASE_EXTD);
	assert_true(apic_can_reach(0x10000));
	assert_false(apic_send(UINT32_MAX, ICR_NMI));
	assert_int_equal(order, 0);
}

static void busy_icr_is_awaited_not_overwritten(void **state)
{
	(void)state;
	open(0);
	busy_until = 5 * STEP;
	assert_true(apic_send(3, ICR_INIT_ASSERT));
	assert_true(now >= busy_until);
	assert_int_equal(page[APIC_ICR_HIGH / 4], 3u << 24);
	busy_until = UINT64_MAX;
	assert_false(apic_send(4, ICR_INIT_ASSERT));
	assert_int_equal(page[APIC_ICR_HIGH / 4], 3u << 24);
	assert_in_range(now, 5 * STEP + APIC_ICR_BUSY_US, 5 * STEP + APIC_ICR_BUSY_US + STEP);
}

static void apic_that_is_off_is_refused(void **state)
{
	struct problem problem = { .code = OK };

	(void)state;
	base_msr = BASE;
	assert_int_equal(apic_init(&problem), E_NO_APIC);
	assert_false(apic_send(1, ICR_NMI));
	base_msr = 1ull << 32 | APIC_BASE_EN;
	assert_int_equal(apic_init(&problem), E_NO_APIC);
}

static void nmi_button_stays_one(void **state)
{
	(void)state;
	open(0);
	page[APIC_VERSION / 4] = 6u << 16;
	page[APIC_SVR / 4] = 0x1ff;
	page[APIC_LVT_LINT0 / 4] = 0x700;
	page[APIC_LVT_LINT1 / 4] = 0x400;
	apic_save_found();
	apic_enable();
	assert_int_equal(apic_found().svr, 0x1ff);
	assert_int_equal(apic_found().lint0, 0x700);
	assert_int_equal(page[APIC_LVT_LINT0 / 4], APIC_LVT_MASKED);
	assert_int_equal(page[APIC_LVT_LINT1 / 4], 0x400);
	assert_int_equal(page[APIC_SVR / 4], APIC_SVR_ENABLE | VECTOR_SPURIOUS);
	apic_mask_lvts();
	assert_int_equal(page[APIC_LVT_LINT1 / 4], APIC_LVT_MASKED);
}

static void requests_are_taken_but_exceptions(void **state)
{
	(void)state;
	open(0);
	memset(taken, 0, sizeof(taken));
	page[APIC_TPR / 4] = 0xf0;
	page[APIC_ISR / 4 + 4] = 2;
	page[APIC_IRR / 4] = 1u << 17;
	page[APIC_IRR / 4 + 4] = 1;
	page[APIC_IRR / 4 + 28] = 1u << 12 | 1u << 31;
	apic_accept_requests();
	assert_int_equal(taken[32], 1);
	assert_int_equal(taken[0xec], 1);
	assert_int_equal(taken[255], 1);
	assert_int_equal(page[APIC_IRR / 4 + 4] | page[APIC_IRR / 4 + 28], 0);
	assert_int_equal(page[APIC_IRR / 4], 1u << 17);
	assert_int_equal(page[APIC_TPR / 4], 0xf0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(x2apic_ipi_follows_all_stores),
		cmocka_unit_test(ids_that_the_mode_cannot_name),
		cmocka_unit_test(busy_icr_is_awaited_not_overwritten),
		cmocka_unit_test(apic_that_is_off_is_refused),
		cmocka_unit_test(nmi_button_stays_one),
		cmocka_unit_test(requests_are_taken_but_exceptions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
