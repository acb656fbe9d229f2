// SPDX-License-Identifier: MIT
#include "x86/gdt.h"

#include <stddef.h>

#define DESCRIPTOR_CODE	0x00af9b000000ffffull	/* 64-bit, readable, accessed */
#define DESCRIPTOR_DATA	0x00cf93000000ffffull	/* writable, accessed */
#define TSS_AVAILABLE	0x0000890000000000ull
#define TSS_BUSY	0x0000020000000000ull

void gdt_build(uint64_t gdt[GDT_ENTRIES], struct tss *tss, uint64_t ist_df, uint64_t ist_nmi, uint64_t ist_mc)
{
	uint64_t base = (uint64_t)(uintptr_t)tss;

	*tss = (struct tss){ .io_bitmap = sizeof(*tss) };
	tss->ist[IST_DF - 1] = ist_df;
	tss->ist[IST_NMI - 1] = ist_nmi;
	tss->ist[IST_MC - 1] = ist_mc;
	gdt[0] = 0;
	gdt[1] = 0;
	gdt[SEL_CODE / 8] = DESCRIPTOR_CODE;
	gdt[SEL_DATA / 8] = DESCRIPTOR_DATA;
	gdt[SEL_TSS / 8] = TSS_AVAILABLE | (sizeof(*tss) - 1) | (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
	gdt[SEL_TSS / 8 + 1] = base >> 32;
}

void gdt_load(uint64_t gdt[GDT_ENTRIES])
{
	struct table_pointer pointer = { GDT_ENTRIES * 8 - 1, (uint64_t)(uintptr_t)gdt };

	gdt[SEL_TSS / 8] &= ~TSS_BUSY;
	__asm__ volatile(
		"lgdt %0\n\t"
		"movl %1, %%ss\n\t"
		"movl %1, %%ds\n\t"
		"movl %1, %%es\n\t"
		"movl %1, %%fs\n\t"
		"movl %1, %%gs\n\t"
		"pushq %2\n\t"
		"leaq 1f(%%rip), %%rax\n\t"
		"pushq %%rax\n\t"
		"lretq\n"
		"1:\tltr %w3"
		: : "m"(pointer), "r"(SEL_DATA), "i"(SEL_CODE), "r"(SEL_TSS) : "rax", "memory");
}
