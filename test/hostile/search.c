// SPDX-License-Identifier: MIT
/*
 * Depth first over all choices that the bound allows. Each node keeps a snapshot; a state that was seen with no smaller
 * budget left is cut.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/hostile/internal.h"

#define CHOICES		24
#define STEPS_MAX	200000u			/* of one run: more is a loop without an end */

struct choice { uint8_t cpu, take, cost, interrupt, chosen; };

struct node {
	struct snapshot *snapshot;
	struct choice choice[CHOICES];
	unsigned count, next, picks, depth[HOSTILE_CPUS];
};

unsigned run_depth[HOSTILE_CPUS];
static struct node *nodes;
static unsigned node_count, node_room;
static uint8_t *picks;
static unsigned pick_count, pick_room;
static jmp_buf broken_here;
static bool in_cpu;

/* --- states seen ------------------------------------------------------------------------------------------------------- */

static uint64_t *seen;
static uint64_t seen_size, seen_count;

static bool seen_put(uint64_t key)
{
	uint64_t at;

	for (at = (key >> 3) * 0x9e3779b97f4a7c15ull & (seen_size - 1); seen[at]; at = (at + 1) & (seen_size - 1)) {
		if ((seen[at] ^ key) >> 3)
			continue;
		if ((seen[at] & 7) >= (key & 7))
			return true;
		seen[at] = key;
		return false;
	}
	seen[at] = key;
	seen_count++;
	return false;
}

static void seen_clear(uint64_t size)
{
	free(seen);
	seen = calloc(size, 8);
	if (!seen)
		abort();
	seen_size = size;
	seen_count = 0;
}

static void seen_grow(void)
{
	uint64_t *old = seen, size = seen_size, i;

	seen = NULL;
	seen_clear(size * 4);
	for (i = 0; i < size; i++)
		if (old[i])
			seen_put(old[i]);
	free(old);
}

bool search_keeps_all;

/* Seen with at least this budget? The low bits hold the budget, so hashes differ above them. */
static bool state_seen(void)
{
	uint64_t hash = arena_hash() + (M->interrupts_left + 8 * M->stuck) * 0xd6e8feb86659fd93ull;

	if (seen_count * 3 > seen_size * 2)
		seen_grow();
	return seen_put((hash | 8) << 3 | (M->bound_left < 7 ? M->bound_left : 7));
}

/* --- choices ----------------------------------------------------------------------------------------------------------- */

static unsigned add(struct choice *c, unsigned n, unsigned cpu, enum take take, unsigned cost, unsigned interrupt)
{
	if (cost > M->bound_left || interrupt > M->interrupts_left || n == CHOICES)
		return n;
	c[n] = (struct choice){ (uint8_t)cpu, (uint8_t)take, (uint8_t)cost, (uint8_t)interrupt, 0 };
	return n + 1;
}

static unsigned add_for(struct choice *c, unsigned n, unsigned cpu, unsigned leave)
{
	const struct vcpu *v = &M->cpu[cpu];
	bool runs = cpu_runnable(cpu);
	struct offer offers[4];
	unsigned i, count;

	if (current_scenario->platform) {
		count = platform_offers(cpu, offers);
		for (i = 0; i < count; i++)
			n = add(c, n, cpu, offers[i].take, leave + offers[i].cost, offers[i].interrupt);
		return n;
	}
	if (v->ipi && v->irq_on && !(current_scenario->deaf >> cpu & 1))
		n = add(c, n, cpu, TAKE_IPI, leave + (runs ? 1 : 0), runs ? 1 : 0);
	if (current_scenario->nmi && !v->in_nmi && (runs || v->waits || v->spins))
		n = add(c, n, cpu, TAKE_NMI, leave + 1, 1);
	if (current_scenario->on_mc && !v->in_mc && (runs || v->waits || v->spins))
		n = add(c, n, cpu, TAKE_MC, leave + 1, 1);
	return n;
}

/* The first choice is the cheapest: the current CPU goes on. */
static unsigned list_choices(struct choice *c)
{
	unsigned current = M->current, cpu, n = 0;
	bool runs = cpu_runnable(current), forced = !runs || !M->started;

	if (stop == STOP_CHOOSE) {
		for (n = 0; n < stop_choices; n++)
			c[n] = (struct choice){ .cpu = (uint8_t)current, .chosen = (uint8_t)n };
		return n;
	}
	if (stop == STOP_PRIVATE || stop == STOP_CLOCK) {
		n = add(c, 0, current, TAKE_NOTHING, 0, 0);
		return add_for(c, n, current, 0);
	}
	if (runs)
		n = add(c, n, current, TAKE_NOTHING, 0, 0);
	for (cpu = 0; cpu < parameters.cpus; cpu++)
		if (cpu != current && cpu_runnable(cpu))
			n = add(c, n, cpu, TAKE_NOTHING, forced ? 0 : 1, 0);
	for (cpu = 0; cpu < parameters.cpus; cpu++)
		n = add_for(c, n, cpu, !forced && cpu != current ? 1 : 0);
	return n;
}

