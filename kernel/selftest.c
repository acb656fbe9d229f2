// SPDX-License-Identifier: MIT
#include "kernel/selftest.h"

#include "kernel/faults.h"
#include "kernel/log.h"
#include "kernel/loop.h"
#include "kernel/memory.h"
#include "kernel/phase.h"
#include "kernel/selftest_costs.h"
#include "kernel/selftest_model.h"
#include "smp/call.h"
#include "smp/online.h"
#include "x86/cpu.h"
#include "x86/tsc.h"

#define RUN_PAGES_MAX	8u		/* pages of one map or protect */
#define BURST_MAX	64u		/* accesses of a CPU before it may idle */
#define IDLE_CHANCE	16u		/* with that many CPUs everybody idles after each burst: host CPUs are few */
#define SLICE_IDLE_CHANCE 128u		/* a slice is short: who sleeps until the next flush sees nothing of this one */
#define NEAR_PAGES	8u		/* half of the accesses go that near to what changed last */
/* Of a loop's generations: every n-th has a slice, the third first, so that short loops have one too; each of the
 * faults build's, whose loops are short. */
#define SLICE_EVERY	(faults_built_in ? 1u : 32u)
#define SLICE_FIRST	3u
#define SLICE_OPERATIONS 24u

/* W: the CPU, before done. R: boss, after it. */
struct worker {
	struct prober prober;
	uint64_t idled;
	shared_u32 done;
};

static struct worker workers[SMP_CPUS_MAX];
static shared_u32 stop_workers;
static unsigned idle_chance;		/* W: boss, before it calls the workers. R: they */
static struct random choices;
static struct page_source data_pages;
static uint64_t refused;		/* operations that ended in an injected failure */

static struct space *space(void) { return &kernel_memory.space; }
static struct phys *phys(void) { return &kernel_memory.phys; }

static void probe_any(struct worker *w)
{
	struct random *r = &w->prober.random;
	unsigned page = (unsigned)random_below(r, SELFTEST_PAGES);

	if (random_below(r, 2))
		page = (model_last_changed() + (unsigned)random_below(r, NEAR_PAGES)) % SELFTEST_PAGES;
	model_probe(&w->prober, page);
}

/* Sleeps as a lazy CPU until somebody calls; a flush that frees nothing leaves it out, and it catches up. */
static void idle(struct cpu *self, struct worker *w)
{
	mm_cpu_lazy(&self->mm);
	cpu_wait_irq();
	call_serve(self);
	mm_cpu_busy(&self->mm);
	w->idled++;
}

/* Every CPU but the boss. */
static void storm(struct cpu *self, uint64_t argument)
{
	struct worker *w = &workers[self->index];

	(void)argument;
	/* order: none, it is only to end */
	while (!shared_load_acquire_u32(&stop_workers) && !model_failed()) {
		for (uint64_t n = random_below(&w->prober.random, BURST_MAX); n; n--) {
			call_serve(self);
			probe_any(w);
		}
		if (random_below(&w->prober.random, idle_chance) < smp_cpu_count())
			idle(self, w);
	}
	/* order: the counts before the word. pairs with: await_workers(). else: the boss adds up half of them. */
	shared_store_release_u32(&w->done, 1);
}

static void inject(void)
{
	if (random_below(&choices, 2))
		return;
	phys()->fail_from = phys()->allocations + 1 + random_below(&choices, 2);
	phys()->fail_count = random_below(&choices, 2) ? 1 : UINT64_MAX;
}

/* Failures end with the operation; *refused_here: it ended with one, which is no problem. */
static enum status outcome(enum status s, bool *refused_here, struct problem *problem)
{
	*refused_here = s == E_NO_MEMORY && phys()->fail_from;
	phys()->fail_from = 0;
	if (!*refused_here)
		return s;
	refused++;
	problem->code = OK;
	return OK;
}

static unsigned random_rights(mm_prot *prot)
{
	switch (random_below(&choices, 3)) {
	case 0: *prot = MM_READ; return STATE_MAPPED;
	case 1: *prot = MM_EXEC; return STATE_MAPPED | STATE_EXEC;
	default: *prot = MM_WRITE; return STATE_MAPPED | STATE_WRITE;
	}
}

