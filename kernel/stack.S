/* SPDX-License-Identifier: MIT
 *
 * void stack_call(void *argument, uint64_t top, void (*function)(void *));
 *
 * Leaves the loader's stack for good: RSP = top (16-byte aligned), then function(argument), which must not
 * return. In: long mode, IF=0. The old stack is not touched again.
 */
	.text
	.globl	stack_call
	.type	stack_call, @function
stack_call:
	movq	%rsi, %rsp
	xorl	%ebp, %ebp
	call	*%rdx
	ud2
	.size	stack_call, . - stack_call

	.section .note.GNU-stack, "", @progbits
