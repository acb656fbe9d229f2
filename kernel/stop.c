// SPDX-License-Identifier: MIT
#include "kernel/stop.h"

#include "boot/setup_data.h"
#include "gen/identity.h"
#include "kernel/image.h"
#include "kernel/log.h"
#include "kernel/loop.h"
#include "kernel/screen.h"
#include "kernel/stop_map.h"
#include "kernel/watch.h"
#include "lib/panel.h"
#include "mm/space.h"
#include "kernel/memory.h"
#include "purgatory/plan.h"
#include "x86/cpu.h"
#include "x86/tsc.h"

#define BACKTRACE_DEPTH 16
#define CPUID_TOPOLOGY	0xbu

_Static_assert(sizeof(struct setup_data) + sizeof(struct report_header) +
	       REPORT_PHASES_MAX * sizeof(struct report_phase) + PLAN_SEGMENTS * sizeof(struct report_segment) +
	       REPORT_RESERVED_MAX * sizeof(struct report_reserved) <= STOP_RECORD_BYTES, "a short report");

static const struct boot_info *boot;
static const struct platform *machine;
static const struct reset_info *reset_by;
static void *record_place;		/* no report there yet: a short one is laid out */
static struct report record;		/* header NULL: none laid out */
static void *hang_place;
static struct report hang;		/* header NULL: not written */
static bool recorded;			/* the first problem counts; and writing may be what faults */
static shared_u32 dumping;		/* W: the first CPU that faults, its APIC ID + 1. R: later ones */

void stop_configure(const struct boot_info *info, const struct platform *platform, const struct reset_info *reset)
{
	boot = info;
	machine = platform;
	reset_by = reset;
}

void stop_record_at(void *memory)
{
	record_place = memory;
	record.header = NULL;
}

void stop_record_in(const struct report *report)
{
	record = *report;
}

static uint64_t door_us(void)
{
	return boot && tsc_khz() ? (cpu_rdtsc() - boot->tsc_at_door) * 1000 / tsc_khz() : 0;
}

static void write_record(struct report *r, void *place, const struct problem *problem)
{
	if (!r->header) {
		report_open(r, place, 0, 0, false);
		report_identity(r, boot, machine, loop_generation());
	}
	report_fail(r, problem, door_us());
}

static void forget_hang(void)
{
	if (!hang.header)
		return;
	hang.header->magic = 0;
	/* order: the store before its write-back. pairs with: memory after a reset. else: two stories are found */
	cpu_mfence();
	cpu_clflush(hang.header);
	hang.header = NULL;
}

static void leave_record(const struct problem *problem)
{
	if (recorded || (!record.header && !record_place))
		return;
	recorded = true;
	if (record.header)
		loop_failed(&record, problem);
	write_record(&record, record_place, problem);
	forget_hang();
}

void stop_hang_at(void *memory)
{
	hang_place = memory;
}

static void word_hang(struct problem *problem, const char *phase)
{
	problem_set(problem, E_HUNG, REPORT_HUNG_TEXT, phase);
}

void stop_expect_hang(const char *phase)
{
	struct problem problem = { .code = OK };

	if (recorded || !hang_place)
		return;
	word_hang(&problem, phase);
	write_record(&hang, hang_place, &problem);
}

void stop_expect_hang_in_block(const char *phase)
{
	struct problem problem = { .code = OK };

	word_hang(&problem, phase);
	write_record(&record, record_place, &problem);
	forget_hang();
}

static _Noreturn void halt_with_heartbeat(void)
{
	for (uint64_t seconds = 0;; seconds += STOP_HEARTBEAT_S) {
		log_event("halted", "seconds=%lu", (unsigned long)seconds);
		screen_next("Halted for %lu s, as on-failure says. Reset the machine by hand.", seconds);
		tsc_delay_us(STOP_HEARTBEAT_S * 1000000ull);
	}
}

static _Noreturn void act(void)
{
	static const struct reset_info unknown;

	if (boot)
		watch_end(boot);
	if (boot && boot->config.on_failure == ON_FAILURE_HALT)
		halt_with_heartbeat();
	for (uint32_t left = boot ? config_reset_after_s(&boot->config) : CONFIG_RESET_AFTER_S; left; left--) {
		if (left % 10 == 0 || left <= 3)
			log_event("reset", "in=%u", left);
		screen_next("Restart in %u s. The next start of Baton tells this again.", left);
		tsc_delay_us(1000000);
	}
	reset_machine(reset_by ? reset_by : &unknown);
}

static void show_facts(const struct problem *problem)
{
	static const struct boot_info nothing;
	const struct boot_info *info = boot ? boot : &nothing;
	struct panel panel;

	panel_make(&panel, &(struct panel_facts){
		.code = problem->code, .text = problem->text, .where = "in the kernel",
		.entry = info->plan.entry_id, .version = BATON_VERSION, .commit = BATON_COMMIT,
		.vendor = info->smbios_vendor, .product = info->smbios_product, .bios = info->smbios_bios,
		.generation = loop_generation(), .seed = info->config.seed, .us = door_us(),
	});
	screen_facts(&panel);
}

