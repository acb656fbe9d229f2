// SPDX-License-Identifier: MIT
#include "kernel/phase.h"

#include "kernel/log.h"
#include "kernel/watch.h"
#include "x86/cpu.h"
#include "x86/tsc.h"

static struct { const char *name; uint64_t start, end; } phases[REPORT_PHASES_MAX];
static unsigned phase_count;
static uint64_t origin, last_end;

/* What a debugger's breakpoint stands on: its line is out by then. */
__attribute__((noinline)) static void phase_stop_here(void)
{
	__asm__ volatile("");
}

void phase_origin(uint64_t tsc)
{
	origin = last_end = tsc;
	phase_count = 0;
}

void phase_done_at(const char *name, uint64_t tsc)
{
	if (phase_count < REPORT_PHASES_MAX) {
		phases[phase_count].name = name;
		phases[phase_count].start = last_end;
		phases[phase_count++].end = tsc;
	}
	last_end = tsc;
}

void phase_done(const char *name)
{
	uint64_t start = last_end;

	phase_done_at(name, cpu_rdtsc());
	log_event("phase", "name=%s us=%lu", name, tsc_to_us(last_end - start));
	watch_alive(name);
}

__attribute__((noinline)) void phase_checkpoint(const char *name, struct mm_range idle)
{
	log_event("checkpoint", "phase=%s idle=0x%lx size=%lu", name, idle.base, idle.size);
	phase_stop_here();
}

void phase_report(struct report *r, uint64_t tsc_khz)
{
	for (unsigned i = 0; i < phase_count; i++)
		report_add_phase(r, phases[i].name, (phases[i].start - origin) * 1000 / tsc_khz,
				 (phases[i].end - origin) * 1000 / tsc_khz);
}
