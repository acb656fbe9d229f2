// SPDX-License-Identifier: MIT
/*
 * Lays out the handover report (purgatory/report.h) in its setup_data node and fills what the kernel knows.
 * The block fills verdicts, verification and the last phases, and writes the CRC.
 */
#ifndef KERNEL_REPORT_H
#define KERNEL_REPORT_H

#include "boot/boot_info.h"
#include "kernel/platform.h"
#include "purgatory/report.h"

#define REPORT_PHASES_MAX 32
#define REPORT_RESERVED_MAX 32
#define REPORT_STATS_MAX 24
#define REPORT_PATTERN_MAX 160

struct report {
	struct report_header *header;	/* inside the node, zeroed */
};

/* Bytes of a report for that many CPUs and PCI functions; loop: with the tables of a loop. */
uint32_t report_size_needed(unsigned cpus, unsigned pci_functions, bool loop);

/* Zeroes size bytes at memory and lays the empty tables out. size from report_size_needed(). Context: boss. */
void report_open(struct report *r, void *memory, unsigned cpus, unsigned pci_functions, bool loop);

/* The figures of a loop, in a report that was opened with room for them. */
void report_set_loop(struct report *r, const struct report_loop *loop, const struct report_stat *stats, uint32_t count);

/* False: no room. */
bool report_add_pattern(struct report *r, uint64_t base, uint64_t size, const char *owner);

/* Identity of build, platform and machine, and the policies. */
void report_identity(struct report *r, const struct boot_info *info, const struct platform *p, uint64_t generation);

/* The handover is refused here, us after the door: sealed for the next start of Baton to find. */
void report_fail(struct report *r, const struct problem *problem, uint64_t us);

/* The next entry of a table; NULL when it is full. */
struct report_cpu *report_add_cpu(struct report *r);
struct report_pci *report_add_pci(struct report *r);
struct report_cycles *report_add_cycles(struct report *r);
void report_add_phase(struct report *r, const char *name, uint64_t start_us, uint64_t end_us);
void report_add_reserved(struct report *r, const char *what, uint64_t base, uint64_t size);
struct report_segment *report_add_segment(struct report *r, const char *name);

/* Name of a door in the report's words. */
const char *door_name(enum door door);

#endif
