// SPDX-License-Identifier: MIT
/* What a sound report says about the handover: findings make it not good, notes inform. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/engine.h"
#include "tools/report_view.h"

/* enum slot_mode of purgatory/slot.h, which tools do not include (it needs the seam). */
enum { MODE_NAME_HLT = 1, MODE_NAME_MWAIT = 2 };

struct judge {
	report_line_fn *line;
	void *context;
	unsigned findings;
};

const char *report_verdict_name(uint32_t verdict)
{
	static const char *const names[] = {
		[VERDICT_NONE] = "NONE", [VERDICT_ONLINE] = "ONLINE", [VERDICT_NO_ANSWER] = "NO_ANSWER",
		[VERDICT_UNREACHABLE] = "UNREACHABLE", [VERDICT_DISABLED] = "DISABLED", [VERDICT_IS_BSP] = "IS_BSP",
		[VERDICT_PARKED] = "PARKED", [VERDICT_HALTED] = "HALTED", [VERDICT_INIT_RECALLED] = "INIT_RECALLED",
		[VERDICT_INIT_HELD] = "INIT_HELD", [VERDICT_LOST] = "LOST",
	};

	return verdict < sizeof(names) / sizeof(names[0]) ? names[verdict] : "?";
}

const char *report_mode_name(uint32_t mode)
{
	return mode == MODE_NAME_HLT ? "hlt" : mode == MODE_NAME_MWAIT ? "mwait" : mode == 0 ? "-" : "?";
}

const char *report_state_name(uint32_t state)
{
	static const char *const names[] = { "?", "prepared", "handed-over", "failed" };

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

const char *report_expected_name(uint32_t expected)
{
	return expected == EXPECTED_ENTRY ? "entry" : expected == EXPECTED_FIRST_READ ? "first-read" : "?";
}

const char *report_iommu_name(uint32_t iommu)
{
	static const char *const names[] = { "unknown", "none", "off", "on" };

	return iommu < sizeof(names) / sizeof(names[0]) ? names[iommu] : "?";
}

static void say(struct judge *j, bool finding, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void say(struct judge *j, bool finding, const char *format, ...)
{
	char text[320];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	j->findings += finding;
	if (j->line)
		j->line(j->context, finding, text);
}

static void judge_cpus(struct judge *j, const struct report_view *view)
{
	const struct report_header *h = &view->header;
	bool boss = false;

	for (uint32_t i = 0; i < h->cpus.count; i++) {
		struct report_cpu cpu;

		report_entry(view, &h->cpus, i, &cpu, sizeof(cpu));
		if (cpu.apic_id == h->boss_apic_id && !boss) {
			boss = true;
			if (cpu.verdict != VERDICT_ONLINE && cpu.verdict != VERDICT_IS_BSP)
				say(j, true, "boss (APIC ID %u) has verdict %s", cpu.apic_id,
				    report_verdict_name(cpu.verdict));
		} else if (cpu.verdict != VERDICT_HALTED && cpu.verdict != VERDICT_DISABLED) {
			say(j, true, "CPU with APIC ID %u has verdict %s instead of HALTED", cpu.apic_id,
			    report_verdict_name(cpu.verdict));
		}
		if (cpu.flags & 1)
			say(j, true, "CPU with APIC ID %u had other MTRRs than the boss", cpu.apic_id);
		if (cpu.mcs_seen)
			say(j, true, "CPU with APIC ID %u took %u machine checks while parked", cpu.apic_id,
			    cpu.mcs_seen);
	}
	if (!boss)
		say(j, true, "the boss (APIC ID %u) is not in the CPU table", h->boss_apic_id);
}

/* Of two entries in memory one was started; the finding about the other is that it fell back. */
static bool is_unused(const struct report_view *view, const struct report_segment *s)
{
	bool of_fallback = strncmp(s->name, "fallback-", 9) == 0;

	return s->verified == VERIFIED_NOT_REACHED && of_fallback == !view->header.fell_back;
}

static void judge_segments(struct judge *j, const struct report_view *view)
{
	const struct report_table *t = &view->header.segments;

	if (!t->count)
		say(j, true, "no segment is listed");
	for (uint32_t i = 0; i < t->count; i++) {
		struct report_segment s;

		report_entry(view, t, i, &s, sizeof(s));
		if (s.verified == VERIFIED_GOOD || is_unused(view, &s))
			continue;
		if (s.verified == VERIFIED_DIFFERS || s.verified == VERIFIED_MENDED)
			say(j, true, "segment %.32s differ%s: chunk %u, first bad page 0x%" PRIx64, s.name,
			    s.verified == VERIFIED_DIFFERS ? "s" : "ed and was copied again", s.bad_chunk, s.bad_page);
		else
			say(j, true, "segment %.32s was not verified", s.name);
	}
}

unsigned report_judge(const struct report_view *view, report_line_fn *line, void *context)
{
	const struct report_header *h = &view->header;
	struct judge j = { .line = line, .context = context };

	if (h->version > REPORT_VERSION)
		say(&j, false, "report version %u is newer than this tool's %u", h->version, REPORT_VERSION);
	if (h->state != REPORT_HANDED_OVER)
		say(&j, true, "state is %s", report_state_name(h->state));
	if (h->failure)
		say(&j, true, "E%02u: %.128s", h->failure, h->failure_text);
	if (h->fell_back)
		say(&j, true, "entry %.64s failed with E%02u: %.128s; this one was started instead", h->fell_back_entry,
		    h->fell_back, h->fell_back_text);
	judge_cpus(&j, view);
	judge_segments(&j, view);
	for (unsigned engine = 0; engine < 32; engine++)
		if ((h->engines_allowed & ~h->engines_right) >> engine & 1)
			say(&j, true, "hash engine %s gave wrong answers and was not used", engine_name(engine));
	if (h->kick_answers != h->kicks)
		say(&j, true, "%u of %u kicked CPUs answered", h->kick_answers, h->kicks);
	if (h->inits)
		say(&j, true, "%u CPUs needed INIT", h->inits);
	if (h->mca_logged)
		say(&j, false, "%u of %u machine-check banks held an error when Baton started", h->mca_logged,
		    h->mca_banks);
	return j.findings;
}
