// SPDX-License-Identifier: MIT
/*
 * The end of a boot that cannot go on, after ExitBootServices: one clear line, then what the policy says. Never
 * silent: a countdown or a heartbeat.
 */
#ifndef KERNEL_STOP_H
#define KERNEL_STOP_H

#include "boot/boot_info.h"
#include "kernel/platform.h"
#include "kernel/report.h"
#include "lib/status.h"
#include "x86/idt.h"
#include "x86/pc/reset.h"

#define STOP_HEARTBEAT_S	10u

/* Remembers what a stop needs. All of it may be changed until the first stop. Context: boss, before stop_*(). */
void stop_configure(const struct boot_info *info, const struct platform *platform, const struct reset_info *reset);

/* Where a stop leaves its record for the next start (protocol rule 16): STOP_RECORD_BYTES of free or reserved memory,
 * mapped writable; the report itself once it is laid out. NULL, the default: no record. Context: boss. */
#define STOP_RECORD_BYTES	(2 * MM_PAGE_BYTES)
void stop_record_at(void *memory);
void stop_record_in(const struct report *report);

/* The record that holds if nothing is heard of this start any more: E67, naming the last phase that ended. It has a
 * place of its own, STOP_RECORD_BYTES of reserved memory, since the report changes until the commit. Context: boss. */
void stop_hang_at(void *memory);
void stop_expect_hang(const char *phase);

/* Right before the commit: from here on the report itself says so, and the block keeps it up to date. */
void stop_expect_hang_in_block(const char *phase);

/* Records and prints the problem, then resets or halts. Any CPU, any time after log_open(). */
_Noreturn void stop_problem(const struct problem *problem);

/* Panic hook (x86/idt.h): dump of registers and backtrace, then as stop_problem() with E63. */
void stop_exception(const struct trap_frame *frame);

#endif
