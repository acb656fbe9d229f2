// SPDX-License-Identifier: MIT
/*
 * Linear address masking for a space: the upper bits of pointers into the lower half carry data and are not
 * translated (SDM 3A 4.4; CR3 bits 61 and 62). A mode of the space follows rule 4 of mm.h like its generation: it is
 * written, then every CPU in the mask is called and loads CR3 with it; a CPU that switches to the space publishes
 * itself before it reads the mode.
 */
#ifndef MM_LAM_H
#define MM_LAM_H

#include "mm/space.h"

/* Value = bits of CR3. Both bits set would mean U57; that is not offered. */
enum mm_lam {
	MM_LAM_OFF,
	MM_LAM_U57 = 1,		/* bits 62:57 are data */
	MM_LAM_U48 = 2,		/* bits 62:48 */
};

/* When it returns, every CPU that runs the space does so with the new mode, lazy ones too. E53: the CPUs cannot.
 * E61: a CPU did not acknowledge and may still run with the old mode; the space is quarantined, the mode stays new. */
enum status space_set_lam(struct space *space, enum mm_lam lam, struct problem *problem);

#endif
