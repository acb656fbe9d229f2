// SPDX-License-Identifier: MIT
/* The faults build and host tests have their own file of this name earlier in the include path; here none is wrong. */
#ifndef LIB_ENGINE_FAULT_H
#define LIB_ENGINE_FAULT_H

#include <stdint.h>

#include "lib/engine.h"

/* Bits to be wrong in what that engine answers. */
static inline uint32_t engine_fault(enum engine engine)
{
	(void)engine;
	return 0;
}

/* baton.fault= of the door that is about to choose its engines. */
static inline void engine_fault_words(const char *words) { (void)words; }

#endif
