// SPDX-License-Identifier: MIT
/* IPIs from inside the block, and what the next kernel finds in the local APIC, in both modes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#undef fail				/* cmocka's; the block has a function of that name */

#include "purgatory/purgatory.h"
#include "x86/cpu.h"
#include "x86/regs.h"

#define BASE		0xfee00000ull
#define READS_MAX	200000u		/* of the ICR: what is said to be enough, and as much again */
#define TSC_DEADLINE	(1u << 24)

static uint32_t page[1024];		/* the registers of both modes, by their xAPIC offsets */
static struct plan plan;
static unsigned busy_reads;		/* reads of the ICR until it is idle */
static unsigned icr_reads, relaxes, eois, in_service_until;
static uint64_t icr, tsc_deadline;
static uint32_t order;			/* MFENCE 1, LFENCE 2, ICR 3: a digit each */
static uint32_t features;		/* CPUID.1:ECX */
static char accesses[2000];		/* x2APIC: each write of a register but the ICR, in order */

static void *reach(uint32_t offset)
{
	if (offset == APIC_ICR_LOW) {
		assert_true(++icr_reads <= READS_MAX);		/* a wait without an end */
		page[APIC_ICR_LOW / 4] = busy_reads ? ICR_BUSY : 0;
		busy_reads -= busy_reads != 0;
	}
	/* A word of interrupts in service that so many EOIs end. */
	if (offset == APIC_ISR + 0x70)
		page[offset / 4] = eois < in_service_until ? 0x80000000u : 0;
	return (uint8_t *)page + offset;
}

void *twin_cpu_phys_pointer(uint64_t phys)
{
	assert_false(plan.lapic_x2apic);
	assert_in_range(phys, BASE, BASE + 4095);
	return reach((uint32_t)(phys - BASE));
}

uint64_t twin_cpu_rdmsr(uint32_t msr)
{
	assert_true(plan.lapic_x2apic);
	assert_in_range(msr, MSR_X2APIC, MSR_X2APIC + 255);
	return *(uint32_t *)reach((msr - MSR_X2APIC) * 16);
}

void twin_cpu_wrmsr(uint32_t msr, uint64_t value)
{
	uint32_t offset = (msr - MSR_X2APIC) * 16;
	size_t length = strlen(accesses);

	if (msr == MSR_TSC_DEADLINE) {
		tsc_deadline = value;
		return;
	}
	assert_true(plan.lapic_x2apic);
	assert_in_range(msr, MSR_X2APIC, MSR_X2APIC + 255);
	if (msr == MSR_X2APIC_ICR) {
		icr = value;
		order = order * 10 + 3;
		return;
	}
	eois += offset == APIC_EOI;
	snprintf(accesses + length, sizeof(accesses) - length, "%x=%x ", offset, (unsigned)value);
	page[offset / 4] = (uint32_t)value;
}

struct cpuid_regs twin_cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
	(void)subleaf;
	return (struct cpuid_regs){ .ecx = leaf == 1 ? features : 0 };
}

void twin_cpu_mfence(void) { order = order * 10 + 1; }
void twin_cpu_lfence(void) { order = order * 10 + 2; }
void twin_cpu_relax(void) { relaxes++; }

static int reset(void **state)
{
	(void)state;
	memset(page, 0, sizeof(page));
	plan = (struct plan){ .lapic_base = BASE, .lapic_svr = 0x1ff, .lapic_lint0 = 0x700 };
	busy_reads = order = icr_reads = relaxes = eois = in_service_until = features = 0;
	icr = 0;
	tsc_deadline = 99;
	accesses[0] = 0;
	return 0;
}

static void test_x2apic_ipi_follows_all_stores(void **state)
{
	(void)state;
	plan.lapic_x2apic = 1;
	assert_true(lapic_idle(&plan));
	assert_int_equal(icr_reads, 0);			/* the bit means nothing there */
	assert_true(lapic_send(&plan, 0x12345, ICR_NMI));
	assert_int_equal(order, 123);
	assert_int_equal(icr, 0x12345ull << 32 | ICR_NMI);
}

