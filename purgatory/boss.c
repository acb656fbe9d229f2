// SPDX-License-Identifier: MIT
#include "purgatory/boss.h"

#include "purgatory/boss_fault.h"
#include "x86/cpu.h"
#include "x86/regs.h"

#define INIT_AFTER_NMI_US 100u		/* NMIs have been delivered (protocol rule 10) */
#define INIT_SETTLE_US	10000u		/* INIT to SIPI: the longest that any code base waits */
#define AWAY_PARTS	2u		/* of a deadline that one gap may take: time in an SMI is nobody's silence */

uint32_t boss_kick_deadline_us(uint32_t cpu_count, bool hypervisor)
{
	uint64_t us = (uint64_t)cpu_count * BOSS_DEADLINE_VM_CPU_US;

	if (!hypervisor)
		return BOSS_DEADLINE_US;
	return us > BOSS_DEADLINE_VM_US ? (uint32_t)us : BOSS_DEADLINE_VM_US;
}

uint64_t boss_us(const struct boss *boss, uint64_t from, uint64_t to)
{
	uint64_t ticks = to - from;

	/* Split, so that neither product overflows for any uptime. */
	return ticks / boss->tsc_khz * 1000 + ticks % boss->tsc_khz * 1000 / boss->tsc_khz;
}

const char *boss_check_evidence(const struct boss_place *place, const struct slot *slot, uint64_t *found)
{
	const struct slot_evidence *e = &slot->evidence;
	uint64_t base = (uint64_t)(uintptr_t)slot;

	*found = e->rip;
	if (e->rip < place->code || e->rip >= place->code_end)
		return "RIP";
	*found = e->rsp;
	if (e->rsp < base + offsetof(struct slot, stack) || e->rsp > base + SLOT_STACK_TOP)
		return "RSP";
	*found = e->cr3;
	if (e->cr3 != place->park_root)
		return "CR3";
	*found = e->cr4;
	if ((e->cr4 & place->cr4_must) != place->cr4_must || e->cr4 & place->cr4_must_not)
		return "CR4";
	*found = e->idtr_base;
	if (e->idtr_base != place->lot_idt)
		return "IDTR";
	*found = e->gdtr_base;
	if (e->gdtr_base != base + SLOT_GDT)
		return "GDTR";
	*found = e->tr;
	if (e->tr != SEL_TSS)
		return "TR";
	return 0;
}

static bool in_the_lot(const struct slot *slot)
{
	return slot->boss.verdict == VERDICT_PARKED || slot->boss.verdict == VERDICT_HALTED ||
	       slot->boss.verdict == VERDICT_INIT_RECALLED;
}

unsigned boss_pick_all(struct boss *boss, uint32_t limit)
{
	unsigned picked = 0;
	uint32_t i;

	for (i = 0; i < boss->cpu_count; i++) {
		struct slot *slot = &boss->slots[i];

		slot->boss.pending = i != boss->boss_slot && picked < limit && in_the_lot(slot) &&
				     !boss_fault_absent(slot);
		picked += slot->boss.pending;
	}
	return picked;
}

unsigned boss_pick_one(struct boss *boss, uint32_t index)
{
	uint32_t i;

	for (i = 0; i < boss->cpu_count; i++)
		boss->slots[i].boss.pending = 0;
	if (index >= boss->cpu_count || index == boss->boss_slot || !in_the_lot(&boss->slots[index]))
		return 0;
	boss->slots[index].boss.pending = 1;
	return 1;
}

static void send_nmi(struct boss *boss, struct slot *slot)
{
	if (boss_fault_skips(slot))
		return;
	slot->boss.nmis++;
	boss->nmis++;
	boss->send_ipi(boss->context, slot->apic_id, ICR_NMI);
}

/* True if the CPU sleeps in HLT, where a store wakes nobody. */
static bool sleeps_in_hlt(const struct slot *slot)
{
	return slot->mode != MODE_MWAIT || slot->boss.verdict != VERDICT_PARKED;
}

