// SPDX-License-Identifier: MIT
#include "smp/park.h"

#include "smp/bringup.h"
#include "smp/call.h"
#include "smp/online.h"
#include "smp/park_fault.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/percpu.h"
#include "x86/state.h"
#include "x86/tsc.h"

static bool send_ipi(void *context, uint32_t apic_id, uint32_t icr_low)
{
	(void)context;
	return apic_send(apic_id, icr_low);
}

void park_boss_init(struct boss *boss, struct slot *slots)
{
	*boss = (struct boss){
		.slots = slots,
		.cpu_count = smp_cpu_count(),
		.boss_slot = smp_boss()->index,
		.tsc_khz = tsc_khz(),
		.deadline_us = boss_kick_deadline_us(smp_cpu_count(), cpu_cpuid(1, 0).ecx >> 31),
		.nmi_after_us = BOSS_NMI_AFTER_US,
		.nmi_repeat_us = BOSS_NMI_REPEAT_US,
		.send_ipi = send_ipi,
	};
}

/* A slot may have been used before in this generation: its CPU is outside now, so its lines are the boss's. */
static void open_slot(struct slot *slot)
{
	shared_store_relaxed_u64(&slot->control.command, slot_word(0, COMMAND_WAIT));
	shared_store_relaxed_u64(&slot->status, slot_word(0, STATUS_EMPTY));
}

/* False: not ONLINE, or LOST now since the call did not reach it. */
static bool start(struct slot *slot, struct cpu *cpu, uint64_t lot_enter)
{
	if (!cpu_move(cpu, CPU_ONLINE, CPU_PARKING))
		return false;
	open_slot(slot);
	slot->boss.verdict = VERDICT_PARKED;		/* until shown otherwise: boss_pick_all() must see it */
	if (call_start(cpu, CALL_PARK, (uint64_t)(uintptr_t)slot, lot_enter, 0))
		return true;
	slot->boss.verdict = VERDICT_LOST;
	cpu_move(cpu, CPU_PARKING, CPU_LOST);
	return false;
}

/* PARKED or LOST, for a CPU that was told to park and has had its time. True: LOST. */
static bool judge(const struct boss_place *place, struct slot *slot, struct cpu *cpu)
{
	uint64_t found;
	bool there = !slot->boss.pending && !boss_check_evidence(place, slot, &found);

	/* Its CR3 has been read back: now, before anybody counts on it, it leaves the mask. */
	if (there && cpu_state(cpu) == CPU_PARKING)
		space_left(&cpu->mm);
	/* Who was in the lot before, or never online, is not asked. */
	cpu_move(cpu, CPU_PARKING, there ? CPU_PARKED : CPU_LOST);
	if (cpu_state(cpu) != CPU_LOST)
		return false;
	/* The slot does not know yet of one that came in while the page was open for another. */
	slot->boss.verdict = VERDICT_LOST;
	return true;
}

unsigned park_all(struct boss *boss, const struct boss_place *place, uint64_t lot_enter)
{
	unsigned lost = 0;
	uint32_t i;

	for (i = 0; i < boss->cpu_count; i++)
		boss->slots[i].boss.pending = i != boss->boss_slot && start(&boss->slots[i], smp_cpu(i), lot_enter);
	boss->command_tsc = cpu_rdtsc();
	boss_await(boss, STATUS_PARKED, call_deadline_us(), false);
	for (i = 0; i < boss->cpu_count; i++)
		lost += judge(place, &boss->slots[i], smp_cpu(i));
	return lost;
}

bool smp_offline(const struct park_lot *lot, struct cpu *cpu, enum slot_mode mode)
{
	struct boss *boss = lot->boss;
	struct slot *slot = &boss->slots[cpu->index];
	uint32_t i;

	if (cpu_state(cpu) != CPU_ONLINE)
		return false;
	for (i = 0; i < boss->cpu_count; i++)
		boss->slots[i].boss.pending = 0;
	slot->mode = mode;
	slot->boss.pending = start(slot, cpu, lot->lot_enter);
	boss->command_tsc = cpu_rdtsc();
	boss_await(boss, STATUS_PARKED, call_deadline_us(), false);
	return !judge(lot->place, slot, cpu);
}

static enum online_way by_init(struct slot *slot, struct cpu *cpu)
{
	struct problem unused = { .code = OK };
	bool here;

	slot->boss.inits++;
	here = smp_start_again(cpu, &unused);
	cpu_move(cpu, CPU_PARKED, CPU_LOST);	/* who still is: INIT must not reach it */
	slot->boss.verdict = here ? VERDICT_ONLINE :
			     cpu_state(cpu) == CPU_NO_ANSWER ? VERDICT_NO_ANSWER : VERDICT_LOST;
	return here ? ONLINE_BY_INIT : ONLINE_NEVER;
}

/* After LEAVE. */
static enum online_way arrived_or_by_init(struct slot *slot, struct cpu *cpu)
{
	if (slot->boss.pending)
		return by_init(slot, cpu);
	slot->boss.verdict = VERDICT_ONLINE;
	return cpu_move(cpu, CPU_PARKED, CPU_ONLINE) ? ONLINE_BY_WORD : ONLINE_NEVER;
}

enum online_way smp_online(const struct park_lot *lot, struct cpu *cpu)
{
	struct slot *slot = &lot->boss->slots[cpu->index];

	if (cpu_state(cpu) == CPU_NO_ANSWER)
		return by_init(slot, cpu);
	if (cpu_state(cpu) != CPU_PARKED || !boss_pick_one(lot->boss, cpu->index))
		return ONLINE_REFUSED;
	boss_order(lot->boss, COMMAND_LEAVE, STATUS_LEFT);
	return arrived_or_by_init(slot, cpu);
}

unsigned smp_online_all(const struct park_lot *lot)
{
	struct boss *boss = lot->boss;
	unsigned lost = 0;
	uint32_t i;

	boss_pick_all(boss, UINT32_MAX);
	boss_order(boss, COMMAND_LEAVE, STATUS_LEFT);
	for (i = 0; i < boss->cpu_count; i++) {
		if (cpu_state(smp_cpu(i)) == CPU_PARKED)
			lost += arrived_or_by_init(&boss->slots[i], smp_cpu(i)) == ONLINE_NEVER;
	}
	return lost;
}

void park_here(struct slot *slot, uint64_t lot_enter)
{
	void (*enter)(struct slot *) = (void (*)(struct slot *))(uintptr_t)lot_enter;
	struct cpu *self = percpu_self()->cpu;
	uint32_t sequence;

	park_fault(slot, lot_enter);
	apic_mask_lvts();
	apic_drain();
	apic_disable();
	state_restore_found(&percpu_self()->found);
	enter(slot);
	/* The lot's way back has loaded the root; the boss waits for LEFT and changes nothing before. */
	space_load(&self->mm, bringup_space());
	state_replay(bringup_boss_state());
	apic_enable();
	sequence = slot_sequence(shared_load_relaxed_u64(&slot->control.command));
	/* order: everything of the kernel's loaded before LEFT. pairs with: boss_answered(). else: the boss calls a CPU
	 * that still stands on the slot's stack. */
	shared_store_release_u64(&slot->status, slot_word(sequence, STATUS_LEFT));
}
