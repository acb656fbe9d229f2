// SPDX-License-Identifier: MIT
/* What a refused start left in free memory, looked for behind door 2: found where kernel/ puts it, told, forgotten; what
 * the loader does not show is not read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/last.h"
#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/old_refusal.h"
#include "kernel/previous.h"
#include "lib/crc32.h"
#include "x86/cpu.h"

#define BASE		0x2000000ull
#define SIZE		(48ull << 20)
#define PAGE		4096ull
#define WHOLE		0		/* no hole in what the loader shows */

struct record { struct report_header h; uint8_t tables[3 * PAGE]; };

/* Of kernel/, what this file needs. */
struct previous previous;
struct kernel_memory kernel_memory;
static char told[512];
static unsigned told_lines;

void log_text(const char *format, ...) { (void)format; }

void log_event(const char *event, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	told_lines++;
	assert_string_equal(event, "last");
	vsnprintf(told, sizeof(told), format, arguments);
	va_end(arguments);
}

static uint8_t *memory;				/* BASE to BASE + SIZE */
static uint64_t hole;				/* a page that reading would fault on */
static const void *flushed;

void *twin_cpu_phys_pointer(uint64_t phys)
{
	assert_in_range(phys, BASE, BASE + SIZE - 8);
	assert_true(!hole || phys < hole || phys >= hole + PAGE);
	return memory + (phys - BASE);
}

void twin_cpu_clflush(const void *p) { flushed = p; }

static struct efi_descriptor map[4];
static struct boot_info info;
static struct range shown[2];
static struct range_list readable;

/* One free range, and what the loader shows of it. */
static void machine(uint64_t unreadable)
{
	struct problem problem = { .code = OK };

	memset(memory, 0, SIZE);
	map[0] = (struct efi_descriptor){ .type = EFI_TYPE_CONVENTIONAL, .phys = BASE, .pages = SIZE / PAGE };
	info = (struct boot_info){ .readable = &readable, .efi = EFI_NONE };
	info.efi_map = (struct efi_map){ .base = (uint64_t)(uintptr_t)map, .size = sizeof(map[0]), .capacity = sizeof(map),
					 .descriptor_size = sizeof(map[0]), .descriptor_version = 1 };
	assert_int_equal(efimap_prepare(&info.efi_map, &problem), OK);
	range_list_init(&readable, shown, 2);
	assert_true(range_add(&readable, BASE, BASE + SIZE));
	hole = unreadable;
	if (hole)
		assert_true(range_subtract(&readable, hole, hole + PAGE));
	previous.found = false;
	told_lines = 0;
	flushed = NULL;
	kernel_memory.phys.range_count = 1;
	kernel_memory.phys.untouched[0] = (struct mm_range){ BASE, SIZE };
}

static void leave(uint64_t at, uint32_t failure)
{
	struct record *r = (void *)(memory + (at - BASE));

	r->h = (struct report_header){
		.magic = REPORT_MAGIC, .version = REPORT_VERSION, .header_size = sizeof(r->h), .total_size = sizeof(*r),
		.state = REPORT_FAILED, .failure = failure, .failure_text = "segment kernel differs", .self = at,
		.entry = "debian.conf", .generation = 7, .seed = 5,
	};
	r->h.crc32 = crc32(0, r, sizeof(*r));
}

static uint64_t near_start(void) { return BASE + 3 * PAGE + LAST_PAGE_OFFSET; }
static uint64_t near_end(void) { return BASE + SIZE - 9 * PAGE + LAST_PAGE_OFFSET; }

static unsigned look(void)
{
	old_refusal_find(&info);
	old_refusal_tell();
	return told_lines;
}

static void found_near_both_ends(void **state)
{
	const uint64_t places[] = { near_start(), near_end() };
	char at[32];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		machine(WHOLE);
		leave(places[i], 81);
		assert_int_equal(look(), 1);
		snprintf(at, sizeof(at), "at=0x%llx ", (unsigned long long)places[i]);
		assert_non_null(strstr(told, at));
		assert_non_null(strstr(told, "code=E81 "));
		assert_non_null(strstr(told, "generation=7 seed=5 entry=\"debian.conf\" text=\"segment kernel differs\""));
		old_refusal_forget(&info);
		assert_int_equal(*(uint64_t *)(memory + (places[i] - BASE)), 0);
		assert_ptr_equal(flushed, memory + (places[i] - BASE));
		assert_int_equal(look(), 1);		/* nothing more */
	}
}

/* Where an image may lie that merely looks like one: the middle of a large range is not searched. */
static void not_in_the_middle(void **state)
{
	(void)state;
	machine(WHOLE);
	leave(BASE + SIZE / 2 + LAST_PAGE_OFFSET, 81);
	assert_int_equal(look(), 0);
}

/* A block of a Baton before us: it handed over, so there was no reset. */
static void not_beside_a_block(void **state)
{
	(void)state;
	machine(WHOLE);
	leave(near_start(), 81);
	previous.found = true;
	assert_int_equal(look(), 0);
}

/* Cut off where the loader's tables end, a record is damaged; a page that begins there is not looked at. */
static void only_what_is_shown(void **state)
{
	(void)state;
	machine(near_start() - LAST_PAGE_OFFSET + PAGE);
	leave(near_start(), 81);
	assert_int_equal(look(), 0);
	assert_int_equal(info.note_count, 1);
	assert_int_equal(info.notes[0].code, E_RECORD);
	machine(near_start() - LAST_PAGE_OFFSET);
	assert_int_equal(look(), 0);
	assert_int_equal(info.note_count, 0);
}

static void damaged_is_noted(void **state)
{
	(void)state;
	machine(WHOLE);
	leave(near_end(), 81);
	memory[near_end() - BASE + sizeof(struct report_header)] ^= 1;
	assert_int_equal(look(), 0);
	assert_int_equal(info.notes[0].code, E_RECORD);
	info.note_count = BOOT_NOTES_MAX;
	assert_int_equal(look(), 0);
	assert_int_equal(info.note_count, BOOT_NOTES_MAX);
}

/* Firmware's next start makes a variable of it; and what is in use by now is not written to. */
static void kept(void **state)
{
	uint64_t at = near_start();

	(void)state;
	machine(WHOLE);
	leave(at, 81);
	assert_int_equal(look(), 1);
	info.efi = EFI_PHYSICAL;
	old_refusal_forget(&info);
	assert_int_equal(*(uint64_t *)(memory + (at - BASE)), REPORT_MAGIC);
	info.efi = EFI_NONE;
	kernel_memory.phys.untouched[0].base = at + PAGE;
	old_refusal_forget(&info);
	assert_int_equal(*(uint64_t *)(memory + (at - BASE)), REPORT_MAGIC);
	kernel_memory.phys.untouched[0].base = BASE;
	old_refusal_forget(&info);
	assert_int_equal(*(uint64_t *)(memory + (at - BASE)), 0);
}

static int begin(void **state)
{
	(void)state;
	memory = calloc(1, SIZE);
	return memory ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	free(memory);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_near_both_ends),
		cmocka_unit_test(not_in_the_middle),
		cmocka_unit_test(not_beside_a_block),
		cmocka_unit_test(only_what_is_shown),
		cmocka_unit_test(damaged_is_noted),
		cmocka_unit_test(kept),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
