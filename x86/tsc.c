// SPDX-License-Identifier: MIT
#include "x86/tsc.h"

#include "x86/cpu.h"
#include "x86/pc/hpet.h"
#include "x86/pc/pit.h"

#define PM_TIMER_HZ		3579545u
#define QUICK_US		1000u
#define PRECISE_US		10000u
#define STUCK_TICKS_PER_US	20000u		/* of a 20 GHz TSC: the counter measured against stands still */
#define MARK_MAX_US		2000000u	/* a PM timer of 24 bits wraps after 4.7 s */
#define MARK_WIDTH_US		10u		/* 0.1 % of PRECISE_US */
#define MARK_TRIES		3u		/* the first reading of all pays for an emulator's translation */
#define CLOSE_PART		32u		/* both samples took less than that part of what is measured */
#define RESTARTS_MAX		8u
#define FALLBACK_KHZ		1000000u
#define KHZ_MIN			10000u
#define KHZ_MAX			20000000u
#define FEMTO			1000000000000000ull

static uint64_t khz = FALLBACK_KHZ;
static enum tsc_source source = TSC_NONE;

static bool khz_sane(uint64_t value)
{
	return value >= KHZ_MIN && value <= KHZ_MAX;
}

/* Leaf 15h: TSC / crystal = EBX / EAX, crystal in ECX (SDM 18.7.3). Leaf 16h stands in where the crystal is 0. */
static uint64_t khz_from_cpuid(void)
{
	struct cpuid_regs ratio;
	uint32_t highest = cpu_cpuid(0, 0).eax;

	if (highest < 0x15)
		return 0;
	ratio = cpu_cpuid(0x15, 0);
	if (ratio.eax && ratio.ebx && ratio.ecx)
		return (uint64_t)ratio.ecx * ratio.ebx / ratio.eax / 1000;
	if (ratio.eax && ratio.ebx && highest >= 0x16)
		return (uint64_t)(cpu_cpuid(0x16, 0).eax & 0xffff) * 1000;
	return 0;
}

/* Leaf 40000010h EAX: TSC kHz, a convention of VMware and KVM. */
static uint64_t khz_from_hypervisor(void)
{
	if (!(cpu_cpuid(1, 0).ecx >> 31) || cpu_cpuid(0x40000000, 0).eax < 0x40000010)
		return 0;
	return cpu_cpuid(0x40000010, 0).eax;
}

/* TSC and counter at one moment. width: TSC ticks that reading took, within which an emulator or a hypervisor may have
 * run something else; the two belong together as well as that. */
struct sample { uint64_t tsc, width; uint32_t ticks; };

struct counter {
	uint32_t (*read)(const struct tsc_sources *s);
	const struct tsc_sources *sources;
	uint32_t mask;
	uint64_t hz;
};

/* Of the estimate: the longer measurement begins there and waits only for the rest. */
static struct sample mark;

static struct sample take_sample(const struct counter *c)
{
	uint64_t before = cpu_rdtsc();
	struct sample now = { .ticks = c->read(c->sources) };

	now.tsc = cpu_rdtsc();
	now.width = now.tsc - before;
	return now;
}

/* The narrowest of a few: a wide one would be no mark for the longer measurement, which then waits all its time. */
static struct sample take_narrow_sample(const struct counter *c)
{
	struct sample best = take_sample(c);

	for (unsigned i = 1; i < MARK_TRIES; i++) {
		struct sample next = take_sample(c);

		if (next.width < best.width)
			best = next;
	}
	return best;
}

/* 0: the counter stands still. Time is looked at before the counter: who was away in between finds it moved, not
 * stuck. A sample that took long says little: another one is taken, and a start that took long is given up for it. */
static uint64_t khz_against(const struct counter *c, struct sample start, uint32_t us)
{
	uint32_t wanted = (uint32_t)(us * c->hz / 1000000);
	uint64_t entered = cpu_rdtsc();
	unsigned restarts = 0;

	for (;;) {
		bool late = cpu_rdtsc() - entered > (uint64_t)us * STUCK_TICKS_PER_US;
		struct sample now = take_sample(c);
		uint32_t delta = (now.ticks - start.ticks) & c->mask;
		bool close = (now.width + start.width) * CLOSE_PART <= now.tsc - start.tsc;

		if (delta >= wanted && (close || (late && restarts == RESTARTS_MAX)))
			return (now.tsc - start.tsc) * c->hz / delta / 1000;
		if (late && delta < wanted)
			return 0;
		if (delta >= wanted && restarts < RESTARTS_MAX && (late || start.width > now.width)) {
			start = now;
			entered = now.tsc;
			restarts++;
		}
	}
}

