// SPDX-License-Identifier: MIT
#include "x86/pc/pic.h"

#include "x86/cpu.h"

#define PIC_MASTER_MASK	0x21
#define PIC_SLAVE_MASK	0xa1

void pic_mask_all(void)
{
	cpu_out8(PIC_SLAVE_MASK, 0xff);
	cpu_out8(PIC_MASTER_MASK, 0xff);
}
