// SPDX-License-Identifier: MIT
/*
 * Time: the TSC, calibrated. One clock for all CPUs; readings of two CPUs may differ by their TSCs' skew, so
 * deadlines are always taken and checked on the same CPU.
 */
#ifndef X86_TSC_H
#define X86_TSC_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/status.h"

enum tsc_source { TSC_NONE, TSC_HINT, TSC_CPUID, TSC_HYPERVISOR, TSC_PM_TIMER, TSC_HPET, TSC_PIT };

/* What there is to measure against; 0: not there. */
struct tsc_sources {
	uint16_t pm_timer_port;		/* FADT PM_TMR_BLK */
	bool pm_timer_32bit;		/* FADT flags bit 8 */
	uint64_t hpet_base;		/* mapped uncached */
	uint64_t hint_hz;		/* boot_info.tsc_hz_hint */
};

/* Quick estimate: CPUID if it says, else about 1 ms against the best source, else the hint. E_NO_CLOCK: a counter
 * did not move within its deadline and there is no hint; then 1 GHz is assumed, so that deadlines still end.
 * Boss, interrupts off, before anything that waits. */
enum status MUST_CHECK tsc_init(const struct tsc_sources *sources, struct problem *p);

/* The same over at least 10 ms, which with the PM timer began at tsc_init(); replaces the estimate. Call when nothing
 * else is urgent. */
enum status MUST_CHECK tsc_calibrate(const struct tsc_sources *sources, struct problem *p);

uint64_t tsc_khz(void);
enum tsc_source tsc_source(void);
const char *tsc_source_text(void);

/* Ticks as microseconds. Any context after tsc_init(). */
uint64_t tsc_to_us(uint64_t ticks);

/* Raw TSC value us from now; tsc_passed() says whether it is behind us. Same CPU for both. */
uint64_t tsc_deadline(uint64_t us);
bool tsc_passed(uint64_t deadline);

/* Busy-waits with PAUSE. */
void tsc_delay_us(uint64_t us);

#endif
