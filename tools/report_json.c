// SPDX-License-Identifier: MIT
/* The report for programs: one line of JSON. Addresses are strings (JSON numbers lose bits above 2^53). */
#include <inttypes.h>
#include <stdio.h>

#include "lib/engine.h"
#include "tools/report_view.h"

#define TEXT(name, field) report_print_text(name, field, sizeof(field))

void report_print_text(const char *name, const char *text, size_t size)
{
	printf("\"%s\":\"", name);
	for (size_t i = 0; i < size && text[i]; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < ' ' || c > '~')
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	printf("\",");
}

static void number(const char *name, uint64_t value)
{
	printf("\"%s\":%" PRIu64 ",", name, value);
}

static void address(const char *name, uint64_t value)
{
	printf("\"%s\":\"0x%" PRIx64 "\",", name, value);
}

/* Closes an object whose members all end in a comma. */
static void last(const char *name, uint64_t value, const char *close)
{
	printf("\"%s\":%" PRIu64 "%s", name, value, close);
}

static void engine_names(const char *name, uint32_t set)
{
	const char *separator = "";

	printf("\"%s\":[", name);
	for (enum engine engine = 0; engine < ENGINES; engine++)
		if (set >> engine & 1) {
			printf("%s\"%s\"", separator, engine_name(engine));
			separator = ",";
		}
	printf("],");
}

static void print_engines(const struct report_header *h)
{
	printf("\"engines\":{");
	engine_names("allowed", h->engines_allowed);
	engine_names("right", h->engines_right);
	engine_names("chosen", h->engines_chosen);
	printf("\"ticks\":{");
	for (enum engine engine = 0; engine < ENGINES; engine++)
		printf("%s\"%s\":%u", engine ? "," : "", engine_name(engine), h->engine_ticks[engine]);
	printf("}},");
}

static void print_head(const struct report_header *h)
{
	number("version", h->version);
	printf("\"state\":\"%s\",", report_state_name(h->state));
	number("failure", h->failure);
	TEXT("failure_text", h->failure_text);
	TEXT("baton_version", h->baton_version);
	TEXT("commit", h->commit);
	TEXT("build", h->build);
	TEXT("platform", h->platform);
	TEXT("door", h->door);
	TEXT("vendor", h->vendor);
	TEXT("product", h->product);
	TEXT("bios", h->bios);
	TEXT("cpu_model", h->cpu_model);
	number("microcode", h->microcode);
	number("ram_bytes", h->ram_bytes);
	number("tsc_khz", h->tsc_khz);
	number("paging_levels", h->paging_levels);
	number("x2apic", h->x2apic);
	number("boss_apic_id", h->boss_apic_id);
	number("secure_boot", h->secure_boot);
	number("iommu", h->iommu);
	number("mca_banks", h->mca_banks);
	number("mca_logged", h->mca_logged);
	number("kick_deadline_us", h->kick_deadline_us);
	number("kicks", h->kicks);
	number("kick_answers", h->kick_answers);
	number("nmis", h->nmis);
	number("inits", h->inits);
	number("kick_us", h->kick_us);
	number("verify_us", h->verify_us);
	number("verify_bytes", h->verify_bytes);
	number("verify_cpus", h->verify_cpus);
	number("sha256_ni", h->sha256_ni);
	print_engines(h);
	number("generation", h->generation);
	TEXT("entry", h->entry);
	number("fell_back", h->fell_back);
	TEXT("fell_back_entry", h->fell_back_entry);
	TEXT("fell_back_text", h->fell_back_text);
	number("started", h->started);
	number("failure_us", h->failure_us);
	printf("\"policy\":{");
	number("park", h->policy_park);
	number("on_failure", h->policy_on_failure);
	number("lost_cpu", h->policy_lost_cpu);
	number("init", h->policy_init);
	number("busmaster", h->policy_busmaster);
	last("reset_after", h->policy_reset_after, "},");
}

static void print_cpu(const void *entry)
{
	const struct report_cpu *c = entry;

	number("apic_id", c->apic_id);
	printf("\"verdict\":\"%s\",\"park\":\"%s\",", report_verdict_name(c->verdict), report_mode_name(c->park_mode));
	number("online_us", c->online_us);
	number("kick_us", c->kick_us);
	number("nmis_sent", c->nmis_sent);
	number("nmis_seen", c->nmis_seen);
	number("mcs_seen", c->mcs_seen);
	number("verify_kib", c->verify_kib);
	number("verify_us", c->verify_us);
	last("flags", c->flags, "}");
}

static void print_cycles(const void *entry)
{
	const struct report_cycles *c = entry;

	printf("\"park\":\"%s\",", report_mode_name(c->park_mode));
	number("cpus", c->cpus);
	number("offline_ns", c->offline_ns);
	number("kick_ns", c->kick_ns);
	number("online_ns", c->online_ns);
	number("cycles", c->cycles);
	number("together", c->together);
	number("together_offline_ns", c->together_offline_ns);
	last("together_online_ns", c->together_online_ns, "}");
}

