// SPDX-License-Identifier: MIT
#include "kernel/old_report.h"

#include <stddef.h>

#include "lib/crc32.h"
#include "lib/fmt.h"
#include "lib/string.h"

static enum status refuse(struct problem *problem, const char *field, uint64_t value)
{
	return problem_set(problem, E_OLD_BLOCK, "report of the generation before: %s is 0x%llx", field,
			   (unsigned long long)value);
}

static enum status check_table(const struct report_header *r, const char *name, const struct report_table *t,
			       uint32_t entry_size, struct problem *problem)
{
	if (!t->capacity && !t->count)
		return OK;
	if (t->count > t->capacity || t->entry_size != entry_size || t->offset % 8 || t->offset < sizeof(*r) ||
	    t->offset > r->total_size || (uint64_t)t->capacity * entry_size > r->total_size - t->offset)
		return refuse(problem, name, t->offset);
	return OK;
}

static enum status check_tables(const struct report_header *r, struct problem *problem)
{
	const struct { const char *name; const struct report_table *table; uint32_t entry_size; } tables[] = {
		{ "table cpus", &r->cpus, sizeof(struct report_cpu) },
		{ "table phases", &r->phases, sizeof(struct report_phase) },
		{ "table segments", &r->segments, sizeof(struct report_segment) },
		{ "table pci", &r->pci, sizeof(struct report_pci) },
		{ "table reserved", &r->reserved, sizeof(struct report_reserved) },
		{ "table loop", &r->loop, sizeof(struct report_loop) },
		{ "table stats", &r->stats, sizeof(struct report_stat) },
		{ "table pattern", &r->pattern, sizeof(struct report_pattern) },
	};
	enum status s = OK;

	for (unsigned i = 0; s == OK && i < sizeof(tables) / sizeof(tables[0]); i++)
		s = check_table(r, tables[i].name, tables[i].table, tables[i].entry_size, problem);
	return s;
}

enum status old_report_check(const void *data, uint64_t length, struct problem *problem)
{
	const struct report_header *r = data;
	const size_t at = offsetof(struct report_header, crc32);
	static const uint32_t zero;
	uint32_t crc;

	if (length < sizeof(*r))
		return refuse(problem, "length", length);
	if (r->magic != REPORT_MAGIC)
		return refuse(problem, "magic", r->magic);
	if (r->version != REPORT_VERSION || r->header_size != sizeof(*r))
		return refuse(problem, "header_size", r->header_size);
	if (r->total_size < sizeof(*r) || r->total_size > length || r->total_size > OLD_REPORT_BYTES_MAX)
		return refuse(problem, "total_size", r->total_size);
	crc = crc32(0, data, at);
	crc = crc32(crc, &zero, sizeof(zero));
	crc = crc32(crc, (const uint8_t *)data + at + 4, r->total_size - at - 4);
	if (crc != r->crc32)
		return refuse(problem, "crc32", r->crc32);
	return check_tables(r, problem);
}

const void *old_report_entry(const struct report_header *r, const struct report_table *table, uint32_t index)
{
	return index < table->count ? (const uint8_t *)r + table->offset + (size_t)index * table->entry_size : NULL;
}

const char *old_report_verdict(uint32_t verdict)
{
	static const char *const names[] = {
		[VERDICT_NONE] = "NONE", [VERDICT_ONLINE] = "ONLINE", [VERDICT_NO_ANSWER] = "NO_ANSWER",
		[VERDICT_UNREACHABLE] = "UNREACHABLE", [VERDICT_DISABLED] = "DISABLED", [VERDICT_IS_BSP] = "IS_BSP",
		[VERDICT_PARKED] = "PARKED", [VERDICT_HALTED] = "HALTED", [VERDICT_INIT_RECALLED] = "INIT_RECALLED",
		[VERDICT_INIT_HELD] = "INIT_HELD", [VERDICT_LOST] = "LOST",
	};

	return verdict < sizeof(names) / sizeof(names[0]) ? names[verdict] : "?";
}

enum status old_report_judge(const struct report_header *r, struct problem *problem)
{
	unsigned long long generation = r->generation;

