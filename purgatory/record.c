// SPDX-License-Identifier: MIT
/*
 * The report in memory. It is written whole each time, CRC last, and pushed out of the caches, so that a machine that
 * resets after a failure still has it at the same address (protocol rule 16).
 */
#include "lib/fmt.h"
#include "lib/string.h"
#include "purgatory/purgatory.h"
#include "purgatory/seal.h"
#include "purgatory/verify.h"
#include "x86/cpu.h"

static struct report_header *report_of(const struct plan *plan)
{
	struct report_header *r = plan->report ? cpu_phys_pointer(plan->report) : 0;

	return r && r->magic == REPORT_MAGIC && r->version == REPORT_VERSION ? r : 0;
}

const struct report_header *record_header(const struct plan *plan)
{
	return report_of(plan);
}

/* Entry i of a table, NULL if it would not lie inside the report. */
static void *entry_of(struct report_header *r, const struct report_table *t, uint32_t i, uint32_t size)
{
	uint64_t at = t->offset + (uint64_t)i * t->entry_size;

	if (t->entry_size < size || at + size > r->total_size)
		return 0;
	return (uint8_t *)r + at;
}

uint64_t record_us(const struct plan *plan, uint64_t tsc)
{
	uint64_t ticks = tsc - plan->tsc_at_door;

	return ticks / plan->tsc_khz * 1000 + ticks % plan->tsc_khz * 1000 / plan->tsc_khz;
}

static void add_phase(struct report_header *r, const char *name, uint64_t start, uint64_t now)
{
	struct report_phase *phase;

	if (!r || r->phases.count >= r->phases.capacity)
		return;
	phase = entry_of(r, &r->phases, r->phases.count, sizeof(*phase));
	if (!phase)
		return;
	memset(phase, 0, sizeof(*phase));
	memcpy(phase->name, name, strnlen(name, sizeof(phase->name) - 1));
	phase->start_us = start;
	phase->duration_us = now - start;
	r->phases.count++;
}

/* What the next start tells if nothing follows and the watchdog ends it. */
static void record_alive(const struct plan *plan, const char *phase)
{
	char text[REPORT_FAILURE_BYTES];

	fmt_snprint(text, sizeof(text), REPORT_HUNG_TEXT, phase);
	record_failure(plan, E_HUNG, text);
}

void record_phase(const struct plan *plan, const char *name, uint64_t from_tsc)
{
	uint64_t start = record_us(plan, from_tsc), now = record_us(plan, cpu_rdtsc());

	if (!plan->quiet)
		say("baton: event=phase name=%s us=%llu", name, (unsigned long long)(now - start));
	add_phase(report_of(plan), name, start, now);
	if (plan->watchdog.kind)
		record_alive(plan, name);
}

void record_segment(const struct plan *plan, uint32_t segment, uint32_t verified, uint32_t chunk, uint64_t page)
{
	struct report_header *r = report_of(plan);
	uint32_t i;

	for (i = 0; r && i < r->segments.count; i++) {
		struct report_segment *s = entry_of(r, &r->segments, i, sizeof(*s));

		if (!s || s->address != plan->segments[segment].dest)
			continue;
		s->verified = verified;
		s->bad_chunk = chunk;
		s->bad_page = page;
	}
}

/* What one CPU verified. */
void record_share(const struct plan *plan, uint32_t apic_id, uint64_t bytes, uint64_t us)
{
	struct report_header *r = report_of(plan);
	uint32_t i;

	for (i = 0; r && i < r->cpus.count; i++) {
		struct report_cpu *cpu = entry_of(r, &r->cpus, i, sizeof(*cpu));

		if (!cpu || cpu->apic_id != apic_id)
			continue;
		cpu->verify_kib = (uint32_t)(bytes >> 10);
		cpu->verify_us = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
	}
}

static void record_cpus(struct report_header *r, const struct plan *plan)
{
	const struct slot *slots = cpu_phys_pointer(plan->slots);
	uint32_t i, k;

	for (i = 0; i < r->cpus.count; i++) {
		struct report_cpu *cpu = entry_of(r, &r->cpus, i, sizeof(*cpu));

		for (k = 0; cpu && k < plan->cpu_count; k++) {
			if (slots[k].apic_id != cpu->apic_id || k == plan->boss_slot)
				continue;
			cpu->verdict = slots[k].boss.verdict;
			cpu->park_mode = slots[k].mode;
			cpu->kick_us = slots[k].boss.answer_us;
			cpu->nmis_sent = slots[k].boss.nmis;
			cpu->nmis_seen = shared_load_relaxed_u32(&slots[k].nmi_count);
			cpu->mcs_seen = shared_load_relaxed_u32(&slots[k].mc_count);
		}
	}
}

void record_success(struct handover *h)
{
	struct report_header *r = report_of(h->plan);

	if (!r)
		return;
	record_cpus(r, h->plan);
	r->state = REPORT_HANDED_OVER;
	r->failure = 0;
	r->failure_us = 0;
	memset(r->failure_text, 0, sizeof(r->failure_text));
	r->kick_deadline_us = h->boss.deadline_us;
	r->kicks = h->boss.kicks;
	r->kick_answers = h->boss.answers;
	r->nmis = h->boss.nmis;
	r->inits = h->boss.inits;
	r->kick_us = h->boss.last_us;
	r->verify_us = h->verify_us;
	r->verify_bytes = h->plan->bytes;
	r->verify_cpus = h->verify_cpus;
	record_engines(r);
	r->handover_tsc = cpu_rdtsc();
	seal_report(r);
}

static void set_text(char *out, size_t size, const char *text)
{
	memset(out, 0, size);
	memcpy(out, text, strnlen(text, size - 1));
}

void record_fall_back(const struct plan *plan, enum status code, const char *text)
{
	struct report_header *r = report_of(plan);

	if (!r)
		return;
	r->fell_back = code;
	memcpy(r->fell_back_entry, r->entry, sizeof(r->entry));
	set_text(r->fell_back_text, sizeof(r->fell_back_text), text);
	set_text(r->entry, sizeof(r->entry), plan->entry_id);
	seal_report(r);
}

void record_failure(const struct plan *plan, enum status code, const char *text)
{
	struct report_header *r = report_of(plan);

	if (!r)
		return;
	record_cpus(r, plan);
	r->state = REPORT_FAILED;
	r->failure = code;
	r->failure_us = record_us(plan, cpu_rdtsc());
	set_text(r->failure_text, sizeof(r->failure_text), text);
	seal_report(r);
}
