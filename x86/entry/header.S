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
/* Door 2 by the 16-bit entry is not open yet: say so through the BIOS and stop. */
	.globl	setup16_entry
setup16_entry:
	cli
	cld
	movw	%cs, %ax
	subw	$0x20, %ax		/* the loader enters at seg+0x20:0 */
	movw	%ax, %ds
	sti
	movw	$(setup16_message - file_start), %si
1:	lodsb
	testb	%al, %al
	jz	2f
	movb	$0x0e, %ah
	xorw	%bx, %bx
	int	$0x10
	jmp	1b
2:	hlt
	jmp	2b
	.globl	setup_version
setup_version:
	.ascii	"Baton "
	.ascii	BATON_VERSION
	.ascii	" ("
	.ascii	BATON_COMMIT
	.asciz	")"
setup16_message:
	.asciz	"Baton: E01: this entry (linux16) is not supported yet, start the file from UEFI\r\n"
	.code64

	.section .note.GNU-stack, "", @progbits
