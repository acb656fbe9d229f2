// SPDX-License-Identifier: MIT
/*
 * The life of a boot after the door, in the order in which it happens. Everything here runs on the boss.
 */
#include "kernel/kernel.h"

#include "boot/setup_data.h"
#include "boot/survive.h"
#include "kernel/canary.h"
#include "kernel/cpus.h"
#include "kernel/faults.h"
#include "kernel/handover.h"
#include "kernel/inventory.h"
#include "kernel/log.h"
#include "kernel/loop.h"
#include "kernel/loop_end.h"
#include "kernel/machine.h"
#include "kernel/memory.h"
#include "kernel/next.h"
#include "kernel/old_park.h"
#include "kernel/old_refusal.h"
#include "kernel/phase.h"
#include "kernel/platform.h"
#include "kernel/previous.h"
#include "kernel/selftest.h"
#include "kernel/selftest_smp.h"
#include "kernel/stop.h"
#include "kernel/watch.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/idt.h"
#include "x86/mce.h"
#include "x86/pc/uart.h"
#include "x86/percpu.h"
#include "x86/tsc.h"

#define EARLY_STACK_BYTES 4096

void stack_call(void *argument, uint64_t top, void (*function)(void *));

static struct problem problem;
static struct platform platform;
static struct machine machine;
static struct online_result online;
static struct next next;
static struct survivors survivors;
static struct handover handover;

static void must(enum status s)
{
	if (s != OK)
		stop_problem(&problem);
}

/* For what a boot can go on without: said, not fatal. */
static void note(enum status s)
{
	if (s != OK)
		log_problem(&problem);
	problem.code = OK;
}

static void tell_engines(const struct engines *engines)
{
	char text[ENGINES_TEXT_BYTES];
	enum engine engine;

	engines_text(engines, text);
	log_event("engines", "in=image %s", text);
	for (unsigned i = 0; (engine = engines_refused(engines, i)) != ENGINES; i++)
		log_always("engine-refused", "in=image code=E%02u name=%s", E_ENGINE, engine_name(engine));
}

/* What the door could not say, since it had no console. */
static void hear_the_door(const struct boot_info *info)
{
	for (unsigned i = 0; i < info->note_count; i++)
		log_problem(&info->notes[i]);
	tell_engines(&info->engines);
	if (info->refused.code)
		stop_problem(&info->refused);
}

/* Before the HPET's registers are mapped it is no clock. */
static void first_clock(const struct boot_info *info)
{
	struct tsc_sources reachable = machine.clock;

	if (info->devices_unmapped)
		reachable.hpet_base = 0;
	note(tsc_init(&reachable, &problem));
}

/* Until the CPUs' memory exists the boss faults on static stacks. */
static void own_tables_early(void)
{
	static uint8_t stacks[3][EARLY_STACK_BYTES] __attribute__((aligned(16)));
	static struct percpu early;

	percpu_init(&early, 0, 0, 0, 0, (uint64_t)stacks[1], (uint64_t)stacks[2],
		    (uint64_t)stacks[2] + EARLY_STACK_BYTES);
	idt_set_panic(stop_exception);
	idt_build();
	percpu_load(&early);
	mce_enable();
}

/* Good enough until the local APIC is mapped: only a machine without MADT relies on it. */
static uint32_t initial_apic_id(void)
{
	return cpu_cpuid(1, 0).ebx >> 24;
}

/* What fails before anything is reserved leaves its record in free memory: nothing of ours is there yet. */
static enum status open_memory(struct boot_info *info)
{
	enum status s = memory_open(info, &problem);
	struct problem unplaced = { .code = OK };
	uint64_t base;

	if (s == OK && memory_find(info, STOP_RECORD_BYTES, false, &base, &unplaced) == OK)
		stop_record_at((void *)(base + sizeof(struct setup_data)));
	return s;
}

/* Sizes first, then places: the map, the CPU count and nothing else decide (protocol rule 18). */
static void reserve(struct boot_info *info)
{
	must(previous_take_back(info, &problem));
	next_size(info, machine.madt.cpu_count, INVENTORY_PCI_REPORTED, loop_running(), &next);
	must(handover_reserve(info, &machine, &next, &handover, &problem));
	stop_record_at(next_report_place(&next));
	stop_hang_at(next_hang_place(&next));
	if (faults_leak())
		must(memory_leak(info, &problem));
	must(memory_start(info, &problem));
}

