// SPDX-License-Identifier: MIT
#include "smp/online.h"

#include "smp/bringup.h"
#include "smp/call.h"
#include "smp/table_fault.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/entry/ivt.h"
#include "x86/entry/trampoline.h"
#include "x86/percpu.h"
#include "x86/regs.h"
#include "x86/state.h"
#include "x86/tsc.h"

#define NMI_QUIET_US		100u		/* rule 10: before INIT */
#define INIT_HOLD_US		10000u		/* MP specification 1.4, B.4; old families only */
#define INIT_SIPI_GAP_US	10u		/* never none: some boards hung without */
#define SECOND_SIPI_US		1000u		/* to those who are not here by then */
#define UNSEEN			0u

static struct cpu_features_state boss_state;
static struct space *common_space;
static struct online_config used;
/* The real-mode NMI vector, from before the first INIT until nobody is between INIT and long mode (rule 10). */
static struct { bool taken; uint32_t old; } ivt;

const struct cpu_features_state *bringup_boss_state(void)
{
	return &boss_state;
}

struct space *bringup_space(void)
{
	return common_space;
}

/* The boss's working set for one bring-up. */
struct bringup {
	const struct online_config *config;
	uint64_t start_tsc;
	uint64_t deadline;
	struct bringup_hold hold;
	uint32_t apic_errors;
	unsigned waiting;		/* STARTING, or ARRIVED and its first call not answered */
};

static uint32_t since_us(const struct bringup *b)
{
	return (uint32_t)tsc_to_us(cpu_rdtsc() - b->start_tsc);
}

/* Linux's list of processors that need no time between INIT's edges: Intel from family 6, AMD from 15, Hygon. */
static bool init_needs_hold(void)
{
	struct cpuid_regs vendor = cpu_cpuid(0, 0);
	uint32_t signature = cpu_cpuid(1, 0).eax, family = signature >> 8 & 15;

	if (family == 15)
		family += signature >> 20 & 0xff;
	switch (vendor.ebx) {
	case 0x756e6547: return family < 6;		/* GenuineIntel */
	case 0x68747541: return family < 15;		/* AuthenticAMD */
	case 0x6f677948: return family < 24;		/* HygonGenuine */
	default: return true;
	}
}

/* Who gets INIT: everybody LISTED, reachable, and surely not the BSP (rule 11). Others keep the verdict they have. */
static void choose(struct bringup *b)
{
	unsigned i;

	for (i = 0; i < smp_cpu_count(); i++) {
		struct cpu *cpu = smp_cpu(i);

		if (!smp_boss()->is_bsp)
			cpu_move(cpu, CPU_LISTED, CPU_IS_BSP);
		else if (!apic_can_reach(cpu->apic_id))
			cpu_move(cpu, CPU_LISTED, CPU_UNREACHABLE);
		else if (cpu_move(cpu, CPU_LISTED, CPU_STARTING))
			b->waiting++;
	}
}

/* One IPI to everybody still STARTING, with as few APIC accesses as there can be: while firmware's APs spin, each costs
 * an emulator up to a time slice (28 s for 127 CPUs were seen with error registers read around every IPI). */
static void send_starting(struct bringup *b, uint32_t icr)
{
	unsigned i;

	(void)apic_errors();
	for (i = 0; i < smp_cpu_count(); i++) {
		struct cpu *cpu = smp_cpu(i);

		if (cpu_state(cpu) != CPU_STARTING || table_fault_no_ipi(cpu->apic_id, icr))
			continue;
		/* An ICR that stays busy is a CPU that does not arrive: the verdict says so. */
		if (apic_send(cpu->apic_id, icr) && (icr & ICR_SIPI) == ICR_SIPI)
			cpu->sipis++;
	}
	(void)apic_wait_idle();
	b->apic_errors |= apic_errors();
}

static uint64_t deadline_us(void)
{
	uint64_t us = (uint64_t)smp_cpu_count() * ONLINE_DEADLINE_VM_CPU_US;

	if (!(cpu_cpuid(1, 0).ecx >> 31))
		return ONLINE_DEADLINE_US;
	return us > ONLINE_DEADLINE_VM_US ? us : ONLINE_DEADLINE_VM_US;
}

