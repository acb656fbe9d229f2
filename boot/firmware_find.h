// SPDX-License-Identifier: MIT
/*
 * Where firmware's tables begin, for a door that firmware did not open itself: in EFI's configuration table, or by a
 * scan of the BIOS's areas. Pure over a reader (lib/acpi.h) that shows memory or refuses; nothing read is trusted. Any
 * context.
 */
#ifndef BOOT_FIRMWARE_FIND_H
#define BOOT_FIRMWARE_FIND_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/acpi.h"

enum firmware_table { FIRMWARE_ACPI2, FIRMWARE_ACPI1, FIRMWARE_SMBIOS3, FIRMWARE_SMBIOS };

#define FIRMWARE_SYSTAB_BYTES 120u

/* Calls each() with the GUID (16 bytes as in memory) and address of every entry of the configuration table, which lies
 * at *list and has *bytes. False: it cannot be read. systab, tables: as below. UEFI 2.10, 4.6. */
typedef void firmware_table_fn(void *ctx, const uint8_t *guid, uint64_t phys);
bool firmware_each_table(const struct acpi_reader *reader, uint64_t systab, uint64_t tables, firmware_table_fn *each,
			 void *ctx, uint64_t *list, uint64_t *bytes);

/* Physical address that the EFI system table at systab gives for a table, 0: none. tables: physical address of the
 * configuration table where the system table's own pointer may be virtual (SETUP_EFI), else 0. UEFI 2.10, 4.3. */
uint64_t firmware_find_efi(const struct acpi_reader *reader, uint64_t systab, uint64_t tables,
			   enum firmware_table table);

/* RSDP in the first KiB of the EBDA or in 0xe0000-0xfffff, checksum good (ACPI 6.5, 5.2.5.1); 0: none. */
uint64_t firmware_find_bios_rsdp(const struct acpi_reader *reader);

/* SMBIOS entry point in 0xf0000-0xfffff, checksum good, the 64-bit one first (DSP0134 3.6, 5.2); 0: none. */
uint64_t firmware_find_bios_smbios(const struct acpi_reader *reader);

#endif
