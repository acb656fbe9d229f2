/* SPDX-License-Identifier: MIT
 *
 * Copied to offset 0 of a page below 640 KiB by trampoline_install(). In: SIPI (real mode, CS = page >> 4, IP = 0)
 * or IVT[2] (an NMI between INIT and here, protocol rule 10). Out: the table entry of this APIC ID: RSP = its
 * stack, RDI = its argument, jump to the configured 64-bit entry; IF=0, CS 0x10, SS 0x18.
 *
 * NMIs: until the entry loads its own IDT, one starts over, in real mode at the top, in long mode at
 * trampoline_long. No NMI returns, so what it pushes is never read, and NMIs stay blocked until the entry's
 * first IRETQ. One IDT serves both modes: real-mode vector 2 lies at byte 8, long-mode gate 2 at byte 32.
 * SS:ESP is loaded in one instruction so that a 16-bit push lands in this page and a 64-bit push in the scratch.
 */
#include "x86/entry/trampoline.h"
#include "x86/regs.h"

#define PARAM(name)	(TRAMPOLINE_PARAMS + (name))

	.section .rodata.trampoline, "a", @progbits
	.balign 16
	.globl	trampoline_start, trampoline_long, trampoline_end
	.code16
trampoline_start:
	cli
	cld
	movw	%cs, %ax
	movw	%ax, %ds
	lidtl	PARAM(TP_IDTR)
	lssl	PARAM(TP_STACK), %esp
	cmpl	$TRAMPOLINE_OPEN, PARAM(TP_GATE)
	jne	stop_16				/* late: the table and CR3 may be gone */
	movl	$1, %eax
	cpuid
	shrl	$24, %ebx			/* initial APIC ID; its low 8 bits where IDs are longer */
	/* order: the mark before the second look. pairs with: trampoline_close(). else: a CPU that comes in is taken
	 * for one that never did, and runs on in memory that the next kernel has for free. */
	lock btsl %ebx, PARAM(TP_ENTERED)
	cmpl	$TRAMPOLINE_OPEN, PARAM(TP_GATE)
	jne	stop_16
	lgdtl	PARAM(TP_GDTR)
	movl	PARAM(TP_CR4), %eax		/* LA57 as found, before paging (rule 5) */
	movl	%eax, %cr4
	movl	PARAM(TP_CR3), %eax
	movl	%eax, %cr3
	movl	$MSR_EFER, %ecx
	rdmsr
	movl	%eax, %ebx
	orl	PARAM(TP_EFER), %eax
	cmpl	%eax, %ebx			/* a write that changes nothing traps in some guests */
	je	1f
	wrmsr
1:	movl	PARAM(TP_CR0), %eax
	movl	%eax, %cr0
	ljmpl	*PARAM(TP_FAR_OFFSET)
stop_16:
	cli
	hlt
	jmp	stop_16

	.balign 16
	.code64
trampoline_long:
	movl	$SEL_DATA, %eax
	movl	%eax, %ss
	movl	%eax, %ds
	movl	%eax, %es
	xorl	%eax, %eax
	movl	%eax, %fs
	movl	%eax, %gs
	leaq	trampoline_start(%rip), %rbx
	movl	$MSR_APIC_BASE, %ecx
	rdmsr
	movl	%eax, %edi
	orw	PARAM(TP_APIC_BASE)(%rbx), %ax	/* processors keep x2APIC mode over INIT, Bochs does not */
	cmpl	%eax, %edi
	je	5f
	wrmsr
5:	testl	$APIC_BASE_EXTD, %eax
	jz	1f
	movl	$MSR_X2APIC_ID, %ecx
	rdmsr
	jmp	2f
1:	shlq	$32, %rdx
	andl	$0xfffff000, %eax
	orq	%rdx, %rax
	movl	APIC_ID(%rax), %eax
	shrl	$24, %eax
2:	movq	PARAM(TP_TABLE)(%rbx), %rsi
	movl	PARAM(TP_COUNT)(%rbx), %ecx
3:	testl	%ecx, %ecx
	jz	stop_64
	cmpl	%eax, TC_APIC_ID(%rsi)
	je	4f
	addq	$TC_BYTES, %rsi
	decl	%ecx
	jmp	3b
4:	movq	TC_STACK_TOP(%rsi), %rsp
	movq	TC_ARGUMENT(%rsi), %rdi
	xorl	%ebp, %ebp
	jmp	*PARAM(TP_ENTRY)(%rbx)
stop_64:					/* an ID that nobody listed */
	cli
	hlt
	jmp	stop_64
	/* An error if the code has grown beyond: it leaves room for the NMI stack below the parameters. */
	.org	trampoline_start + 0x800, 0xcc
trampoline_end:

	.section .note.GNU-stack, "", @progbits
