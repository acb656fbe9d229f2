// SPDX-License-Identifier: MIT
/*
 * A block, and a machine around it that writes down what the block does to it: one text, in order, of all that goes to the
 * serial port and, in angle brackets, of other ports, CR3, MSRs and the ways out, each of which ends RUN(). Time passes in
 * PAUSE only, STEP_US a time; one tick is a microsecond. Included by the tests of the files that only the block has.
 */
#ifndef TEST_UNIT_PURGATORY_BLOCK_H
#define TEST_UNIT_PURGATORY_BLOCK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#undef fail				/* cmocka's; the block has a function of that name */

#include "lib/crc32.h"
#include "lib/digest.h"
#include "lib/panel.h"
#include "lib/sha256.h"
#include "purgatory/purgatory.h"
#include "purgatory/verify.h"
#include "test/unit/purgatory/stray.h"
#include "x86/cpu.h"
#include "x86/regs.h"

#define UNUSED __attribute__((unused))

#define CPUS		4u		/* the boss is 1 */
#define BOSS		1u
#define SEGMENTS	3u
#define COM		0x3f8u
#define STEP_US		1000u
#define PARK_ROOT	0x5000u
#define VERIFY_ROOT	0x7000u
#define HANDOVER_ROOT	0x8000u
#define LAPIC		0xfee00000u
#define COLUMNS		90u		/* wider than a panel */
#define ROWS		25u
#define READS_MAX	1000u		/* of the clock without a PAUSE */
#define RELAXES_MAX	1000000u		/* of a case: it comes to its end */

static struct {
	struct block_header header;
	struct plan plan;
	uint32_t cpus[CPUS];
} block __attribute__((aligned(4096)));
static struct plan *const plan = &block.plan;
static struct chunk_digest table[SEGMENTS + 1];
static struct slot slots[CPUS];
static uint8_t data[SEGMENTS][3 * PAGE_BYTES] __attribute__((aligned(4096)));
static struct {
	struct report_header header;
	struct report_cpu cpus[CPUS];
	struct report_phase phases[3];
	struct report_segment segments[SEGMENTS];
	uint8_t behind[512];
} report __attribute__((aligned(64)));
static uint16_t cells[COLUMNS * ROWS];

static char transcript[1u << 16];
static size_t written;
static uint64_t now, stop_at;		/* stop_at: RUN() ends with "time is up" */
static unsigned reads, relaxes, fences;
static bool other_cpu;			/* it is not the boss that runs: no notes */
static bool spun;			/* somebody waited without a PAUSE */
static uint8_t line_status;		/* of the serial port */
static uint32_t cpuid_1_ecx, apic[1024], page_0[1024];
static jmp_buf out;
static const char *volatile way_out;
static void (*on_relax)(void);		/* what else happens in a PAUSE */
static void (*on_verify_root)(void);	/* ... when the boss comes back to that root */
static uint64_t out_at[16];		/* when something went to a port that is not the serial one */
static unsigned outs;

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	written += (size_t)vsnprintf(transcript + written, sizeof(transcript) - written, format, arguments);
	va_end(arguments);
	assert_true(written < sizeof(transcript));
}

static _Noreturn void leave(const char *way)
{
	way_out = way;
	longjmp(out, 1);
}

/* All three ways to reset the machine, one after the other, since none works here. */
#define RESETS	"<out8 0xcf9=0x2>\n<out8 0xcf9=0x6>\n<out8 0x64=0xfe>\n"

/* Runs the statement to its end or to the machine's way out, which is the result. */
#define RUN(statement) (way_out = "returned", setjmp(out) ? (void)0 : (void)(statement), way_out)

/* The plan gets one that is started in its stead. */
static struct plan rescue UNUSED;

static void UNUSED give_fallback(void)
{
	rescue = *plan;
	rescue.fallback = 0;
	strcpy(rescue.entry_id, "rescue");
	plan->fallback = (uintptr_t)&rescue;
	sha256_compute(plan->fallback_sha256, &rescue, sizeof(rescue));
}

/* What a stack holds is anything. Here a word of it points to words that point to a text, so that an argument that is not
 * there shows in a line instead of ending the program. */
static UNUSED __attribute__((noinline)) void dirty_stack(void)
{
	static const char garbage[] = "garbage";
	static const char *words[64];
	const char **stack[512];
	unsigned i;

	for (i = 0; i < 64; i++)
		words[i] = garbage;
	for (i = 0; i < 512; i++)
		stack[i] = words;
	__asm__ volatile("" : : "r"(stack) : "memory");
}

/* --- the seam ---------------------------------------------------------------------------------------------------- */

uint64_t twin_cpu_rdtsc(void)
{
	if (++reads > READS_MAX) {
		spun = true;
		now += STEP_US;
	}
	if (now >= stop_at)
		leave("time is up");
	return now;
}

void twin_cpu_relax(void)
{
	reads = 0;
	assert_true(++relaxes < RELAXES_MAX);
	now += STEP_US;
	if (on_relax)
		on_relax();
}

