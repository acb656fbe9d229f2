// SPDX-License-Identifier: MIT
#include "lib/sha256.h"
#include "purgatory/purgatory.h"
#include "purgatory/verify.h"
#include "x86/cpu.h"

#define VERIFY_BYTES_PER_US	8u		/* 8 MB/s: the slowest machine that is still believed to work */
#define VERIFY_MIN_US		1000000u

/* Header, plan and digest table: what everything else is judged by. */
void check_own(const struct plan *plan)
{
	const struct block_header *header = (const void *)((uintptr_t)plan & ~(uintptr_t)(PAGE_BYTES - 1));

	if (!verify_plan(header))
		fail(plan, E_BLOCK_DAMAGED, "block: header or plan differs, page 0x%llx",
		     (unsigned long long)(uintptr_t)header);
	if (!verify_table(plan))
		fail_at(plan, E_BLOCK_DAMAGED, true, "", "digest table at 0x%llx differs",
			(unsigned long long)plan->digest_table);
}

static void own_share(const struct plan *plan, uint32_t first, uint32_t stride)
{
	uint8_t actual[32];
	uint32_t chunk = first;

	while (chunk < plan->digest_count) {
		if (!verify_chunk(plan, chunk, actual))
			mismatch_chunk(plan, chunk, false);
		chunk = stride < plan->digest_count - chunk ? chunk + stride : plan->digest_count;
	}
}

/* What the helpers found; what they did not do is done here. */
static void collect(struct handover *h, uint32_t stride)
{
	uint32_t i, bad, mc;

	for (i = 0; i < h->boss.cpu_count; i++) {
		struct slot *slot = &h->boss.slots[i];

		if (!slot->boss.stripe)
			continue;
		if (slot->boss.missed) {
			say("baton: event=cpu apic=%u verdict=PARKED missed=verify", slot->apic_id);
			own_share(h->plan, slot->boss.stripe, stride);
			continue;
		}
		bad = shared_load_relaxed_u32(&slot->bad_chunk);
		mc = shared_load_relaxed_u32(&slot->mc_chunk);
		if (mc != VERIFY_NONE)
			mismatch_chunk(h->plan, mc, true);
		/* It stopped there: what is left of its share is done here, from that chunk on, or nothing. */
		own_share(h->plan, bad, stride);
		h->verify_cpus++;
	}
}

/* Bytes of every stride-th chunk from first on. */
static uint64_t share_bytes(const struct plan *plan, uint32_t first, uint32_t stride)
{
	struct verify_chunk chunk;
	uint64_t bytes = 0, index;

	for (index = first; index < plan->digest_count; index += stride)
		bytes += verify_locate(plan, (uint32_t)index, &chunk) ? chunk.bytes : 0;
	return bytes;
}

static void record_shares(const struct handover *h, uint32_t stride, uint64_t own_us)
{
	const struct boss *boss = &h->boss;
	uint32_t i;

	record_share(h->plan, boss->slots[boss->boss_slot].apic_id, share_bytes(h->plan, 0, stride), own_us);
	for (i = 0; i < boss->cpu_count; i++) {
		struct slot *slot = &boss->slots[i];

		if (slot->boss.stripe && !slot->boss.missed)
			record_share(h->plan, slot->apic_id, share_bytes(h->plan, slot->boss.stripe, stride),
				     boss_us(boss, 0, shared_load_relaxed_u64(&slot->verify_ticks)));
	}
}

static void check_tails(const struct plan *plan)
{
	uint32_t i;

	for (i = 0; i < plan->segment_count && i < PLAN_SEGMENTS; i++) {
		uint64_t at = verify_tail(&plan->segments[i]);

		if (at)
			mismatch_tail(plan, i, at);
	}
}

void check_all(struct handover *h)
{
	const struct plan *plan = h->plan;
	uint64_t start = cpu_rdtsc(), budget = plan->bytes / VERIFY_BYTES_PER_US, used, own_start, own_us;
	uint32_t helpers = boss_pick_all(&h->boss, plan->helper_limit), i;

	if (budget < VERIFY_MIN_US)
		budget = VERIFY_MIN_US;
	h->verify_cpus = 1;
	boss_command(&h->boss, COMMAND_VERIFY);
	boss_await(&h->boss, STATUS_VERIFYING, h->boss.deadline_us, true);
	own_start = cpu_rdtsc();
	own_share(plan, 0, helpers + 1);
	own_us = boss_us(&h->boss, own_start, cpu_rdtsc());
	used = boss_us(&h->boss, start, cpu_rdtsc());
	boss_await_work(&h->boss, used < budget ? budget - used : 0);
	collect(h, helpers + 1);
	record_shares(h, helpers + 1, own_us);
	check_tails(plan);
	h->verify_us = boss_us(&h->boss, start, cpu_rdtsc());
	for (i = 0; i < plan->segment_count && i < PLAN_SEGMENTS; i++)
		if (!mismatch_mended(i))
			record_segment(plan, i, VERIFIED_GOOD, VERIFY_NONE, 0);
	record_phase(plan, "verify", start);
}