static void test_id_is_never_truncated(void **state)
{
	(void)state;
	assert_true(lapic_send(&plan, 254, ICR_INIT_ASSERT));
	assert_int_equal(page[APIC_ICR_HIGH / 4], 254u << 24);
	assert_int_equal(page[APIC_ICR_LOW / 4], ICR_INIT_ASSERT);
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
	assert_int_equal(relaxes, 1000);
	assert_int_equal(page[APIC_ICR_HIGH / 4], 3u << 24);
	busy_reads = UINT32_MAX;
	icr_reads = 0;
	assert_false(lapic_idle(&plan));
	assert_in_range(icr_reads, 100000, 100002);
	icr_reads = 0;
	assert_false(lapic_send(&plan, 4, ICR_INIT_ASSERT));
	assert_int_equal(page[APIC_ICR_HIGH / 4], 3u << 24);
}

/* An APIC whose version says that its last entry of the local vector table is this one. */
static void quiet(uint32_t last)
{
	static const uint32_t entries[] = { APIC_LVT_TIMER, APIC_LVT_LINT0, APIC_LVT_LINT1, APIC_LVT_PMC, APIC_LVT_THERMAL,
					    APIC_LVT_CMCI };
	unsigned i;

	page[APIC_VERSION / 4] = last << 16 | 0x14;
	for (i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		page[entries[i] / 4] = 0x30 + i;
	page[APIC_LVT_LINT0 / 4] = 0x700;
	page[APIC_LVT_LINT1 / 4] = 0x400;
	page[APIC_TIMER_INITIAL / 4] = 12345;
	page[APIC_ESR / 4] = 0x80;
	accesses[0] = 0;
	lapic_quiet(&plan);
}

/* Order: the error entry before what may raise it, LINT0 as found after it was masked, SVR last. */
static void test_quiet_order(void **state)
{
	(void)state;
	plan.lapic_x2apic = 1;
	quiet(6);
	assert_string_equal(accesses, "370=100fe 320=10030 380=0 350=10700 360=10400 340=10033 330=10034 2f0=10035 280=0 "
			    "350=700 f0=1ff ");
	quiet(5);
	assert_string_equal(accesses, "370=100fe 320=10030 380=0 350=10700 360=10400 340=10033 330=10034 280=0 350=700 f0=1ff ");
	quiet(4);
	assert_string_equal(accesses, "370=100fe 320=10030 380=0 350=10700 360=10400 340=10033 280=0 350=700 f0=1ff ");
	quiet(3);
	assert_string_equal(accesses, "370=100fe 320=10030 380=0 350=10700 360=10400 280=0 350=700 f0=1ff ");
	assert_int_equal(tsc_deadline, 99);		/* an MSR that this CPU does not have */
	features = TSC_DEADLINE;
	quiet(3);
	assert_int_equal(tsc_deadline, 0);
}

static void test_quiet_in_memory(void **state)
{
	(void)state;
	quiet(6);
	assert_int_equal(page[APIC_LVT_ERROR / 4], 0x100fe);
	assert_int_equal(page[APIC_LVT_TIMER / 4], 0x10030);
	assert_int_equal(page[APIC_TIMER_INITIAL / 4], 0);
	assert_int_equal(page[APIC_LVT_LINT0 / 4], 0x700);
	assert_int_equal(page[APIC_LVT_LINT1 / 4], 0x10400);
	assert_int_equal(page[APIC_LVT_PMC / 4], 0x10033);
	assert_int_equal(page[APIC_LVT_THERMAL / 4], 0x10034);
	assert_int_equal(page[APIC_LVT_CMCI / 4], 0x10035);
	assert_int_equal(page[APIC_ESR / 4], 0);
	assert_int_equal(page[APIC_SVR / 4], 0x1ff);
}

/* As many EOIs as there are interrupts in service, and an end to it on an APIC that never has enough. */
static void test_what_is_in_service_is_ended(void **state)
{
	(void)state;
	plan.lapic_x2apic = 1;
	quiet(3);
	assert_int_equal(eois, 0);
	in_service_until = 3;
	quiet(3);
	assert_int_equal(eois, 3);
	eois = 0;
	in_service_until = UINT32_MAX;
	quiet(3);
	assert_int_equal(eois, 256);
}

#define T(f) cmocka_unit_test_setup(f, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_x2apic_ipi_follows_all_stores), T(test_id_is_never_truncated),
		T(test_busy_icr_is_awaited_not_overwritten), T(test_quiet_order), T(test_quiet_in_memory),
		T(test_what_is_in_service_is_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
