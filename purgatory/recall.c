// SPDX-License-Identifier: MIT
#include "purgatory/recall.h"

#include "purgatory/plan.h"
#include "x86/cpu.h"
#include "x86/entry/ivt.h"

uint32_t recall_ivt_take(void *context, uint64_t page)
{
	const struct plan *plan = context;
	uint64_t root = cpu_read_cr3();
	uint32_t old;

	cpu_write_cr3(plan->handover_root);
	old = ivt_nmi_take(page);
	cpu_write_cr3(root);
	return old;
}

void recall_ivt_restore(void *context, uint32_t old)
{
	const struct plan *plan = context;
	uint64_t root = cpu_read_cr3();

	cpu_write_cr3(plan->handover_root);
	ivt_nmi_restore(old);
	cpu_write_cr3(root);
}
