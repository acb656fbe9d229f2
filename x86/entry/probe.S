/* SPDX-License-Identifier: MIT
 *
 * The instructions of x86/probe.h that may fault; probe_recover() knows them by name and continues at probe_faulted
 * with the result in RAX.
 */
	.set	PROBED, 0		/* an address of the caller's, no struct */

	.text
	.globl	probe_load, probe_load_at
probe_load:
probe_load_at:
	movq	PROBED(%rdi), %rax
	movq	%rax, PROBED(%rsi)
	xorl	%eax, %eax
	ret

	.globl	probe_store, probe_store_at
probe_store:
probe_store_at:
	movq	%rsi, PROBED(%rdi)
	xorl	%eax, %eax
	ret

	.globl	probe_call, probe_call_back
probe_call:
	call	*%rdi
probe_call_back:
	xorl	%eax, %eax
	ret

	.globl	probe_faulted
probe_faulted:
	ret

	.section .note.GNU-stack, "", @progbits
