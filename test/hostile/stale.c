// SPDX-License-Identifier: MIT
/*
 * A page walker that does not look into the CPUs' caches: for each entry it may see any value since the last completed
 * write-back of its line. CLFLUSH starts one, with what the caches hold then; only the MFENCE behind it completes it.
 * Nothing else does, locked operations and CR3 included: an accident of one CPU is no fix.
 */
#include <string.h>

#include "test/hostile/internal.h"

void stale_stored(uint32_t at, uint64_t old, uint64_t new)
{
	if (!M->running || !current_scenario->past_caches || old == new || !tlb_walkable(page_of_at(at)))
		return;
	if (M->stale_count == STALE_MAX)
		broken("machine-limit", "more than %u entries behind the caches", STALE_MAX);
	M->stale[M->stale_count++] = (struct stale){ .at = at, .value = old };
}

void stale_flush_line(uint32_t at)
{
	unsigned i;

	for (i = 0; i < M->stale_count; i++)
		if (M->stale[i].at / 64 == at / 64)
			M->stale[i].started = 1;
}

void stale_complete(void)
{
	unsigned from, to = 0;

	for (from = 0; from < M->stale_count; from++)
		if (!M->stale[from].started)
			M->stale[to++] = M->stale[from];
	/* What is not in use is the same in equal states. */
	memset(&M->stale[to], 0, (M->stale_count - to) * sizeof(M->stale[0]));
	M->stale_count = to;
}

unsigned stale_values(uint32_t at, uint64_t values[STALE_MAX])
{
	unsigned i, count = 0;

	for (i = 0; i < M->stale_count; i++)
		if (M->stale[i].at == at)
			values[count++] = M->stale[i].value;
	return count;
}
