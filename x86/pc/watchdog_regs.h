// SPDX-License-Identifier: MIT
/* Registers of both watchdogs. Intel I/O Controller Hub 9 datasheet, 10.1.48, 13.9; Intel 6300ESB datasheet, 16. */
#ifndef X86_PC_WATCHDOG_REGS_H
#define X86_PC_WATCHDOG_REGS_H

#define TCO_BDF			(31 << 3)	/* 00:1f.0 */
#define LPC_PMBASE		0x40		/* bits 15:7 */
#define LPC_ACPI_CNTL		0x44
#define LPC_ACPI_ENABLED	0x80u
#define LPC_RCBA		0xf0		/* bits 31:14; bit 0: enabled */
#define RCBA_GCS_PAGE		0x3000u
#define GCS_OFFSET		0x410u		/* in that page */
#define GCS_NO_REBOOT		0x20u
#define TCO_OFFSET		0x60		/* from PMBASE */
#define TCO_RLD			0x00
#define TCO1_STS		0x04
#define TCO1_STS_TIMEOUT	0x08
#define TCO2_STS		0x06
#define TCO2_STS_SECOND_TO	0x02
#define TCO1_CNT		0x08
#define TCO1_CNT_HALT		0x0800u
#define TCO_TMR			0x12
#define TCO_TMR_MASK		0x3ffu
#define TCO_TMR_LEAST		2u

#define ESB_CONFIG		0x60		/* configuration space */
/* Bits 1:0: the first stage is silent; bit 2 clear: 1 kHz; bit 5 clear: resets. */
#define ESB_CONFIG_NO_IRQ	0x03u
#define ESB_LOCK		0x68
#define ESB_LOCK_ENABLE		0x02u
#define ESB_TIMER1		0x00		/* memory */
#define ESB_TIMER2		0x04
#define ESB_RELOAD		0x0c
#define ESB_RELOAD_NOW		0x100u
#define ESB_UNLOCK1		0x80u
#define ESB_UNLOCK2		0x86u
#define ESB_TIMER_MASK		0xfffffu

#endif
