// SPDX-License-Identifier: MIT
#include "kernel/loop_end.h"

#include "kernel/log.h"
#include "kernel/machine.h"
#include "kernel/previous.h"
#include "lib/fmt.h"
#include "lib/power_button.h"
#include "lib/string.h"
#include "x86/cpu.h"
#include "x86/tsc.h"

#define ACPI_MODE_WAIT_US	300000u

static struct power_button button_found = { .none = "there is no FADT" };
static bool button_sought;

void loop_end_find_button(const struct boot_info *info)
{
	struct problem problem = { .code = OK };
	struct acpi_table table = { 0 };

	if (button_sought)
		return;
	button_sought = true;
	if (info->rsdp && machine_find_table(info->rsdp, "FACP", &table, &problem) == OK && table.data)
		power_button_parse(&button_found, table.data, table.length);
}

static bool pressed(const struct boot_info *info)
{
	const struct power_button *button = &button_found;

	loop_end_find_button(info);
	if (button->none || !(cpu_in16(button->enable) & POWER_BUTTON_BIT) ||
	    !(cpu_in16(button->status) & POWER_BUTTON_BIT))
		return false;
	cpu_out16(button->status, POWER_BUTTON_BIT);	/* a written one clears it */
	return true;
}

/* What the userspace in between has to know in order to go on. */
static void tell_next(struct boot_info *info, uint64_t left)
{
	char *append = info->config.append;
	size_t used = strlen(append);

	fmt_snprint(append + used, sizeof(info->config.append) - used, "%sbaton.left=%llu baton.seed=%llu",
		    used ? " " : "", (unsigned long long)left, (unsigned long long)info->config.seed);
}

static void choose_end(struct boot_info *info, const struct report_header *r, const struct report_loop *loop)
{
	if (loop_hours_over(loop, r->tsc_khz, info->tsc_at_door, info->config.hours))
		info->loop_stop = REPORT_STOP_HOURS;
	else if (pressed(info))
		info->loop_stop = REPORT_STOP_BUTTON;
	if (info->loop_stop) {
		info->config.loop = 0;
	} else if (info->config.pass && !(loop->flags & REPORT_LOOP_PASS) &&
		   loop->handovers + 1 - loop->pass_at >= info->config.pass) {
		info->loop_left = info->config.loop;
		info->config.loop = 0;
	}
}

void loop_end_decide(struct boot_info *info)
{
	const struct report_header *r = previous.report;
	const struct report_loop *loop = r ? old_report_entry(r, &r->loop, 0) : NULL;

	machine_limit(info->readable);
	if (loop && info->config.loop)
		choose_end(info, r, loop);
	/* The last generation's kernel is told, too: none is left. */
	if (loop && info->config.pass && !info->config.loop)
		tell_next(info, info->loop_left);
}

static bool acpi_mode(const struct power_button *b)
{
	uint64_t deadline = tsc_deadline(ACPI_MODE_WAIT_US);

	if (!b->control || cpu_in16(b->control) & POWER_SCI_ENABLED)
		return b->control;
	if (!b->smi_command || !b->acpi_enable)
		return false;
	cpu_out8(b->smi_command, b->acpi_enable);
	while (!(cpu_in16(b->control) & POWER_SCI_ENABLED) && !tsc_passed(deadline))
		cpu_relax();
	return cpu_in16(b->control) & POWER_SCI_ENABLED;
}

void loop_end_watch_button(const struct boot_info *info)
{
	struct power_button button;

	if (!info->config.loop)
		return;
	button = button_found;
	if (!button.none && !acpi_mode(&button))
		button.none = "firmware does not switch to ACPI mode";
	if (!button.none && !(cpu_in16(button.enable) & POWER_BUTTON_BIT)) {
		cpu_out16(button.status, POWER_BUTTON_BIT);
		cpu_out16(button.enable, (uint16_t)(cpu_in16(button.enable) | POWER_BUTTON_BIT));
	}
	if (button.none)
		log_event("stop-button", "usable=0 reason=\"%s\"", button.none);
	else
		log_event("stop-button", "usable=1 port=0x%x", button.status);
}
