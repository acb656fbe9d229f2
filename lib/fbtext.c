// SPDX-License-Identifier: MIT
#include "lib/fbtext.h"

#include "lib/font.h"

#define COLUMNS_MIN	8u
#define ROWS_MIN	2u
#define BLACK		0u
#define LIGHT_GREY	0x00c0c0c0u	/* the same in every order of the colours */
#define VGA_LIGHT_GREY	0x0700u		/* attribute: on black */
#define TAB_COLUMNS	8u
#define SCROLL_PARTS	4u		/* of the screen: what scrolling frees at a time */

/* Two neighbouring pixels: half as many stores to memory that nothing caches. A line may start at any pixel. */
typedef uint64_t pixel_pair __attribute__((aligned(4), may_alias));

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t scale_choose(uint32_t width, uint32_t height)
{
	uint32_t by_width = width / (FBTEXT_COLUMNS_WANTED * FBTEXT_GLYPH_WIDTH);
	uint32_t by_height = height / (FBTEXT_ROWS_WANTED * FBTEXT_GLYPH_HEIGHT);
	uint32_t scale = smaller(by_width, by_height);

	return scale ? scale : 1;
}

bool fbtext_init(struct fbtext *t, void *base, uint64_t size_bytes, uint32_t width, uint32_t height, uint32_t stride,
		 uint32_t scale, uint8_t *shadow, uint32_t shadow_bytes)
{
	*t = (struct fbtext){ 0 };
	if (!base || !shadow || width > stride || (uint64_t)stride * height > size_bytes / sizeof(uint32_t))
		return false;
	if (!scale)
		scale = scale_choose(width, height);
	if (scale > width || scale > height)	/* keeps the products below in range */
		return false;
	t->columns = smaller(width / scale / FBTEXT_GLYPH_WIDTH, FBTEXT_COLUMNS_MAX);
	t->rows = smaller(height / scale / FBTEXT_GLYPH_HEIGHT, FBTEXT_ROWS_MAX);
	if (t->columns)
		t->rows = smaller(t->rows, shadow_bytes / t->columns);
	if (t->columns < COLUMNS_MIN || t->rows < ROWS_MIN) {
		t->columns = t->rows = 0;
		return false;
	}
	t->pixels = base;
	t->stride = stride;
	t->scale = scale;
	t->shadow = shadow;
	return true;
}

bool fbtext_init_vga(struct fbtext *t, void *base, uint64_t size_bytes, uint32_t columns, uint32_t rows,
		     uint8_t *shadow, uint32_t shadow_bytes)
{
	uint64_t cells = (uint64_t)columns * rows;

	*t = (struct fbtext){ 0 };
	if (!base || !shadow || columns < COLUMNS_MIN || rows < ROWS_MIN || cells > size_bytes / sizeof(uint16_t) ||
	    cells > shadow_bytes)
		return false;
	t->cells = base;
	t->columns = columns;
	t->rows = rows;
	t->shadow = shadow;
	return true;
}

static uint64_t pair(uint32_t left, uint32_t right)
{
	return left | (uint64_t)right << 32;
}

/* One line of a glyph, scale times as wide. */
static void line_draw(volatile uint32_t *line, uint32_t scale, uint8_t bits)
{
	static const uint32_t colour[2] = { BLACK, LIGHT_GREY };
	volatile pixel_pair *at = (volatile pixel_pair *)line;

	if (scale % 2 == 0) {
		for (uint32_t x = 0; x < FBTEXT_GLYPH_WIDTH; x++, bits <<= 1) {
			uint64_t value = pair(colour[bits >> 7], colour[bits >> 7]);

			for (uint32_t i = 0; i < scale / 2; i++)
				*at++ = value;
		}
	} else if (scale == 1) {
		for (uint32_t x = 0; x < FBTEXT_GLYPH_WIDTH; x += 2, bits <<= 2)
			*at++ = pair(colour[bits >> 7], colour[bits >> 6 & 1]);
	} else {
		for (uint32_t x = 0; x < FBTEXT_GLYPH_WIDTH; x++, bits <<= 1)
			for (uint32_t i = 0; i < scale; i++)
				*line++ = colour[bits >> 7];
	}
}

