// SPDX-License-Identifier: MIT
/* The block's three roots: within the budget of protocol rule 19 on typical maps, and with the rights of rule 6. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "kernel/block_build.h"

#define VGA_TEXT	0xb8000ull
#define GIB		(1ull << 30)
#define LAPIC		0xfee00000ull
#define POOL_PAGES	64u
#define PCI_CONFIG_BYTES (256ull << 20)
#define MAPPED_MAX	1024u

/* One machine. Page counts of ranges as UEFI lists them; what is not listed is a hole. */
struct map {
	const char *name;
	uint64_t ram_bytes, framebuffer, block;
	unsigned ragged;	/* ends of RAM inside 2 MiB pages that hold MMIO or holes too: a table each */
	struct { uint32_t type; uint64_t start, end; } range[16];
};

static const struct map maps[] = {
	{ "256M", 256 << 20, 0xc0000000, 0xfe1e000, 0, {
		{ EFI_TYPE_CONVENTIONAL, 0, 0xa0000 }, { EFI_TYPE_CONVENTIONAL, 0x100000, 0x806000 },
		{ EFI_TYPE_ACPI_NVS, 0x806000, 0x808000 }, { EFI_TYPE_BOOT_DATA, 0x808000, 0xf4ec000 },
		{ EFI_TYPE_RESERVED, 0xf4ec000, 0xf76c000 }, { EFI_TYPE_ACPI_RECLAIM, 0xf76c000, 0xf77e000 },
		{ EFI_TYPE_CONVENTIONAL, 0xf77e000, 0x10000000 }, { EFI_TYPE_RESERVED, 0xb0000000, 0xc0000000 },
		{ EFI_TYPE_MMIO, 0xffc00000, 0x100000000 } } },
	{ "2G", 2 * GIB, 0xc0000000, 0x7fe1d000, 0, {
		{ EFI_TYPE_CONVENTIONAL, 0, 0xa0000 }, { EFI_TYPE_CONVENTIONAL, 0x100000, 0x7ea8a000 },
		{ EFI_TYPE_RESERVED, 0x7ea8a000, 0x7eb8c000 }, { EFI_TYPE_BOOT_DATA, 0x7eb8c000, 0x80000000 },
		{ EFI_TYPE_RESERVED, 0xb0000000, 0xc0000000 }, { EFI_TYPE_MMIO, 0xffc00000, 0x100000000 } } },
	{ "6G", 6 * GIB, 0x80000000, 0x7d8000, 0, {
		{ EFI_TYPE_CONVENTIONAL, 0, 0xa0000 }, { EFI_TYPE_CONVENTIONAL, 0x100000, 0x80000000 },
		{ EFI_TYPE_RESERVED, 0xb0000000, 0xc0000000 }, { EFI_TYPE_MMIO, 0xffc00000, 0x100000000 },
		{ EFI_TYPE_CONVENTIONAL, 0x100000000, 0x200000000 } } },
	/* Ends of RAM inside 2 MiB pages: beside MMIO, beside a hole, beside reserved memory. */
	{ "ragged", 16 * GIB, 0x4000000000, 0x3c010000, 2, {
		{ EFI_TYPE_CONVENTIONAL, 0x1000, 0x58000 }, { EFI_TYPE_RESERVED, 0x58000, 0x59000 },
		{ EFI_TYPE_CONVENTIONAL, 0x59000, 0x9e000 }, { EFI_TYPE_CONVENTIONAL, 0x100000, 0x40000000 },
		{ EFI_TYPE_RESERVED, 0x40000000, 0x40433000 }, { EFI_TYPE_CONVENTIONAL, 0x40433000, 0x8a3f1000 },
		{ EFI_TYPE_ACPI_NVS, 0x8a3f1000, 0x8a7ff000 }, { EFI_TYPE_CONVENTIONAL, 0x8b000000, 0x8b455000 },
		{ EFI_TYPE_MMIO, 0x8b455000, 0x8c000000 }, { EFI_TYPE_RESERVED, 0xe0000000, 0xf0000000 },
		{ EFI_TYPE_MMIO, 0xff000000, 0x100000000 }, { EFI_TYPE_CONVENTIONAL, 0x100000000, 0x470000000 } } },
	/* A BIOS's text mode. */
	{ "512M", 512 << 20, VGA_TEXT, 0x1ff99000, 0, {
		{ EFI_TYPE_CONVENTIONAL, 0, 0x9f000 }, { EFI_TYPE_CONVENTIONAL, 0x100000, 0x1ffe0000 },
		{ EFI_TYPE_RESERVED, 0x1ffe0000, 0x20000000 }, { EFI_TYPE_RESERVED, 0xb0000000, 0xc0000000 } } },
};

