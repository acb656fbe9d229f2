// SPDX-License-Identifier: MIT
/*
 * What ACPI says about the machine, gathered once: CPUs, clocks, the reset register, PCI windows, IOMMUs.
 */
#ifndef KERNEL_MACHINE_H
#define KERNEL_MACHINE_H

#include <stdint.h>

#include "lib/acpi.h"
#include "lib/iommu.h"
#include "lib/range.h"
#include "lib/status.h"
#include "smp/madt.h"
#include "x86/pc/pci.h"
#include "x86/pc/reset.h"
#include "x86/tsc.h"

#define MACHINE_DMAR	1u
#define MACHINE_IVRS	2u
#define MACHINE_TRANSLATES 4u	/* a unit of theirs does */

struct machine {
	struct madt madt;
	struct tsc_sources clock;
	struct reset_info reset;
	struct pci_ecam ecam[PCI_ECAM_MAX];
	unsigned ecam_count;
	uint32_t iommu_tables;		/* MACHINE_DMAR, MACHINE_IVRS, for the report */
	struct iommu iommu;
};

/* Tables outside of these ranges count as not readable; NULL: no limit. First. The list stays the caller's. */
void machine_limit(const struct range_list *readable);

/* Shows what the limit allows, under the map that is loaded. */
struct acpi_reader machine_reader(void);

/* One table, under the map that is loaded. OK with table->data NULL: there is none. E40. */
enum status MUST_CHECK machine_find_table(uint64_t rsdp, const char *signature, struct acpi_table *table,
					  struct problem *problem);

/* Reads the tables under the map that is loaded. Nothing here ends a boot: a table that is missing or malformed (one
 * line, E40) leaves its part empty, a machine without a usable MADT has one CPU, and of more CPUs than fit (E62) the
 * first ones are taken. Context: boss, before our own tables. */
void machine_read(struct machine *m, uint64_t rsdp, uint32_t apic_id);

#endif
