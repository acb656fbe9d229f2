/* SPDX-License-Identifier: MIT
 *
 * The state probe: a next kernel that tells, in the state in which the hand-over left it, what that state is.
 * bzImage header (Linux Documentation/arch/x86/boot.rst) and the 64-bit entry, whose first instructions save every
 * register before anything can change it. In: the 64-bit boot protocol. Out: probe_main(), which never returns.
 */
#define PM_BYTES 0x10000		/* probe.lds pads to it */

	.section .header, "ax", @progbits
file_start:
	.org	0x1f1
	.byte	7			/* setup_sects: the protected-mode part starts at 0x1000 */
	.word	0
	.long	PM_BYTES / 16		/* syssize */
	.word	0, 0xffff, 0
	.word	0xaa55
	.byte	0xeb, header_end - magic
magic:
	.ascii	"HdrS"
	.word	0x020f
	.long	0
	.word	0
	.word	version - file_start - 0x200
	.byte	0, 1			/* loadflags: LOADED_HIGH */
	.word	0
	.long	0x100000
	.long	0, 0, 0
	.word	0
	.byte	0, 0
	.long	0
	.long	0x7fffffff
	.long	0x200000		/* kernel_alignment */
	.byte	1, 21
	.word	0x63			/* xloadflags: 64-bit, above 4 GiB, 5 levels both ways */
	.long	2047
	.long	0
	.quad	0
	.long	0, 0
	.quad	0
	.quad	0x1000000		/* pref_address */
	.long	PM_BYTES		/* init_size */
	.long	0x10			/* handover_offset: no such entry, but inside */
	.long	0x10			/* kernel_info */
header_end:
version:
	.asciz	"Baton state probe"

	.section .text.entry, "ax", @progbits
	.code32
startup_32:
	hlt
	jmp	startup_32
	.org	0x10
	.ascii	"LToP"			/* struct kernel_info */
	.long	16, 16, 0
	.org	0x200
	.code64
	.globl	startup_64
startup_64:
	movq	%rax, saved+0x00(%rip)
	movq	%rbx, saved+0x08(%rip)
	movq	%rcx, saved+0x10(%rip)
	movq	%rdx, saved+0x18(%rip)
	movq	%rsi, saved+0x20(%rip)
	movq	%rdi, saved+0x28(%rip)
	movq	%rbp, saved+0x30(%rip)
	movq	%rsp, saved+0x38(%rip)
	movq	%r8,  saved+0x40(%rip)
	movq	%r9,  saved+0x48(%rip)
	movq	%r10, saved+0x50(%rip)
	movq	%r11, saved+0x58(%rip)
	movq	%r12, saved+0x60(%rip)
	movq	%r13, saved+0x68(%rip)
	movq	%r14, saved+0x70(%rip)
	movq	%r15, saved+0x78(%rip)
	leaq	stack_top(%rip), %rsp
	pushfq
	popq	saved+0x80(%rip)
	cli
	cld
	movq	%cr0, %rax
	movq	%rax, saved+0x88(%rip)
	movq	%cr2, %rax
	movq	%rax, saved+0x90(%rip)
	movq	%cr3, %rax
	movq	%rax, saved+0x98(%rip)
	movq	%cr4, %rax
	movq	%rax, saved+0xa0(%rip)
	movq	%cr8, %rax
	movq	%rax, saved+0xa8(%rip)
	movq	%dr6, %rax
	movq	%rax, saved+0xb0(%rip)
	movq	%dr7, %rax
	movq	%rax, saved+0xb8(%rip)
	movw	%cs, saved+0xc0(%rip)
	movw	%ds, saved+0xc2(%rip)
	movw	%es, saved+0xc4(%rip)
	movw	%fs, saved+0xc6(%rip)
	movw	%gs, saved+0xc8(%rip)
	movw	%ss, saved+0xca(%rip)
	sldt	saved+0xcc(%rip)
	str	saved+0xce(%rip)
	sgdt	saved+0xd6(%rip)	/* so that the base is aligned */
	sidt	saved+0xe6(%rip)
	fnstcw	saved+0xf0(%rip)
	fnstsw	saved+0xf2(%rip)
	movq	%cr4, %rax
	orl	$0x200, %eax		/* OSFXSR, for STMXCSR */
	movq	%rax, %cr4
	stmxcsr	saved+0xf4(%rip)
	leaq	saved(%rip), %rdi
	call	probe_main

	.section .note.GNU-stack, "", @progbits
