// SPDX-License-Identifier: MIT
#include "kernel/selftest_costs.h"

#include "kernel/image.h"
#include "kernel/log.h"
#include "mm/flush.h"
#include "x86/cpu.h"
#include "x86/tsc.h"

#define ROUNDS		32u
#define IN_USE_PAGES	64u		/* mapped in 4 KiB pages: what a CPU reaches again after its flush */

static uint64_t page(unsigned i)
{
	struct mm_range image = image_loaded();

	return mm_page_down(image.base) + i % (image.size / MM_PAGE_BYTES) * MM_PAGE_BYTES;
}

static void touch_pages(void)
{
	for (unsigned i = 0; i < IN_USE_PAGES; i++)
		(void)*(const volatile uint8_t *)page(i);
}

static void keep_shortest(uint64_t *shortest, uint64_t start)
{
	uint64_t ticks = cpu_rdtsc() - start;

	if (ticks < *shortest)
		*shortest = ticks;
}

static uint64_t ns(uint64_t ticks)
{
	return ticks * 1000000 / tsc_khz();
}

void selftest_log_costs(void)
{
	uint64_t cr3 = cpu_read_cr3(), start, warm = UINT64_MAX, reload = UINT64_MAX, refill = UINT64_MAX;
	uint64_t single = UINT64_MAX;

	for (unsigned round = 0; round < ROUNDS; round++) {
		touch_pages();
		start = cpu_rdtsc();
		touch_pages();
		keep_shortest(&warm, start);
		start = cpu_rdtsc();
		cpu_write_cr3(cr3);
		keep_shortest(&reload, start);
		touch_pages();
		start = cpu_rdtsc();
		cpu_write_cr3(cr3);
		touch_pages();
		keep_shortest(&refill, start);
		start = cpu_rdtsc();
		for (unsigned i = 0; i < IN_USE_PAGES; i++)
			cpu_invlpg(page(i));
		keep_shortest(&single, start);
	}
	refill = refill > warm ? refill - warm : 0;
	log_event("selftest", "room=mm invlpg_ns=%lu reload_ns=%lu refill_ns=%lu equal_pages=%lu range_pages=%u",
		  ns(single) / IN_USE_PAGES, ns(reload), ns(refill), single ? refill * IN_USE_PAGES / single : 0,
		  FLUSH_RANGE_PAGES);
}
