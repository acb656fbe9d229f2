// SPDX-License-Identifier: MIT
#include "x86/pc/pit.h"

#include "x86/cpu.h"

#define PIT_CHANNEL2	0x42
#define PIT_COMMAND	0x43
#define PORT_B		0x61
#define PORT_B_GATE2	0x01
#define PORT_B_SPEAKER	0x02
#define PORT_B_OUT2	0x20
#define CHANNEL2_MODE0	0xb0		/* low then high byte, interrupt on terminal count */
#define CHANNEL0_MODE0	0x30

void pit_start(uint16_t ticks)
{
	uint8_t port_b = (uint8_t)(cpu_in8(PORT_B) & ~(PORT_B_SPEAKER | PORT_B_GATE2));

	cpu_out8(PORT_B, port_b);
	cpu_out8(PIT_COMMAND, CHANNEL2_MODE0);
	cpu_out8(PIT_CHANNEL2, (uint8_t)ticks);
	cpu_out8(PIT_CHANNEL2, (uint8_t)(ticks >> 8));
	cpu_out8(PORT_B, port_b | PORT_B_GATE2);
}

bool pit_done(void)
{
	return cpu_in8(PORT_B) & PORT_B_OUT2;
}

void pit_stop(void)
{
	/* The mode is set and the count never comes: the channel waits. */
	cpu_out8(PIT_COMMAND, CHANNEL0_MODE0);
}
