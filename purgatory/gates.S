/* SPDX-License-Identifier: MIT
 *
 * Gates of the two IDTs. Lot: no gate returns to the interrupted instruction, each restarts the loop with a fresh
 * frame (protocol rule 3). Boss: NMIs are counted, everything else is printed and ends by policy.
 *
 * Every lot gate runs on an IST stack at a fixed place in its slot, so RSP names the slot and neither GS nor
 * anything else is needed. An NMI and a machine check may come into each other's gate, of which the first is left for
 * good: its frame tells the second one what is still to do.
 */
#include "purgatory/slot.h"
#include "purgatory/gate_fault.h"
#include "x86/regs.h"

#define FRAME		40		/* SS, RSP, RFLAGS, CS, RIP */
#define TRAP_LIMIT	64		/* more than that: the loop itself is broken, stop running it */

	.section .text, "ax", @progbits

/* The 32 stubs of a table lie BLOB_GATE_BYTES apart: kernel/block.c makes the IDT's gates from that. The vectors
 * that push an error code are those of SDM 3A table 6-1 (and 29, 30 of AMD's). */
	.macro TRAP_STUB to, vector, error
	.balign	BLOB_GATE_BYTES, 0xcc
	.ifb	\error
	pushq	$0
	.endif
	pushq	$\vector
	jmp	\to
	.endm

	.macro TRAP_STUBS_3_17 to
	.irp	vector, 3, 4, 5, 6, 7
	TRAP_STUB \to, \vector
	.endr
	TRAP_STUB \to, 8, error
	TRAP_STUB \to, 9
	.irp	vector, 10, 11, 12, 13, 14
	TRAP_STUB \to, \vector, error
	.endr
	.irp	vector, 15, 16
	TRAP_STUB \to, \vector
	.endr
	TRAP_STUB \to, 17, error
	.endm

	.macro TRAP_STUBS_19_31 to
	.irp	vector, 19, 20
	TRAP_STUB \to, \vector
	.endr
	TRAP_STUB \to, 21, error
	.irp	vector, 22, 23, 24, 25, 26, 27, 28
	TRAP_STUB \to, \vector
	.endr
	TRAP_STUB \to, 29, error
	TRAP_STUB \to, 30, error
	TRAP_STUB \to, 31
	.endm

	.globl	lot_gates
	.balign	BLOB_GATE_BYTES, 0xcc
lot_gates:
	TRAP_STUB lot_gate_trap, 0
	TRAP_STUB lot_gate_trap, 1
	.balign	BLOB_GATE_BYTES, 0xcc		/* NMI. In: RSP at the CPU's frame on the NMI stack */
lot_nmi_taken:
	lock incl SLOT_NMI_COUNT - (SLOT_IST_NMI_TOP - FRAME)(%rsp)
	jmp	lot_gate_nmi
	TRAP_STUBS_3_17 lot_gate_trap
	.balign	BLOB_GATE_BYTES, 0xcc		/* #MC, on its own stack */
lot_mc_taken:
	lock incl SLOT_MC_COUNT - (SLOT_IST_MC_TOP - FRAME)(%rsp)
	jmp	lot_gate_mc
	TRAP_STUBS_19_31 lot_gate_trap
	.balign	BLOB_GATE_BYTES, 0xcc
	.globl	lot_gates_end
lot_gates_end:

	.globl	boss_gates
boss_gates:
	TRAP_STUB boss_gate_trap, 0
	TRAP_STUB boss_gate_trap, 1
	.balign	BLOB_GATE_BYTES, 0xcc
	lock incl boss_nmi_count(%rip)
	iretq
	TRAP_STUBS_3_17 boss_gate_trap
	TRAP_STUB boss_gate_trap, 18
	TRAP_STUBS_19_31 boss_gate_trap
	.balign	BLOB_GATE_BYTES, 0xcc
	.globl	boss_gates_end
boss_gates_end:

lot_gate_nmi:
	leaq	FRAME - SLOT_IST_NMI_TOP(%rsp), %rdi
	NMI_GATE_FAULT %rdi
	leaq	SLOT_IST_MC_TOP - FRAME(%rdi), %rax	/* came into the #MC gate, to which nobody returns? */
	cmpq	%rax, FRAME - 16(%rsp)		/* its RSP */
	jne	lot_restart
	leaq	lot_mc_taken(%rip), %rax	/* and before its first instruction, which counts */
	cmpq	%rax, (%rsp)
	jne	lot_mc_over
	lock incl SLOT_MC_COUNT(%rdi)
	jmp	lot_mc_over

lot_gate_mc:
	leaq	FRAME - SLOT_IST_MC_TOP(%rsp), %rdi
	leaq	lot_nmi_taken(%rip), %rax	/* likewise */
	cmpq	%rax, (%rsp)
	jne	lot_mc_over
	lock incl SLOT_NMI_COUNT(%rdi)
lot_mc_over:
	movl	$MSR_MCG_STATUS, %ecx		/* MCIP left set turns the next #MC into a shutdown; MCi_STATUS stays */
	xorl	%eax, %eax
	xorl	%edx, %edx
	wrmsr
	jmp	lot_restart

/* In: RSP at vector, error code, frame on the #DF stack. */
lot_gate_trap:
	leaq	FRAME + 16 - SLOT_IST_DF_TOP(%rsp), %rdi
	incl	SLOT_TRAP_COUNT(%rdi)
	movl	0(%rsp), %eax
	movl	%eax, SLOT_TRAP_VECTOR(%rdi)
	movq	16(%rsp), %rax
	movq	%rax, SLOT_TRAP_RIP(%rdi)
	movq	%cr2, %rax
	movq	%rax, SLOT_TRAP_CR2(%rdi)
	movq	8(%rsp), %rax
	movq	%rax, SLOT_TRAP_ERROR(%rdi)
	cmpl	$TRAP_LIMIT, SLOT_TRAP_COUNT(%rdi)
	jb	lot_restart
1:	hlt
	jmp	1b

/* In: RDI = slot. IRETQ re-opens NMIs; whatever nests here rebuilds the same frame. */
	.globl	lot_restart
lot_restart:
	leaq	SLOT_STACK_TOP(%rdi), %rsp
	movq	%rsp, %rax
	pushq	$SEL_DATA
	pushq	%rax
	pushq	$2
	pushq	$SEL_CODE
	leaq	lot_start(%rip), %rax
	pushq	%rax
	iretq

/* In: vector, error code, frame. Does not return. */
boss_gate_trap:
	cld
	movq	%rsp, %rdi
	andq	$~15, %rsp
	call	fail_exception
1:	hlt
	jmp	1b

	.section .note.GNU-stack, "", @progbits