static void list_devices(const struct boot_info *info)
{
	if (apic_mode() == APIC_MODE_XAPIC)
		memory_add_device("lapic", apic_base(), MM_PAGE_BYTES, MM_UC);
	for (unsigned i = 0; i < machine.madt.ioapic_count; i++)
		memory_add_device("ioapic", machine.madt.ioapic_base[i], MM_PAGE_BYTES, MM_UC);
	for (unsigned i = 0; i < machine.iommu.unit_count; i++)
		if (!efimap_is_memory(&info->efi_map, machine.iommu.units[i].registers, MM_PAGE_BYTES))
			memory_add_device("iommu", machine.iommu.units[i].registers, MM_PAGE_BYTES, MM_UC);
	memory_add_device("hpet", machine.clock.hpet_base, MM_PAGE_BYTES, MM_UC);
	for (unsigned i = 0; i < machine.ecam_count; i++)
		memory_add_device("ecam", machine.ecam[i].base + ((uint64_t)machine.ecam[i].first_bus << 20),
				  (machine.ecam[i].last_bus - machine.ecam[i].first_bus + 1ull) << 20, MM_UC);
	memory_add_device("framebuffer", info->framebuffer.base, info->framebuffer.size,
			  mm_cache_or(&kernel_memory.features, MM_WC, MM_UC_MINUS));
	if (log_uart()->mmio)
		memory_add_device("uart", log_uart()->base, MM_PAGE_BYTES, MM_UC);
	watch_find(info);
	if (machine.reset.space == 0)
		memory_add_device("reset", machine.reset.address, 8, MM_UC);
}

/* Next to each placed image, where a stray store is likely, and a few anywhere in free memory. */
static void place_canary(const struct boot_info *info)
{
	uint64_t limits[2 * SEGMENT_MAX + CANARY_SPREAD];
	unsigned count = 0;

	for (unsigned i = 0; i < info->plan.segment_count; i++) {
		const struct boot_segment *s = &info->plan.segments[i];

		limits[count++] = s->dest;
		limits[count++] = s->dest + s->reserved_size + MM_PAGE_BYTES;
	}
	for (unsigned i = 1; i <= CANARY_SPREAD; i++)
		limits[count++] = kernel_memory.ram_bytes / CANARY_SPREAD * i;
	log_event("canary", "pages=%u", canary_fill(&kernel_memory.phys, limits, count));
}

/* The page allocator hands out from the top of a range, so what it has not touched yet stays as it is. */
static struct mm_range largest_idle(void)
{
	struct mm_range largest = { 0, 0 };

	for (unsigned i = 0; i < kernel_memory.phys.range_count; i++)
		if (kernel_memory.phys.untouched[i].size > largest.size)
			largest = kernel_memory.phys.untouched[i];
	return largest;
}

/* Outside of a loop, what a Baton before us left behind is no reason to stop. */
static void account_for_cpus(struct boot_info *info)
{
	if (loop_running())
		must(previous_release(info, &problem));
	else
		note(previous_release(info, &problem));
}

/* Before our own tables are loaded, which show nothing that is firmware's own. */
static void find_survivors(const struct boot_info *info)
{
	struct acpi_reader reader = machine_reader();

	survive_find_efi(&survivors, &reader, info->efi_systab, info->efi_tables);
	survive_find_acpi(&survivors, &reader, info->rsdp);
	survive_add(&survivors, "framebuffer", info->framebuffer.base, info->framebuffer.size);
}

/* What this Baton reserved, by its name; a block of one before it is among that until its CPUs have left. */
static void add_reserved(void)
{
	for (unsigned i = 0; i < kernel_memory.reserved_count; i++)
		survive_add(&survivors, kernel_memory.reserved[i].what, kernel_memory.reserved[i].base,
			    kernel_memory.reserved[i].size);
}

static void say_conflict(void *ctx, const struct problem *conflict)
{
	(void)ctx;
	log_problem(conflict);
}

