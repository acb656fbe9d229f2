// SPDX-License-Identifier: MIT
/*
 * What the next kernels' records of the screen need of a framebuffer. Pure; any context.
 */
#ifndef BOOT_FRAMEBUFFER_H
#define BOOT_FRAMEBUFFER_H

#include "boot/boot_info.h"

enum { COLOUR_RED, COLOUR_GREEN, COLOUR_BLUE, COLOUR_RESERVED, COLOURS };

/* The bits of each colour in a pixel. */
void framebuffer_masks(const struct framebuffer *fb, uint32_t masks[COLOURS]);

#endif
