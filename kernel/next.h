// SPDX-License-Identifier: MIT
/*
 * What the next kernel finds: boot_params, command line, setup_data with the report, all in one reserved range,
 * and the digests of what Baton itself wrote there.
 */
#ifndef KERNEL_NEXT_H
#define KERNEL_NEXT_H

#include "boot/boot_info.h"
#include "kernel/report.h"
#include "lib/status.h"

struct next {
	uint64_t base, size;		/* the reserved range */
	uint64_t boot_params, cmdline;
	uint64_t fallback_params, fallback_cmdline;	/* where there is a fallback; the nodes are those of both */
	uint64_t report_node, e820_node, kept_nodes, runtime_map;
	uint64_t params_bytes;		/* at boot_params: the page, or boot information */
	uint8_t rsdp[36];		/* copied while the door's tables show it */
	uint32_t report_bytes, e820_bytes;
	uint64_t fallback_bytes;	/* at fallback_params, 0: there is no fallback */
	uint64_t kept_bytes;		/* of the loader's setup_data nodes */
	unsigned e820_count;		/* after next_build() */
	struct report report;
};

/* Sizes of everything; they depend on the map, the CPU and the PCI function count only. */
void next_size(const struct boot_info *info, unsigned cpus, unsigned pci_functions, bool loop, struct next *next);

/* Reserves the range at base, next->size bytes. Writes nothing yet. Before memory_start(). */
enum status MUST_CHECK next_reserve_at(struct boot_info *info, uint64_t base, struct next *next,
				       struct problem *problem);

/* Where the report will lie. */
void *next_report_place(const struct next *next);

/* STOP_RECORD_BYTES at the range's end, for a record beside the report; at the same offset in its page. */
void *next_hang_place(const struct next *next);

/* Opens the empty report in its place. After the range is mapped. */
void next_open_report(struct next *next, unsigned cpus, unsigned pci_functions, bool loop);

/* Writes boot_params, command line and nodes, and adds them to info->plan, and to info->fallback if there is one, as
 * segments with digests. The report's
 * payload is left out: it is written last and has a CRC of its own (protocol rule 20). */
enum status MUST_CHECK next_build(struct boot_info *info, struct next *next, struct problem *problem);

#endif
