// SPDX-License-Identifier: MIT
#include "smp/madt.h"

#define MADT_HEADER		44u	/* ACPI header, local APIC address, flags */
#define MADT_PCAT_COMPAT	1u
#define CPU_ENABLED		1u
#define CPU_ONLINE_CAPABLE	2u

enum { TYPE_LAPIC = 0, TYPE_IOAPIC = 1, TYPE_LAPIC_ADDRESS = 5, TYPE_X2APIC = 9, TYPE_MP_WAKEUP = 0x10 };

/* The table in hand: bytes are read one by one, since nothing in it is aligned. */
struct walk {
	struct madt *out;
	const uint8_t *table;
	struct problem *problem;
	bool type0_seen;		/* a valid type-0 entry exists: type-9 entries below 0xff repeat it */
};

static uint32_t get32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t get64(const uint8_t *p)
{
	return get32(p) | (uint64_t)get32(p + 4) << 32;
}

static enum status cpu_add(struct walk *w, uint32_t apic_id, uint32_t acpi_uid, uint32_t flags)
{
	struct madt *m = w->out;
	bool enabled = flags & CPU_ENABLED;
	unsigned i;

	for (i = 0; i < m->cpu_count; i++) {
		if (m->cpus[i].apic_id != apic_id)
			continue;
		/* Listed twice: once enabled is enabled. */
		if (enabled && !m->cpus[i].enabled) {
			m->cpus[i].enabled = true;
			m->enabled_count++;
		}
		return OK;
	}
	if (m->cpu_count == SMP_CPUS_MAX)
		return problem_set(w->problem, E_TOO_MANY_CPUS, "MADT: more than %u CPUs, APIC ID %x left out",
				   SMP_CPUS_MAX, apic_id);
	m->cpus[m->cpu_count++] = (struct madt_cpu){
		.apic_id = apic_id, .acpi_uid = acpi_uid,
		.enabled = enabled, .online_capable = flags & CPU_ONLINE_CAPABLE,
	};
	m->enabled_count += enabled;
	return OK;
}

/* Bytes that an entry of a type must have; 0: a type we do not read. */
static unsigned length_needed(uint8_t type)
{
	switch (type) {
	case TYPE_LAPIC: return 8;
	case TYPE_IOAPIC: return 12;
	case TYPE_LAPIC_ADDRESS: return 12;
	case TYPE_X2APIC: return 16;
	case TYPE_MP_WAKEUP: return 16;
	default: return 0;
	}
}

static enum status entry_read(struct walk *w, const uint8_t *e)
{
	struct madt *m = w->out;

	switch (e[0]) {
	case TYPE_LAPIC:
		if (e[3] == 0xff)
			return OK;
		return cpu_add(w, e[3], e[2], get32(e + 4));
	case TYPE_IOAPIC:
		if (m->ioapic_count < MADT_IOAPIC_MAX)
			m->ioapic_base[m->ioapic_count++] = get32(e + 4);
		return OK;
	case TYPE_LAPIC_ADDRESS:
		m->lapic_base = get64(e + 4);
		return OK;
	case TYPE_X2APIC:
		if (get32(e + 4) == UINT32_MAX || (w->type0_seen && get32(e + 4) < 0xff))
			return OK;
		return cpu_add(w, get32(e + 4), get32(e + 12), get32(e + 8));
	case TYPE_MP_WAKEUP:
		m->mp_wakeup = true;
		m->mp_wakeup_mailbox = get64(e + 8);
		return OK;
	default:
		return OK;
	}
}

/* Bounds of every entry, before any is used: a table that is wrong somewhere is used nowhere. */
static enum status entries_check(struct walk *w, uint64_t length)
{
	uint64_t at = MADT_HEADER;

	while (at < length) {
		const uint8_t *e = w->table + at;

		if (length - at < 2 || e[1] < 2 || e[1] > length - at || e[1] < length_needed(e[0]))
			return problem_set(w->problem, E_ACPI_TABLE,
					   "MADT: entry at offset %llu: type %u, length %u does not fit",
					   (unsigned long long)at, e[0], length - at < 2 ? 0 : e[1]);
		if (e[0] == TYPE_LAPIC && e[3] != 0xff)
			w->type0_seen = true;
		at += e[1];
	}
	return OK;
}

enum status madt_parse(struct madt *out, const void *table, uint64_t length, struct problem *p)
{
	struct walk w = { .out = out, .table = table, .problem = p };
	uint64_t at = MADT_HEADER;
	enum status status;

	*out = (struct madt){ 0 };
	if (length < MADT_HEADER)
		return problem_set(p, E_ACPI_TABLE, "MADT: %llu bytes, shorter than its header",
				   (unsigned long long)length);
	status = entries_check(&w, length);
	if (status)
		return status;
	out->lapic_base = get32(w.table + 36);
	out->pcat_compat = get32(w.table + 40) & MADT_PCAT_COMPAT;
	while (at < length) {
		enum status entry = entry_read(&w, w.table + at);

		if (!status)
			status = entry;
		at += w.table[at + 1];
	}
	return status;
}

void madt_uniprocessor(struct madt *out, uint32_t apic_id, uint64_t lapic_base)
{
	*out = (struct madt){
		.lapic_base = lapic_base,
		.cpu_count = 1,
		.enabled_count = 1,
		.cpus = { { .apic_id = apic_id, .enabled = true } },
	};
}
