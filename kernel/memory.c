// SPDX-License-Identifier: MIT
#include "kernel/memory.h"

#include "boot/efimap.h"
#include "kernel/image.h"
#include "kernel/kernel.h"
#include "lib/range.h"
#include "lib/string.h"
#include "x86/cpu.h"
#include "x86/regs.h"

#define LOW_MEMORY_END	0xa0000ull
#define HIGH_START	0x100000ull
#define FOUR_GIB	0x100000000ull
#define FREE_RANGES_MAX	512
#define BORDERS_MAX	8	/* of 2 MiB, that a compact reservation steps over */

struct kernel_memory kernel_memory;

static struct place_range free_ranges[FREE_RANGES_MAX];

static void read_features(struct mm_features *f)
{
	uint32_t extended = cpu_cpuid(0x80000000, 0).eax;

	f->pat = mm_pat_with_wc(cpu_rdmsr(MSR_PAT));	/* every CPU gets it when it is taken (smp/online.h) */
	f->phys_bits = extended >= 0x80000008 ? cpu_cpuid(0x80000008, 0).eax & 0xff : 36;
	f->nx = (cpu_rdmsr(MSR_EFER) & EFER_NXE) != 0;
	f->page_1g = extended >= 0x80000001 && (cpu_cpuid(0x80000001, 0).edx >> 26 & 1);
	f->lam = cpu_cpuid(0, 0).eax >= 7 && cpu_cpuid(7, 0).eax && (cpu_cpuid(7, 1).eax >> 26 & 1);
}

/* Read-only must bind us, too, and data must not execute: UEFI firmware sets both bits, a loader may not have. The APs
 * take over the boss's CR0 and EFER, the block its CR0. */
static void enable_protection(void)
{
	/* Caches on: a BIOS and its loaders may leave them off, every CPU gets the boss's CR0, and MONITOR arms on
	 * write-back memory only. */
	cpu_write_cr0((cpu_read_cr0() & ~(uint64_t)(CR0_CD | CR0_NW)) | CR0_WP);
	if (cpu_cpuid(0x80000000, 0).eax >= 0x80000001 && (cpu_cpuid(0x80000001, 0).edx >> 20 & 1))
		cpu_wrmsr(MSR_EFER, cpu_rdmsr(MSR_EFER) | EFER_NXE);
}

static enum status reserve_digests(struct boot_info *info, const char *what, const struct boot_plan *plan,
				   struct problem *problem)
{
	return memory_reserve_at(info, what, (uintptr_t)plan->digest_table,
				 mm_page_up((uint64_t)plan->digest_capacity * sizeof(struct chunk_digest)), problem);
}

enum status memory_open(struct boot_info *info, struct problem *problem)
{
	struct kernel_memory *m = &kernel_memory;
	enum status s = efimap_prepare(&info->efi_map, problem);

	if (s != OK)
		return s;
	enable_protection();
	read_features(&m->features);
	m->levels = cpu_read_cr4() & CR4_LA57 ? 5 : 4;
	m->ram_bytes = efimap_ram_bytes(&info->efi_map);
	/* The next kernel reads firmware's map where it is; one made from e820 is ours alone. */
	if (info->efi == EFI_PHYSICAL)
		s = memory_reserve_at(info, "efi-map", info->efi_map.base & ~(MM_PAGE_BYTES - 1),
				      mm_page_up((info->efi_map.base & (MM_PAGE_BYTES - 1)) + info->efi_map.capacity),
				      problem);
	for (unsigned i = 0; s == OK && i < info->plan.segment_count; i++)
		if (info->plan.segments[i].source)
			s = memory_avoid(info->plan.segments[i].dest, info->plan.segments[i].reserved_size, problem);
	if (s == OK && info->low_page)
		s = memory_reserve_at(info, "trampoline", info->low_page, MM_PAGE_BYTES, problem);
	if (s == OK && info->plan.digest_table)
		s = reserve_digests(info, "digests", &info->plan, problem);
	if (s == OK && info->fallback.segment_count)
		s = reserve_digests(info, "digests-2", &info->fallback, problem);
	return s;
}

enum status memory_reserve_at(struct boot_info *info, const char *what, uint64_t base, uint64_t size,
			      struct problem *problem)
{
	struct kernel_memory *m = &kernel_memory;
	enum status s;

	if (m->reserved_count == MEMORY_RESERVED_MAX)
		return problem_set(problem, E_NO_MEMORY, "reservation %s: table of %u is full", what,
				   MEMORY_RESERVED_MAX);
	s = efimap_carve(&info->efi_map, base, size, EFI_TYPE_RESERVED, problem);
	if (s == OK)
		m->reserved[m->reserved_count++] = (struct reserved_range){ what, base, size, false };
	return s;
}

enum status memory_avoid(uint64_t base, uint64_t size, struct problem *problem)
{
	struct kernel_memory *m = &kernel_memory;

	if (m->avoid_count == MEMORY_AVOID_MAX)
		return problem_set(problem, E_NO_MEMORY, "more than %u ranges to avoid", MEMORY_AVOID_MAX);
	m->avoid[m->avoid_count++] = (struct place_range){ base, size };
	return OK;
}