/* Around a write-back of the report: what it says by then. */
void twin_cpu_mfence(void)
{
	if (++fences % 2 == 0)
		note("<sealed state=%u E%02u>\n", report.header.state, report.header.failure);
}

void twin_cpu_hlt(void)
{
	if (other_cpu)
		return;
	leave("hlt");
}


void twin_cpu_triple_fault(void) { leave("triple fault"); }
void jump_next(uint64_t entry, uint64_t boot_params, uint64_t cr4)
{
	note("<jump 0x%llx rsi=0x%llx cr4=0x%llx>\n", (unsigned long long)entry, (unsigned long long)boot_params,
	     (unsigned long long)cr4);
	leave("jump");
}

void jump_protected(uint64_t entry, uint64_t info, uint32_t magic)
{
	note("<jump 0x%llx ebx=0x%llx eax=0x%x>\n", (unsigned long long)entry, (unsigned long long)info, magic);
	leave("jump");
}

static const struct plan *again;		/* boss_again()'s argument */

void boss_again(const struct plan *other)
{
	again = other;
	note("<again>\n");
	leave("again");
}

/* block.lds's: crt1.o has a __data_start, in .data as there. */
__asm__(".pushsection .text\n.globl __text_start\n__text_start:\n.popsection");

void twin_cpu_write_cr3(uint64_t value)
{
	twin.cr3 = value;
	if (other_cpu)
		return;
	if (value == VERIFY_ROOT && on_verify_root)
		on_verify_root();
	note("<cr3 %s>\n", value == PARK_ROOT ? "park" : value == VERIFY_ROOT ? "verify" :
	     value == HANDOVER_ROOT ? "handover" : "?");
}

void twin_cpu_wrmsr(uint32_t msr, uint64_t value)
{
	note("<msr 0x%x=0x%llx>\n", msr, (unsigned long long)value);
}

struct cpuid_regs twin_cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
	(void)subleaf;
	return (struct cpuid_regs){ .eax = 7, .ecx = leaf == 1 ? cpuid_1_ecx : 0 };
}

uint32_t twin_cpu_in(uint16_t port, unsigned bits)
{
	return port == COM + 5 ? line_status : port == COM ? 0 : UINT32_MAX >> (32 - bits);
}

void twin_cpu_out(uint16_t port, unsigned bits, uint32_t value)
{
	if (port == COM) {
		if (value != '\r')
			note("%c", (char)value);
		return;
	}
	out_at[outs++ % 16] = now;
	note("<out%u 0x%x=0x%x>\n", bits, port, value);
}

void *twin_cpu_phys_pointer(uint64_t phys)
{
	if (phys - LAPIC < sizeof(apic))
		return (uint8_t *)apic + (phys - LAPIC);
	if (phys < sizeof(page_0))
		return (uint8_t *)page_0 + phys;
	return (void *)(uintptr_t)phys;
}

/* --- looking at it --------------------------------------------------------------------------------------------------- */

/* All that has been written since the last time. */
static void expect(const char *text)
{
	assert_string_equal(transcript, text);
	assert_false(spun);
	transcript[written = 0] = 0;
}

/* The screen's row without its blanks at the end. */
static UNUSED const char *row(unsigned number)
{
	static char text[COLUMNS + 1];
	unsigned i, end = 0;

	for (i = 0; i < COLUMNS; i++) {
		text[i] = (char)cells[number * COLUMNS + i];
		if (text[i] != ' ')
			end = i + 1;
	}
	text[end] = 0;
	return text;
}

static UNUSED void fill_screen(uint16_t cell)
{
	unsigned i;

	for (i = 0; i < COLUMNS * ROWS; i++)
		cells[i] = cell;
}

/* Since fill_screen(0xdb). */
static UNUSED bool screen_untouched(void)
{
	unsigned i;

	for (i = 0; i < COLUMNS * ROWS; i++)
		if (cells[i] != 0xdb)
			return false;
	return true;
}

/* The report is whole: its checksum is that of what it says. Nothing lies behind it. */
static UNUSED bool report_sealed(void)
{
	struct report_header copy = report.header;
	uint32_t crc;
	unsigned i;

	for (i = 0; i < sizeof(report.behind); i++)
		if (report.behind[i] != 0x5a)
			return false;
	copy.crc32 = 0;
	crc = crc32(0, &copy, sizeof(copy));
	crc = crc32(crc, (uint8_t *)&report + sizeof(copy), report.header.total_size - sizeof(copy));
	return crc == report.header.crc32;
}

/* --- a good one ------------------------------------------------------------------------------------------------------ */

/* After changes of the table or the plan. */
static UNUSED void seal_plan(void)
{
	sha256_compute(plan->digest_table_sha256, table, plan->digest_count * sizeof(table[0]));
	sha256_compute(block.header.plan_sha256, plan, sizeof(*plan));
	block.header.crc32 = 0;
	block.header.crc32 = crc32(crc32(0, &block.header, sizeof(block.header)), block.cpus, sizeof(block.cpus));
}

#define TABLE(member) { .offset = offsetof(typeof(report), member), .entry_size = sizeof(report.member[0]), \
			.count = sizeof(report.member) / sizeof(report.member[0]), \
			.capacity = sizeof(report.member) / sizeof(report.member[0]) }

