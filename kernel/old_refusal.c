// SPDX-License-Identifier: MIT
#include "kernel/old_refusal.h"

#include "boot/efimap.h"
#include "boot/last.h"
#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/previous.h"
#include "lib/range.h"
#include "x86/cpu.h"

#define HIGH_START	0x100000ull
#define FOUR_GIB	0x100000000ull
#define FREE_MAX	512u

static struct report_refusal refusal;
static uint64_t found_at;		/* 0: nothing */

static void look_at(struct boot_info *info, uint64_t address, uint64_t end)
{
	struct problem damaged = { .code = OK };
	struct report_refusal fresh;
	uint64_t magic;

	if (!range_contains(info->readable, address, address + sizeof(magic)) ||
	    *(const uint64_t *)cpu_phys_pointer(address) != REPORT_MAGIC)
		return;
	if (end > address + LAST_RECORD_MAX)
		end = address + LAST_RECORD_MAX;
	while (end > address + sizeof(magic) && !range_contains(info->readable, address, end))
		end = (end - 1) & ~(uint64_t)(MM_PAGE_BYTES - 1);
	if (end < address + sizeof(magic))
		return;
	switch (last_judge(cpu_phys_pointer(address), end - address, address, &fresh, &damaged)) {
	case LAST_REFUSED:
		refusal = fresh;
		found_at = address;
		break;
	case LAST_DAMAGED:
		if (info->note_count < BOOT_NOTES_MAX)
			info->notes[info->note_count++] = damaged;
		break;
	default:
		break;
	}
}

static void search(struct boot_info *info, uint64_t from, uint64_t to, uint64_t end)
{
	for (uint64_t at = from; at < to; at += MM_PAGE_BYTES)
		look_at(info, at + LAST_PAGE_OFFSET, end);
}

void old_refusal_find(struct boot_info *info)
{
	static struct place_range free[FREE_MAX];
	struct problem unheard = { .code = OK };
	unsigned count;

	if (previous.found || efimap_list_free(&info->efi_map, false, free, FREE_MAX, &count, &unheard) != OK)
		return;
	for (unsigned i = 0; i < count; i++) {
		uint64_t base = free[i].base, end = base + free[i].size;

		base = base > HIGH_START ? base : HIGH_START;
		end = end < FOUR_GIB ? end : FOUR_GIB;
		if (base >= end)
			continue;
		if (end - base <= 2 * LAST_REACH) {
			search(info, base, end, end);
		} else {
			search(info, base, base + LAST_REACH, end);
			search(info, end - LAST_REACH, end, end);
		}
	}
}

void old_refusal_tell(void)
{
	if (!found_at)
		return;
	log_text("The last start %s. E%02u: %s", refusal.failure == E_HUNG ? "hung" : "was refused", refusal.failure,
		 refusal.text);
	log_event("last", "code=E%02u at=0x%lx generation=%lu seed=%lu entry=\"%s\" text=\"%s\"",
		  refusal.failure, found_at, refusal.generation, refusal.seed, refusal.entry, refusal.text);
}

void old_refusal_forget(const struct boot_info *info)
{
	const struct phys *phys = &kernel_memory.phys;

	for (unsigned i = 0; found_at && info->efi == EFI_NONE && i < phys->range_count; i++) {
		const struct mm_range *idle = &phys->untouched[i];

		if (found_at < idle->base || found_at - idle->base >= idle->size)
			continue;
		*(uint64_t *)cpu_phys_pointer(found_at) = 0;
		/* order: the store before its write-back. pairs with: memory after a reset. else: it is told twice */
		cpu_mfence();
		cpu_clflush(cpu_phys_pointer(found_at));
		found_at = 0;
	}
}
