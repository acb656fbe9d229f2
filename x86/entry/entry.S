/* SPDX-License-Identifier: MIT
 *
 * Every door into the protected-mode part. Offsets from __text_start are fixed by the boot protocol
 * and asserted in image.lds.
 */

#include "gen/identity.h"
#include "x86/regs.h"

/* Elf64_Rela (System V gABI, chapter 4). */
#define RELA_OFFSET	0
#define RELA_ADDEND	16
#define RELA_BYTES	24

/* enum door of boot/boot_info.h, asserted in kernel/door2.c. */
#define DOOR_LINUX64	2
#define DOOR_LINUX32	3
#define DOOR_LINUX16	4

#define DOOR2_STACK_BYTES 65536
#define EARLY_TABLES	6

	.section .text.entry, "ax", @progbits

/* 32-bit entry. In: protected mode, paging off, flat segments, IF=0, ESI = boot_params, CS 0x10, DS ES SS 0x18. */
	.code32
	.globl	startup_32, handover_32
startup_32:
	cli
	cld
	movl	$DOOR_LINUX32, %edi
	jmp	to_long_mode
	.org	0x10
/* 32-bit EFI handover: 64-bit firmware never calls it. */
handover_32:
	cli
	hlt
	jmp	handover_32

/* From header.S's 16-bit code. In: as above, but for the segments: its GDT has the same selectors. */
	.org	0x20
	.globl	linux16_32
linux16_32:
	movl	$0x18, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	$DOOR_LINUX16, %edi

/* In: EDI = door. Maps all below 4 GiB to itself; door 2 follows no pointer above. Until we know where we are the only
 * stack is boot_params' scratch (boot.rst), four bytes. CR4 is as Linux leaves it to its own decompressor: firmware's
 * five levels and PCIDs are no longer wanted with paging off. */
to_long_mode:
	leal	0x1e8(%esi), %esp
	call	1f
1:	popl	%ebp
	leal	(early_stack_top - 1b)(%ebp), %esp
	pushl	%edi
	movl	$0x80000000, %eax
	cpuid
	cmpl	$0x80000001, %eax
	jb	refuse_32
	movl	$0x80000001, %eax
	cpuid
	btl	$29, %edx
	jnc	refuse_32
	leal	(early_tables - 1b)(%ebp), %edi
	movl	%edi, %ebx
	xorl	%eax, %eax
	movl	$(EARLY_TABLES * 4096 / 4), %ecx
	rep stosl
	movl	%ebx, %edi
	leal	0x1003(%ebx), %eax		/* root -> second level -> four tables of 2 MiB pages */
	stosl
	leal	0x1000(%ebx), %edi
	leal	0x2003(%ebx), %eax
	movl	$4, %ecx
2:	stosl
	addl	$0x1000, %eax
	addl	$4, %edi			/* the upper half stays 0 */
	loop	2b
	leal	0x2000(%ebx), %edi
	movl	$0x83, %eax
	movl	$(4 * 512), %ecx
3:	stosl
	addl	$0x200000, %eax
	addl	$4, %edi
	loop	3b
	movl	%ebx, %cr3
	movl	%cr4, %eax
	andl	$~(CR4_LA57 | CR4_PCIDE), %eax
	orl	$CR4_PAE, %eax
	movl	%eax, %cr4
	movl	$MSR_EFER, %ecx
	rdmsr
	orl	$EFER_LME, %eax
	wrmsr
	movl	%cr0, %eax
	orl	$CR0_PG, %eax
	movl	%eax, %cr0
	popl	%ebx				/* door */
	leal	(early_gdt - 1b)(%ebp), %eax
	pushl	%eax
	pushl	$((early_gdt_end - early_gdt - 1) << 16)
	lgdtl	2(%esp)
	leal	(linux32_64 - 1b)(%ebp), %eax
	pushl	$0x20
	pushl	%eax
	lretl

/* On COM1: nothing else is known to be there. */
refuse_32:
	leal	(text_32 - 1b)(%ebp), %esi
	movw	$0x3f8, %dx
2:	lodsb
	testb	%al, %al
	jz	3f
	outb	%al, %dx
	jmp	2b
3:	hlt
	jmp	3b
text_32:
	.asciz	"Baton: E01: this processor has no 64-bit mode\r\n"
	.balign	8
early_gdt:
	.quad	0, 0
	.quad	0x00cf9b000000ffff	/* 0x10: code, 32 bits */
	.quad	0x00cf93000000ffff	/* 0x18: data */
	.quad	0x00af9b000000ffff	/* 0x20: code, 64 bits */
early_gdt_end:

/* 64-bit entry. In: long mode, identity map, IF=0, RSI = boot_params, BSS not zeroed, RSP and IDT not valid. */
	.org	0x200
	.code64
	.globl	startup_64, handover_64
startup_64:
	cli
	movl	$DOOR_LINUX64, %r12d
	jmp	enter_door2
	.org	0x210
/* 64-bit EFI handover. In: System V call, RDI = image handle, RSI = system table, RDX = boot_params, firmware alive.
 * The loader copied the file only, so BSS is zeroed here. Returns to the loader when the menu is left. */
	.globl	handover_64
handover_64:
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	cld
	movq	%rdi, %rbx
	movq	%rsi, %rbp
	movq	%rdx, %r12
	call	zero_bss
	call	relocate
	movq	%rbx, %rdi
	movq	%rbp, %rsi
	movq	%r12, %rdx
	call	handover_main
	popq	%r12
	popq	%rbp
	popq	%rbx
	ret

linux32_64:
	movl	%esi, %esi
	movl	%ebx, %r12d
	jmp	enter_door2

/* Door 2. In: RSI = boot_params, R12D = door. BSS is zeroed before the stack in it is used; a signature behind the
 * file or the loader's own leftovers may lie there. */
enter_door2:
	cld
	movq	%rsi, %rbx
	leaq	door2_stack_top(%rip), %rsp
	call	zero_bss
	xorl	%ebp, %ebp
	call	relocate
	movq	%rbx, %rdi
	movl	%r12d, %esi
	call	door2_main
	ud2

/* Keeps RBX, RBP, R12. Its return address may lie in the memory that it zeroes. */
zero_bss:
	popq	%rdx
	leaq	__bss_start(%rip), %rdi
	leaq	__bss_zero_end(%rip), %rcx
	subq	%rdi, %rcx
	shrq	$3, %rcx
	xorl	%eax, %eax
	rep stosq
	jmpq	*%rdx

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

/* Live when .bss is zeroed, so behind that. */
	.section .keep, "aw", @nobits
	.balign	4096
early_tables:
	.skip	EARLY_TABLES * 4096
	.skip	256
early_stack_top:

	.section .sbat, "a", @progbits
	.ascii	"sbat,1,SBAT Version,sbat,1,https://github.com/rhboot/shim/blob/main/SBAT.md\n"
	.ascii	"baton,1,Baton,baton,"
	.ascii	BATON_VERSION
	.ascii	",https://baton.invalid\n"

	.section .note.GNU-stack, "", @progbits
