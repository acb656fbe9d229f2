// SPDX-License-Identifier: MIT
/* What a mutant puts in the place of a locked operation: a load, then a store. */
#ifndef TEST_HOSTILE_UNLOCKED_H
#define TEST_HOSTILE_UNLOCKED_H

#include "x86/atomic.h"

#define UNLOCKED(name, bits, result)									\
SEAM uint##bits##_t unlocked_##name##_seq_cst_u##bits(shared_u##bits *p, uint##bits##_t v)		\
{													\
	uint##bits##_t old = shared_load_relaxed_u##bits(p);						\
													\
	shared_store_relaxed_u##bits(p, result);							\
	return old;											\
}

#define UNLOCKED_DEFINE(bits)										\
UNLOCKED(add, bits, old + v)										\
UNLOCKED(or, bits, old | v)										\
UNLOCKED(and, bits, old & v)										\
UNLOCKED(exchange, bits, v)										\
SEAM bool unlocked_cas_seq_cst_u##bits(shared_u##bits *p, uint##bits##_t from, uint##bits##_t to)	\
{													\
	bool same = shared_load_relaxed_u##bits(p) == from;						\
													\
	if (same)											\
		shared_store_relaxed_u##bits(p, to);							\
	return same;											\
}

UNLOCKED_DEFINE(32)
UNLOCKED_DEFINE(64)

#endif