static void note_pick(unsigned pick)
{
	if (pick_count == pick_room) {
		pick_room = pick_room ? 2 * pick_room : 256;
		picks = realloc(picks, pick_room);
		if (!picks)
			abort();
	}
	picks[pick_count++] = (uint8_t)pick;
}

static void take(const struct choice *c)
{
	M->bound_left -= c->cost;
	M->interrupts_left -= c->interrupt;
	M->cpu[c->cpu].chosen = c->chosen;
	M->cpu[c->cpu].take = c->take;
	M->started = true;
	in_cpu = true;
	cpu_run(c->cpu);
	in_cpu = false;
}

/* Nobody can go on: stores become visible, then time passes, then it is a wait that never ends. */
static void unstick(void)
{
	unsigned i;

	M->stuck++;
	if (current_scenario->platform)
		platform_time_passes(M->stuck);
	else if (M->stuck > 2)
		broken("wait-never-ends", "no CPU can go on");
	memory_drain_all();
	if (M->stuck == 2)
		M->time += 1ull << 40;
	for (i = 0; i < parameters.cpus; i++)
		M->cpu[i].spins = false;
}

static bool all_done(void)
{
	unsigned i;

	for (i = 0; current_scenario->platform && i < parameters.cpus; i++)
		if (M->pending_count || !platform_ended(i))
			return false;
	for (i = 0; !current_scenario->platform && i < parameters.cpus; i++)
		if (!M->cpu[i].done || (M->cpu[i].ipi && !((current_scenario->deaf | M->dead) >> i & 1)))
			return false;
	return true;
}

void search_stopped(void)
{
	if (in_cpu) {
		stop = STOP_BROKEN;
		cpu_stop_for_good();
	}
	longjmp(broken_here, 1);
}

/* --- exhaustive -------------------------------------------------------------------------------------------------------- */

static void push(const struct choice *c, unsigned count)
{
	struct node *node;

	if (node_count == node_room) {
		node_room = node_room ? 2 * node_room : 256;
		nodes = realloc(nodes, node_room * sizeof(*nodes));
		if (!nodes)
			abort();
	}
	node = &nodes[node_count++];
	memcpy(node->choice, c, count * sizeof(*c));
	memcpy(node->depth, run_depth, sizeof(run_depth));
	node->count = count;
	node->next = 1;
	node->picks = pick_count;
	node->snapshot = snapshot_take();
}

/* The next choice of the deepest node that has one; false: none is left. */
static bool backtrack(struct choice *c)
{
	struct node *node;

	while (node_count) {
		node = &nodes[node_count - 1];
		if (node->next < node->count)
			break;
		snapshot_free(node->snapshot);
		node_count--;
	}
	if (!node_count)
		return false;
	snapshot_restore(node->snapshot);
	memcpy(run_depth, node->depth, sizeof(run_depth));
	pick_count = node->picks;
	*c = node->choice[node->next];
	note_pick(node->next++);
	return true;
}

static void drop_nodes(void)
{
	while (node_count)
		snapshot_free(nodes[--node_count].snapshot);
}

static void note_end(struct counts *counts)
{
	unsigned i;

	for (i = 0; i < parameters.cpus; i++)
		if (run_depth[i] > counts->depth)
			counts->depth = run_depth[i];
	counts->allocations = (unsigned)world->phys.allocations;
}

/* Goes on from one stop; false: this run is over (its end, or a state seen before). */
static bool step(struct counts *counts, struct choice *c)
{
	unsigned count;

	if (all_done()) {
		note_end(counts);
		world_end();
		counts->schedules++;
		return false;
	}
	if (!search_keeps_all && stop != STOP_CHOOSE && state_seen()) {
		counts->cuts++;
		return false;
	}
	count = list_choices(c);
	if (!count) {
		unstick();
		stop = STOP_WAIT;
		return step(counts, c);
	}
	counts->events++;
	if (count > 1) {
		push(c, count);
		note_pick(0);
	}
	return true;
}

static void begin(const struct scenario *scenario, const struct parameters *with, unsigned bound)
{
	drop_nodes();
	pick_count = 0;
	memset(run_depth, 0, sizeof(run_depth));
	world_prepare(scenario, with);
	M->bound_left = bound;
	stop = STOP_OPERATION;
}

