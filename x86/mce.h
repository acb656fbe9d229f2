// SPDX-License-Identifier: MIT
/*
 * Machine-check banks: read and handed on, never cleared, since the next kernel's own log needs them (rule 22).
 */
#ifndef X86_MCE_H
#define X86_MCE_H

#include <stdbool.h>
#include <stdint.h>

#define MCE_BANKS_MAX 32

struct mce_bank { uint32_t bank; uint64_t status, address, misc; };

struct mce_record {
	bool present;			/* CPUID says MCE and MCA */
	uint32_t bank_count;		/* as MCG_CAP says; read: the first MCE_BANKS_MAX */
	uint64_t mcg_cap, mcg_status;
	uint32_t valid_count;		/* banks whose status has VAL set, listed in valid[] */
	struct mce_bank valid[MCE_BANKS_MAX];
};

/* Reads every bank of the calling CPU. Any context. */
void mce_read(struct mce_record *record);

/* Sets CR4.MCE on the calling CPU if it has machine checks. Needs an IDT with #MC: without CR4.MCE one broadcast
 * machine check is a shutdown of the machine. */
void mce_enable(void);

#endif
