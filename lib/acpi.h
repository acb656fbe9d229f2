// SPDX-License-Identifier: MIT
/*
 * The walk from the RSDP to an ACPI table, over whatever memory the caller's reader shows: nothing is trusted, every
 * length is checked before it is used, and every table's checksum before the table is returned. Sources: ACPI 6.5,
 * 5.2.5 (RSDP), 5.2.6 (header), 5.2.7 (RSDT), 5.2.8 (XSDT). No state, no allocation.
 */
#ifndef LIB_ACPI_H
#define LIB_ACPI_H

#include <stdint.h>

#include "lib/status.h"

#define ACPI_HEADER_BYTES	36u
#define ACPI_TABLE_BYTES_MAX	(16u << 20)	/* larger tables are refused; real DSDTs are under 1 MiB */
#define ACPI_TABLES_MAX		1024u		/* more entries in the root table are refused */

/* Shows length bytes at a physical address. The pointer must stay valid while results of the walk are used. NULL:
 * no such memory. Never asked for address 0, for a range beyond 2^64, nor for more than ACPI_TABLE_BYTES_MAX. */
struct acpi_reader {
	const void *(*at)(void *ctx, uint64_t phys, uint32_t length);
	void *ctx;
};

/* The root table, checked. Filled by acpi_open(). */
struct acpi {
	struct acpi_reader reader;
	const uint8_t *root;		/* RSDT or XSDT, header included */
	uint32_t entry_bytes;		/* 4: RSDT, 8: XSDT */
	uint32_t entry_count;
};

/* A table found: checked header and checksum; length >= ACPI_HEADER_BYTES bytes at data, not aligned. */
struct acpi_table {
	const uint8_t *data;
	uint32_t length;
	uint64_t phys;
};

/* Checks the RSDP at rsdp_phys and its XSDT (or, before ACPI 2.0 or where XSDT is 0, its RSDT).
 * E_ACPI_TABLE with one line in *problem: *acpi is unusable. */
enum status acpi_open(struct acpi *acpi, struct acpi_reader reader, uint64_t rsdp_phys, struct problem *problem)
	MUST_CHECK;

/* Finds table number index (0: the first) with the four-character signature. OK with table->data NULL: there is
 * none. E_ACPI_TABLE: it is there, but malformed. Unreadable or malformed tables of other signatures do not
 * matter. */
enum status acpi_find(const struct acpi *acpi, const char *signature, uint32_t index, struct acpi_table *table,
		      struct problem *problem) MUST_CHECK;

/* Little-endian field at offset; the caller has checked the bounds. */
uint16_t acpi_u16(const uint8_t *data, uint32_t offset);
uint32_t acpi_u32(const uint8_t *data, uint32_t offset);
uint64_t acpi_u64(const uint8_t *data, uint32_t offset);

#endif
