// SPDX-License-Identifier: MIT
/* A segment that is not what was read: told to the byte, and where its source still exists, copied once more. */
#include "lib/fmt.h"
#include "lib/sha256.h"
#include "lib/string.h"
#include "purgatory/copy.h"
#include "purgatory/purgatory.h"
#include "purgatory/verify.h"
#include "x86/cpu.h"

static bool mended[PLAN_SEGMENTS];

/* The first bytes that differ, as they should be and as they are. */
struct line { uint64_t address; uint32_t bytes; uint8_t expected[VERIFY_LINE], actual[VERIFY_LINE]; };

bool mismatch_mended(uint32_t segment)
{
	return mended[segment];
}

void mismatch_forget(void)
{
	memset(mended, 0, sizeof(mended));
}

static void say_hex(const char *format, uint64_t address, const char *which, const uint8_t *data, uint32_t bytes)
{
	char hex[2 * SHA256_BYTES + 1] = "";
	uint32_t i;

	for (i = 0; i < bytes; i++)
		fmt_snprint(hex + 2 * i, 3, "%02x", data[i]);
	if (format)
		say("baton: event=bytes which=%s address=0x%llx hex=%s", which, (unsigned long long)address, hex);
	else
		say("baton: event=digest which=%s sha256=%s", which, hex);
}

/* The keys of a line: which page, and how far into the segment it is. */
static void place_text(char text[100], const struct plan_segment *segment, uint32_t chunk, uint64_t page)
{
	fmt_snprint(text, 100, "segment=%s chunk=%u page=0x%llx offset=0x%llx", segment->name, chunk,
		    (unsigned long long)page, (unsigned long long)(page ? page - segment->dest : 0));
}

/* Only the hand-over root maps the source, and only it may write; it maps no console, so nothing is said there. */
static bool copy_again(const struct plan *plan, uint32_t index, const struct verify_chunk *chunk, struct line *line)
{
	const struct plan_segment *segment = &plan->segments[chunk->segment];
	const uint8_t *expected = cpu_phys_pointer(segment->backup + (chunk->address - segment->dest));
	const uint8_t *actual = cpu_phys_pointer(chunk->address);
	uint32_t at;

	if (!segment->backup)
		return false;
	cpu_write_cr3(plan->handover_root);
	at = verify_first_line(expected, actual, chunk->bytes);
	line->address = chunk->address + at;
	line->bytes = chunk->bytes - at < VERIFY_LINE ? chunk->bytes - at : VERIFY_LINE;
	memcpy(line->expected, expected + at, line->bytes);
	memcpy(line->actual, actual + at, line->bytes);
	copy_chunk(plan, index);
	cpu_write_cr3(plan->verify_root);
	return true;
}

static void tell(const uint8_t expected[SHA256_BYTES], const uint8_t *actual, const struct line *line)
{
	say_hex(NULL, 0, "expected", expected, SHA256_BYTES);
	if (actual)
		say_hex(NULL, 0, "actual", actual, SHA256_BYTES);
	if (line->bytes) {
		say_hex("bytes", line->address, "expected", line->expected, line->bytes);
		say_hex("bytes", line->address, "actual", line->actual, line->bytes);
	}
}

void mismatch_chunk(const struct plan *plan, uint32_t index, bool machine_check)
{
	const struct chunk_digest *table = cpu_phys_pointer(plan->digest_table);
	struct line line = { .bytes = 0 };
	const struct plan_segment *segment;
	struct verify_chunk chunk;
	uint8_t actual[SHA256_BYTES], again[SHA256_BYTES];
	bool copied = false, good = false;
	char where[100];
	uint64_t page = 0;
	uint32_t number;

	if (!verify_locate(plan, index, &chunk))
		fail(plan, E_VERIFY, "chunk %u of the digest table belongs to no segment", index);
	segment = &plan->segments[chunk.segment];
	number = index - segment->first_chunk;
	if (!machine_check) {		/* else not read again: protocol rule 3 */
		verify_chunk(plan, index, actual);
		page = verify_bad_page(plan, index);
		copied = copy_again(plan, index, &chunk, &line);
		good = copied && verify_chunk(plan, index, again);
	}
	place_text(where, segment, number, page);
	record_segment(plan, chunk.segment, good ? VERIFIED_MENDED : VERIFIED_DIFFERS, number, page);
	if (!good)
		say_on_screen();
	tell(table[index].sha256, machine_check ? NULL : actual, &line);
	if (!good)
		fail_at(plan, segment->kind == SEGMENT_BLOCK ? E_BLOCK_DAMAGED : E_VERIFY,
			segment->kind != SEGMENT_BLOCK, where,
			"segment %s chunk %u at 0x%llx %s, first bad page 0x%llx", segment->name, number,
			(unsigned long long)chunk.address,
			machine_check ? "gave a machine check" :
			copied ? "differs from what was read, also when copied again" : "differs from what was read",
			(unsigned long long)page);
	mended[chunk.segment] = true;
	say("baton: event=mended %s", where);
}

void mismatch_tail(const struct plan *plan, uint32_t index, uint64_t at)
{
	const struct plan_segment *segment = &plan->segments[index];
	uint64_t page = at & ~(uint64_t)(PAGE_BYTES - 1);
	char where[100];

	cpu_write_cr3(plan->handover_root);
	memset(cpu_phys_pointer(segment->dest + segment->size), 0, segment->memory_size - segment->size);
	cpu_write_cr3(plan->verify_root);
	place_text(where, segment, VERIFY_NONE, page);
	if (verify_tail(segment)) {
		record_segment(plan, index, VERIFIED_DIFFERS, VERIFY_NONE, page);
		fail_at(plan, E_VERIFY, true, where,
			"segment %s: byte at 0x%llx behind the file's end is not zero and stays so", segment->name,
			(unsigned long long)at);
	}
	record_segment(plan, index, VERIFIED_MENDED, VERIFY_NONE, page);
	mended[index] = true;
	say("baton: event=mended %s", where);
}
