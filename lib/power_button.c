// SPDX-License-Identifier: MIT
#include "lib/power_button.h"

#include "lib/acpi.h"

#define FADT_SMI_CMD		48
#define FADT_ACPI_ENABLE	52
#define FADT_PM1A_EVT		56
#define FADT_PM1A_CNT		64
#define FADT_PM1_EVT_LEN	88
#define FADT_FLAGS		112
#define FLAG_CONTROL_METHOD	(1u << 4)
#define FLAG_HW_REDUCED		(1u << 20)

void power_button_parse(struct power_button *b, const uint8_t *fadt, uint32_t length)
{
	uint32_t flags, events;

	*b = (struct power_button){ .none = "the FADT is too short" };
	if (length < FADT_FLAGS + 4)
		return;
	flags = acpi_u32(fadt, FADT_FLAGS);
	events = acpi_u32(fadt, FADT_PM1A_EVT);
	b->none = flags & FLAG_HW_REDUCED ? "hardware-reduced ACPI has no fixed one" :
		  flags & FLAG_CONTROL_METHOD ? "it is a control method's" :
		  !events || events > 0xfff0 || fadt[FADT_PM1_EVT_LEN] < 4 ? "no PM1a event registers" : 0;
	if (b->none)
		return;
	b->status = (uint16_t)events;
	b->enable = (uint16_t)(events + fadt[FADT_PM1_EVT_LEN] / 2);
	b->control = (uint16_t)acpi_u32(fadt, FADT_PM1A_CNT);
	b->smi_command = (uint16_t)acpi_u32(fadt, FADT_SMI_CMD);
	b->acpi_enable = fadt[FADT_ACPI_ENABLE];
}