static struct efi_descriptor descriptors[16];
static struct efi_map efi;
static struct mm_range ram[BLOCK_RAM_MAX];
static struct mm_features features = { .pat = 0x0007040600070406, .phys_bits = 46, .nx = true };
static struct boot_plan plan, other;
static struct block block;
static struct block_config config;
static struct block_layout layout;
static unsigned needed;
static uint8_t pool[POOL_PAGES * 4096] __attribute__((aligned(4096)));

/* Bytes mapped at va and rights of all levels together, 0: not mapped. */
struct leaf { uint64_t bytes, pte; bool write, exec; };

static struct leaf walk(const struct space *space, uint64_t va)
{
	struct leaf leaf = { .write = true, .exec = true };
	uint64_t table = space->root, pte;

	for (unsigned level = space->levels;; level--) {
		pte = ((const uint64_t *)table)[va >> (12 + 9 * (level - 1)) & 511];
		if (!(pte & 1))
			return (struct leaf){ 0 };
		leaf.write &= pte >> 1 & 1;
		leaf.exec &= !(pte >> 63);
		assert_true(pte >> 5 & 1);	/* A: a walker would set it (rule 4) */
		if (level == 1 || (level <= 3 && pte & 0x80)) {
			leaf.pte = pte;
			leaf.bytes = 4096ull << 9 * (level - 1);
			return leaf;
		}
		table = pte & 0x000ffffffffff000ull;
	}
}

static bool cacheable(const struct leaf *leaf)
{
	return !(leaf->pte & 0x18);		/* PWT, PCD: entry 0 of the PAT is WB */
}

static void add_segment_to(struct boot_plan *to, enum segment_kind kind, uint64_t dest, uint64_t bytes)
{
	to->segments[to->segment_count++] = (struct boot_segment){
		.kind = kind, .dest = dest, .size = bytes, .memory_size = bytes,
		.reserved_size = mm_page_up(bytes) };
}

static void add_segment(enum segment_kind kind, uint64_t dest, uint64_t bytes)
{
	add_segment_to(&plan, kind, dest, bytes);
}

static void start(const struct map *m, unsigned levels)
{
	struct problem problem;
	unsigned count;

	efi = (struct efi_map){ .base = (uintptr_t)descriptors, .capacity = sizeof(descriptors),
				.descriptor_size = sizeof(*descriptors), .descriptor_version = 1 };
	for (count = 0; count < 16 && m->range[count].end; count++)
		descriptors[count] = (struct efi_descriptor){ m->range[count].type, 0, m->range[count].start, 0,
			(m->range[count].end - m->range[count].start) / 4096, 0 };
	efi.size = count * sizeof(*descriptors);
	memset(&plan, 0, sizeof(plan));
	add_segment(SEGMENT_KERNEL, 0x1000000, 60 << 20);
	add_segment(SEGMENT_INITRD, 0xa123000, 3456789);
	config = (struct block_config){
		.levels = levels, .features = &features, .lapic_base = LAPIC, .segments = &plan, .ram = ram,
		.framebuffer = { m->framebuffer, m->framebuffer == VGA_TEXT ? 0x8000 : 1280 * 800 * 4, 1280, 800, 1280, 4 },
		.low_page = 0x8f000,
		.digest_table = 0x9800000, .digest_bytes = 70000,
	};
	assert_int_equal(block_list_ram(&efi, ram, BLOCK_RAM_MAX, &config.ram_count, &problem), OK);
	assert_int_equal(block_tables_needed(&config, m->ram_bytes, 1, &needed, &problem), OK);
	layout = (struct block_layout){ .idt = 0x1000, .tables = 0x2000, .code = 0x12000, .data = 0x1a000, .end = 0x24000 };
	config.report = m->block + layout.end + 0x2010;
	config.report_bytes = 7000;
	add_segment(SEGMENT_BOOT_PARAMS, m->block + layout.end, 4096);
	block = (struct block){ .base = m->block };
	page_pool_init(&block.pool, (uintptr_t)pool, needed);
	block.tables = page_source_pool(&block.pool);
	features.phys_bits = 52;
	if (block_build_roots(&block, &layout, &config, &problem))
		fail_msg("%s: %s", m->name, problem.text);
	features.phys_bits = 46;
}

