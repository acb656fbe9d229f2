// SPDX-License-Identifier: MIT
#include "lib/iommu.h"

#include <stddef.h>

#include "lib/acpi.h"

#define PAGE_BYTES	4096u

/* DMAR. */
#define DMAR_FIRST	48u
#define DRHD_TYPE	0u
#define DRHD_BYTES	16u			/* device scopes follow */
#define DRHD_ALL	1u
#define SCOPE_BYTES	6u			/* the path follows */
#define SCOPE_ENDPOINT	1u
#define SCOPE_BRIDGE	2u

/* IVRS. */
#define IVRS_FIRST	48u
#define IVHD_10		0x10u
#define IVHD_11		0x11u
#define IVHD_40		0x40u
#define IVHD_10_BYTES	24u			/* device entries follow */
#define IVHD_11_BYTES	40u
#define ENTRY_ALL	1u
#define ENTRY_SELECT	2u
#define ENTRY_START	3u
#define ENTRY_END	4u
#define ENTRY_ALIAS		0x42u
#define ENTRY_ALIAS_START	0x43u
#define ENTRY_EXT		0x46u
#define ENTRY_EXT_START		0x47u
#define ENTRY_ACPI_HID		0xf0u
#define ACPI_HID_BYTES		22u		/* the unique id follows */

static enum status malformed(struct problem *problem, const char *table, uint32_t offset, const char *what)
{
	return problem_set(problem, E_ACPI_TABLE, "%s: offset %u: %s", table, offset, what);
}

/* The unit with these registers, which several structures may describe. IOMMU_NONE: worded. */
static uint32_t add_unit(struct iommu *iommu, const struct iommu_unit *unit, const char *table, struct problem *problem)
{
	for (uint32_t i = 0; i < iommu->unit_count; i++)
		if (iommu->units[i].registers == unit->registers && iommu->units[i].segment == unit->segment) {
			iommu->units[i].include_all |= unit->include_all;
			return i;
		}
	if (iommu->unit_count == IOMMU_UNITS_MAX) {
		problem_set(problem, E_NOT_SUPPORTED, "%s: more than %u IOMMUs", table, IOMMU_UNITS_MAX);
		return IOMMU_NONE;
	}
	iommu->units[iommu->unit_count] = *unit;
	return iommu->unit_count++;
}

static enum status add_scope(struct iommu *iommu, const struct iommu_scope *scope, const char *table,
			     struct problem *problem)
{
	if (iommu->scope_count == IOMMU_SCOPES_MAX)
		return problem_set(problem, E_NOT_SUPPORTED, "%s: more than %u scopes", table, IOMMU_SCOPES_MAX);
	iommu->scopes[iommu->scope_count++] = *scope;
	return OK;
}

/* table[at, end): device scopes of one DRHD. */
static enum status parse_scopes(struct iommu *iommu, const uint8_t *table, uint32_t at, uint32_t end, uint32_t unit,
				struct problem *problem)
{
	enum status s = OK;

	while (s == OK && at < end) {
		struct iommu_scope scope = { .unit = unit };
		uint32_t length = end - at < SCOPE_BYTES ? 0 : table[at + 1];

		if (length < SCOPE_BYTES + 2 || length > end - at || length % 2)
			return malformed(problem, "DMAR", at, "length of a device scope");
		if (table[at] == SCOPE_ENDPOINT || table[at] == SCOPE_BRIDGE) {
			scope.bridge = table[at] == SCOPE_BRIDGE;
			scope.start_bus = table[at + 5];
			scope.path_length = (uint8_t)((length - SCOPE_BYTES) / 2);
			if (scope.path_length > IOMMU_PATH_MAX)
				return malformed(problem, "DMAR", at, "path of a device scope is too long");
			for (unsigned i = 0; i < scope.path_length; i++) {
				scope.path[i][0] = table[at + SCOPE_BYTES + 2 * i];
				scope.path[i][1] = table[at + SCOPE_BYTES + 2 * i + 1];
			}
			s = add_scope(iommu, &scope, "DMAR", problem);
		}
		at += length;
	}
	return s;
}

