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

/* Both counters at one moment, that of the estimate: the longer measurement begins there and waits only for the rest.
 * width: TSC ticks that reading took, within which an emulator may have run something else. */
static struct { uint64_t tsc, width; uint32_t ticks; } mark;

static void mark_renew(const struct tsc_sources *s)
{
	uint64_t before;

	if (mark.tsc && cpu_rdtsc() - mark.tsc < khz * (MARK_MAX_US / 1000) && mark.width < khz * MARK_WIDTH_US / 1000)
		return;
	before = cpu_rdtsc();
	mark.ticks = cpu_in32(s->pm_timer_port);
	mark.tsc = cpu_rdtsc();
	mark.width = mark.tsc - before;
}

static uint64_t khz_from_pm_timer(const struct tsc_sources *s, uint32_t us)
{
	uint32_t mask = s->pm_timer_32bit ? UINT32_MAX : 0xffffff;
	uint32_t wanted = (uint32_t)((uint64_t)us * PM_TIMER_HZ / 1000000), delta;
	uint64_t now, entered = cpu_rdtsc();

	if (!s->pm_timer_port)
		return 0;
	mark_renew(s);
	for (;;) {
		delta = (cpu_in32(s->pm_timer_port) - mark.ticks) & mask;
		now = cpu_rdtsc();
		if (delta >= wanted)
			return (now - mark.tsc) * PM_TIMER_HZ / delta / 1000;
		if (now - entered > (uint64_t)us * STUCK_TICKS_PER_US)
			return 0;
	}
}

static uint64_t khz_from_hpet(const struct tsc_sources *s, uint32_t us)
{
	uint64_t period, wanted, start, now;
	uint32_t first, delta;

	if (!s->hpet_base || !hpet_start(s->hpet_base, &period))
		return 0;
	wanted = us * (FEMTO / 1000000) / period;
	first = hpet_read(s->hpet_base);
	start = cpu_rdtsc();
	do {
		delta = hpet_read(s->hpet_base) - first;
		now = cpu_rdtsc();
		if (now - start > (uint64_t)us * STUCK_TICKS_PER_US)
			return 0;
	} while (delta < wanted);
	return (now - start) * (FEMTO / 1000000) / (delta * period) * 1000;
}

static uint64_t khz_from_pit(uint32_t us)
{
	uint16_t ticks = (uint16_t)((uint64_t)us * PIT_HZ / 1000000);
	uint64_t start, now;

	pit_start(ticks);
	start = cpu_rdtsc();
	do {
		now = cpu_rdtsc();
		if (now - start > (uint64_t)us * STUCK_TICKS_PER_US)
			return 0;
	} while (!pit_done());
	return (now - start) * PIT_HZ / ticks / 1000;
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