/* GiB of the address space that any root maps something in. */
static unsigned mapped_gib(void)
{
	unsigned count = 0;

	for (uint64_t gib = 0; gib < MAPPED_MAX; gib++) {
		bool mapped = false;

		for (uint64_t va = gib * GIB; va < (gib + 1) * GIB && !mapped; va += gib < 4 ? 4096 : 2 << 20)
			mapped = walk(&block.verify, va).bytes || walk(&block.handover, va).bytes;
		count += mapped;
	}
	return count;
}

static void tables_are_within_budget(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		for (unsigned levels = 4; levels <= 5; levels++) {
			unsigned budget, high = maps[i].ram_bytes > 4 * GIB ? BLOCK_TABLES_HIGH : 0;

			start(&maps[i], levels);
			assert_int_equal(block.verify.levels, levels);
			assert_int_equal(block.handover.levels, levels);
			assert_int_equal(block.park.levels, levels);
			budget = 12 + mapped_gib() + (levels == 5 ? 3 : 0) + maps[i].ragged;
			if (block.pool.peak > budget || needed > budget + high)
				fail_msg("%s, %u levels: %u table pages used, %u reserved, budget %u", maps[i].name, levels,
					 block.pool.peak, needed, budget);
		}
}

/* Reserved ranges as large as that are PCI configuration space. */
static bool in_mmio_or_hole(const struct map *m, uint64_t at)
{
	for (unsigned i = 0; i < 16; i++)
		if (m->range[i].start <= at && at < m->range[i].end)
			return m->range[i].type == EFI_TYPE_MMIO ||
			       (m->range[i].type == EFI_TYPE_RESERVED &&
				m->range[i].end - m->range[i].start >= PCI_CONFIG_BYTES);
	return at >= 1 << 20;
}

static bool in_block(const struct map *m, uint64_t at)
{
	return at >= m->block && at < m->block + layout.end;
}

static void check_page(const struct map *m, uint64_t va)
{
	struct leaf park = walk(&block.park, va), verify = walk(&block.verify, va), over = walk(&block.handover, va);
	bool report = va >= (config.report & ~4095ull) && va < config.report + config.report_bytes;
	bool code = in_block(m, va) && va >= m->block + layout.code && va < m->block + layout.data;

	if (!!park.bytes != in_block(m, va) || (park.write && park.exec))
		fail_msg("%s: park root at 0x%llx", m->name, (unsigned long long)va);
	if (over.bytes && (in_mmio_or_hole(m, va) || !over.write || !over.exec))
		fail_msg("%s: hand-over root at 0x%llx", m->name, (unsigned long long)va);
	if (!verify.bytes)
		return;
	if ((verify.write && verify.exec) || (cacheable(&verify) && in_mmio_or_hole(m, va)))
		fail_msg("%s: verify root at 0x%llx", m->name, (unsigned long long)va);
	if (verify.write && cacheable(&verify) && !report && !in_block(m, va))
		fail_msg("%s: verify root writes at 0x%llx", m->name, (unsigned long long)va);
	if (in_block(m, va) && (verify.exec != code || verify.write != (va >= m->block + layout.data) ||
				verify.exec != park.exec || verify.write != park.write))
		fail_msg("%s: block at 0x%llx", m->name, (unsigned long long)va);
}

static void rights_are_those_of_rule_6(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		start(&maps[i], 4);
		for (uint64_t va = 0; va < 4 * GIB; va += 4096)
			check_page(&maps[i], va);
	}
}

static void expect_read(uint64_t base, uint64_t bytes)
{
	for (uint64_t va = base & ~4095ull; va < base + bytes; va += 4096)
		if (!walk(&block.verify, va).bytes || !walk(&block.handover, va).bytes)
			fail_msg("0x%llx is not mapped", (unsigned long long)va);
}

