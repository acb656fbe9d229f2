// SPDX-License-Identifier: MIT
/* Set-up of the platform's scenarios, and what their ends ask. */
#include <string.h>

#include "lib/crc32.h"
#include "lib/sha256.h"
#include "purgatory/purgatory.h"
#include "smp/call.h"
#include "smp/online.h"
#include "test/hostile/internal.h"
#include "test/hostile/platform.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/entry/trampoline.h"
#include "x86/regs.h"

#define NOTES		0x400000ull

static void region(uint64_t phys, unsigned pages, enum region_kind kind)
{
	struct region *r = &M->region[M->region_count];
	unsigned first = HOSTILE_PAGES, i;

	EXPECT(M->region_count < REGIONS);
	for (i = 0; i < M->region_count; i++)
		first -= (unsigned)(M->region[i].bytes / 4096);
	first -= pages;
	*r = (struct region){ phys, pages * 4096ull, page_at(first), kind };
	for (i = first; i < first + pages; i++) {
		arena_changes(i);
		memset((void *)(ARENA + page_at(i)), 0, 4096);
		M->page_kind[i] = (uint8_t)kind;
		M->page_state[i] = PAGE_OWNED;
		M->was_linked |= 1ull << i;
	}
	if (kind == REGION_SLOTS)
		M->slots_at = r->at;
	M->region_count++;
}

struct madt platform_madt;

void platform_prepare(void)
{
	unsigned i;

	for (i = 0; i < HOSTILE_CPUS; i++) {
		M->cpu[i].seat.apic_id = i;
		M->cpu[i].seat.cr4 = CR4_PAE | CR4_MCE | CR4_PGE;
		M->cpu[i].irq_on = false;
		platform_madt.cpus[i] = (struct madt_cpu){ .apic_id = i, .enabled = true };
	}
	platform_madt.cpu_count = parameters.cpus;
	platform_madt.mp_wakeup = false;
	M->cpu[0].seat.place = IN_KERNEL;
	M->clock = 1000;
}

void platform_smp(void)
{
	struct problem problem = { .code = OK };
	struct smp_common common = smp_common(PLATFORM_CPUS, parameters.cpus);
	unsigned i;

	world_start(20);
	world_space(0, 4);
	region(common.cpus, 2, REGION_KERNEL);
	for (i = 0; i < parameters.cpus; i++)
		region(smp_slice(PLATFORM_CPUS, parameters.cpus, i).percpu, 1, REGION_KERNEL);
	region(NOTES, 1, REGION_NOTES);
	region(APIC_AT, 1, REGION_APIC);
	EXPECT(apic_init(&problem) == OK);
	EXPECT(smp_init(&platform_madt, PLATFORM_CPUS, smp_memory_needed(parameters.cpus), &problem) == OK);
	space_load(&smp_boss()->mm, &world->space[0]);
	for (i = 1; i < parameters.cpus; i++)
		M->cpu[i].sleeps = true;
}

struct notes *notes(void)
{
	return platform_pointer(NOTES);
}

/* ap_main() behind its bring-up. */
void ap_program(void)
{
	for (;;) {
		call_serve(smp_cpu(M->current));
		cpu_wait_irq();
	}
}

static void becomes_online(unsigned i)
{
	struct cpu *cpu = smp_cpu(i);

	EXPECT(cpu_move(cpu, CPU_LISTED, CPU_STARTING) && cpu_move(cpu, CPU_STARTING, CPU_ARRIVED) &&
	       cpu_move(cpu, CPU_ARRIVED, CPU_ONLINE));
	M->current = i;
	M->cpu[i].seat.place = IN_KERNEL;
	M->cpu[i].seat.percpu = cpu->percpu;
	M->cpu[i].seat.ours = true;
	M->cpu[i].sleeps = false;
	space_load(&cpu->mm, &world->space[0]);
	M->current = 0;
}

