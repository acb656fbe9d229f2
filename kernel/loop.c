// SPDX-License-Identifier: MIT
#include "kernel/loop.h"

#include "kernel/choice.h"
#include "kernel/faults.h"
#include "kernel/image.h"
#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/pattern.h"
#include "kernel/previous.h"
#include "kernel/status.h"
#include "lib/digest.h"
#include "lib/fmt.h"
#include "lib/range.h"
#include "lib/sha256.h"
#include "lib/string.h"
#include "smp/online.h"
#include "smp/park.h"
#include "x86/cpu.h"
#include "x86/tsc.h"

#define CHANGES_MAX	16u		/* that are told one by one */
#define FREE_MAX	640u
#define NEAR_MAX	(SEGMENT_MAX + MEMORY_RESERVED_MAX + 1)
#define FOUR_GIB	0x100000000ull
#define HIGH_START	0x100000ull

struct change { struct pattern_change at; const char *owner; };

static struct loop_figures figures;
static bool running, goes_on;
static uint64_t generation, checked_bytes, changed_bytes;
static struct change changes[CHANGES_MAX];
static unsigned change_count;
static unsigned online;		/* CPUs while memory is filled, the boss among them */
static const char *owner_now;

static const struct report_loop *old_loop(void)
{
	const struct report_header *r = previous.report;

	return r ? old_report_entry(r, &r->loop, 0) : NULL;
}

static void note_change(void *context, const struct pattern_change *change)
{
	(void)context;
	if (change_count < CHANGES_MAX)
		changes[change_count] = (struct change){ *change, owner_now };
	change_count++;
}

/* high: what the loader's tables do not show, or else what they do. */
static void check_pattern(const struct boot_info *info, bool high)
{
	const struct report_header *r = previous.report;
	const struct report_loop *loop = old_loop();
	uint64_t key = loop ? pattern_key(loop->seed, r->generation) : 0;

	for (uint32_t i = 0; loop && i < r->pattern.count; i++) {
		const struct report_pattern *p = old_report_entry(r, &r->pattern, i);
		bool hidden = info->readable && !range_contains(info->readable, p->base, p->base + p->size);

		if (hidden != high)
			continue;
		owner_now = p->owner;
		changed_bytes += pattern_check((const void *)p->base, p->base, p->size, key, note_change, NULL);
		checked_bytes += p->size;
	}
}

void loop_meet(const struct boot_info *info)
{
	check_pattern(info, false);
}

/* Behind door 2 there is no clock; the TSC runs through, and the one before knew when it began. */
static void carry_clock(struct boot_info *info)
{
	const struct report_header *r = previous.report;
	const struct report_loop *loop = old_loop();

	if (!info->started && loop && r->started && r->tsc_khz && info->tsc_at_door > loop->door_tsc)
		info->started = r->started + (info->tsc_at_door - loop->door_tsc) / r->tsc_khz / 1000;
}

void loop_begin(struct boot_info *info)
{
	generation = info->config.generation ? info->config.generation : 1;
	if (previous.report)
		generation = previous.report->generation + 1;
	goes_on = info->config.loop != 0;
	running = goes_on || old_loop();
	carry_clock(info);
	if (previous.report)
		loop_figures_add(&figures, previous.report, info->tsc_at_door);
	figures.loop.seed = info->config.seed;
	if (!figures.loop.handovers || !figures.loop.started_tsc)
		figures.loop.started_tsc = info->tsc_at_door;
	figures.loop.left = info->config.loop + info->loop_left;
	figures.loop.stop = info->loop_stop;
	figures.loop.door_tsc = info->tsc_at_door;
	figures.loop.flags = (info->config.pattern_all ? REPORT_LOOP_ALL : 0) |
			     (info->loop_left ? REPORT_LOOP_PASS : 0);
	if (old_loop() && goes_on && !info->config.log_full)
		log_quiet(true);
	if (info->loop_stop || info->loop_left)
		log_always("loop-ends", "generation=%lu reason=%s left=%lu", generation,
			   info->loop_stop == REPORT_STOP_HOURS ? "hours" :
			   info->loop_stop == REPORT_STOP_BUTTON ? "button" : "pass", info->loop_left);
}

