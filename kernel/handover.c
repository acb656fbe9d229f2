// SPDX-License-Identifier: MIT
#include "kernel/handover.h"

#include "boot/efimap.h"
#include "boot/start_info.h"
#include "kernel/faults.h"
#include "kernel/log.h"
#include "kernel/loop.h"
#include "kernel/memory.h"
#include "kernel/screen.h"
#include "kernel/watch.h"
#include "lib/fmt.h"
#include "lib/sha256.h"
#include "lib/string.h"
#include "smp/online.h"
#include "x86/apic.h"
#include "x86/pc/hpet.h"
#include "x86/pc/pit.h"
#include "x86/pc/uart.h"
#include "x86/percpu.h"
#include "x86/state.h"
#include "x86/tsc.h"

/* The part of the block's configuration that decides the size of its tables. */
static struct block_config configure_map(const struct boot_info *info, const struct machine *machine,
					 const struct handover *h)
{
	const struct framebuffer *fb = &info->framebuffer;
	const struct uart *uart = log_uart();

	return (struct block_config){
		.fallback = info->fallback.segment_count ? &info->fallback : NULL,
		.x2apic = apic_mode() == APIC_MODE_X2APIC, .lapic_base = apic_base(),
		.levels = kernel_memory.levels, .features = &kernel_memory.features,
		.ram = h->ram, .ram_count = h->ram_count,
		.uart = { uart->base, uart->mmio, uart->stride },
		.framebuffer = { screen_usable(fb) ? fb->base : 0, fb->size, fb->width, fb->height, fb->stride,
				 fb->format == PIXEL_TEXT ? sizeof(uint16_t) : sizeof(uint32_t) },
		.reset = { machine->reset.address, machine->reset.space, machine->reset.value,
			   machine->reset.smi_port, 0 },
	};
}

enum status handover_reserve(struct boot_info *info, const struct machine *machine, struct next *next,
			     struct handover *h, struct problem *problem)
{
	struct block_config map;
	unsigned spans = 0, want, pages;
	uint64_t last;
	enum status s = block_list_ram(&info->efi_map, h->ram, BLOCK_RAM_MAX, &h->ram_count, problem);

	map = configure_map(info, machine, h);
	do {
		want = spans + 1;
		if (s == OK)
			s = block_tables_needed(&map, kernel_memory.ram_bytes, want, &pages, problem);
		if (s == OK) {
			h->size = block_size_needed(machine->madt.cpu_count, pages);
			s = memory_find(info, h->size + next->size, true, &h->base, problem);
		}
		last = h->base + h->size + next->size - 1;
		spans = (unsigned)(last / MM_2M_BYTES - h->base / MM_2M_BYTES + 1);
	} while (s == OK && spans > want);
	if (s == OK)
		s = memory_reserve_at(info, "block", h->base, h->size, problem);
	return s == OK ? next_reserve_at(info, h->base + h->size, next, problem) : s;
}

/* Protocol rule 8. MWAIT spins under emulation and starves everybody, so there it is used only when asked for. */
static enum slot_mode choose_mode(const struct boot_info *info, const struct platform *platform, unsigned index)
{
	/* A store wakes nobody there. */
	if (faults_ignore_kick(smp_cpu(index)->apic_id) == FAULT_KICK_SKIPPED || !platform_mwait_usable(platform))
		return MODE_HLT;
	if (loop_running() && (info->config.park == PARK_AUTO || info->config.park == PARK_MIX))
		return loop_park_mode(index, platform->hypervisor);
	switch (info->config.park) {
	case PARK_MWAIT: return MODE_MWAIT;
	case PARK_HLT: return MODE_HLT;
	case PARK_MIX: return index % 2 ? MODE_MWAIT : MODE_HLT;
	default: return platform->hypervisor ? MODE_HLT : MODE_MWAIT;
	}
}

static void list_cpus(const struct boot_info *info, const struct platform *platform, struct handover *h)
{
	for (unsigned i = 0; i < smp_cpu_count(); i++) {
		const struct cpu *cpu = smp_cpu(i);

		h->must_park[i] = cpu_state(cpu) == CPU_ONLINE;
		h->cpus[i] = (struct block_cpu){
			.apic_id = cpu->apic_id,
			.mode = choose_mode(info, platform, i),
			.no_init = cpu->is_bsp || !h->must_park[i],
			.fault = cpu == smp_boss() ? faults_boss() : faults_ignore_kick(cpu->apic_id),
		};
	}
}