void platform_online(void)
{
	const struct online_config config = { .low_page = PLATFORM_LOW, .space = &world->space[0],
					       .boot_page_mapped = true };
	struct problem problem = { .code = OK };
	struct online_result result;
	unsigned i;

	/* For the space alone: nobody is started where INIT is forbidden. */
	platform_madt.mp_wakeup = true;
	platform_smp();
	EXPECT(smp_bring_up(&config, &result, &problem) == OK && result.no_answer == parameters.cpus - 1);
	platform_madt.mp_wakeup = false;
	EXPECT(smp_init(&platform_madt, PLATFORM_CPUS, smp_memory_needed(parameters.cpus), &problem) == OK);
	space_load(&smp_boss()->mm, &world->space[0]);
	for (i = 1; i < parameters.cpus; i++)
		becomes_online(i);
}

struct plan *the_plan(void)
{
	return platform_pointer(PLATFORM_PLAN + sizeof(struct block_header));
}

static void make_plan(struct plan *plan)
{
	struct chunk_digest *table = platform_pointer(PLATFORM_TABLE);
	uint32_t i;

	*plan = (struct plan){
		.size = sizeof(*plan), .cpu_count = parameters.cpus, .slots = PLATFORM_SLOTS, .lapic_x2apic = !M->xapic,
		.lapic_base = APIC_AT, .tsc_khz = 1000, .park_root = PLATFORM_PARK, .verify_root = PLATFORM_VERIFY,
		.handover_root = PLATFORM_HANDOVER, .digest_table = PLATFORM_TABLE, .digest_count = CHUNKS,
		.segment_count = CHUNKS, .bytes = CHUNKS * 16, .helper_limit = UINT32_MAX, .on_failure = PLAN_HALT,
		.kick_deadline_us = BOSS_DEADLINE_US, .nmi_after_us = BOSS_NMI_AFTER_US, .nmi_repeat_us = BOSS_NMI_REPEAT_US,
		.lost_cpu = PLAN_LOST_REFUSE, .init_policy = PLAN_INIT_RECALL,
	};
	for (i = 0; i < CHUNKS; i++) {
		plan->segments[i] = (struct plan_segment){ .first_chunk = i, .dest = PLATFORM_SEGMENTS + 64 * i, .size = 16,
							   .memory_size = 32 };
		memset(platform_pointer(PLATFORM_SEGMENTS + 64 * i), (int)i + 1, 16);
		sha256_compute(table[i].sha256, platform_pointer(PLATFORM_SEGMENTS + 64 * i), 16);
	}
	sha256_compute(plan->digest_table_sha256, table, CHUNKS * sizeof(*table));
}

/* After every change of the plan. */
void platform_seal_plan(void)
{
	struct block_header *header = platform_pointer(PLATFORM_PLAN);

	*header = (struct block_header){ .magic = BLOCK_MAGIC, .plan_offset = sizeof(*header), .plan_size = sizeof(struct plan),
					 .cpu_list_offset = sizeof(*header) + sizeof(struct plan) };
	sha256_compute(header->plan_sha256, the_plan(), sizeof(struct plan));
	header->crc32 = crc32(0, header, sizeof(*header));
}

void platform_block(enum slot_mode mode)
{
	unsigned i;

	region(PLATFORM_PLAN, 1, REGION_PLAN);
	region(PLATFORM_SLOTS, 2, REGION_SLOTS);
	region(PLATFORM_TABLE, 1, REGION_TABLE);
	region(PLATFORM_SEGMENTS, 1, REGION_SEGMENT);
	for (i = 0; i < parameters.cpus; i++) {
		struct slot *slot = slot_of(i);

		slot->apic_id = M->cpu[i].seat.apic_id;
		slot->mode = mode;
		slot->plan = PLATFORM_PLAN + sizeof(struct block_header);
		slot->park_root = i ? PLATFORM_PARK : PLATFORM_VERIFY;
		slot->no_init = !i;
		slot->boss.verdict = i ? VERDICT_NONE : VERDICT_ONLINE;
		shared_store_relaxed_u64(&slot->control.command, slot_word(0, COMMAND_WAIT));
	}
	make_plan(the_plan());
	platform_seal_plan();
	notes()->place = (struct boss_place){
		.code = PLATFORM_CODE, .code_end = PLATFORM_CODE + 0x1000, .park_root = PLATFORM_PARK, .lot_idt = PLATFORM_IDT,
		.cr4_must = CR4_PAE | CR4_MCE, .cr4_must_not = CR4_PGE,
	};
}

