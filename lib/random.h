// SPDX-License-Identifier: MIT
/*
 * Repeatable random numbers for tests, soak and fault injection; nothing secret may come from here. Generators:
 * SplitMix64 (Steele, Lea, Flood 2014) spreads the seed, xoshiro256** (Blackman, Vigna 2018) makes the numbers.
 * The state is the caller's. Any context.
 */
#ifndef LIB_RANDOM_H
#define LIB_RANDOM_H

#include <stdint.h>

struct random { uint64_t state[4]; };

/* The next number of SplitMix64; *state is any value. */
uint64_t random_splitmix64(uint64_t *state);

/* Seeds r: the same seed gives the same numbers everywhere. */
void random_seed(struct random *r, uint64_t seed);

/* 64 random bits. */
uint64_t random_next(struct random *r);

/* A number from 0 to limit - 1, each as likely; limit > 0. */
uint64_t random_below(struct random *r, uint64_t limit);

#endif