static void good_report(void)
{
	unsigned i;

	memset(&report, 0, sizeof(report));
	memset(report.behind, 0x5a, sizeof(report.behind));
	report.header = (struct report_header){ .magic = REPORT_MAGIC, .version = REPORT_VERSION,
		.header_size = sizeof(report.header), .total_size = offsetof(typeof(report), behind),
		.state = REPORT_PREPARED, .baton_version = "0.1", .commit = "abcdef", .vendor = "QEMU", .product = "q35",
		.bios = "edk2", .entry = "debian", .generation = 3, .seed = 77,
		.cpus = TABLE(cpus), .phases = TABLE(phases), .segments = TABLE(segments) };
	report.header.phases.count = 0;
	for (i = 0; i < CPUS; i++)
		report.cpus[i].apic_id = i * 2;
	for (i = 0; i < SEGMENTS; i++)
		report.segments[i].address = (uintptr_t)data[i];
}

/* Segments of one page and 100 bytes, then a page of zeros; the last is the block's. */
static void good_plan(void)
{
	static const char *const names[SEGMENTS] = { "kernel", "initrd", "block" };
	unsigned i;

	*plan = (struct plan){ .size = sizeof(*plan), .cpu_count = CPUS, .slots = (uintptr_t)slots, .boss_slot = BOSS,
		.lapic_base = LAPIC, .lapic_svr = 0x1ff, .lapic_lint0 = 0x700, .tsc_khz = 1000, .tsc_at_door = 1000,
		.park_root = PARK_ROOT, .verify_root = VERIFY_ROOT, .handover_root = HANDOVER_ROOT,
		.handover_cr4 = CR4_PAE, .entry = 0x1000200, .boot_params = 0x90000, .report = (uintptr_t)&report,
		.digest_table = (uintptr_t)table, .digest_count = SEGMENTS, .segment_count = SEGMENTS,
		.bytes = SEGMENTS * (PAGE_BYTES + 100), .kick_deadline_us = 50000, .nmi_after_us = 2000,
		.nmi_repeat_us = 10000, .helper_limit = UINT32_MAX, .on_failure = PLAN_REBOOT, .lost_cpu = PLAN_LOST_REFUSE,
		.init_policy = PLAN_INIT_RECALL, .reset_after_s = 0, .uart = { .base = COM, .stride = 1 },
		.framebuffer = { .base = (uintptr_t)cells, .size = sizeof(cells), .width = COLUMNS, .height = ROWS,
				 .bytes_per_pixel = 2 }, .entry_id = "debian" };
	for (i = 0; i < SEGMENTS; i++) {
		memset(data[i], 0, sizeof(data[i]));
		memset(data[i], 'a' + (int)i, PAGE_BYTES + 100);
		plan->segments[i] = (struct plan_segment){ .kind = i == 2 ? SEGMENT_BLOCK : SEGMENT_KERNEL,
			.first_chunk = i, .dest = (uintptr_t)data[i], .size = PAGE_BYTES + 100,
			.memory_size = 2 * PAGE_BYTES + 100 };
		strcpy(plan->segments[i].name, names[i]);
		chunk_digest_compute(&table[i], data[i], PAGE_BYTES + 100);
	}
	block.header = (struct block_header){ .magic = BLOCK_MAGIC, .version = BLOCK_VERSION, .cpu_count = CPUS,
		.cpu_list_offset = offsetof(typeof(block), cpus), .plan_offset = offsetof(typeof(block), plan),
		.plan_size = sizeof(*plan) };
	seal_plan();
}

static int good_block(void **state)
{
	unsigned i;

	(void)state;
	memset(slots, 0, sizeof(slots));
	for (i = 0; i < CPUS; i++) {
		slots[i].apic_id = i * 2;
		slots[i].mode = MODE_HLT;
		slots[i].boss.verdict = i == BOSS ? VERDICT_ONLINE : VERDICT_PARKED;
		slots[i].plan = (uintptr_t)plan;
		slots[i].park_root = PARK_ROOT;
		shared_store_relaxed_u64(&slots[i].status, slot_word(0, STATUS_PARKED));
		shared_store_relaxed_u64(&slots[i].control.command, slot_word(0, COMMAND_WAIT));
	}
	fill_screen(0x0720);
	good_report();
	good_plan();
	now = 5000;
	stop_at = UINT64_MAX;
	reads = relaxes = 0;
	spun = false;
	on_relax = on_verify_root = NULL;
	fences = outs = 0;
	other_cpu = false;
	line_status = 0x20;
	cpuid_1_ecx = 0;
	memset(apic, 0, sizeof(apic));
	memset(page_0, 0, sizeof(page_0));
	twin.cr2 = 0xdead000;
	twin.cr3 = VERIFY_ROOT;
	twin.cr4 = CR4_PAE | CR4_MCE;
	again = NULL;
	transcript[written = 0] = 0;
	fail_init(plan);
	say_init(plan);
	return 0;
}

#endif
