// SPDX-License-Identifier: MIT
/* The TSC measured on a machine whose CPU is away now and then, as a virtual one is: at every single reading in turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "x86/cpu.h"
#include "x86/pc/hpet.h"
#include "x86/pc/pit.h"
#include "x86/tsc.h"

#define KHZ		2000000u
#define PM_HZ		3579545u
#define HPET_HZ		100000000u
#define PIT_HZ		1193182u
#define STEP_NS		500u		/* one reading */
#define AWAY_NS		50000000u
#define READINGS	200u
#define TRANSLATED_NS	50000u		/* the first run of a piece of code in an emulator */
#define BETWEEN_NS	12000000u	/* what a boot does between the two measurements */
#define PORT		0x608

static uint64_t now_ns, reading, away_at, away_ns, pit_end_ns;
static uint64_t stuck_ticks;		/* not 0: no counter but the TSC moves */

/* Every reading takes a step; before one of them the CPU is away. */
static uint64_t read_ns(void)
{
	if (++reading == away_at)
		now_ns += away_ns;
	return now_ns += STEP_NS;
}

static uint64_t ticks(uint64_t hz)
{
	uint64_t ns = read_ns();

	return stuck_ticks ? stuck_ticks : ns * hz / 1000000000;
}

uint64_t twin_cpu_rdtsc(void) { return read_ns() * KHZ / 1000000; }

struct cpuid_regs twin_cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
	(void)leaf, (void)subleaf;
	return (struct cpuid_regs){ 0 };
}

uint32_t twin_cpu_in(uint16_t port, unsigned bits)
{
	assert_int_equal(port, PORT);
	assert_int_equal(bits, 32);
	return (uint32_t)ticks(PM_HZ) & 0xffffff;
}

bool hpet_start(uint64_t base, uint64_t *period_femtoseconds)
{
	(void)base;
	*period_femtoseconds = 1000000000000000ull / HPET_HZ;
	return true;
}

uint32_t hpet_read(uint64_t base)
{
	(void)base;
	return (uint32_t)ticks(HPET_HZ);
}

void pit_start(uint16_t count) { pit_end_ns = now_ns + count * 1000000000ull / PIT_HZ; }
bool pit_done(void) { return read_ns() >= pit_end_ns && !stuck_ticks; }

static void away_at_each_reading(const struct tsc_sources *sources, enum tsc_source expected)
{
	away_ns = AWAY_NS;
	for (away_at = 1; away_at <= READINGS; away_at++) {
		struct problem problem = { .code = OK };

		now_ns += 10000000000ull;	/* the last measurement's mark is too old */
		reading = 0;
		assert_int_equal(tsc_init(sources, &problem), OK);
		assert_int_equal(tsc_source(), expected);
		assert_in_range(tsc_khz(), KHZ * 94 / 100, KHZ * 106 / 100);
		assert_int_equal(tsc_calibrate(sources, &problem), OK);
		assert_in_range(tsc_khz(), KHZ * 94 / 100, KHZ * 106 / 100);
	}
}

static void pm_timer_of_a_cpu_that_is_away(void **state)
{
	(void)state;
	away_at_each_reading(&(struct tsc_sources){ .pm_timer_port = PORT }, TSC_PM_TIMER);
}

static void hpet_of_a_cpu_that_is_away(void **state)
{
	(void)state;
	away_at_each_reading(&(struct tsc_sources){ .hpet_base = 0xfed00000 }, TSC_HPET);
}

/* The estimate's mark is good although the first sample of all was slow: the measurement has nothing left to wait for. */
static void longer_measurement_has_begun(void **state)
{
	const struct tsc_sources sources = { .pm_timer_port = PORT };
	struct problem problem = { .code = OK };

	(void)state;
	away_ns = TRANSLATED_NS;
	for (away_at = 1; away_at <= 4; away_at++) {
		now_ns += 10000000000ull;
		reading = 0;
		assert_int_equal(tsc_init(&sources, &problem), OK);
		now_ns += BETWEEN_NS;
		reading = READINGS;
		assert_int_equal(tsc_calibrate(&sources, &problem), OK);
		assert_in_range(reading - READINGS, 1, 10);
		assert_in_range(tsc_khz(), KHZ * 99 / 100, KHZ * 101 / 100);
	}
}

static void counters_that_stand_still(void **state)
{
	struct problem problem = { .code = OK };

	(void)state;
	away_at = 0;
	stuck_ticks = 5;
	assert_int_equal(tsc_init(&(struct tsc_sources){ .pm_timer_port = PORT, .hpet_base = 0xfed00000 }, &problem),
			 E_NO_CLOCK);
	stuck_ticks = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters_that_stand_still),
		cmocka_unit_test(pm_timer_of_a_cpu_that_is_away),
		cmocka_unit_test(longer_measurement_has_begun),
		cmocka_unit_test(hpet_of_a_cpu_that_is_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
