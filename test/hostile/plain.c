// SPDX-License-Identifier: MIT
/*
 * The instrumented code tells each plain access and each call just before it happens (-fsanitize=thread, without its
 * run-time library): these are the functions that it calls.
 */
#include "test/hostile/internal.h"
#include "x86/regs.h"

extern const uint8_t __start_kernel_state[], __stop_kernel_state[], __start_kernel_text[], __stop_kernel_text[];

void __tsan_init(void);
void __tsan_func_entry(void *caller);
void __tsan_func_exit(void);
void __tsan_read_range(void *p, unsigned long bytes);
void __tsan_write_range(void *p, unsigned long bytes);
int hostile_memcmp(const void *a, const void *b, size_t bytes);

static bool runs(void)
{
	return current_scenario && current_scenario->platform;
}

static bool in_block(void)
{
	return M->running && (self()->seat.place == IN_LOT || self()->seat.place == IN_BLOCK);
}

static void plain(const void *p, unsigned long bytes, bool write)
{
	uint64_t at = (uint64_t)p - ARENA;

	if (!runs())
		return;
	if (!current_scenario->trusting && in_block() && (const uint8_t *)p >= __start_kernel_state &&
	    (const uint8_t *)p < __stop_kernel_state)
		broken("outside-the-block", "CPU %u reaches a variable of the kernel's", M->current);
	if (at >= STACKS_AT)
		return;
	memory_plain((uint32_t)at, (unsigned)bytes, write);
	if (!write || !in_pages((uint32_t)at))
		return;
	arena_changes(page_of_at((uint32_t)at));
	if (M->page_kind[page_of_at((uint32_t)at)] == REGION_APIC && at % 4096 == APIC_ICR_LOW)
		self()->seat.icr = true;
}

void __tsan_init(void)
{
}

void __tsan_func_entry(void *caller)
{
	const uint8_t *here = __builtin_return_address(0);

	(void)caller;
	if (!runs() || here < __start_kernel_text || here >= __stop_kernel_text)
		return;
	next_fetch();
	if (in_block() && !current_scenario->trusting)
		broken("fetch-outside-the-block", "CPU %u runs code of the kernel's", M->current);
}

/* apic.c's and lapic.c's writes by MMIO have happened when their function ends. */
void __tsan_func_exit(void)
{
	if (runs() && self()->seat.icr)
		platform_icr_written();
}

void __tsan_read_range(void *p, unsigned long bytes) { plain(p, bytes, false); }
void __tsan_write_range(void *p, unsigned long bytes) { plain(p, bytes, true); }

#define PLAIN(bytes)								\
void __tsan_read##bytes(void *p);						\
void __tsan_write##bytes(void *p);						\
void __tsan_read##bytes(void *p) { plain(p, bytes, false); }			\
void __tsan_write##bytes(void *p) { plain(p, bytes, true); }

PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

int hostile_memcmp(const void *a, const void *b, size_t bytes)
{
	plain(a, bytes, false);
	plain(b, bytes, false);
	return __builtin_memcmp(a, b, bytes);
}