/* A segment's digest in the report: the file's if the entry gave it, else one over its chunks' digests. */
static void digest_of(const struct chunk_digest *chunks, uint32_t count, uint8_t out[32])
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	for (uint32_t i = 0; i < count; i++)
		sha256_update(&ctx, chunks[i].sha256, sizeof(chunks[i].sha256));
	sha256_final(&ctx, out);
}

/* What was read to there; NULL: the segment is no file's. */
static const struct boot_segment *read_to(const struct boot_plan *plan, uint64_t dest)
{
	for (unsigned i = 0; i < plan->segment_count; i++)
		if (plan->segments[i].dest == dest)
			return &plan->segments[i];
	return NULL;
}

static bool is_reported(const struct plan *first, const struct plan *plan, uint64_t dest)
{
	for (unsigned i = 0; plan != first && i < first->segment_count; i++)
		if (first->segments[i].dest == dest)
			return true;
	return false;
}

/* Those of the fallback's that are not the first's too. */
static void report_segments(const struct boot_plan *files, const struct plan *first, const struct plan *plan,
			    struct report *report)
{
	const struct chunk_digest *table = (const void *)plan->digest_table;

	for (unsigned i = 0; i < plan->segment_count; i++) {
		const struct plan_segment *from = &plan->segments[i];
		struct report_segment *to = is_reported(first, plan, from->dest) ? NULL :
					    report_add_segment(report, from->name);
		const struct boot_segment *file = read_to(files, from->dest);
		const char *path = file ? file->path : "";
		bool whole = file && file->whole_known;

		if (!to)
			continue;
		fmt_snprint(to->path, sizeof(to->path), "%s", path);
		to->address = from->dest;
		to->size = from->size;
		to->memory_size = from->memory_size;
		to->expected = whole ? EXPECTED_ENTRY : EXPECTED_FIRST_READ;
		to->chunk_count = (from->size + CHUNK_BYTES - 1) / CHUNK_BYTES;
		if (whole && file->file_count == 1)
			memcpy(to->sha256, file->whole_sha256, sizeof(to->sha256));
		else
			digest_of(table + from->first_chunk, to->chunk_count, to->sha256);
		log_event("segment", "name=%s path=\"%s\" addr=0x%lx size=%lu expected=%s", to->name, path, from->dest,
			  from->size, whole ? "entry" : "first-read");
	}
}

static enum report_verdict verdict_of(enum cpu_state state)
{
	switch (state) {
	case CPU_BOSS: case CPU_ONLINE: return VERDICT_ONLINE;
	case CPU_DISABLED: return VERDICT_DISABLED;
	case CPU_UNREACHABLE: return VERDICT_UNREACHABLE;
	case CPU_IS_BSP: return VERDICT_IS_BSP;
	case CPU_NO_ANSWER: return VERDICT_NO_ANSWER;
	case CPU_LOST: return VERDICT_LOST;
	case CPU_PARKED: return VERDICT_PARKED;
	default: return VERDICT_NONE;
	}
}

/* CPUs that never get into the lot keep the verdict of bring-up, in slot and report alike. */
static void report_cpus(struct handover *h, struct report *report)
{
	for (unsigned i = 0; i < smp_cpu_count(); i++) {
		const struct cpu *cpu = smp_cpu(i);
		struct report_cpu *out = report_add_cpu(report);

		if (!h->must_park[i])
			h->block.slots[i].boss.verdict = verdict_of(cpu_state(cpu));
		if (!out)
			continue;
		out->apic_id = cpu->apic_id;
		out->verdict = verdict_of(cpu_state(cpu));
		out->park_mode = h->must_park[i] ? h->cpus[i].mode : 0;
		out->online_us = cpu->online_us;
		if (h->cpus[i].fault)
			log_event("fault", "apic=%u counter=0x%lx", cpu->apic_id,
				  (unsigned long)&h->block.slots[i].wakeups);
		out->flags = (cpu->left_difference & STATE_MTRR_ANY ? REPORT_CPU_MTRR_DIFFER : 0) |
			     (cpu->found_difference & STATE_MTRR_ANY ? REPORT_CPU_MTRR_REPLAYED : 0);
	}
}

