// SPDX-License-Identifier: MIT
#include "boot/firmware_find.h"

#include <stddef.h>

#include "lib/smbios.h"
#include "lib/string.h"

#define SYSTAB_SIGNATURE	"IBI SYST"
#define SYSTAB_COUNT		104u
#define SYSTAB_TABLES		112u
#define TABLE_BYTES		24u		/* GUID, pointer */
#define TABLES_MAX		1024u
#define EBDA_POINTER		0x40eu		/* real-mode segment */
#define EBDA_LOWEST		0x400u
#define EBDA_BYTES		1024u
#define BIOS_RSDP_START		0xe0000u
#define BIOS_SMBIOS_START	0xf0000u
#define BIOS_END		0x100000u
#define ANCHOR_STEP		16u
#define RSDP_BYTES		20u		/* what the first checksum covers */

/* As bytes in memory: the first three fields are little-endian. */
static const uint8_t guid[][16] = {
	[FIRMWARE_ACPI2] = {
		0x71, 0xe8, 0x68, 0x88, 0xf1, 0xe4, 0xd3, 0x11, 0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81 },
	[FIRMWARE_ACPI1] = {
		0x30, 0x2d, 0x9d, 0xeb, 0x88, 0x2d, 0xd3, 0x11, 0x9a, 0x16, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d },
	[FIRMWARE_SMBIOS3] = {
		0x44, 0x15, 0xfd, 0xf2, 0x94, 0x97, 0x2c, 0x4a, 0x99, 0x2e, 0xe5, 0xbb, 0xcf, 0x20, 0xe3, 0x94 },
	[FIRMWARE_SMBIOS] = {
		0x31, 0x2d, 0x9d, 0xeb, 0x88, 0x2d, 0xd3, 0x11, 0x9a, 0x16, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d },
};

static const uint8_t *show(const struct acpi_reader *reader, uint64_t phys, uint32_t bytes)
{
	return phys && phys + bytes > phys ? reader->at(reader->ctx, phys, bytes) : NULL;
}

bool firmware_each_table(const struct acpi_reader *reader, uint64_t systab, uint64_t tables, firmware_table_fn *each,
			 void *ctx, uint64_t *list, uint64_t *bytes)
{
	const uint8_t *system = show(reader, systab, FIRMWARE_SYSTAB_BYTES), *at;
	uint64_t count;

	if (!system || memcmp(system, SYSTAB_SIGNATURE, 8))
		return false;
	count = acpi_u64(system, SYSTAB_COUNT);
	*list = tables ? tables : acpi_u64(system, SYSTAB_TABLES);
	if (count > TABLES_MAX)
		return false;
	*bytes = count * TABLE_BYTES;
	at = show(reader, *list, (uint32_t)*bytes);
	for (uint64_t i = 0; at && i < count; i++, at += TABLE_BYTES)
		each(ctx, at, acpi_u64(at, TABLE_BYTES - 8));
	return at;
}

struct wanted { const uint8_t *guid; uint64_t found; };

static void compare(void *ctx, const uint8_t *of_table, uint64_t phys)
{
	struct wanted *wanted = ctx;

	if (!wanted->found && !memcmp(of_table, wanted->guid, sizeof(guid[0])))
		wanted->found = phys;
}

uint64_t firmware_find_efi(const struct acpi_reader *reader, uint64_t systab, uint64_t tables,
			   enum firmware_table table)
{
	struct wanted wanted = { guid[table], 0 };
	uint64_t list, bytes;

	firmware_each_table(reader, systab, tables, compare, &wanted, &list, &bytes);
	return wanted.found;
}

static uint64_t scan_rsdp(const struct acpi_reader *reader, uint64_t start, uint64_t end)
{
	for (uint64_t at = start; at + RSDP_BYTES <= end; at += ANCHOR_STEP) {
		const uint8_t *p = show(reader, at, RSDP_BYTES);
		uint8_t sum = 0;

		if (!p || memcmp(p, "RSD PTR ", 8))
			continue;
		for (unsigned i = 0; i < RSDP_BYTES; i++)
			sum = (uint8_t)(sum + p[i]);
		if (!sum)
			return at;
	}
	return 0;
}

uint64_t firmware_find_bios_rsdp(const struct acpi_reader *reader)
{
	const uint8_t *pointer = show(reader, EBDA_POINTER, 2);
	uint64_t ebda = pointer ? (uint64_t)acpi_u16(pointer, 0) << 4 : 0, found = 0;

	if (ebda >= EBDA_LOWEST)
		found = scan_rsdp(reader, ebda, ebda + EBDA_BYTES);
	return found ? found : scan_rsdp(reader, BIOS_RSDP_START, BIOS_END);
}

uint64_t firmware_find_bios_smbios(const struct acpi_reader *reader)
{
	static const char *const anchors[] = { "_SM3_", "_SM_" };

	for (unsigned i = 0; i < 2; i++)
		for (uint64_t at = BIOS_SMBIOS_START; at + SMBIOS_ENTRY_BYTES <= BIOS_END; at += ANCHOR_STEP) {
			const uint8_t *p = show(reader, at, SMBIOS_ENTRY_BYTES);
			uint64_t table;
			uint32_t bytes;

			if (p && !memcmp(p, anchors[i], strlen(anchors[i])) && !smbios_parse_entry(p, &table, &bytes))
				return at;
		}
	return 0;
}
