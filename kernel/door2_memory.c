// SPDX-License-Identifier: MIT
/* The memory map behind door 2: from firmware's own map where that is whole and true, else from e820. */
#include "boot/e820.h"
#include "boot/place.h"
#include "boot/survive.h"
#include "kernel/door2.h"
#include "kernel/image.h"
#include "kernel/loop.h"
#include "kernel/old_refusal.h"
#include "kernel/previous.h"
#include "lib/string.h"
#include "mm/found.h"
#include "x86/cpu.h"
#include "x86/regs.h"

#define FIRST_MIB		0x100000ull
#define FOUR_GIB		0x100000000ull
#define LOW_PAGE_MIN		0x10000ull	/* as door 1: both ends of low memory are firmware's favourites */
#define LOW_PAGE_MAX		0x90000ull
#define MAP_BYTES		65536u
#define MAP_GROWTH		64u		/* descriptors: kernel/'s reservations */
#define RUNTIME_MAP_MAX		65536u
#define KEPT_MAX		(8ull << 20)	/* DIGEST_SPARE_CHUNKS has room for it */
#define FREE_MAX		512u

static uint8_t map_buffer[MAP_BYTES] __attribute__((aligned(8)));

bool door2_readable(const struct door2 *d, uint64_t base, uint64_t size)
{
	return base && size && base + size > base &&
	       range_contains(&d->readable, base, base + size);
}

static const void *show(void *context, uint64_t phys, uint32_t bytes)
{
	return door2_readable(context, phys, bytes) ? (const void *)phys : NULL;
}

struct acpi_reader door2_reader(struct door2 *d)
{
	return (struct acpi_reader){ show, d };
}

/* More runs than there is room for count as not mapped. */
static enum status add_readable(void *context, uint64_t base, uint64_t size, struct problem *problem)
{
	struct door2 *d = context;

	(void)problem;
	(void)range_add(&d->readable, base, base + size);
	return OK;
}

static void add_below_4g(struct door2 *d, uint64_t base, uint64_t end)
{
	if (end > base && base < FOUR_GIB)
		(void)range_add(&d->readable, base, end < FOUR_GIB ? end : FOUR_GIB);
}

/* EFI's own tables lie in what e820 calls reserved. */
static void add_efi_memory(struct door2 *d)
{
	const struct efi_map *map = &d->in.efi.map;

	if (!door2_readable(d, map->base, map->size) || map->descriptor_size < sizeof(struct efi_descriptor))
		return;
	for (unsigned i = 0; i < efimap_count(map); i++) {
		const struct efi_descriptor *at = efimap_at(map, i);

		if (at->type == EFI_TYPE_RUNTIME_DATA && at->pages <= FOUR_GIB / MM_PAGE_BYTES)
			add_below_4g(d, at->phys, at->phys + at->pages * MM_PAGE_BYTES);
	}
}

/* Baton's own 32-bit code maps all below 4 GiB, devices too: there the e820 list says where a loader may have put
 * something. BIOSes keep their tables in ranges that it calls reserved. */
static void add_e820_ram(struct door2 *d)
{
	static struct range all = { 0, FOUR_GIB };
	static const struct range_list mapped = { &all, 1, 1 };

	d->info->readable = &mapped;
	for (unsigned i = 0; i < d->in.e820_count; i++) {
		const struct e820_entry *e = &d->in.e820[i];

		if (e->type == E820_RAM || e->type == E820_ACPI || e->type == E820_NVS)
			add_below_4g(d, e->addr, e->addr + e->size);
	}
	(void)range_add(&d->readable, 0, FIRST_MIB);
	if (d->in.efi.systab)
		add_efi_memory(d);
}

enum status door2_find_readable(struct door2 *d, struct problem *problem)
{
	unsigned levels = cpu_read_cr4() & CR4_LA57 ? 5 : 4;

	range_list_init(&d->readable, d->ranges, DOOR2_READABLE_MAX);
	d->info->readable = &d->readable;
	if (d->info->door != DOOR_LINUX64) {
		add_e820_ram(d);
		return OK;
	}
	return found_walk(cpu_read_cr3(), levels, add_readable, NULL, d, problem);
}

static bool in_image(uint64_t base, uint64_t size)
{
	return place_overlap(base, size, image_loaded().base, image_loaded().size);
}

