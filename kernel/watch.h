// SPDX-License-Identifier: MIT
/*
 * The watchdog over a start, if reset-after is said: whoever hangs after ExitBootServices is reset, and the next start
 * tells after which phase. Boss only. In the order of the calls.
 */
#ifndef KERNEL_WATCH_H
#define KERNEL_WATCH_H

#include "boot/boot_info.h"
#include "purgatory/plan.h"

/* Before the devices are mapped: finds one and lists its registers. Nothing without reset-after. */
void watch_find(const struct boot_info *info);

/* On our own tables: arms it. Without one that takes it a line says so (E16), once in a loop. */
void watch_start(const struct boot_info *info, unsigned cpus);

/* A phase has ended: the time runs anew, and the record for the next start names it (E67). */
void watch_alive(const char *phase);

/* Right before the commit: as watch_alive(), for the time in the block. */
void watch_commit(const char *phase);

/* For the block. kind 0: nothing is armed. */
struct plan_watchdog watch_plan(const struct boot_info *info);

/* Something stops: from here on on-failure decides about a reset. Any tables, any time. Also ends what a generation
 * before this one has handed over. */
void watch_end(const struct boot_info *info);

#endif
