// SPDX-License-Identifier: MIT
#include "kernel/hasher.h"

#include "lib/digest.h"
#include "smp/call.h"
#include "smp/online.h"
#include "x86/tsc.h"

/* Has a chunk, or had one and nobody has asked for the answer yet. */
static bool at_work[SMP_CPUS_MAX];

static void submit(void *ctx, struct chunk_digest *out, const void *data, uint32_t length)
{
	(void)ctx;
	for (unsigned i = 0; i < smp_cpu_count(); i++)
		if (call_start(smp_cpu(i), CALL_HASH, (uint64_t)(uintptr_t)out, (uint64_t)(uintptr_t)data, length)) {
			at_work[i] = true;
			return;
		}
	chunk_digest_compute(out, data, length);
}

/* A CPU that is LOST may finish later: the same bytes give the same digest, and the table is never given back. */
static void drain(void *ctx)
{
	uint64_t deadline = tsc_deadline(call_deadline_us());

	(void)ctx;
	for (unsigned i = 0; i < smp_cpu_count(); i++) {
		const uint64_t *job = smp_cpu(i)->box.argument;

		if (at_work[i] && !call_await(smp_cpu(i), deadline))
			chunk_digest_compute((struct chunk_digest *)(uintptr_t)job[0],
					     (const void *)(uintptr_t)job[1], (uint32_t)job[2]);
		at_work[i] = false;
	}
}

const struct hasher hasher_calls = { .submit = submit, .drain = drain };
