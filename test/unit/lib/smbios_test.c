// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/smbios.h"

/* A BIOS structure, one of another kind, a system structure, the end. */
static const char good[] =
	"\x00\x06\x00\x00\x01\x02" "Maker\0" "1.7 \0\0"
	"\x11\x04\x00\x00" "\0\0"
	"\x01\x06\x00\x00\x02\x01" "Product\x01\0" "Vendor\0\0"
	"\x7f\x04\x00\x00\0";

/* In memory of exactly that size, so that the sanitizer sees one byte too many. */
static void read_exactly(const void *table, uint32_t bytes, struct smbios_names *names)
{
	void *copy = malloc(bytes ? bytes : 1);

	memcpy(copy, table, bytes);
	smbios_read_names(copy, bytes, names);
	free(copy);
	assert_true(memchr(names->vendor, 0, SMBIOS_NAME_BYTES) && memchr(names->product, 0, SMBIOS_NAME_BYTES) &&
		    memchr(names->bios, 0, SMBIOS_NAME_BYTES));
}

static void names_are_found(void **state)
{
	struct smbios_names names;

	(void)state;
	read_exactly(good, sizeof good, &names);
	assert_string_equal(names.vendor, "Vendor");
	assert_string_equal(names.product, "Product?");
	assert_string_equal(names.bios, "1.7");
}

static void every_cut_stays_inside(void **state)
{
	struct smbios_names names;
	uint32_t bytes;

	(void)state;
	for (bytes = 0; bytes < sizeof good; bytes++)
		read_exactly(good, bytes, &names);
}

static void every_changed_byte_stays_inside(void **state)
{
	static const uint8_t values[] = { 0, 1, 2, 3, 4, 5, 0x7f, 0x80, 0xff };
	struct smbios_names names;
	unsigned at, value;

	(void)state;
	for (at = 0; at < sizeof good; at++) {
		for (value = 0; value < sizeof values; value++) {
			char bent[sizeof good];

			memcpy(bent, good, sizeof good);
			bent[at] = (char)values[value];
			read_exactly(bent, sizeof bent, &names);
		}
	}
}

static void short_structure_ends_the_walk(void **state)
{
	static const char endless[] = "\x02\x00\x00\x00\0\0\x01\x06\x00\x00\x01\x01" "Never\0\0";
	struct smbios_names names;

	(void)state;
	read_exactly(endless, sizeof endless, &names);
	assert_string_equal(names.vendor, "");
}

static void long_name_is_cut(void **state)
{
	char table[300] = "\x01\x06\x00\x00\x01\x01";
	struct smbios_names names;

	(void)state;
	memset(table + 6, 'v', 200);
	read_exactly(table, sizeof table, &names);
	assert_int_equal(strlen(names.vendor), SMBIOS_NAME_BYTES - 1);
}

static void seal(uint8_t *entry, unsigned bytes, unsigned at)
{
	uint8_t sum = 0;
	unsigned i;

	entry[at] = 0;
	for (i = 0; i < bytes; i++)
		sum = (uint8_t)(sum + entry[i]);
	entry[at] = (uint8_t)-sum;
}

static void entry_of_version_3(void **state)
{
	uint8_t entry[SMBIOS_ENTRY_BYTES] = "_SM3_\0\x18\x03\0\0\x01\0\xff\xff\xff\xff\x00\x00\x00\x00\x02";
	uint64_t table = 0;
	uint32_t bytes = 0;

	(void)state;
	seal(entry, 0x18, 5);
	assert_int_equal(smbios_parse_entry(entry, &table, &bytes), 0);
	assert_int_equal(table, 0x200000000ull);
	assert_int_equal(bytes, SMBIOS_TABLE_BYTES_MAX);
	entry[7] ^= 1;
	assert_int_equal(smbios_parse_entry(entry, &table, &bytes), -1);
	entry[7] ^= 1;
	entry[6] = 0xff;
	seal(entry, 0x18, 5);
	assert_int_equal(smbios_parse_entry(entry, &table, &bytes), -1);
}

static void entry_of_version_2(void **state)
{
	uint8_t entry[SMBIOS_ENTRY_BYTES] = "_SM_\0\x1f";
	uint64_t table = 0;
	uint32_t bytes = 0;

	(void)state;
	entry[0x16] = 0x34;
	entry[0x17] = 0x12;
	entry[0x1a] = 0x0f;
	seal(entry, 0x1f, 4);
	assert_int_equal(smbios_parse_entry(entry, &table, &bytes), 0);
	assert_int_equal(table, 0xf0000);
	assert_int_equal(bytes, 0x1234);
	entry[0x1a] = 0;
	seal(entry, 0x1f, 4);
	assert_int_equal(smbios_parse_entry(entry, &table, &bytes), -1);
	memcpy(entry, "_XX_", 4);
	assert_int_equal(smbios_parse_entry(entry, &table, &bytes), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_found),
		cmocka_unit_test(every_cut_stays_inside),
		cmocka_unit_test(every_changed_byte_stays_inside),
		cmocka_unit_test(short_structure_ends_the_walk),
		cmocka_unit_test(long_name_is_cut),
		cmocka_unit_test(entry_of_version_3),
		cmocka_unit_test(entry_of_version_2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