	if (r->state != REPORT_HANDED_OVER || r->failure)
		return problem_set(problem, E_OLD_HANDOVER, "generation %llu: state %u, failure E%02u", generation,
				   r->state, r->failure);
	for (uint32_t i = 0; i < r->cpus.count; i++) {
		const struct report_cpu *cpu = old_report_entry(r, &r->cpus, i);

		if (cpu->apic_id == r->boss_apic_id || cpu->verdict == VERDICT_HALTED ||
		    cpu->verdict == VERDICT_DISABLED)
			continue;
		return problem_set(problem, E_OLD_HANDOVER, "generation %llu: CPU with APIC ID %u was %s, not HALTED",
				   generation, cpu->apic_id, old_report_verdict(cpu->verdict));
	}
	if (r->kick_answers != r->kicks || r->inits)
		return problem_set(problem, E_OLD_HANDOVER, "generation %llu: %u of %u kicks answered, %u INITs",
				   generation, r->kick_answers, r->kicks, r->inits);
	return OK;
}

const struct report_segment *old_report_segment(const struct report_header *r, const char *name)
{
	for (uint32_t i = 0; i < r->segments.count; i++) {
		const struct report_segment *segment = old_report_entry(r, &r->segments, i);

		if (!strncmp(segment->name, name, sizeof(segment->name)))
			return segment;
	}
	return NULL;
}

const struct report_segment *old_report_bundle(const struct report_header *r)
{
	const struct report_loop *loop = old_report_entry(r, &r->loop, 0);

	/* Otherwise it started the entry's kernel, with that one's initrd. */
	return loop && loop->left && !(loop->flags & REPORT_LOOP_PASS) ? old_report_segment(r, "initrd") : NULL;
}

enum status old_report_same_bundle(const struct report_segment *before, uint64_t generation, uint64_t size,
				   const uint8_t sha256[32], struct problem *problem)
{
	if (size == before->size && !memcmp(sha256, before->sha256, sizeof(before->sha256)))
		return OK;
	return problem_set(problem, E_BUNDLE_CHANGED, "the bundle at 0x%llx (0x%llx bytes) is not what generation %llu "
			   "verified", (unsigned long long)before->address, (unsigned long long)before->size,
			   (unsigned long long)generation);
}

void loop_figures_count(struct loop_figures *f, const char *name, uint64_t us)
{
	uint32_t value = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
	char cut[sizeof(f->stats[0].name)] = { 0 };
	struct report_stat *s = NULL;
	unsigned bucket = 0;

	memcpy(cut, name, strnlen(name, sizeof(cut) - 1));
	for (uint32_t i = 0; i < f->stat_count && !s; i++)
		if (!memcmp(f->stats[i].name, cut, sizeof(cut)))
			s = &f->stats[i];
	if (!s) {
		if (f->stat_count == LOOP_STATS_MAX)
			return;
		s = &f->stats[f->stat_count++];
		memset(s, 0, sizeof(*s));
		memcpy(s->name, cut, sizeof(cut));
		s->min_us = value;
	}
	while (bucket < REPORT_BUCKETS - 1 && value >> bucket)
		bucket++;
	s->buckets[bucket]++;
	s->count++;
	s->sum_us += value;
	s->min_us = value < s->min_us ? value : s->min_us;
	s->max_us = value > s->max_us ? value : s->max_us;
}

static void take_over(struct loop_figures *f, const struct report_header *r)
{
	const struct report_loop *loop = old_report_entry(r, &r->loop, 0);

	memset(f, 0, sizeof(*f));
	if (!loop)
		return;
	f->loop = *loop;
	for (uint32_t i = 0; i < r->stats.count && f->stat_count < LOOP_STATS_MAX; i++)
		memcpy(&f->stats[f->stat_count++], old_report_entry(r, &r->stats, i), sizeof(f->stats[0]));
}

