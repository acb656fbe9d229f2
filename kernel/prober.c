// SPDX-License-Identifier: MIT
#include "kernel/prober.h"

#include "boot/efimap.h"
#include "kernel/faults.h"
#include "kernel/image.h"
#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/previous.h"
#include "lib/crc32.h"
#include "lib/range.h"
#include "lib/string.h"
#include "smp/online.h"
#include "smp/park.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/regs.h"
#include "x86/tsc.h"

#define LOW_END		0xa0000ull
#define RANGES_MAX	768u
#define FREE_MAX	512u
/* INT3 where a CPU fetches, no descriptor where it looks for a gate, no table: who still needs it crashes at once. */
#define FILL		0xcc
#define FILL_WORD	0xccccccccccccccccull

struct counts { uint32_t nmi, mc, turns; };

static struct range filled_array[RANGES_MAX];
static struct range_list filled;
static const struct plan *plan;
static struct slot *slots;
static struct boss boss;
static struct counts now[SMP_CPUS_MAX], before[SMP_CPUS_MAX];
static uint32_t nmis_sent[SMP_CPUS_MAX];
static bool under_attack;
static shared_u32 own_checks;		/* W: the boss's own #MC. R: the boss, relaxed */

bool prober_took_machine_check(void)
{
	if (!under_attack)
		return false;
	cpu_wrmsr(MSR_MCG_STATUS, 0);
	/* order: none: a counter */
	shared_add_seq_cst_u32(&own_checks, 1);
	return true;
}

static bool parked(uint32_t i)
{
	return i != plan->boss_slot && slots[i].boss.verdict == VERDICT_HALTED;
}

static void count(struct counts *into)
{
	for (uint32_t i = 0; i < plan->cpu_count; i++)
		into[i] = (struct counts){ shared_load_relaxed_u32(&slots[i].nmi_count),
					   shared_load_relaxed_u32(&slots[i].mc_count),
					   shared_load_relaxed_u32(&slots[i].wakeups) };
}

/* All of the block but what a parked CPU may write: counters, status, stacks; and the boss's notes. */
static uint32_t digest(void)
{
	uint64_t base = previous.block.base, end = (uint64_t)(uintptr_t)&slots[plan->cpu_count];
	uint32_t crc = crc32(0, cpu_phys_pointer(base), (uint64_t)(uintptr_t)slots - base);

	for (uint32_t i = 0; i < plan->cpu_count; i++)
		crc = crc32(crc, &slots[i].apic_id, offsetof(struct slot, boss) - offsetof(struct slot, apic_id));
	return crc32(crc, cpu_phys_pointer(end), base + previous.block.size - end);
}

static uint32_t traps(void)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < plan->cpu_count; i++)
		sum += slots[i].traps.count;
	return sum;
}

/* The pages that nobody has had yet, and all that is free below 1 MiB. The rest is Baton itself, what it was given, or
 * the old block with what goes with it. */
static void choose(const struct boot_info *info)
{
	static struct place_range low[FREE_MAX];
	struct problem none = { .code = OK };
	unsigned low_count = 0;

	range_list_init(&filled, filled_array, RANGES_MAX);
	if (efimap_list_free(&info->efi_map, false, low, FREE_MAX, &low_count, &none))
		low_count = 0;
	for (unsigned i = 0; i < low_count && low[i].base < LOW_END; i++)
		range_add(&filled, low[i].base, low[i].base + low[i].size);
	range_subtract(&filled, LOW_END, UINT64_MAX);
	for (unsigned i = 0; i < kernel_memory.phys.range_count; i++)
		range_add(&filled, kernel_memory.phys.untouched[i].base,
			  kernel_memory.phys.untouched[i].base + kernel_memory.phys.untouched[i].size);
	range_subtract(&filled, image_loaded().base, image_loaded().base + image_loaded().size);
}

static void fill(void)
{
	for (uint32_t i = 0; i < filled.count; i++)
		memset(cpu_phys_pointer(filled_array[i].start), FILL, filled_array[i].end - filled_array[i].start);
}

