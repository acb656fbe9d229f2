// SPDX-License-Identifier: MIT
/*
 * Baton starting Baton: what one generation checks of the one before it, and leaves for the next. The boot path itself
 * does not know of it. In the order of the calls; all of them boss only.
 */
#ifndef KERNEL_LOOP_H
#define KERNEL_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/boot_info.h"
#include "kernel/handover.h"
#include "kernel/next.h"
#include "lib/status.h"
#include "purgatory/slot.h"

/* Door 2, after previous_find() and before anything is placed: compares the pattern, as far as the loader's page tables
 * show it. Reads only. */
void loop_meet(const struct boot_info *info);

/* After log_open(): which generation this is, and whether it says little. */
void loop_begin(struct boot_info *info);
uint64_t loop_generation(void);

/* True while this is a generation of a loop, the last one included: then there are figures. */
bool loop_running(void);

/* Says what loop_meet() found. E90: damaged block or report. E86: memory changed. E89: the handover was not clean. */
enum status MUST_CHECK loop_judge(const struct boot_info *info, struct problem *problem);

/* With our own tables loaded: the rest of the pattern. E86. */
enum status MUST_CHECK loop_judge_high(const struct boot_info *info, struct problem *problem);

/* After handover_describe(), before loop_fill(): the bundle that this generation was started with is what the one
 * before verified. Where it is handed on, its digest was taken when it was read; the last generation reads it
 * once more. What changed in between was nobody's to change: firmware, DMA, a CPU. E91. */
enum status MUST_CHECK loop_check_bundle(const struct report *report, struct problem *problem);

/* How a CPU is parked: by seed and generation. */
enum slot_mode loop_park_mode(unsigned index, bool hypervisor);

/* After handover_describe(): by seed and generation some CPUs go into the lot already; the roll call has all of them.
 * E61. */
enum status MUST_CHECK loop_offline(struct handover *h, struct problem *problem);

/* After next_build(): this generation's census against the first ones. E87. */
enum status MUST_CHECK loop_census(const struct boot_info *info, unsigned e820_entries, struct problem *problem);

/* Last of what touches memory, before the CPUs park: fills free memory and writes the figures into the report. */
void loop_fill(const struct boot_info *info, struct report *report);

/* The first failure, which ends the loop, goes into an open report with the figures so far. A report without room for
 * them (laid out before the loop was known) stays as it is. */
void loop_failed(struct report *report, const struct problem *problem);

/* The generation's one line, before commit. */
void loop_say(const struct boot_info *info);

#endif
