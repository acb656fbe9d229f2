// SPDX-License-Identifier: MIT
/* The report for people. */
#include <inttypes.h>
#include <stdio.h>

#include "lib/date.h"
#include "lib/engine.h"
#include "tools/report_view.h"

const char *report_clean(const char *text, size_t size)
{
	static char buffers[4][160];
	static unsigned turn;
	char *out = buffers[turn++ % 4];
	size_t i;

	for (i = 0; i < size && i < sizeof(buffers[0]) - 1 && text[i]; i++)
		out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	out[i] = 0;
	return out;
}

#define CLEAN(field) report_clean(field, sizeof(field))

static void print_engines(const struct report_header *h)
{
	const char *separator = "  engines    ";

	for (enum engine engine = 0; engine < ENGINES; engine++) {
		if (!(h->engines_allowed >> engine & 1))
			continue;
		printf("%s%s", separator, engine_name(engine));
		if (h->engine_ticks[engine])
			printf(" %u ticks", h->engine_ticks[engine]);
		printf("%s", h->engines_chosen >> engine & 1 ? " (used)" :
		       h->engines_right >> engine & 1 ? "" : " (WRONG)");
		separator = ", ";
	}
	if (h->engines_allowed)
		printf("\n");
}

static void print_head(const struct report_header *h)
{
	char started[DATE_TEXT_BYTES] = "unknown";

	printf("Baton handover report (version %u)\n", h->version);
	printf("  state      %s", report_state_name(h->state));
	if (h->failure)
		printf(", E%02u: %s", h->failure, CLEAN(h->failure_text));
	printf("\n  baton      %s commit %s, %s build, generation %" PRIu64 "\n", CLEAN(h->baton_version),
	       CLEAN(h->commit), CLEAN(h->build), h->generation);
	printf("  machine    %s: %s %s, BIOS %s\n", CLEAN(h->platform), CLEAN(h->vendor), CLEAN(h->product),
	       CLEAN(h->bios));
	printf("  processor  %s, microcode 0x%" PRIx64 ", TSC %" PRIu64 " kHz, %u-level paging, %s\n",
	       CLEAN(h->cpu_model), h->microcode, h->tsc_khz, h->paging_levels, h->x2apic ? "x2APIC" : "xAPIC");
	printf("  memory     %" PRIu64 " MiB\n", h->ram_bytes >> 20);
	printf("  door       %s, secure boot %u\n", CLEAN(h->door), h->secure_boot);
	if (h->started)
		date_text(started, sizeof(started), h->started);
	printf("  entry      %s, started at %s by firmware's clock\n", CLEAN(h->entry), started);
	if (h->fell_back)
		printf("  instead of %s, which failed: E%02u %s\n", CLEAN(h->fell_back_entry), h->fell_back,
		       CLEAN(h->fell_back_text));
	printf("  mca        %u banks read, %u with an error\n", h->mca_banks, h->mca_logged);
	printf("  iommu      %s%s%s\n", h->iommu & 1 ? "DMAR " : "", h->iommu & 2 ? "IVRS " : "",
	       h->iommu & 4 ? "translating" : h->iommu ? "not translating" : "none");
	print_engines(h);
	printf("  kick       %u kicked, %u answered in %" PRIu64 " us (deadline %u us), %u NMIs, %u INITs\n", h->kicks,
	       h->kick_answers, h->kick_us, h->kick_deadline_us, h->nmis, h->inits);
	printf("  verify     %" PRIu64 " KiB in %" PRIu64 " us on %u CPUs, %" PRIu64 " MB/s%s\n", h->verify_bytes >> 10,
	       h->verify_us, h->verify_cpus, h->verify_us ? h->verify_bytes / h->verify_us : 0,
	       h->sha256_ni ? ", SHA instructions" : "");
}

static void print_cpus(const struct report_view *view)
{
	const struct report_table *t = &view->header.cpus;

	printf("\n  APIC ID  verdict        park   online us   kick us  NMIs sent/seen  #MC  verify KiB  MB/s\n");
	for (uint32_t i = 0; i < t->count; i++) {
		struct report_cpu c;

		report_entry(view, t, i, &c, sizeof(c));
		printf("  %7u  %-13s  %-5s  %9u  %8u  %9u/%-4u  %3u  %10u  %4u%s%s\n", c.apic_id,
		       report_verdict_name(c.verdict),
		       report_mode_name(c.park_mode), c.online_us, c.kick_us, c.nmis_sent, c.nmis_seen, c.mcs_seen,
		       c.verify_kib, c.verify_us ? (uint32_t)(1024ull * c.verify_kib / c.verify_us) : 0,
		       c.apic_id == view->header.boss_apic_id ? "  boss" : "", c.flags & 1 ? "  MTRRs differ" : "");
	}
}

static uint64_t a_second(uint64_t count, uint64_t ns)
{
	return ns ? 1000000000 * count / ns : 0;
}