static void cell_draw(const struct fbtext *t, uint32_t column, uint32_t row, uint8_t c)
{
	uint64_t first = (uint64_t)row * FBTEXT_GLYPH_HEIGHT * t->scale * t->stride +
			 (uint64_t)column * FBTEXT_GLYPH_WIDTH * t->scale;
	volatile uint32_t *line = t->pixels + first;

	for (uint32_t y = 0; y < FBTEXT_GLYPH_HEIGHT; y++)
		for (uint32_t i = 0; i < t->scale; i++, line += t->stride)
			line_draw(line, t->scale, font_glyphs[c][y]);
}

static void cell_set(struct fbtext *t, uint32_t column, uint32_t row, uint8_t c)
{
	t->shadow[row * t->columns + column] = c;
	if (t->cells)
		t->cells[row * t->columns + column] = (uint16_t)(VGA_LIGHT_GREY | (c < 0x80 ? c : '?'));
	else
		cell_draw(t, column, row, c);
}

static void blank_pixels(const struct fbtext *t)
{
	uint32_t lines = t->rows * FBTEXT_GLYPH_HEIGHT * t->scale;
	uint32_t pairs = t->columns * FBTEXT_GLYPH_WIDTH * t->scale / 2;	/* a multiple of 4 */

	for (uint32_t y = 0; y < lines; y++) {
		volatile pixel_pair *at = (volatile pixel_pair *)(t->pixels + (uint64_t)y * t->stride);

		for (uint32_t x = 0; x < pairs; x += 4) {
			*at++ = pair(BLACK, BLACK);
			*at++ = pair(BLACK, BLACK);
			*at++ = pair(BLACK, BLACK);
			*at++ = pair(BLACK, BLACK);
		}
	}
}

void fbtext_clear(struct fbtext *t)
{
	if (!t->cells)
		blank_pixels(t);
	for (uint32_t i = 0; i < t->rows * t->columns; i++) {
		t->shadow[i] = ' ';
		if (t->cells)
			t->cells[i] = VGA_LIGHT_GREY | ' ';
	}
	t->column = t->row = 0;
}

/* By several rows, since each time most of the screen is drawn again. Most cells are blank below a blank: only those
 * that change cost time on an uncached screen. Returns the first free row. */
static uint32_t scroll(struct fbtext *t)
{
	uint32_t by = (t->rows + SCROLL_PARTS - 1) / SCROLL_PARTS;

	for (uint32_t row = 0; row < t->rows; row++)
		for (uint32_t column = 0; column < t->columns; column++) {
			uint8_t *cell = &t->shadow[row * t->columns + column];
			uint8_t c = row + by < t->rows ? cell[by * t->columns] : ' ';

			if (*cell != c)
				cell_set(t, column, row, c);
		}
	return t->rows - by;
}

static void next_line(struct fbtext *t)
{
	t->column = 0;
	t->row = t->row + 1 < t->rows ? t->row + 1 : scroll(t);
}

static void put(struct fbtext *t, uint8_t c)
{
	if (t->column == t->columns)		/* only now: a full last line need not scroll yet */
		next_line(t);
	cell_set(t, t->column++, t->row, c);
}

void fbtext_write(struct fbtext *t, const char *text, uint32_t length)
{
	if (!t->rows)
		return;
	for (; length; length--, text++) {
		uint8_t c = (uint8_t)*text;

		switch (c) {
		case '\n':
			next_line(t);
			break;
		case '\r':
			t->column = 0;
			break;
		case '\b':
			t->column -= t->column > 0;
			break;
		case '\t':
			do
				put(t, ' ');
			while (t->column % TAB_COLUMNS && t->column < t->columns);
			break;
		default:
			put(t, c < 0x20 || (c >= 0x7f && c < 0xa0) ? '?' : c);
		}
	}
}
