// SPDX-License-Identifier: MIT
#include "kernel/watch.h"

#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/stop.h"
#include "x86/pc/watchdog.h"

/* What a phase, the whole of the block among them, may take at most: all bytes read and verified twice at the rate that
 * VERIFY believes in (protocol rule 15.4), three orders to all CPUs at a hypervisor's deadline (rule 13), and what
 * depends on nothing. reset-after comes on top. */
#define PHASE_S			15u
#define BYTES_PER_S		4000000u
#define CPUS_PER_S		6u
#define FILL_BYTES_PER_S	64000000u
#define SELFTEST_PER_S		20u

static struct watchdog dog;
static uint32_t seconds;		/* 0: not armed */

void watch_find(const struct boot_info *info)
{
	if (info->config.reset_after_set && watchdog_find(&dog))
		memory_add_device("watchdog", mm_page_down(dog.registers), MM_PAGE_BYTES, MM_UC);
}

static uint32_t budget_s(const struct boot_info *info, unsigned cpus)
{
	uint64_t s = PHASE_S + config_reset_after_s(&info->config) + cpus / CPUS_PER_S +
		     info->config.selftest_mm / SELFTEST_PER_S;

	for (unsigned i = 0; i < info->plan.segment_count; i++)
		s += info->plan.segments[i].file_size / BYTES_PER_S;
	for (unsigned i = 0; i < info->fallback.segment_count; i++)
		s += info->fallback.segments[i].file_size / BYTES_PER_S;
	if (info->config.pattern_all)
		s += kernel_memory.ram_bytes / FILL_BYTES_PER_S;
	return s < UINT32_MAX ? (uint32_t)s : UINT32_MAX;
}

void watch_start(const struct boot_info *info, unsigned cpus)
{
	static const char *const names[] = { "none", "tco", "i6300esb" };
	struct problem problem = { .code = OK };

	if (!info->config.reset_after_set)
		return;
	seconds = budget_s(info, cpus);
	if (dog.kind != WATCHDOG_NONE && watchdog_arm(&dog, seconds)) {
		log_event("watchdog", "kind=%s seconds=%u", names[dog.kind], seconds);
		watch_alive("door");
		return;
	}
	seconds = 0;
	problem_set(&problem, E_NO_WATCHDOG, "reset-after %u cannot be kept if the machine hangs: %s",
		    config_reset_after_s(&info->config), dog.kind == WATCHDOG_NONE ?
		    "no watchdog known here was found" : "its watchdog is strapped not to reset it");
	if (!log_is_quiet())
		log_problem(&problem);
}

void watch_alive(const char *phase)
{
	if (!seconds)
		return;
	watchdog_arm(&dog, seconds);
	stop_expect_hang(phase);
}

void watch_commit(const char *phase)
{
	if (!seconds)
		return;
	watchdog_arm(&dog, seconds);
	stop_expect_hang_in_block(phase);
}

struct plan_watchdog watch_plan(const struct boot_info *info)
{
	return (struct plan_watchdog){
		.kind = seconds ? dog.kind : WATCHDOG_NONE, .bdf = dog.bdf, .port = dog.port,
		.hand_over = info->config.loop != 0,
	};
}

void watch_end(const struct boot_info *info)
{
	if (!info->config.reset_after_set && info->door == DOOR_EFI)
		return;
	if (dog.kind != WATCHDOG_NONE || watchdog_find(&dog))
		watchdog_stop(&dog);
	seconds = 0;
}
