// SPDX-License-Identifier: MIT
/* The variable in which Baton keeps a refused handover, as a file of efivarfs shows it or without those attributes. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/date.h"
#include "tools/report_view.h"

#define EFIVARFS_ATTRIBUTES 4u		/* bytes that efivarfs puts in front of the data */

bool refusal_is(const void *data, size_t length)
{
	const uint64_t magic = REFUSAL_MAGIC;
	const uint8_t *bytes = data;

	return (length >= sizeof(magic) && !memcmp(bytes, &magic, sizeof(magic))) ||
	       (length >= EFIVARFS_ATTRIBUTES + sizeof(magic) &&
		!memcmp(bytes + EFIVARFS_ATTRIBUTES, &magic, sizeof(magic)));
}

bool refusal_open(struct report_refusal *r, const void *data, size_t length, char why[REPORT_WHY_BYTES])
{
	const uint64_t magic = REFUSAL_MAGIC;
	const uint8_t *bytes = data;
	uint32_t crc;

	memset(r, 0, sizeof(*r));
	if (memcmp(bytes, &magic, sizeof(magic))) {
		bytes += EFIVARFS_ATTRIBUTES;
		length -= EFIVARFS_ATTRIBUTES;
	}
	if (length < REFUSAL_BYTES_FIRST) {
		snprintf(why, REPORT_WHY_BYTES, "%zu bytes are too short for a refusal", length);
		return false;
	}
	memcpy(r, bytes, length < sizeof(*r) ? length : sizeof(*r));
	crc = report_crc32(bytes, length);
	if (r->version == 0)
		snprintf(why, REPORT_WHY_BYTES, "version is 0");
	else if (r->total_size != length || r->header_size < REFUSAL_BYTES_FIRST || r->header_size > length)
		snprintf(why, REPORT_WHY_BYTES, "header_size %u, total_size %u do not fit %zu bytes", r->header_size,
			 r->total_size, length);
	else if (crc != r->crc32)
		snprintf(why, REPORT_WHY_BYTES, "crc32 is %08x, computed %08x", r->crc32, crc);
	else
		return true;
	return false;
}

static void when_text(const struct report_refusal *r, char text[DATE_TEXT_BYTES])
{
	snprintf(text, DATE_TEXT_BYTES, "unknown");
	if (r->when)
		date_text(text, DATE_TEXT_BYTES, r->when);
}

void refusal_print_table(const struct report_refusal *r)
{
	char when[DATE_TEXT_BYTES];

	when_text(r, when);
	printf("Baton refused handover (version %u)\n", r->version);
	printf("  failure    E%02u: %s\n", r->failure, report_clean(r->text, sizeof(r->text)));
	printf("  entry      %s\n", report_clean(r->entry, sizeof(r->entry)));
	if (r->generation > 1)
		printf("  loop       generation %" PRIu64 ", seed %" PRIu64 "\n", r->generation, r->seed);
	printf("  when       %s by firmware's clock, %" PRIu64 " us after the door\n", when, r->failure_us);
	printf("  refusals   %u since the last handover known to be good\n", r->count);
	printf("  menu       %s\n", r->hold ? "waits for a choice" : "an entry was chosen or tried again since");
	printf("  baton      %s commit %s\n", report_clean(r->baton_version, sizeof(r->baton_version)),
	       report_clean(r->commit, sizeof(r->commit)));
}

void refusal_print_json(const struct report_refusal *r)
{
	char when[DATE_TEXT_BYTES];

	when_text(r, when);
	printf("{\"version\":%u,\"failure\":%u,", r->version, r->failure);
	report_print_text("failure_text", r->text, sizeof(r->text));
	report_print_text("entry", r->entry, sizeof(r->entry));
	printf("\"when\":%" PRIu64 ",\"when_text\":\"%s\",\"failure_us\":%" PRIu64 ",", r->when, when, r->failure_us);
	report_print_text("baton_version", r->baton_version, sizeof(r->baton_version));
	report_print_text("commit", r->commit, sizeof(r->commit));
	printf("\"generation\":%" PRIu64 ",\"seed\":%" PRIu64 ",\"count\":%u,\"hold\":%u}\n", r->generation, r->seed,
	       r->count, r->hold);
}