static enum status parse_drhd(struct iommu *iommu, const uint8_t *table, uint32_t at, uint32_t length,
			      struct problem *problem)
{
	struct iommu_unit unit = { .kind = IOMMU_VTD };
	uint32_t index;

	if (length < DRHD_BYTES)
		return malformed(problem, "DMAR", at, "length of a DRHD");
	unit.include_all = table[at + 4] & DRHD_ALL;
	unit.segment = acpi_u16(table, at + 6);
	unit.registers = acpi_u64(table, at + 8);
	if (!unit.registers || unit.registers % PAGE_BYTES)
		return malformed(problem, "DMAR", at, "register base of a DRHD");
	index = add_unit(iommu, &unit, "DMAR", problem);
	if (index == IOMMU_NONE)
		return E_NOT_SUPPORTED;
	return parse_scopes(iommu, table, at + DRHD_BYTES, at + length, index, problem);
}

enum status iommu_parse_dmar(struct iommu *iommu, const uint8_t *table, uint32_t length, struct problem *problem)
{
	enum status s = OK;

	if (length < DMAR_FIRST)
		return malformed(problem, "DMAR", length, "the table ends in its header");
	for (uint32_t at = DMAR_FIRST, bytes; s == OK && at < length; at += bytes) {
		bytes = length - at < 4 ? 0 : acpi_u16(table, at + 2);
		if (bytes < 4 || bytes > length - at)
			return malformed(problem, "DMAR", at, "length of a structure");
		if (acpi_u16(table, at) == DRHD_TYPE)
			s = parse_drhd(iommu, table, at, bytes, problem);
	}
	return s;
}

/* Bytes of a device entry, 0: it does not fit. Types below 0x80 carry their length in bits 7:6. */
static uint32_t entry_bytes(const uint8_t *table, uint32_t at, uint32_t end)
{
	uint32_t bytes = 4u << (table[at] >> 6);

	if (table[at] == ENTRY_ACPI_HID)
		bytes = end - at < ACPI_HID_BYTES ? 0 : ACPI_HID_BYTES + table[at + 21];
	return bytes <= end - at ? bytes : 0;
}

/* table[at, end): device entries of one IVHD. A range is a start entry and the end entry behind it. */
static enum status parse_entries(struct iommu *iommu, const uint8_t *table, uint32_t at, uint32_t end, uint32_t unit,
				 struct problem *problem)
{
	bool open = false;
	uint16_t first = 0;
	enum status s = OK;

	for (uint32_t bytes; s == OK && at < end; at += bytes) {
		struct iommu_scope scope = { .unit = unit };
		uint16_t id;

		bytes = entry_bytes(table, at, end);
		if (bytes < 4)
			return malformed(problem, "IVRS", at, "length of a device entry");
		id = acpi_u16(table, at + 1);
		switch (table[at]) {
		case ENTRY_ALL:
			scope.last = UINT16_MAX;
			s = add_scope(iommu, &scope, "IVRS", problem);
			break;
		case ENTRY_SELECT: case ENTRY_ALIAS: case ENTRY_EXT:
			scope.first = scope.last = id;
			s = add_scope(iommu, &scope, "IVRS", problem);
			break;
		case ENTRY_START: case ENTRY_ALIAS_START: case ENTRY_EXT_START:
			first = id;
			open = true;
			break;
		case ENTRY_END:
			if (!open || id < first)
				return malformed(problem, "IVRS", at, "a range ends that did not start");
			scope.first = first;
			scope.last = id;
			open = false;
			s = add_scope(iommu, &scope, "IVRS", problem);
			break;
		default:
			break;
		}
	}
	return s;
}

static enum status parse_ivhd(struct iommu *iommu, const uint8_t *table, uint32_t at, uint32_t length,
			      struct problem *problem)
{
	uint32_t head = table[at] == IVHD_10 ? IVHD_10_BYTES : IVHD_11_BYTES, index;
	struct iommu_unit unit = { .kind = IOMMU_AMD };

