/* SPDX-License-Identifier: MIT */
/*
 * The page below 1 MiB where a CPU begins after SIPI: real mode to long mode at once, then APIC ID -> table entry ->
 * stack, argument, jump. One page serves bring-up and the recall of protocol rule 14: only its parameters differ.
 */
#ifndef X86_ENTRY_TRAMPOLINE_H
#define X86_ENTRY_TRAMPOLINE_H

#define TRAMPOLINE_OPEN		0x4e45504f	/* "OPEN": CPUs may come in; any other value: they halt */
#define TRAMPOLINE_CLOSED	0x53444c43
#define TRAMPOLINE_PARAMS	0xc00		/* offset of struct trampoline_params in the page */

/* Offsets in struct trampoline_params, asserted below. */
#define TP_GATE			0x00
#define TP_CR3			0x04
#define TP_CR4			0x08
#define TP_EFER			0x0c
#define TP_CR0			0x10
#define TP_STACK		0x14
#define TP_FAR_OFFSET		0x1c
#define TP_GDTR			0x24
#define TP_APIC_BASE		0x2a
#define TP_IDTR			0x2c
#define TP_COUNT		0x34
#define TP_ENTRY		0x38
#define TP_TABLE		0x40
#define TP_GDT			0x48
#define TP_IDT			0x70
#define TP_ENTERED		0xa0

/* Offsets in struct trampoline_cpu and its size, likewise. */
#define TC_APIC_ID		0
#define TC_STACK_TOP		8
#define TC_ARGUMENT		16
#define TC_BYTES		24

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/status.h"

/* One CPU that may come in. The table lies in memory that both views map, sorted or not. */
struct trampoline_cpu {
	uint32_t apic_id;
	uint32_t reserved;
	uint64_t stack_top;
	uint64_t argument;		/* RDI at the entry */
};

_Static_assert(sizeof(struct trampoline_cpu) == TC_BYTES, "trampoline.S");
_Static_assert(offsetof(struct trampoline_cpu, apic_id) == TC_APIC_ID, "trampoline.S");
_Static_assert(offsetof(struct trampoline_cpu, stack_top) == TC_STACK_TOP, "trampoline.S");
_Static_assert(offsetof(struct trampoline_cpu, argument) == TC_ARGUMENT, "trampoline.S");

/* What the caller chooses. All addresses physical = virtual under cr3. */
struct trampoline_config {
	uint64_t page;			/* the page, below 640 KiB, identity mapped under cr3, executable */
	uint64_t cr3;			/* below 4 GiB: loaded by 32-bit code */
	uint64_t cr4;			/* PAE, and LA57 as found (rule 5) */
	uint64_t scratch_top;		/* 16-byte aligned, below 4 GiB, 64 writable bytes under it: an NMI's frame
					 * may land there and is never read. Its low 16 bits must not exceed page +
					 * 0xc00: always true of a page from 64 KiB up */
	uint64_t entry;			/* 64-bit code: RDI = argument, RSP = stack_top, IF=0, CS 0x10, SS 0x18. Until
					 * it loads its own IDT an NMI starts it again, so it clears its TSS's busy
					 * bit; its first IRETQ opens NMIs */
	uint64_t table;			/* struct trampoline_cpu[count], mapped under cr3 */
	uint32_t count;
	bool x2apic;			/* the boss's mode: a CPU that INIT took out of it comes back to it */
};

/* The page's parameter block; filled by trampoline_install(). */
struct trampoline_params {
	uint32_t gate;			/* TRAMPOLINE_OPEN or not, read in real mode before anything else */
	uint32_t cr3, cr4, efer, cr0;
	uint32_t stack_offset;		/* m16:32 for LSS: in real mode SS:SP lies in the page, ESP is the scratch */
	uint32_t stack_segment;
	uint32_t far_offset;		/* m16:32 for the far jump into 64-bit code */
	uint32_t far_selector;
	uint16_t gdt_limit;
	uint32_t gdt_base;
	uint16_t apic_base;		/* set in IA32_APIC_BASE: EXTD where the boss is in x2APIC mode, else nothing */
	uint16_t idt_limit;
	uint32_t idt_base;
	uint16_t pad1;
	uint32_t count;
	uint64_t entry, table;
	uint64_t gdt[5];		/* null, null, code, data, end */
	uint8_t idt[48];		/* real-mode vector 2 at byte 8 and long-mode gate 2 at byte 32, both valid */
	uint32_t entered[8];		/* W: CPUs, locked, real mode. R: boss, after the gate is closed: by the low 8
					 * bits of the APIC ID, who has found it open */
} __attribute__((packed));

_Static_assert(sizeof(struct trampoline_params) == 192, "it and the stack below fit the page");
_Static_assert(offsetof(struct trampoline_params, gate) == TP_GATE, "trampoline.S");
_Static_assert(offsetof(struct trampoline_params, cr3) == TP_CR3, "trampoline.S");
_Static_assert(offsetof(struct trampoline_params, cr4) == TP_CR4, "trampoline.S");
_Static_assert(offsetof(struct trampoline_params, efer) == TP_EFER, "trampoline.S");
_Static_assert(offsetof(struct trampoline_params, cr0) == TP_CR0, "trampoline.S");
_Static_assert(offsetof(struct trampoline_params, stack_offset) == TP_STACK, "trampoline.S");
_Static_assert(offsetof(struct trampoline_params, far_offset) == TP_FAR_OFFSET, "trampoline.S");
_Static_assert(offsetof(struct trampoline_params, gdt_limit) == TP_GDTR, "trampoline.S");
_Static_assert(offsetof(struct trampoline_params, apic_base) == TP_APIC_BASE, "trampoline.S");
_Static_assert(offsetof(struct trampoline_params, idt_limit) == TP_IDTR, "trampoline.S");
_Static_assert(offsetof(struct trampoline_params, entry) == TP_ENTRY, "trampoline.S");
_Static_assert(offsetof(struct trampoline_params, table) == TP_TABLE, "trampoline.S");
_Static_assert(offsetof(struct trampoline_params, count) == TP_COUNT, "trampoline.S");
_Static_assert(offsetof(struct trampoline_params, gdt) == TP_GDT, "trampoline.S");
_Static_assert(offsetof(struct trampoline_params, idt) == TP_IDT, "trampoline.S");
_Static_assert(offsetof(struct trampoline_params, entered) == TP_ENTERED, "trampoline.S");

/* Copies the code into the page (rest 0xCC), fills the parameters, opens the gate. Writes through a read-only
 * mapping (CR0.WP is cleared meanwhile): the page may be mapped R-X. Interrupts off. No CPU may be on its way in.
 * E_LOW_PAGE: an address does not fit. */
enum status MUST_CHECK trampoline_install(const struct trampoline_config *config, struct problem *p);

/* CPUs that come from now on halt in the page. Those already past the check are known by their mark. */
void trampoline_close(uint64_t page);

/* After trampoline_close(): whether that CPU has found the gate open, so that it may run in the caller's memory. With
 * IDs above 255 also true if one of the same low 8 bits has. Never false for one that came in. */
bool trampoline_entered(uint64_t page, uint32_t apic_id);

#endif
#endif
