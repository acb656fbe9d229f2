// SPDX-License-Identifier: MIT
/*
 * The seam's twin for the hostile machine: the same names and orders as x86/atomic.h, each one a call of the machine.
 * The types are opaque: no other expression reaches the word.
 */
#ifndef X86_ATOMIC_H
#define X86_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

typedef struct { uint32_t only_through_the_seam; } shared_u32;
typedef struct { uint64_t only_through_the_seam; } shared_u64;

enum hostile_update { HOSTILE_ADD, HOSTILE_OR, HOSTILE_AND, HOSTILE_EXCHANGE };

uint64_t hostile_load(const void *p, unsigned bytes);
void hostile_store(void *p, uint64_t v, unsigned bytes);
uint64_t hostile_update(enum hostile_update update, void *p, uint64_t v, unsigned bytes);
bool hostile_cas(void *p, uint64_t from, uint64_t to, unsigned bytes);
void hostile_full_fence(void);

#define SEAM static inline __attribute__((always_inline))

/* On a TSO machine acquire and release cost nothing and hold nothing: relaxed is the same here. */
#define SEAM_LOAD(bits, name)										\
SEAM uint##bits##_t shared_load_##name##_u##bits(const shared_u##bits *p)				\
{ return (uint##bits##_t)hostile_load(p, bits / 8); }

#define SEAM_STORE(bits, name)										\
SEAM void shared_store_##name##_u##bits(shared_u##bits *p, uint##bits##_t v)				\
{ hostile_store(p, v, bits / 8); }

#define SEAM_UPDATE(bits, name, update)									\
SEAM uint##bits##_t shared_##name##_seq_cst_u##bits(shared_u##bits *p, uint##bits##_t v)		\
{ return (uint##bits##_t)hostile_update(update, p, v, bits / 8); }

#define SEAM_DEFINE(bits)										\
SEAM_LOAD(bits, relaxed)										\
SEAM_LOAD(bits, acquire)										\
SEAM_STORE(bits, relaxed)										\
SEAM_STORE(bits, release)										\
SEAM_UPDATE(bits, add, HOSTILE_ADD)									\
SEAM_UPDATE(bits, or, HOSTILE_OR)									\
SEAM_UPDATE(bits, and, HOSTILE_AND)									\
SEAM_UPDATE(bits, exchange, HOSTILE_EXCHANGE)								\
SEAM bool shared_cas_seq_cst_u##bits(shared_u##bits *p, uint##bits##_t from, uint##bits##_t to)		\
{ return hostile_cas(p, from, to, bits / 8); }

SEAM_DEFINE(32)
SEAM_DEFINE(64)

SEAM void shared_fence_seq_cst(void)
{
	hostile_full_fence();
}

#endif