bool search(const struct scenario *scenario, const struct parameters *with, unsigned bound, struct counts *counts)
{
	struct choice c[CHOICES];
	bool more;

	broken_check = NULL;
	memory_forget();
	if (setjmp(broken_here))
		return false;
	do {
		memset(counts, 0, offsetof(struct counts, restarts));
		seen_clear(1 << 14);
		begin(scenario, with, bound);
		for (more = true; more;) {
			if (step(counts, c))
				more = true;
			else
				more = backtrack(c);
			if (!more)
				break;
			take(c);
			if (stop == STOP_BROKEN)
				return false;
			if (stop == STOP_SHARED) {
				counts->restarts++;
				break;
			}
		}
		counts->states = seen_count;
		counts->shared = memory_shared_count();
	} while (more);
	return true;
}

/* --- one run ------------------------------------------------------------------------------------------------------------- */

static bool run_once(unsigned (*pick)(const struct choice *c, unsigned count), struct counts *counts)
{
	struct choice c[CHOICES];
	unsigned count, steps;

	for (steps = 0; !all_done(); steps++) {
		if (steps == STEPS_MAX)
			broken("wait-never-ends", "%u steps", steps);
		count = list_choices(c);
		if (!count) {
			unstick();
			stop = STOP_WAIT;
			continue;
		}
		counts->events++;
		take(&c[count > 1 ? pick(c, count) : 0]);
		if (stop == STOP_BROKEN || stop == STOP_SHARED)
			return false;
	}
	note_end(counts);
	world_end();
	counts->schedules++;
	return true;
}

static uint64_t random_state;

static uint64_t random_next(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* Three times in four the current CPU goes on. */
static unsigned pick_random(const struct choice *c, unsigned count)
{
	unsigned pick = (unsigned)(random_next() % count);

	if (stop != STOP_CHOOSE && c[0].cpu == M->current && random_next() & 3)
		pick = 0;
	note_pick(pick);
	return pick;
}

bool search_random(const struct scenario *scenario, const struct parameters *with, uint64_t seed, uint64_t runs,
		   struct counts *counts)
{
	static struct snapshot *start;		/* static: kept over longjmp() */
	static uint64_t left;

	broken_check = NULL;
	random_state = seed;
	left = runs;
	if (setjmp(broken_here)) {
		drop_nodes();
		return false;
	}
	begin(scenario, with, UINT32_MAX / 2);
	start = snapshot_take();
	while (left) {
		pick_count = 0;
		stop = STOP_OPERATION;
		memset(run_depth, 0, sizeof(run_depth));
		if (run_once(pick_random, counts))
			left--;
		else if (stop == STOP_BROKEN)
			break;
		snapshot_restore(start);
	}
	counts->shared = memory_shared_count();
	snapshot_free(start);
	return !left;
}

static const char *replay_text;
static unsigned replay_zeros;

/* "5z.1.2z": five times the first choice, then the second, twice the first; after the end always the first. */
static unsigned pick_replay(const struct choice *c, unsigned count)
{
	unsigned long pick = 0;
	char *end;

	(void)c;
	if (!replay_zeros && *replay_text) {
		pick = strtoul(replay_text, &end, 10);
		replay_text = end;
		if (*replay_text == 'z') {
			replay_zeros = (unsigned)pick;
			pick = 0;
			replay_text++;
		}
		if (*replay_text == '.')
			replay_text++;
	}
	if (replay_zeros)
		replay_zeros--;
	if (pick >= count)
		broken("replay", "choice %lu of %u: the schedule is for another program", pick, count);
	note_pick((unsigned)pick);
	return (unsigned)pick;
}

bool search_replay(const struct scenario *scenario, const struct parameters *with, unsigned bound, const char *text)
{
	struct counts counts = { 0 };

	broken_check = NULL;
	replay_text = text;
	replay_zeros = 0;
	if (setjmp(broken_here))
		return false;
	begin(scenario, with, bound);
	return run_once(pick_replay, &counts);
}

const char *search_picks(void)
{
	static char *text;
	unsigned i, zeros;
	size_t length = 0;

	free(text);
	text = malloc(pick_count * 8ul + 8);
	if (!text)
		abort();
	text[0] = 0;
	for (i = 0; i < pick_count; i++) {
		for (zeros = 0; i < pick_count && !picks[i]; i++)
			zeros++;
		if (i == pick_count)
			break;
		if (zeros)
			length += (size_t)sprintf(text + length, "%uz.", zeros);
		length += (size_t)sprintf(text + length, "%u.", picks[i]);
	}
	if (length)
		text[length - 1] = 0;
	return text;
}