/* The next command to one CPU: later answers to an earlier one count no more. */
static void give(struct slot *slot, enum slot_command command)
{
	uint32_t sequence = slot_sequence(shared_load_relaxed_u64(&slot->control.command)) + 1;

	/* order: work before command. pairs with: lot_turn(), lot_sleep(). else: an older stripe, or the CPU
	 * sleeps through it */
	shared_store_release_u64(&slot->control.command, slot_word(sequence, command));
}

void boss_command(struct boss *boss, enum slot_command command)
{
	uint32_t i, helper = 0, helpers = 0;

	boss->command_tsc = cpu_rdtsc();
	boss->last_us = 0;
	for (i = 0; i < boss->cpu_count; i++)
		helpers += boss->slots[i].boss.pending;
	for (i = 0; i < boss->cpu_count; i++) {
		struct slot *slot = &boss->slots[i];

		slot->boss.stripe = slot->boss.missed = 0;
		if (!slot->boss.pending)
			continue;
		slot->boss.stripe = command == COMMAND_VERIFY ? ++helper : 0;
		shared_store_relaxed_u32(&slot->control.work_first, slot->boss.stripe);
		shared_store_relaxed_u32(&slot->control.work_stride, command == COMMAND_VERIFY ? helpers + 1 : 0);
		give(slot, command);
		boss->kicks++;
		slot->boss.next_nmi_us = boss->nmi_after_us;
		if (sleeps_in_hlt(slot)) {
			send_nmi(boss, slot);
			slot->boss.next_nmi_us = boss->nmi_repeat_us;
		}
	}
}

bool boss_answered(const struct slot *slot, enum slot_status status)
{
	uint64_t sequence = slot_sequence(shared_load_relaxed_u64(&slot->control.command));
	/* order: status before the results it publishes. pairs with: answer(), park_here(), old_park(). else:
	 * old results */
	uint64_t word = shared_load_acquire_u64(&slot->status);

	return slot_sequence(word) == sequence &&
	       (slot_value(word) == status || (status == STATUS_VERIFYING && slot_value(word) == STATUS_VERIFIED));
}

unsigned boss_await(struct boss *boss, enum slot_status status, uint64_t us, bool nmi)
{
	uint64_t last = cpu_rdtsc(), waited = 0, now;
	const uint64_t most = us * boss->tsc_khz / 1000 / AWAY_PARTS + 1;
	unsigned silent;
	uint32_t i;

	for (;;) {
		silent = 0;
		now = cpu_rdtsc();
		waited += now - last < most ? now - last : most;
		last = now;
		for (i = 0; i < boss->cpu_count; i++) {
			struct slot *slot = &boss->slots[i];
			uint64_t since = boss_us(boss, boss->command_tsc, now);

			if (!slot->boss.pending)
				continue;
			if (boss_answered(slot, status)) {
				slot->boss.pending = 0;
				slot->boss.answer_us = (uint32_t)since;
				boss->last_us = since;
				boss->answers++;
				continue;
			}
			silent++;
			if (nmi && since >= slot->boss.next_nmi_us) {
				slot->boss.next_nmi_us = (uint32_t)since + boss->nmi_repeat_us;
				send_nmi(boss, slot);
			}
		}
		if (!silent || boss_us(boss, 0, waited) >= us)
			return silent;
		cpu_relax();
	}
}

unsigned boss_order(struct boss *boss, enum slot_command command, enum slot_status status)
{
	boss_command(boss, command);
	return boss_await(boss, status, boss->deadline_us, true);
}

