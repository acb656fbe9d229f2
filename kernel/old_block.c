// SPDX-License-Identifier: MIT
#include "kernel/old_block.h"

#include <stddef.h>

#include "lib/crc32.h"
#include "lib/string.h"

#define PAGE 4096ull

bool old_block_magic(const void *data)
{
	uint64_t magic;

	memcpy(&magic, data, sizeof(magic));
	return magic == BLOCK_MAGIC;
}

static enum status refuse(struct problem *problem, uint64_t address, const char *field, uint64_t value)
{
	return problem_set(problem, E_OLD_BLOCK, "block 0x%llx of the generation before: %s is 0x%llx",
			   (unsigned long long)address, field, (unsigned long long)value);
}

/* A list of count entries inside the first length bytes. */
static bool fits(uint32_t offset, uint32_t count, uint64_t entry, uint64_t length)
{
	return offset % 4 == 0 && offset >= sizeof(struct block_header) && offset <= length &&
	       count * entry <= length - offset;
}

static enum status check_header(const struct block_header *h, uint64_t address, uint64_t length,
				struct problem *problem)
{
	if (h->magic != BLOCK_MAGIC)
		return refuse(problem, address, "magic", h->magic);
	if (h->version != BLOCK_VERSION)
		return refuse(problem, address, "version", h->version);
	if (h->header_size != sizeof(*h))
		return refuse(problem, address, "header_size", h->header_size);
	if (h->block_base != address)
		return refuse(problem, address, "block_base", h->block_base);
	if (h->block_size < PAGE || h->block_size % PAGE || h->block_size > length)
		return refuse(problem, address, "block_size", h->block_size);
	if (!h->cpu_count || h->cpu_count > BLOCK_CPUS)
		return refuse(problem, address, "cpu_count", h->cpu_count);
	if (!fits(h->cpu_list_offset, h->cpu_count, sizeof(uint32_t), h->block_size))
		return refuse(problem, address, "cpu_list_offset", h->cpu_list_offset);
	if (!h->range_count || h->range_count > BLOCK_RANGES)
		return refuse(problem, address, "range_count", h->range_count);
	if (!fits(h->range_offset, h->range_count, sizeof(struct block_range), h->block_size))
		return refuse(problem, address, "range_offset", h->range_offset);
	return OK;
}

static enum status check_sum(const struct block_header *h, const uint8_t *data, uint64_t address,
			     struct problem *problem)
{
	struct block_header copy = *h;
	uint32_t crc;

	copy.crc32 = 0;
	crc = crc32(0, &copy, sizeof(copy));
	crc = crc32(crc, data + h->cpu_list_offset, sizeof(uint32_t) * h->cpu_count);
	crc = crc32(crc, data + h->range_offset, sizeof(struct block_range) * h->range_count);
	return crc == h->crc32 ? OK : refuse(problem, address, "crc32", h->crc32);
}

static enum status check_ranges(const struct old_block *block, struct problem *problem)
{
	uint64_t end = 0;
	bool own = false;

	for (uint32_t i = 0; i < block->range_count; i++) {
		const struct block_range *r = &block->ranges[i];

		if (!r->size || (r->base | r->size) % PAGE || r->base > ~0ull - r->size || r->base < end)
			return refuse(problem, block->base, "a range's base", r->base);
		end = r->base + r->size;
		own |= r->base <= block->base && block->base + block->size <= end;
	}
	return own ? OK : refuse(problem, block->base, "range_count, without the block itself,", block->range_count);
}

enum status old_block_parse(struct old_block *block, uint64_t address, const void *data, uint64_t length,
			    struct problem *problem)
{
	struct block_header h;
	enum status s;

	memset(block, 0, sizeof(*block));
	if (length < sizeof(h))
		return refuse(problem, address, "length", length);
	memcpy(&h, data, sizeof(h));
	s = check_header(&h, address, length, problem);
	if (s == OK)
		s = check_sum(&h, data, address, problem);
	if (s != OK)
		return s;
	block->base = h.block_base;
	block->size = h.block_size;
	block->generation = h.generation;
	block->report = h.report;
	block->cpu_count = h.cpu_count;
	block->cpus = (const uint32_t *)((const uint8_t *)data + h.cpu_list_offset);
	block->range_count = h.range_count;
	memcpy(block->ranges, (const uint8_t *)data + h.range_offset, sizeof(block->ranges[0]) * h.range_count);
	return check_ranges(block, problem);
}
