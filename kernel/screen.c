// SPDX-License-Identifier: MIT
#include "kernel/screen.h"

#include "lib/fbtext.h"
#include "lib/string.h"

static struct fbtext text;
static uint8_t shadow[FBTEXT_SHADOW_BYTES];

bool screen_usable(const struct framebuffer *fb)
{
	/* All GOP formats but bit masks have 32 bits a pixel; of masks only those that also have are drawn on. */
	return fb->base && (fb->format != PIXEL_MASK ||
			    (fb->red_mask | fb->green_mask | fb->blue_mask | fb->reserved_mask) > 0xffffff);
}

void screen_open(const struct framebuffer *fb)
{
	if (screen_usable(fb) && fbtext_init(&text, (void *)fb->base, fb->size, fb->width, fb->height, fb->stride, 0,
					    shadow, sizeof(shadow)))
		fbtext_clear(&text);
}

bool screen_there(void)
{
	return text.columns != 0;
}

void screen_write(const char *line)
{
	fbtext_write(&text, line, strlen(line));
}
