// SPDX-License-Identifier: MIT
#include "x86/pc/pci.h"

#include "x86/cpu.h"
#include "x86/pc/pci_port.h"

static struct pci_ecam ecam[PCI_ECAM_MAX];
static unsigned ecam_count;

void pci_init(const struct pci_ecam *windows, unsigned count)
{
	unsigned i;

	ecam_count = count < PCI_ECAM_MAX ? count : PCI_ECAM_MAX;
	for (i = 0; i < ecam_count; i++)
		ecam[i] = windows[i];
}

/* NULL: no window covers it. */
static volatile void *ecam_pointer(uint16_t segment, uint8_t bus, uint8_t device, uint8_t function, uint16_t offset)
{
	unsigned i;

	for (i = 0; i < ecam_count; i++)
		if (ecam[i].segment == segment && bus >= ecam[i].first_bus && bus <= ecam[i].last_bus)
			return cpu_phys_pointer(ecam[i].base + ((uint64_t)bus << 20 | (uint64_t)device << 15 |
								(uint64_t)function << 12 | offset));
	return 0;
}

static uint16_t bdf_of(uint8_t bus, uint8_t device, uint8_t function)
{
	return (uint16_t)(bus << 8 | device << 3 | function);
}

static uint32_t pci_read32(uint16_t segment, uint8_t bus, uint8_t device, uint8_t function, uint16_t offset)
{
	volatile uint32_t *p = ecam_pointer(segment, bus, device, function, offset);

	if (p)
		return *p;
	if (segment || offset > 0xff)
		return UINT32_MAX;
	return pci_port_read32(bdf_of(bus, device, function), offset);
}

static void pci_write16(uint16_t segment, uint8_t bus, uint8_t device, uint8_t function, uint16_t offset,
			uint16_t value)
{
	volatile uint16_t *p = ecam_pointer(segment, bus, device, function, offset);

	if (p) {
		*p = value;
		return;
	}
	if (segment || offset > 0xff)
		return;
	pci_port_write16(bdf_of(bus, device, function), offset, value);
}

/* How far a listing got. */
struct listing { struct pci_function *out; unsigned capacity, count; };

/* Returns the raw header type, 0xff: nobody there. */
static uint8_t list_function(struct listing *l, uint16_t segment, uint8_t bus, uint8_t device, uint8_t function)
{
	uint32_t id = pci_read32(segment, bus, device, function, 0), command, header, buses = 0;

	if ((id & 0xffff) == 0xffff)
		return 0xff;
	command = pci_read32(segment, bus, device, function, 4);
	header = pci_read32(segment, bus, device, function, 0xc) >> 16 & 0xff;
	if ((header & 0x7f) == 1)
		buses = pci_read32(segment, bus, device, function, 0x18);
	if (l->count < l->capacity)
		l->out[l->count] = (struct pci_function){
			.segment = segment, .bus = bus, .device = device, .function = function,
			.header_type = header & 0x7f,
			.vendor = (uint16_t)id, .device_id = (uint16_t)(id >> 16),
			.class_code = pci_read32(segment, bus, device, function, 8) >> 8,
			.command = (uint16_t)command, .status = (uint16_t)(command >> 16),
			.secondary = (uint8_t)(buses >> 8), .subordinate = (uint8_t)(buses >> 16),
		};
	l->count++;
	return (uint8_t)header;
}

static void list_bus(struct listing *l, uint16_t segment, uint8_t bus)
{
	uint8_t device, function, header;

	for (device = 0; device < 32; device++) {
		header = list_function(l, segment, bus, device, 0);
		if (header == 0xff || !(header & 0x80))
			continue;
		for (function = 1; function < 8; function++)
			list_function(l, segment, bus, device, function);
	}
}

unsigned pci_list(struct pci_function *out, unsigned capacity)
{
	struct listing l = { out, capacity, 0 };
	unsigned i, bus;

	/* Every bus, not only those behind bridges seen: hidden root buses have masters too. */
	for (i = 0; i < ecam_count; i++)
		for (bus = ecam[i].first_bus; bus <= ecam[i].last_bus; bus++)
			list_bus(&l, ecam[i].segment, (uint8_t)bus);
	if (!ecam_count)
		for (bus = 0; bus < 256; bus++)
			list_bus(&l, 0, (uint8_t)bus);
	return l.count;
}

bool pci_is_bridge(const struct pci_function *f)
{
	return f->header_type != 0 || f->class_code >> 16 == 0x06;
}

bool pci_master_off(const struct pci_function *f)
{
	uint32_t now = pci_read32(f->segment, f->bus, f->device, f->function, 4);

	if (!(now & PCI_COMMAND_MASTER))
		return true;
	pci_write16(f->segment, f->bus, f->device, f->function, 4, (uint16_t)(now & ~PCI_COMMAND_MASTER));
	return !(pci_read32(f->segment, f->bus, f->device, f->function, 4) & PCI_COMMAND_MASTER);
}
