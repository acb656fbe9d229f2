// SPDX-License-Identifier: MIT
#include "kernel/log.h"

#include <stdarg.h>

#include "boot/efimap.h"
#include "gen/identity.h"
#include "kernel/image.h"
#include "kernel/machine.h"
#include "kernel/report.h"
#include "kernel/screen.h"
#include "lib/console_spec.h"
#include "lib/fmt.h"
#include "lib/spcr.h"
#include "lib/string.h"
#include "x86/cpu.h"
#include "x86/pc/uart.h"

#define LOG_LINE_BYTES 400

/* The PC's first serial port, where nothing else is left to say a failure on. */
#define LAST_RESORT_PORT 0x3f8
#define LAST_RESORT_BAUD 115200

/* Under a hypervisor text waits here until the other CPUs are taken: firmware's APs may spin until then, and each
 * access to a serial port or screen costs an emulator a time slice (seconds for 31 CPUs and four lines were seen). */
#define LOG_HELD_BYTES 4096

static struct uart serial;
static char held_text[LOG_HELD_BYTES];
static size_t held_bytes;
static uint32_t baud;		/* of serial, 0: as firmware set it */
static bool holding;
static bool quiet;
static bool devices_mapped;
static bool port_open, devices_open;
static bool screen_begun;	/* by these lines: a status line may have been there before them */
static bool screen_left;	/* to whoever stops */
static struct framebuffer framebuffer;

const struct uart *log_uart(void)
{
	return &serial;
}

void log_serial_off(void)
{
	serial.base = 0;
}

/* The first access to the consoles' hardware, when the first line goes out: each one may cost a time slice (above). */
static void open_sinks(void)
{
	if (!port_open && !serial.mmio)
		uart_init(&serial, baud);
	port_open = true;
	if (!devices_mapped || devices_open)
		return;
	devices_open = true;
	if (serial.mmio)
		uart_init(&serial, baud);
}

/* In quiet the screen is kernel/status.c's. */
static void write_screen(const char *text)
{
	if (!devices_mapped || quiet || screen_left)
		return;
	if (!screen_begun)
		screen_open(&framebuffer);
	screen_begun = true;
	screen_write(text);
}

static void write_out(const char *text, size_t length)
{
	open_sinks();
	if (devices_mapped || !serial.mmio)
		uart_write_text(&serial, text, length);
	write_screen(text);
}

void log_release(void)
{
	holding = false;
	if (!held_bytes)
		return;
	write_out(held_text, held_bytes);
	held_bytes = 0;
}

void log_leave_screen(void)
{
	screen_left = true;
}

void log_last_resort(bool screen_enough)
{
	bool heard = serial.base && (devices_mapped || !serial.mmio);

	open_sinks();
	write_screen("");
	if (heard || (screen_enough && devices_mapped && screen_there()))
		return;
	serial = (struct uart){ LAST_RESORT_PORT, 0, 1 };
	uart_init(&serial, LAST_RESORT_BAUD);
}

static void emit(const char *text)
{
	size_t length = strlen(text);

	if (holding && length < LOG_HELD_BYTES - held_bytes) {
		memcpy(held_text + held_bytes, text, length + 1);
		held_bytes += length;
		return;
	}
	log_release();
	write_out(text, length);
}

static void emit_formatted(const char *prefix, const char *format, va_list args)
{
	char line[LOG_LINE_BYTES];
	int used = fmt_snprint(line, sizeof(line) - 1, "%s", prefix);

	used += fmt_vsnprint(line + used, sizeof(line) - 1 - used, format, args);
	if (used > (int)sizeof(line) - 2)
		used = sizeof(line) - 2;
	line[used] = '\n';
	line[used + 1] = 0;
	emit(line);
}

static void emit_event(const char *event, const char *format, va_list args)
{
	char prefix[64];

	fmt_snprint(prefix, sizeof(prefix), "baton: event=%s ", event);
	emit_formatted(prefix, format, args);
}

void log_event(const char *event, const char *format, ...)
{
	va_list args;

	if (quiet)
		return;
	va_start(args, format);
	emit_event(event, format, args);
	va_end(args);
}

void log_always(const char *event, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	emit_event(event, format, args);
	va_end(args);
}

void log_quiet(bool on)
{
	quiet = on;
	held_bytes = on ? 0 : held_bytes;
}

bool log_is_quiet(void)
{
	return quiet;
}

void log_text(const char *format, ...)
{
	va_list args;

	if (quiet)
		return;
	va_start(args, format);
	emit_formatted("baton: ", format, args);
	va_end(args);
}

void log_problem(const struct problem *problem)
{
	if (devices_mapped)
		log_release();
	log_always("error", "code=E%02u text=\"%s\"", (unsigned)problem->code, problem->text);
}

static bool under_hypervisor(void)
{
	return cpu_cpuid(1, 0).ecx >> 31;
}

/* The configured console, else the one that firmware's SPCR names. */
static enum status find_console(const struct boot_info *info, struct console_spec *spec, struct problem *problem)
{
	struct acpi_table table = { 0 };

	if (info->config.console[0])
		return console_spec_parse(info->config.console, spec, problem);
	if (info->rsdp) {
		enum status s = machine_find_table(info->rsdp, "SPCR", &table, problem);

		if (s != OK || !table.data)
			return s;
		return spcr_parse(table.data, table.length, spec, problem);
	}
	return OK;
}

void log_devices_mapped(const struct boot_info *info)
{
	if (devices_mapped)
		return;
	devices_mapped = true;
	framebuffer = info->framebuffer;
	if (!under_hypervisor())
		log_release();
}

void log_open(const struct boot_info *info)
{
	struct problem problem = { 0 };
	struct console_spec spec = { 0 };

	if (find_console(info, &spec, &problem) == OK && spec.mmio && efimap_is_ram(&info->efi_map, spec.base))
		problem_set(&problem, E_CONFIG_VALUE, "console: 0x%lx is RAM and no serial port, going on without",
			    (unsigned long)spec.base);
	else if (spec.base) {
		serial = (struct uart){ spec.base, spec.mmio, spec.stride };
		baud = spec.baud;
	}
	holding = true;
	if (!info->devices_unmapped)
		log_devices_mapped(info);
	log_text("grammar=%u version=%s commit=%s build=%s", LOG_GRAMMAR_VERSION, BATON_VERSION, BATON_COMMIT,
		 BATON_BUILD);
	if (problem.code)
		log_problem(&problem);
	log_event("door", "name=%s image=0x%lx size=0x%lx", door_name(info->door), (unsigned long)image_base(),
		  (unsigned long)image_size());
}
