// SPDX-License-Identifier: MIT
/*
 * Cross calls: a closed list of operations, one mailbox a CPU (struct call_box), woken by VECTOR_CALL. One initiator,
 * the boss; calls to different CPUs run at the same time. A CPU that misses its deadline is LOST and its mailbox is
 * never used again.
 */
#ifndef SMP_CALL_H
#define SMP_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/status.h"
#include "smp/cpu.h"

struct flush_request;

#define CALL_DEADLINE_US	1000000u	/* to look, to flush, or to hash one chunk */
/* Under a hypervisor the larger of these two, the second for each CPU: what counts there is how long a loaded host does
 * not run a CPU. One second was too short once, at a load of 14 on two host CPUs. */
#define CALL_DEADLINE_VM_US	4000000u
#define CALL_DEADLINE_VM_CPU_US	50000u

/* Requests and answers never share a value: request = sequence << 8 | operation, answer = that | 0x80. */
enum call_operation {
	CALL_NONE = 0,
	CALL_PING,	/* result: the CPU's index */
	CALL_FLUSH,	/* argument[0]: struct flush_request (mm/flush.h) */
	CALL_HASH,	/* argument[0]: struct chunk_digest to write, [1] data, [2] its length (lib/digest.h) */
	CALL_PARK,	/* argument[0]: struct slot, [1] the block's lot_enter; answered before the CPU leaves: the
			 * slot's status is the proof */
	CALL_RUN,	/* argument[0]: call_run_fn, [1] what it gets; answered before it starts. Long work: it serves
			 * calls itself by call_serve() */
	CALL_OPERATIONS
};

typedef void call_run_fn(struct cpu *self, uint64_t argument);

/* Posts the operation and wakes cpu; false if it is not ONLINE (ARRIVED for PING), has an unanswered request, or the
 * IPI could not be sent. Boss, interrupts off. */
bool call_start(struct cpu *cpu, enum call_operation operation, uint64_t a0, uint64_t a1, uint64_t a2);

/* True once cpu answered its last request; *result is then valid. Boss. */
bool call_answered(struct cpu *cpu, uint64_t *result);

/* Waits for the answer to cpu's last request until the TSC's deadline. False: cpu is LOST now. Boss. */
bool call_await(struct cpu *cpu, uint64_t deadline);

/* Deadline for operations with a chunk's work at most: CALL_DEADLINE_US, longer under a hypervisor. */
uint64_t call_deadline_us(void);

/* To every ONLINE CPU but the boss, then waits for the answers; those that have not come within us make their CPU LOST.
 * Returns how many were lost. Boss, interrupts off. */
unsigned call_all(enum call_operation operation, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t us);

/* The hook for mm_set_flush_others(): CALL_FLUSH to all that flush_wanted() names, waits for every answer. False: a CPU
 * was lost meanwhile and may still use the old translations; mm/ then quarantines what it would have freed. CPUs that
 * are not ONLINE are not asked: PARKED ones have left the mask, and what LOST ones may still walk was quarantined when
 * they were lost. */
bool call_flush_others(const struct flush_request *request);

/* AP side: performs and answers the outstanding request of this CPU, if any. smp/ap.c, and what CALL_RUN runs. */
void call_serve(struct cpu *self);

#endif
