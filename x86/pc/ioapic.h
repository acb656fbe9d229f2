// SPDX-License-Identifier: MIT
/* I/O APICs: every redirection entry masked before local APICs are touched (erratum AVR31). */
#ifndef X86_PC_IOAPIC_H
#define X86_PC_IOAPIC_H

#include <stdint.h>

/* Masks all entries of the I/O APIC whose registers are at base (mapped uncached); returns how many were open. An
 * absent device (all ones) has none. Boss, interrupts off. */
unsigned ioapic_mask_all(uint64_t base);

#endif
