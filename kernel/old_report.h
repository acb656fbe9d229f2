// SPDX-License-Identifier: MIT
/*
 * The report of the generation before, read as hostile input until its checksum is right, and what it adds to the
 * figures of a loop. Pure; any context.
 */
#ifndef KERNEL_OLD_REPORT_H
#define KERNEL_OLD_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/status.h"
#include "purgatory/report.h"

#define LOOP_STATS_MAX	24u
#define LOOP_PATTERN_MAX 160u
#define OLD_REPORT_BYTES_MAX (1u << 20)

/* data: what lies at the report's address, length: bytes that may be read. A report of this build: each table inside
 * it, entries of this build's size. E90 names the field. */
enum status old_report_check(const void *data, uint64_t length, struct problem *problem) MUST_CHECK;

/* Below: report has passed old_report_check(). */

/* The word of a verdict, "?" for an unknown one. */
const char *old_report_verdict(uint32_t verdict);

/* Entry index of a table, NULL: there is none. */
const void *old_report_entry(const struct report_header *report, const struct report_table *table, uint32_t index);

/* The handover was clean: it happened, every CPU but the boss HALTED or DISABLED, each kick answered, no INIT. E89
 * names the first thing that was not. */
enum status old_report_judge(const struct report_header *report, struct problem *problem) MUST_CHECK;

/* The bundle that this generation verified for the next one of its loop; NULL: what it started had none from it. */
const struct report_segment *old_report_bundle(const struct report_header *report);

/* The segment of that name, NULL: none. */
const struct report_segment *old_report_segment(const struct report_header *report, const char *name);

/* The bundle as it was read now (size, and the digest that a segment's report has) is what the generation before
 * verified, whose number that is. E91 names its place. */
enum status old_report_same_bundle(const struct report_segment *before, uint64_t generation, uint64_t size,
				   const uint8_t sha256[32], struct problem *problem) MUST_CHECK;

/* A loop's figures on their way from one report to the next. */
struct loop_figures {
	struct report_loop loop;
	struct report_stat stats[LOOP_STATS_MAX];
	uint32_t stat_count;
};

/* Takes over the figures that the report carries, if it does, and adds those of its own handover. tsc_at_door: of the
 * generation that reads it. */
void loop_figures_add(struct loop_figures *figures, const struct report_header *report, uint64_t tsc_at_door);

/* One more value of the statistic of that name. Beyond LOOP_STATS_MAX names nothing is kept. */
void loop_figures_count(struct loop_figures *figures, const char *name, uint64_t us);

/* This generation's census, compared with that of the same kind: generations alternate between two places for block and
 * image. The first two came by another door or followed one that did; the third and fourth are what all others must
 * equal. After loop_figures_add(). E87 names figure and both values. */
enum status loop_census_check(struct report_loop *loop, uint64_t generation, const struct report_census *census,
			      struct problem *problem) MUST_CHECK;

/* So many hours have passed since the first generation's door; 0: never. The TSC runs through, passes included. */
bool loop_hours_over(const struct report_loop *loop, uint64_t tsc_khz, uint64_t now_tsc, uint32_t hours);

/* The window was filled and found intact. */
void loop_window_done(struct report_loop *loop, unsigned window, unsigned windows);

#endif