static uint32_t pm_timer_read(const struct tsc_sources *s) { return cpu_in32(s->pm_timer_port); }
static uint32_t hpet_ticks(const struct tsc_sources *s) { return hpet_read(s->hpet_base); }

static uint64_t khz_from_pm_timer(const struct tsc_sources *s, uint32_t us)
{
	struct counter c = { pm_timer_read, s, s->pm_timer_32bit ? UINT32_MAX : 0xffffff, PM_TIMER_HZ };

	if (!s->pm_timer_port)
		return 0;
	if (!mark.tsc || cpu_rdtsc() - mark.tsc >= khz * (MARK_MAX_US / 1000) ||
	    mark.width >= khz * MARK_WIDTH_US / 1000)
		mark = take_narrow_sample(&c);
	return khz_against(&c, mark, us);
}

static uint64_t khz_from_hpet(const struct tsc_sources *s, uint32_t us)
{
	struct counter c = { hpet_ticks, s, UINT32_MAX, 0 };
	uint64_t period;

	if (!s->hpet_base || !hpet_start(s->hpet_base, &period))
		return 0;
	c.hz = FEMTO / period;
	return khz_against(&c, take_sample(&c), us);
}

static uint64_t khz_from_pit(uint32_t us)
{
	uint16_t ticks = (uint16_t)((uint64_t)us * PIT_HZ / 1000000);
	uint64_t start, now;
	bool late, done;

	pit_start(ticks);
	start = now = cpu_rdtsc();
	do {			/* as above: time before the counter */
		late = now - start > (uint64_t)us * STUCK_TICKS_PER_US;
		done = pit_done();
		now = cpu_rdtsc();
	} while (!done && !late);
	return done ? (now - start) * PIT_HZ / ticks / 1000 : 0;
}

static bool take(uint64_t value, enum tsc_source from)
{
	if (!khz_sane(value))
		return false;
	khz = value;
	source = from;
	return true;
}

/* Against a counter; the PM timer first: on every ACPI machine, one port read, no set-up. */
static bool measure(const struct tsc_sources *s, uint32_t us)
{
	return take(khz_from_pm_timer(s, us), TSC_PM_TIMER) || take(khz_from_hpet(s, us), TSC_HPET) ||
	       take(khz_from_pit(us), TSC_PIT);
}

enum status tsc_init(const struct tsc_sources *sources, struct problem *p)
{
	if (take(khz_from_cpuid(), TSC_CPUID) || take(khz_from_hypervisor(), TSC_HYPERVISOR) ||
	    measure(sources, QUICK_US) || take(sources->hint_hz / 1000, TSC_HINT))
		return OK;
	return problem_set(p, E_NO_CLOCK, "clock: neither CPUID, PM timer (port %x), HPET nor PIT gives a frequency",
			   sources->pm_timer_port);
}

enum status tsc_calibrate(const struct tsc_sources *sources, struct problem *p)
{
	if (source == TSC_CPUID || source == TSC_HYPERVISOR || measure(sources, PRECISE_US) || source != TSC_NONE)
		return OK;
	return problem_set(p, E_NO_CLOCK, "clock: no counter to calibrate against");
}

uint64_t tsc_khz(void) { return khz; }
enum tsc_source tsc_source(void) { return source; }

const char *tsc_source_text(void)
{
	static const char *const text[] = { "none", "firmware", "cpuid", "hypervisor", "pm-timer", "hpet", "pit" };

	return text[source];
}

uint64_t tsc_to_us(uint64_t ticks)
{
	return ticks / khz * 1000 + ticks % khz * 1000 / khz;
}

uint64_t tsc_deadline(uint64_t us)
{
	return cpu_rdtsc() + us * khz / 1000;
}

bool tsc_passed(uint64_t deadline)
{
	return (int64_t)(cpu_rdtsc() - deadline) >= 0;
}

void tsc_delay_us(uint64_t us)
{
	uint64_t deadline = tsc_deadline(us);

	while (!tsc_passed(deadline))
		cpu_relax();
}
