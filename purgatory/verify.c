// SPDX-License-Identifier: MIT
#include "purgatory/verify.h"

#include <stddef.h>

#include "lib/crc32.h"
#include "lib/sha256.h"
#include "lib/string.h"
#include "purgatory/verify_fault.h"
#include "x86/cpu.h"

static const struct chunk_digest *table_entry(const struct plan *plan, uint32_t index)
{
	return (const struct chunk_digest *)cpu_phys_pointer(plan->digest_table) + index;
}

bool verify_locate(const struct plan *plan, uint32_t index, struct verify_chunk *chunk)
{
	uint32_t i;

	if (index >= plan->digest_count)
		return false;
	for (i = 0; i < plan->segment_count && i < PLAN_SEGMENTS; i++) {
		const struct plan_segment *s = &plan->segments[i];
		/* Before the first chunk: some 2^52, behind every segment. */
		uint64_t offset = (uint64_t)(index - s->first_chunk) * CHUNK_BYTES;

		if (offset >= s->size)
			continue;
		chunk->address = s->dest + offset;
		chunk->bytes = s->size - offset < CHUNK_BYTES ? (uint32_t)(s->size - offset) : CHUNK_BYTES;
		chunk->segment = i;
		return true;
	}
	return false;
}

bool verify_chunk(const struct plan *plan, uint32_t index, uint8_t actual[32])
{
	struct verify_chunk chunk;

	if (!verify_locate(plan, index, &chunk))
		return false;
	if (verify_fault_skips(plan, plan->segments[chunk.segment].kind))
		return true;
	sha256_compute(actual, cpu_phys_pointer(chunk.address), chunk.bytes);
	return memcmp(actual, table_entry(plan, index)->sha256, SHA256_BYTES) == 0;
}

bool verify_table(const struct plan *plan)
{
	uint8_t actual[32];

	sha256_compute(actual, table_entry(plan, 0), (uint64_t)plan->digest_count * sizeof(struct chunk_digest));
	return memcmp(actual, plan->digest_table_sha256, SHA256_BYTES) == 0;
}

/* Where things lie decides how much is read below, so it is compared with where they can only lie. */
static bool layout_known(const struct block_header *h)
{
	return h->magic == BLOCK_MAGIC && h->plan_offset == sizeof(*h) && h->plan_size == sizeof(struct plan) &&
	       h->cpu_list_offset == h->plan_offset + h->plan_size && h->cpu_count <= BLOCK_CPUS &&
	       h->range_count <= BLOCK_RANGES &&
	       (!h->range_count || h->range_offset == ((h->cpu_list_offset + 4 * h->cpu_count + 7) & ~7u));
}

bool verify_plan(const struct block_header *header)
{
	const uint8_t *base = (const uint8_t *)header;
	struct block_header copy = *header;
	uint8_t actual[32];
	uint32_t crc;

	if (!layout_known(header))
		return false;
	copy.crc32 = 0;
	crc = crc32(0, &copy, sizeof(copy));
	crc = crc32(crc, base + header->cpu_list_offset, (uint64_t)header->cpu_count * sizeof(uint32_t));
	crc = crc32(crc, base + header->range_offset, (uint64_t)header->range_count * sizeof(struct block_range));
	if (crc != header->crc32)
		return false;
	sha256_compute(actual, base + header->plan_offset, header->plan_size);
	return memcmp(actual, header->plan_sha256, SHA256_BYTES) == 0;
}

uint64_t verify_tail(const struct plan_segment *segment)
{
	uint64_t at = segment->dest + segment->size;
	uint64_t end = segment->dest + segment->memory_size;

	while (at < end) {
		if (at % 8 == 0 && end - at >= 8 && *(const uint64_t *)cpu_phys_pointer(at) == 0) {
			at += 8;
			continue;
		}
		if (*(const uint8_t *)cpu_phys_pointer(at))
			return at;
		at++;
	}
	return 0;
}

uint64_t verify_bad_page(const struct plan *plan, uint32_t index)
{
	const struct chunk_digest *expected;
	struct verify_chunk chunk;
	uint32_t offset, length, actual;

	if (!verify_locate(plan, index, &chunk))
		return 0;
	expected = table_entry(plan, index);
	for (offset = 0; offset < chunk.bytes; offset += PAGE_BYTES) {
		length = chunk.bytes - offset < PAGE_BYTES ? chunk.bytes - offset : PAGE_BYTES;
		actual = crc32c(0, cpu_phys_pointer(chunk.address + offset), length);
		if (actual != expected->page_crc32c[offset / PAGE_BYTES])
			return chunk.address + offset;
	}
	return 0;
}

uint32_t verify_first_line(const void *expected, const void *actual, uint32_t bytes)
{
	const uint8_t *e = expected, *a = actual;
	uint32_t at;

	for (at = 0; at < bytes; at++)
		if (e[at] != a[at])
			return at - at % VERIFY_LINE;
	return bytes;
}
