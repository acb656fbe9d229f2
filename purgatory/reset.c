// SPDX-License-Identifier: MIT
#include "purgatory/purgatory.h"
#include "x86/cpu.h"
#include "x86/regs.h"

#define STEP_TICKS_MS	20u		/* each step gets this long before the next */

static void wait_ms(const struct plan *plan, uint64_t ms)
{
	uint64_t start = cpu_rdtsc();

	while (cpu_rdtsc() - start < plan->tsc_khz * ms)
		cpu_relax();
}

/* ACPI 6.5, 4.8.3.6. The SMI port is never the way: firmware's handler may want what is gone. */
static void fadt_reset(const struct plan_reset *reset)
{
	uint64_t a = reset->address;

	if (!a || (reset->space == 1 && a == reset->smi_port))
		return;
	if (reset->space == 0)
		*(volatile uint8_t *)cpu_phys_pointer(a) = (uint8_t)reset->value;
	else if (reset->space == 1 && a <= 0xffff)
		cpu_out8((uint16_t)a, (uint8_t)reset->value);
	else if (reset->space == 2) {		/* bus 0: device in bits 32-47, function 16-31, register 0-15 */
		cpu_out32(0xcf8, 0x80000000u | (uint32_t)(a >> 32 & 0x1f) << 11 | (uint32_t)(a >> 16 & 7) << 8 |
				 (uint32_t)(a & 0xfc));
		cpu_out8((uint16_t)(0xcfc + (a & 3)), (uint8_t)reset->value);
	}
}

_Noreturn void reset_warm(const struct plan *plan)
{
	fadt_reset(&plan->reset);
	wait_ms(plan, STEP_TICKS_MS);
	cpu_out8(0xcf9, 2);
	cpu_out8(0xcf9, 6);
	wait_ms(plan, STEP_TICKS_MS);
	cpu_out8(0x64, 0xfe);
	wait_ms(plan, STEP_TICKS_MS);
	cpu_triple_fault();
	for (;;)
		cpu_hlt();
}
