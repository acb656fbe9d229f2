// SPDX-License-Identifier: MIT
/*
 * One IDT for all CPUs: 256 gates, #DF, NMI and #MC on their IST stacks (x86/regs.h). Exceptions go to the
 * panic hook, NMI to the NMI hook, the IPI vectors to the IPI hook. Hooks are set before idt_load() runs
 * anywhere and never change while another CPU is up.
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

/* Every NMI on every CPU; returns to the interrupted code. Without a hook NMIs are counted only. Same limits. */
void idt_set_nmi(void (*hook)(const struct trap_frame *frame));

/* Vectors 0x20 and up but the spurious one; EOI has been sent. Without a hook: ignored. */
void idt_set_ipi(void (*hook)(const struct trap_frame *frame));

/* Fills the gates, once, on the boss. */
void idt_build(void);

/* LIDT on this CPU. Any context, after gdt_load() (IST needs TR). */
void idt_load(void);

/* NMIs seen by all CPUs since idt_build(). */
uint64_t idt_nmi_count(void);

/* Interrupts nobody expected (8259 or I/O APIC left-overs, spurious), all CPUs. */
uint64_t idt_stray_count(void);

#endif
