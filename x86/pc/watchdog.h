// SPDX-License-Identifier: MIT
/*
 * Watchdogs that reset the machine when nobody tells them not to: the TCO timer of Intel's LPC bridges from ICH6 to the
 * 9 series (and of QEMU's q35), and Intel's 6300ESB (QEMU's i6300esb). Later bridges keep TCO in other places and are
 * not known here. Boss only, interrupts off.
 */
#ifndef X86_PC_WATCHDOG_H
#define X86_PC_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

enum watchdog_kind { WATCHDOG_NONE, WATCHDOG_TCO, WATCHDOG_I6300ESB };

struct watchdog {
	enum watchdog_kind kind;
	uint16_t bdf;			/* of the function on segment 0 */
	uint16_t port;			/* TCO: base of its I/O ports */
	uint64_t registers;		/* physical; the page that watchdog_arm() needs mapped uncached */
};

/* Looks on bus 0 by configuration ports; changes nothing. A 6300ESB, which somebody plugged in for this, goes before
 * the chipset's own timer. False: there is none whose registers have been given addresses; kind WATCHDOG_NONE. */
bool watchdog_find(struct watchdog *w);

/* The machine resets in about that many seconds, rounded up to the timer's step (1.2 s and 1 s) and cut to what it can
 * count (20 and 17 minutes), unless this is called again. False: the device does not take it, as a TCO timer whose
 * strap says that it may not reset; then it is stopped. */
bool watchdog_arm(const struct watchdog *w, uint32_t seconds);

/* It does nothing any more. By ports alone: any tables may be loaded. */
void watchdog_stop(const struct watchdog *w);

#endif