static void send_init(struct bringup *b)
{
	(void)apic_wait_idle();
	tsc_delay_us(NMI_QUIET_US);
	b->start_tsc = cpu_rdtsc();
	send_starting(b, ICR_INIT_ASSERT);
}

static void send_init_sipi(struct bringup *b)
{
	if (!b->hold.done)
		send_init(b);
	if (init_needs_hold()) {
		tsc_delay_us(INIT_HOLD_US);
		send_starting(b, ICR_INIT_DEASSERT);	/* later processors ignore it (SDM 3A 11.6.1) */
	}
	tsc_delay_us(INIT_SIPI_GAP_US);
	send_starting(b, ICR_SIPI | (uint32_t)(b->config->low_page >> 12));
	/* From here on: sending is bounded by itself, and only now can anybody arrive. */
	b->deadline = tsc_deadline(deadline_us());
}

/* ARRIVED and the first call answered: ONLINE if its registers are the boss's, LOST if they could not be made so. */
static void judge(struct bringup *b, struct cpu *cpu)
{
	uint64_t result = 0;

	if (!call_answered(cpu, &result))
		return;
	if (result == cpu->index && !(cpu->left_difference & STATE_MUST_EQUAL))
		cpu_move(cpu, CPU_ARRIVED, CPU_ONLINE);
	else
		cpu_move(cpu, CPU_ARRIVED, CPU_LOST);
	cpu->online_us = since_us(b);
	b->waiting--;
}

static void look_at(struct bringup *b, struct cpu *cpu)
{
	if (cpu_state(cpu) != CPU_ARRIVED)
		return;
	if (cpu->arrived_us == UNSEEN) {
		cpu->arrived_us = since_us(b) + 1;
		if (!call_start(cpu, CALL_PING, 0, 0, 0)) {
			cpu_move(cpu, CPU_ARRIVED, CPU_LOST);
			b->waiting--;
		}
		return;
	}
	judge(b, cpu);
}

static void await_everybody(struct bringup *b)
{
	uint64_t second = tsc_deadline(SECOND_SIPI_US);
	bool second_sent = false;
	unsigned i;

	while (b->waiting && !tsc_passed(b->deadline)) {
		for (i = 0; i < smp_cpu_count(); i++)
			look_at(b, smp_cpu(i));
		if (!second_sent && tsc_passed(second)) {
			send_starting(b, ICR_SIPI | (uint32_t)(b->config->low_page >> 12));
			second_sent = true;
		}
		cpu_relax();
	}
}

/* The deadline has passed for whoever is left. A CPU that arrives between the look and the move is ARRIVED and gets its
 * verdict here: LOST, since nothing was heard from it. So is one that was here before and does not come again, and one
 * that has passed the gate and is somewhere on our tables, be it that the page was open for another CPU: nobody calls
 * such a one, and its own move fails. Only who halts in the page when it comes is NO_ANSWER. */
static void give_up(struct bringup *b)
{
	unsigned i;

	trampoline_close(b->config->low_page);
	table_fault_page_closed(b->config->low_page);
	for (i = 0; i < smp_cpu_count(); i++) {
		struct cpu *cpu = smp_cpu(i);
		bool inside = cpu->was_here || trampoline_entered(b->config->low_page, cpu->apic_id);

		if (cpu_move(cpu, CPU_STARTING, inside ? CPU_LOST : CPU_NO_ANSWER) ||
		    cpu_move(cpu, CPU_ARRIVED, CPU_LOST) ||
		    (inside && cpu_move(cpu, CPU_NO_ANSWER, CPU_LOST)))
			cpu->online_us = since_us(b);
	}
}

static void take_ivt(const struct bringup *b)
{
	if (!b->config->boot_page_mapped || ivt.taken)
		return;
	ivt.old = b->hold.done ? b->hold.ivt_old : ivt_nmi_take(b->config->low_page);
	ivt.taken = true;
}

/* A CPU without an answer may be on its way for good; in the closed page it halts, which stays reserved. */
static void give_ivt_back(bool somebody_away)
{
	if (!ivt.taken || somebody_away)
		return;
	ivt_nmi_restore(ivt.old);
	ivt.taken = false;
}

