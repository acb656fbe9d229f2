// SPDX-License-Identifier: MIT
/* Tables are built here byte by byte; each parse sees an allocation of the table's exact size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/iommu.h"

static uint8_t table[8192];
static uint32_t used;
static struct iommu iommu;
static struct problem p;

static void put(unsigned bytes, uint64_t value)
{
	memcpy(table + used, &value, bytes);
	used += bytes;
}

static int fresh(void **state)
{
	(void)state;
	memset(table, 0, sizeof(table));
	memset(&iommu, 0, sizeof(iommu));
	p = (struct problem){ 0 };
	used = 48;
	return 0;
}

typedef enum status parse_fn(struct iommu *iommu, const uint8_t *table, uint32_t length, struct problem *problem);

static enum status parse(parse_fn *fn)
{
	uint8_t *copy = malloc(used);
	enum status s;

	memcpy(copy, table, used);
	s = fn(&iommu, copy, used, &p);
	free(copy);
	return s;
}

/* Returns the offset of its length field. */
static uint32_t drhd(bool all, uint16_t segment, uint64_t registers)
{
	put(2, 0);
	put(2, 16);
	put(1, all);
	put(1, 0);
	put(2, segment);
	put(8, registers);
	return used - 14;
}

static void scope(uint32_t drhd_length, uint8_t type, uint8_t bus, unsigned pairs, ...)
{
	va_list list;

	put(1, type);
	put(1, 6 + 2 * pairs);
	put(3, 0);
	put(1, bus);
	va_start(list, pairs);
	for (unsigned i = 0; i < 2 * pairs; i++)
		put(1, (uint64_t)va_arg(list, int));
	va_end(list);
	table[drhd_length] += 6 + 2 * pairs;
}

/* 0: display 00:02.0, 1: bridge 00:1c.0 to bus 1, 2: behind it 01:00.0, 3: bridge 01:01.0 to bus 2, 4: 02:00.3,
 * 5: 00:1f.2, 6: segment 1. */
static const struct iommu_function functions[] = {
	{ 0, 0, 2, 0, 0, 0 }, { 0, 0, 0x1c, 0, 1, 2 }, { 0, 1, 0, 0, 0, 0 }, { 0, 1, 1, 0, 2, 2 }, { 0, 2, 0, 3, 0, 0 },
	{ 0, 0, 0x1f, 2, 0, 0 }, { 1, 0, 2, 0, 0, 0 },
};
#define COUNT (sizeof(functions) / sizeof(functions[0]))

static void expect(const uint32_t *units)
{
	iommu_resolve(&iommu, functions, COUNT);
	for (unsigned i = 0; i < COUNT; i++)
		if (iommu_unit_of(&iommu, functions, i) != units[i])
			fail_msg("function %u: unit %u instead of %u", i, iommu_unit_of(&iommu, functions, i), units[i]);
}

#define NO IOMMU_NONE

static void one_unit_for_all(void **state)
{
	(void)state;
	drhd(true, 0, 0xfed90000);
	assert_int_equal(parse(iommu_parse_dmar), OK);
	assert_int_equal(iommu.unit_count, 1);
	assert_int_equal(iommu.units[0].registers, 0xfed90000);
	assert_int_equal(iommu.units[0].kind, IOMMU_VTD);
	expect((uint32_t[]){ 0, 0, 0, 0, 0, 0, NO });
}

/* An own unit for the display, the rest behind the other, as on most laptops. */
static void scopes_go_before_all(void **state)
{
	uint32_t at;

	(void)state;
	at = drhd(false, 0, 0xfed90000);
	scope(at, 1, 0, 1, 2, 0);
	at = drhd(true, 0, 0xfed91000);
	scope(at, 3, 0xf0, 1, 0x1f, 0);		/* an I/O APIC: not a function that masters the bus */
	assert_int_equal(parse(iommu_parse_dmar), OK);
	assert_int_equal(iommu.scope_count, 1);
	expect((uint32_t[]){ 0, 1, 1, 1, 1, 1, NO });
}

static void nothing_names_them(void **state)
{
	uint32_t at = drhd(false, 0, 0xfed90000);

	(void)state;
	scope(at, 1, 0, 1, 2, 0);
	assert_int_equal(parse(iommu_parse_dmar), OK);
	expect((uint32_t[]){ 0, NO, NO, NO, NO, NO, NO });
}

