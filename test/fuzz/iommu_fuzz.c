// SPDX-License-Identifier: MIT
/* Bytes as DMAR and as IVRS: counts stay in their arrays, every scope has its unit, every answer names one. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/iommu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct iommu_function functions[] = {
	{ 0, 0, 2, 0, 0, 0 }, { 0, 0, 0x1c, 0, 1, 2 }, { 0, 1, 0, 0, 0, 0 }, { 0, 1, 1, 0, 2, 2 }, { 0, 2, 0, 3, 0, 0 },
	{ 0, 0, 1, 0, 0, 255 }, { 1, 0, 2, 0, 0, 0 },
};
#define COUNT (sizeof(functions) / sizeof(functions[0]))

static void check(struct iommu *iommu, enum status status, const struct problem *p)
{
	if (status != p->code || (status && !p->text[0]) || iommu->unit_count > IOMMU_UNITS_MAX ||
	    iommu->scope_count > IOMMU_SCOPES_MAX)
		__builtin_trap();
	for (unsigned i = 0; i < iommu->unit_count; i++)
		if (!iommu->units[i].registers || iommu->units[i].registers % 4096)
			__builtin_trap();
	for (unsigned i = 0; i < iommu->scope_count; i++)
		if (iommu->scopes[i].unit >= iommu->unit_count || iommu->scopes[i].path_length > IOMMU_PATH_MAX)
			__builtin_trap();
	iommu_resolve(iommu, functions, COUNT);
	for (unsigned i = 0; i < COUNT; i++) {
		uint32_t unit = iommu_unit_of(iommu, functions, i);

		if (unit != IOMMU_NONE && (unit >= iommu->unit_count ||
					   iommu->units[unit].segment != functions[i].segment))
			__builtin_trap();
	}
}

/* The fuzzer's bytes follow the header, which acpi_find() has checked. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t table[48 + 4096];
	static struct iommu iommu;
	struct problem p = { 0 };

	if (size > 4096)
		return 0;
	memcpy(table + 48, data, size);
	memset(&iommu, 0, sizeof(iommu));
	check(&iommu, iommu_parse_dmar(&iommu, table, (uint32_t)(48 + size), &p), &p);
	memset(&iommu, 0, sizeof(iommu));
	p = (struct problem){ 0 };
	check(&iommu, iommu_parse_ivrs(&iommu, table, (uint32_t)(48 + size), &p), &p);
	return 0;
}
