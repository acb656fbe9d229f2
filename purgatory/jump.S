/* SPDX-License-Identifier: MIT
 *
 * The last instructions of Baton.
 * _Noreturn void jump_next(uint64_t entry, uint64_t boot_params, uint64_t cr4)
 * In: hand-over root loaded, the block's GDT, IDT and TSS (they stay: reserved memory, so that an NMI still finds a
 * gate), interrupts off. Out: the 64-bit boot protocol: CS 0x10, DS ES SS 0x18, RSI = boot_params, all other general
 * registers 0 but RSP, which points into the block. Registers: Linux Documentation/arch/x86/boot.rst, 64-bit entry.
 */
#include "x86/regs.h"

#define EFER_SVME	0x1000

	.section .text, "ax", @progbits
	.globl	jump_next
	.type	jump_next, @function
jump_next:
	cli
	cld
	leaq	boss_stack_top(%rip), %rsp
	pushq	%rdi			/* entry, for the RET below */
	movq	%rdx, %r8
	fninit
	pushq	$0x1f80
	ldmxcsr	(%rsp)			/* while CR4.OSFXSR is still set */
	addq	$8, %rsp
	movq	%r8, %cr4
	movl	$(CR0_PG | CR0_NE | CR0_ET | CR0_PE), %eax
	movq	%rax, %cr0
	movl	$0x400, %eax
	movq	%rax, %dr7
	movl	$0xffff0ff0, %eax
	movq	%rax, %dr6
	xorl	%eax, %eax
	lldt	%ax
	movl	$MSR_EFER, %ecx
	rdmsr
	movl	%eax, %ebx
	andl	$~(EFER_SCE | EFER_SVME), %eax
	cmpl	%eax, %ebx
	je	1f
	wrmsr
1:	movl	$SEL_DATA, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	%eax, %fs		/* the bases become 0 */
	movl	%eax, %gs
	movl	$MSR_KERNEL_GS_BASE, %ecx
	xorl	%eax, %eax
	xorl	%edx, %edx
	wrmsr
	xorl	%ebx, %ebx
	xorl	%ecx, %ecx
	xorl	%edi, %edi
	xorl	%ebp, %ebp
	xorl	%r8d, %r8d
	xorl	%r9d, %r9d
	xorl	%r10d, %r10d
	xorl	%r11d, %r11d
	xorl	%r12d, %r12d
	xorl	%r13d, %r13d
	xorl	%r14d, %r14d
	xorl	%r15d, %r15d
	ret
	.size	jump_next, . - jump_next

	.section .note.GNU-stack, "", @progbits