static void report_machine(const struct handover *h, struct report *report)
{
	struct report_header *r = report->header;

	r->ram_bytes = kernel_memory.ram_bytes;
	r->tsc_khz = tsc_khz();
	r->paging_levels = kernel_memory.levels;
	r->x2apic = apic_mode() == APIC_MODE_X2APIC;
	r->boss_apic_id = smp_boss()->apic_id;
	for (unsigned i = 0; i < kernel_memory.reserved_count; i++)
		report_add_reserved(report, kernel_memory.reserved[i].what, kernel_memory.reserved[i].base,
				    kernel_memory.reserved[i].size);
	log_event("block", "base=0x%lx size=%lu plain=%lu tables=%lu cpus=%u", h->block.base, h->block.size,
		  h->block.plain_bytes, h->block.table_bytes, h->block.cpu_count);
}

/* What a later Baton takes back: all that was reserved, in order of address. */
static unsigned list_reserved(struct block_range *ranges)
{
	unsigned count = 0;

	for (unsigned i = 0; i < kernel_memory.reserved_count && count < BLOCK_RANGES; i++) {
		const struct reserved_range *r = &kernel_memory.reserved[i];
		unsigned at = count;

		if (r->kept)
			continue;
		for (; at && ranges[at - 1].base > r->base; at--)
			ranges[at] = ranges[at - 1];
		ranges[at] = (struct block_range){ r->base, mm_page_up(r->size) };
		count++;
	}
	return count;
}

static struct block_config configure(struct boot_info *info, const struct machine *machine,
				     const struct platform *platform, const struct next *next, const struct handover *h)
{
	static struct block_range ranges[BLOCK_RANGES];
	struct block_config c = configure_map(info, machine, h);

	return (struct block_config){
		.base = h->base, .size = h->size,
		.digest_table = (uint64_t)info->plan.digest_table,
		.digest_bytes = (uint64_t)info->plan.digest_capacity * sizeof(struct chunk_digest),
		.cpus = h->cpus, .cpu_count = smp_cpu_count(), .boss = smp_boss()->index,
		.generation = next->report.header->generation,
		.ranges = ranges, .range_count = list_reserved(ranges),
		.quiet = log_is_quiet(),
		.tsc_khz = tsc_khz(), .tsc_at_door = info->tsc_at_door,
		.x2apic = c.x2apic, .hypervisor = platform->hypervisor,
		.lapic_base = c.lapic_base, .lapic_svr = apic_found().svr, .lapic_lint0 = apic_found().lint0,
		.levels = c.levels, .features = c.features,
		.segments = &info->plan,
		.fallback = c.fallback,
		.fallback_params = next->fallback_params,
		.ram = c.ram, .ram_count = c.ram_count,
		.entry = info->plan.kernel_entry, .boot_params = next->boot_params,
		.protected_mode = info->plan.protocol != NEXT_LINUX, .magic = start_info_magic(info->plan.protocol),
		.report = (uint64_t)next->report.header, .report_bytes = next->report_bytes,
		.low_page = info->low_page,
		.on_failure = info->config.on_failure == ON_FAILURE_HALT ? PLAN_HALT : PLAN_REBOOT,
		.lost_cpu = info->config.lost_cpu == LOST_CPU_CONTINUE ? PLAN_LOST_CONTINUE : PLAN_LOST_REFUSE,
		.init_policy = info->config.init == INIT_HOLD ? PLAN_INIT_HOLD : PLAN_INIT_RECALL,
		.reset_after_s = config_reset_after_s(&info->config),
		.uart = c.uart, .framebuffer = c.framebuffer, .reset = c.reset, .watchdog = watch_plan(info),
	};
}

enum status handover_prepare(struct boot_info *info, const struct machine *machine, const struct platform *platform,
			     struct next *next, struct handover *h, struct problem *problem)
{
	struct block_config config;
	enum status s;