uint64_t loop_generation(void) { return generation; }
bool loop_running(void) { return running; }

static void say_changes(void)
{
	for (unsigned i = 0; i < change_count && i < CHANGES_MAX; i++) {
		const struct change *c = &changes[i];

		log_always("changed", "generation=%lu address=0x%lx bytes=%u before=0x%016lx after=0x%016lx owner=%s",
			   generation - 1, c->at.address, c->at.bytes, c->at.before, c->at.after, c->owner);
	}
}

/* As a segment's in the report. */
static void digest_memory(uint64_t base, uint64_t size, uint8_t out[32])
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	for (uint64_t at = 0; at < size; at += CHUNK_BYTES) {
		uint64_t rest = size - at;
		struct chunk_digest chunk;

		chunk_digest_compute(&chunk, (const void *)(base + at),
				     (uint32_t)(rest < CHUNK_BYTES ? rest : CHUNK_BYTES));
		sha256_update(&ctx, chunk.sha256, sizeof(chunk.sha256));
	}
	sha256_final(&ctx, out);
}

enum status loop_check_bundle(const struct report *report, struct problem *problem)
{
	const struct report_segment *before = previous.report ? old_report_bundle(previous.report) : NULL;
	const struct report_segment *now = goes_on ? old_report_segment(report->header, "initrd") : NULL;
	uint8_t sha256[32];

	if (!before)
		return OK;
	if (now)
		return old_report_same_bundle(before, generation - 1, now->size, now->sha256, problem);
	digest_memory(before->address, before->size, sha256);
	return old_report_same_bundle(before, generation - 1, before->size, sha256, problem);
}

static enum status judge_pattern(struct problem *problem)
{
	figures.loop.pattern_checked += checked_bytes;
	figures.loop.pattern_changed += changed_bytes;
	checked_bytes = 0;
	if (!changed_bytes)
		return OK;
	say_changes();
	return problem_set(problem, E_PATTERN,
			   "%lu bytes of free memory changed between generation %lu and %lu, the first at 0x%lx (%s)",
			   changed_bytes, generation - 1, generation, changes[0].at.address, changes[0].owner);
}

enum status loop_judge(const struct boot_info *info, struct problem *problem)
{
	enum status s = judge_pattern(problem);

	(void)info;
	if (s == OK && old_loop() && !faults_tell(previous.report))
		s = old_report_judge(previous.report, problem);
	if (previous.report && old_report_bundle(previous.report))
		faults_bundle(old_report_bundle(previous.report)->address);
	return s;
}

enum status loop_judge_high(const struct boot_info *info, struct problem *problem)
{
	const struct report_loop *loop = old_loop();
	enum status s;

	check_pattern(info, true);
	s = judge_pattern(problem);
	if (s == OK && loop && loop->window_whole)
		loop_window_done(&figures.loop, loop->window, loop->windows);
	return s;
}

void loop_failed(struct report *report, const struct problem *problem)
{
	struct report_loop *l = &figures.loop;
	struct report_header *h = report->header;

	if (!running || !h->loop.capacity)
		return;
	l->failed_generation = generation;
	l->failure = problem->code;
	fmt_snprint(l->failure_text, sizeof(l->failure_text), "%s", problem->text);
	h->loop.count = h->stats.count = 0;
	report_set_loop(report, l, figures.stats, figures.stat_count);
}

static struct choice choice(void)
{
	return (struct choice){ figures.loop.seed, generation };
}

enum slot_mode loop_park_mode(unsigned index, bool hypervisor)
{
	return choice_park_mode(choice(), index, hypervisor);
}

