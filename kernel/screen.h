// SPDX-License-Identifier: MIT
/*
 * The framebuffer as a log sink. Never read back: scrolling redraws from a text shadow in .bss.
 */
#ifndef KERNEL_SCREEN_H
#define KERNEL_SCREEN_H

#include "boot/boot_info.h"

/* There is one, of 32 bits a pixel: what we and the block draw on. */
bool screen_usable(const struct framebuffer *fb);

/* Clears the screen and starts at its top. Does nothing without a 32-bit framebuffer. */
void screen_open(const struct framebuffer *fb);

/* As screen_open(), but what is on the screen stays: for screen_row() on what a generation before has drawn. */
void screen_attach(const struct framebuffer *fb);

/* One row of at most 80 columns, drawn over what stands there. */
void screen_row(unsigned row, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* True once screen_open() has found one that it can draw on. */
bool screen_there(void);

void screen_write(const char *text);

/* A failure's facts below all that was written, and below them the line that is drawn over again and again: what
 * happens next. Both do nothing before screen_open(). */
struct panel;
void screen_facts(const struct panel *panel);
void screen_next(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
