// SPDX-License-Identifier: MIT
/*
 * Any bytes as ACPI: as a machine's memory from the RSDP on, and as the body of an MADT behind good tables. What is found
 * lies inside, IDs are there once.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/acpi.h"
#include "smp/madt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PHYS	0x1000u
#define XSDT_AT	64u
#define MADT_AT	128u

static uint8_t memory[4096 + MADT_AT + 64];
static size_t used;
static struct madt madt;

static void want(bool so)
{
	if (!so)
		__builtin_trap();
}

static const void *show(void *ctx, uint64_t phys, uint32_t length)
{
	(void)ctx;
	want(phys && length);
	return phys >= PHYS && phys - PHYS <= used && length <= used - (phys - PHYS) ? memory + (phys - PHYS) : NULL;
}

static void mend(uint8_t *table, uint32_t bytes, uint32_t sum_at)
{
	uint8_t sum = 0;

	table[sum_at] = 0;
	for (uint32_t i = 0; i < bytes; i++)
		sum += table[i];
	table[sum_at] = (uint8_t)-sum;
}

static void put(uint32_t at, uint64_t value, unsigned bytes)
{
	memcpy(memory + at, &value, bytes);
}

/* RSDP and XSDT in front of an MADT with that body. */
static void make_tables(const uint8_t *body, size_t size)
{
	memset(memory, 0, MADT_AT + 44);
	memcpy(memory, "RSD PTR ", 8);
	memory[15] = 2;
	put(20, 36, 4);
	put(24, PHYS + XSDT_AT, 8);
	mend(memory, 20, 8);
	mend(memory, 36, 32);
	memcpy(memory + XSDT_AT, "XSDT", 4);
	put(XSDT_AT + 4, 44, 4);
	put(XSDT_AT + 36, PHYS + MADT_AT, 8);
	mend(memory + XSDT_AT, 44, 9);
	memcpy(memory + MADT_AT, "APIC", 4);
	put(MADT_AT + 4, 36 + size, 4);
	memcpy(memory + MADT_AT + 36, body, size);
	mend(memory + MADT_AT, 36 + (uint32_t)size, 9);
	used = MADT_AT + 36 + size;
}

/* The sums of what looks like RSDP, root table and MADT, so that the fuzzer sees what lies behind them. */
static void mend_all(void)
{
	for (size_t at = 0; at + 44 <= used; at += 4) {
		uint32_t length = acpi_u32(memory, (uint32_t)at + 4);

		if (!memcmp(memory + at, "RSD PTR ", 8)) {
			mend(memory + at, 20, 8);
			mend(memory + at, 36, 32);
		} else if ((!memcmp(memory + at + 1, "SDT", 3) || !memcmp(memory + at, "APIC", 4)) &&
			   length >= 36 && length <= used - at) {
			mend(memory + at, length, 9);
		}
	}
}

static void walk(void)
{
	struct problem p = { 0 };
	struct acpi_table table;
	struct acpi acpi;

	if (acpi_open(&acpi, (struct acpi_reader){ show, NULL }, PHYS, &p)) {
		want(p.code == E_ACPI_TABLE && p.text[0]);
		return;
	}
	if (acpi_find(&acpi, "APIC", 0, &table, &p) || !table.data)
		return;
	want(table.data >= memory && table.length >= ACPI_HEADER_BYTES && table.length <= used &&
	     (size_t)(table.data - memory) <= used - table.length);
	p = (struct problem){ 0 };
	if (madt_parse(&madt, table.data, table.length, &p))
		want(p.code && p.text[0]);
	want(madt.cpu_count <= SMP_CPUS_MAX && madt.enabled_count <= madt.cpu_count && madt.ioapic_count <= MADT_IOAPIC_MAX);
	for (unsigned i = 0; i < madt.cpu_count; i++)
		for (unsigned k = 0; k < i; k++)
			want(madt.cpus[i].apic_id != madt.cpus[k].apic_id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > 4000)
		return 0;
	if (data[0] & 1) {
		make_tables(data + 1, size - 1);
	} else {
		used = size - 1;
		memcpy(memory, data + 1, used);
		mend_all();
	}
	walk();
	return 0;
}
