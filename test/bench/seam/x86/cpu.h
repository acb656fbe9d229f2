// SPDX-License-Identifier: MIT
/*
 * The seam for counting instructions on the host: what a processor does in one instruction is one addition here;
 * atomic.h is the image's own.
 */
#ifndef X86_CPU_H
#define X86_CPU_H

#include <stdbool.h>
#include <stdint.h>

extern uint64_t seam_cr3, seam_invlpgs, seam_reloads, seam_fences;

static inline uint64_t cpu_read_cr3(void) { return seam_cr3; }
static inline void cpu_write_cr3(uint64_t v) { seam_cr3 = v; seam_reloads++; }
static inline void cpu_invlpg(uint64_t va) { (void)va; seam_invlpgs++; }
static inline void cpu_clflush(const void *p) { (void)p; seam_fences++; }
static inline void cpu_mfence(void) { seam_fences++; }
static inline void cpu_sfence(void) { seam_fences++; }
static inline bool cpu_irq_save(void) { return false; }
static inline void cpu_irq_restore(bool on) { (void)on; }
static inline void *cpu_phys_pointer(uint64_t phys) { return (void *)(uintptr_t)phys; }

#endif