/* The address of the first word that is not as it was filled, 0: none. */
static uint64_t first_change(void)
{
	for (uint32_t i = 0; i < filled.count; i++)
		for (uint64_t at = filled_array[i].start; at < filled_array[i].end; at += 8)
			if (*(volatile uint64_t *)cpu_phys_pointer(at) != FILL_WORD)
				return at;
	return 0;
}

/* What lies there is somebody's, so each byte gets its own value; a store is a store. */
static void store_again(uint64_t from, uint64_t bytes)
{
	volatile uint8_t *at = cpu_phys_pointer(from);
	uint64_t cr0 = cpu_read_cr0();

	cpu_write_cr0(cr0 & ~(uint64_t)CR0_WP);
	for (uint64_t i = 0; i < bytes; i++)
		at[i] = at[i];
	cpu_write_cr0(cr0);
}

static bool send(uint32_t i)
{
	nmis_sent[i]++;
	return apic_send(slots[i].apic_id, ICR_NMI);
}

static uint32_t next_parked(uint32_t i)
{
	do
		i = (i + 1) % plan->cpu_count;
	while (!parked(i));
	return i;
}

/* One after the other, each counted before the next is sent. */
static enum status paced(struct problem *problem)
{
	uint32_t at = plan->boss_slot;

	for (uint32_t n = 0; n < PROBER_NMIS; n++) {
		uint64_t deadline = tsc_deadline(PROBER_NMI_US);
		uint32_t was;

		at = next_parked(at);
		was = shared_load_relaxed_u32(&slots[at].nmi_count);
		if (!send(at))
			return problem_set(problem, E_SELFTEST, "prober: no NMI could be sent to APIC ID %u",
					   slots[at].apic_id);
		while (shared_load_relaxed_u32(&slots[at].nmi_count) == was && !tsc_passed(deadline))
			cpu_relax();
	}
	count(now);
	for (uint32_t i = 0; i < plan->cpu_count; i++)
		if (now[i].nmi - before[i].nmi != nmis_sent[i])
			return problem_set(problem, E_SELFTEST, "prober: APIC ID %u got %u paced NMIs and counted %u",
					   slots[i].apic_id, nmis_sent[i], now[i].nmi - before[i].nmi);
	log_always("prober", "nmis=%u counted=%u", PROBER_NMIS, PROBER_NMIS);
	return OK;
}

/* As fast as they leave: they merge, so fewer are counted, but one at least. */
static enum status burst(struct problem *problem)
{
	uint64_t deadline;
	uint32_t at = plan->boss_slot, sum = 0;

	memset(nmis_sent, 0, sizeof(nmis_sent));
	count(before);
	for (uint32_t n = 0; n < PROBER_NMIS; n++)
		send(at = next_parked(at));
	deadline = tsc_deadline(PROBER_BURST_US);
	for (uint32_t i = 0; i < plan->cpu_count; i++) {
		while (parked(i) && shared_load_relaxed_u32(&slots[i].nmi_count) == before[i].nmi &&
		       !tsc_passed(deadline))
			cpu_relax();
	}
	/* Who still answers an order has been through the loop after its last NMI but one. */
	boss_pick_all(&boss, UINT32_MAX);
	if (boss_order(&boss, COMMAND_HALT, STATUS_HALTED))
		return problem_set(problem, E_SELFTEST, "prober: after %u NMIs not everybody answers", PROBER_NMIS);
	count(now);
	for (uint32_t i = 0; i < plan->cpu_count; i++) {
		uint32_t counted = now[i].nmi - before[i].nmi;

		sum += counted;
		if (parked(i) && (!counted || counted > nmis_sent[i] + slots[i].boss.nmis))
			return problem_set(problem, E_SELFTEST,
					   "prober: APIC ID %u got %u NMIs in a burst and counted %u",
					   slots[i].apic_id, nmis_sent[i], counted);
	}
	log_always("prober", "burst=%u counted=%u answers=%u", PROBER_NMIS, sum, boss.answers);
	return OK;
}