enum status memory_find(const struct boot_info *info, uint64_t size, bool compact, uint64_t *base,
			struct problem *problem)
{
	/* The first MiB is the next kernel's own; nothing of ours but the trampoline page lies there. */
	struct place_range avoid[1 + MEMORY_AVOID_MAX + BORDERS_MAX] = { { 0, HIGH_START } };
	unsigned fixed = 1 + kernel_memory.avoid_count;
	uint64_t bytes = mm_page_up(size), first = 0, border;
	enum status s;

	memcpy(&avoid[1], kernel_memory.avoid, sizeof(avoid[0]) * kernel_memory.avoid_count);
	for (unsigned count = fixed;; count++) {
		struct problem unused = { 0 };

		s = efimap_find_hole(&info->efi_map, bytes, MM_PAGE_BYTES, FOUR_GIB, avoid, count, base,
				     count == fixed ? problem : &unused);
		if (count == fixed)
			first = *base;
		border = (*base + MM_2M_BYTES) & ~(MM_2M_BYTES - 1);
		if (s == OK && (!compact || bytes > MM_2M_BYTES || *base + bytes <= border))
			return OK;
		if (s != OK || count == fixed + BORDERS_MAX)
			break;
		avoid[count] = (struct place_range){ border - MM_PAGE_BYTES, 2 * MM_PAGE_BYTES };
	}
	*base = first;
	return first ? OK : s;
}

void memory_add_device(const char *what, uint64_t base, uint64_t size, enum mm_cache cache)
{
	struct kernel_memory *m = &kernel_memory;
	uint64_t start = mm_page_down(base), end = mm_page_up(base + size);

	for (unsigned i = 0; i < m->device_count; i++)
		if (m->devices[i].base <= start && end <= m->devices[i].base + m->devices[i].size)
			return;
	if (!base || m->device_count == MEMORY_DEVICES_MAX)
		return;
	m->devices[m->device_count++] = (struct identity_range){
		start, end - start, MM_WRITE | MM_CACHE(cache), MM_PAGE_2M, what };
}

enum status memory_leak(struct boot_info *info, struct problem *problem)
{
	uint64_t base;
	enum status s = memory_find(info, MM_PAGE_BYTES, false, &base, problem);

	if (s == OK)
		s = memory_reserve_at(info, "leak", base, MM_PAGE_BYTES, problem);
	if (s == OK)
		kernel_memory.reserved[kernel_memory.reserved_count - 1].kept = true;
	return s;
}

enum status memory_start(struct boot_info *info, struct problem *problem)
{
	static struct range ranges[FREE_RANGES_MAX];
	struct kernel_memory *m = &kernel_memory;
	struct range_list usable;
	unsigned count;
	bool room = true;
	enum status s = efimap_list_free(&info->efi_map, false, free_ranges, FREE_RANGES_MAX, &count, problem);

	/* Poison costs each free a page of writes: where faults are looked for. */
	phys_init(&m->phys, faults_built_in || info->config.selftest_mm);
	range_list_init(&usable, ranges, FREE_RANGES_MAX);
	for (unsigned i = 0; s == OK && i < count; i++) {
		uint64_t start = free_ranges[i].base, end = free_ranges[i].base + free_ranges[i].size;

		/* 32-bit code loads CR3 (trampoline, hand-over), so tables come from below 4 GiB. */
		room &= range_add(&usable, start < HIGH_START ? HIGH_START : start, end > FOUR_GIB ? FOUR_GIB : end);
	}
	for (unsigned i = 0; i < m->avoid_count; i++)
		room &= range_subtract(&usable, m->avoid[i].base, m->avoid[i].base + m->avoid[i].size);
	for (unsigned i = 0; s == OK && i < usable.count; i++)
		s = phys_add(&m->phys, ranges[i].start, ranges[i].end - ranges[i].start, problem);
	if (s == OK && !room)
		return problem_set(problem, E_NO_MEMORY, "memory map: more than %u free ranges", FREE_RANGES_MAX);
	if (s == OK && !m->phys.free_pages)
		return problem_set(problem, E_NO_MEMORY, "memory map: no free page between 1 MiB and 4 GiB");
	m->tables = page_source_phys(&m->phys);
	return s;
}

struct map_list { struct identity_range *at; unsigned count, capacity; };

static void list_add(struct map_list *list, uint64_t base, uint64_t size, mm_prot prot, enum mm_page_size max,
		     const char *what)
{
	if (size && list->count < list->capacity)
		list->at[list->count++] = (struct identity_range){ base, size, prot, max, what };
}

