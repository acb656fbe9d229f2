// SPDX-License-Identifier: MIT
#include "kernel/fault_words.h"

#include "kernel/misbehave.h"
#include "lib/engine_fault.h"
#include "lib/string.h"

/* False: no digits, or more than fits. */
static bool parse_number(const char **at, uint32_t *value)
{
	const char *start = *at;
	uint64_t number = 0;

	while (**at >= '0' && **at <= '9' && number <= UINT32_MAX)
		number = number * 10 + (uint32_t)(*(*at)++ - '0');
	*value = (uint32_t)number;
	return *at != start && number <= UINT32_MAX;
}

static bool parse_kick(const char *name, enum fault_kick *kick)
{
	static const char *const names[] = { NULL, "spin", "nmi", "counter", "dead" };

	for (unsigned i = 1; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0) {
			*kick = (enum fault_kick)i;
			return true;
		}
	return false;
}

/* The kind of the segments of that name. */
static bool parse_kind(const char *name, enum fault_boss *boss)
{
	static const char *const names[] = { "kernel", "initrd", "boot_params", "cmdline", "setup_data", "block" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0) {
			*boss = (enum fault_boss)(FAULT_BOSS_SKIPS + SEGMENT_KERNEL + i);
			return true;
		}
	return false;
}

static bool parse_boss(const char *word, enum fault_boss *boss)
{
	static const struct { const char *word; enum fault_boss boss; } words[] = {
		{ "crash-block:once", FAULT_BOSS_CRASH }, { "crash-block:twice", FAULT_BOSS_CRASH_TWICE },
		{ "crash-block:double", FAULT_BOSS_DOUBLE }, { "hang-block", FAULT_BOSS_HANG },
	};

	int engine = engine_fault_word(word);

	*boss = engine > 0 ? (enum fault_boss)(FAULT_BOSS_ENGINES + engine) : FAULT_BOSS_NONE;
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word, words[i].word) == 0)
			*boss = words[i].boss;
	return *boss || engine >= 0;
}

/* Words that are nothing but on. */
static bool parse_flag(const char *at, struct fault *f)
{
	const struct { const char *word; bool *flag; } flags[] = {
		{ "canary", &f->canary }, { "x2apic", &f->x2apic }, { "iommu-on", &f->iommu }, { "crash", &f->crash },
		{ "hang", &f->hang }, { "stray-write", &f->stray_write }, { "stray", &f->stray }, { "leak", &f->leak },
		{ "prober", &f->prober }, { "triple", &f->triple }, { "exchange", &f->exchange },
		{ "requests", &f->request }, { "bundle", &f->bundle },
	};

	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (strcmp(at, flags[i].word) == 0)
			return *flags[i].flag = true;
	return false;
}

/* Words with a CPU and nothing else. */
static bool parse_cpu(const char *at, struct fault *f)
{
	const struct { const char *word; bool *flag; enum fault_kick kick; } words[] = {
		{ "left:", &f->left, FAULT_KICK_NONE }, { "deaf:", &f->deaf, FAULT_KICK_NONE },
		{ "no-park:", &f->no_park, FAULT_KICK_NONE }, { "stray-write:", &f->by_other, FAULT_KICK_NONE },
		{ "skip-kick:", NULL, FAULT_KICK_SKIPPED }, { "lost-store:", NULL, FAULT_KICK_LOST_STORE },
		{ "old-park:", NULL, FAULT_KICK_OLD_PARK }, { "twice:", NULL, FAULT_KICK_TWICE },
		{ "late:", &f->late, FAULT_KICK_NONE }, { "slow:", &f->slow, FAULT_KICK_NONE },
		{ "listed-twice:", &f->listed_twice, FAULT_KICK_NONE },
		{ "listed-off:", &f->listed_off, FAULT_KICK_NONE },
		{ "unlisted:", &f->unlisted, FAULT_KICK_NONE },
	};

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t length = strlen(words[i].word);

		if (strncmp(at, words[i].word, length) != 0)
			continue;
		at += length;
		if (words[i].flag)
			*words[i].flag = true;
		f->kick = words[i].kick;
		return parse_number(&at, &f->apic_id) && !*at;
	}
	return false;
}

bool fault_word_parse(const char *word, struct fault *f)
{
	const char *at = word;

	memset(f, 0, sizeof(*f));
	if (strncmp(at, "flip:", 5) == 0 && at[5] && strlen(at + 5) < sizeof(f->segment)) {
		memcpy(f->segment, at + 5, strlen(at + 5) + 1);
		return true;
	}
	if (strncmp(at, "flush:", 6) == 0) {
		at += 6;
		return parse_number(&at, &f->flush_every) && !*at && f->flush_every;
	}
	if (strncmp(at, "prober:", 7) == 0) {
		at += 7;
		f->prober = true;
		return parse_number(&at, &f->machine_checks) && !*at;
	}
	if (parse_flag(at, f) || parse_boss(at, &f->boss) || parse_cpu(at, f))
		return true;
	if (strncmp(at, "random:", 7) == 0) {
		at += 7;
		return parse_number(&at, &f->random) && !*at && f->random && f->random <= MISBEHAVE_CPUS;
	}
	if (strncmp(at, "skip-verify:", 12) == 0)
		return parse_kind(at + 12, &f->boss);
	if (strncmp(at, "ignore-kick:", 12) == 0) {
		at += 12;
		return parse_number(&at, &f->apic_id) && *at == ':' && parse_kick(at + 1, &f->kick);
	}
	return false;
}

bool fault_word_generation(char *word, uint64_t *generation)
{
	char *at = strchr(word, '@');
	const char *digits = at + 1;
	uint32_t number;

	*generation = 0;
	if (!at)
		return true;
	*at = 0;
	if (!parse_number(&digits, &number) || *digits || !number)
		return false;
	*generation = number;
	return true;
}
