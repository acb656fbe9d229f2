// SPDX-License-Identifier: MIT
/* Bytes as the last start's record and as the variable, as they are and with a CRC that fits: what is taken is whole,
 * its texts end and print, and what is written back reads back. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "boot/last.h"
#include "lib/crc32.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CRC_AT offsetof(struct report_header, crc32)

static void check_text(const char *text, size_t size)
{
	if (strnlen(text, size) == size)
		__builtin_trap();
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			__builtin_trap();
}

static void check_refusal(const struct report_refusal *r)
{
	struct report_refusal stored = *r, back;
	char story[LAST_STORY_BYTES];

	check_text(r->baton_version, sizeof(r->baton_version));
	check_text(r->commit, sizeof(r->commit));
	check_text(r->entry, sizeof(r->entry));
	check_text(r->text, sizeof(r->text));
	if (last_merge(&stored, LAST_REFUSED, r) != LAST_WRITE || !last_open(&stored, sizeof(stored), &back, NULL) ||
	    memcmp(&stored, &back, sizeof(back)))
		__builtin_trap();
	last_story(&stored, true, r->when + 5, story);
	check_text(story, sizeof(story));
}

static void try_both(const uint8_t *data, size_t size)
{
	struct report_refusal r;
	struct problem p = { 0 };
	enum last_kind kind = last_judge(data, size, 0x1000, &r, &p);

	if ((kind == LAST_DAMAGED) != (p.code == E_RECORD))
		__builtin_trap();
	if (kind == LAST_REFUSED)
		check_refusal(&r);
	if (last_open(data, size, &r, NULL))
		check_refusal(&r);
}

/* With magic, sizes and CRC that fit, so that what lies behind those checks is reached too. */
static void make_fit(uint8_t *data, size_t size, uint64_t magic)
{
	uint32_t total = (uint32_t)size, crc;

	memcpy(data, &magic, sizeof(magic));
	memcpy(data + offsetof(struct report_header, total_size), &total, 4);
	if (magic == REFUSAL_MAGIC)
		memcpy(data + offsetof(struct report_header, header_size), &total, 4);
	memset(data + CRC_AT, 0, 4);
	crc = crc32(0, data, size);
	memcpy(data + CRC_AT, &crc, 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	memcpy(copy, data, size);
	try_both(copy, size);
	if (size >= 32) {
		make_fit(copy, size, REPORT_MAGIC);
		try_both(copy, size);
		make_fit(copy, size, REFUSAL_MAGIC);
		try_both(copy, size);
	}
	free(copy);
	return 0;
}