static bool mapped(unsigned page)
{
	return model_state(page) & STATE_MAPPED;
}

/* Pages from first on that are mapped like it, up to max, within its region. */
static unsigned run_of(unsigned first, unsigned max)
{
	unsigned n = 1;

	while (n < max && (first + n) % SELFTEST_REGION_PAGES && mapped(first + n) == mapped(first))
		n++;
	return n;
}

/* Without EXEC a page may be called all the same where there is no NX; model_probe() does not ask then. */
static enum status map_one(unsigned page, mm_prot prot, unsigned rights, struct problem *problem)
{
	uint64_t frame;
	bool refused_here;
	enum status s = phys_alloc(phys(), &frame, problem);

	if (s != OK)
		return s;
	model_stamp(page, cpu_phys_pointer(frame));
	model_in_change(page, 1);
	inject();
	s = outcome(space_map(space(), model_va(page), frame, MM_PAGE_BYTES, prot, MM_PAGE_4K, problem), &refused_here,
		    problem);
	if (refused_here)
		phys_free(phys(), frame, false);
	if (s == OK)
		model_changed(page, 1, refused_here ? 0 : rights, true);
	return s;
}

static enum status map_run(unsigned first, unsigned count, struct problem *problem)
{
	mm_prot prot;
	unsigned rights = random_rights(&prot);
	enum status s = OK;

	for (unsigned i = 0; s == OK && i < count; i++)
		s = map_one(first + i, prot, rights, problem);
	return s;
}

static enum status protect_run(unsigned first, unsigned count, struct problem *problem)
{
	mm_prot prot;
	unsigned rights = random_rights(&prot);
	enum status s;

	model_in_change(first, count);
	s = space_protect(space(), model_va(first), count * MM_PAGE_BYTES, prot, problem);
	if (s == OK)
		model_changed(first, count, rights, false);
	return s;
}

/* Holes and all. */
static enum status unmap_run(unsigned first, unsigned count, struct problem *problem)
{
	bool refused_here;
	enum status s;

	model_in_change(first, count);
	inject();
	s = outcome(space_unmap_free(space(), model_va(first), count * MM_PAGE_BYTES, &data_pages, problem),
		    &refused_here, problem);
	/* It needs no memory: a refusal is an error. */
	if (refused_here)
		return problem_set(problem, E_SELFTEST, "mm: unmap at 0x%lx: out of memory",
				   (unsigned long)model_va(first));
	if (s == OK)
		model_changed(first, count, 0, false);
	return s;
}

static enum status operate(struct worker *boss, struct problem *problem)
{
	unsigned first = (unsigned)random_below(&choices, SELFTEST_PAGES);
	unsigned left = SELFTEST_REGION_PAGES - first % SELFTEST_REGION_PAGES;
	unsigned count = run_of(first, 1 + (unsigned)random_below(&choices, RUN_PAGES_MAX));
	enum status s;

	if (!mapped(first)) {
		s = map_run(first, count, problem);
	} else if (random_below(&choices, 2)) {
		s = protect_run(first, count, problem);
	} else {
		count = 1 + (unsigned)random_below(&choices, left);
		if (random_below(&choices, 4) == 0) {
			/* All of the region: its tables go as well. */
			first -= first % SELFTEST_REGION_PAGES;
			count = SELFTEST_REGION_PAGES;
		}
		s = unmap_run(first, count, problem);
	}
	for (unsigned i = 0; s == OK && i < count; i++)
		model_probe(&boss->prober, first + i);
	return s;
}

static enum status start_workers(uint64_t seed, struct problem *problem)
{
	for (unsigned i = 0; i < smp_cpu_count(); i++) {
		workers[i].prober.cpu = i;
		random_seed(&workers[i].prober.random, seed + 1 + i);
	}
	if (call_all(CALL_RUN, (uint64_t)storm, 0, 0, call_deadline_us()))
		return problem_set(problem, E_CPU_LOST, "mm: a CPU did not start");
	return OK;
}

