// SPDX-License-Identifier: MIT
/* The console font, 8x16, Latin-1; rows from the top, leftmost pixel in bit 7. Made by tools/font.py at build time. */
#ifndef LIB_FONT_H
#define LIB_FONT_H

#include <stdint.h>

extern const char font_notice[];	/* its licence */
extern const uint8_t font_glyphs[256][16];

#endif
