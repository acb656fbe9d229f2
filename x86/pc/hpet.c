// SPDX-License-Identifier: MIT
#include "x86/pc/hpet.h"

#include "x86/cpu.h"

#define HPET_PERIOD	0x004		/* femtoseconds, high half of the capability register */
#define HPET_CONFIG	0x010
#define HPET_COUNTER	0x0f0
#define CONFIG_ENABLE	1u
#define CONFIG_LEGACY	2u
#define PERIOD_MAX_FS	100000000u	/* IA-PC HPET 1.0a, 2.3.4 */

static uint32_t reg_read(uint64_t base, uint32_t offset)
{
	return *(volatile uint32_t *)cpu_phys_pointer(base + offset);
}

static void reg_write(uint64_t base, uint32_t offset, uint32_t value)
{
	*(volatile uint32_t *)cpu_phys_pointer(base + offset) = value;
}

bool hpet_start(uint64_t base, uint64_t *period_femtoseconds)
{
	uint32_t period = reg_read(base, HPET_PERIOD), config = reg_read(base, HPET_CONFIG);

	if (!period || period > PERIOD_MAX_FS)
		return false;
	if (!(config & CONFIG_ENABLE))
		reg_write(base, HPET_CONFIG, config | CONFIG_ENABLE);
	*period_femtoseconds = period;
	return true;
}

uint32_t hpet_read(uint64_t base)
{
	return reg_read(base, HPET_COUNTER);
}

void hpet_stop(uint64_t base)
{
	reg_write(base, HPET_CONFIG, reg_read(base, HPET_CONFIG) & ~(CONFIG_ENABLE | CONFIG_LEGACY));
}