/* What is copied to its place after commit: the map knows all that has to survive now. */
static enum status check_destinations(const struct boot_info *info)
{
	enum status s = OK;

	add_reserved();
	for (unsigned i = 0; s == OK && i < info->plan.segment_count; i++) {
		const struct boot_segment *segment = &info->plan.segments[i];

		if (segment->source)
			s = survive_check(&survivors, &info->efi_map, segment->dest, segment->reserved_size,
					  segment->path, say_conflict, NULL, &problem);
	}
	return s;
}

/* On our own stack, tables and CPUs. */
static void with_all_cpus(void *argument)
{
	struct boot_info *info = argument;

	must(loop_judge_high(info, &problem));
	if (info->finish_load) {
		must(info->finish_load(info, &problem));
		phase_done("load");
	}
	must(memory_protect_placed(&info->plan, &problem));
	must(memory_protect_placed(&info->fallback, &problem));
	faults_exchange(&info->plan);
	next_open_report(&next, smp_cpu_count(), INVENTORY_PCI_REPORTED, loop_running());
	report_identity(&next.report, info, &platform, loop_generation());
	stop_record_in(&next.report);
	inventory_machine_checks(&next.report);
	inventory_bus_masters(&info->config, &machine, &next.report);
	phase_done("inventory");

	place_canary(info);
	note(tsc_calibrate(&machine.clock, &problem));
	log_event("own", "levels=%u tsc_khz=%lu clock=%s ram=%lu platform=%s free_pages=%lu", kernel_memory.levels,
		  tsc_khz(), tsc_source_text(), kernel_memory.ram_bytes, platform.name, kernel_memory.phys.free_pages);
	must(selftest_run(&info->config, &problem));
	if (loop_running())
		must(memory_settle(info, &problem));
	must(next_build(info, &next, &problem));
	must(loop_census(info, next.e820_count, &problem));
	must(check_destinations(info));
	must(handover_prepare(info, &machine, &platform, &next, &handover, &problem));
	must(selftest_smp_run(&info->config, &platform, &handover, &next.report, &problem));
	must(handover_describe(info, &next, &handover, &problem));
	must(loop_check_bundle(&next.report, &problem));
	must(loop_offline(&handover, &problem));
	loop_end_watch_button(info);
	loop_fill(info, &next.report);
	phase_done("prepare");
	faults_trip(info->plan.segments[0].dest);
	phase_checkpoint("placed", largest_idle());

	must(handover_park(&handover, &problem));
	phase_done("park");
	phase_checkpoint("rollcall", largest_idle());
	must(handover_roll_call(&handover, &problem));
	must(old_park_check(info, &problem));
	if (faults_canary())
		canary_damage();
	must(canary_check(&problem));
	phase_done("rollcall");
	phase_report(&next.report, tsc_khz());
	loop_say(info);

	watch_commit("rollcall");
	handover_commit(&machine, &handover);
}

_Noreturn void kernel_main(struct boot_info *info)
{
	enum status opened;

	phase_origin(info->tsc_at_door);
	phase_done_at("door", info->tsc_at_exit);
	stop_configure(info, &platform, &machine.reset);
	machine_limit(info->readable);
	own_tables_early();		/* before the consoles: one that is not there may fault */
	opened = open_memory(info);
	log_open(info);
	platform_read(&platform);

	loop_begin(info);
	old_refusal_tell();
	hear_the_door(info);
	must(opened);
	must(faults_configure(info->config.fault, info->config.seed, loop_generation(), &problem));
	must(loop_judge(info, &problem));
	machine_read(&machine, info->rsdp, initial_apic_id());
	find_survivors(info);
	loop_end_find_button(info);
	faults_apic();
	must(apic_init(&problem));
	must(cpus_check_boss(info, &machine, initial_apic_id(), &problem));
	cpus_hold(info, &machine);
	machine.clock.hint_hz = info->tsc_hz_hint;
	first_clock(info);
	reserve(info);
	list_devices(info);
	phase_done("own");

	must(cpus_take(info, &machine, &online, &problem));
	account_for_cpus(info);
	old_refusal_forget(info);
	phase_done("online");
	stack_call(info, smp_boss()->percpu->stack_top, with_all_cpus);
	__builtin_unreachable();
}
