/* SPDX-License-Identifier: MIT
 *
 * Into the lot and back (protocol rule 2). The block is mapped with the same rights in the kernel's tables, both
 * GDTs have the same selectors and both TSSs the same IST numbers, so an NMI between any two instructions below
 * finds a gate, a stack and code that belong together.
 */
#include "purgatory/slot.h"
#include "x86/regs.h"

	.section .text, "ax", @progbits

/* GDT at \gdtr, then CS, SS, DS, ES from it. FS and GS keep their bases. Uses RAX and one word of stack twice. */
	.macro LOAD_SEGMENTS gdtr
	lgdt	\gdtr
	pushq	$SEL_CODE
	leaq	1f(%rip), %rax
	pushq	%rax
	lretq
1:	movl	$SEL_DATA, %eax
	movl	%eax, %ss
	movl	%eax, %ds
	movl	%eax, %es
	.endm

/* The slot's own world but for CR4 and CR3, which lot_turn() loads: it may be restarted before that.
 * RDI = slot, RSP = top of its stack. */
	.macro LOAD_SLOT
	LOAD_SEGMENTS SLOT_GDTR(%rdi)
	andb	$~2, SLOT_GDT + SEL_TSS + DESCRIPTOR_TYPE(%rdi)	/* LTR of a busy TSS is #GP */
	movl	$SEL_TSS, %eax
	ltr	%ax
	lidt	SLOT_IDTR(%rdi)
	.endm

/* void lot_enter(struct slot *slot). In: SysV, interrupts off, the kernel's stack, tables and roots.
 * Out: after LEAVE, everything as it was. */
	.globl	lot_enter
	.type	lot_enter, @function
lot_enter:
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, SLOT_KERNEL_RSP(%rdi)
	movq	%cr3, %rax
	movq	%rax, SLOT_KERNEL_CR3(%rdi)
	movq	%cr4, %rax
	movq	%rax, SLOT_KERNEL_CR4(%rdi)
	sgdt	SLOT_KERNEL_GDTR(%rdi)
	sidt	SLOT_KERNEL_IDTR(%rdi)
	str	SLOT_KERNEL_TR(%rdi)
	leaq	SLOT_STACK_TOP(%rdi), %rsp
	LOAD_SLOT
	jmp	lot_start
	.size	lot_enter, . - lot_enter

/* From the recall trampoline. In: RDI = slot, RSP = top of its stack, park root, interrupts off, the trampoline's
 * GDT and IDT. INIT cleared CR4.MCE and may have left CR0 as reset does. */
	.globl	lot_recall
	.type	lot_recall, @function
lot_recall:
	LOAD_SLOT
	movq	%cr0, %rax
	orl	$CR0_WP, %eax
	movq	%rax, %cr0
	movq	%cr4, %rax
	orl	$CR4_MCE, %eax
	movq	%rax, %cr4
	jmp	lot_restart			/* its IRETQ opens NMIs */
	.size	lot_recall, . - lot_recall

/* In: RSP = top of the slot's stack, the slot's world loaded. Where every gate restarts. */
	.globl	lot_start
	.type	lot_start, @function
lot_start:
	cld
	leaq	-SLOT_STACK_TOP(%rsp), %rdi
	call	lot_loop
	/* LEAVE: the way in, backwards. An NMI before LIDT restarts lot_loop, which comes back here. */
	leaq	-SLOT_STACK_TOP(%rsp), %rdi
	movq	SLOT_KERNEL_CR3(%rdi), %rax
	movq	%rax, %cr3
	movq	SLOT_KERNEL_CR4(%rdi), %rax
	movq	%rax, %cr4
	lidt	SLOT_KERNEL_IDTR(%rdi)
	LOAD_SEGMENTS SLOT_KERNEL_GDTR(%rdi)
	movq	SLOT_KERNEL_GDTR + POINTER_BASE(%rdi), %rdx
	movzwl	SLOT_KERNEL_TR(%rdi), %eax
	andb	$~2, DESCRIPTOR_TYPE(%rdx,%rax)
	ltr	%ax
	movq	SLOT_KERNEL_RSP(%rdi), %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	ret
	.size	lot_start, . - lot_start

/* void lot_read_evidence(struct slot_evidence *out): what is loaded now, not what should be (rule 1). */
	.globl	lot_read_evidence
	.type	lot_read_evidence, @function
lot_read_evidence:
	subq	$24, %rsp
	leaq	0(%rip), %rax
	movq	%rax, EVIDENCE_RIP(%rdi)
	movq	%rsp, EVIDENCE_RSP(%rdi)
	movq	%cr3, %rax
	movq	%rax, EVIDENCE_CR3(%rdi)
	movq	%cr4, %rax
	movq	%rax, EVIDENCE_CR4(%rdi)
	sidt	(%rsp)
	movq	POINTER_BASE(%rsp), %rax
	movq	%rax, EVIDENCE_IDTR_BASE(%rdi)
	sgdt	(%rsp)
	movq	POINTER_BASE(%rsp), %rax
	movq	%rax, EVIDENCE_GDTR_BASE(%rdi)
	xorl	%eax, %eax
	str	%ax
	movl	%eax, EVIDENCE_TR(%rdi)
	movl	$0, EVIDENCE_RESERVED(%rdi)
	addq	$24, %rsp
	ret
	.size	lot_read_evidence, . - lot_read_evidence

	.section .note.GNU-stack, "", @progbits
