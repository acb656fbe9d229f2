// SPDX-License-Identifier: MIT
/*
 * ACPI MADT ("APIC"): who the CPUs are. Pure over (pointer, length); the caller checked signature and checksum
 * (lib/acpi). Source: ACPI 6.5, 5.2.12; what Linux makes of the flags.
 */
#ifndef SMP_MADT_H
#define SMP_MADT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/status.h"
#include "smp/cpu.h"

#define MADT_IOAPIC_MAX 16

struct madt_cpu {
	uint32_t apic_id, acpi_uid;
	bool enabled;			/* flags bit 0: start it. Clear: DISABLED (or may be plugged in later) */
	bool online_capable;		/* flags bit 1 */
};

struct madt {
	uint64_t lapic_base;		/* header's address, or type 5's */
	bool pcat_compat;		/* 8259s are there */
	bool mp_wakeup;			/* type 0x10: INIT and SIPI must not be used */
	uint64_t mp_wakeup_mailbox;
	unsigned cpu_count;		/* in table order, each APIC ID once */
	unsigned enabled_count;
	unsigned ioapic_count;
	uint64_t ioapic_base[MADT_IOAPIC_MAX];
	struct madt_cpu cpus[SMP_CPUS_MAX];
};

/* Parses the whole table, 36-byte header included. E_ACPI_TABLE: too short, an entry of length 0, beyond the end or
 * too short for its type. E_TOO_MANY_CPUS: more than SMP_CPUS_MAX distinct IDs; out then holds the first ones. */
enum status MUST_CHECK madt_parse(struct madt *out, const void *table, uint64_t length, struct problem *p);

/* A table for a machine without MADT: one CPU. */
void madt_uniprocessor(struct madt *out, uint32_t apic_id, uint64_t lapic_base);

#endif