static void behind_bridges(void **state)
{
	uint32_t at = drhd(false, 0, 0xfed90000);

	(void)state;
	scope(at, 2, 0, 1, 0x1c, 0);			/* the bridge and all behind it */
	at = drhd(false, 0, 0xfed91000);
	scope(at, 1, 0, 3, 0x1c, 0, 1, 0, 0, 3);	/* through both bridges */
	assert_int_equal(parse(iommu_parse_dmar), OK);
	expect((uint32_t[]){ NO, 0, 0, 0, 0, NO, NO });
	fresh(NULL);
	at = drhd(false, 0, 0xfed91000);
	scope(at, 1, 0, 3, 0x1c, 0, 1, 0, 0, 3);
	scope(at, 1, 0, 2, 2, 0, 0, 0);			/* the display is no bridge */
	scope(at, 1, 0, 1, 0x1e, 0);			/* nobody there */
	scope(at, 1, 0, 1, 0x1c, 0);			/* an endpoint scope does not spread */
	assert_int_equal(parse(iommu_parse_dmar), OK);
	expect((uint32_t[]){ NO, 0, NO, NO, 0, NO, NO });
}

static void segments_are_apart(void **state)
{
	(void)state;
	drhd(true, 1, 0xfed90000);
	assert_int_equal(parse(iommu_parse_dmar), OK);
	expect((uint32_t[]){ NO, NO, NO, NO, NO, NO, 0 });
}

static void other_structures_are_skipped(void **state)
{
	(void)state;
	put(2, 1);					/* RMRR */
	put(2, 24);
	used += 20;
	drhd(true, 0, 0xfed90000);
	put(2, 99);
	put(2, 4);
	assert_int_equal(parse(iommu_parse_dmar), OK);
	assert_int_equal(iommu.unit_count, 1);
}

static void refused(parse_fn *fn, enum status code, const char *words)
{
	enum status s = parse(fn);

	if (s != code || p.code != code || !strstr(p.text, words))
		fail_msg("%d \"%s\" instead of %d \"%s\"", (int)s, p.text, (int)code, words);
}

