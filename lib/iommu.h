// SPDX-License-Identifier: MIT
/*
 * Which IOMMU stands between a PCI function and memory, as firmware's tables say: DMAR (Intel VT-d specification 4.1,
 * chapter 8) and IVRS (AMD I/O Virtualization specification 3.08, chapter 5). Pure over (pointer, length); whether a
 * unit translates is read from its registers by somebody else. No state, no allocation; any context.
 */
#ifndef LIB_IOMMU_H
#define LIB_IOMMU_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/status.h"

#define IOMMU_UNITS_MAX		32u
#define IOMMU_SCOPES_MAX	512u
#define IOMMU_PATH_MAX		8u		/* bridges on the way to a device; longer paths are refused */

#define IOMMU_NONE		UINT32_MAX	/* no unit */

enum iommu_kind { IOMMU_VTD = 1, IOMMU_AMD };

struct iommu_unit {
	enum iommu_kind kind;
	uint64_t registers;			/* physical, page aligned */
	uint16_t segment;
	bool include_all;			/* VT-d: every function of the segment that no other unit names */
};

/* Functions that a unit names. */
struct iommu_scope {
	uint32_t unit;
	uint16_t first, last;			/* AMD: bus << 8 | device << 3 | function, both included */
	bool bridge;				/* VT-d: all behind that bridge too */
	uint8_t start_bus, path_length;		/* VT-d: 0 for AMD */
	uint8_t path[IOMMU_PATH_MAX][2];	/* device, function; all but the last are bridges */
	uint32_t end;				/* VT-d: index of the function that it leads to, IOMMU_NONE: none */
};

struct iommu {
	unsigned unit_count, scope_count;
	struct iommu_unit units[IOMMU_UNITS_MAX];
	struct iommu_scope scopes[IOMMU_SCOPES_MAX];
};

/* A function on the buses. secondary and subordinate are 0 but for a PCI bridge. */
struct iommu_function { uint16_t segment; uint8_t bus, device, function, secondary, subordinate; };

/* Adds the units of a whole table (acpi_find() has checked its header) to *iommu, which the caller has zeroed. E40: a
 * structure is malformed, E15: more units or scopes than fit; those before it stay. Unknown structures are skipped. */
enum status iommu_parse_dmar(struct iommu *iommu, const uint8_t *table, uint32_t length, struct problem *problem)
	MUST_CHECK;
enum status iommu_parse_ivrs(struct iommu *iommu, const uint8_t *table, uint32_t length, struct problem *problem)
	MUST_CHECK;

/* Follows VT-d's paths, which lead through bridges. all: every function that was found. Once, before the next one. */
void iommu_resolve(struct iommu *iommu, const struct iommu_function *all, unsigned count);

/* Index of the unit that all[index] is behind, IOMMU_NONE: there is none. */
uint32_t iommu_unit_of(const struct iommu *iommu, const struct iommu_function *all, unsigned index);

/* Offset of the 32-bit register that says whether a unit translates, and the bit that says so. VT-d 11.4.4.2: Global
 * Status, TES. AMD 3.4.3: Control, IommuEn. */
uint32_t iommu_state_offset(enum iommu_kind kind);
uint32_t iommu_state_bit(enum iommu_kind kind);

#endif
