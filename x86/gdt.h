// SPDX-License-Identifier: MIT
/*
 * A GDT and a TSS for each CPU: the processor writes the TSS's busy bit, so neither is ever shared.
 * Selectors and IST numbers are the block's (protocol rule 2).
 */
#ifndef X86_GDT_H
#define X86_GDT_H

#include <stddef.h>
#include <stdint.h>

#include "x86/regs.h"

#define GDT_ENTRIES 6			/* null, null, code, data, TSS (two entries) */

/* 64-bit TSS (SDM 3A 8.7). Only the IST matters: nothing here ever leaves ring 0. */
struct tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];		/* ist[n - 1] is IST slot n */
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t io_bitmap;
} __attribute__((packed));

_Static_assert(sizeof(struct tss) == 104, "TSS is an ABI of the processor");

/* What LGDT, LIDT, SGDT and SIDT take (SDM 3A 2.4). */
struct table_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

_Static_assert(sizeof(struct table_pointer) == 10, "the processor's");
_Static_assert(offsetof(struct table_pointer, base) == POINTER_BASE, "assembly");

/* Fills gdt and tss: all accessed bits set, TSS available. Any context; nothing is loaded. */
void gdt_build(uint64_t gdt[GDT_ENTRIES], struct tss *tss, uint64_t ist_df, uint64_t ist_nmi, uint64_t ist_mc);

/* Loads GDT, segments (GS base becomes 0: set it afterwards) and TR on this CPU; clears the TSS's busy bit
 * first, since LTR of a busy TSS is #GP. Interrupts off. */
void gdt_load(uint64_t gdt[GDT_ENTRIES]);

#endif
