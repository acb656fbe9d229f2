// SPDX-License-Identifier: MIT
#include "kernel/selftest_model.h"

#include "mm/mm.h"
#include "x86/probe.h"

#define BASE		0xffff900000000000ull	/* nothing else of ours is in the upper half */
#define LAST_REGION	MM_1G_BYTES		/* away from the others: tables of two levels come and go */
#define CODE_OFFSET	8u
#define CODE_RETS	0xc3c3c3c3c3c3c3c3ull
#define SCRATCH_OFFSET	64u			/* where CPUs store, each its own word */
#define SCRATCH_WORDS	500u

enum access { ACCESS_LOAD, ACCESS_STORE, ACCESS_CALL, ACCESS_KINDS };

static const char *const access_text[] = { "load", "store", "call" };

static shared_u64 states[SELFTEST_PAGES];
static shared_u32 last_changed;		/* W: boss. R: any CPU, relaxed: a hint */
static bool no_execute;

/* The first failure. W: whoever finds it, fields before FAILED. R: boss, after it. */
enum { FAILING = 1, FAILED = 2 };
static shared_u32 failure;
static struct {
	uint32_t cpu;
	enum access access;
	uint64_t va, expected, result, value;
} failed;

void model_start(bool nx)
{
	no_execute = nx;
}

uint64_t model_va(unsigned page)
{
	unsigned region = page / SELFTEST_REGION_PAGES;
	uint64_t at = region == SELFTEST_REGIONS - 1 ? LAST_REGION : region * MM_2M_BYTES;

	return BASE + at + page % SELFTEST_REGION_PAGES * MM_PAGE_BYTES;
}

uint64_t model_state(unsigned page)
{
	/* order: the state before the access that relies on it. pairs with: model_in_change(), model_changed(). else:
	 * an old state is compared with a new access. */
	return shared_load_acquire_u64(&states[page]);
}

void model_in_change(unsigned first, unsigned count)
{
	for (unsigned i = first; i < first + count; i++)
		/* order: the mark before the first store to a table. pairs with: model_state(). else: a CPU finds the
		 * state unchanged around an access that met the change. x86 keeps stores in order. */
		shared_store_release_u64(&states[i], shared_load_relaxed_u64(&states[i]) | STATE_IN_CHANGE);
}

void model_changed(unsigned first, unsigned count, unsigned rights, bool new_mapping)
{
	for (unsigned i = first; i < first + count; i++) {
		uint64_t state = shared_load_relaxed_u64(&states[i]) & ~(STATE_CHANGE - 1);

		state = (state & ~(STATE_EPOCH - 1)) | ((state + STATE_CHANGE) & (STATE_EPOCH - 1));
		if (new_mapping)
			state += STATE_EPOCH;
		/* order: the operation, every CPU's acknowledgement included, before its state. pairs with:
		 * model_state(). else: a right answer is called wrong. */
		shared_store_release_u64(&states[i], state | rights);
	}
	shared_store_relaxed_u32(&last_changed, first);
}

unsigned model_last_changed(void)
{
	return shared_load_relaxed_u32(&last_changed);
}

static uint32_t tag_of(uint64_t va)
{
	return (uint32_t)random_splitmix64(&va);
}

void model_stamp(unsigned page, uint64_t *content)
{
	uint64_t epoch = shared_load_relaxed_u64(&states[page]) / STATE_EPOCH + 1;

	content[0] = (uint64_t)tag_of(model_va(page)) << 32 | (uint32_t)epoch;
	content[CODE_OFFSET / 8] = CODE_RETS;
}

static uint64_t predict(enum access access, uint64_t state)
{
	uint64_t bits = state & STATE_MAPPED ? PF_PRESENT : 0;

	switch (access) {
	case ACCESS_LOAD: return bits ? 0 : PROBE_FAULT;
	case ACCESS_STORE: return state & STATE_WRITE ? 0 : PROBE_FAULT | PF_WRITE | bits;
	default: return state & STATE_EXEC ? 0 : PROBE_FAULT | PF_FETCH | bits;
	}
}

static bool fail(const struct prober *p, enum access access, uint64_t va, uint64_t expected, uint64_t result,
		 uint64_t value)
{
	/* order: none, the first one takes it */
	if (!shared_cas_seq_cst_u32(&failure, 0, FAILING))
		return false;
	failed.cpu = p->cpu;
	failed.access = access;
	failed.va = va;
	failed.expected = expected;
	failed.result = result;
	failed.value = value;
	/* order: the fields before FAILED. pairs with: model_failed(). else: the boss tells half a failure. */
	shared_store_release_u32(&failure, FAILED);
	return false;
}

bool model_failed(void)
{
	/* order: FAILED before the fields. pairs with: fail(). else: as there. */
	return shared_load_acquire_u32(&failure) == FAILED;
}

bool model_probe(struct prober *p, unsigned page)
{
	enum access access = (enum access)random_below(&p->random, no_execute ? ACCESS_KINDS : ACCESS_CALL);
	uint64_t va = model_va(page), before = model_state(page), after, result, expected, value = 0;

	switch (access) {
	case ACCESS_LOAD: result = probe_load(va, &value); break;
	case ACCESS_STORE: result = probe_store(va + SCRATCH_OFFSET + 8 * (p->cpu % SCRATCH_WORDS), before); break;
	default: result = probe_call(va + CODE_OFFSET); break;
	}
	after = model_state(page);
	p->probes++;
	p->faults += result != 0;
	expected = predict(access, before);
	/* Whatever the boss is doing: a walk never meets a freed table, a page never shows another page's content. */
	if (result & PF_RESERVED || (access == ACCESS_LOAD && !result && value >> 32 != tag_of(va)))
		return fail(p, access, va, expected, result, value);
	if (before != after || before & STATE_IN_CHANGE) {
		p->undecided++;
		return true;
	}
	if (result != expected || (access == ACCESS_LOAD && !result && (uint32_t)value != before / STATE_EPOCH))
		return fail(p, access, va, expected, result, value);
	return true;
}

enum status model_problem(uint64_t seed, struct problem *problem)
{
	return problem_set(problem, E_SELFTEST,
			   "mm: cpu=%u %s at 0x%lx: expected %s0x%lx, got %s0x%lx, value 0x%lx, baton.seed=0x%lx",
			   failed.cpu, access_text[failed.access], (unsigned long)failed.va,
			   failed.expected ? "fault " : "", (unsigned long)(uint32_t)failed.expected,
			   failed.result ? "fault " : "", (unsigned long)(uint32_t)failed.result,
			   (unsigned long)failed.value, (unsigned long)seed);
}