unsigned boss_await_work(struct boss *boss, uint64_t us)
{
	unsigned missed = 0;
	uint32_t i;

	for (i = 0; i < boss->cpu_count; i++) {
		struct slot *slot = &boss->slots[i];

		slot->boss.missed = slot->boss.stripe && slot->boss.pending;
		slot->boss.pending = slot->boss.stripe && !slot->boss.missed;
	}
	boss_await(boss, STATUS_VERIFIED, us, false);
	for (i = 0; i < boss->cpu_count; i++) {
		boss->slots[i].boss.missed |= boss->slots[i].boss.pending;
		missed += boss->slots[i].boss.missed;
	}
	return missed;
}

static void settle(const struct boss *boss, uint64_t us)
{
	uint64_t start = cpu_rdtsc();

	while (boss_us(boss, start, cpu_rdtsc()) < us)
		cpu_relax();
}

static void to_pending(struct boss *boss, uint32_t icr_low)
{
	uint32_t i;

	for (i = 0; i < boss->cpu_count; i++) {
		if (boss->slots[i].boss.pending)
			boss->send_ipi(boss->context, boss->slots[i].apic_id, icr_low);
	}
}

/* Rule 10: the last NMI has left and has been taken before INIT follows it. False: the ICR is stuck. */
static bool nmis_are_over(const struct boss *boss)
{
	bool idle = boss->ipi_idle(boss->context);

	settle(boss, INIT_AFTER_NMI_US);
	return idle;
}

/* INIT to everybody pending. Who must not get it, or does not, is LOST and pending no more. Returns how many. */
static unsigned init_pending(struct boss *boss, bool idle)
{
	unsigned lost = 0;
	uint32_t i;

	for (i = 0; i < boss->cpu_count; i++) {
		struct slot *slot = &boss->slots[i];

		slot->boss.recalled = 0;
		if (!slot->boss.pending)
			continue;
		slot->boss.verdict = VERDICT_LOST;
		slot->boss.recalled = idle && !slot->no_init &&
				      boss->send_ipi(boss->context, slot->apic_id, ICR_INIT_ASSERT);
		slot->boss.pending = slot->boss.recalled;
		slot->boss.inits += slot->boss.recalled;
		boss->inits += slot->boss.recalled;
		lost += !slot->boss.recalled;
	}
	return lost;
}

/* SIPI into the recall page, once more to those whom the first did not reach. Returns how many stay silent. */
static unsigned recall_pending(struct boss *boss)
{
	uint32_t icr_low = ICR_SIPI | (uint32_t)(boss->recall_page >> 12), i;

	/* HALT anew, while they wait for SIPI: whoever answered the first one late, just before its INIT, has
	 * proven nothing about where it is after it. */
	for (i = 0; i < boss->cpu_count; i++) {
		if (boss->slots[i].boss.pending)
			give(&boss->slots[i], COMMAND_HALT);
	}
	to_pending(boss, icr_low);
	if (!boss_await(boss, STATUS_HALTED, BOSS_SECOND_SIPI_US, false))
		return 0;
	to_pending(boss, icr_low);
	return boss_await(boss, STATUS_HALTED, boss->deadline_us, false);
}

unsigned boss_init_silent(struct boss *boss, bool recall)
{
	bool idle = nmis_are_over(boss), between = false;
	uint32_t ivt_old = 0, i;
	unsigned lost;

	if (boss->recall_page)
		ivt_old = boss->ivt_take(boss->context, boss->recall_page);
	lost = init_pending(boss, idle);
	settle(boss, INIT_SETTLE_US);
	to_pending(boss, ICR_INIT_DEASSERT);
	recall = recall && boss->recall_page;
	if (recall)
		lost += recall_pending(boss);
	for (i = 0; i < boss->cpu_count; i++) {
		struct slot *slot = &boss->slots[i];

		if (slot->boss.recalled && !slot->boss.pending)
			slot->boss.verdict = VERDICT_INIT_RECALLED;
		else if (slot->boss.recalled && !recall)
			slot->boss.verdict = VERDICT_INIT_HELD;
		between |= slot->boss.recalled && slot->boss.pending;
	}
	if (boss->recall_page && !between)
		boss->ivt_restore(boss->context, ivt_old);
	return lost;
}
