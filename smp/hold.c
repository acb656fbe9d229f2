// SPDX-License-Identifier: MIT
#include "smp/online.h"

#include "smp/bringup.h"
#include "smp/table_fault.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/entry/ivt.h"
#include "x86/entry/trampoline.h"
#include "x86/regs.h"

#define NMI_QUIET_TICKS	2000000u	/* 100 us of a 20 GHz TSC: nothing is calibrated yet (rule 10) */

static struct bringup_hold hold;

struct bringup_hold bringup_take_hold(void)
{
	struct bringup_hold taken = hold;

	hold.done = false;
	return taken;
}

/* Reachable, and surely not the BSP (rule 11). */
static bool may_start(uint32_t id)
{
	return apic_is_bsp() && apic_can_reach(id);
}

/* The page as it is after a bring-up: whoever comes in halts. Its scratch lies in the page itself. */
static bool close_page(uint64_t page, struct problem *p)
{
	struct trampoline_config closed = { .page = page, .scratch_top = page + TRAMPOLINE_PARAMS };

	if (trampoline_install(&closed, p))
		return false;
	trampoline_close(page);
	return true;
}

static void quiet(void)
{
	uint64_t start = cpu_rdtsc();

	(void)apic_wait_idle();
	while (cpu_rdtsc() - start < NMI_QUIET_TICKS)
		cpu_relax();
}

void smp_hold(const struct madt *madt, const struct online_config *config)
{
	struct problem unused = { .code = OK };
	unsigned i;

	hold = (struct bringup_hold){ .tsc = cpu_rdtsc() };
	if (madt->mp_wakeup || !config->boot_page_mapped || !close_page(config->low_page, &unused))
		return;
	hold.ivt_old = ivt_nmi_take(config->low_page);
	quiet();
	hold.tsc = cpu_rdtsc();
	hold.done = true;
	for (i = 0; i < madt->cpu_count; i++) {
		uint32_t id = madt->cpus[i].apic_id;

		if (madt->cpus[i].enabled && id != apic_id() && may_start(id) &&
		    !table_fault_no_ipi(id, ICR_INIT_ASSERT))
			apic_send(id, ICR_INIT_ASSERT);
	}
}
