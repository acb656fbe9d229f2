// SPDX-License-Identifier: MIT
#include "kernel/machine.h"

#include "kernel/faults.h"
#include "kernel/log.h"
#include "lib/acpi.h"
#include "lib/string.h"

#define FADT_SMI_CMD		48
#define FADT_PM_TMR_BLK		76
#define FADT_FLAGS		112
#define FADT_RESET_REG		116
#define FADT_RESET_VALUE	128
#define FADT_BYTES_WITH_RESET	129
#define FADT_FLAG_TMR_EXT	(1u << 8)
#define FADT_FLAG_RESET_SUP	(1u << 10)
#define MCFG_FIRST		44
#define MCFG_ENTRY		16
#define HPET_ADDRESS		44		/* Generic Address at 40: its address part */
#define HPET_BYTES		56
#define LAPIC_DEFAULT_BASE	0xfee00000ull

/* ACPI 6.5, 5.2.9. */
static void read_fadt(struct machine *m, const uint8_t *fadt, uint32_t length)
{
	uint32_t flags;

	if (length < FADT_FLAGS + 4)
		return;
	flags = acpi_u32(fadt, FADT_FLAGS);
	m->clock.pm_timer_port = acpi_u32(fadt, FADT_PM_TMR_BLK);
	m->clock.pm_timer_32bit = flags & FADT_FLAG_TMR_EXT;
	m->reset.smi_port = acpi_u32(fadt, FADT_SMI_CMD);
	if (length >= FADT_BYTES_WITH_RESET && (flags & FADT_FLAG_RESET_SUP)) {
		m->reset.space = fadt[FADT_RESET_REG];
		m->reset.address = acpi_u64(fadt, FADT_RESET_REG + 4);
		m->reset.value = fadt[FADT_RESET_VALUE];
	}
}

static void read_mcfg(struct machine *m, const uint8_t *mcfg, uint32_t length)
{
	for (uint32_t at = MCFG_FIRST; at + MCFG_ENTRY <= length && m->ecam_count < PCI_ECAM_MAX; at += MCFG_ENTRY) {
		struct pci_ecam *e = &m->ecam[m->ecam_count++];

		if (mcfg[at + 11] < mcfg[at + 10]) {
			m->ecam_count--;
			continue;
		}
		e->base = acpi_u64(mcfg, at);
		e->segment = acpi_u16(mcfg, at + 8);
		e->first_bus = mcfg[at + 10];
		e->last_bus = mcfg[at + 11];
	}
}

static const struct range_list *limit;

void machine_limit(const struct range_list *readable)
{
	limit = readable;
}

static const void *identity_at(void *context, uint64_t phys, uint32_t length)
{
	(void)context;
	return !limit || range_contains(limit, phys, phys + length) ? (const void *)phys : NULL;
}

struct acpi_reader machine_reader(void)
{
	return (struct acpi_reader){ identity_at, NULL };
}

/* One table; a malformed one is said and counts as absent. */
static bool find(const struct acpi *acpi, const char *signature, struct acpi_table *table)
{
	struct problem problem = { .code = OK };

	if (acpi_find(acpi, signature, 0, table, &problem) == OK)
		return table->data != NULL;
	log_problem(&problem);
	return false;
}

static void read_madt(struct machine *m, const struct acpi *acpi, uint32_t apic_id)
{
	struct problem problem = { .code = OK };
	struct acpi_table table;
	enum status s;

	if (!find(acpi, "APIC", &table))
		return;
	faults_madt(&table);
	s = madt_parse(&m->madt, table.data, table.length, &problem);
	if (s != OK)
		log_problem(&problem);
	/* Too many CPUs: the first ones are listed. Malformed: no other CPU is touched. */
	if (s != OK && s != E_TOO_MANY_CPUS)
		madt_uniprocessor(&m->madt, apic_id, LAPIC_DEFAULT_BASE);
}

static void read_iommus(struct machine *m, const struct acpi *acpi)
{
	struct problem problem = { .code = OK };
	struct acpi_table table;

	if (find(acpi, "DMAR", &table)) {
		m->iommu_tables |= MACHINE_DMAR;
		if (iommu_parse_dmar(&m->iommu, table.data, table.length, &problem) != OK)
			log_problem(&problem);
	}
	problem.code = OK;
	if (find(acpi, "IVRS", &table)) {
		m->iommu_tables |= MACHINE_IVRS;
		if (iommu_parse_ivrs(&m->iommu, table.data, table.length, &problem) != OK)
			log_problem(&problem);
	}
}

enum status machine_find_table(uint64_t rsdp, const char *signature, struct acpi_table *table, struct problem *problem)
{
	struct acpi_reader reader = machine_reader();
	struct acpi acpi;
	enum status s = acpi_open(&acpi, reader, rsdp, problem);

	return s == OK ? acpi_find(&acpi, signature, 0, table, problem) : s;
}

void machine_read(struct machine *m, uint64_t rsdp, uint32_t apic_id)
{
	struct acpi_reader reader = machine_reader();
	struct problem problem = { .code = OK };
	struct acpi_table table;
	struct acpi acpi;

	memset(m, 0, sizeof(*m));
	madt_uniprocessor(&m->madt, apic_id, LAPIC_DEFAULT_BASE);
	if (!rsdp)
		return;
	if (acpi_open(&acpi, reader, rsdp, &problem) != OK) {
		log_problem(&problem);
		return;
	}
	if (find(&acpi, "FACP", &table))
		read_fadt(m, table.data, table.length);
	if (find(&acpi, "MCFG", &table))
		read_mcfg(m, table.data, table.length);
	if (find(&acpi, "HPET", &table) && table.length >= HPET_BYTES)
		m->clock.hpet_base = acpi_u64(table.data, HPET_ADDRESS);
	read_iommus(m, &acpi);
	read_madt(m, &acpi, apic_id);
}
