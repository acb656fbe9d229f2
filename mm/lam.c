// SPDX-License-Identifier: MIT
#include "mm/lam.h"

#include "mm/flush.h"

#define CR3_LAM_SHIFT 61

enum status space_set_lam(struct space *space, enum mm_lam lam, struct problem *problem)
{
	if (lam != MM_LAM_OFF && !space->features.lam)
		return problem_set(problem, E_MAPPING, "address masking: the CPUs do not have it");
	/* order: the mode before the generation, and so before any look at the mask. pairs with: space_cr3(). else: a
	 * CPU that switches to the space is neither called nor sees the new mode (Ahmed 2024). */
	shared_store_release_u64(&space->mode, (uint64_t)lam << CR3_LAM_SHIFT);
	if (flush_space(space, 0, UINT64_MAX, MM_PAGE_BYTES, true, true))
		return OK;
	space_quarantine(space);
	return problem_set(problem, E_CPU_LOST, "address masking of root 0x%llx: a CPU did not acknowledge",
			   (unsigned long long)space->root);
}
