// SPDX-License-Identifier: MIT
/*
 * What a generation finds of the one before: a block's header and a report, at random and with a checksum that fits.
 * Whatever passes may be walked.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kernel/old_block.h"
#include "kernel/old_report.h"
#include "lib/crc32.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern uint32_t old_block_fuzz_sum;

#define BASE	0x7000000ull
#define BYTES	16384u

static uint8_t memory[BYTES] __attribute__((aligned(4096)));
uint32_t old_block_fuzz_sum;		/* keeps the walks from being left out */

static void seal_block(void)
{
	struct block_header *h = (struct block_header *)memory;
	uint32_t crc;

	h->magic = BLOCK_MAGIC;
	h->version = BLOCK_VERSION;
	h->header_size = sizeof(*h);
	h->block_base = BASE;
	h->crc32 = 0;
	crc = crc32(0, h, sizeof(*h));
	if (h->cpu_list_offset < BYTES && h->cpu_count <= (BYTES - h->cpu_list_offset) / 4)
		crc = crc32(crc, memory + h->cpu_list_offset, 4 * h->cpu_count);
	if (h->range_offset < BYTES && h->range_count <= (BYTES - h->range_offset) / 16)
		crc = crc32(crc, memory + h->range_offset, 16 * h->range_count);
	h->crc32 = crc;
}

static void walk_block(void)
{
	struct problem problem = { .code = OK };
	struct old_block block;

	if (old_block_parse(&block, BASE, memory, BYTES, &problem))
		return;
	for (uint32_t i = 0; i < block.cpu_count; i++)
		old_block_fuzz_sum += block.cpus[i];
	for (uint32_t i = 0; i < block.range_count; i++)
		old_block_fuzz_sum += (uint32_t)(block.ranges[i].base + block.ranges[i].size);
}

static void walk_report(void)
{
	static struct loop_figures figures;
	struct report_header *r = (struct report_header *)memory;
	struct problem problem = { .code = OK };

	r->magic = REPORT_MAGIC;
	r->version = REPORT_VERSION;
	r->header_size = sizeof(*r);
	r->crc32 = 0;
	if (r->total_size >= sizeof(*r) && r->total_size <= BYTES)
		r->crc32 = crc32(0, memory, r->total_size);
	if (old_report_check(memory, BYTES, &problem))
		return;
	(void)old_report_judge(r, &problem);
	loop_figures_add(&figures, r, 1000000);
	for (uint32_t i = 0; i < r->pattern.count; i++)
		old_block_fuzz_sum += (uint32_t)((const struct report_pattern *)old_report_entry(r, &r->pattern, i))->base;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > BYTES)
		return 0;
	memset(memory, 0, sizeof(memory));
	memcpy(memory, data + 1, size - 1);
	if (data[0] & 1) {
		seal_block();
		walk_block();
	} else {
		walk_report();
	}
	return 0;
}
