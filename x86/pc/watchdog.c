// SPDX-License-Identifier: MIT
#include "x86/pc/watchdog.h"

#include "x86/cpu.h"
#include "x86/pc/pci_port.h"
#include "x86/pc/watchdog_regs.h"

#define PCI_ID			0x00
#define PCI_COMMAND		0x04
#define PCI_COMMAND_MEMORY	0x02u
#define PCI_HEADER		0x0c
#define PCI_MULTIFUNCTION	0x800000u
#define PCI_BAR0		0x10
#define INTEL			0x8086u
#define ESB_ID			(0x25abu << 16 | INTEL)

#define TCO_STEPS_PER_3S	5u		/* 0.6 s each */
#define ESB_STEPS_PER_S		1024u		/* of 1 ms each; a little late rather than early */

/* LPC bridges with the root complex base at 0xf0 and NO_REBOOT in its GCS: device IDs of ICH6 to the 9 series. */
static const struct { uint16_t first, last; } bridges[] = {
	{ 0x2640, 0x2642 }, { 0x27b8, 0x27bd }, { 0x2810, 0x2815 }, { 0x2910, 0x2919 }, { 0x3a14, 0x3a1a },
	{ 0x3b00, 0x3b1f }, { 0x1c40, 0x1c5f }, { 0x1d40, 0x1d41 }, { 0x1e40, 0x1e5f }, { 0x8c40, 0x8c5f },
	{ 0x8cc0, 0x8cdf }, { 0x8d40, 0x8d5f }, { 0x9c40, 0x9c4f }, { 0x9cc0, 0x9ccf },
};

static bool find_tco(struct watchdog *w)
{
	uint32_t id = pci_port_read32(TCO_BDF, PCI_ID), rcba, base;
	bool known = false;

	for (unsigned i = 0; i < sizeof(bridges) / sizeof(bridges[0]); i++)
		known |= id >> 16 >= bridges[i].first && id >> 16 <= bridges[i].last;
	if ((id & 0xffff) != INTEL || !known)
		return false;
	rcba = pci_port_read32(TCO_BDF, LPC_RCBA);
	base = pci_port_read32(TCO_BDF, LPC_PMBASE) & 0xff80;
	if (!(rcba & 1) || !base || !(pci_port_read32(TCO_BDF, LPC_ACPI_CNTL) & LPC_ACPI_ENABLED))
		return false;
	*w = (struct watchdog){ WATCHDOG_TCO, TCO_BDF, (uint16_t)(base + TCO_OFFSET),
				(rcba & 0xffffc000u) + RCBA_GCS_PAGE };
	return true;
}

static bool find_esb(struct watchdog *w)
{
	for (uint16_t device = 0; device < 32; device++) {
		uint16_t bdf = (uint16_t)(device << 3), functions = 1;

		if (pci_port_read32(bdf, PCI_ID) != UINT32_MAX && pci_port_read32(bdf, PCI_HEADER) & PCI_MULTIFUNCTION)
			functions = 8;
		for (uint16_t f = 0; f < functions; f++) {
			uint32_t bar;

			if (pci_port_read32(bdf + f, PCI_ID) != ESB_ID)
				continue;
			bar = pci_port_read32(bdf + f, PCI_BAR0);
			if (bar & 1 || !(bar & ~15u))
				return false;
			*w = (struct watchdog){ WATCHDOG_I6300ESB, bdf + f, 0, bar & ~15u };
			return true;
		}
	}
	return false;
}

bool watchdog_find(struct watchdog *w)
{
	*w = (struct watchdog){ .kind = WATCHDOG_NONE };
	return find_esb(w) || find_tco(w);
}

static volatile uint32_t *register_of(const struct watchdog *w, unsigned offset)
{
	return (volatile uint32_t *)((uint8_t *)cpu_phys_pointer(w->registers) + offset);
}

/* The first expiry sets a status bit, the second in a row resets: half of the time each. */
static bool arm_tco(const struct watchdog *w, uint32_t seconds)
{
	volatile uint32_t *gcs = register_of(w, GCS_OFFSET);
	uint64_t steps = ((uint64_t)seconds * TCO_STEPS_PER_3S + 5) / 6;
	uint16_t control = cpu_in16((uint16_t)(w->port + TCO1_CNT)) | TCO1_CNT_HALT;

	steps = steps < TCO_TMR_LEAST ? TCO_TMR_LEAST : steps > TCO_TMR_MASK ? TCO_TMR_MASK : steps;
	cpu_out16((uint16_t)(w->port + TCO1_CNT), control);
	*gcs &= ~GCS_NO_REBOOT;
	if (*gcs & GCS_NO_REBOOT)
		return false;
	cpu_out16((uint16_t)(w->port + TCO_TMR),
		  (uint16_t)((cpu_in16((uint16_t)(w->port + TCO_TMR)) & ~TCO_TMR_MASK) | steps));
	cpu_out16((uint16_t)(w->port + TCO1_STS), TCO1_STS_TIMEOUT);	/* written ones clear */
	cpu_out16((uint16_t)(w->port + TCO2_STS), TCO2_STS_SECOND_TO);
	cpu_out16((uint16_t)(w->port + TCO_RLD), 1);
	cpu_out16((uint16_t)(w->port + TCO1_CNT), (uint16_t)(control & ~TCO1_CNT_HALT));
	return !(cpu_in16((uint16_t)(w->port + TCO1_CNT)) & TCO1_CNT_HALT);
}

/* Each write to its memory needs the two keys before it. */
static void esb_write(const struct watchdog *w, unsigned offset, uint32_t value)
{
	volatile uint16_t *reload = (volatile uint16_t *)register_of(w, ESB_RELOAD);

	*reload = ESB_UNLOCK1;
	*reload = ESB_UNLOCK2;
	if (offset == ESB_RELOAD)
		*reload = (uint16_t)value;
	else
		*register_of(w, offset) = value;
}

/* Two stages as well; the first is told to interrupt nobody. */
static bool arm_esb(const struct watchdog *w, uint32_t seconds)
{
	uint64_t steps = (uint64_t)seconds * ESB_STEPS_PER_S / 2;

	steps = steps < ESB_STEPS_PER_S / 2 ? ESB_STEPS_PER_S / 2 : steps > ESB_TIMER_MASK ? ESB_TIMER_MASK : steps;
	pci_port_write16(w->bdf, PCI_COMMAND,
			 (uint16_t)(pci_port_read32(w->bdf, PCI_COMMAND) | PCI_COMMAND_MEMORY));
	pci_port_write8(w->bdf, ESB_LOCK, 0);
	pci_port_write16(w->bdf, ESB_CONFIG, ESB_CONFIG_NO_IRQ);
	esb_write(w, ESB_TIMER1, (uint32_t)steps);
	esb_write(w, ESB_TIMER2, (uint32_t)steps);
	esb_write(w, ESB_RELOAD, ESB_RELOAD_NOW);
	pci_port_write8(w->bdf, ESB_LOCK, ESB_LOCK_ENABLE);
	return pci_port_read8(w->bdf, ESB_LOCK) & ESB_LOCK_ENABLE;	/* QEMU knows it by bytes only */
}

bool watchdog_arm(const struct watchdog *w, uint32_t seconds)
{
	bool armed = w->kind == WATCHDOG_TCO ? arm_tco(w, seconds) :
		     w->kind == WATCHDOG_I6300ESB && arm_esb(w, seconds);

	if (!armed)
		watchdog_stop(w);
	return armed;
}
