// SPDX-License-Identifier: MIT
#include "boot/last.h"

#include "boot/config.h"
#include "lib/crc32.h"
#include "lib/date.h"
#include "lib/fmt.h"
#include "lib/string.h"

/* Up to and including the failure number: the least that any version carries. */
#define HEADER_LEAST	offsetof(struct report_header, baton_version)
#define US_PER_S	1000000u

#define CRC_OFFSET	offsetof(struct report_header, crc32)
#define CRC_BYTES	4u

static uint32_t crc_without_itself(const uint8_t *data, uint32_t length)
{
	static const uint8_t zero[CRC_BYTES];
	uint32_t crc = crc32(crc32(0, data, CRC_OFFSET), zero, CRC_BYTES);

	return crc32(crc, data + CRC_OFFSET + CRC_BYTES, length - CRC_OFFSET - CRC_BYTES);
}

/* Printable ASCII only, always ended: this text drives a terminal. */
static void clean(char *to, size_t size, const char *from, size_t length)
{
	size_t i;

	for (i = 0; i + 1 < size && i < length && from[i]; i++)
		to[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
	memset(to + i, 0, size - i);
}

#define CLEAN(to, from) clean(to, sizeof(to), from, sizeof(from))

/* NULL, or the field that is wrong. */
static const char *wrong_field(const struct report_header *h, uint64_t length)
{
	if (h->version < 1 || h->version > REPORT_VERSION)
		return "version";
	if (h->total_size > length || h->total_size > LAST_RECORD_MAX)
		return "total_size";
	if (h->header_size < HEADER_LEAST || h->header_size > h->total_size)
		return "header_size";
	return NULL;
}

static void take(const struct report_header *h, struct report_refusal *r)
{
	r->failure = h->failure;
	r->policy_on_failure = h->policy_on_failure;
	r->failure_us = h->failure_us;
	r->when = h->started ? h->started + h->failure_us / US_PER_S : 0;
	r->generation = h->generation;
	r->seed = h->seed;
	CLEAN(r->baton_version, h->baton_version);
	CLEAN(r->commit, h->commit);
	CLEAN(r->entry, h->entry);
	CLEAN(r->text, h->failure_text);
}

enum last_kind last_judge(const void *data, uint64_t length, uint64_t address, struct report_refusal *refusal,
			  struct problem *problem)
{
	struct report_header h = { 0 };
	const char *wrong;
	uint32_t crc;

	memset(refusal, 0, sizeof(*refusal));
	if (length < HEADER_LEAST)
		return LAST_NOTHING;
	memcpy(&h, data, HEADER_LEAST);
	if (h.magic != REPORT_MAGIC)
		return LAST_NOTHING;
	if (h.state != REPORT_FAILED && h.state != REPORT_HANDED_OVER)
		return LAST_NOTHING;		/* never sealed: what happened after it was laid out is not known */
	wrong = wrong_field(&h, length);
	crc = wrong ? 0 : crc_without_itself(data, h.total_size);
	if (wrong || crc != h.crc32) {
		if (h.state != REPORT_FAILED)
			return LAST_NOTHING;
		if (h.version < 1 || h.version > REPORT_VERSION)
			problem_set(problem, E_RECORD,
				    "record of the last start at 0x%llx: version is %u, this Baton reads %u",
				    (unsigned long long)address, h.version, REPORT_VERSION);
		else if (wrong)
			problem_set(problem, E_RECORD, "record of the last start at 0x%llx: %s is out of bounds",
				    (unsigned long long)address, wrong);
		else
			problem_set(problem, E_RECORD,
				    "record of the last start at 0x%llx: crc32 is %08x, computed %08x",
				    (unsigned long long)address, h.crc32, crc);
		return LAST_DAMAGED;
	}
	memcpy(&h, data, h.header_size < sizeof(h) ? h.header_size : sizeof(h));
	if (h.self && h.self != address)
		return LAST_NOTHING;		/* a copy: what lies where it was written counts */
	if (h.state == REPORT_HANDED_OVER)
		return LAST_GOOD;
	take(&h, refusal);
	return LAST_REFUSED;
}

bool last_open(const void *data, uint64_t length, struct report_refusal *r, struct problem *problem)
{
	const char *wrong = NULL;

	memset(r, 0, sizeof(*r));
	if (length < REFUSAL_BYTES_FIRST) {
		problem_set(problem, E_RECORD, "variable %s: %u bytes are too short", REFUSAL_VARIABLE,
			    (unsigned)length);
		return false;
	}
	memcpy(r, data, length < sizeof(*r) ? length : sizeof(*r));
	if (r->magic != REFUSAL_MAGIC)
		wrong = "magic";
	else if (r->version != REFUSAL_VERSION)
		wrong = "version";
	else if (r->total_size != length)
		wrong = "total_size";
	else if (r->header_size < REFUSAL_BYTES_FIRST || r->header_size > length)
		wrong = "header_size";
	else if (r->crc32 != crc_without_itself(data, (uint32_t)length))
		wrong = "crc32";
	if (wrong) {
		problem_set(problem, E_RECORD, "variable %s: %s is wrong", REFUSAL_VARIABLE, wrong);
		memset(r, 0, sizeof(*r));
		return false;
	}
	/* An older one's missing fields are zero, a newer one's further fields are left behind. */
	if (r->header_size < sizeof(*r))
		memset((uint8_t *)r + r->header_size, 0, sizeof(*r) - r->header_size);
	r->header_size = r->total_size = sizeof(*r);
	CLEAN(r->baton_version, ((const struct report_refusal *)data)->baton_version);
	CLEAN(r->commit, ((const struct report_refusal *)data)->commit);
	CLEAN(r->entry, ((const struct report_refusal *)data)->entry);
	CLEAN(r->text, ((const struct report_refusal *)data)->text);
	return true;
}

void last_seal(struct report_refusal *r)
{
	r->magic = REFUSAL_MAGIC;
	r->version = REFUSAL_VERSION;
	r->header_size = r->total_size = sizeof(*r);
	r->crc32 = crc_without_itself((const uint8_t *)r, sizeof(*r));
}

enum last_action last_merge(struct report_refusal *stored, enum last_kind found, const struct report_refusal *fresh)
{
	bool had = stored->magic != 0;
	uint32_t before = had ? stored->count : 0;

	if (found == LAST_GOOD) {
		memset(stored, 0, sizeof(*stored));
		return had ? LAST_DELETE : LAST_KEEP;
	}
	if (found != LAST_REFUSED)
		return LAST_KEEP;
	*stored = *fresh;
	stored->count = before < UINT32_MAX ? before + 1 : before;
	stored->hold = stored->policy_on_failure != ON_FAILURE_REBOOT || stored->count > 1;
	last_seal(stored);
	return LAST_WRITE;
}

void last_story(const struct report_refusal *r, bool fresh, uint64_t now, char text[LAST_STORY_BYTES])
{
	char when[DATE_TEXT_BYTES] = "", ago[DATE_AGO_BYTES] = "", row[48] = "", loop[48] = "";

	if (r->when)
		date_text(when, sizeof(when), r->when);
	if (r->when && now)
		date_ago(ago, sizeof(ago), r->when, now);
	if (r->count > 1)
		fmt_snprint(row, sizeof(row), ", %u in a row", r->count);
	if (r->generation > 1)
		fmt_snprint(loop, sizeof(loop), " in generation %llu", (unsigned long long)r->generation);
	fmt_snprint(text, LAST_STORY_BYTES, "%s of %s %s%s%s%s%s%s%s. %s",
		    fresh ? "The last start" : "The start", r->entry[0] ? r->entry : "an unknown entry",
		    r->failure == E_HUNG ? "hung" : "was refused", loop,
		    when[0] ? " at " : "", when, ago[0] ? ", " : "", ago, row,
		    r->hold ? "Choose what to start:" : "One more try:");
}
