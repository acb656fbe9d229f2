// SPDX-License-Identifier: MIT
#include "kernel/previous.h"

#include "boot/efimap.h"
#include "kernel/log.h"
#include "kernel/memory.h"
#include "lib/range.h"
#include "lib/string.h"
#include "smp/cpu.h"
#include "smp/online.h"

#define FOUR_GIB 0x100000000ull
#define SCAN_BYTES_MAX 0x1000000ull	/* of one reserved range: Baton's, or firmware's beside it */

struct previous previous;

static void note(struct boot_info *info, const struct problem *problem)
{
	if (problem->code && info->note_count < BOOT_NOTES_MAX)
		info->notes[info->note_count++] = *problem;
}

static bool readable(const struct boot_info *info, uint64_t base, uint64_t size)
{
	return !info->readable || range_contains(info->readable, base, base + size);
}

/* Bytes from address on that are reserved and can be read. */
static uint64_t reserved_run(const struct boot_info *info, uint64_t address)
{
	uint64_t end = address;

	while (end < FOUR_GIB && readable(info, end, MM_PAGE_BYTES) &&
	       efimap_is_type(&info->efi_map, end, MM_PAGE_BYTES, EFI_TYPE_RESERVED))
		end += MM_PAGE_BYTES;
	return end - address;
}

/* The block's ranges are reserved in the map that came with it, all of them. */
static enum status check_ranges(const struct boot_info *info, const struct old_block *block,
				struct problem *problem)
{
	for (uint32_t i = 0; i < block->range_count; i++)
		if (!efimap_is_type(&info->efi_map, block->ranges[i].base, block->ranges[i].size, EFI_TYPE_RESERVED))
			return problem_set(problem, E_OLD_BLOCK,
					   "block 0x%lx of the generation before: 0x%lx bytes at 0x%lx not reserved",
					   block->base, block->ranges[i].size, block->ranges[i].base);
	return OK;
}

static enum status take_report(const struct boot_info *info, const struct old_block *block,
			       const struct report_header **report, struct problem *problem)
{
	uint64_t length = reserved_run(info, block->report & ~(MM_PAGE_BYTES - 1)), into;
	enum status s;

	*report = NULL;
	if (!block->report)
		return OK;
	into = block->report & (MM_PAGE_BYTES - 1);
	if (block->report % 8 || length < into)
		return problem_set(problem, E_OLD_BLOCK, "block 0x%lx of the generation before: report at 0x%lx",
				   block->base, block->report);
	s = old_report_check((const void *)block->report, length - into, problem);
	if (s == OK)
		*report = (const struct report_header *)block->report;
	return s;
}

static void name_ranges(struct previous *p)
{
	const struct report_header *r = p->report;

	for (uint32_t i = 0; r && i < r->reserved.count; i++) {
		const struct report_reserved *range = old_report_entry(r, &r->reserved, i);

		for (uint32_t k = 0; k < p->block.range_count; k++)
			if (range->base == p->block.ranges[k].base)
				memcpy(p->owner[k], range->what, sizeof(p->owner[k]) - 1);
	}
}

static void look_at(struct boot_info *info, uint64_t base)
{
	struct problem problem = { .code = OK };
	const struct report_header *report;
	struct old_block block;
	enum status s;

	if (!readable(info, base, sizeof(struct block_header)) || !old_block_magic((const void *)base))
		return;
	s = old_block_parse(&block, base, (const void *)base, reserved_run(info, base), &problem);
	if (s == OK)
		s = check_ranges(info, &block, &problem);
	if (s == OK)
		s = take_report(info, &block, &report, &problem);
	if (s != OK)
		note(info, &problem);
	else if (!previous.found || block.generation > previous.block.generation)
		previous = (struct previous){ .found = true, .block = block, .report = report };
}

/* Where usable memory below 4 GiB ends. */
static uint64_t usable_end(const struct efi_map *map)
{
	uint64_t end = 0;

	for (unsigned i = 0; i < efimap_count(map); i++) {
		const struct efi_descriptor *d = efimap_at(map, i);

		if (d->type == EFI_TYPE_CONVENTIONAL && d->phys < FOUR_GIB)
			end = d->phys + d->pages * MM_PAGE_BYTES;
	}
	return end < FOUR_GIB ? end : FOUR_GIB;
}

/* Every page of a range: another kernel between the two hands on e820, where neighbours are one range, as with a BIOS
 * below 1 MiB. Above memory there are devices, whose registers nobody reads for nothing. */
void previous_find(struct boot_info *info)
{
	const struct efi_map *map = &info->efi_map;
	uint64_t end = usable_end(map);

	for (unsigned i = 0; i < efimap_count(map); i++) {
		const struct efi_descriptor *d = efimap_at(map, i);
		uint64_t size = d->pages * MM_PAGE_BYTES;

		if (d->type != EFI_TYPE_RESERVED || d->phys >= FOUR_GIB)
			continue;
		if (d->phys >= end || size > SCAN_BYTES_MAX)
			size = MM_PAGE_BYTES;
		for (uint64_t at = 0; at < size; at += MM_PAGE_BYTES)
			if (d->phys + at)
				look_at(info, d->phys + at);
	}
	name_ranges(&previous);
}

enum status previous_take_back(struct boot_info *info, struct problem *problem)
{
	const struct old_block *block = &previous.block;
	enum status s = OK;

	for (uint32_t i = 0; previous.found && s == OK && i < block->range_count; i++) {
		s = efimap_free(&info->efi_map, block->ranges[i].base, block->ranges[i].size, problem);
		if (s == OK)
			s = memory_avoid(block->ranges[i].base, block->ranges[i].size, problem);
	}
	return s;
}

/* Arrived in this trampoline, or runs this code; what firmware calls disabled was never started by the old one. */
static bool accounted_for(uint32_t apic_id)
{
	for (unsigned i = 0; i < smp_cpu_count(); i++) {
		enum cpu_state state = cpu_state(smp_cpu(i));

		if (smp_cpu(i)->apic_id == apic_id)
			return state == CPU_BOSS || state == CPU_ONLINE || state == CPU_DISABLED;
	}
	return false;
}

static enum status keep(struct boot_info *info, struct problem *problem)
{
	const struct old_block *block = &previous.block;
	enum status s = OK;

	for (uint32_t i = 0; s == OK && i < block->range_count; i++) {
		s = memory_reserve_at(info, "old-block", block->ranges[i].base, block->ranges[i].size, problem);
		if (s == OK)
			kernel_memory.reserved[kernel_memory.reserved_count - 1].kept = true;
	}
	return s;
}

enum status previous_release(struct boot_info *info, struct problem *problem)
{
	const struct old_block *block = &previous.block;
	uint32_t missing = 0, first = 0;
	enum status s;

	for (uint32_t i = 0; previous.found && i < block->cpu_count; i++)
		if (!accounted_for(block->cpus[i]) && !missing++)
			first = block->cpus[i];
	if (previous.found)
		log_event("old-block", "base=0x%lx size=%lu generation=%lu cpus=%u missing=%u", block->base,
			  block->size, block->generation, block->cpu_count, missing);
	if (!missing)
		return OK;
	s = keep(info, problem);
	if (s != OK)
		return s;
	return problem_set(problem, E_OLD_CPU,
			   "CPU with APIC ID %u of generation %lu's block 0x%lx did not arrive, %u in all: it stays",
			   first, block->generation, block->base, missing);
}
