// SPDX-License-Identifier: MIT
/* The end of writing a report, in the kernel and in the block alike. */
#ifndef PURGATORY_SEAL_H
#define PURGATORY_SEAL_H

#include "purgatory/report.h"

/* Computes crc32 and pushes all total_size bytes out of the caches, so that a machine that resets still has the report
 * at the same address (protocol rule 16). Any CPU, the report mapped writable and changed by nobody else. */
void seal_report(struct report_header *r);

#endif
