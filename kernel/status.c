// SPDX-License-Identifier: MIT
#include "kernel/status.h"

#include "kernel/log.h"
#include "kernel/screen.h"
#include "lib/fmt.h"
#include "lib/panel.h"
#include "x86/cpu.h"
#include "x86/tsc.h"

#define INTERVAL_US	250000u
#define US_PER_S	1000000u
#define TITLE_ROW	0u
#define HELP_ROW	1u
#define STATUS_ROW	3u

static unsigned long seconds_since(uint64_t tsc, uint64_t now)
{
	return now > tsc ? tsc_to_us(now - tsc) / US_PER_S : 0;
}

static void draw_frame(const struct boot_info *info, const struct report_loop *loop)
{
	char limit[32] = "";

	screen_open(&info->framebuffer);
	screen_row(TITLE_ROW, "Baton starts Baton: %.32s, seed %lu", info->plan.entry_id, (unsigned long)loop->seed);
	if (info->config.hours)
		fmt_snprint(limit, sizeof(limit), info->config.hours == 1 ? ", as does %u hour" : ", as do %u hours",
			    info->config.hours);
	screen_row(HELP_ROW, "The power button ends the loop%s.", limit);
}

/* What is left, with its unit: generations, or time where nobody asked for a number of them. */
static void left_text(char *to, size_t size, const struct report_loop *loop, uint32_t hours, unsigned long passed_s)
{
	unsigned long limit_s = hours * 3600ul, s = limit_s > passed_s ? limit_s - passed_s : 0;

	if (hours && loop->left > CONFIG_LOOP_FOREVER / 2)
		fmt_snprint(to, size, "%lu:%02lu:%02lu", s / 3600, s / 60 % 60, s % 60);
	else
		fmt_snprint(to, size, "%lu", (unsigned long)loop->left);
}

void status_show(const struct boot_info *info, struct report_loop *loop, uint64_t generation)
{
	uint64_t now = cpu_rdtsc(), before = loop->shown_tsc;
	uint64_t us = before && now > before ? tsc_to_us(now - before) : 0;
	uint64_t tenths = us ? (loop->handovers - loop->shown_handovers) * 10 * US_PER_S / us : 0;
	unsigned long s = seconds_since(loop->started_tsc, now);
	char left[24];

	if (!log_is_quiet() || !screen_usable(&info->framebuffer) || (us && us < INTERVAL_US))
		return;
	if (!loop->shown_tsc)
		draw_frame(info, loop);
	else
		screen_attach(&info->framebuffer);
	left_text(left, sizeof(left), loop, info->config.hours, s);
	screen_row(STATUS_ROW, "generation %lu, %s left, %lu.%lu/s, %lu:%02lu:%02lu, last: %.31s",
		   (unsigned long)generation, left, (unsigned long)(tenths / 10),
		   (unsigned long)(tenths % 10), s / 3600, s / 60 % 60, s % 60,
		   loop->event[0] ? loop->event : "started");
	loop->shown_tsc = now;
	loop->shown_handovers = loop->handovers;
}
