// SPDX-License-Identifier: MIT
#include "kernel/faults.h"

#include <stddef.h>

#include "kernel/fault_words.h"
#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/misbehave.h"
#include "lib/string.h"
#include "smp/call.h"
#include "smp/online.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/regs.h"
#include "x86/tsc.h"

#define FAULTS_MAX 16
#define MADT_COPY_BYTES 8192
#define MADT_ENTRIES 44u
#define MADT_UNKNOWN 0x7fu
#define LATE_US 10u
#define VTD_PERSISTENT 0x96ffffffu	/* status bits that a command repeats */
#define VTD_SET_ROOT (1u << 30)
#define VTD_TRANSLATE (1u << 31)
#define VTD_COMMAND_US 100000u
#define CPUID1_ECX_X2APIC (1u << 21)
#define CPIO_MTIME_OFFSET 46u		/* most significant digit: magic, then five fields of eight */
#define STRAY_WRITE_US 120000000u	/* for another CPU's: it is to fault, and its dump is not to be disturbed */

const bool faults_built_in = true;

static struct fault faults[FAULTS_MAX];
static unsigned fault_count;

/* A fault of another generation is none, but for the CPU that has to be left behind first. */
static void arm(struct fault *f, const char *word, uint64_t wanted, uint64_t now)
{
	if (f->left && wanted == now + 1) {
		f->left = false;
		f->kick = FAULT_KICK_RUNS_ON;
	} else if (wanted && wanted != now) {
		return;
	}
	log_event("fault", "armed=%s", word);
	fault_count++;
}

/* As if the words drawn had been given. */
static void arm_drawn(uint64_t seed, uint64_t generation)
{
	uint32_t cpus = 0;

	for (unsigned i = 0; i < fault_count; i++)
		cpus = faults[i].random ? faults[i].random : cpus;
	for (uint32_t id = 1; id <= cpus && fault_count < FAULTS_MAX; id++) {
		char word[FAULT_WORD_BYTES];

		if (misbehave_draw(seed, generation, cpus, id, word, sizeof(word)) &&
		    fault_word_parse(word, &faults[fault_count]))
			arm(&faults[fault_count], word, 0, generation);
	}
}

enum status faults_configure(const char *words, uint64_t seed, uint64_t generation, struct problem *problem)
{
	fault_count = 0;
	while (*words) {
		char word[FAULT_WORD_BYTES];
		uint64_t wanted;
		const char *end = strchr(words, ',');
		size_t length = end ? (size_t)(end - words) : strlen(words);

		if (length >= sizeof(word) || fault_count == FAULTS_MAX)
			return problem_set(problem, E_CONFIG_VALUE, "baton.fault=: too long at \"%s\"", words);
		memcpy(word, words, length);
		word[length] = 0;
		if (!fault_word_generation(word, &wanted) || !fault_word_parse(word, &faults[fault_count]))
			return problem_set(problem, E_CONFIG_VALUE, "baton.fault=: \"%s\" is not a fault", word);
		arm(&faults[fault_count], word, wanted, generation);
		words += length + (end ? 1 : 0);
	}
	arm_drawn(seed, generation);
	return OK;
}

bool faults_tell(const struct report_header *report)
{
	bool random = false;

	for (unsigned i = 0; i < fault_count; i++)
		random |= faults[i].random != 0;
	if (random)
		misbehave_tell(report);
	return random;
}

/* ACPI 6.5, 5.2.12: entries of type 0, a CPU with its APIC ID, become ones that nobody knows. */
static void leave_out(uint8_t *madt, size_t length, uint32_t apic_id)
{
	for (size_t at = MADT_ENTRIES; at + 8 <= length && madt[at + 1] >= 2; at += madt[at + 1])
		if (madt[at] == 0 && madt[at + 3] == apic_id)
			madt[at] = MADT_UNKNOWN;
}

void faults_madt(struct acpi_table *table)
{
	static uint8_t copy[MADT_COPY_BYTES];

	for (unsigned i = 0; i < fault_count; i++) {
		const struct fault *f = &faults[i];
		const uint8_t entry[] = { 0, 8, (uint8_t)(0x80 + i), (uint8_t)f->apic_id, f->listed_twice, 0, 0, 0 };

		if ((!f->listed_twice && !f->listed_off && !f->unlisted) ||
		    table->length + sizeof(entry) > sizeof(copy))
			continue;
		if (table->data != copy)
			memcpy(copy, table->data, table->length);
		if (f->unlisted) {
			leave_out(copy, table->length, f->apic_id);
			table->data = copy;
			continue;
		}
		memcpy(copy + table->length, entry, sizeof(entry));
		table->data = copy;
		table->length += sizeof(entry);
	}
}

