// SPDX-License-Identifier: MIT
/*
 * The three names of a machine out of its SMBIOS structures (DSP0134 3.6): hostile input, every length is checked
 * and each step advances. Pure; any context. Nothing here touches memory outside (table, bytes).
 */
#ifndef LIB_SMBIOS_H
#define LIB_SMBIOS_H

#include <stdint.h>

#define SMBIOS_NAME_BYTES	64
#define SMBIOS_TABLE_BYTES_MAX	(256u << 10)	/* real ones are a few KiB */
#define SMBIOS_ENTRY_BYTES	0x1f		/* the longer of the two entry points */

struct smbios_names { char vendor[SMBIOS_NAME_BYTES], product[SMBIOS_NAME_BYTES], bios[SMBIOS_NAME_BYTES]; };

/* Checks an entry point of either kind ("_SM3_" or "_SM_", anchor and checksum); SMBIOS_ENTRY_BYTES must be readable.
 * Gives the table's address and length bound. Returns 0, or -1 if it is none. */
int smbios_parse_entry(const void *entry, uint64_t *table, uint32_t *bytes);

/* Fills names from the structures; what is not found or not printable stays "" or becomes '?'. */
void smbios_read_names(const void *table, uint32_t bytes, struct smbios_names *names);

#endif
