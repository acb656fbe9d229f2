// SPDX-License-Identifier: MIT
#include "kernel/report.h"

#include "gen/identity.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "purgatory/plan.h"
#include "purgatory/seal.h"

/* Tables start on 8 bytes: their entries hold 64-bit fields. */
static uint32_t table_bytes(uint32_t capacity, uint32_t entry_size)
{
	return (capacity * entry_size + 7) & ~7u;
}

uint32_t report_size_needed(unsigned cpus, unsigned pci_functions, bool loop)
{
	uint32_t more = table_bytes(1, sizeof(struct report_loop)) +
			table_bytes(REPORT_STATS_MAX, sizeof(struct report_stat)) +
			table_bytes(REPORT_PATTERN_MAX, sizeof(struct report_pattern));

	return (loop ? more : 0) + sizeof(struct report_header) + table_bytes(cpus, sizeof(struct report_cpu)) +
	       table_bytes(REPORT_PHASES_MAX, sizeof(struct report_phase)) +
	       table_bytes(PLAN_SEGMENTS, sizeof(struct report_segment)) +
	       table_bytes(pci_functions, sizeof(struct report_pci)) +
	       table_bytes(REPORT_RESERVED_MAX, sizeof(struct report_reserved)) +
	       table_bytes(REPORT_CYCLES_MAX, sizeof(struct report_cycles));
}

static void table_open(struct report_header *h, struct report_table *t, uint32_t capacity, uint32_t entry_size)
{
	t->offset = h->total_size;
	t->count = 0;
	t->entry_size = entry_size;
	t->capacity = capacity;
	h->total_size += table_bytes(capacity, entry_size);
}

void report_open(struct report *r, void *memory, unsigned cpus, unsigned pci_functions, bool loop)
{
	struct report_header *h = memory;

	memset(memory, 0, report_size_needed(cpus, pci_functions, loop));
	h->magic = REPORT_MAGIC;
	h->version = REPORT_VERSION;
	h->header_size = h->total_size = sizeof(*h);
	h->state = REPORT_PREPARED;
	h->self = (uint64_t)(uintptr_t)memory;
	table_open(h, &h->cpus, cpus, sizeof(struct report_cpu));
	table_open(h, &h->phases, REPORT_PHASES_MAX, sizeof(struct report_phase));
	table_open(h, &h->segments, PLAN_SEGMENTS, sizeof(struct report_segment));
	table_open(h, &h->pci, pci_functions, sizeof(struct report_pci));
	table_open(h, &h->reserved, REPORT_RESERVED_MAX, sizeof(struct report_reserved));
	table_open(h, &h->cycles, REPORT_CYCLES_MAX, sizeof(struct report_cycles));
	if (loop) {
		table_open(h, &h->loop, 1, sizeof(struct report_loop));
		table_open(h, &h->stats, REPORT_STATS_MAX, sizeof(struct report_stat));
		table_open(h, &h->pattern, REPORT_PATTERN_MAX, sizeof(struct report_pattern));
	}
	r->header = h;
}

const char *door_name(enum door door)
{
	static const char *const names[] = {
		[DOOR_EFI] = "efi", [DOOR_HANDOVER] = "handover", [DOOR_LINUX64] = "linux64",
		[DOOR_LINUX32] = "linux32", [DOOR_LINUX16] = "linux16",
	};

	return names[door];
}

void report_identity(struct report *r, const struct boot_info *info, const struct platform *p, uint64_t generation)
{
	struct report_header *h = r->header;

	fmt_snprint(h->baton_version, sizeof(h->baton_version), "%s", BATON_VERSION);
	fmt_snprint(h->commit, sizeof(h->commit), "%s", BATON_COMMIT);
	fmt_snprint(h->build, sizeof(h->build), "%s", BATON_BUILD);
	fmt_snprint(h->platform, sizeof(h->platform), "%s", p->name ? p->name : "");
	fmt_snprint(h->door, sizeof(h->door), "%s", door_name(info->door));
	fmt_snprint(h->vendor, sizeof(h->vendor), "%s", info->smbios_vendor);
	fmt_snprint(h->product, sizeof(h->product), "%s", info->smbios_product);
	fmt_snprint(h->bios, sizeof(h->bios), "%s", info->smbios_bios);
	fmt_snprint(h->cpu_model, sizeof(h->cpu_model), "%s", p->cpu_model);
	h->microcode = p->microcode;
	h->secure_boot = info->secure_boot;
	h->started = info->started;
	fmt_snprint(h->entry, sizeof(h->entry), "%s", info->plan.entry_id);
	h->generation = generation;
	h->seed = info->config.seed;
	h->policy_park = info->config.park;
	h->policy_on_failure = info->config.on_failure;
	h->policy_lost_cpu = info->config.lost_cpu;
	h->policy_init = info->config.init;
	h->policy_busmaster = info->config.busmaster;
	h->policy_reset_after = config_reset_after_s(&info->config);
}

void report_fail(struct report *r, const struct problem *problem, uint64_t us)
{
	struct report_header *h = r->header;

	h->state = REPORT_FAILED;
	h->failure = problem->code;
	h->failure_us = us;
	fmt_snprint(h->failure_text, sizeof(h->failure_text), "%s", problem->text);
	seal_report(h);
}

static void *table_add(struct report *r, struct report_table *t)
{
	if (t->count == t->capacity)
		return NULL;
	return (uint8_t *)r->header + t->offset + (uint64_t)t->count++ * t->entry_size;
}

struct report_cpu *report_add_cpu(struct report *r) { return table_add(r, &r->header->cpus); }
struct report_pci *report_add_pci(struct report *r) { return table_add(r, &r->header->pci); }
struct report_cycles *report_add_cycles(struct report *r) { return table_add(r, &r->header->cycles); }

void report_add_phase(struct report *r, const char *name, uint64_t start_us, uint64_t end_us)
{
	struct report_phase *phase = table_add(r, &r->header->phases);

	if (!phase)
		return;
	fmt_snprint(phase->name, sizeof(phase->name), "%s", name);
	phase->start_us = start_us;
	phase->duration_us = end_us - start_us;
}

void report_add_reserved(struct report *r, const char *what, uint64_t base, uint64_t size)
{
	struct report_reserved *range = table_add(r, &r->header->reserved);

	if (!range)
		return;
	fmt_snprint(range->what, sizeof(range->what), "%s", what);
	range->base = base;
	range->size = size;
}

struct report_segment *report_add_segment(struct report *r, const char *name)
{
	struct report_segment *s = table_add(r, &r->header->segments);

	if (s) {
		fmt_snprint(s->name, sizeof(s->name), "%s", name);
		s->bad_chunk = ~0u;
		s->expected = EXPECTED_FIRST_READ;
	}
	return s;
}

void report_set_loop(struct report *r, const struct report_loop *loop, const struct report_stat *stats, uint32_t count)
{
	struct report_loop *to = table_add(r, &r->header->loop);

	if (to)
		*to = *loop;
	for (uint32_t i = 0; i < count; i++) {
		struct report_stat *stat = table_add(r, &r->header->stats);

		if (stat)
			*stat = stats[i];
	}
}

bool report_add_pattern(struct report *r, uint64_t base, uint64_t size, const char *owner)
{
	struct report_pattern *pattern = table_add(r, &r->header->pattern);

	if (!pattern)
		return false;
	fmt_snprint(pattern->owner, sizeof(pattern->owner), "%s", owner);
	pattern->base = base;
	pattern->size = size;
	return true;
}
