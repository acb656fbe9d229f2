// SPDX-License-Identifier: MIT
#include "x86/entry/ivt.h"

#include "x86/cpu.h"

#define IVT_NMI 8u			/* vector 2, four bytes each: 16-bit offset, then segment */

/* Volatile: read by a CPU in real mode only. Read and written as one word, so that an NMI meets the old or the new one.
 * The address passes through a register: a compiler takes a constant near 0 for a null pointer. */
static volatile uint32_t *vector(void)
{
	uint64_t address = IVT_NMI;

	__asm__("" : "+r"(address));
	return cpu_phys_pointer(address);
}

uint32_t ivt_nmi_take(uint64_t page)
{
	uint32_t old = *vector();

	*vector() = (uint32_t)(page >> 4) << 16;
	return old;
}

void ivt_nmi_restore(uint32_t old)
{
	*vector() = old;
}