static void what_the_block_needs_is_mapped(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		struct leaf leaf;

		start(&maps[i], 4);
		for (unsigned s = 0; s < plan.segment_count; s++)
			expect_read(plan.segments[s].dest, plan.segments[s].size);
		expect_read(config.digest_table, config.digest_bytes);
		expect_read(config.report, config.report_bytes);
		expect_read(maps[i].block, layout.end);
		assert_true(walk(&block.verify, config.report).write);
		assert_true(walk(&block.verify, config.low_page).exec);
		for (uint64_t at = 0; at < config.framebuffer.size; at += 4096) {
			leaf = walk(&block.verify, maps[i].framebuffer + at);
			assert_true(leaf.bytes && leaf.write && !cacheable(&leaf));
		}
		leaf = walk(&block.verify, LAPIC);
		assert_true(leaf.bytes && leaf.write && !cacheable(&leaf));
	}
}

/* An initrd that ends in the block's own 2 MiB page, where the verify root borrows nothing. */
static void segment_beside_the_block_is_mapped(void **state)
{
	struct problem problem;

	(void)state;
	start(&maps[1], 4);
	plan.segment_count = 0;
	add_segment(SEGMENT_INITRD, maps[1].block - 0x700000, 0x6ff123);
	page_pool_init(&block.pool, (uintptr_t)pool, needed);
	features.phys_bits = 52;
	assert_int_equal(block_build_roots(&block, &layout, &config, &problem), OK);
	features.phys_bits = 46;
	expect_read(plan.segments[0].dest, plan.segments[0].size);
	assert_false(walk(&block.verify, plan.segments[0].dest + 0x6ff000).write);
}

/* Above 4 GiB, each of the four in a GiB of its own that no page begins or ends with. */
static void fallback_is_mapped_too(void **state)
{
	struct problem problem;

	(void)state;
	start(&maps[3], 4);
	plan.segment_count = 0;
	memset(&other, 0, sizeof(other));
	add_segment_to(&plan, SEGMENT_KERNEL, 5 * GIB, 60 << 20);
	add_segment_to(&plan, SEGMENT_INITRD, 6 * GIB + 0x123000, 3456789);
	add_segment_to(&other, SEGMENT_KERNEL, 7 * GIB, 60 << 20);
	add_segment_to(&other, SEGMENT_INITRD, 8 * GIB + 0x321000, 9876543);
	other.digest_table = (void *)0x3b000000;
	other.digest_capacity = 64;
	config.fallback = &other;
	assert_int_equal(block_tables_needed(&config, maps[3].ram_bytes, 1, &needed, &problem), OK);
	page_pool_init(&block.pool, (uintptr_t)pool, needed);
	features.phys_bits = 52;
	if (block_build_roots(&block, &layout, &config, &problem))
		fail_msg("%s", problem.text);
	features.phys_bits = 46;
	for (unsigned s = 0; s < other.segment_count; s++) {
		expect_read(plan.segments[s].dest, plan.segments[s].size);
		expect_read(other.segments[s].dest, other.segments[s].size);
		assert_true(walk(&block.handover, other.segments[s].dest).exec);
		assert_false(walk(&block.verify, other.segments[s].dest).write);
	}
	expect_read((uintptr_t)other.digest_table, 64 * sizeof(struct chunk_digest));
}

static void device_in_a_page_with_ram_is_not_rounded(void **state)
{
	struct leaf leaf;

	(void)state;
	start(&maps[3], 4);
	config.uart = (struct plan_uart){ 0x8b455000, 1, 4 };
	page_pool_init(&block.pool, (uintptr_t)pool, needed + 1);
	features.phys_bits = 52;
	assert_int_equal(block_build_roots(&block, &layout, &config, NULL), OK);
	features.phys_bits = 46;
	leaf = walk(&block.verify, 0x8b455000);
	assert_int_equal(leaf.bytes, 4096);
	assert_true(leaf.write && !cacheable(&leaf));
	leaf = walk(&block.verify, 0x8b456000);
	assert_int_equal(leaf.bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_are_within_budget),
		cmocka_unit_test(rights_are_those_of_rule_6),
		cmocka_unit_test(what_the_block_needs_is_mapped),
		cmocka_unit_test(segment_beside_the_block_is_mapped),
		cmocka_unit_test(fallback_is_mapped_too),
		cmocka_unit_test(device_in_a_page_with_ram_is_not_rounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
