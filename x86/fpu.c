// SPDX-License-Identifier: MIT
#include "x86/fpu.h"

#include <stdint.h>

#include "x86/cpu.h"
#include "x86/regs.h"

void fpu_enable(void)
{
	uint32_t mxcsr = 0x1f80;	/* reset value: all exceptions masked */

	cpu_write_cr0((cpu_read_cr0() & ~(uint64_t)(CR0_EM | CR0_TS)) | CR0_MP | CR0_NE);
	cpu_write_cr4(cpu_read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
	__asm__ volatile("fninit; ldmxcsr %0" : : "m"(mxcsr));
}
