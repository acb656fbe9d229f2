/* SPDX-License-Identifier: MIT
 *
 * The first 0x1000 bytes of build/baton.efi: DOS stub, PE32+ header, Linux setup header, 16-bit
 * setup code. Offsets are those of the file; header.lds asserts each one that a loader relies on.
 * Sources: PE/COFF specification; Linux Documentation/arch/x86/boot.rst, version 2.15.
 */

#include "gen/identity.h"

	.section .header, "ax", @progbits
file_start:
	.ascii	"MZ"
	.org	0x3c
	.long	0x40			/* e_lfanew */

	.globl	pe_signature
pe_signature:
	.ascii	"PE\0\0"
	.word	0x8664			/* Machine: x86-64 */
	.word	4			/* NumberOfSections */
	.long	0			/* TimeDateStamp: reproducible builds */
	.long	0
	.long	0
	.word	section_table - optional_header
	.word	0x206			/* executable, line numbers and debug stripped */

optional_header:
	.word	0x20b			/* PE32+ */
	.byte	2, 40			/* linker version */
	.long	__pe_text_size
	.long	__pe_init_data
	.long	0			/* BSS is the tail of .data */
	.long	__pe_entry_rva
	.long	__pe_text_rva
	.quad	0			/* ImageBase: anywhere */
	.long	0x1000			/* SectionAlignment */
	.long	0x200			/* FileAlignment */
	.word	0, 0
	.word	1, 0			/* MajorImageVersion 1: the initrd comes by LoadFile2 only */
	.word	0, 0
	.long	0
	.long	__pe_image_size
	.long	0x1000			/* SizeOfHeaders */
	.long	0			/* CheckSum: the signing tool writes it */
	.word	10			/* Subsystem: EFI application */
	.word	0x100			/* DllCharacteristics: NX_COMPAT */
	.quad	0, 0, 0, 0
	.long	0
	.long	6			/* NumberOfRvaAndSizes */
	.quad	0, 0, 0, 0, 0, 0

section_table:
	.ascii	".text\0\0\0"
	.long	__pe_text_size, __pe_text_rva, __pe_text_size, __pe_text_rva
	.long	0, 0, 0
	.long	0x60000020		/* code, execute, read */
	.ascii	".rodata\0"
	.long	__pe_rodata_size, __pe_rodata_rva, __pe_rodata_size, __pe_rodata_rva
	.long	0, 0, 0
	.long	0x40000040		/* initialised data, read */
	.ascii	".sbat\0\0\0"
	.long	__pe_sbat_vsize, __pe_sbat_rva, __pe_sbat_size, __pe_sbat_rva
	.long	0, 0, 0
	.long	0x40000040
	.ascii	".data\0\0\0"
	.long	__pe_data_vsize, __pe_data_rva, __pe_data_size, __pe_data_rva
	.long	0, 0, 0
	.long	0xc0000040		/* initialised data, read, write */

	.globl	section_table_end
section_table_end:

	.org	0x1ef
	.globl	setup_sentinel, setup_header, setup_magic, setup_header_end
setup_sentinel:
	.byte	0xff, 0xff		/* a loader that copies these bytes copied too much */
setup_header:
	.byte	7			/* setup_sects: the protected-mode part starts at 0x1000 */
	.word	0			/* root_flags */
	.long	__bz_syssize
	.word	0			/* ram_size */
	.word	0xffff			/* vid_mode: normal */
	.word	0			/* root_dev */
	.word	0xaa55
	.byte	0xeb, setup_header_end - setup_magic
setup_magic:
	.ascii	"HdrS"
	.word	0x020f
	.long	0			/* realmode_swtch */
	.word	0			/* start_sys_seg */
	.word	setup_version - file_start - 0x200
	.byte	0			/* type_of_loader */
	.byte	1			/* loadflags: LOADED_HIGH */
	.word	0			/* setup_move_size */
	.long	0x100000		/* code32_start */
	.long	0, 0			/* ramdisk_image, ramdisk_size */
	.long	0			/* bootsect_kludge */
	.word	0			/* heap_end_ptr */
	.byte	0, 0			/* ext_loader_ver, ext_loader_type */
	.long	0			/* cmd_line_ptr */
	.long	0x7fffffff		/* initrd_addr_max */
	.long	0x200000		/* kernel_alignment */
	.byte	1			/* relocatable_kernel */
	.byte	21			/* min_alignment */
	.word	0x7b			/* xloadflags: 64-bit, above 4 GiB, handover 64, kexec, 5 levels both ways */
	.long	2047			/* cmdline_size */
	.long	0			/* hardware_subarch */
	.quad	0
	.long	0, 0			/* payload_offset, payload_length */
	.quad	0			/* setup_data */
	.quad	0x1000000		/* pref_address */
	.long	__bz_init_size
	.long	0x10			/* handover_offset */
	.long	__bz_info_offset
setup_header_end:

	.code16
/*
 * Door 2 by the 16-bit entry: what a BIOS can be asked for, then protected mode. In: real mode, CS = segment + 0x20,
 * everything else unknown; the loader has written its fields into the header above. Out: x86/entry/entry.S,
 * linux16_32, with ESI = boot_params. Offsets count from the segment; behind the file's 0x1000 bytes lie boot_params
 * and the stack, well below where loaders put the command line.
 */
#define S(label)	(label - file_start)
#define PARAMS		0x1000
#define STACK_TOP	0x3000
#define E820_TABLE	(PARAMS + 0x2d0)
#define E820_COUNT	(PARAMS + 0x1e8)
#define E820_MAX	128
#define E820_BYTES	20
#define SMAP		0x534d4150
#define LINUX16_32	0x20		/* asserted in image.lds */
#define CODE32_START	0x214

	.globl	setup16_entry
