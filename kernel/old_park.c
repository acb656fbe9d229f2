// SPDX-License-Identifier: MIT
#include "kernel/old_park.h"

#include "boot/efimap.h"
#include "kernel/log.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "x86/atomic.h"
#include "x86/cpu.h"
#include "x86/regs.h"

#define STACK_GAP 64u			/* below the top: where the lot's evidence would be read */

/* Where it stays. Plain: W: the CPU, before PARKED. R: boss, after it. */
static struct { uint32_t apic_id; uint64_t code, stack, line; } place;
static shared_u64 lines[2 * MONITOR_LINE_BYTES / 8] __attribute__((aligned(2 * MONITOR_LINE_BYTES)));

static uint64_t pointer_base(const uint8_t pointer[16])
{
	uint64_t base;

	memcpy(&base, pointer + 2, sizeof(base));
	return base;
}

_Noreturn void old_park(struct slot *slot, uint64_t lot_enter)
{
	uint64_t base = (uint64_t)(uintptr_t)slot;

	place.apic_id = slot->apic_id;
	place.code = (uint64_t)(uintptr_t)old_park;
	place.stack = (uint64_t)(uintptr_t)__builtin_frame_address(0);
	place.line = (uint64_t)(uintptr_t)lines;
	slot->evidence = (struct slot_evidence){
		.rip = lot_enter, .rsp = base + SLOT_STACK_TOP - STACK_GAP, .cr3 = slot->park_root,
		.cr4 = cpu_read_cr4() & ~(uint64_t)CR4_PGE, .idtr_base = pointer_base(slot->idtr),
		.gdtr_base = base + SLOT_GDT, .tr = SEL_TSS,
	};
	/* order: place and evidence before PARKED. pairs with: boss_answered(). else: the boss reads half of it */
	shared_store_release_u64(&slot->status, slot_word(0, STATUS_PARKED));
	for (;;) {
		cpu_clflush(lines);
		cpu_mfence();		/* as the kernels did; nothing here depends on it */
		cpu_monitor(lines);
		if (!shared_load_relaxed_u64(&lines[0]))
			cpu_mwait();
	}
}

/* Free for the next kernel: what Linux and Baton make usable memory of (protocol rule 17). */
static bool is_free(const struct boot_info *info, uint64_t page)
{
	return efimap_is_type(&info->efi_map, page, MM_PAGE_BYTES, EFI_TYPE_CONVENTIONAL) ||
	       efimap_is_type(&info->efi_map, page, MM_PAGE_BYTES, EFI_TYPE_LOADER_CODE) ||
	       efimap_is_type(&info->efi_map, page, MM_PAGE_BYTES, EFI_TYPE_LOADER_DATA);
}

enum status old_park_check(const struct boot_info *info, struct problem *problem)
{
	const uint64_t at[] = { place.code, place.stack, place.line };

	if (!place.code)
		return OK;
	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		uint64_t page = at[i] & ~(MM_PAGE_BYTES - 1);

		if (!is_free(info, page))
			return problem_set(problem, E_SELFTEST, "old-park: 0x%lx is not free in the next map", at[i]);
		for (unsigned s = 0; s < info->plan.segment_count; s++)
			if (page + MM_PAGE_BYTES > info->plan.segments[s].dest &&
			    page < info->plan.segments[s].dest + info->plan.segments[s].reserved_size)
				return problem_set(problem, E_SELFTEST, "old-park: 0x%lx lies in a segment", at[i]);
	}
	log_always("fault", "parked=%u code=0x%lx stack=0x%lx line=0x%lx free=1", place.apic_id, place.code,
		   place.stack, place.line);
	return OK;
}
