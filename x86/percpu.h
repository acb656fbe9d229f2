// SPDX-License-Identifier: MIT
/*
 * The per-CPU area, reached through GS. One page each, writable by all CPUs, written after bring-up by its
 * owner only. Memory for it comes from smp/layout.h (the boss's included).
 */
#ifndef X86_PERCPU_H
#define X86_PERCPU_H

/* Offsets in struct percpu for assembly, asserted below. */
#define PERCPU_GDT	64
#define PERCPU_GDTR	112

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

#include "x86/gdt.h"
#include "x86/state.h"

struct percpu {
	struct percpu *self;
	uint32_t index;
	uint32_t apic_id;
	uint64_t stack_top, stack_bottom;
	uint64_t ist_top[3];		/* #DF, NMI, #MC */
	void *cpu;			/* struct cpu (smp/cpu.h) */
	uint64_t gdt[GDT_ENTRIES];
	struct table_pointer gdtr;
	struct tss tss __attribute__((aligned(16)));
	struct state_found found;	/* W: owner at arrival, for parking (protocol rule 7) */
};

_Static_assert(sizeof(struct percpu) <= 4096, "one page each");
_Static_assert(offsetof(struct percpu, self) == 0, "percpu_self() reads %gs:0");
_Static_assert(offsetof(struct percpu, index) == 8, "cpu_index() in x86/cpu.h reads %gs:8");
_Static_assert(offsetof(struct percpu, gdt) == PERCPU_GDT, "ap.S");
_Static_assert(offsetof(struct percpu, gdtr) == PERCPU_GDTR, "ap.S");

/* Fills everything but cpu. Called by the boss for each CPU before that CPU starts; stack addresses are tops,
 * 16-byte aligned. */
void percpu_init(struct percpu *percpu, uint32_t index, uint32_t apic_id, uint64_t stack_bottom, uint64_t stack_top,
		 uint64_t ist_df, uint64_t ist_nmi, uint64_t ist_mc);

/* GDT, segments, TR, then GS base, then IDT, on this CPU: an NMI at any instruction finds a consistent world.
 * Interrupts off. The boss calls it itself; APs run the same code after their trampoline. */
void percpu_load(struct percpu *percpu);

/* This CPU's area. After percpu_load(). */
static inline struct percpu *percpu_self(void)
{
	struct percpu *self;

	__asm__ volatile("movq %%gs:0, %0" : "=r"(self));
	return self;
}

#endif
#endif
