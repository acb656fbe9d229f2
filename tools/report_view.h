// SPDX-License-Identifier: MIT
/*
 * Safe reading of a handover report (purgatory/report.h) that may come from anywhere: nothing is used
 * before report_open() has checked it against the length at hand. Reports older or newer than this tool
 * are read too: missing fields and entries' missing tails are zero, unknown tails are skipped.
 */
#ifndef TOOLS_REPORT_VIEW_H
#define TOOLS_REPORT_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "purgatory/report.h"

#define REPORT_WHY_BYTES 160

struct report_view {
	const uint8_t *data;		/* borrowed; must outlive the view */
	uint32_t length;		/* total_size of the header, <= bytes given */
	struct report_header header;	/* copy, zero beyond the report's own header_size */
};

/* Checks data[length] and fills view. False: not a sound report, why[] says which field and why. */
bool report_open(struct report_view *view, const void *data, size_t length, char why[REPORT_WHY_BYTES]);

/* Copies entry index of table (one of view->header's) to out, zero filled up to size. index < count. */
void report_entry(const struct report_view *view, const struct report_table *table, uint32_t index, void *out,
		  size_t size);

/* Receives one line without newline; `finding` lines make a handover not good, others are for information. */
typedef void report_line_fn(void *context, bool finding, const char *line);

/* Judges a sound report: calls line() for every finding and note, returns the number of findings. */
unsigned report_judge(const struct report_view *view, report_line_fn *line, void *context);

/* CRC-32 (IEEE 802.3, as in zlib) of the report's bytes with its crc32 field taken as 0. */
uint32_t report_crc32(const uint8_t *data, size_t length);

/* Words for the numbers in the report; "?" for unknown ones. */
const char *report_verdict_name(uint32_t verdict);
const char *report_mode_name(uint32_t mode);
const char *report_state_name(uint32_t state);
const char *report_expected_name(uint32_t expected);
const char *report_iommu_name(uint32_t iommu);

/* Text from a report: printable ASCII only, whatever is in there, so that no report drives a terminal. The result stays
 * good for three further calls. */
const char *report_clean(const char *text, size_t size);

/* One JSON member with a comma behind it. */
void report_print_text(const char *name, const char *text, size_t size);

/* The variable of a refused handover: whether the bytes look like it, a checked copy (false: why[] says what is wrong),
 * and both ways to show it. data as in the variable, or as a file of efivarfs: attributes first. */
bool refusal_is(const void *data, size_t length);
bool refusal_open(struct report_refusal *refusal, const void *data, size_t length, char why[REPORT_WHY_BYTES]);
void refusal_print_table(const struct report_refusal *refusal);
void refusal_print_json(const struct report_refusal *refusal);

void report_print_table(const struct report_view *view);
void report_print_json(const struct report_view *view);

#endif
