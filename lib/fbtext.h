// SPDX-License-Identifier: MIT
/*
 * Text on a linear framebuffer of 32-bit pixels, or in the cells of a VGA text mode. Nothing is ever read from either
 * (a framebuffer is uncached, and in the block it must not be): the characters on the screen are kept in a shadow that
 * the caller supplies, and scrolling redraws the cells that differ. Linked into the image and into the block.
 * Characters are Latin-1.
 * Context: one CPU at a time; mappings of framebuffer and shadow present.
 */
#ifndef LIB_FBTEXT_H
#define LIB_FBTEXT_H

#include <stdbool.h>
#include <stdint.h>

#define FBTEXT_GLYPH_WIDTH	8u
#define FBTEXT_GLYPH_HEIGHT	16u
#define FBTEXT_COLUMNS_WANTED	80u
#define FBTEXT_ROWS_WANTED	22u	/* so that 1920 x 1080 has 80 columns */
#define FBTEXT_COLUMNS_MAX	240u	/* wider screens leave the rest blank */
#define FBTEXT_ROWS_MAX		90u
/* A shadow of this many bytes is enough for every screen. */
#define FBTEXT_SHADOW_BYTES	(FBTEXT_COLUMNS_MAX * FBTEXT_ROWS_MAX)

struct fbtext {
	volatile uint32_t *pixels;
	volatile uint16_t *cells;	/* not NULL: a text mode, no pixels */
	uint32_t stride;		/* pixels per scan line */
	uint32_t scale;			/* screen pixels per glyph pixel, both ways */
	uint32_t columns, rows;
	uint32_t column, row;		/* where the next character goes */
	uint8_t *shadow;		/* columns * rows characters, row by row */
};

/* Prepares t for a screen of width x height pixels at base, drawing nothing and keeping the top of the shadow's
 * capacity in rows. scale 0 chooses the largest glyphs that leave 80 columns and 22 rows. False, and t unusable (all
 * other functions do nothing then): no framebuffer, one too small for 8 x 2 characters, size_bytes too small
 * for the geometry, or a shadow too small. The colours are pixel values. */
bool fbtext_init(struct fbtext *t, void *base, uint64_t size_bytes, uint32_t width, uint32_t height, uint32_t stride,
		 uint32_t scale, uint8_t *shadow, uint32_t shadow_bytes);

/* The same for a VGA text mode: a character and its attribute in each 16 bits, columns * rows of them at base. Of
 * Latin-1 only ASCII is the same in every VGA's font; the rest shows as '?'. */
bool fbtext_init_vga(struct fbtext *t, void *base, uint64_t size_bytes, uint32_t columns, uint32_t rows,
		     uint8_t *shadow, uint32_t shadow_bytes);

/* Blanks every cell, whatever is on the screen, and the cursor goes to the top left. */
void fbtext_clear(struct fbtext *t);

/* Draws length characters; knows \n (next line, first column), \r, \t (to a multiple of 8) and \b (one column
 * back); other control characters show as '?'. Wraps at the last column; behind the last row the text scrolls up by a
 * quarter of the screen. */
void fbtext_write(struct fbtext *t, const char *text, uint32_t length);

#endif
