// SPDX-License-Identifier: MIT
/* Fences and write-back. */
#include "test/hostile/internal.h"
#include "x86/atomic.h"
#include "x86/cpu.h"

static void clean_complete(void)
{
	unsigned i;

	for (i = 0; i < HOSTILE_PAGES; i++) {
		M->clean_done[i] |= M->clean_started[i];
		M->clean_started[i] = 0;
	}
	for (i = 0; i < M->devices; i++) {
		struct device_word *d = &M->device[i];

		if (d->started == UINT64_MAX)
			continue;
		d->done = d->started;
		d->started = UINT64_MAX;
		d->dirty = arena_read(d->at, 8) != d->done;
	}
}

void hostile_full_fence(void)
{
	if (!M->running)
		return;
	trace_event("full fence");
	if (current_scenario->on_ipi)
		self()->fence_open = true;
	else
		memory_drain(M->current);
	self()->wc = 0;
	clean_complete();
	stale_complete();
	lot_fence();
}

void twin_cpu_mfence(void)
{
	hostile_full_fence();
}

/* Streaming stores; ordinary stores stay in their buffer. */
void twin_cpu_sfence(void)
{
	if (!M->running)
		return;
	trace_event("SFENCE");
	self()->wc = 0;
}

/* Old AMD processors order it by MFENCE only: what the store buffer still holds stays behind. */
void twin_cpu_clflush(const void *p)
{
	uint64_t va = (uint64_t)p;
	unsigned i, page = HOSTILE_PAGES;

	if (!M->running)
		return;
	lot_clflush(p);
	if (va - WINDOW < HOSTILE_PAGES * 4096ull)
		page = (unsigned)((va - WINDOW) / 4096);
	for (i = 0; i < M->watches; i++)
		if (va / 4096 == M->watch[i] / 4096 && M->frame[i])
			page = M->frame[i] - 1u;
	if (page == HOSTILE_PAGES)
		return;
	for (i = 0; i < M->pending_count; i++)
		if (M->pending[i].cpu == M->current && M->pending[i].at / 64 == (page_at(page) + va % 4096) / 64)
			break;
	stale_flush_line(page_at(page) + (uint32_t)(va % 4096));
	if (i == M->pending_count && !tlb_may_refill(page))
		M->clean_started[page] |= 1ull << va / 64 % 64;
	for (i = 0; i < M->devices; i++)
		if (M->device[i].at / 64 == (page_at(page) + va % 4096) / 64)
			M->device[i].started = arena_read(M->device[i].at, 8);
}