enum status loop_offline(struct handover *h, struct problem *problem)
{
	const struct park_lot lot = handover_lot(h);

	online = 1;
	for (unsigned i = 0; i < smp_cpu_count(); i++) {
		if (!h->must_park[i])
			continue;
		if (!running || !choice_offline(choice(), i)) {
			online++;
			continue;
		}
		if (!smp_offline(&lot, smp_cpu(i), h->cpus[i].mode)) {
			space_quarantine(&kernel_memory.space);
			return problem_set(problem, E_CPU_LOST,
					   "handover refused: CPU with APIC ID %u did not go offline",
					   smp_cpu(i)->apic_id);
		}
		log_event("offline", "apic=%u", smp_cpu(i)->apic_id);
		figures.loop.offline++;
	}
	return OK;
}

static uint64_t reserved_bytes(const struct efi_map *map)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < efimap_count(map); i++)
		if (efimap_at(map, i)->type == EFI_TYPE_RESERVED)
			bytes += efimap_at(map, i)->pages * MM_PAGE_BYTES;
	return bytes;
}

enum status loop_census(const struct boot_info *info, unsigned e820_entries, struct problem *problem)
{
	struct report_census now = {
		.free_pages = kernel_memory.phys.total_pages, .reserved_bytes = reserved_bytes(&info->efi_map),
		.e820_entries = e820_entries, .map_entries = efimap_count(&info->efi_map),
	};

	/* The last one places another kernel and has a bundle left over. */
	return goes_on ? loop_census_check(&figures.loop, generation, &now, problem) : OK;
}

/* Free memory of the map, and what of it nobody here uses: the page allocator's untouched pages below 4 GiB, all below
 * 1 MiB and above 4 GiB, and what the generation before gave back. */
struct lists {
	struct place_range memory[FREE_MAX], free[FREE_MAX], near[NEAR_MAX];
	unsigned memory_count, free_count, near_count;
};

static void add_free(struct range_list *free, const struct lists *l)
{
	for (unsigned i = 0; i < l->memory_count; i++) {
		uint64_t base = l->memory[i].base, end = base + l->memory[i].size;

		range_add(free, base, end < HIGH_START ? end : HIGH_START);
		range_add(free, base > FOUR_GIB ? base : FOUR_GIB, end);
	}
	for (uint32_t i = 0; previous.found && i < previous.block.range_count; i++)
		range_add(free, previous.block.ranges[i].base,
			  previous.block.ranges[i].base + previous.block.ranges[i].size);
	for (unsigned i = 0; i < kernel_memory.phys.range_count; i++)
		range_add(free, kernel_memory.phys.untouched[i].base,
			  kernel_memory.phys.untouched[i].base + kernel_memory.phys.untouched[i].size);
}

static void add_near(struct lists *l, uint64_t base, uint64_t size)
{
	l->near[l->near_count++] = (struct place_range){ base, size };
}

static void subtract(struct range_list *free, uint64_t base, uint64_t size)
{
	range_subtract(free, mm_page_down(base), mm_page_up(base + size));
}

static void collect(const struct boot_info *info, struct lists *l)
{
	static struct range ranges[FREE_MAX];
	struct problem none = { .code = OK };
	struct range_list free;

	range_list_init(&free, ranges, FREE_MAX);
	if (efimap_list_free(&info->efi_map, false, l->memory, FREE_MAX, &l->memory_count, &none))
		l->memory_count = 0;
	add_free(&free, l);
	add_near(l, image_loaded().base, image_loaded().size);
	for (unsigned i = 0; i < info->plan.segment_count; i++)
		add_near(l, info->plan.segments[i].dest, info->plan.segments[i].reserved_size);
	for (unsigned i = 0; i < kernel_memory.reserved_count; i++)
		add_near(l, kernel_memory.reserved[i].base, kernel_memory.reserved[i].size);
	for (unsigned i = 0; i < l->near_count; i++)
		subtract(&free, l->near[i].base, l->near[i].size);
	for (l->free_count = 0; l->free_count < free.count; l->free_count++)
		l->free[l->free_count] = (struct place_range){ ranges[l->free_count].start,
			ranges[l->free_count].end - ranges[l->free_count].start };
}

