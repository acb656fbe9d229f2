// SPDX-License-Identifier: MIT
/*
 * What the next kernels' records of the screen need of a framebuffer. Pure; any context.
 */
#ifndef BOOT_FRAMEBUFFER_H
#define BOOT_FRAMEBUFFER_H

#include "boot/boot_info.h"

/* Whether there is one with pixels, so that it can be told to a kernel as a framebuffer. */
bool framebuffer_is_graphics(const struct framebuffer *fb);

enum { COLOUR_RED, COLOUR_GREEN, COLOUR_BLUE, COLOUR_RESERVED, COLOURS };

/* The bits of each colour in a pixel. */
void framebuffer_masks(const struct framebuffer *fb, uint32_t masks[COLOURS]);

#endif
