// SPDX-License-Identifier: MIT
#include "lib/acpi.h"

#include <stdbool.h>

#include "lib/string.h"

#define RSDP_BYTES_1		20u	/* ACPI 1.0, and what the first checksum covers */
#define RSDP_BYTES_2		36u
#define RSDP_BYTES_MAX		4096u

/* Offsets. RSDP: 5.2.5.3. Header: 5.2.6. */
enum { RSDP_REVISION = 15, RSDP_RSDT = 16, RSDP_LENGTH = 20, RSDP_XSDT = 24, HEADER_LENGTH = 4 };

uint16_t acpi_u16(const uint8_t *data, uint32_t offset)
{
	uint16_t v;

	memcpy(&v, data + offset, sizeof(v));
	return v;
}

uint32_t acpi_u32(const uint8_t *data, uint32_t offset)
{
	uint32_t v;

	memcpy(&v, data + offset, sizeof(v));
	return v;
}

uint64_t acpi_u64(const uint8_t *data, uint32_t offset)
{
	uint64_t v;

	memcpy(&v, data + offset, sizeof(v));
	return v;
}

static bool sums_to_zero(const uint8_t *data, uint32_t length)
{
	uint8_t sum = 0;

	while (length--)
		sum += *data++;
	return sum == 0;
}

static const uint8_t *read(const struct acpi_reader *reader, uint64_t phys, uint32_t length)
{
	if (!phys || phys > UINT64_MAX - length)
		return NULL;
	return reader->at(reader->ctx, phys, length);
}

/* Reads, bounds and sums the table at phys, whose signature must be the one given. */
static enum status table_read(const struct acpi_reader *reader, uint64_t phys, const char *signature,
			      struct acpi_table *table, struct problem *problem)
{
	const uint8_t *data = read(reader, phys, ACPI_HEADER_BYTES);
	uint32_t length;

	if (!data)
		return problem_set(problem, E_ACPI_TABLE, "ACPI %.4s at 0x%llx: header not readable", signature,
				   (unsigned long long)phys);
	if (memcmp(data, signature, 4))
		return problem_set(problem, E_ACPI_TABLE, "ACPI table at 0x%llx: signature is '%.4s', not %.4s",
				   (unsigned long long)phys, (const char *)data, signature);
	length = acpi_u32(data, HEADER_LENGTH);
	if (length < ACPI_HEADER_BYTES || length > ACPI_TABLE_BYTES_MAX)
		return problem_set(problem, E_ACPI_TABLE, "ACPI %.4s at 0x%llx: length %u is not 36 to 16 MiB",
				   signature, (unsigned long long)phys, length);
	data = read(reader, phys, length);
	if (!data)
		return problem_set(problem, E_ACPI_TABLE, "ACPI %.4s at 0x%llx: %u bytes not readable", signature,
				   (unsigned long long)phys, length);
	if (!sums_to_zero(data, length))
		return problem_set(problem, E_ACPI_TABLE, "ACPI %.4s at 0x%llx: checksum wrong", signature,
				   (unsigned long long)phys);
	*table = (struct acpi_table){ .data = data, .length = length, .phys = phys };
	return OK;
}

/* Checks the RSDP; gives the root table's address and kind. */
static enum status rsdp_read(const struct acpi_reader *reader, uint64_t rsdp_phys, uint64_t *root_phys,
			     uint32_t *entry_bytes, struct problem *problem)
{
	const uint8_t *rsdp = read(reader, rsdp_phys, RSDP_BYTES_1);
	unsigned long long where = rsdp_phys;
	uint32_t length;

	if (!rsdp)
		return problem_set(problem, E_ACPI_TABLE, "ACPI RSDP at 0x%llx: not readable", where);
	if (memcmp(rsdp, "RSD PTR ", 8))
		return problem_set(problem, E_ACPI_TABLE, "ACPI RSDP at 0x%llx: signature wrong", where);
	if (!sums_to_zero(rsdp, RSDP_BYTES_1))
		return problem_set(problem, E_ACPI_TABLE, "ACPI RSDP at 0x%llx: checksum wrong", where);
	*entry_bytes = 4;
	*root_phys = acpi_u32(rsdp, RSDP_RSDT);
	if (rsdp[RSDP_REVISION] < 2)
		return OK;
	rsdp = read(reader, rsdp_phys, RSDP_BYTES_2);
	length = rsdp ? acpi_u32(rsdp, RSDP_LENGTH) : 0;
	if (length < RSDP_BYTES_2 || length > RSDP_BYTES_MAX)
		return problem_set(problem, E_ACPI_TABLE, "ACPI RSDP at 0x%llx: length %u is not 36 to 4096", where,
				   length);
	rsdp = read(reader, rsdp_phys, length);
	if (!rsdp || !sums_to_zero(rsdp, length))
		return problem_set(problem, E_ACPI_TABLE, "ACPI RSDP at 0x%llx: extended checksum wrong", where);
	if (acpi_u64(rsdp, RSDP_XSDT)) {
		*entry_bytes = 8;
		*root_phys = acpi_u64(rsdp, RSDP_XSDT);
	}
	return OK;
}

enum status acpi_open(struct acpi *acpi, struct acpi_reader reader, uint64_t rsdp_phys, struct problem *problem)
{
	struct acpi_table root;
	uint64_t root_phys = 0;
	uint32_t entry_bytes = 0;
	enum status s;

	*acpi = (struct acpi){ .reader = reader };
	s = rsdp_read(&reader, rsdp_phys, &root_phys, &entry_bytes, problem);
	if (s != OK)
		return s;
	s = table_read(&reader, root_phys, entry_bytes == 8 ? "XSDT" : "RSDT", &root, problem);
	if (s != OK)
		return s;
	if ((root.length - ACPI_HEADER_BYTES) % entry_bytes ||
	    (root.length - ACPI_HEADER_BYTES) / entry_bytes > ACPI_TABLES_MAX)
		return problem_set(problem, E_ACPI_TABLE, "ACPI %.4s at 0x%llx: length %u: not a list of up to %u",
				   (const char *)root.data, (unsigned long long)root_phys, root.length,
				   ACPI_TABLES_MAX);
	acpi->root = root.data;
	acpi->entry_bytes = entry_bytes;
	acpi->entry_count = (root.length - ACPI_HEADER_BYTES) / entry_bytes;
	return OK;
}

enum status acpi_find(const struct acpi *acpi, const char *signature, uint32_t index, struct acpi_table *table,
		      struct problem *problem)
{
	*table = (struct acpi_table){ 0 };
	for (uint32_t i = 0; i < acpi->entry_count; i++) {
		uint32_t offset = ACPI_HEADER_BYTES + i * acpi->entry_bytes;
		uint64_t phys = acpi->entry_bytes == 8 ? acpi_u64(acpi->root, offset) : acpi_u32(acpi->root, offset);
		const uint8_t *header = read(&acpi->reader, phys, ACPI_HEADER_BYTES);

		if (!header || memcmp(header, signature, 4))
			continue;
		if (index--)
			continue;
		return table_read(&acpi->reader, phys, signature, table, problem);
	}
	return OK;
}
