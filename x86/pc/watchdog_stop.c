// SPDX-License-Identifier: MIT
/* Linked into the image and into the block. */
#include "x86/pc/pci_port.h"
#include "x86/pc/watchdog.h"
#include "x86/pc/watchdog_regs.h"

void watchdog_stop(const struct watchdog *w)
{
	if (w->kind == WATCHDOG_TCO)
		cpu_out16((uint16_t)(w->port + TCO1_CNT), cpu_in16((uint16_t)(w->port + TCO1_CNT)) | TCO1_CNT_HALT);
	else if (w->kind == WATCHDOG_I6300ESB)
		pci_port_write8(w->bdf, ESB_LOCK, 0);
}