/* RAM that we or the next image use is writable; tables of firmware read-only; firmware's own not mapped at all. */
static void list_ram(struct map_list *list, const struct efi_map *map)
{
	for (unsigned i = 0; i < efimap_count(map); i++) {
		const struct efi_descriptor *d = efimap_at(map, i);
		uint64_t size = d->pages * MM_PAGE_BYTES;

		switch (d->type) {
		case EFI_TYPE_LOADER_CODE: case EFI_TYPE_LOADER_DATA: case EFI_TYPE_BOOT_CODE: case EFI_TYPE_BOOT_DATA:
		case EFI_TYPE_CONVENTIONAL:
			list_add(list, d->phys, size, MM_WRITE, MM_PAGE_1G, "ram");
			break;
		case EFI_TYPE_ACPI_RECLAIM: case EFI_TYPE_ACPI_NVS:
			list_add(list, d->phys, size, MM_READ, MM_PAGE_2M, "acpi");
			break;
		default:
			break;
		}
	}
}

static void list_image(struct map_list *list)
{
	list_add(list, image_loaded().base, image_loaded().size, MM_READ, MM_PAGE_4K, "image");
	list_add(list, image_text().base, image_text().size, MM_EXEC, MM_PAGE_4K, "text");
	list_add(list, image_data().base, image_data().size, MM_WRITE, MM_PAGE_4K, "data");
}

static void list_segments(struct map_list *list, const struct boot_plan *plan)
{
	/* Entries of their own, so that making them read-only later splits no page that something else lives in. */
	for (unsigned i = 0; i < plan->segment_count; i++)
		list_add(list, segment_loaded(&plan->segments[i]), plan->segments[i].reserved_size, MM_WRITE,
			 MM_PAGE_2M, "segment");
}

enum status memory_map(const struct boot_info *info, struct mm_range cpus, const uint64_t *guards,
		       unsigned guard_count, struct problem *problem)
{
	struct kernel_memory *m = &kernel_memory;
	unsigned capacity = efimap_count(&info->efi_map) + guard_count + m->reserved_count + m->device_count +
			    2 * SEGMENT_MAX + 16;
	uint64_t scratch, pages = mm_page_up(capacity * sizeof(struct identity_range)) / MM_PAGE_BYTES;
	struct map_list list = { NULL, 0, capacity };
	enum status s = phys_alloc_run(&m->phys, pages, MM_PAGE_BYTES, 0, &scratch, problem);

	if (s != OK)
		return s;
	list.at = (struct identity_range *)scratch;
	list_ram(&list, &info->efi_map);
	list_segments(&list, &info->plan);
	list_segments(&list, &info->fallback);
	list_add(&list, 0, LOW_MEMORY_END, MM_WRITE, MM_PAGE_4K, "low");
	for (unsigned i = 0; i < m->reserved_count; i++)
		list_add(&list, m->reserved[i].base, m->reserved[i].size, MM_WRITE, MM_PAGE_4K, m->reserved[i].what);
	list_image(&list);
	list_add(&list, cpus.base, cpus.size, MM_WRITE, MM_PAGE_4K, "cpus");
	list_add(&list, info->low_page, info->low_page ? MM_PAGE_BYTES : 0, MM_EXEC, MM_PAGE_4K, "trampoline");
	for (unsigned i = 0; i < m->device_count; i++)
		list_add(&list, m->devices[i].base, m->devices[i].size, m->devices[i].prot, m->devices[i].max_size,
			 m->devices[i].what);
	for (unsigned i = 0; i < guard_count; i++)
		list_add(&list, guards[i], MM_PAGE_BYTES, MM_NONE, MM_PAGE_4K, "guard");

	s = space_init(&m->space, m->levels, &m->features, &m->tables, problem);
	if (s == OK) {
		m->pinned[0] = image_loaded();
		m->pinned[1] = cpus;
		m->space.pinned = m->pinned;
		m->space.pinned_count = 2;
		s = identity_map(&m->space, list.at, list.count, problem);
	}
	if (s == OK)
		cpu_write_cr3(space_cr3(&m->space));
	phys_free_run(&m->phys, scratch, pages);
	return s;
}

enum status memory_protect_placed(const struct boot_plan *plan, struct problem *problem)
{
	enum status s = OK;

	for (unsigned i = 0; s == OK && i < plan->segment_count; i++) {
		const struct boot_segment *segment = &plan->segments[i];

		if (segment->kind == SEGMENT_KERNEL || segment->kind == SEGMENT_INITRD)
			s = space_protect(&kernel_memory.space, segment_loaded(segment),
					  mm_page_up(segment->reserved_size), MM_READ, problem);
	}
	return s;
}

static enum status settle(struct boot_info *info, uint64_t base, uint64_t size, struct problem *problem)
{
	uint64_t end = mm_page_up(base + size);

	base = mm_page_down(base);
	if (!efimap_is_type(&info->efi_map, base, end - base, EFI_TYPE_LOADER_CODE) &&
	    !efimap_is_type(&info->efi_map, base, end - base, EFI_TYPE_LOADER_DATA))
		return OK;
	return efimap_free(&info->efi_map, base, end - base, problem);
}

enum status memory_settle(struct boot_info *info, struct problem *problem)
{
	enum status s = settle(info, image_loaded().base, image_loaded().size, problem);

	for (unsigned i = 0; s == OK && i < info->plan.segment_count; i++)
		s = settle(info, segment_loaded(&info->plan.segments[i]), info->plan.segments[i].reserved_size,
			   problem);
	return s;
}
