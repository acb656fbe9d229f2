// SPDX-License-Identifier: MIT
#include "purgatory/copy.h"

#include "lib/string.h"
#include "purgatory/verify.h"
#include "x86/cpu.h"

bool copy_needed(const struct plan *plan)
{
	uint32_t i;

	for (i = 0; i < plan->segment_count && i < PLAN_SEGMENTS; i++) {
		if (plan->segments[i].source)
			return true;
	}
	return false;
}

void copy_segments(const struct plan *plan)
{
	uint32_t i;

	for (i = 0; i < plan->segment_count && i < PLAN_SEGMENTS; i++) {
		const struct plan_segment *s = &plan->segments[i];

		if (!s->source)
			continue;
		memmove(cpu_phys_pointer(s->dest), cpu_phys_pointer(s->source), s->size);
		if (s->memory_size > s->size)
			memset(cpu_phys_pointer(s->dest + s->size), 0, s->memory_size - s->size);
	}
}

bool copy_chunk(const struct plan *plan, uint32_t index)
{
	const struct plan_segment *s;
	struct verify_chunk chunk;

	if (!verify_locate(plan, index, &chunk))
		return false;
	s = &plan->segments[chunk.segment];
	if (!s->backup)
		return false;
	memmove(cpu_phys_pointer(chunk.address), cpu_phys_pointer(s->backup + (chunk.address - s->dest)), chunk.bytes);
	return true;
}
