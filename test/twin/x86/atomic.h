// SPDX-License-Identifier: MIT
/*
 * Host twin of x86/atomic.h: the same names with the same orders. Every access passes twin_shared_access()
 * first, so that a test that defines it can run another CPU in between.
 */
#ifndef X86_ATOMIC_H
#define X86_ATOMIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct { _Atomic uint32_t value; } shared_u32;
typedef struct { _Atomic uint64_t value; } shared_u64;

enum twin_access { TWIN_LOAD, TWIN_STORE, TWIN_UPDATE, TWIN_FENCE };

/* Hook, weak and empty by default (test/twin/twin.c). p is NULL for a fence. */
void twin_shared_access(enum twin_access access, const void *p, memory_order order);

#define TWIN_SHARED_LOAD(bits, name)									\
static inline uint##bits##_t shared_load_##name##_u##bits(const shared_u##bits *p)			\
{													\
	twin_shared_access(TWIN_LOAD, p, memory_order_##name);						\
	return atomic_load_explicit(&p->value, memory_order_##name);					\
}

#define TWIN_SHARED_STORE(bits, name)									\
static inline void shared_store_##name##_u##bits(shared_u##bits *p, uint##bits##_t v)			\
{													\
	twin_shared_access(TWIN_STORE, p, memory_order_##name);						\
	atomic_store_explicit(&p->value, v, memory_order_##name);					\
}

#define TWIN_SHARED_UPDATE(bits, name, operation)							\
static inline uint##bits##_t shared_##name##_seq_cst_u##bits(shared_u##bits *p, uint##bits##_t v)	\
{													\
	twin_shared_access(TWIN_UPDATE, p, memory_order_seq_cst);					\
	return operation(&p->value, v, memory_order_seq_cst);						\
}

#define TWIN_SHARED_DEFINE(bits)									\
TWIN_SHARED_LOAD(bits, relaxed)										\
TWIN_SHARED_LOAD(bits, acquire)										\
TWIN_SHARED_STORE(bits, relaxed)									\
TWIN_SHARED_STORE(bits, release)									\
TWIN_SHARED_UPDATE(bits, add, atomic_fetch_add_explicit)						\
TWIN_SHARED_UPDATE(bits, or, atomic_fetch_or_explicit)							\
TWIN_SHARED_UPDATE(bits, and, atomic_fetch_and_explicit)						\
TWIN_SHARED_UPDATE(bits, exchange, atomic_exchange_explicit)						\
static inline bool shared_cas_seq_cst_u##bits(shared_u##bits *p, uint##bits##_t from, uint##bits##_t to)	\
{													\
	twin_shared_access(TWIN_UPDATE, p, memory_order_seq_cst);					\
	return atomic_compare_exchange_strong_explicit(&p->value, &from, to, memory_order_seq_cst,	\
						       memory_order_seq_cst);				\
}

TWIN_SHARED_DEFINE(32)
TWIN_SHARED_DEFINE(64)

static inline void shared_fence_seq_cst(void)
{
	twin_shared_access(TWIN_FENCE, 0, memory_order_seq_cst);
	atomic_thread_fence(memory_order_seq_cst);
}

#endif
