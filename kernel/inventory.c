// SPDX-License-Identifier: MIT
#include "kernel/inventory.h"

#include "kernel/faults.h"
#include "kernel/log.h"
#include "kernel/memory.h"
#include "x86/mce.h"

static struct pci_function functions[INVENTORY_PCI_MAX];
static enum report_iommu iommu_state[INVENTORY_PCI_MAX];

void inventory_machine_checks(struct report *report)
{
	static struct mce_record record;

	mce_read(&record);
	report->header->mca_banks = record.bank_count;
	report->header->mca_logged = record.valid_count;
	log_event("mca-bank", "banks=%u logged=%u", record.bank_count, record.valid_count);
	for (unsigned i = 0; i < record.valid_count; i++)
		log_event("mca-bank", "bank=%u status=0x%016lx address=0x%lx misc=0x%lx", record.valid[i].bank,
			  record.valid[i].status, record.valid[i].address, record.valid[i].misc);
}

/* Registers that our map does not have are not touched: firmware's table had them in memory, or the map was full. */
static bool unit_translates(const struct iommu_unit *unit, enum report_iommu *state)
{
	uint64_t address = unit->registers + iommu_state_offset(unit->kind);
	struct mapping mapping;
	uint32_t value;

	*state = REPORT_IOMMU_UNKNOWN;
	if (!space_query(&kernel_memory.space, address, &mapping) || mm_prot_cache(mapping.prot) != MM_UC)
		return false;
	if (unit->kind == IOMMU_VTD)
		faults_iommu(unit->registers);
	value = *(volatile uint32_t *)address;
	*state = value & iommu_state_bit(unit->kind) ? REPORT_IOMMU_ON : REPORT_IOMMU_OFF;
	return *state == REPORT_IOMMU_ON;
}

/* The state of every unit, and of every function through the unit that it is behind. */
static void inventory_iommus(struct machine *machine, unsigned found, struct report_header *r)
{
	static const char *const names[] = { "unknown", "none", "off", "on" };
	static struct iommu_function all[INVENTORY_PCI_MAX];
	enum report_iommu state[IOMMU_UNITS_MAX];

	r->iommu = machine->iommu_tables;
	for (unsigned i = 0; i < machine->iommu.unit_count; i++) {
		if (unit_translates(&machine->iommu.units[i], &state[i]))
			r->iommu |= MACHINE_TRANSLATES;
		log_event("iommu", "unit=%u kind=%s registers=0x%lx segment=%u state=%s", i,
			  machine->iommu.units[i].kind == IOMMU_VTD ? "vtd" : "amd",
			  (unsigned long)machine->iommu.units[i].registers, machine->iommu.units[i].segment,
			  names[state[i]]);
	}
	for (unsigned i = 0; i < found; i++)
		all[i] = (struct iommu_function){ functions[i].segment, functions[i].bus, functions[i].device,
						  functions[i].function, functions[i].secondary,
						  functions[i].subordinate };
	iommu_resolve(&machine->iommu, all, found);
	for (unsigned i = 0; i < found; i++) {
		uint32_t unit = iommu_unit_of(&machine->iommu, all, i);

		iommu_state[i] = unit == IOMMU_NONE ? REPORT_IOMMU_NONE : state[unit];
	}
}

void inventory_bus_masters(const struct config *config, struct machine *machine, struct report *report)
{
	struct report_pci unlisted, *out;
	unsigned on = 0, off = 0, found;

	pci_init(machine->ecam, machine->ecam_count);
	found = pci_list(functions, INVENTORY_PCI_MAX);
	inventory_iommus(machine, found < INVENTORY_PCI_MAX ? found : INVENTORY_PCI_MAX, report->header);
	for (unsigned i = 0; i < found && i < INVENTORY_PCI_MAX; i++) {
		const struct pci_function *f = &functions[i];

		out = report_add_pci(report);
		if (!out)
			out = &unlisted;
		out->segment_bdf = (uint32_t)f->segment << 16 | f->bus << 8 | f->device << 3 | f->function;
		out->vendor = f->vendor;
		out->device = f->device_id;
		out->class_code = f->class_code;
		out->iommu = iommu_state[i];
		out->flags = pci_is_bridge(f) ? REPORT_PCI_BRIDGE : 0;
		if (!(f->command & PCI_COMMAND_MASTER))
			continue;
		if (!pci_is_bridge(f) && config->busmaster == BUSMASTER_OFF && pci_master_off(f)) {
			out->flags |= REPORT_PCI_TURNED_OFF;
			off++;
		} else {
			out->flags |= REPORT_PCI_BUS_MASTER;
			on++;
		}
	}
	log_event("pci", "functions=%u masters=%u turned_off=%u", found, on, off);
}
