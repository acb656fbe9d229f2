/* SPDX-License-Identifier: MIT
 *
 * One run of a gate of purgatory/gates.S: from its first instruction to its IRETQ.
 */
	.section .text, "ax", @progbits

/* void hostile_gate_run(uint64_t gate, uint64_t rsp): RSP at the frame that the processor has pushed. No gate changes a
 * register that C's calls keep. */
	.globl	hostile_gate_run
hostile_gate_run:
	movq	%rsp, back(%rip)
	movq	%rsi, %rsp
	jmp	*%rdi

	.globl	hostile_gate_iretq
hostile_gate_iretq:
	movq	%rsp, hostile_gate_rsp(%rip)
	movq	back(%rip), %rsp
	ret

	.globl	hostile_gate_wrmsr
hostile_gate_wrmsr:
	movl	%ecx, hostile_gate_msr(%rip)
	movl	%eax, hostile_gate_value(%rip)
	movl	%edx, 4 + hostile_gate_value(%rip)
	ret

/* What gates.S leads to besides: never run here. */
	.globl	lot_start, fail_exception
lot_start:
fail_exception:
	ud2

	.bss
	.balign	8
back:	.skip	8
	.globl	hostile_gate_rsp, hostile_gate_value, hostile_gate_msr
hostile_gate_rsp:	.skip	8
hostile_gate_value:	.skip	8
hostile_gate_msr:	.skip	4

	.section .note.GNU-stack, "", @progbits