static void print_segment(const void *entry)
{
	const struct report_segment *s = entry;

	TEXT("name", s->name);
	TEXT("path", s->path);
	address("address", s->address);
	number("size", s->size);
	number("memory_size", s->memory_size);
	printf("\"expected\":\"%s\",", report_expected_name(s->expected));
	number("verified", s->verified);
	number("chunks", s->chunk_count);
	if (s->verified == VERIFIED_DIFFERS || s->verified == VERIFIED_MENDED) {
		number("bad_chunk", s->bad_chunk);
		address("bad_page", s->bad_page);
	}
	printf("\"sha256\":\"");
	for (unsigned b = 0; b < sizeof(s->sha256); b++)
		printf("%02x", s->sha256[b]);
	printf("\"}");
}

static void print_phase(const void *entry)
{
	const struct report_phase *p = entry;

	TEXT("name", p->name);
	number("start_us", p->start_us);
	last("duration_us", p->duration_us, "}");
}

static void print_pci(const void *entry)
{
	const struct report_pci *p = entry;

	address("bdf", p->segment_bdf);
	number("vendor", p->vendor);
	number("device", p->device);
	number("class", p->class_code);
	printf("\"iommu\":\"%s\",", report_iommu_name(p->iommu));
	last("flags", p->flags, "}");
}

static void print_reserved(const void *entry)
{
	const struct report_reserved *r = entry;

	TEXT("what", r->what);
	address("base", r->base);
	last("size", r->size, "}");
}

static void print_loop(const void *entry)
{
	const struct report_loop *l = entry;

	number("seed", l->seed);
	number("left", l->left);
	number("handovers", l->handovers);
	number("kicks", l->kicks);
	number("kick_answers", l->kick_answers);
	number("nmis_sent", l->nmis_sent);
	number("nmis_seen", l->nmis_seen);
	number("mcs_seen", l->mcs_seen);
	number("inits", l->inits);
	printf("\"verdicts\":{");
	for (uint32_t i = 0; i <= VERDICT_LOST; i++)
		printf("%s\"%s\":%" PRIu64, i ? "," : "", report_verdict_name(i), l->verdicts[i]);
	printf("},");
	number("pattern_filled", l->pattern_filled);
	number("pattern_checked", l->pattern_checked);
	number("pattern_changed", l->pattern_changed);
	number("windows", l->windows);
	number("windows_done", l->windows_done);
	number("offline", l->offline);
	TEXT("failure_text", l->failure_text);
	number("failed_generation", l->failed_generation);
	last("failure", l->failure, "}");
}

static void print_stat(const void *entry)
{
	const struct report_stat *s = entry;

	TEXT("name", s->name);
	number("count", s->count);
	number("sum_us", s->sum_us);
	number("min_us", s->min_us);
	number("max_us", s->max_us);
	printf("\"buckets\":[");
	for (unsigned i = 0; i < REPORT_BUCKETS; i++)
		printf("%s%u", i ? "," : "", s->buckets[i]);
	printf("]}");
}

/* "name":[{...},...], : each prints the members of one entry of the table, of size bytes in this tool's version. */
static void print_table(const struct report_view *view, const char *name, const struct report_table *table, size_t size,
			void (*each)(const void *entry))
{
	union {
		struct report_cpu cpu;
		struct report_cycles cycles;
		struct report_segment segment;
		struct report_phase phase;
		struct report_pci pci;
		struct report_reserved reserved;
		struct report_loop loop;
		struct report_stat stat;
	} entry;

	printf("\"%s\":[", name);
	for (uint32_t i = 0; i < table->count; i++) {
		report_entry(view, table, i, &entry, size);
		printf("%s{", i ? "," : "");
		each(&entry);
	}
	printf("],");
}

/* A finding or note as an element of its array. Lines come from the report: escaped like any text. */
static void print_line(void *context, bool finding, const char *line)
{
	unsigned *count = context;

	printf("%s{\"finding\":%s,", (*count)++ ? "," : "", finding ? "true" : "false");
	report_print_text("text", line, 320);
	last("n", *count, "}");
}

void report_print_json(const struct report_view *view)
{
	const struct report_header *h = &view->header;
	unsigned lines = 0;

	printf("{");
	print_head(h);
	print_table(view, "cpus", &h->cpus, sizeof(struct report_cpu), print_cpu);
	print_table(view, "cycles", &h->cycles, sizeof(struct report_cycles), print_cycles);
	print_table(view, "segments", &h->segments, sizeof(struct report_segment), print_segment);
	print_table(view, "phases", &h->phases, sizeof(struct report_phase), print_phase);
	print_table(view, "pci", &h->pci, sizeof(struct report_pci), print_pci);
	print_table(view, "reserved", &h->reserved, sizeof(struct report_reserved), print_reserved);
	print_table(view, "loop", &h->loop, sizeof(struct report_loop), print_loop);
	print_table(view, "stats", &h->stats, sizeof(struct report_stat), print_stat);
	printf("\"lines\":[");
	report_judge(view, print_line, &lines);
	printf("]}\n");
}
