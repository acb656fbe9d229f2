// SPDX-License-Identifier: MIT
/* Which processors may be parked in MWAIT (protocol rule 8), from CPUID on. All say that there is a hypervisor, since
 * without one a port is asked; AMD on bare metal is tried without CPUID. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "kernel/platform.h"
#include "x86/cpu.h"

#define HYPERVISOR	(1u << 31)
#define MONITOR		(1u << 3)
#define LEAVES		13
#define MICROCODE_MSR	0x8b

static struct { const char *vendor; uint32_t signature, features, line; } processor;

static uint32_t word(const char *text)
{
	uint32_t value;

	memcpy(&value, text, sizeof(value));
	return value;
}

struct cpuid_regs twin_cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
	const char *v = processor.vendor;

	(void)subleaf;
	switch (leaf) {
	case 0: return (struct cpuid_regs){ LEAVES, word(v), word(v + 8), word(v + 4) };
	case 1: return (struct cpuid_regs){ processor.signature, 0, HYPERVISOR | processor.features, 0 };
	case 5: return (struct cpuid_regs){ 64, processor.line, 0, 0 };
	default: return (struct cpuid_regs){ 0 };
	}
}

static struct platform read_of(const char *vendor, uint32_t signature, uint32_t features, uint32_t line)
{
	struct platform p;

	processor.vendor = vendor;
	processor.signature = signature;
	processor.features = features;
	processor.line = line;
	twin_msr_set(MICROCODE_MSR, 0);
	platform_read(&p);
	return p;
}

static bool usable(const char *vendor, uint32_t signature, uint32_t features, uint32_t line)
{
	struct platform p = read_of(vendor, signature, features, line);

	return platform_mwait_usable(&p);
}

static void models_that_lose_wakeups_are_not(void **state)
{
	(void)state;
	assert_true(usable("GenuineIntel", 0x606a6, MONITOR, 64));	/* Ice Lake, model 6a */
	assert_false(usable("GenuineIntel", 0x506c9, MONITOR, 64));	/* Goldmont, 5c */
	assert_false(usable("GenuineIntel", 0xb06d1, MONITOR, 64));	/* Lunar Lake, bd */
	assert_true(usable("GenuineIntel", 0xb06a2, MONITOR, 64));	/* Raptor Lake, ba: the same extended model */
	assert_true(usable("GenuineIntel", 0x006c9, MONITOR, 64));	/* model 0c: the extended model counts */
	assert_true(usable("AuthenticAMD", 0x506c9, MONITOR, 64));	/* that number is Intel's only */
}

static void the_line_has_to_fit(void **state)
{
	(void)state;
	assert_true(usable("GenuineIntel", 0x606a6, MONITOR, 256));
	assert_false(usable("GenuineIntel", 0x606a6, MONITOR, 257));
	assert_int_equal(read_of("GenuineIntel", 0x606a6, MONITOR, 0x120040).monitor_line, 64);
	assert_false(usable("GenuineIntel", 0x606a6, 0, 64));
}

static void amd_in_hlt_as_linux_does(void **state)
{
	struct platform p = read_of("AuthenticAMD", 0x800f12, MONITOR, 64);

	(void)state;
	assert_true(p.amd && !p.intel && p.family == 0xf + 8 && p.model == 1);
	assert_true(platform_mwait_usable(&p));		/* an emulator */
	p.hypervisor = false;
	assert_false(platform_mwait_usable(&p));
	p = read_of("HygonGenuine", 0x900f02, MONITOR, 64);
	p.hypervisor = false;
	assert_false(platform_mwait_usable(&p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(models_that_lose_wakeups_are_not),
		cmocka_unit_test(the_line_has_to_fit),
		cmocka_unit_test(amd_in_hlt_as_linux_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