setup16_entry:
	cli
	cld
	movw	%cs, %ax
	subw	$0x20, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movl	$STACK_TOP, %esp
	sti

	/* boot_params: zeros, then the header as the loader left it. */
	xorl	%eax, %eax
	movw	$PARAMS, %di
	movw	$(4096 / 4), %cx
	rep stosl
	movw	$0x1f1, %si
	movw	$(PARAMS + 0x1f1), %di
	movzbw	0x201, %cx
	addw	$(0x202 - 0x1f1), %cx
	rep movsb

	call	read_e820
	call	read_screen
	call	check_long_mode
	call	enable_a20

	/* No interrupt from here on: none has a handler in protected mode. */
	cli
	movb	$0xff, %al
	outb	%al, $0xa1
	outb	%al, $0x21
	xorl	%eax, %eax
	movw	%ds, %ax
	shll	$4, %eax
	addl	%eax, S(gdt_base)
	movl	%eax, %esi
	addl	$PARAMS, %esi
	movl	CODE32_START, %eax
	addl	$LINUX16_32, %eax
	movl	%eax, S(far_target)
	lidtl	S(null_idt)
	lgdtl	S(gdt_limit)
	movl	%cr0, %eax
	orb	$1, %al
	movl	%eax, %cr0
	ljmpl	*S(far_target)

/* INT 15h, E820h (ACPI 6.5, 15.1): ends with EBX 0 or carry; 20 bytes an entry. A list that is empty is said in C. */
read_e820:
	movw	$E820_TABLE, %di
	xorl	%ebx, %ebx
1:	movl	$0xe820, %eax
	movl	$E820_BYTES, %ecx
	movl	$SMAP, %edx
	int	$0x15
	jc	2f
	cmpl	$SMAP, %eax
	jne	2f
	incb	E820_COUNT
	addw	$E820_BYTES, %di
	cmpb	$E820_MAX, E820_COUNT
	je	2f
	testl	%ebx, %ebx
	jnz	1b
2:	ret

/* The text screen, for the next kernel: mode, page, size, cursor, font (screen_info). */
read_screen:
	movb	$0x0f, %ah
	int	$0x10
	andb	$0x7f, %al
	movb	%al, PARAMS + 0x06
	movb	%ah, PARAMS + 0x07
	movb	%bh, PARAMS + 0x04
	movb	$0x03, %ah
	int	$0x10
	movb	%dl, PARAMS + 0x00
	movb	%dh, PARAMS + 0x01
	movw	$0x1a00, %ax
	int	$0x10
	cmpb	$0x1a, %al
	sete	PARAMS + 0x0f
	pushw	%ds
	xorw	%ax, %ax
	movw	%ax, %ds
	movb	0x484, %bl		/* BIOS data area: rows - 1, bytes a character */
	movw	0x485, %cx
	popw	%ds
	incb	%bl
	movb	%bl, PARAMS + 0x0e
	movw	%cx, PARAMS + 0x10
	ret

check_long_mode:
	movl	$0x80000000, %eax
	cpuid
	cmpl	$0x80000001, %eax
	jb	1f
	movl	$0x80000001, %eax
	cpuid
	btl	$29, %edx
	jnc	1f
	ret
1:	movw	$S(no_long_mode), %si
	jmp	refuse_16

/* The loader put us above 1 MiB, so most have done it; else BIOS, then port 0x92. */
enable_a20:
	call	test_a20
	jne	1f
	movw	$0x2401, %ax
	int	$0x15
	call	test_a20
	jne	1f
	inb	$0x92, %al
	orb	$2, %al
	andb	$0xfe, %al		/* bit 0 resets */
	outb	%al, $0x92
	movw	$0xffff, %cx
2:	call	test_a20
	jne	1f
	loop	2b
	movw	$S(no_a20), %si
	jmp	refuse_16
1:	ret

/* ZF clear: 0x100500 is not 0x500. The word at 0x500 is put back. */
test_a20:
	pushw	%ds
	pushw	%es
	xorw	%ax, %ax
	movw	%ax, %ds
	notw	%ax
	movw	%ax, %es
	movw	0x500, %bx
	movw	%es:0x510, %ax
	notw	%ax
	movw	%ax, 0x500
	outb	%al, $0x80
	cmpw	%es:0x510, %ax
	movw	%bx, 0x500
	popw	%es
	popw	%ds
	ret

/* SI = text. On the BIOS's screen; it may have none to a serial port. */
refuse_16:
	lodsb
	testb	%al, %al
	jz	1f
	movb	$0x0e, %ah
	xorw	%bx, %bx
	int	$0x10
	jmp	refuse_16
1:	hlt
	jmp	1b

	.balign	8
gdt:	.quad	0, 0
	.quad	0x00cf9b000000ffff	/* 0x10: code, 32 bits */
	.quad	0x00cf93000000ffff	/* 0x18: data */
	.quad	0x00af9b000000ffff	/* 0x20: code, 64 bits */
gdt_limit:
	.word	gdt_limit - gdt - 1
gdt_base:
	.long	S(gdt)
null_idt:
	.word	0
	.long	0
far_target:
	.long	0
	.word	0x10
no_long_mode:
	.asciz	"Baton: E01: this processor has no 64-bit mode\r\n"
no_a20:
	.asciz	"Baton: E01: address line 20 cannot be switched on\r\n"
	.globl	setup_version
setup_version:
	.ascii	"Baton "
	.ascii	BATON_VERSION
	.ascii	" ("
	.ascii	BATON_COMMIT
	.asciz	")"
	.code64

	.section .note.GNU-stack, "", @progbits
