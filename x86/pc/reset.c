// SPDX-License-Identifier: MIT
#include "x86/pc/reset.h"

#include "x86/cpu.h"
#include "x86/tsc.h"

#define STEP_US		20000u
#define RESET_CONTROL	0xcf9
#define KBC_COMMAND	0x64
#define KBC_BUSY	0x02
#define KBC_WAIT_US	10000u
#define PCI_ADDRESS	0xcf8
#define PCI_DATA	0xcfc

static void reset_by_register(const struct reset_info *info)
{
	uint64_t a = info->address;

	switch (info->space) {
	case 0:
		*(volatile uint8_t *)cpu_phys_pointer(a) = info->value;
		return;
	case 1:
		cpu_out8((uint16_t)a, info->value);
		return;
	default:
		cpu_out32(PCI_ADDRESS, (uint32_t)(0x80000000u | (a >> 32 & 31) << 11 | (a >> 16 & 7) << 8 |
						  (a & 0xfc)));
		cpu_out8((uint16_t)(PCI_DATA + (a & 3)), info->value);
	}
}

static void reset_by_keyboard(void)
{
	uint64_t deadline = tsc_deadline(KBC_WAIT_US);

	while (cpu_in8(KBC_COMMAND) & KBC_BUSY && !tsc_passed(deadline))
		cpu_relax();
	cpu_out8(KBC_COMMAND, 0xfe);
}

void reset_machine(const struct reset_info *info)
{
	cpu_irq_off();
	if (reset_register_usable(info)) {
		reset_by_register(info);
		tsc_delay_us(STEP_US);
	}
	/* 2 first: some chipsets act on the edge of bit 2 with the type already set. */
	cpu_out8(RESET_CONTROL, 2);
	cpu_out8(RESET_CONTROL, 6);
	tsc_delay_us(STEP_US);
	reset_by_keyboard();
	tsc_delay_us(STEP_US);
	for (;;)
		cpu_triple_fault();
}