static enum status add_e820(struct door2 *d, const struct e820_entry *list, unsigned count, struct problem *problem)
{
	if (count > DOOR2_E820_MAX - d->e820_count)
		return problem_set(problem, E_MEMORY_MAP, "e820: more than %u entries", DOOR2_E820_MAX);
	memcpy(&d->e820[d->e820_count], list, count * sizeof(*list));
	d->e820_count += count;
	return OK;
}

static enum status take_node(void *context, const struct setup_data *node, const void *data, struct problem *problem)
{
	struct door2 *d = context;

	if (in_image((uint64_t)node, sizeof(*node) + node->len))
		return problem_set(problem, E_SETUP_DATA, "setup_data node at 0x%lx lies in Baton's own memory",
				   (unsigned long)node);
	if (node->type == SETUP_DATA_E820_EXT)
		return add_e820(d, data, node->len / sizeof(struct e820_entry), problem);
	if (node->type == SETUP_DATA_EFI && node->len < sizeof(d->setup_efi))
		return problem_set(problem, E_SETUP_DATA, "setup_data: EFI node of %u bytes", node->len);
	if (node->type == SETUP_DATA_EFI) {
		memcpy(&d->setup_efi, data, sizeof(d->setup_efi));
		d->has_setup_efi = true;
	}
	return OK;
}

static enum status read_setup_data(struct door2 *d, struct problem *problem)
{
	static struct place_range ram[DOOR2_READABLE_MAX];
	uint64_t head = d->in.setup_data;
	enum status s;

	for (unsigned i = 0; i < d->readable.count; i++)
		ram[i] = (struct place_range){ d->ranges[i].start, d->ranges[i].end - d->ranges[i].start };
	s = setup_data_walk(head, ram, d->readable.count, take_node, d, problem);
	if (s != OK)
		return s;
	if (setup_data_kept_bytes(head, 0) > KEPT_MAX)
		return problem_set(problem, E_SETUP_DATA, "setup_data: more than %lu bytes in all",
				   (unsigned long)KEPT_MAX);
	d->info->found_setup_data = head;
	return OK;
}

static enum status take_efi_map(struct door2 *d, struct efi_map *map, struct problem *problem)
{
	const struct efi_map *from = &d->in.efi.map;

	if (from->size > MAP_BYTES || !door2_readable(d, from->base, from->size))
		return problem_set(problem, E_MEMORY_MAP, "EFI map: %u bytes at 0x%lx are not readable", from->size,
				   (unsigned long)from->base);
	*map = *from;
	map->base = (uint64_t)map_buffer;
	map->capacity = MAP_BYTES;
	memcpy(map_buffer, (const void *)from->base, from->size);
	return efimap_prepare(map, problem);
}

/* After virtual addresses were set, efi_info lists runtime ranges only; e820 is the map then. */
static enum status choose_map(struct door2 *d, struct problem *problem)
{
	struct boot_info *info = d->info;

	info->efi = !d->in.efi.systab ? EFI_NONE : d->has_setup_efi ? EFI_VIRTUAL : EFI_PHYSICAL;
	info->efi_systab = d->in.efi.systab;
	info->efi_tables = d->has_setup_efi ? d->setup_efi.tables : 0;
	if (info->efi == EFI_PHYSICAL)
		return take_efi_map(d, &info->efi_map, problem);
	if (info->efi == EFI_VIRTUAL) {
		info->efi_runtime = d->in.efi.map;
		if (info->efi_runtime.size > RUNTIME_MAP_MAX ||
		    !door2_readable(d, info->efi_runtime.base, info->efi_runtime.size))
			return problem_set(problem, E_BOOT_PARAMS,
					   "boot_params: efi_memmap: %u bytes at 0x%lx are not readable",
					   info->efi_runtime.size, (unsigned long)info->efi_runtime.base);
	}
	info->efi_map.base = (uint64_t)map_buffer;
	info->efi_map.capacity = MAP_BYTES;
	return e820_to_map(d->e820, d->e820_count, &info->efi_map, problem);
}

static enum status claim(void *context, uint64_t base, uint64_t size, struct problem *problem)
{
	struct boot_info *info = context;

	return efimap_claim(&info->efi_map, base, size, problem);
}

/* Nodes, and what those point to that name memory elsewhere: INDIRECT {type, 0, len, addr}, IMA {addr, size}. */
static enum status claim_nodes(struct boot_info *info, struct problem *problem)
{
	enum status s = OK;

