// SPDX-License-Identifier: MIT
/* Host tests: engines that answer wrong. */
#ifndef LIB_ENGINE_FAULT_H
#define LIB_ENGINE_FAULT_H

#include "lib/engine.h"

/* Bit per engine. Weak: each file that includes this has it. */
__attribute__((weak)) uint32_t engine_fault_mask;

static inline uint32_t engine_fault(enum engine engine)
{
	return engine_fault_mask >> engine & 1;
}

#endif
