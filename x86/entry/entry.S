/* SPDX-License-Identifier: MIT
 *
 * Every door into the protected-mode part. Offsets from __text_start are fixed by the boot protocol
 * and asserted in image.lds.
 */

#include "gen/identity.h"

/* Elf64_Rela (System V gABI, chapter 4). */
#define RELA_OFFSET	0
#define RELA_ADDEND	16
#define RELA_BYTES	24

/* enum door of boot/boot_info.h, asserted in kernel/door2.c. */
#define DOOR_LINUX64	2

#define DOOR2_STACK_BYTES 65536

	.section .text.entry, "ax", @progbits

/* 32-bit entry. In: protected mode, paging off, ESI = boot_params. Not open yet: one line on COM1, stop. */
	.code32
	.globl	startup_32, handover_32
startup_32:
	cli
	jmp	refuse_32
	.org	0x10
/* 32-bit EFI handover: 64-bit firmware never calls it. */
handover_32:
	cli
	jmp	refuse_32
refuse_32:
	call	1f
1:	popl	%ebx
	leal	(text_32 - 1b)(%ebx), %esi
	movw	$0x3f8, %dx
2:	lodsb
	testb	%al, %al
	jz	3f
	outb	%al, %dx
	jmp	2b
3:	hlt
	jmp	3b
text_32:
	.asciz	"Baton: E01: this entry (linux32) is not supported yet, start the file from UEFI\r\n"

/* 64-bit entry. In: long mode, identity map, IF=0, RSI = boot_params, BSS not zeroed, RSP and IDT not valid. */
	.org	0x200
	.code64
	.globl	startup_64, handover_64
startup_64:
	cli
	movl	$DOOR_LINUX64, %r12d
	jmp	enter_door2
	.org	0x210
/* 64-bit EFI handover. In: System V, RDI = image handle, RSI = system table, RDX = boot_params. */
handover_64:
	cli
	jmp	refuse_64
refuse_64:
	leaq	text_64(%rip), %rsi
	movw	$0x3f8, %dx
1:	lodsb
	testb	%al, %al
	jz	2f
	outb	%al, %dx
	jmp	1b
2:	hlt
	jmp	2b
text_64:
	.asciz	"Baton: E01: this entry (handover) is not supported yet, start the file from UEFI\r\n"

/* Door 2. In: RSI = boot_params, R12D = door. BSS is zeroed before the stack in it is used; a signature behind the
 * file or the loader's own leftovers may lie there. */
enter_door2:
	cld
	movq	%rsi, %rbx
	leaq	__bss_start(%rip), %rdi
	leaq	__bss_zero_end(%rip), %rcx
	subq	%rdi, %rcx
	shrq	$3, %rcx
	xorl	%eax, %eax
	rep stosq
	leaq	door2_stack_top(%rip), %rsp
	xorl	%ebp, %ebp
	call	relocate
	movq	%rbx, %rdi
	movl	%r12d, %esi
	call	door2_main
	ud2

/* PE entry. In: firmware's calling convention, RCX = image handle, RDX = system table, firmware's
 * stack. Out: EFI_STATUS. Relocates the image once, then continues in C. */
	.balign	16
	.globl	efi_entry
efi_entry:
	pushq	%rdi
	pushq	%rsi
	pushq	%rbx
	movq	%rcx, %rdi
	movq	%rdx, %rbx
	call	relocate
	movq	%rbx, %rsi
	call	efi_main
	popq	%rbx
	popq	%rsi
	popq	%rdi
	ret

/* Apply R_X86_64_RELATIVE. The link leaves no other kind (the build checks) and none outside .data.
 * Keeps RDI, RBX. */
relocate:
	leaq	__image_base(%rip), %r8
	leaq	__rela_start(%rip), %rax
	leaq	__rela_end(%rip), %rcx
1:	cmpq	%rcx, %rax
	jae	2f
	movq	RELA_OFFSET(%rax), %rdx
	movq	RELA_ADDEND(%rax), %r9
	addq	%r8, %r9
	movq	%r9, (%r8,%rdx)
	addq	$RELA_BYTES, %rax
	jmp	1b
2:	ret

	.section .rodata, "a", @progbits
	.balign	8
/* struct kernel_info, boot protocol 2.15 */
	.globl	kernel_info
kernel_info:
	.ascii	"LToP"
	.long	kernel_info_end - kernel_info
	.long	kernel_info_end - kernel_info
	.long	0x80000009			/* setup_type_max: the highest type the report must stay clear of */
kernel_info_end:

	.section .bss.stack, "aw", @nobits
	.balign	16
door2_stack:
	.skip	DOOR2_STACK_BYTES
door2_stack_top:

	.section .sbat, "a", @progbits
	.ascii	"sbat,1,SBAT Version,sbat,1,https://github.com/rhboot/shim/blob/main/SBAT.md\n"
	.ascii	"baton,1,Baton,baton,"
	.ascii	BATON_VERSION
	.ascii	",https://baton.invalid\n"

	.section .note.GNU-stack, "", @progbits
