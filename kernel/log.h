// SPDX-License-Identifier: MIT
/*
 * Messages of the mini-kernel: to the serial port, the framebuffer and a ring that the fault dump can show.
 * Machine lines are logfmt, event first; docs/serial.md is their grammar.
 */
#ifndef KERNEL_LOG_H
#define KERNEL_LOG_H

#include "boot/boot_info.h"
#include "lib/status.h"

#define LOG_GRAMMAR_VERSION 1

/* Opens the sinks that info names: config.console, else SPCR's; the framebuffer when there is one. Prints the grammar
 * line. With info->devices_unmapped only I/O ports are touched, and text waits for log_devices_mapped(). Context: boss,
 * once, with firmware or the loader behind us. */
void log_open(const struct boot_info *info);

/* Opens the sinks that info->devices_unmapped kept closed. Right after our own page tables are loaded. */
void log_devices_mapped(const struct boot_info *info);

/* The UART in use, for the block. base 0: none. */
struct uart;
const struct uart *log_uart(void);

/* No more output there, after it proved to fault. */
void log_serial_off(void);

/* Writes "baton: event=<event> <formatted words>\n". The caller keeps values free of spaces or quotes them.
 * Context: boss only, any time after log_open(). */
void log_event(const char *event, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Quiet: log_event() and log_text() write nothing, what is still held back goes, too; one generation of a loop says one
 * line. Whatever stops ends it. */
void log_quiet(bool on);
bool log_is_quiet(void);

/* As log_event(), in quiet, too. */
void log_always(const char *event, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A line for people, without grammar. Same context. */
void log_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes what log_open() and later calls held back; from now on lines go out at once. Called when the other CPUs are
 * taken, and by everything that stops. */
void log_release(void);

/* If nothing that was opened can be heard: the PC's first serial port, so that no failure is silent. screen_enough: a
 * screen counts; it does not where nobody chose it. */
void log_last_resort(bool screen_enough);

/* Lines go on to the serial port, and leave the screen to screen_facts() (kernel/screen.h). */
void log_leave_screen(void);

/* The problem as a machine line: event=error code=E24 text="...". Same context. */
void log_problem(const struct problem *problem);

#endif