void loop_figures_add(struct loop_figures *f, const struct report_header *r, uint64_t tsc_at_door)
{
	struct report_loop *loop = &f->loop;
	uint64_t khz = r->tsc_khz;

	take_over(f, r);
	loop->handovers++;
	if (loop->flags & REPORT_LOOP_PASS || (old_report_entry(r, &r->loop, 0) && !loop->left)) {
		/* Another kernel was here, in between or behind the last one: its map counts anew, and its time is none
		 * of a generation. */
		memset(loop->first, 0, sizeof(loop->first));
		loop->pass_at = loop->handovers;
		loop->passes++;
		loop->door_tsc = loop->shown_tsc = 0;
		fmt_snprint(loop->event, sizeof(loop->event), "Linux pass %llu", (unsigned long long)loop->passes);
	}
	loop->kicks += r->kicks;
	loop->kick_answers += r->kick_answers;
	loop->inits += r->inits;
	for (uint32_t i = 0; i < r->cpus.count; i++) {
		const struct report_cpu *cpu = old_report_entry(r, &r->cpus, i);

		loop->nmis_sent += cpu->nmis_sent;
		loop->nmis_seen += cpu->nmis_seen;
		loop->mcs_seen += cpu->mcs_seen;
		loop->verdicts[cpu->verdict < REPORT_LOOP_VERDICTS ? cpu->verdict : 0]++;
	}
	for (uint32_t i = 0; i < r->phases.count; i++) {
		const struct report_phase *phase = old_report_entry(r, &r->phases, i);
		char name[sizeof(phase->name) + 1] = { 0 };

		memcpy(name, phase->name, sizeof(phase->name));
		loop_figures_count(f, name, phase->duration_us);
	}
	loop_figures_count(f, "kick", r->kick_us);
	/* Door to door. The TSC runs through; where it does not, there is no such figure. */
	if (khz && loop->door_tsc && tsc_at_door > loop->door_tsc)
		loop_figures_count(f, "generation", (tsc_at_door - loop->door_tsc) / khz * 1000 +
				   (tsc_at_door - loop->door_tsc) % khz * 1000 / khz);
}

static enum status differs(const char *what, uint64_t generation, uint64_t now, uint64_t first,
			   struct problem *problem)
{
	if (now == first)
		return OK;
	return problem_set(problem, E_MEMORY_GROWTH, "generation %llu: %s %llu, in the first generations %llu",
			   (unsigned long long)generation, what, (unsigned long long)now, (unsigned long long)first);
}

enum status loop_census_check(struct report_loop *loop, uint64_t generation, const struct report_census *now,
			      struct problem *problem)
{
	struct report_census *first = &loop->first[loop->handovers & 1];
	enum status s;

	loop->census = *now;
	if (loop->handovers - loop->pass_at < 2)
		return OK;
	if (!first->map_entries)
		*first = *now;
	s = differs("free pages", generation, now->free_pages, first->free_pages, problem);
	if (s == OK)
		s = differs("reserved bytes", generation, now->reserved_bytes, first->reserved_bytes, problem);
	if (s == OK)
		s = differs("e820 entries", generation, now->e820_entries, first->e820_entries, problem);
	return s == OK ? differs("map entries", generation, now->map_entries, first->map_entries, problem) : s;
}

#define MS_PER_HOUR 3600000ull

bool loop_hours_over(const struct report_loop *loop, uint64_t tsc_khz, uint64_t now_tsc, uint32_t hours)
{
	return hours && tsc_khz && now_tsc > loop->started_tsc &&
	       (now_tsc - loop->started_tsc) / tsc_khz >= hours * MS_PER_HOUR;
}

void loop_window_done(struct report_loop *loop, unsigned window, unsigned windows)
{
	uint64_t bit = 1ull << window % 64;

	if (windows != loop->windows) {
		memset(loop->window_bits, 0, sizeof(loop->window_bits));
		loop->windows = windows;
		loop->windows_done = 0;
	}
	if (window >= windows || window >= REPORT_WINDOWS || loop->window_bits[window / 64] & bit)
		return;
	loop->window_bits[window / 64] |= bit;
	if (++loop->windows_done == windows)
		fmt_snprint(loop->event, sizeof(loop->event), "all memory checked once");
}
