// SPDX-License-Identifier: MIT
/*
 * PCI configuration space by ports 0xCF8/0xCFC (segment 0) and ECAM (all segments of MCFG): what is on the buses, who
 * may write to memory, and turning that off (protocol rule 21). Boss only, interrupts off: the ports are a pair.
 */
#ifndef X86_PC_PCI_H
#define X86_PC_PCI_H

#include <stdbool.h>
#include <stdint.h>

#define PCI_ECAM_MAX 16

/* One allocation of MCFG. base as in the table: of bus 0, even if first_bus is not 0. */
struct pci_ecam { uint64_t base; uint16_t segment; uint8_t first_bus, last_bus; };

struct pci_function {
	uint16_t segment;
	uint8_t bus, device, function;
	uint8_t header_type;		/* bit 7 off: 0 endpoint, 1 PCI bridge, 2 CardBus bridge */
	uint16_t vendor, device_id;
	uint32_t class_code;		/* class 23:16, subclass 15:8, interface 7:0 */
	uint16_t command, status;	/* as found */
	uint8_t secondary, subordinate;	/* PCI bridge: the buses behind it; else 0 */
};

#define PCI_COMMAND_MASTER 0x4

/* Remembers the ECAM windows (mapped uncached by the caller); count 0: ports only. Windows beyond PCI_ECAM_MAX are
 * left out. Segment 0 without a window is reached by the ports. */
void pci_init(const struct pci_ecam *windows, unsigned count);

/* Lists every function of every bus in the windows (without windows: buses 0-255 of segment 0) into out; returns how
 * many there are, which may exceed capacity. */
unsigned pci_list(struct pci_function *out, unsigned capacity);

bool pci_is_bridge(const struct pci_function *f);

/* Clears the bus-master bit of one function and reads it back; false: it stays set. */
bool pci_master_off(const struct pci_function *f);

#endif