static struct trampoline_config trampoline_of(const struct online_config *config)
{
	struct smp_common common = smp_common((uint64_t)(uintptr_t)smp_cpu(0), smp_cpu_count());

	return (struct trampoline_config){
		.page = config->low_page,
		.cr3 = space_cr3(config->space),
		.cr4 = CR4_PAE | (cpu_read_cr4() & CR4_LA57),
		.scratch_top = common.scratch_top,
		.entry = (uint64_t)(uintptr_t)ap_entry,
		.table = common.table,
		.count = smp_cpu_count(),
		.x2apic = apic_mode() == APIC_MODE_X2APIC,
	};
}

static void count_verdicts(struct online_result *r)
{
	unsigned i;

	for (i = 0; i < smp_cpu_count(); i++) {
		struct cpu *cpu = smp_cpu(i);

		switch (cpu_state(cpu)) {
		case CPU_BOSS:
		case CPU_ONLINE: r->online++; break;
		case CPU_NO_ANSWER: r->no_answer++; break;
		case CPU_UNREACHABLE: r->unreachable++; break;
		case CPU_DISABLED: r->disabled++; break;
		case CPU_IS_BSP: r->is_bsp++; break;
		default: r->lost++; break;
		}
		if (cpu->found_difference)
			r->differing++;
	}
	r->low_page_busy = r->no_answer || r->lost;
}

/* With the mailbox of MADT type 0x10 INIT and SIPI are forbidden, and the mailbox is not implemented. */
static void nobody_started(void)
{
	unsigned i;

	for (i = 0; i < smp_cpu_count(); i++)
		cpu_move(smp_cpu(i), CPU_LISTED, CPU_NO_ANSWER);
}

enum status smp_bring_up(const struct online_config *config, struct online_result *result, struct problem *p)
{
	struct trampoline_config trampoline = trampoline_of(config);
	struct bringup b = { .config = config, .hold = bringup_take_hold() };
	enum status status;

	*result = (struct online_result){ .mp_wakeup = smp_mp_wakeup() };
	common_space = config->space;
	used = *config;
	ivt.taken = false;
	state_save_found(&smp_boss()->percpu->found);
	if (smp_mp_wakeup()) {
		nobody_started();
		count_verdicts(result);
		return OK;
	}
	if (config->pat) {
		cpu_wrmsr(MSR_PAT, config->pat);
		cpu_write_cr3(cpu_read_cr3());
	}
	state_capture(&boss_state);
	status = trampoline_install(&trampoline, p);
	if (status)
		return status;
	choose(&b);
	take_ivt(&b);
	b.start_tsc = b.hold.done ? b.hold.tsc : cpu_rdtsc();
	if (b.waiting) {
		send_init_sipi(&b);
		await_everybody(&b);
	}
	give_up(&b);
	result->apic_errors = b.apic_errors;
	result->total_us = since_us(&b);
	count_verdicts(result);
	give_ivt_back(result->no_answer || result->lost);
	return OK;
}

/* Rule 11: INIT to nobody who may be the BSP; and none at all where firmware's mailbox forbids it. */
static bool may_get_init(const struct cpu *cpu)
{
	return smp_boss()->is_bsp && !cpu->is_bsp && !smp_mp_wakeup() && apic_can_reach(cpu->apic_id);
}

bool smp_start_again(struct cpu *cpu, struct problem *p)
{
	enum cpu_state was = cpu_state(cpu);
	struct trampoline_config trampoline = trampoline_of(&used);
	struct bringup b = { .config = &used, .waiting = 1 };
	uint32_t first_us = cpu->online_us;

	if ((was != CPU_PARKED && was != CPU_NO_ANSWER) || !may_get_init(cpu) || trampoline_install(&trampoline, p))
		return false;
	cpu->was_here = was == CPU_PARKED;
	cpu->arrived_us = UNSEEN;
	cpu_move(cpu, was, CPU_STARTING);
	take_ivt(&b);
	send_init_sipi(&b);
	await_everybody(&b);
	give_up(&b);
	if (cpu->was_here)
		cpu->online_us = first_us;
	give_ivt_back(smp_any_unaccounted());
	return cpu_state(cpu) == CPU_ONLINE;
}
