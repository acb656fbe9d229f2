// SPDX-License-Identifier: MIT
/*
 * The end of a boot that cannot go on, after ExitBootServices: one clear line, then what the policy says. Never
 * silent: a countdown or a heartbeat.
 */
#ifndef KERNEL_STOP_H
#define KERNEL_STOP_H

#include "boot/config.h"
#include "lib/status.h"
#include "x86/idt.h"
#include "x86/pc/reset.h"

#define STOP_RESET_AFTER_S	30u	/* a failure stays on the screen this long unless reset-after says otherwise */
#define STOP_HEARTBEAT_S	10u

/* Remembers what a stop needs. reset may be changed until the first stop. Context: boss, before stop_*(). */
void stop_configure(const struct config *config, const struct reset_info *reset);

/* Prints the problem, then resets or halts. Any CPU, any time after log_open(). */
_Noreturn void stop_problem(const struct problem *problem);

/* Panic hook (x86/idt.h): dump of registers and backtrace, then as stop_problem() with E63. */
void stop_exception(const struct trap_frame *frame);

#endif
