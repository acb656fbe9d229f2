// SPDX-License-Identifier: MIT
/* Both watchdogs against models: configuration space by ports, TCO's ports, memory registers as plain memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "x86/cpu.h"
#include "x86/pc/watchdog.h"

#define LPC	(31 << 3)
#define ESB	(5 << 3)
#define TCO	0x660
#define RCBA	0xfed1c000u
#define BAR	0xfebf1000u

static struct {
	uint8_t lpc[256], esb[256];	/* configuration space; an ID of zero: nobody there */
	uint8_t tco[32];
	uint32_t address;
	uint8_t rcba[4096], bar[16];
} pc;

static uint8_t *config_space(void)
{
	uint16_t bdf = (uint16_t)(pc.address >> 8);
	uint8_t *space = bdf == LPC ? pc.lpc : bdf == ESB ? pc.esb : NULL;

	assert_true(pc.address >> 31);
	return space && (space[0] | space[1]) ? space + (pc.address & 0xfc) : NULL;
}

void *twin_cpu_phys_pointer(uint64_t phys)
{
	if (phys == RCBA + 0x3000)
		return pc.rcba;
	assert_int_equal(phys, BAR);
	return pc.bar;
}

uint32_t twin_cpu_in(uint16_t port, unsigned bits)
{
	uint32_t value = 0;
	const uint8_t *from = NULL;

	if (port >= 0xcfc && port <= 0xcff && config_space())
		from = config_space() + (port - 0xcfc);
	if (port >= TCO && port < TCO + 32)
		from = pc.tco + (port - TCO);
	if (!from)
		return bits == 32 ? UINT32_MAX : (1u << bits) - 1;
	memcpy(&value, from, bits / 8);
	return value;
}

void twin_cpu_out(uint16_t port, unsigned bits, uint32_t value)
{
	if (port == 0xcf8) {
		pc.address = value;
	} else if (port >= 0xcfc && port <= 0xcff) {
		assert_non_null(config_space());
		memcpy(config_space() + (port - 0xcfc), &value, bits / 8);
	} else {
		assert_true(port >= TCO && port < TCO + 32);
		assert_int_equal(bits, 16);
		if (port == TCO + 4 || port == TCO + 6)
			pc.tco[port - TCO] &= (uint8_t)~value;
		else
			memcpy(pc.tco + (port - TCO), &value, 2);
	}
}

static uint32_t word(const uint8_t *from)
{
	uint32_t value;

	memcpy(&value, from, 4);
	return value;
}

static void set(uint8_t *space, unsigned at, uint32_t value) { memcpy(space + at, &value, 4); }

static int q35(void **state)
{
	(void)state;
	memset(&pc, 0, sizeof(pc));
	set(pc.lpc, 0, 0x29188086);
	set(pc.lpc, 0x0c, 0x00800000);
	set(pc.lpc, 0x40, 0x601);
	set(pc.lpc, 0x44, 0x80);
	set(pc.lpc, 0xf0, RCBA | 1);
	set(pc.rcba, 0x410, 0x20);
	set(pc.tco, 8, 0x0800);
	return 0;
}

static void plug_esb(void)
{
	set(pc.esb, 0, 0x25ab8086);
	set(pc.esb, 0x10, BAR);
}

static void tco_is_found_and_armed(void **state)
{
	struct watchdog w;

	(void)state;
	assert_true(watchdog_find(&w));
	assert_int_equal(w.kind, WATCHDOG_TCO);
	assert_int_equal(w.port, TCO);
	assert_int_equal(w.registers, RCBA + 0x3000);
	set(pc.tco, 4, 0x8);
	assert_true(watchdog_arm(&w, 60));
	assert_int_equal(word(pc.tco + 0x12) & 0x3ff, 50);	/* 2 x 50 x 0.6 s */
	assert_int_equal(word(pc.tco + 8) & 0x800, 0);
	assert_int_equal(word(pc.tco + 4) & 0x8, 0);
	assert_int_equal(word(pc.rcba + 0x410), 0);
	watchdog_stop(&w);
	assert_int_equal(word(pc.tco + 8) & 0x800, 0x800);
}

static void tco_counts_what_it_can(void **state)
{
	struct watchdog w;

	(void)state;
	assert_true(watchdog_find(&w));
	assert_true(watchdog_arm(&w, 0));
	assert_int_equal(word(pc.tco + 0x12) & 0x3ff, 2);
	assert_true(watchdog_arm(&w, 61));
	assert_int_equal(word(pc.tco + 0x12) & 0x3ff, 51);	/* not before its time */
	assert_true(watchdog_arm(&w, UINT32_MAX));
	assert_int_equal(word(pc.tco + 0x12) & 0x3ff, 0x3ff);
}

static void bridges_that_are_not_known(void **state)
{
	static const struct { unsigned at; uint32_t value; } cases[] = {
		{ 0, 0x9d438086 },	/* later than the 9 series: no RCBA there */
		{ 0, 0x29181022 },	/* another vendor's */
		{ 0xf0, RCBA },		/* not enabled */
		{ 0x40, 0x1 },		/* no ports */
		{ 0x44, 0 },
	};
	struct watchdog w;

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		q35(state);
		set(pc.lpc, cases[i].at, cases[i].value);
		assert_false(watchdog_find(&w));
		assert_int_equal(w.kind, WATCHDOG_NONE);
		assert_false(watchdog_arm(&w, 10));
	}
}

static void esb_goes_first(void **state)
{
	struct watchdog w;

	(void)state;
	plug_esb();
	assert_true(watchdog_find(&w));
	assert_int_equal(w.kind, WATCHDOG_I6300ESB);
	assert_int_equal(w.bdf, ESB);
	assert_true(watchdog_arm(&w, 30));
	assert_int_equal(word(pc.bar), 30 * 512);
	assert_int_equal(word(pc.bar + 4), 30 * 512);
	assert_int_equal(word(pc.bar + 0xc), 0x100);
	assert_int_equal(word(pc.esb + 4) & 2, 2);
	assert_int_equal(word(pc.esb + 0x60) & 0x27, 3);	/* no interrupt, 1 kHz, resets */
	assert_int_equal(pc.esb[0x68], 2);
	assert_true(watchdog_arm(&w, UINT32_MAX));
	assert_int_equal(word(pc.bar), 0xfffff);
	watchdog_stop(&w);
	assert_int_equal(pc.esb[0x68], 0);
	set(pc.esb, 0x10, 0);		/* nobody gave it an address */
	assert_true(watchdog_find(&w));
	assert_int_equal(w.kind, WATCHDOG_TCO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(tco_is_found_and_armed, q35),
		cmocka_unit_test_setup(tco_counts_what_it_can, q35),
		cmocka_unit_test_setup(bridges_that_are_not_known, q35),
		cmocka_unit_test_setup(esb_goes_first, q35),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