static void print_cycles(const struct report_view *view)
{
	const struct report_table *t = &view->header.cycles;

	if (t->count)
		printf("\n  offline and online again (selftest smp), means\n"
		       "  park   one by one: CPUs  offline us  kick us  online us  CPUs a second"
		       "  all at once: CPUs  cycles  CPUs a second\n");
	for (uint32_t i = 0; i < t->count; i++) {
		struct report_cycles c;

		report_entry(view, t, i, &c, sizeof(c));
		printf("  %-5s  %16u  %10" PRIu64 "  %7" PRIu64 "  %9" PRIu64 "  %13" PRIu64
		       "  %17u  %6u  %13" PRIu64 "\n", report_mode_name(c.park_mode), c.cpus, c.offline_ns / 1000,
		       c.kick_ns / 1000, c.online_ns / 1000, a_second(1, c.offline_ns + c.online_ns), c.together,
		       c.cycles, a_second(c.together, c.together_offline_ns + c.together_online_ns));
	}
}

static void print_segments(const struct report_view *view)
{
	const struct report_table *t = &view->header.segments;

	printf("\n  segment      address            size      verified    expected    sha256            path\n");
	for (uint32_t i = 0; i < t->count; i++) {
		struct report_segment s;

		report_entry(view, t, i, &s, sizeof(s));
		printf("  %-11s  0x%-13" PRIx64 " %9" PRIu64 "  %-10s  %-10s  ", CLEAN(s.name), s.address, s.size,
		       s.verified == VERIFIED_GOOD ? "good" : s.verified == VERIFIED_DIFFERS ? "DIFFERS" :
		       s.verified == VERIFIED_MENDED ? "MENDED" : "not done",
		       report_expected_name(s.expected));
		for (int b = 0; b < 8; b++)
			printf("%02x", s.sha256[b]);
		printf("  %s\n", CLEAN(s.path));
		if (s.verified == VERIFIED_DIFFERS || s.verified == VERIFIED_MENDED)
			printf("               chunk %u of %u, first bad page 0x%" PRIx64 "\n", s.bad_chunk,
			       s.chunk_count, s.bad_page);
	}
}

static void print_rest(const struct report_view *view)
{
	const struct report_header *h = &view->header;

	printf("\n  phase             start us   duration us\n");
	for (uint32_t i = 0; i < h->phases.count; i++) {
		struct report_phase p;

		report_entry(view, &h->phases, i, &p, sizeof(p));
		printf("  %-16s %9" PRIu64 "  %12" PRIu64 "\n", CLEAN(p.name), p.start_us, p.duration_us);
	}
	printf("\n  reserved memory\n");
	for (uint32_t i = 0; i < h->reserved.count; i++) {
		struct report_reserved r;

		report_entry(view, &h->reserved, i, &r, sizeof(r));
		printf("  0x%012" PRIx64 "-0x%012" PRIx64 "  %s\n", r.base, r.base + (r.size ? r.size - 1 : 0),
		       CLEAN(r.what));
	}
	printf("\n  PCI functions with bus mastering\n");
	for (uint32_t i = 0; i < h->pci.count; i++) {
		struct report_pci p;

		report_entry(view, &h->pci, i, &p, sizeof(p));
		if (!(p.flags & (REPORT_PCI_BUS_MASTER | REPORT_PCI_TURNED_OFF)))
			continue;
		printf("  %04x:%02x:%02x.%u %04x:%04x class %06x  IOMMU %-7s%s%s\n", p.segment_bdf >> 16,
		       p.segment_bdf >> 8 & 0xff, p.segment_bdf >> 3 & 0x1f, p.segment_bdf & 7, p.vendor, p.device,
		       p.class_code, report_iommu_name(p.iommu), p.flags & REPORT_PCI_BRIDGE ? " bridge" : "",
		       p.flags & REPORT_PCI_TURNED_OFF ? " turned off" : " on at the jump");
	}
}

static void print_loop(const struct report_view *view)
{
	const struct report_header *h = &view->header;
	struct report_loop l;

	if (!h->loop.count)
		return;
	report_entry(view, &h->loop, 0, &l, sizeof(l));
	printf("\n  generations so far: %" PRIu64 " handovers, seed %" PRIu64 ", %" PRIu64 " of %" PRIu64
	       " kicks answered, %" PRIu64 " NMIs seen, %" PRIu64 " INITs\n", l.handovers, l.seed, l.kick_answers,
	       l.kicks, l.nmis_seen, l.inits);
	printf("  pattern: %" PRIu64 " MiB filled, %" PRIu64
	       " MiB checked, %" PRIu64 " bytes changed, %u of %u windows\n",
	       l.pattern_filled >> 20, l.pattern_checked >> 20, l.pattern_changed, l.windows_done, l.windows);
	printf("  taken offline early: %" PRIu64 " CPUs\n", l.offline);
	if (l.failed_generation)
		printf("  first failure: generation %" PRIu64 ", E%02u: %s\n", l.failed_generation, l.failure,
		       CLEAN(l.failure_text));
	printf("  over all            count    min us   mean us    max us\n");
	for (uint32_t i = 0; i < h->stats.count; i++) {
		struct report_stat s;

		report_entry(view, &h->stats, i, &s, sizeof(s));
		printf("  %-16s %8" PRIu64 "  %8u  %8" PRIu64 "  %8u\n", CLEAN(s.name), s.count, s.min_us,
		       s.count ? s.sum_us / s.count : 0, s.max_us);
	}
}

void report_print_table(const struct report_view *view)
{
	print_head(&view->header);
	print_cpus(view);
	print_cycles(view);
	print_segments(view);
	print_rest(view);
	print_loop(view);
}