/* Of a CPU that is PARKED from the start: its first turn finds the status there. */
void lot_program(void)
{
	lot_goes_on();
}

void platform_parked(bool inside)
{
	unsigned i;

	for (i = 1; i < parameters.cpus; i++) {
		struct slot *slot = slot_of(i);
		struct cpu *cpu = smp_cpu(i);

		EXPECT(cpu_move(cpu, CPU_ONLINE, CPU_PARKING) && cpu_move(cpu, CPU_PARKING, CPU_PARKED));
		space_left(&cpu->mm);
		slot->boss.verdict = VERDICT_PARKED;
		shared_store_relaxed_u64(&slot->status, slot_word(0, STATUS_PARKED));
		M->cpu[i].sets.root = PLATFORM_PARK;
		M->cpu[i].seat.place = IN_LOT;
		M->cpu[i].seat.parked = true;
		M->cpu[i].seat.ours = false;
		M->cpu[i].seat.cr4 &= ~(uint64_t)CR4_PGE;
	}
	if (inside)
		platform_enters_block();
}

void platform_enters_block(void)
{
	self()->seat.place = IN_BLOCK;
	self()->seat.cr4 &= ~(uint64_t)CR4_PGE;
	tlb_load(M->current, PLATFORM_VERIFY);
}

void platform_arm_recall(void)
{
	M->page_gate = TRAMPOLINE_OPEN;
	M->page_entry = ENTRY_RECALL;
	the_plan()->recall_page = PLATFORM_LOW;
	platform_seal_plan();
}

void platform_committed(enum slot_mode mode)
{
	platform_online();
	platform_block(mode);
	platform_arm_recall();
	platform_parked(true);
}

void platform_hands_over(void)
{
	purgatory_main(the_plan());
}

void platform_liars(void)
{
	M->liars = true;
}

bool platform_lied(unsigned cpu)
{
	return M->cpu[cpu].seat.lied;
}

void platform_no_page_0(void)
{
	M->no_page_0 = true;
}

unsigned platform_choose(unsigned choices)
{
	return choose(choices);
}

void platform_icr_sticks(unsigned after)
{
	M->icr_sticks = true;
	M->icr_left = (uint8_t)after;
	platform_icr_busy();
}

void platform_xapic(void)
{
	M->xapic = true;
}

void platform_bsp(unsigned cpu)
{
	M->bsp = (uint8_t)cpu;
}

void platform_misses_sipi(unsigned cpu)
{
	M->cpu[cpu].seat.misses = 1;
}

void platform_count_steps(void)
{
	M->counting = true;
	M->steps = 0;
}

uint32_t platform_steps(void)
{
	M->counting = false;
	return M->steps;
}

void platform_boss_is_no_bsp(void)
{
	M->no_bsp = true;
}

void platform_apic_id(unsigned cpu, uint32_t id)
{
	M->cpu[cpu].seat.apic_id = id;
	platform_madt.cpus[cpu].apic_id = id;
}

void platform_deaf(unsigned cpu, bool dead)
{
	M->cpu[cpu].seat.deaf = true;
	M->cpu[cpu].seat.dead = dead;
	M->cpu[cpu].sleeps = true;
}

unsigned platform_was_late(void) { return M->times_late; }
bool platform_jumped(void) { return M->jumped; }
bool platform_in_firmware(unsigned cpu) { return M->cpu[cpu].seat.place == IN_FIRMWARE; }
bool platform_in_kernel(unsigned cpu) { return M->cpu[cpu].seat.place == IN_KERNEL; }
uint32_t platform_failed(void) { return M->failed; }
uint32_t platform_ivt(void) { return M->ivt; }

bool platform_is_halted(unsigned cpu)
{
	return M->cpu[cpu].seat.halted && M->cpu[cpu].sets.root == PLATFORM_PARK;
}

/* Registers that the boss has not; smp/ cannot make them equal. */
void platform_differs(unsigned cpu)
{
	M->cpu[cpu].seat.odd = 1;
}

uint32_t platform_failed_chunk(bool *by_mc)
{
	*by_mc = M->failed_by_mc;
	return M->failed_chunk;
}
