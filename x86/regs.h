/* SPDX-License-Identifier: MIT */
/*
 * Numbers of the architecture, for C and assembly: control registers, MSRs, local APIC, selectors,
 * vectors, IST slots. Source: Intel SDM volumes 3A (2.5, 2.2.1, 11) and 4; AMD APM volume 2.
 */
#ifndef X86_REGS_H
#define X86_REGS_H

#define CR0_PE			0x00000001
#define CR0_MP			0x00000002
#define CR0_EM			0x00000004
#define CR0_TS			0x00000008
#define CR0_ET			0x00000010
#define CR0_NE			0x00000020
#define CR0_WP			0x00010000
#define CR0_NW			0x20000000
#define CR0_CD			0x40000000
#define CR0_PG			0x80000000

#define CR4_PAE			0x00000020
#define CR4_MCE			0x00000040
#define CR4_PGE			0x00000080
#define CR4_OSFXSR		0x00000200
#define CR4_OSXMMEXCPT		0x00000400
#define CR4_LA57		0x00001000
#define CR4_PCIDE		0x00020000
#define CR4_OSXSAVE		0x00040000

#define EFER_SCE		0x001
#define EFER_LME		0x100
#define EFER_LMA		0x400
#define EFER_NXE		0x800

#define MSR_APIC_BASE		0x1b
#define MSR_TSC_ADJUST		0x3b
#define MSR_MTRR_CAP		0xfe
#define MSR_MCG_CAP		0x179
#define MSR_MCG_STATUS		0x17a
#define MSR_MISC_ENABLE		0x1a0
#define MSR_DEBUGCTL		0x1d9
#define MSR_MTRR_PHYS_BASE0	0x200		/* base, mask pairs */
#define MSR_MTRR_FIX64K		0x250
#define MSR_MTRR_FIX16K		0x258		/* 0x258, 0x259 */
#define MSR_MTRR_FIX4K		0x268		/* 0x268 - 0x26f */
#define MSR_PAT			0x277
#define MSR_MTRR_DEF_TYPE	0x2ff
#define MSR_PERF_GLOBAL_CTRL	0x38f
#define MSR_MC0_CTL		0x400		/* ctl, status, addr, misc: 4 a bank */
#define MSR_TSC_DEADLINE	0x6e0
#define MSR_X2APIC		0x800		/* + xAPIC offset / 16 */
#define MSR_X2APIC_ID		0x802
#define MSR_X2APIC_ICR		0x830
#define MSR_EFER		0xc0000080
#define MSR_FS_BASE		0xc0000100
#define MSR_GS_BASE		0xc0000101
#define MSR_KERNEL_GS_BASE	0xc0000102

#define APIC_BASE_BSP		0x100
#define APIC_BASE_EXTD		0x400
#define APIC_BASE_EN		0x800

#define APIC_ID			0x020
#define APIC_VERSION		0x030
#define APIC_TPR		0x080
#define APIC_EOI		0x0b0
#define APIC_SVR		0x0f0
#define APIC_ISR		0x100		/* 8 registers, 0x10 apart */
#define APIC_IRR		0x200		/* likewise */
#define APIC_ESR		0x280
#define APIC_LVT_CMCI		0x2f0
#define APIC_ICR_LOW		0x300
#define APIC_ICR_HIGH		0x310
#define APIC_LVT_TIMER		0x320
#define APIC_LVT_THERMAL	0x330
#define APIC_LVT_PMC		0x340
#define APIC_LVT_LINT0		0x350
#define APIC_LVT_LINT1		0x360
#define APIC_LVT_ERROR		0x370
#define APIC_TIMER_INITIAL	0x380

#define APIC_SVR_ENABLE		0x100
#define APIC_LVT_MASKED		0x10000

/* ICR low words; always targeted, physical destination. */
#define ICR_BUSY		0x01000
#define ICR_FIXED		0x04000		/* | vector */
#define ICR_NMI			0x04400
#define ICR_INIT_ASSERT		0x0c500
#define ICR_INIT_DEASSERT	0x08500
#define ICR_SIPI		0x04600		/* | page number */

/* Selectors: the same numbers in trampoline, kernel and block (protocol rule 2). */
#define SEL_CODE		0x10
#define SEL_DATA		0x18
#define SEL_TSS			0x20
/* Byte of a descriptor with type, DPL and P; bit 1 of a TSS's: busy (SDM 3A 8.2.3). */
#define DESCRIPTOR_TYPE		5
/* Where the base begins in what LGDT, LIDT, SGDT and SIDT take (SDM 3A 2.4). */
#define POINTER_BASE		2

/* Interrupt stack table slots: the same in kernel and block (protocol rule 2). 0: the current stack. */
#define IST_DF			1
#define IST_NMI			2
#define IST_MC			3

#define VECTOR_DB		1
#define VECTOR_NMI		2
#define VECTOR_DF		8
#define VECTOR_PF		14
#define VECTOR_MC		18
#define VECTOR_EXCEPTIONS	32		/* below: exceptions */
#define VECTOR_CALL		0xf0		/* cross call (smp/call.h) */
#define VECTOR_ERROR		0xfe		/* local APIC error, always masked */
#define VECTOR_SPURIOUS		0xff

#endif
