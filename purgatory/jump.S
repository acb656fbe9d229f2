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
#define FLAT_CODE	0x10
#define FLAT_DATA	0x18
#define FLAT_TSS	0x20

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

/*
 * _Noreturn void jump_protected(uint64_t entry, uint64_t info, uint32_t magic)
 * In: as above, all of it below 4 GiB. Out: 32-bit protected mode, paging off, CR0 = PE ET, CR4 = 0, EFER.LME clear,
 * flat CS DS ES FS GS SS, a TSS of 32 bits with limit 0x67 (PVH), an empty IDT, EAX = magic, EBX = info, ESP in the
 * block (Multiboot leaves it open), DF IF TF VM clear. Sources: Multiboot 0.6.96, 3.2; Multiboot2 2.0, 3.3; PVH: Xen,
 * docs/misc/pvh.pandoc. An NMI from here on finds no gate, as with any loader of these protocols.
 */
	.globl	jump_protected
	.type	jump_protected, @function
jump_protected:
	cli
	cld
	leaq	boss_stack_top(%rip), %rsp
	movl	%edx, %ebp			/* magic */
	movl	%esi, %ebx
	movl	%edi, %esi			/* entry */
	fninit
	movl	$0x400, %eax
	movq	%rax, %dr7
	movl	$0xffff0ff0, %eax
	movq	%rax, %dr6
	xorl	%eax, %eax
	lldt	%ax
	leaq	flat_gdt(%rip), %rax
	subq	$16, %rsp
	movw	$(flat_gdt_end - flat_gdt - 1), 6(%rsp)
	movq	%rax, 8(%rsp)
	lgdt	6(%rsp)
	movq	$0, 8(%rsp)
	movw	$0, 6(%rsp)
	lidt	6(%rsp)
	leaq	1f(%rip), %rax
	pushq	$FLAT_CODE
	pushq	%rax
	lretq
	.code32
1:	movl	$FLAT_DATA, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %fs
	movl	%eax, %gs
	movl	%eax, %ss
	movl	$(CR0_PE | CR0_ET), %eax
	movl	%eax, %cr0			/* paging off: long mode ends */
	xorl	%eax, %eax
	movl	%eax, %cr3
	movl	%eax, %cr4
	movl	$MSR_EFER, %ecx
	rdmsr
	andl	$~(EFER_LME | EFER_SCE | EFER_SVME | EFER_NXE), %eax
	wrmsr
	movl	$FLAT_TSS, %eax
	ltr	%ax
	movl	%ebp, %eax
	xorl	%ecx, %ecx
	xorl	%edx, %edx
	xorl	%edi, %edi
	xorl	%ebp, %ebp
	jmpl	*%esi
	.code64
	.size	jump_protected, . - jump_protected

	.section .data, "aw", @progbits
	.balign	8
flat_gdt:
	.quad	0, 0
	.quad	0x00cf9b000000ffff		/* 0x10: code, 32 bits */
	.quad	0x00cf93000000ffff		/* 0x18: data */
	.quad	0x0000890000000067		/* 0x20: TSS of 32 bits at 0 */
flat_gdt_end:

	.section .note.GNU-stack, "", @progbits
