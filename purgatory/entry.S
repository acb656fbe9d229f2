/* SPDX-License-Identifier: MIT
 *
 * Commit: the boss enters the block. In: RDI = struct plan, RSI = the boss's slot, interrupts off, the kernel's
 * tables with the block mapped as in its own. Order of protocol rule 2. Does not return.
 */
#include "purgatory/slot.h"
#include "x86/regs.h"

	.section .text, "ax", @progbits
	.globl	boss_entry
	.type	boss_entry, @function
boss_entry:
	cli
	cld
	leaq	boss_stack_top(%rip), %rsp
	lgdt	SLOT_GDTR(%rsi)
	pushq	$SEL_CODE
	leaq	1f(%rip), %rax
	pushq	%rax
	lretq
1:	movl	$SEL_DATA, %eax
	movl	%eax, %ss
	movl	%eax, %ds
	movl	%eax, %es
	andb	$~2, SLOT_GDT + SEL_TSS + DESCRIPTOR_TYPE(%rsi)	/* LTR of a busy TSS is #GP */
	movl	$SEL_TSS, %eax
	ltr	%ax
	lidt	SLOT_IDTR(%rsi)
	movq	%cr4, %rax
	andl	$~CR4_PGE, %eax
	movq	%rax, %cr4
	movq	SLOT_PARK_ROOT(%rsi), %rax
	movq	%rax, %cr3
	call	purgatory_main
	.size	boss_entry, . - boss_entry

/* From a failure, on whatever stack that was: the handover by another plan. In: RDI = struct plan. Does not return. */
	.globl	boss_again
	.type	boss_again, @function
boss_again:
	leaq	boss_stack_top(%rip), %rsp
	call	purgatory_fall_back
	.size	boss_again, . - boss_again

	.section .bss, "aw", @nobits
	.balign	16
	.globl	boss_stack_top, boss_ist_df, boss_ist_nmi, boss_ist_mc, trampoline_scratch
	.skip	6144
boss_stack_top:
	.skip	3072
boss_ist_df:
	.skip	256
boss_ist_nmi:
	.skip	3072
boss_ist_mc:
	.skip	64
trampoline_scratch:

	.section .note.GNU-stack, "", @progbits