static void fill(struct report *report, uint64_t base, uint64_t size, const char *owner, uint64_t key)
{
	/* Without a place in the report nobody would check it. */
	if (!report_add_pattern(report, base, size, owner))
		return;
	pattern_fill((void *)base, base, size, key);
	figures.loop.pattern_filled += size;
}

/* What the generation before had and nobody has now, all of it: whoever still uses it is seen there first. */
static void fill_old(struct report *report, const struct lists *l, struct range_list *chosen, uint64_t base,
		     uint64_t size, const char *owner, uint64_t key)
{
	uint64_t end = mm_page_up(base + size);

	base = mm_page_down(base);
	range_subtract(chosen, base, end);
	for (unsigned i = 0; i < l->free_count; i++) {
		uint64_t from = l->free[i].base, to = from + l->free[i].size;

		from = from > base ? from : base;
		to = to < end ? to : end;
		if (from < to)
			fill(report, from, to - from, owner, key);
	}
}

void loop_fill(const struct boot_info *info, struct report *report)
{
	static struct range ranges[LOOP_PATTERN_MAX];
	static struct lists lists;
	struct place_range image = { figures.loop.image_base, figures.loop.image_size };
	uint64_t key = pattern_key(figures.loop.seed, generation);
	struct pattern_choice choice;
	struct range_list chosen;

	if (!running)
		return;
	/* Its memory is among what is filled; all that is needed of it has been copied. */
	previous.report = NULL;
	range_list_init(&chosen, ranges, LOOP_PATTERN_MAX);
	collect(info, &lists);
	choice = (struct pattern_choice){
		.memory = lists.memory, .memory_count = lists.memory_count,
		.free = lists.free, .free_count = lists.free_count, .near = lists.near, .near_count = lists.near_count,
		.seed = figures.loop.seed, .generation = generation, .all = info->config.pattern_all,
	};
	if (goes_on) {
		figures.loop.window_whole = pattern_choose(&choice, &chosen);
		figures.loop.window = pattern_window(&choice);
		figures.loop.windows = pattern_windows(&choice);
		for (uint32_t i = 0; previous.found && i < previous.block.range_count; i++)
			fill_old(report, &lists, &chosen, previous.block.ranges[i].base, previous.block.ranges[i].size,
				 previous.owner[i], key);
		fill_old(report, &lists, &chosen, image.base, image.size, "old-image", key);
		for (unsigned i = 0; i < chosen.count; i++)
			fill(report, ranges[i].start, ranges[i].end - ranges[i].start, "free", key);
		if (chosen.count)
			faults_stray((ranges[chosen.count / 2].start + ranges[chosen.count / 2].end) / 2 & ~7ull);
	}
	figures.loop.image_base = image_loaded().base;
	figures.loop.image_size = image_loaded().size;
	if (goes_on)
		status_show(info, &figures.loop, generation);
	report_set_loop(report, &figures.loop, figures.stats, figures.stat_count);
}

void loop_say(const struct boot_info *info)
{
	const struct report_loop *l = &figures.loop;

	if (!running)
		return;
	log_always("generation", "n=%lu left=%lu us=%lu free_pages=%lu reserved=%lu e820=%u map=%u filled=%lu "
		   "checked=%lu changed=%lu covered=%u/%u online=%u", generation, l->left,
		   tsc_to_us(cpu_rdtsc() - info->tsc_at_door),
		   l->census.free_pages, l->census.reserved_bytes, l->census.e820_entries, l->census.map_entries,
		   l->pattern_filled, l->pattern_checked, l->pattern_changed, l->windows_done, l->windows,
		   online);
}
