// SPDX-License-Identifier: MIT
#include "kernel/selftest_smp.h"

#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/phase.h"
#include "smp/online.h"
#include "x86/cpu.h"
#include "x86/tsc.h"

#define SETTLE_US	500u		/* from PARKED to sleep */
#define PROBE_US	200u		/* a CPU that stands still that long sleeps */
#define READS		1000u
#define NOT_YET		UINT32_MAX

/* One mode, one CPU at a time: how many CPUs, and how many of them turned their loop when they should sleep. */
struct alone {
	unsigned cpus, asleep, by_read, by_neighbour, by_store;
	unsigned without_nmi;		/* kicked by the store alone */
	uint64_t offline_tsc, kick_tsc, online_tsc;
};

/* All at once. */
struct together { uint64_t offline_tsc, online_tsc; unsigned nmis, without_nmi; };

static unsigned cpus_that_are(enum cpu_state state)
{
	unsigned count = 0;

	for (unsigned i = 0; i < smp_cpu_count(); i++)
		count += cpu_state(smp_cpu(i)) == state;
	return count;
}

static unsigned by_word, by_init;

static const char *mode_text(enum slot_mode mode)
{
	return mode == MODE_MWAIT ? "mwait" : "hlt";
}

static uint32_t turns(const struct slot *slot)
{
	return shared_load_relaxed_u32(&slot->wakeups);
}

/* Whether the CPU turned its loop since then, given some time. */
static bool stirred(const struct slot *slot, uint32_t since)
{
	tsc_delay_us(PROBE_US);
	return turns(slot) != since;
}

static bool stirred_by_reads(const struct slot *slot)
{
	uint32_t since = turns(slot);

	for (unsigned i = 0; i < READS; i++)
		/* order: none; acquire keeps every read. pairs with: nothing. else: fewer reads than said */
		(void)shared_load_acquire_u64(&slot->control.command);
	return stirred(slot, since);
}

/* A plain store that changes nothing, to a line that only this sleeper could write otherwise. */
static bool stirred_by_store(struct slot *slot, shared_u32 *word)
{
	uint32_t since = turns(slot);

	shared_store_relaxed_u32(word, shared_load_relaxed_u32(word));
	return stirred(slot, since);
}

static void probe_sleep(struct slot *slot, struct alone *sum)
{
	uint32_t since;

	tsc_delay_us(SETTLE_US);
	since = turns(slot);
	if (stirred(slot, since))
		return;
	sum->asleep++;
	sum->by_read += stirred_by_reads(slot);
	sum->by_neighbour += stirred_by_store(slot, &slot->bad_chunk);
	sum->by_store += stirred_by_store(slot, &slot->control.work_first);
}

static void count_way(enum online_way way)
{
	by_word += way == ONLINE_BY_WORD;
	by_init += way == ONLINE_BY_INIT;
}

/* HALT is the order that counts; from there LEAVE still leads back. */
static void kick(struct boss *boss, struct slot *slot, uint32_t index, struct alone *sum)
{
	uint32_t nmis = slot->boss.nmis;
	uint64_t start = cpu_rdtsc();

	if (!boss_pick_one(boss, index) || boss_order(boss, COMMAND_HALT, STATUS_HALTED))
		return;
	sum->kick_tsc += cpu_rdtsc() - start;
	sum->without_nmi += slot->boss.nmis == nmis;
	slot->boss.verdict = VERDICT_HALTED;
}

static void one_cpu(const struct park_lot *lot, struct cpu *cpu, enum slot_mode mode, struct alone *sum)
{
	struct slot *slot = &lot->boss->slots[cpu->index];
	uint64_t start = cpu_rdtsc();

	if (!smp_offline(lot, cpu, mode))
		return;
	sum->offline_tsc += cpu_rdtsc() - start;
	sum->cpus++;
	probe_sleep(slot, sum);
	kick(lot->boss, slot, cpu->index, sum);
	start = cpu_rdtsc();
	count_way(smp_online(lot, cpu));
	sum->online_tsc += cpu_rdtsc() - start;
}

static uint64_t mean_ns(uint64_t ticks, uint64_t count)
{
	return count ? ticks / count * 1000000 / tsc_khz() : 0;
}

static enum status one_at_a_time(const struct park_lot *lot, enum slot_mode mode, struct report_cycles *cycles,
				 struct problem *problem)
{
	struct alone sum = { 0 };

