// SPDX-License-Identifier: MIT
#include "lib/spcr.h"

#include <stdbool.h>

#include "lib/acpi.h"

#define SPCR_INTERFACE		36
#define SPCR_SPACE		40	/* Generic Address: space, width, offset, access size, address */
#define SPCR_WIDTH		41
#define SPCR_ACCESS		43
#define SPCR_ADDRESS		44
#define SPCR_BAUD		58
#define SPCR_BYTES		59

/* Interface types: 0 16550, 1 16450-compatible, 0x12 16550 as its Generic Address says. */
static bool is_16550(uint8_t interface)
{
	return interface == 0 || interface == 1 || interface == 0x12;
}

static uint32_t baud_of(uint8_t code)
{
	switch (code) {
	case 3: return 9600;
	case 4: return 19200;
	case 6: return 57600;
	case 7: return 115200;
	default: return 0;		/* 0: as firmware left it */
	}
}

enum status spcr_parse(const uint8_t *table, uint32_t length, struct console_spec *out, struct problem *problem)
{
	uint64_t address;

	if (length < SPCR_BYTES)
		return problem_set(problem, E_ACPI_TABLE, "SPCR: %u bytes, its baud rate ends at %u", length,
				   SPCR_BYTES);
	address = acpi_u64(table, SPCR_ADDRESS);
	if (!is_16550(table[SPCR_INTERFACE]))
		return problem_set(problem, E_NOT_SUPPORTED, "SPCR: interface type %u is no 16550",
				   table[SPCR_INTERFACE]);
	if (table[SPCR_SPACE] > 1 || !address)
		return problem_set(problem, E_NOT_SUPPORTED, "SPCR: address space %u at 0x%lx", table[SPCR_SPACE],
				   (unsigned long)address);
	out->base = address;
	out->mmio = table[SPCR_SPACE] == 0;
	out->stride = out->mmio && (table[SPCR_WIDTH] == 32 || table[SPCR_ACCESS] == 3) ? 4 : 1;
	out->baud = baud_of(table[SPCR_BAUD]);
	return OK;
}
