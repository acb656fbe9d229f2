// SPDX-License-Identifier: MIT
/*
 * PCI configuration space of segment 0, the first 256 bytes of each function, by ports 0xCF8 and 0xCFC. One CPU at a
 * time, interrupts off: the ports are a pair. Works before anything is mapped, and in the block.
 */
#ifndef X86_PC_PCI_PORT_H
#define X86_PC_PCI_PORT_H

#include <stdint.h>

#include "x86/cpu.h"

#define PCI_PORT_ADDRESS	0xcf8
#define PCI_PORT_DATA		0xcfc
#define PCI_PORT_ENABLE		0x80000000u

/* bdf: bus << 8 | device << 3 | function. offset below 256; the access does not cross a multiple of 4. */
static inline void pci_port_select(uint16_t bdf, uint16_t offset)
{
	cpu_out32(PCI_PORT_ADDRESS, PCI_PORT_ENABLE | (uint32_t)bdf << 8 | (offset & 0xfcu));
}

static inline uint32_t pci_port_read32(uint16_t bdf, uint16_t offset)
{
	pci_port_select(bdf, offset);
	return cpu_in32(PCI_PORT_DATA);
}

static inline uint8_t pci_port_read8(uint16_t bdf, uint16_t offset)
{
	pci_port_select(bdf, offset);
	return cpu_in8((uint16_t)(PCI_PORT_DATA + (offset & 3)));
}

static inline void pci_port_write16(uint16_t bdf, uint16_t offset, uint16_t value)
{
	pci_port_select(bdf, offset);
	cpu_out16((uint16_t)(PCI_PORT_DATA + (offset & 2)), value);
}

static inline void pci_port_write8(uint16_t bdf, uint16_t offset, uint8_t value)
{
	pci_port_select(bdf, offset);
	cpu_out8((uint16_t)(PCI_PORT_DATA + (offset & 3)), value);
}

#endif
