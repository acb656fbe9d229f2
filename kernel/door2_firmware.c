// SPDX-License-Identifier: MIT
/* Firmware's tables behind door 2: from boot_params, from EFI, or by the BIOS's areas. */
#include "boot/firmware_find.h"
#include "kernel/door2.h"
#include "lib/fmt.h"
#include "lib/smbios.h"

static uint64_t find_efi(struct door2 *d, const struct acpi_reader *reader, enum firmware_table table)
{
	uint64_t tables = d->has_setup_efi ? d->setup_efi.tables : 0;

	if (d->info->efi == EFI_NONE || (d->has_setup_efi && !tables))
		return 0;
	return firmware_find_efi(reader, d->in.efi.systab, tables, table);
}

static uint64_t find_rsdp(struct door2 *d, const struct acpi_reader *reader)
{
	uint64_t rsdp = d->in.rsdp ? d->in.rsdp : find_efi(d, reader, FIRMWARE_ACPI2);

	if (!rsdp)
		rsdp = find_efi(d, reader, FIRMWARE_ACPI1);
	if (!rsdp && d->info->efi == EFI_NONE)
		rsdp = firmware_find_bios_rsdp(reader);
	return rsdp;
}

static uint64_t find_smbios(struct door2 *d, const struct acpi_reader *reader)
{
	uint64_t entry = find_efi(d, reader, FIRMWARE_SMBIOS3);

	if (!entry)
		entry = find_efi(d, reader, FIRMWARE_SMBIOS);
	if (!entry && d->has_setup_efi)
		entry = d->setup_efi.smbios;
	if (!entry && d->info->efi == EFI_NONE)
		entry = firmware_find_bios_smbios(reader);
	return entry;
}

static void read_names(struct door2 *d, uint64_t entry)
{
	struct boot_info *info = d->info;
	struct smbios_names names;
	uint64_t table;
	uint32_t bytes;

	if (!door2_readable(d, entry, SMBIOS_ENTRY_BYTES) || smbios_parse_entry((const void *)entry, &table, &bytes) ||
	    !door2_readable(d, table, bytes))
		return;
	info->smbios = entry;
	smbios_read_names((const void *)table, bytes, &names);
	fmt_snprint(info->smbios_vendor, sizeof(info->smbios_vendor), "%s", names.vendor);
	fmt_snprint(info->smbios_product, sizeof(info->smbios_product), "%s", names.product);
	fmt_snprint(info->smbios_bios, sizeof(info->smbios_bios), "%s", names.bios);
}

void door2_find_tables(struct door2 *d)
{
	struct acpi_reader reader = door2_reader(d);

	d->info->rsdp = find_rsdp(d, &reader);
	read_names(d, find_smbios(d, &reader));
}