	for (uint64_t at = info->found_setup_data; s == OK && at; at = ((const struct setup_data *)at)->next) {
		const struct setup_data *node = (const struct setup_data *)at;
		const uint64_t *data = (const uint64_t *)(node + 1);

		s = claim(info, at, sizeof(*node) + node->len, problem);
		if (s == OK && node->type == SETUP_DATA_INDIRECT)
			s = claim(info, data[2], data[1], problem);
		if (s == OK && node->type == SETUP_DATA_IMA && node->len >= 16)
			s = claim(info, data[0], data[1], problem);
	}
	return s;
}

/* What the kernel before us reserved in RAM for firmware or for itself and its loader's e820 list calls free: tables in
 * memory of boot services, which it lists among the runtime ranges, and the ranges of MEMRESERVE. */
static enum status keep_promised(struct door2 *d, struct problem *problem)
{
	static struct survivors found;
	struct boot_info *info = d->info;
	struct acpi_reader reader = door2_reader(d);
	enum status s = survive_keep_runtime(&info->efi_runtime, &info->efi_map, problem);

	if (info->efi != EFI_NONE)
		survive_find_efi(&found, &reader, info->efi_systab, info->efi_tables);
	return s == OK ? survive_keep_promised(&found, &info->efi_map, problem) : s;
}

static enum status claim_all(struct door2 *d, struct problem *problem)
{
	struct boot_info *info = d->info;
	unsigned levels = cpu_read_cr4() & CR4_LA57 ? 5 : 4;
	enum status s = claim(info, image_loaded().base, image_loaded().size, problem);

	if (s == OK)
		s = claim(info, d->in.initrd, d->in.initrd_size, problem);
	if (s == OK)
		s = claim(info, info->efi_runtime.base, info->efi_runtime.size, problem);
	if (s == OK)
		s = keep_promised(d, problem);
	if (s == OK)
		s = claim_nodes(info, problem);
	return s == OK ? found_walk(cpu_read_cr3(), levels, NULL, claim, info, problem) : s;
}

static enum status take_low_page(struct boot_info *info, struct problem *problem)
{
	static struct place_range free[FREE_MAX];
	struct place_request request = { .kind = PLACE_RESERVED, .size = MM_PAGE_BYTES, .align = MM_PAGE_BYTES,
					 .min = LOW_PAGE_MIN, .max = LOW_PAGE_MAX };
	unsigned count;
	enum status s = efimap_list_free(&info->efi_map, false, free, FREE_MAX, &count, problem);

	if (s == OK)
		s = place_find(free, count, NULL, 0, &request, &info->low_page, problem);
	return s == OK ? efimap_carve(&info->efi_map, info->low_page, MM_PAGE_BYTES, EFI_TYPE_RESERVED, problem) : s;
}

/* The next kernel reads firmware's map where it is, so it must not stay in .bss. */
static enum status settle_map(struct boot_info *info, struct problem *problem)
{
	struct place_range first_mib = { 0, FIRST_MIB };
	struct efi_map *map = &info->efi_map;
	uint64_t bytes = mm_page_up(map->size + (uint64_t)MAP_GROWTH * map->descriptor_size), base;
	enum status s = efimap_find_hole(map, bytes, MM_PAGE_BYTES, FOUR_GIB, &first_mib, 1, &base, problem);

	if (s == OK)
		s = efimap_carve(map, base, bytes, EFI_TYPE_RESERVED, problem);
	if (s != OK)
		return s;
	memcpy((void *)base, (const void *)map->base, map->size);
	map->base = base;
	map->capacity = (uint32_t)bytes;
	return OK;
}

enum status door2_build_map(struct door2 *d, struct problem *problem)
{
	enum status s = add_e820(d, d->in.e820, d->in.e820_count, problem);

	if (s == OK)
		s = read_setup_data(d, problem);
	if (s == OK)
		s = choose_map(d, problem);
	if (s == OK) {
		previous_find(d->info);
		loop_meet(d->info);
		s = claim_all(d, problem);
	}
	if (s == OK) {
		old_refusal_find(d->info);
		s = take_low_page(d->info, problem);
	}
	if (s == OK && d->info->efi == EFI_PHYSICAL)
		s = settle_map(d->info, problem);
	return s;
}