static void start(uint32_t apic_id, uint32_t sipi)
{
	apic_send(apic_id, ICR_INIT_ASSERT);
	tsc_delay_us(LATE_US);
	apic_send(apic_id, sipi);
}

void faults_start_unlisted(uint32_t sipi)
{
	for (unsigned i = 0; i < fault_count; i++) {
		if (faults[i].unlisted)
			start(faults[i].apic_id, sipi);
		faults[i].unlisted = false;
	}
}

void faults_page_closed(uint64_t page)
{
	for (unsigned i = 0; i < fault_count; i++) {
		if (!faults[i].late)
			continue;
		start(faults[i].apic_id, ICR_SIPI | (uint32_t)(page >> 12));
		log_event("fault", "late=%u", faults[i].apic_id);
	}
}

void faults_damage(const char *segment, uint64_t base, uint64_t size)
{
	for (unsigned i = 0; i < fault_count; i++) {
		uint8_t *victim = (uint8_t *)(base + size / 2);
		uint64_t cr0 = cpu_read_cr0();

		if (strcmp(faults[i].segment, segment) != 0)
			continue;
		cpu_write_cr0(cr0 & ~(uint64_t)CR0_WP);
		*victim ^= 0x10;
		cpu_write_cr0(cr0);
		log_event("fault", "flipped=%s address=0x%lx page=0x%lx", segment, (unsigned long)victim,
			  (unsigned long)victim & ~0xfffUL);
	}
}

static mm_flush_others_fn flush_others;
static uint32_t flush_every, flush_count;

static bool flush_others_but_some(const struct flush_request *request)
{
	if (++flush_count % flush_every == 0)
		return true;
	return flush_others(request);
}

mm_flush_others_fn faults_flush_others(mm_flush_others_fn real)
{
	for (unsigned i = 0; i < fault_count; i++)
		if (faults[i].flush_every) {
			flush_others = real;
			flush_every = faults[i].flush_every;
			return flush_others_but_some;
		}
	return real;
}

void faults_exchange(struct boot_plan *plan)
{
	struct boot_segment *a = &plan->segments[0], *b = &plan->segments[1];
	uint64_t larger = a->memory_size > b->memory_size ? a->memory_size : b->memory_size;
	uint64_t *from, *to, cr0 = cpu_read_cr0();

	for (unsigned i = 0; i < fault_count; i++) {
		if (!faults[i].exchange || plan->segment_count < 2 || larger > a->reserved_size ||
		    larger > b->reserved_size)
			continue;
		from = (uint64_t *)a->dest;
		to = (uint64_t *)b->dest;
		cpu_write_cr0(cr0 & ~(uint64_t)CR0_WP);
		for (uint64_t at = 0; at < larger / sizeof(*from); at++) {
			uint64_t word = from[at];

			from[at] = to[at];
			to[at] = word;
		}
		cpu_write_cr0(cr0);
		a->source = b->dest;
		b->source = a->dest;
		log_event("fault", "exchanged=0x%lx,0x%lx pages=%lu", a->dest, b->dest, larger / 4096);
	}
}

void faults_apic(void)
{
	for (unsigned i = 0; i < fault_count; i++)
		if (faults[i].x2apic && cpu_cpuid(1, 0).ecx & CPUID1_ECX_X2APIC)
			cpu_wrmsr(MSR_APIC_BASE, cpu_rdmsr(MSR_APIC_BASE) | APIC_BASE_EXTD);
}

void faults_request(void)
{
	static const uint8_t vectors[] = { 0x20, 0x31, 0xec };

	for (unsigned i = 0; i < fault_count; i++)
		for (unsigned v = 0; faults[i].request && v < sizeof(vectors); v++)
			apic_send(apic_id(), ICR_FIXED | vectors[v]);
}

/* VT-d 11.4.4: one bit of Global Command at a time, the others as Global Status has them; then it shows there. */
static bool vtd_command(uint64_t registers, uint32_t bit)
{
	volatile uint32_t *command = (volatile uint32_t *)(registers + 0x18);
	volatile uint32_t *status = (volatile uint32_t *)(registers + 0x1c);
	uint64_t deadline = tsc_deadline(VTD_COMMAND_US);

	*command = (*status & VTD_PERSISTENT) | bit;
	while (!(*status & bit) && !tsc_passed(deadline))
		cpu_relax();
	return *status & bit;
}

void faults_iommu(uint64_t registers)
{
	struct problem problem = { .code = OK };
	bool wanted = false, on;
	uint64_t root;

	for (unsigned i = 0; i < fault_count; i++)
		wanted |= faults[i].iommu;
	if (!wanted || phys_alloc_run(&kernel_memory.phys, 1, MM_PAGE_BYTES, 0, &root, &problem) != OK)
		return;
	memset((void *)root, 0, MM_PAGE_BYTES);
	*(volatile uint64_t *)(registers + 0x20) = root;
	on = vtd_command(registers, VTD_SET_ROOT) && vtd_command(registers, VTD_TRANSLATE);
	log_event("fault", "iommu=0x%lx on=%u", registers, on);
}