/* From here on every console tells. */
static void speak_up(const struct problem *problem)
{
	leave_record(problem);		/* before the consoles, which may fault */
	log_quiet(false);
	log_last_resort(!boot || !stop_map(boot, reset_by));
	log_release();
}

_Noreturn void stop_problem(const struct problem *problem)
{
	speak_up(problem);
	log_leave_screen();
	log_problem(problem);
	show_facts(problem);
	act();
}

/* A frame pointer is followed only where our own map has memory behind it. */
static bool readable(uint64_t address)
{
	struct mapping mapping;

	return kernel_memory.space.root && !(address & 7) && space_query(&kernel_memory.space, address, &mapping) &&
	       space_query(&kernel_memory.space, address + 15, &mapping);
}

static bool is_text(uint64_t address)
{
	return address - image_text().base < image_text().size;
}

/* The caller of a function without a frame of its own, which gcc leaves out of short ones that call nothing: then the
 * return address is what RSP points to. In any other function that word is seldom an address of code. */
static unsigned backtrace_leaf(const struct trap_frame *frame)
{
	uint64_t word;

	if (!readable(frame->rsp))
		return 0;
	word = *(const uint64_t *)frame->rsp;
	if (!is_text(word))
		return 0;
	log_event("backtrace", "depth=1 at=0x%lx from=stack", (unsigned long)(word - image_base()));
	return 1;
}

static void backtrace(const struct trap_frame *frame)
{
	uint64_t rbp = frame->rbp;
	unsigned depth;

	log_event("backtrace", "depth=0 at=0x%lx", (unsigned long)(frame->rip - image_base()));
	for (depth = 1 + backtrace_leaf(frame); depth < BACKTRACE_DEPTH && readable(rbp); depth++) {
		const uint64_t *link = (const uint64_t *)rbp;

		if (!link[1])
			break;
		log_event("backtrace", "depth=%u at=0x%lx", depth, (unsigned long)(link[1] - image_base()));
		if (link[0] <= rbp)
			break;
		rbp = link[0];
	}
}

/* Works before and after the local APIC is mapped: CPUID's initial APIC ID, all 32 bits where there is the leaf (SDM
 * 3A 9.9.3). */
static uint32_t own_id(void)
{
	struct cpuid_regs topology = { 0 };

	if (cpu_cpuid(0, 0).eax >= CPUID_TOPOLOGY)
		topology = cpu_cpuid(CPUID_TOPOLOGY, 0);
	return topology.ebx ? topology.edx : cpu_cpuid(1, 0).ebx >> 24;
}

/* The dump itself faulted: most likely the serial port's registers are not there. The screen says so, then the
 * policy. */
static _Noreturn void stop_in_dump(void)
{
	log_serial_off();
	log_text("exception while an exception was told, serial console switched off");
	act();
}

void stop_exception(const struct trap_frame *f)
{
	struct problem problem = { 0 };

	/* order: nothing; only one CPU may print. pairs with: stop_exception(). else: two dumps mix. */
	if (!shared_cas_seq_cst_u32(&dumping, 0, own_id() + 1)) {
		if (shared_load_relaxed_u32(&dumping) == own_id() + 1)
			stop_in_dump();
		for (;;)
			cpu_hlt();
	}
	problem_set(&problem, E_EXCEPTION, "exception %lu at image+0x%lx, cr2=0x%lx, CPU with APIC ID %u",
		    (unsigned long)f->vector, (unsigned long)(f->rip - image_base()), (unsigned long)cpu_read_cr2(),
		    own_id());
	speak_up(&problem);
	log_event("exception", "vector=%lu error=0x%lx rip=0x%lx base=0x%lx cr2=0x%lx apic=%u",
		  (unsigned long)f->vector, (unsigned long)f->error, (unsigned long)f->rip, (unsigned long)image_base(),
		  (unsigned long)cpu_read_cr2(), own_id());
	log_event("registers", "rax=0x%lx rbx=0x%lx rcx=0x%lx rdx=0x%lx rsi=0x%lx rdi=0x%lx rbp=0x%lx rsp=0x%lx",
		  f->rax, f->rbx, f->rcx, f->rdx, f->rsi, f->rdi, f->rbp, f->rsp);
	log_event("registers", "r8=0x%lx r9=0x%lx r10=0x%lx r11=0x%lx r12=0x%lx r13=0x%lx r14=0x%lx r15=0x%lx",
		  f->r8, f->r9, f->r10, f->r11, f->r12, f->r13, f->r14, f->r15);
	log_event("registers", "cs=0x%lx ss=0x%lx rflags=0x%lx cr0=0x%lx cr3=0x%lx cr4=0x%lx", f->cs, f->ss, f->rflags,
		  cpu_read_cr0(), cpu_read_cr3(), cpu_read_cr4());
	backtrace(f);
	stop_problem(&problem);
}
