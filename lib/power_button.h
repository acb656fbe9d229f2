// SPDX-License-Identifier: MIT
/*
 * The fixed power button of ACPI 6.5, 4.8.3.1 and 5.2.9, as the FADT names it. Pure; any context.
 */
#ifndef LIB_POWER_BUTTON_H
#define LIB_POWER_BUTTON_H

#include <stdint.h>

struct power_button {
	const char *none;		/* why there is none that can be polled, NULL: there is one */
	uint16_t status, enable;	/* I/O ports of PM1a */
	uint16_t control;		/* PM1a_CNT, 0: none */
	uint16_t smi_command;		/* 0: ACPI mode cannot be switched on */
	uint8_t acpi_enable;
};

#define POWER_BUTTON_BIT	0x0100u	/* in status and enable */
#define POWER_SCI_ENABLED	0x0001u	/* in control: ACPI mode */

/* fadt: length bytes of the table, checksum right. */
void power_button_parse(struct power_button *button, const uint8_t *fadt, uint32_t length);

#endif
