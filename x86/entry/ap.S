/* SPDX-License-Identifier: MIT
 *
 * The trampoline's 64-bit target in the kernel. In: RDI = struct percpu, RSP = its stack top, IF=0, NMIs blocked
 * if one brought us here. An NMI before LIDT starts over in the trampoline, so every step may run twice; after
 * it everything that a handler uses is in place: GDT, TR (IST stacks), GS, IDT, in this order.
 */
#include "x86/percpu.h"
#include "x86/regs.h"

	.text
	.globl	ap_entry
ap_entry:
	lgdt	PERCPU_GDTR(%rdi)
	movl	$SEL_DATA, %eax
	movl	%eax, %ss
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %fs
	movl	%eax, %gs
	andb	$0xfd, PERCPU_GDT + SEL_TSS + DESCRIPTOR_TYPE(%rdi)	/* not busy: LTR of a busy TSS is #GP */
	movl	$SEL_TSS, %eax
	ltr	%ax
	movl	$MSR_GS_BASE, %ecx			/* after the segment loads, which zero it */
	movl	%edi, %eax
	movq	%rdi, %rdx
	shrq	$32, %rdx
	wrmsr
	lidt	idt_pointer(%rip)
	movq	%rsp, %rax
	pushq	$SEL_DATA
	pushq	%rax
	pushq	$2
	pushq	$SEL_CODE
	leaq	1f(%rip), %rax
	pushq	%rax
	iretq						/* NMIs open (rule 10) */
1:	xorl	%ebp, %ebp
	call	ap_main
	ud2

	.section .note.GNU-stack, "", @progbits
