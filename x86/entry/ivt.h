/* SPDX-License-Identifier: MIT */
/*
 * IVT[2], the NMI vector of real mode. A CPU between INIT and long mode takes NMIs through it wherever wait-for-SIPI
 * does not block them, so while there is such a CPU it points to the trampoline page's own entry, where the CPU starts
 * over (protocol rule 10). Linked into the image and into the block.
 */
#ifndef X86_ENTRY_IVT_H
#define X86_ENTRY_IVT_H

#include <stdint.h>

/* Points the vector to the first byte of page, which lies below 1 MiB; returns the old value for ivt_nmi_restore().
 * Context: boss, before the first INIT, page 0 mapped writable. */
uint32_t ivt_nmi_take(uint64_t page);

/* Context: likewise, when no CPU is left between INIT and long mode. */
void ivt_nmi_restore(uint32_t old);

#endif