/* Sum over the parked CPUs that have been through the loop since, so that the next one finds MCG_STATUS clear. */
static uint32_t checks_settled(void)
{
	uint32_t sum = 0;

	count(now);
	for (uint32_t i = 0; i < plan->cpu_count; i++) {
		uint32_t taken = now[i].mc - before[i].mc;

		if (parked(i) && now[i].turns - before[i].turns >= taken)
			sum += taken;
	}
	return sum;
}

/* They come from outside; each line says that the next may. */
static enum status machine_checks(uint32_t wanted, struct problem *problem)
{
	uint64_t deadline = tsc_deadline(PROBER_CHECKS_US);
	uint32_t seen = 0, own = 0;

	tsc_delay_us(PROBER_WAIT_US);		/* NMIs of the last order */
	count(before);
	if (wanted)
		log_always("prober", "mc=0 boss=0 awaited=%u", wanted);
	while (seen < wanted && !tsc_passed(deadline)) {
		uint32_t sum = checks_settled(), mine = shared_load_relaxed_u32(&own_checks);

		if (sum == seen && mine == own) {
			cpu_relax();
			continue;
		}
		seen = sum;
		own = mine;
		log_always("prober", "mc=%u boss=%u", seen, own);
	}
	if (seen < wanted)
		return problem_set(problem, E_SELFTEST, "prober: %u machine checks counted, %u awaited", seen, wanted);
	return OK;
}

static enum status quiet_time(struct problem *problem)
{
	count(before);
	tsc_delay_us(PROBER_WAIT_US);
	count(now);
	if (memcmp(before, now, sizeof(now)) != 0)
		return problem_set(problem, E_SELFTEST, "prober: counters move without an attack");
	return OK;
}

static enum status attack(const struct boot_info *info, uint32_t checks, struct problem *problem)
{
	uint32_t digest_before = digest(), traps_before = traps();
	uint64_t base = previous.block.base, end = base + previous.block.size, changed;
	enum status s;

	choose(info);
	count(before);
	fill();
	store_again(base - MONITOR_LINE_BYTES, MONITOR_LINE_BYTES);
	store_again(end, MONITOR_LINE_BYTES);
	log_always("prober", "filled=%lu block=0x%lx end=0x%lx", range_total(&filled), base, end);
	s = paced(problem);
	if (s == OK)
		s = burst(problem);
	if (s == OK)
		s = machine_checks(checks, problem);
	if (s == OK)
		s = quiet_time(problem);
	if (s != OK)
		return s;
	changed = first_change();
	if (changed)
		return problem_set(problem, E_SELFTEST, "prober: free memory at 0x%lx was written to", changed);
	if (digest() != digest_before || traps() != traps_before)
		return problem_set(problem, E_SELFTEST, "prober: more than counters moved in the block, traps %u",
				   traps() - traps_before);
	log_always("prober", "verdict=PASS cpus=%u traps=%u", plan->cpu_count - 1, traps());
	return OK;
}

enum status prober_attack(const struct boot_info *info, struct problem *problem)
{
	const struct block_header *header = cpu_phys_pointer(previous.block.base);
	uint32_t checks;
	enum status s;

	if (!faults_prober(&checks))
		return OK;
	log_release();
	if (!previous.found)
		return problem_set(problem, E_SELFTEST, "prober: there is no block of a Baton before");
	plan = cpu_phys_pointer(previous.block.base + header->plan_offset);
	slots = cpu_phys_pointer(plan->slots);
	if (plan->cpu_count != smp_cpu_count() || plan->cpu_count < 2)
		return problem_set(problem, E_SELFTEST, "prober: %u CPUs in the block, %u here", plan->cpu_count,
				   smp_cpu_count());
	park_boss_init(&boss, slots);
	under_attack = true;
	s = attack(info, checks, problem);
	under_attack = false;
	return s;
}
