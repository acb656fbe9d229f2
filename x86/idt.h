// SPDX-License-Identifier: MIT
/*
 * One IDT for all CPUs: 256 gates, #DF, NMI and #MC on their IST stacks (x86/regs.h). Exceptions go to the
 * panic hook, which is set before idt_load() runs anywhere and never changes while another CPU is up. NMIs and the call
 * vector only wake a CPU; what else comes is acknowledged and forgotten.
 */
#ifndef X86_IDT_H
#define X86_IDT_H

#include <stdint.h>

/* Pushed by x86/entry/isr.S; the order is that file's. */
struct trap_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;		/* pushed by the processor */
};

_Static_assert(sizeof(struct trap_frame) == 22 * 8, "isr.S pushes 17 words, the processor 5");

/* Called on the faulting CPU, interrupts off, on the fault's own stack; must not return. Without a hook the CPU
 * halts for good. May run before GS is set: it must not rely on cpu_index(). */
void idt_set_panic(void (*hook)(const struct trap_frame *frame));

/* Fills the gates, once, on the boss. */
void idt_build(void);

/* LIDT on this CPU. Any context, after gdt_load() (IST needs TR). */
void idt_load(void);

#endif
