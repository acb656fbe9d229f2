/* SPDX-License-Identifier: MIT */
/*
 * For purgatory/gates.S as the hostile machine assembles it: the few instructions that need ring 0 go to
 * test/hostile/gate.S instead. Everything else executes as it stands.
 */
#ifndef TEST_HOSTILE_PRIVILEGED_H
#define TEST_HOSTILE_PRIVILEGED_H

	.macro wrmsr
	call	hostile_gate_wrmsr
	.endm

	.macro iretq
	jmp	hostile_gate_iretq
	.endm

	.macro movq operands:vararg
	.ifeqs	"\operands", "%cr2,%rax"
	xorl	%eax, %eax
	.else
	mov	\operands
	.endif
	.endm

#endif