static void malformed_dmar(void **state)
{
	uint32_t at;

	(void)state;
	used = 47;
	refused(iommu_parse_dmar, E_ACPI_TABLE, "ends in its header");
#define BAD(words, ...) do { fresh(NULL); at = drhd(true, 0, 0xfed90000); (void)at; __VA_ARGS__;	\
			     refused(iommu_parse_dmar, E_ACPI_TABLE, words); } while (0)
	BAD("length of a structure", table[at] = 0);
	BAD("length of a structure", table[at] = 3);
	BAD("length of a structure", table[at] = 17);
	BAD("length of a structure", put(3, 0));
	BAD("length of a DRHD", table[at] = 15; used -= 1);
	BAD("register base", table[at + 6] = 1);
	BAD("register base", memset(table + at + 6, 0, 8));
	BAD("length of a device scope", put(5, 0x0801); table[at] += 5);
	BAD("length of a device scope", scope(at, 1, 0, 1, 2, 0); table[at + 15] = 6);
	BAD("length of a device scope", scope(at, 1, 0, 1, 2, 0); table[at + 15] = 10);
	BAD("length of a device scope", scope(at, 1, 0, 1, 2, 0); table[at + 15] = 0);
	BAD("length of a device scope", scope(at, 1, 0, 1, 2, 0); put(1, 0); table[at]++; table[at + 15] = 9);
	BAD("too long", scope(at, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
}

static void too_many(void **state)
{
	uint32_t at = 0;

	(void)state;
	for (unsigned i = 0; i <= IOMMU_UNITS_MAX; i++)
		drhd(false, 0, 0xfed00000 + 4096 * i);
	refused(iommu_parse_dmar, E_NOT_SUPPORTED, "more than 32 IOMMUs");
	assert_int_equal(iommu.unit_count, IOMMU_UNITS_MAX);
	fresh(NULL);
	for (unsigned i = 0; i <= IOMMU_SCOPES_MAX; i++) {
		if (i % 16 == 0)
			at = drhd(false, 0, 0xfed00000 + 4096 * (i % 32));
		scope(at, 1, 0, 1, 2, 0);
	}
	refused(iommu_parse_dmar, E_NOT_SUPPORTED, "more than 512 scopes");
	assert_int_equal(iommu.scope_count, IOMMU_SCOPES_MAX);
}

/* Returns the offset of its length field. */
static uint32_t ivhd(uint8_t type, uint16_t segment, uint64_t registers)
{
	uint32_t at = used;

	put(1, type);
	put(1, 0);
	put(2, type == 0x10 ? 24 : 40);
	put(4, 0x00400002);
	put(8, registers);
	put(2, segment);
	used = at + (type == 0x10 ? 24 : 40);
	return at + 2;
}

static void entry(uint32_t ivhd_length, uint8_t type, uint16_t id, uint32_t bytes)
{
	put(1, type);
	put(2, id);
	used += bytes - 3;
	table[ivhd_length] += bytes;
}

static void amd_all(void **state)
{
	uint32_t at = ivhd(0x10, 0, 0xfd200000);

	(void)state;
	entry(at, 1, 0, 4);
	assert_int_equal(parse(iommu_parse_ivrs), OK);
	assert_int_equal(iommu.units[0].kind, IOMMU_AMD);
	expect((uint32_t[]){ 0, 0, 0, 0, 0, 0, NO });
}

static void amd_entries(void **state)
{
	uint32_t at = ivhd(0x11, 0, 0xfd200000);

	(void)state;
	entry(at, 0, 0, 4);			/* padding */
	entry(at, 2, 0x0010, 4);		/* 00:02.0 */
	entry(at, 0x48, 0, 8);			/* I/O APIC */
	table[used] = 0xf0;			/* an ACPI device with an id of 5 bytes */
	table[used + 21] = 5;
	table[at] += 27;
	used += 27;
	entry(at, 0x43, 0x0100, 8);		/* 01:00.0 to 02:00.3 */
	entry(at, 4, 0x0203, 4);
	at = ivhd(0x40, 0, 0xfd201000);
	entry(at, 0x46, 0x00fa, 8);		/* 00:1f.2 */
	assert_int_equal(parse(iommu_parse_ivrs), OK);
	assert_int_equal(iommu.unit_count, 2);
	expect((uint32_t[]){ 0, NO, 0, 0, 0, 1, NO });
}

/* Firmware describes a unit once for each generation of readers. */
static void amd_unit_described_twice(void **state)
{
	uint32_t at = ivhd(0x10, 0, 0xfd200000);

	(void)state;
	entry(at, 1, 0, 4);
	at = ivhd(0x11, 0, 0xfd200000);
	entry(at, 1, 0, 4);
	put(1, 0x20);				/* IVMD */
	put(1, 0);
	put(2, 32);
	used += 28;
	assert_int_equal(parse(iommu_parse_ivrs), OK);
	assert_int_equal(iommu.unit_count, 1);
}

static void malformed_ivrs(void **state)
{
	uint32_t at;

	(void)state;
	used = 47;
	refused(iommu_parse_ivrs, E_ACPI_TABLE, "ends in its header");
#define BAD_IVRS(words, ...) do { fresh(NULL); at = ivhd(0x11, 0, 0xfd200000); (void)at; __VA_ARGS__;	\
				  refused(iommu_parse_ivrs, E_ACPI_TABLE, words); } while (0)
	BAD_IVRS("length of a block", table[at] = 3);
	BAD_IVRS("length of a block", table[at] = 41);
	BAD_IVRS("length of an IVHD", table[at] = 39; used -= 1);
	BAD_IVRS("register base", table[at + 6] = 1);
	BAD_IVRS("length of a device entry", entry(at, 2, 0, 3));
	BAD_IVRS("length of a device entry", entry(at, 0x42, 0, 4));
	BAD_IVRS("length of a device entry", entry(at, 0xf0, 0, 21));
	BAD_IVRS("length of a device entry", entry(at, 0xf0, 0, 22); table[used - 1] = 1);
	BAD_IVRS("a range ends", entry(at, 4, 0, 4));
	BAD_IVRS("a range ends", entry(at, 3, 5, 4); entry(at, 4, 4, 4));
}

static void registers(void **state)
{
	(void)state;
	assert_int_equal(iommu_state_offset(IOMMU_VTD), 0x1c);
	assert_int_equal(iommu_state_bit(IOMMU_VTD), 0x80000000);
	assert_int_equal(iommu_state_offset(IOMMU_AMD), 0x18);
	assert_int_equal(iommu_state_bit(IOMMU_AMD), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_unit_for_all, fresh), cmocka_unit_test_setup(scopes_go_before_all, fresh),
		cmocka_unit_test_setup(nothing_names_them, fresh), cmocka_unit_test_setup(behind_bridges, fresh),
		cmocka_unit_test_setup(segments_are_apart, fresh),
		cmocka_unit_test_setup(other_structures_are_skipped, fresh),
		cmocka_unit_test_setup(malformed_dmar, fresh), cmocka_unit_test_setup(too_many, fresh),
		cmocka_unit_test_setup(amd_all, fresh), cmocka_unit_test_setup(amd_entries, fresh),
		cmocka_unit_test_setup(amd_unit_described_twice, fresh),
		cmocka_unit_test_setup(malformed_ivrs, fresh), cmocka_unit_test_setup(registers, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
