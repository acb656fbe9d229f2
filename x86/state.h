// SPDX-License-Identifier: MIT
/*
 * Registers that must be equal on all CPUs (protocol rules 7, 11): captured on the boss, compared and replayed on
 * each AP; and those a parking CPU hands back as found (INIT keeps them for the next kernel).
 */
#ifndef X86_STATE_H
#define X86_STATE_H

#include <stdint.h>

#define MTRR_VARIABLE_MAX	32
#define MTRR_FIXED_COUNT	11

struct mtrr_state {
	uint32_t present;		/* CPUID.1:EDX[12] */
	uint32_t variable_count;	/* MTRRCAP[7:0] */
	uint64_t cap, def_type;
	uint64_t fixed[MTRR_FIXED_COUNT];
	uint64_t base[MTRR_VARIABLE_MAX], mask[MTRR_VARIABLE_MAX];
};

struct cpu_features_state {
	uint64_t cr0, cr4, efer, pat, xcr0, misc_enable;
	uint32_t has_pat, has_xsave, has_misc_enable;
	struct mtrr_state mtrr;
};

/* One bit a register, for reports: what differed. */
enum state_difference {
	STATE_CR0 = 1, STATE_CR4 = 2, STATE_EFER = 4, STATE_PAT = 8, STATE_XCR0 = 16, STATE_MISC_ENABLE = 32,
	STATE_MTRR_COUNT = 64, STATE_MTRR_DEF_TYPE = 128, STATE_MTRR_FIXED = 256, STATE_MTRR_VARIABLE = 512,
};
#define STATE_MTRR_ANY	(STATE_MTRR_COUNT | STATE_MTRR_DEF_TYPE | STATE_MTRR_FIXED | STATE_MTRR_VARIABLE)
#define STATE_MUST_EQUAL (STATE_CR4 | STATE_EFER | STATE_PAT | STATE_MTRR_ANY)	/* rule 11 */

/* Reads the calling CPU's. Any context. */
void state_capture(struct cpu_features_state *state);

/* Difference bits between two captures. Pure. MTRR bits that the processor ignores are left out: ranges with the
 * valid bit clear are equal. */
uint32_t state_compare(const struct cpu_features_state *boss, const struct cpu_features_state *own);

/* Name of the lowest difference bit, for messages. Pure. */
const char *state_difference_text(uint32_t bits);

/* Makes the calling CPU equal to boss: CR0, CR4, EFER, PAT, XCR0, MISC_ENABLE, and the MTRRs by the SDM's procedure
 * (3A 12.11.7.2: caches off, flushed, PGE clear). Writes only what differs. Interrupts off; NMIs must be harmless. */
void state_replay(const struct cpu_features_state *boss);

/* As found on this CPU before we changed anything, handed back before PARKED, on the boss before commit (rule 7). */
struct state_found {
	uint64_t pat, xcr0, misc_enable, debugctl, perf_global_ctrl, spec_ctrl;
	uint32_t has_pat, has_xsave, has_misc_enable, has_debugctl, has_perf, has_spec_ctrl;
};

void state_save_found(struct state_found *found);
void state_restore_found(const struct state_found *found);

#endif
