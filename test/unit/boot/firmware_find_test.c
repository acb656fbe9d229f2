// SPDX-License-Identifier: MIT
#include "test/unit/boot/support.h"

#include <string.h>

#include "boot/firmware_find.h"

/* The first MiB of a machine. Nothing else is readable, nor are its holes. */
static uint8_t memory[0x100000];
static uint64_t hole;
static struct acpi_reader reader;

static const void *at(void *ctx, uint64_t phys, uint32_t length)
{
	(void)ctx;
	if (phys > sizeof(memory) || length > sizeof(memory) - phys || (hole >= phys && hole < phys + length))
		return NULL;
	return memory + phys;
}

static int fresh(void **state)
{
	(void)state;
	memset(memory, 0, sizeof(memory));
	hole = ~0ull;
	reader = (struct acpi_reader){ at, NULL };
	return 0;
}

static void sum_to_zero(uint64_t from, unsigned bytes, unsigned checksum)
{
	uint8_t sum = 0;

	memory[from + checksum] = 0;
	for (unsigned i = 0; i < bytes; i++)
		sum = (uint8_t)(sum + memory[from + i]);
	memory[from + checksum] = (uint8_t)-sum;
}

static void put_rsdp(uint64_t where)
{
	memcpy(memory + where, "RSD PTR ", 8);
	sum_to_zero(where, 20, 8);
}

static void put64(uint64_t where, uint64_t value)
{
	memcpy(memory + where, &value, 8);
}

static void bios_rsdp(void **state)
{
	(void)state;
	assert_int_equal(firmware_find_bios_rsdp(&reader), 0);
	put_rsdp(0xf5b10);
	assert_int_equal(firmware_find_bios_rsdp(&reader), 0xf5b10);
	put_rsdp(0xe0008);		/* not on 16 bytes */
	memcpy(memory + 0xe1000, "RSD PTR ", 8);	/* no checksum */
	memory[0xe1010] = 1;
	assert_int_equal(firmware_find_bios_rsdp(&reader), 0xf5b10);
	memory[0x40e] = 0xc0;		/* EBDA at 0x9fc00 */
	memory[0x40f] = 0x9f;
	put_rsdp(0x9fff0);		/* beyond its first KiB */
	assert_int_equal(firmware_find_bios_rsdp(&reader), 0xf5b10);
	put_rsdp(0x9fc40);
	assert_int_equal(firmware_find_bios_rsdp(&reader), 0x9fc40);
	hole = 0x9fc41;
	assert_int_equal(firmware_find_bios_rsdp(&reader), 0xf5b10);
}

static void bios_smbios(void **state)
{
	(void)state;
	assert_int_equal(firmware_find_bios_smbios(&reader), 0);
	memcpy(memory + 0xf5320, "_SM_", 4);
	memory[0xf5325] = 0x1f;
	memcpy(memory + 0xf5330, "_DMI_", 5);
	put64(0xf5338, 0xf5340);
	memory[0xf5336] = 100;
	sum_to_zero(0xf5330, 15, 5);
	sum_to_zero(0xf5320, 31, 4);
	assert_int_equal(firmware_find_bios_smbios(&reader), 0xf5320);
	memory[0xf5324]++;
	assert_int_equal(firmware_find_bios_smbios(&reader), 0);
	memory[0xf5324]--;
	memcpy(memory + 0xffff0, "_SM_", 4);	/* runs out of the area */
	assert_int_equal(firmware_find_bios_smbios(&reader), 0xf5320);
}

static void put_systab(uint64_t count)
{
	static const uint8_t acpi2[16] = { 0x71, 0xe8, 0x68, 0x88, 0xf1, 0xe4, 0xd3, 0x11, 0xbc, 0x22, 0x00, 0x80, 0xc7,
					   0x3c, 0x88, 0x81 };
	static const uint8_t smbios3[16] = { 0x44, 0x15, 0xfd, 0xf2, 0x94, 0x97, 0x2c, 0x4a, 0x99, 0x2e, 0xe5, 0xbb, 0xcf,
					     0x20, 0xe3, 0x94 };

	memcpy(memory + 0x8000, "IBI SYST", 8);
	put64(0x8000 + 104, count);
	put64(0x8000 + 112, 0x9000);
	memcpy(memory + 0x9000, smbios3, 16);
	put64(0x9010, 0x1234);
	memcpy(memory + 0x9018, acpi2, 16);
	put64(0x9028, 0xbf77e014);
}

static void efi_tables(void **state)
{
	(void)state;
	put_systab(2);
	assert_int_equal(firmware_find_efi(&reader, 0x8000, 0, FIRMWARE_ACPI2), 0xbf77e014);
	assert_int_equal(firmware_find_efi(&reader, 0x8000, 0, FIRMWARE_SMBIOS3), 0x1234);
	assert_int_equal(firmware_find_efi(&reader, 0x8000, 0, FIRMWARE_ACPI1), 0);
	assert_int_equal(firmware_find_efi(&reader, 0x8000, 0, FIRMWARE_SMBIOS), 0);
	/* The pointer has become virtual: SETUP_EFI gives the other. */
	put64(0x8000 + 112, 0xfffffffeee539018ull);
	assert_int_equal(firmware_find_efi(&reader, 0x8000, 0, FIRMWARE_ACPI2), 0);
	assert_int_equal(firmware_find_efi(&reader, 0x8000, 0x9000, FIRMWARE_ACPI2), 0xbf77e014);
	put_systab(1);
	assert_int_equal(firmware_find_efi(&reader, 0x8000, 0, FIRMWARE_ACPI2), 0);
	put_systab(1ull << 33);
	assert_int_equal(firmware_find_efi(&reader, 0x8000, 0, FIRMWARE_ACPI2), 0);
	put_systab(2);
	hole = 0x902f;
	assert_int_equal(firmware_find_efi(&reader, 0x8000, 0, FIRMWARE_ACPI2), 0);
	hole = 0x8077;
	assert_int_equal(firmware_find_efi(&reader, 0x8000, 0, FIRMWARE_ACPI2), 0);
	hole = ~0ull;
	memory[0x8000] = 'X';
	assert_int_equal(firmware_find_efi(&reader, 0x8000, 0, FIRMWARE_ACPI2), 0);
	assert_int_equal(firmware_find_efi(&reader, 0, 0, FIRMWARE_ACPI2), 0);
	assert_int_equal(firmware_find_efi(&reader, ~0ull - 8, 0, FIRMWARE_ACPI2), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(bios_rsdp, fresh), cmocka_unit_test_setup(bios_smbios, fresh),
		cmocka_unit_test_setup(efi_tables, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
