// SPDX-License-Identifier: MIT
#include "x86/pc/ioapic.h"

#include "x86/cpu.h"

#define IOAPIC_VERSION	1
#define IOAPIC_ENTRY0	0x10
#define ENTRY_MASKED	(1u << 16)

/* Index at +0, data at +0x10 (82093AA data sheet). */
static uint32_t ioapic_read(uint64_t base, uint32_t reg)
{
	*(volatile uint32_t *)cpu_phys_pointer(base) = reg;
	return *(volatile uint32_t *)cpu_phys_pointer(base + 0x10);
}

static void ioapic_write(uint64_t base, uint32_t reg, uint32_t value)
{
	*(volatile uint32_t *)cpu_phys_pointer(base) = reg;
	*(volatile uint32_t *)cpu_phys_pointer(base + 0x10) = value;
}

unsigned ioapic_mask_all(uint64_t base)
{
	uint32_t version = ioapic_read(base, IOAPIC_VERSION), count, i;
	unsigned open = 0;

	if (version == UINT32_MAX)
		return 0;
	count = (version >> 16 & 0xff) + 1;
	for (i = 0; i < count; i++) {
		uint32_t entry = ioapic_read(base, IOAPIC_ENTRY0 + 2 * i);

		if (entry & ENTRY_MASKED)
			continue;
		ioapic_write(base, IOAPIC_ENTRY0 + 2 * i, entry | ENTRY_MASKED);
		open++;
	}
	return open;
}