/* Wakes those that idle, and adds up. */
static enum status await_workers(struct prober *sum, uint64_t *idled, struct problem *problem)
{
	uint64_t deadline = tsc_deadline(call_deadline_us());
	unsigned lost;

	/* order: none, it is only to end */
	shared_store_release_u32(&stop_workers, 1);
	lost = call_all(CALL_PING, 0, 0, 0, call_deadline_us());
	for (unsigned i = 0; i < smp_cpu_count(); i++) {
		struct worker *w = &workers[i];

		if (cpu_state(smp_cpu(i)) == CPU_ONLINE)
			/* order: the word before the counts. pairs with: storm(). else: as there. */
			while (!shared_load_acquire_u32(&w->done) && !tsc_passed(deadline))
				cpu_relax();
		lost += cpu_state(smp_cpu(i)) == CPU_ONLINE && !shared_load_acquire_u32(&w->done);
		sum->probes += w->prober.probes;
		sum->faults += w->prober.faults;
		sum->undecided += w->prober.undecided;
		*idled += w->idled;
	}
	return lost ? problem_set(problem, E_CPU_LOST, "mm: %u CPUs did not end", lost) : OK;
}

static enum status check_leaks(unsigned tables, uint64_t free_pages, struct problem *problem)
{
	enum status s = unmap_run(0, SELFTEST_REGION_PAGES, problem);

	for (unsigned r = 1; s == OK && r < SELFTEST_REGIONS; r++)
		s = unmap_run(r * SELFTEST_REGION_PAGES, SELFTEST_REGION_PAGES, problem);
	if (s != OK || (space()->table_pages == tables && phys()->free_pages == free_pages && !space()->limbo_pages))
		return s;
	return problem_set(problem, E_SELFTEST, "mm: %u tables and %lu free pages, %u and %lu before",
			   space()->table_pages, phys()->free_pages, tables, free_pages);
}

static enum status run_mm(uint32_t operations, uint64_t seed, bool slice, struct problem *problem)
{
	struct worker *boss = &workers[smp_boss()->index];
	unsigned tables = space()->table_pages;
	uint64_t free_pages = phys()->free_pages, idled = 0, rounds = shared_load_relaxed_u64(&space()->generation);
	struct prober sum = { 0 };
	struct problem late = { .code = OK };
	enum status s, ended;

	log_event("selftest", "room=mm seed=0x%lx operations=%u pages=%u", (unsigned long)seed, operations,
		  SELFTEST_PAGES);
	idle_chance = slice ? SLICE_IDLE_CHANCE : IDLE_CHANCE;
	if (!slice)
		selftest_log_costs();
	model_start(kernel_memory.features.nx);
	data_pages = page_source_phys_data(phys());
	random_seed(&choices, seed);
	s = start_workers(seed, problem);
	for (uint32_t i = 0; s == OK && i < operations && !model_failed(); i++)
		s = operate(boss, problem);
	if (s == OK && !model_failed())
		s = check_leaks(tables, free_pages, problem);
	ended = await_workers(&sum, &idled, &late);
	if (model_failed())
		s = model_problem(seed, problem);
	else if (s == OK && ended != OK)
		s = problem_set(problem, ended, "%s", late.text);
	log_event("selftest", "room=mm verdict=%s seed=0x%lx operations=%u refused=%lu rounds=%lu probes=%lu "
		  "faults=%lu undecided=%lu idled=%lu", s == OK ? "PASS" : "FAIL", (unsigned long)seed, operations,
		  refused, shared_load_relaxed_u64(&space()->generation) - rounds, sum.probes, sum.faults,
		  sum.undecided, idled);
	return s;
}

enum status selftest_run(const struct config *config, struct problem *problem)
{
	uint32_t operations = config->selftest_mm;
	uint64_t seed = config->seed ? config->seed : cpu_rdtsc();
	enum status s;

	if (!operations && loop_running() && loop_generation() % SLICE_EVERY == SLICE_FIRST % SLICE_EVERY) {
		operations = SLICE_OPERATIONS;
		seed += loop_generation() << 32;
	}
	if (!operations)
		return OK;
	s = run_mm(operations, seed, !config->selftest_mm, problem);
	phase_done("selftest");
	return s;
}
