// SPDX-License-Identifier: MIT
#include "x86/entry/trampoline.h"

#include <stdbool.h>

#include "x86/cpu.h"
#include "x86/regs.h"

#define LOW_PAGE_LIMIT	0xa0000u
#define PAGE		4096u
#define FOUR_GIB	(1ull << 32)

extern const uint8_t trampoline_start[], trampoline_long[], trampoline_end[];

/* Flat 64-bit code and data, accessed bits set: no load of a selector writes to the page. */
#define GDT_CODE	0x00af9b000000ffffull
#define GDT_DATA	0x00cf93000000ffffull

static bool config_fits(const struct trampoline_config *c)
{
	if (c->page == 0 || c->page % PAGE || c->page >= LOW_PAGE_LIMIT)
		return false;
	if (c->cr3 >= FOUR_GIB || c->scratch_top >= FOUR_GIB || c->scratch_top % 16 || c->scratch_top < 64)
		return false;
	return (c->scratch_top & 0xffff) <= c->page + TRAMPOLINE_PARAMS;
}

/* Volatile: the page is read by real-mode code only, and in this order on the way in (gate last). */
static void page_fill(volatile uint8_t *page, const struct trampoline_params *params)
{
	uint64_t code = (uint64_t)(trampoline_end - trampoline_start);
	const uint8_t *p = (const uint8_t *)params;
	uint64_t i;

	for (i = 0; i < PAGE; i++)
		page[i] = i < code ? trampoline_start[i] : 0xcc;
	for (i = sizeof(params->gate); i < sizeof(*params); i++)
		page[TRAMPOLINE_PARAMS + i] = p[i];
	*(volatile uint32_t *)(page + TRAMPOLINE_PARAMS) = params->gate;
}

static void idt_fill(uint8_t *idt, uint64_t page)
{
	uint64_t target = page + (uint64_t)(trampoline_long - trampoline_start);
	unsigned i;

	for (i = 0; i < 48; i++)
		idt[i] = 0;
	idt[10] = (uint8_t)(page >> 4);		/* vector 2 of real mode: segment page >> 4, offset 0 */
	idt[11] = (uint8_t)(page >> 12);
	idt[32] = (uint8_t)target;		/* gate 2 of long mode: the page lies below 1 MiB */
	idt[33] = (uint8_t)(target >> 8);
	idt[34] = SEL_CODE;
	idt[37] = 0x8e;				/* present, interrupt gate, no IST */
	idt[38] = (uint8_t)(target >> 16);
}

enum status trampoline_install(const struct trampoline_config *config, struct problem *p)
{
	uint64_t page = config->page, cr0 = cpu_read_cr0();
	struct trampoline_params params = {
		.gate = TRAMPOLINE_OPEN,
		.cr3 = (uint32_t)config->cr3,
		.cr4 = (uint32_t)config->cr4,
		.efer = EFER_LME | EFER_NXE,
		.cr0 = CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE,
		.stack_offset = (uint32_t)config->scratch_top,
		.stack_segment = (uint32_t)((page + TRAMPOLINE_PARAMS - (config->scratch_top & 0xffff)) >> 4),
		.far_offset = (uint32_t)(page + (uint64_t)(trampoline_long - trampoline_start)),
		.far_selector = SEL_CODE,
		.gdt_limit = 4 * 8 - 1,
		.gdt_base = (uint32_t)(page + TRAMPOLINE_PARAMS + TP_GDT),
		.apic_base = config->x2apic ? APIC_BASE_EXTD : 0,
		.idt_limit = 47,
		.idt_base = (uint32_t)(page + TRAMPOLINE_PARAMS + TP_IDT),
		.entry = config->entry,
		.table = config->table,
		.count = config->count,
		.gdt = { 0, 0, GDT_CODE, GDT_DATA, 0 },
	};

	if (!config_fits(config))
		return problem_set(p, E_LOW_PAGE, "trampoline: page %llx, cr3 %llx or scratch %llx does not fit",
				   (unsigned long long)page, (unsigned long long)config->cr3,
				   (unsigned long long)config->scratch_top);
	if (!(cpu_rdmsr(MSR_EFER) & EFER_NXE))
		params.efer = EFER_LME;
	idt_fill(params.idt, page);
	cpu_write_cr0(cr0 & ~(uint64_t)CR0_WP);
	page_fill(cpu_phys_pointer(page), &params);
	cpu_write_cr0(cr0);
	return OK;
}

void trampoline_close(uint64_t page)
{
	uint64_t cr0 = cpu_read_cr0();

	cpu_write_cr0(cr0 & ~(uint64_t)CR0_WP);
	*(volatile uint32_t *)cpu_phys_pointer(page + TRAMPOLINE_PARAMS) = TRAMPOLINE_CLOSED;
	cpu_write_cr0(cr0);
	/* order: CLOSED before the marks are read and before the caller frees what the page names. pairs with:
	 * trampoline_start, which marks between two looks at the gate. else: a late CPU comes in through tables that
	 * are gone, or without having been seen. */
	cpu_mfence();
}

bool trampoline_entered(uint64_t page, uint32_t apic_id)
{
	const volatile struct trampoline_params *params = cpu_phys_pointer(page + TRAMPOLINE_PARAMS);

	return params->entered[(apic_id & 0xff) / 32] >> apic_id % 32 & 1;
}
