// SPDX-License-Identifier: MIT
/*
 * Half of the seam (the other half: cpu.h). Every access to memory that another CPU writes goes through
 * these functions, with the order in the name. The host twin (test/twin/x86/atomic.h, chosen by include
 * path) declares the same functions and lets the hostile machine in between.
 *
 * Comment grammar at each caller: order: <A> before <B>. pairs with: function(). else: <what breaks>.
 */
#ifndef X86_ATOMIC_H
#define X86_ATOMIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Opaque: a plain access does not compile. Naturally aligned, never packed. */
typedef struct { _Atomic uint32_t value; } shared_u32;
typedef struct { _Atomic uint64_t value; } shared_u64;

#define SHARED_DEFINE(bits)										\
static inline uint##bits##_t shared_load_relaxed_u##bits(const shared_u##bits *p)			\
{ return atomic_load_explicit(&p->value, memory_order_relaxed); }					\
static inline uint##bits##_t shared_load_acquire_u##bits(const shared_u##bits *p)			\
{ return atomic_load_explicit(&p->value, memory_order_acquire); }					\
static inline void shared_store_relaxed_u##bits(shared_u##bits *p, uint##bits##_t v)			\
{ atomic_store_explicit(&p->value, v, memory_order_relaxed); }						\
static inline void shared_store_release_u##bits(shared_u##bits *p, uint##bits##_t v)			\
{ atomic_store_explicit(&p->value, v, memory_order_release); }						\
static inline uint##bits##_t shared_add_seq_cst_u##bits(shared_u##bits *p, uint##bits##_t v)		\
{ return atomic_fetch_add_explicit(&p->value, v, memory_order_seq_cst); }				\
static inline uint##bits##_t shared_or_seq_cst_u##bits(shared_u##bits *p, uint##bits##_t v)		\
{ return atomic_fetch_or_explicit(&p->value, v, memory_order_seq_cst); }				\
static inline uint##bits##_t shared_and_seq_cst_u##bits(shared_u##bits *p, uint##bits##_t v)		\
{ return atomic_fetch_and_explicit(&p->value, v, memory_order_seq_cst); }				\
static inline uint##bits##_t shared_exchange_seq_cst_u##bits(shared_u##bits *p, uint##bits##_t v)	\
{ return atomic_exchange_explicit(&p->value, v, memory_order_seq_cst); }				\
static inline bool shared_cas_seq_cst_u##bits(shared_u##bits *p, uint##bits##_t from, uint##bits##_t to)	\
{ return atomic_compare_exchange_strong_explicit(&p->value, &from, to, memory_order_seq_cst, memory_order_seq_cst); }

SHARED_DEFINE(32)
SHARED_DEFINE(64)

/* Full barrier: the only fence that orders a store before a later load on x86. */
static inline void shared_fence_seq_cst(void)
{
	atomic_thread_fence(memory_order_seq_cst);
}

#endif