	list_cpus(info, platform, h);
	config = configure(info, machine, platform, next, h);
	s = block_build(&h->block, &config, problem);
	if (s == OK)
		s = block_protect(&h->block, &kernel_memory.space, problem);
	return s;
}

struct park_lot handover_lot(struct handover *h)
{
	park_boss_init(&h->boss, h->block.slots);
	return (struct park_lot){ &h->boss, &h->block.place, h->block.lot_enter };
}

/* Who came late is to park as well, as everybody in the mode of the plan. */
static void settle_slots(struct handover *h)
{
	for (unsigned i = 0; i < smp_cpu_count(); i++) {
		const struct cpu *cpu = smp_cpu(i);

		h->must_park[i] = cpu_state(cpu) == CPU_ONLINE;
		h->block.slots[i].mode = h->cpus[i].mode;
		h->block.slots[i].no_init = cpu->is_bsp || !h->must_park[i];
	}
}

enum status handover_describe(const struct boot_info *info, struct next *next, struct handover *h,
			      struct problem *problem)
{
	const struct plan *plan = h->block.plan;

	if (info->low_page) {
		enum status s = block_arm_recall(&h->block, problem);

		if (s != OK)
			return s;
	}
	settle_slots(h);
	report_machine(h, &next->report);
	report_segments(&info->plan, plan, plan, &next->report);
	if (plan->fallback)
		report_segments(&info->fallback, plan, (const struct plan *)plan->fallback, &next->report);
	report_cpus(h, &next->report);
	return OK;
}

/* In a loop, too, who is lost has a name. */
static void say_parked(const struct cpu *cpu, enum slot_mode mode)
{
	const char *verdict = cpu_verdict_text(cpu_state(cpu)), *how = mode == MODE_MWAIT ? "mwait" : "hlt";

	if (cpu_state(cpu) == CPU_LOST)
		log_always("park", "apic=%u verdict=%s mode=%s", cpu->apic_id, verdict, how);
	else
		log_event("park", "apic=%u verdict=%s mode=%s", cpu->apic_id, verdict, how);
}

enum status handover_park(struct handover *h, struct problem *problem)
{
	unsigned lost;

	park_boss_init(&h->boss, h->block.slots);
	lost = park_all(&h->boss, &h->block.place, h->block.lot_enter);
	if (lost)
		space_quarantine(&kernel_memory.space);
	for (unsigned i = 0; i < smp_cpu_count(); i++) {
		const struct cpu *cpu = smp_cpu(i);

		if (!h->must_park[i])
			continue;
		say_parked(cpu, h->cpus[i].mode);
	}
	/* Such a CPU may still run in memory that the next kernel takes for free, so no policy lets it pass; lost-cpu
	 * is about those that the lot loses. */
	if (lost)
		return problem_set(problem, E_CPU_LOST, "handover refused: %u CPUs did not reach the lot", lost);
	return OK;
}

enum status handover_roll_call(struct handover *h, struct problem *problem)
{
	return block_roll_call(&h->block, h->must_park, problem);
}

/* Faults go in last: after every digest and every check of the kernel's side. */
static void damage(const struct plan *plan, const char *table)
{
	for (unsigned i = 0; i < plan->segment_count; i++) {
		const struct plan_segment *s = &plan->segments[i];
		char backup[sizeof(s->name) + 8];

		faults_damage(s->name, s->dest, s->size);
		fmt_snprint(backup, sizeof(backup), "%s-backup", s->name);
		if (s->backup)
			faults_damage(backup, s->backup, s->size);
	}
	faults_damage(table, plan->digest_table, plan->digest_count * sizeof(struct chunk_digest));
}

_Noreturn void handover_commit(const struct machine *machine, struct handover *h)
{
	const struct plan *plan = h->block.plan;

	damage(plan, "digests");
	if (plan->fallback) {
		damage((const struct plan *)plan->fallback, "fallback-digests");
		faults_damage("fallback-plan", plan->fallback, sizeof(*plan));
	}
	if (machine->clock.hpet_base)
		hpet_stop(machine->clock.hpet_base);
	pit_stop();
	faults_request();
	apic_accept_requests();
	state_restore_found(&smp_boss()->percpu->found);
	block_commit(&h->block);
}
