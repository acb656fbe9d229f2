// SPDX-License-Identifier: MIT
#include "boot/framebuffer.h"

bool framebuffer_is_graphics(const struct framebuffer *fb)
{
	return fb && fb->base && fb->format != PIXEL_TEXT;
}

void framebuffer_masks(const struct framebuffer *fb, uint32_t masks[COLOURS])
{
	bool said = fb->format == PIXEL_MASK, blue_first = fb->format == PIXEL_BGRX;

	masks[COLOUR_RED] = said ? fb->red_mask : blue_first ? 0xff0000 : 0xff;
	masks[COLOUR_GREEN] = said ? fb->green_mask : 0xff00;
	masks[COLOUR_BLUE] = said ? fb->blue_mask : blue_first ? 0xff : 0xff0000;
	masks[COLOUR_RESERVED] = said ? fb->reserved_mask : 0xff000000;
}