/* Functions of their own, so that the dump has something to name. */
static __attribute__((noinline)) void invalid_instruction(void)
{
	__asm__ volatile("ud2");
}

/* Neither the exception nor the double fault that follows from it finds a gate: the CPU shuts down. */
static void triple_fault(void)
{
	static const uint8_t nothing[10];	/* limit 0 and base 0 */

	__asm__ volatile("lidt %0; ud2" : : "m"(nothing));
}

static __attribute__((noinline)) void stray_write(uint64_t segment)
{
	*(volatile uint32_t *)(segment + 0x1234) = 0xdeadbeef;
}

static shared_u32 stray_written;	/* W: the CPU that was to fault. R: boss */

static void stray_write_here(struct cpu *self, uint64_t segment)
{
	(void)self;
	stray_write(segment);
	/* order: the store before the word. pairs with: stray_write_there(). else: told of before it is there. */
	shared_store_release_u32(&stray_written, 1);
}

static void stray_write_there(uint32_t apic_id, uint64_t segment)
{
	const uint64_t fn = (uint64_t)(uintptr_t)stray_write_here;

	for (unsigned i = 0; i < smp_cpu_count(); i++)
		if (smp_cpu(i)->apic_id == apic_id && call_start(smp_cpu(i), CALL_RUN, fn, segment, 0))
			/* order: the word before the line that tells of it. pairs with: stray_write_here(). else: as
			 * there. */
			for (uint64_t us = 0; us < STRAY_WRITE_US && !shared_load_acquire_u32(&stray_written); us++)
				tsc_delay_us(1);
}

void faults_trip(uint64_t segment)
{
	for (unsigned i = 0; i < fault_count; i++) {
		if (faults[i].crash)
			invalid_instruction();
		if (faults[i].triple)
			triple_fault();
		while (faults[i].hang)
			cpu_relax();
		if (faults[i].by_other)
			stray_write_there(faults[i].apic_id, segment);
		if (faults[i].stray_write)
			stray_write(segment);
		if (faults[i].stray_write || faults[i].by_other)
			log_event("fault", "survived=stray-write address=0x%lx", segment + 0x1234);
	}
}

enum fault_boss faults_boss(void)
{
	for (unsigned i = 0; i < fault_count; i++)
		if (faults[i].boss)
			return faults[i].boss;
	return FAULT_BOSS_NONE;
}

/* Whether a flag of struct fault is set for that CPU; 0 for a word that names none. */
static bool flag_of(uint32_t apic_id, size_t flag)
{
	for (unsigned i = 0; i < fault_count; i++)
		if (*(const bool *)((const char *)&faults[i] + flag) && faults[i].apic_id == apic_id)
			return true;
	return false;
}

bool faults_canary(void) { return flag_of(0, offsetof(struct fault, canary)); }
bool faults_leak(void) { return flag_of(0, offsetof(struct fault, leak)); }
bool faults_deaf(uint32_t apic_id) { return flag_of(apic_id, offsetof(struct fault, deaf)); }
bool faults_late(uint32_t apic_id) { return flag_of(apic_id, offsetof(struct fault, late)); }
bool faults_slow(uint32_t apic_id) { return flag_of(apic_id, offsetof(struct fault, slow)); }
bool faults_no_park(uint32_t apic_id) { return flag_of(apic_id, offsetof(struct fault, no_park)); }
bool faults_left(uint32_t apic_id) { return flag_of(apic_id, offsetof(struct fault, left)); }

enum fault_kick faults_ignore_kick(uint32_t apic_id)
{
	for (unsigned i = 0; i < fault_count; i++)
		if (faults[i].kick != FAULT_KICK_NONE && faults[i].apic_id == apic_id)
			return faults[i].kick;
	return FAULT_KICK_NONE;
}

void faults_stray(uint64_t address)
{
	for (unsigned i = 0; i < fault_count; i++) {
		if (!faults[i].stray)
			continue;
		*(uint64_t *)address ^= 0x00ff000000000000ull;
		log_always("fault", "stray=0x%lx", address + 6);
	}
}

void faults_bundle(uint64_t address)
{
	if (flag_of(0, offsetof(struct fault, bundle)))
		((uint8_t *)address)[CPIO_MTIME_OFFSET] ^= 1;
}

bool faults_prober(uint32_t *machine_checks)
{
	for (unsigned i = 0; i < fault_count; i++)
		if (faults[i].prober) {
			*machine_checks = faults[i].machine_checks;
			return true;
		}
	return false;
}
