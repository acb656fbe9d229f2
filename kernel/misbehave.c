// SPDX-License-Identifier: MIT
#include "kernel/misbehave.h"

#include "kernel/log.h"
#include "kernel/old_report.h"
#include "lib/fmt.h"
#include "lib/random.h"

#define ENDS_ONE_IN	32u
#define CPU_ONE_IN	3u
#define CPU_BYTES	32u
#define LINE_BYTES	(CPU_BYTES * (MISBEHAVE_CPUS + 2))
#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

bool misbehave_draw(uint64_t seed, uint64_t generation, uint32_t cpus, uint32_t apic_id, char *word, size_t size)
{
	static const char *const ending[] = { "deaf:%u", "late:%u", "slow:%u", "no-park:%u" };
	static const char *const going_on[] = { "twice:%u", "lost-store:%u", "ignore-kick:%u:spin",
						"ignore-kick:%u:nmi", "ignore-kick:%u:counter", "ignore-kick:%u:dead" };
	uint64_t state = seed ^ generation * 0xd1342543de82ef95ull, first = random_splitmix64(&state);
	uint64_t kind = 0, whether = 0;

	if (first % ENDS_ONE_IN == 0) {
		kind = random_splitmix64(&state);
		if (1 + random_splitmix64(&state) % cpus != apic_id)
			return false;
		fmt_snprint(word, size, ending[kind % COUNT(ending)], apic_id);
		return true;
	}
	if (first % 2)
		return false;
	for (uint32_t id = 1; id <= apic_id; id++) {
		whether = random_splitmix64(&state);
		kind = random_splitmix64(&state);
	}
	if (whether % CPU_ONE_IN)
		return false;
	fmt_snprint(word, size, going_on[kind % COUNT(going_on)], apic_id);
	return true;
}

void misbehave_tell(const struct report_header *report)
{
	char cpus[LINE_BYTES];
	size_t at = 0;

	cpus[0] = 0;
	for (uint32_t i = 0; i < report->cpus.count && at < sizeof(cpus); i++) {
		const struct report_cpu *cpu = old_report_entry(report, &report->cpus, i);

		at += (size_t)fmt_snprint(cpus + at, sizeof(cpus) - at, "%s%u:%s:%u", i ? "," : "", cpu->apic_id,
					  old_report_verdict(cpu->verdict), cpu->nmis_sent);
	}
	log_always("was", "generation=%lu state=%u failure=%u kicks=%u answers=%u inits=%u cpus=%s", report->generation,
		   report->state, report->failure, report->kicks, report->kick_answers, report->inits, cpus);
}
