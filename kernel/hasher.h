// SPDX-License-Identifier: MIT
/*
 * Hashing what a load reads on the CPUs that are ONLINE, chunk by chunk by CALL_HASH, while the boss reads on. Nothing
 * else may call them between the first submit() and the end of drain(): their mailbox is taken. Boss, interrupts off.
 */
#ifndef KERNEL_HASHER_H
#define KERNEL_HASHER_H

#include "boot/load.h"

/* submit(): an ONLINE CPU without work gets the chunk, or the boss computes it at once. drain(): within
 * call_deadline_us() of its start each CPU has answered, or is LOST and the boss has computed its chunk, too. */
extern const struct hasher hasher_calls;

#endif
