// SPDX-License-Identifier: MIT
/*
 * The order of a handover after commit (protocol rule 15). The kernel is gone: this code, its stack, tables and data
 * lie in the block, and whatever fails from here on ends in fail.c.
 */
#include "purgatory/copy.h"
#include "purgatory/main_fault.h"
#include "purgatory/purgatory.h"
#include "purgatory/recall.h"
#include "purgatory/verify.h"
#include "x86/cpu.h"
#include "x86/regs.h"

uint32_t boss_nmi_count;

/* What must be there before any figure of the plan is believed. */
static void begin(struct handover *h, const struct plan *plan)
{
	struct boss *boss = &h->boss;

	*h = (struct handover){ .plan = plan };
	boss->slots = cpu_phys_pointer(plan->slots);
	boss->cpu_count = plan->cpu_count;
	boss->boss_slot = plan->boss_slot;
	boss->tsc_khz = plan->tsc_khz;
	boss->deadline_us = plan->kick_deadline_us;
	boss->nmi_after_us = plan->nmi_after_us;
	boss->nmi_repeat_us = plan->nmi_repeat_us;
	boss->send_ipi = lapic_send;
	boss->context = (void *)plan;
	boss->ipi_idle = lapic_idle;
	boss->ivt_take = recall_ivt_take;
	boss->ivt_restore = recall_ivt_restore;
	boss->recall_page = plan->recall_page;
}

/* Segments that could not be read to their final place. The hand-over root is the one that may write there. */
static void copy(const struct plan *plan)
{
	uint64_t start = cpu_rdtsc();

	if (!copy_needed(plan))
		return;
	cpu_write_cr3(plan->handover_root);
	copy_segments(plan);
	cpu_write_cr3(plan->verify_root);
	record_phase(plan, "copy", start);
}

static void say_verdict(const struct slot *slot)
{
	const char *verdict = slot->boss.verdict == VERDICT_LOST ? "LOST" :
			      slot->boss.verdict == VERDICT_INIT_HELD ? "INIT_HELD" :
			      slot->boss.verdict == VERDICT_INIT_RECALLED ? "INIT_RECALLED" : 0;

	if (verdict)
		say("baton: event=cpu apic=%u verdict=%s nmis=%u", slot->apic_id, verdict, slot->boss.nmis);
}

/* Everybody into HLT on the park root; INIT for the silent; LOST by policy. */
static void halt(struct handover *h)
{
	const struct plan *plan = h->plan;
	struct boss *boss = &h->boss;
	uint64_t start = cpu_rdtsc();
	unsigned lost = 0;
	uint32_t i;

	boss_pick_all(boss, UINT32_MAX);
	boss->kicks = boss->answers = boss->nmis = 0;
	for (i = 0; i < boss->cpu_count; i++)
		boss->slots[i].boss.recalled = boss->slots[i].boss.pending;
	h->silent = boss_order(boss, COMMAND_HALT, STATUS_HALTED);
	for (i = 0; i < boss->cpu_count; i++) {
		if (boss->slots[i].boss.recalled && !boss->slots[i].boss.pending)
			boss->slots[i].boss.verdict = VERDICT_HALTED;
	}
	if (h->silent)
		lost = boss_init_silent(boss, plan->init_policy == PLAN_INIT_RECALL);
	for (i = 0; h->silent && i < boss->cpu_count; i++)
		say_verdict(&boss->slots[i]);
	record_phase(plan, "halt", start);
	if (lost && plan->lost_cpu != PLAN_LOST_CONTINUE)
		fail(plan, E_HANDOVER_REFUSED, "%u CPU(s) answer neither HALT nor INIT", lost);
}

static struct handover handover;

/* What the plan says, from the copy to the jump. */
static _Noreturn void hand_over(struct handover *h)
{
	const struct plan *plan = h->plan;

	copy(plan);
	check_all(h);
	halt(h);
	lapic_quiet(plan);
	if (!plan->quiet)
		say("baton: event=handover kicks=%u answers=%u nmis=%u inits=%u us=%llu", h->boss.kicks,
		    h->boss.answers, h->boss.nmis, h->boss.inits, (unsigned long long)record_us(plan, cpu_rdtsc()));
	record_success(h);
	watchdog_before_jump(plan);
	cpu_write_cr3(plan->handover_root);
	if (plan->protected_mode)
		jump_protected(plan->entry, plan->boot_params, plan->magic);
	jump_next(plan->entry, plan->boot_params, plan->handover_cr4);
}

_Noreturn void purgatory_main(const struct plan *plan)
{
	struct handover *h = &handover;
	uint64_t start = cpu_rdtsc();

	fail_init(plan);
	say_init(plan);
	begin(h, plan);
	cpu_write_cr4(cpu_read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);	/* for the SHA instructions */
	choose_engines(plan);
	check_own(plan);
	main_fault(plan);
	record_phase(plan, "commit", start);
	hand_over(h);
}

_Noreturn void purgatory_fall_back(const struct plan *plan)
{
	uint64_t start = cpu_rdtsc();

	fail_init(plan);
	cpu_write_cr3(plan->verify_root);
	begin(&handover, plan);
	mismatch_forget();
	if (!verify_table(plan))
		fail(plan, E_BLOCK_DAMAGED, "the fallback's digest table at 0x%llx differs",
		     (unsigned long long)plan->digest_table);
	record_phase(plan, "fallback", start);
	hand_over(&handover);
}
