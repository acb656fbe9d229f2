// SPDX-License-Identifier: MIT
/*
 * Any bytes as what firmware leaves in memory: a list of configuration tables, each of a known kind if a byte says so, and
 * ACPI's tables behind a root. What is found lies where it says, no conflict is told that is none, and it ends.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "boot/survive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SYSTAB	0x1000u
#define TABLES	0x1100u
#define RSDP	0x1400u
#define XSDT	0x1440u
#define ROOM	0x1800u		/* where the input lies */
#define TOP	0x4000u
#define GIVEN	12u
#define ROWS	4u

static uint8_t memory[TOP] __attribute__((aligned(8)));
static struct survivors found;

static void want(bool so)
{
	if (!so)
		__builtin_trap();
}

static const void *show(void *ctx, uint64_t phys, uint32_t length)
{
	(void)ctx;
	want(phys && length);
	return phys >= TOP || length > TOP - phys ? NULL : memory + phys;
}

static void put(uint32_t at, uint64_t value, unsigned bytes)
{
	memcpy(memory + at, &value, bytes);
}

static void mend(uint32_t table, uint32_t bytes, uint32_t sum_at)
{
	uint8_t sum = 0;

	memory[table + sum_at] = 0;
	for (uint32_t i = 0; i < bytes; i++)
		sum += memory[table + i];
	memory[table + sum_at] = (uint8_t)-sum;
}

/* The GUIDs of boot/survive.c and one that is not there. */
static const uint8_t guids[GIVEN + 1][16] = {
	{ 0x63, 0xa2, 0x22, 0xb1, 0x61, 0x36, 0x68, 0x4f, 0x99, 0x29, 0x78, 0xf8, 0xb0, 0xd6, 0x21, 0x80 },
	{ 0x1d, 0x91, 0xfa, 0xdc, 0xeb, 0x26, 0x9f, 0x46, 0xa2, 0x20, 0x38, 0xb7, 0xdc, 0x46, 0x12, 0x20 },
	{ 0xb0, 0x9c, 0x79, 0xb7, 0xa2, 0xec, 0x43, 0x49, 0x96, 0x67, 0x1f, 0xae, 0x07, 0xb7, 0x47, 0xfa },
	{ 0x96, 0xd0, 0x2e, 0x1e, 0xe2, 0x30, 0x54, 0x42, 0xbd, 0x89, 0x86, 0x3b, 0xbe, 0xf8, 0x23, 0x25 },
	{ 0xbc, 0xe5, 0xe1, 0x1c, 0xeb, 0x7c, 0xf2, 0x42, 0x81, 0xe5, 0x8a, 0xad, 0xf1, 0x80, 0xf5, 0x7b },
	{ 0xc6, 0xb0, 0x8e, 0x88, 0xde, 0x8e, 0xf5, 0x4f, 0xa8, 0xf0, 0x9a, 0xee, 0x5c, 0xb9, 0x77, 0xc2 },
	{ 0x44, 0x15, 0xfd, 0xf2, 0x94, 0x97, 0x2c, 0x4a, 0x99, 0x2e, 0xe5, 0xbb, 0xcf, 0x20, 0xe3, 0x94 },
	{ 0x31, 0x2d, 0x9d, 0xeb, 0x88, 0x2d, 0xd3, 0x11, 0x9a, 0x16, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d },
	{ 0x71, 0xe8, 0x68, 0x88, 0xf1, 0xe4, 0xd3, 0x11, 0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81 },
	{ 0x30, 0x2d, 0x9d, 0xeb, 0x88, 0x2d, 0xd3, 0x11, 0x9a, 0x16, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d },
	{ 0x2b, 0xed, 0x51, 0xc4, 0x94, 0x96, 0xd3, 0x45, 0xba, 0xba, 0xed, 0x9f, 0x89, 0x88, 0xa3, 0x89 },
	{ 0x8a, 0x91, 0x66, 0xeb, 0xef, 0x7e, 0x2a, 0x40, 0x84, 0x2e, 0x93, 0x1d, 0x21, 0xc3, 0x8a, 0xe9 },
};

static void make_efi(const uint8_t *heads)
{
	memcpy(memory + SYSTAB, "IBI SYST", 8);
	put(SYSTAB + 104, ROWS, 8);
	put(SYSTAB + 112, TABLES, 8);
	for (uint32_t i = 0; i < ROWS; i++) {
		memcpy(memory + TABLES + 24 * i, guids[heads[2 * i] % (GIVEN + 1)], 16);
		put(TABLES + 24 * i + 16, ROOM + 16u * heads[2 * i + 1], 8);
	}
}

/* The tables that the root names have good sums, so that what lies behind them is seen. */
static void make_acpi(const uint8_t *heads)
{
	static const char names[ROWS][5] = { "TPM2", "TCPA", "APIC", "BGRT" };

	memcpy(memory + RSDP, "RSD PTR ", 8);
	memory[RSDP + 15] = 2;
	put(RSDP + 20, 36, 4);
	put(RSDP + 24, XSDT, 8);
	mend(RSDP, 20, 8);
	mend(RSDP, 36, 32);
	memcpy(memory + XSDT, "XSDT", 4);
	put(XSDT + 4, 36 + 8 * ROWS, 4);
	for (uint32_t i = 0; i < ROWS; i++) {
		uint32_t at = ROOM + 16u * heads[2 * i + 1], length;

		put(XSDT + 36 + 8 * i, at, 8);
		memcpy(memory + at, names[i], 4);
		length = acpi_u32(memory, at + 4) % 512;
		put(at + 4, length, 4);
		if (length >= 36)
			mend(at, length, 9);
	}
	mend(XSDT, 36 + 8 * ROWS, 9);
}

static void told(void *ctx, const struct problem *conflict)
{
	want(conflict->code == E_PLACEMENT && conflict->text[0]);
	++*(unsigned *)ctx;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct efi_descriptor all = { EFI_TYPE_BOOT_DATA, 0, 0, 0, TOP / 4096, 0 };
	struct efi_map map = { (uintptr_t)&all, sizeof(all), sizeof(all), sizeof(all), 1 };
	struct problem p = { .code = OK };
	unsigned lines = 0, near = 0;

	if (size < 2 * ROWS || size > TOP - ROOM)
		return 0;
	memset(memory, 0, sizeof(memory));
	memset(&found, 0, sizeof(found));
	memcpy(memory + ROOM, data, size);
	make_efi(data);
	survive_find_efi(&found, &(struct acpi_reader){ show, NULL }, SYSTAB, 0);
	want(found.count >= 2 && !strcmp(found.list[found.count - 1].what, "EFI configuration tables") == !found.full);
	make_acpi(data);
	survive_find_acpi(&found, &(struct acpi_reader){ show, NULL }, RSDP);
	want(found.count <= SURVIVORS_MAX);
	for (unsigned i = 0; i < found.count; i++) {
		const struct survivor *s = &found.list[i];

		want(s->what && s->size && s->base + (s->size - 1) >= s->base);
		near += s->base < TOP;
	}
	if (survive_check(&found, &map, 0, TOP, "/x", told, &lines, &p))
		told(&lines, &p);
	want(lines == near + found.full);
	return 0;
}
