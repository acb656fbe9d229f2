// SPDX-License-Identifier: MIT
#include "kernel/inventory.h"

#include "kernel/log.h"
#include "x86/mce.h"

static struct pci_function functions[INVENTORY_PCI_MAX];

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

void inventory_bus_masters(const struct config *config, const struct machine *machine, struct report *report)
{
	struct report_pci unlisted, *out;
	unsigned on = 0, off = 0, found;

	pci_init(machine->ecam, machine->ecam_count);
	found = pci_list(functions, INVENTORY_PCI_MAX);
	for (unsigned i = 0; i < found && i < INVENTORY_PCI_MAX; i++) {
		const struct pci_function *f = &functions[i];

		out = report_add_pci(report);
		if (!out)
			out = &unlisted;
		out->segment_bdf = (uint32_t)f->segment << 16 | f->bus << 8 | f->device << 3 | f->function;
		out->vendor = f->vendor;
		out->device = f->device_id;
		out->class_code = f->class_code;
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
	report->header->iommu = machine->iommu;
	log_event("pci", "functions=%u masters=%u turned_off=%u", found, on, off);
}
