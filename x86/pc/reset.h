// SPDX-License-Identifier: MIT
/*
 * Reset chain of protocol rule 16: FADT reset register unless it is the SMI port, 0xCF9, 8042, triple fault.
 */
#ifndef X86_PC_RESET_H
#define X86_PC_RESET_H

#include <stdbool.h>
#include <stdint.h>

/* From FADT; a zeroed struct is right if there is none. */
struct reset_info {
	uint64_t address;		/* RESET_REG, 0: none, or FADT flag RESET_REG_SUP clear */
	uint8_t space;			/* Generic Address space: 0 memory, 1 I/O, 2 PCI configuration (bus 0) */
	uint8_t value;			/* RESET_VALUE */
	uint16_t smi_port;		/* SMI_CMD: never used as a reset register */
};

/* True if the FADT register may be used: an address in a known space and range that is not the SMI port. Pure. */
bool reset_register_usable(const struct reset_info *info);

/* Does not return. Any CPU, interrupts off, memory register mapped. Each step gets 20 ms before the next. */
_Noreturn void reset_machine(const struct reset_info *info);

#endif