	for (unsigned i = 0; i < smp_cpu_count(); i++)
		if (cpu_state(smp_cpu(i)) == CPU_ONLINE)
			one_cpu(lot, smp_cpu(i), mode, &sum);
	cycles->cpus = sum.cpus;
	cycles->offline_ns = mean_ns(sum.offline_tsc, sum.cpus);
	cycles->kick_ns = mean_ns(sum.kick_tsc, sum.cpus);
	cycles->online_ns = mean_ns(sum.online_tsc, sum.cpus);
	log_event("selftest", "room=smp mode=%s cpus=%u asleep=%u by_read=%u by_neighbour=%u by_store=%u "
		  "without_nmi=%u offline_ns=%lu kick_ns=%lu online_ns=%lu",
		  mode_text(mode), sum.cpus, sum.asleep, sum.by_read, sum.by_neighbour, sum.by_store, sum.without_nmi,
		  cycles->offline_ns, cycles->kick_ns, cycles->online_ns);
	if (mode == MODE_HLT && sum.by_store)
		return problem_set(problem, E_SELFTEST, "smp: %u CPUs in HLT turned when their line was written",
				   sum.by_store);
	return OK;
}

static void cycle(const struct park_lot *lot, enum slot_mode mode, struct together *sum)
{
	struct boss *boss = lot->boss;
	uint32_t before[SMP_CPUS_MAX], nmis = boss->nmis;
	uint64_t start = cpu_rdtsc();

	for (unsigned i = 0; i < smp_cpu_count(); i++) {
		boss->slots[i].mode = mode;
		before[i] = cpu_state(smp_cpu(i)) == CPU_ONLINE ? boss->slots[i].boss.nmis : NOT_YET;
	}
	(void)park_all(boss, lot->place, lot->lot_enter);
	sum->offline_tsc += cpu_rdtsc() - start;
	tsc_delay_us(SETTLE_US);
	start = cpu_rdtsc();
	(void)smp_online_all(lot);
	sum->online_tsc += cpu_rdtsc() - start;
	sum->nmis += boss->nmis - nmis;
	for (unsigned i = 0; i < smp_cpu_count(); i++)
		sum->without_nmi += before[i] == boss->slots[i].boss.nmis;
}

static void all_together(const struct park_lot *lot, enum slot_mode mode, uint32_t wanted, struct report_cycles *cycles)
{
	struct together sum = { 0 };

	cycles->together = cpus_that_are(CPU_ONLINE);
	while (cycles->cycles < wanted && !cpus_that_are(CPU_LOST)) {
		cycle(lot, mode, &sum);
		cycles->cycles++;
	}
	cycles->together_offline_ns = mean_ns(sum.offline_tsc, cycles->cycles);
	cycles->together_online_ns = mean_ns(sum.online_tsc, cycles->cycles);
	log_event("selftest", "room=smp mode=%s cycles=%u nmis=%u without_nmi=%u offline_us=%lu online_us=%lu",
		  mode_text(mode), cycles->cycles, sum.nmis, sum.without_nmi, cycles->together_offline_ns / 1000,
		  cycles->together_online_ns / 1000);
}

/* Who did not come at first may come now. */
static void try_again(const struct park_lot *lot)
{
	for (unsigned i = 0; i < smp_cpu_count(); i++)
		if (cpu_state(smp_cpu(i)) == CPU_NO_ANSWER)
			by_init += smp_online(lot, smp_cpu(i)) == ONLINE_BY_INIT;
}

static enum status one_mode(const struct park_lot *lot, enum slot_mode mode, uint32_t wanted, struct report *report,
			    struct problem *problem)
{
	struct report_cycles cycles = { .park_mode = mode }, *entry;
	enum status s = one_at_a_time(lot, mode, &cycles, problem);

	all_together(lot, mode, wanted, &cycles);
	entry = report_add_cycles(report);
	if (entry)
		*entry = cycles;
	return s;
}

enum status selftest_smp_run(const struct config *config, const struct platform *platform, struct handover *h,
			     struct report *report, struct problem *problem)
{
	const enum slot_mode modes[] = { MODE_HLT, MODE_MWAIT };
	unsigned count = platform_mwait_usable(platform) ? 2 : 1;
	struct park_lot lot;
	unsigned lost;
	enum status s = OK;

	if (!config->selftest_smp)
		return OK;
	lot = handover_lot(h);
	try_again(&lot);
	for (unsigned m = 0; s == OK && m < count && !cpus_that_are(CPU_LOST); m++)
		s = one_mode(&lot, modes[m], config->selftest_smp, report, problem);
	lost = cpus_that_are(CPU_LOST);		/* one of them may have come in while the page was open for another */
	log_event("selftest", "room=smp verdict=%s line=%u online=%u word=%u init=%u lost=%u",
		  s == OK && !lost ? "PASS" : "FAIL", platform->monitor_line, cpus_that_are(CPU_ONLINE), by_word,
		  by_init, lost);
	phase_done("selftest");
	if (lost) {
		space_quarantine(&kernel_memory.space);
		return problem_set(problem, E_CPU_LOST, "smp: handover refused: %u CPUs were lost", lost);
	}
	return s;
}
