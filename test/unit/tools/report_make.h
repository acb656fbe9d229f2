// SPDX-License-Identifier: MIT
/* A good report, made here byte by byte as docs/report.md says, for the tests to spoil. */
#ifndef TEST_UNIT_TOOLS_REPORT_MAKE_H
#define TEST_UNIT_TOOLS_REPORT_MAKE_H

#include "purgatory/report.h"

/* Offsets and sizes are the tests' own: header, then tables with one spare entry each. */
struct made_report {
	struct report_header header;
	struct report_cpu cpus[4];
	struct report_phase phases[3];
	struct report_segment segments[3];
	struct report_pci pci[2];
	struct report_reserved reserved[2];
	struct report_cycles cycles[3];
};

/* Fills r: boss with APIC ID 0, CPUs 1 and 2 HALTED, two good segments; sealed. */
void report_make(struct made_report *r);

/* Recomputes total_size and crc32 after a change. */
void report_seal(struct made_report *r);

#endif