	if (length < head)
		return malformed(problem, "IVRS", at, "length of an IVHD");
	unit.registers = acpi_u64(table, at + 8);
	unit.segment = acpi_u16(table, at + 16);
	if (!unit.registers || unit.registers % PAGE_BYTES)
		return malformed(problem, "IVRS", at, "register base of an IVHD");
	index = add_unit(iommu, &unit, "IVRS", problem);
	if (index == IOMMU_NONE)
		return E_NOT_SUPPORTED;
	return parse_entries(iommu, table, at + head, at + length, index, problem);
}

enum status iommu_parse_ivrs(struct iommu *iommu, const uint8_t *table, uint32_t length, struct problem *problem)
{
	enum status s = OK;

	if (length < IVRS_FIRST)
		return malformed(problem, "IVRS", length, "the table ends in its header");
	for (uint32_t at = IVRS_FIRST, bytes; s == OK && at < length; at += bytes) {
		bytes = length - at < 4 ? 0 : acpi_u16(table, at + 2);
		if (bytes < 4 || bytes > length - at)
			return malformed(problem, "IVRS", at, "length of a block");
		if (table[at] == IVHD_10 || table[at] == IVHD_11 || table[at] == IVHD_40)
			s = parse_ivhd(iommu, table, at, bytes, problem);
	}
	return s;
}

static uint32_t find(const struct iommu_function *all, unsigned count, uint16_t segment, uint8_t bus,
		     const uint8_t at[2])
{
	for (unsigned i = 0; i < count; i++)
		if (all[i].segment == segment && all[i].bus == bus && all[i].device == at[0] &&
		    all[i].function == at[1])
			return i;
	return IOMMU_NONE;
}

/* VT-d 8.3.1: from the start bus through the bridges of the path to the function it names. */
static uint32_t follow(const struct iommu_scope *scope, uint16_t segment, const struct iommu_function *all,
		       unsigned count)
{
	uint32_t end = IOMMU_NONE;
	uint8_t bus = scope->start_bus;

	for (unsigned i = 0; i < scope->path_length; i++) {
		if (i && (end == IOMMU_NONE || !all[end].secondary))
			return IOMMU_NONE;
		bus = i ? all[end].secondary : bus;
		end = find(all, count, segment, bus, scope->path[i]);
	}
	return end;
}

void iommu_resolve(struct iommu *iommu, const struct iommu_function *all, unsigned count)
{
	for (unsigned i = 0; i < iommu->scope_count; i++) {
		struct iommu_scope *scope = &iommu->scopes[i];

		scope->end = follow(scope, iommu->units[scope->unit].segment, all, count);
	}
}

static bool names(const struct iommu *iommu, const struct iommu_scope *scope, const struct iommu_function *all,
		  unsigned index)
{
	const struct iommu_unit *unit = &iommu->units[scope->unit];
	const struct iommu_function *f = &all[index], *end;
	uint16_t id = (uint16_t)(f->bus << 8 | f->device << 3 | f->function);

	if (unit->segment != f->segment)
		return false;
	if (unit->kind == IOMMU_AMD)
		return scope->first <= id && id <= scope->last;
	if (scope->end == IOMMU_NONE)
		return false;
	end = &all[scope->end];
	return scope->end == index ||
	       (scope->bridge && end->secondary && f->bus >= end->secondary && f->bus <= end->subordinate);
}

uint32_t iommu_unit_of(const struct iommu *iommu, const struct iommu_function *all, unsigned index)
{
	const struct iommu_function *f = &all[index];

	for (unsigned i = 0; i < iommu->scope_count; i++)
		if (names(iommu, &iommu->scopes[i], all, index))
			return iommu->scopes[i].unit;
	for (uint32_t i = 0; i < iommu->unit_count; i++)
		if (iommu->units[i].include_all && iommu->units[i].segment == f->segment)
			return i;
	return IOMMU_NONE;
}

uint32_t iommu_state_offset(enum iommu_kind kind)
{
	return kind == IOMMU_VTD ? 0x1c : 0x18;
}

uint32_t iommu_state_bit(enum iommu_kind kind)
{
	return kind == IOMMU_VTD ? 1u << 31 : 1u;
}
