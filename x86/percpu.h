// SPDX-License-Identifier: MIT
/*
 * The per-CPU area, reached through GS. One page each, writable by all CPUs, written after bring-up by its
 * owner only. Memory for it comes from smp/layout.h (the boss's included).
 */
#ifndef X86_PERCPU_H
#define X86_PERCPU_H

#include <stddef.h>
#include <stdint.h>

#include "x86/gdt.h"
#include "x86/state.h"

struct percpu {
	struct percpu *self;		/* %gs:0 */
	uint32_t index;			/* %gs:8, cpu_index() in x86/cpu.h */
	uint32_t apic_id;
	uint64_t stack_top, stack_bottom;
	uint64_t ist_top[3];		/* #DF, NMI, #MC */
	void *cpu;			/* struct cpu (smp/cpu.h) */
	uint64_t gdt[GDT_ENTRIES];	/* at 64 */
	struct table_pointer gdtr;	/* at 112 */
	struct tss tss __attribute__((aligned(16)));
	struct state_found found;	/* W: owner at arrival, for parking (protocol rule 7) */
};

_Static_assert(sizeof(struct percpu) <= 4096, "one page each");
_Static_assert(offsetof(struct percpu, gdt) == 64 && offsetof(struct percpu, gdtr) == 112, "ap.S uses them");
_Static_assert(offsetof(struct percpu, index) == 8, "cpu_index() reads %gs:8");

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
