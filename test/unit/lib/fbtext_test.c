// SPDX-License-Identifier: MIT
/* The framebuffer console against a model that keeps characters and paints all of them at the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/fbtext.h"
#include "lib/font.h"

#define FOREGROUND	0x00c0c0c0u
#define UNTOUCHED	0xdeadbeefu

/* One screen in memory of exactly its size, so that ASan sees a stray write. */
struct screen {
	uint32_t width, height, stride;
	uint32_t *pixels;
	uint8_t *shadow;
	struct fbtext t;
	uint8_t model[FBTEXT_SHADOW_BYTES];
	uint32_t column, row;
};

static bool screen_open(struct screen *s, uint32_t width, uint32_t height, uint32_t stride, uint32_t scale)
{
	size_t count = (size_t)stride * height;

	*s = (struct screen){ .width = width, .height = height, .stride = stride };
	s->pixels = malloc(count * 4);
	for (size_t i = 0; i < count; i++)
		s->pixels[i] = UNTOUCHED;
	s->shadow = malloc(FBTEXT_SHADOW_BYTES);
	return fbtext_init(&s->t, s->pixels, count * 4, width, height, stride, scale, s->shadow, FBTEXT_SHADOW_BYTES);
}

static void screen_close(struct screen *s)
{
	free(s->pixels);
	free(s->shadow);
}

static void screen_check(const struct screen *s)
{
	const struct fbtext *t = &s->t;

	for (uint32_t y = 0; y < s->height; y++)
		for (uint32_t x = 0; x < s->stride; x++) {
			uint32_t column = x / (8 * t->scale), row = y / (16 * t->scale), expected = UNTOUCHED;

			if (column < t->columns && row < t->rows) {
				uint8_t c = s->model[row * t->columns + column];
				uint8_t bits = font_glyphs[c][y / t->scale % 16];

				expected = bits >> (7 - x / t->scale % 8) & 1 ? FOREGROUND : 0;
			}
			if (s->pixels[y * s->stride + x] != expected)
				fail_msg("pixel %u,%u: %08x, not %08x", x, y, s->pixels[y * s->stride + x], expected);
		}
}

static void model_line(struct screen *s)
{
	uint32_t columns = s->t.columns, rows = s->t.rows, by = (rows + 3) / 4;

	s->column = 0;
	if (++s->row == rows) {
		s->row -= by;
		memmove(s->model, s->model + by * columns, columns * (rows - by));
		memset(s->model + columns * (rows - by), ' ', by * columns);
	}
}

static void model_put(struct screen *s, uint8_t c)
{
	if (c == '\n') {
		model_line(s);
		return;
	}
	if (s->column == s->t.columns)
		model_line(s);
	s->model[s->row * s->t.columns + s->column++] = c;
}

static void geometry(void **state)
{
	static const struct { uint32_t width, height, scale, columns, rows; } cases[] = {
		{ 640, 480, 1, 80, 30 },   { 800, 600, 1, 100, 37 },   { 1280, 800, 2, 80, 25 },
		{ 1920, 1080, 3, 80, 22 }, { 3840, 2160, 6, 80, 22 }, { 320, 200, 1, 40, 12 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct screen s;

		assert_true(screen_open(&s, cases[i].width, cases[i].height, cases[i].width + 32, 0));
		assert_int_equal(s.t.scale, cases[i].scale);
		assert_int_equal(s.t.columns, cases[i].columns);
		assert_int_equal(s.t.rows, cases[i].rows);
		screen_close(&s);
	}
}

static void unusable_screens_are_refused(void **state)
{
	static uint8_t shadow[64];
	static uint32_t pixels[64 * 32];
	struct fbtext t;

	(void)state;
	assert_true(fbtext_init(&t, pixels, sizeof(pixels), 64, 32, 64, 1, shadow, sizeof(shadow)));
	assert_false(fbtext_init(&t, NULL, sizeof(pixels), 64, 32, 64, 1, shadow, sizeof(shadow)));
	assert_false(fbtext_init(&t, pixels, sizeof(pixels), 64, 32, 63, 1, shadow, sizeof(shadow)));
	assert_false(fbtext_init(&t, pixels, sizeof(pixels) - 1, 64, 32, 64, 1, shadow, sizeof(shadow)));
	assert_false(fbtext_init(&t, pixels, sizeof(pixels), 64, 32, 64, 2, shadow, sizeof(shadow)));
	assert_false(fbtext_init(&t, pixels, sizeof(pixels), 64, 32, 64, UINT32_MAX, shadow, sizeof(shadow)));
	assert_false(fbtext_init(&t, pixels, sizeof(pixels), 64, 32, 64, 1, shadow, 15));
	assert_false(fbtext_init(&t, pixels, sizeof(pixels), 0, 0, 0, 0, shadow, sizeof(shadow)));
	fbtext_write(&t, "ignored\n", 8);
	fbtext_clear(&t);
}

static void small_shadow_costs_rows_only(void **state)
{
	static uint8_t shadow[80 * 10 + 79];
	uint32_t *pixels = calloc(640 * 480, 4);
	struct fbtext t;

	(void)state;
	assert_true(fbtext_init(&t, pixels, 640 * 480 * 4, 640, 480, 640, 1, shadow, sizeof(shadow)));
	assert_int_equal(t.columns, 80);
	assert_int_equal(t.rows, 10);
	free(pixels);
}

static void control_characters(void **state)
{
	static const char text[] = "ab\rX\n\tY\b\bZ\x01\x7f\x80\xe4";
	struct screen s;

	(void)state;
	assert_true(screen_open(&s, 200, 64, 208, 1));
	memset(s.model, ' ', sizeof(s.model));
	fbtext_clear(&s.t);
	fbtext_write(&s.t, text, sizeof(text) - 1);
	memcpy(s.model, "Xb", 2);
	memcpy(s.model + s.t.columns + 7, "Z???\xe4", 5);
	screen_check(&s);
	screen_close(&s);
}

static void random_text(void **state)
{
	unsigned seed = 7;

	(void)state;
	for (uint32_t scale = 1; scale <= 5; scale++) {
		struct screen s;

		assert_true(screen_open(&s, 71 * scale + 5, (scale % 2 ? 50 : 113) * scale + 1, 71 * scale + 9, scale));
		memset(s.model, ' ', sizeof(s.model));
		fbtext_clear(&s.t);
		for (int round = 0; round < 200; round++) {
			char text[40];
			uint32_t n = rand_r(&seed) % sizeof(text);

			for (uint32_t i = 0; i < n; i++) {
				text[i] = rand_r(&seed) % 9 ? (char)(0x20 + rand_r(&seed) % 0x5f) : '\n';
				model_put(&s, (uint8_t)text[i]);
			}
			fbtext_write(&s.t, text, n);
			screen_check(&s);
		}
		screen_close(&s);
	}
}

/* What is on the screen is not looked at: a spoiled framebuffer is repaired by the clear. */
static void clear_repaints_everything(void **state)
{
	struct screen s;

	(void)state;
	assert_true(screen_open(&s, 128, 64, 128, 1));
	memset(s.model, ' ', sizeof(s.model));
	fbtext_clear(&s.t);
	for (uint32_t i = 0; i < 128 * 64; i++)
		s.pixels[i] = i;
	fbtext_clear(&s.t);
	screen_check(&s);
	screen_close(&s);
}

/* A VGA's text mode, of exactly its size: attribute and character in each cell, and the same scrolling. */
static void vga_cells(void **state)
{
	enum { COLUMNS = 80, ROWS = 25 };
	uint16_t *cells = malloc(COLUMNS * ROWS * sizeof(*cells));
	uint8_t *shadow = malloc(COLUMNS * ROWS);
	struct fbtext t;

	(void)state;
	memset(cells, 0xa5, COLUMNS * ROWS * sizeof(*cells));
	assert_false(fbtext_init_vga(&t, cells, COLUMNS * ROWS * 2 - 1, COLUMNS, ROWS, shadow, COLUMNS * ROWS));
	assert_false(fbtext_init_vga(&t, cells, COLUMNS * ROWS * 2, COLUMNS, ROWS, shadow, COLUMNS * ROWS - 1));
	assert_false(fbtext_init_vga(&t, NULL, COLUMNS * ROWS * 2, COLUMNS, ROWS, shadow, COLUMNS * ROWS));
	fbtext_write(&t, "nowhere", 7);
	assert_true(fbtext_init_vga(&t, cells, COLUMNS * ROWS * 2, COLUMNS, ROWS, shadow, COLUMNS * ROWS));
	fbtext_clear(&t);
	for (unsigned i = 0; i < COLUMNS * ROWS; i++)
		assert_int_equal(cells[i], 0x0720);
	fbtext_write(&t, "a\xe9\n", 3);
	assert_int_equal(cells[0], 0x0761);
	assert_int_equal(cells[1], 0x073f);
	for (unsigned row = 1; row < ROWS; row++)
		fbtext_write(&t, row + 1 < ROWS ? "b\n" : "c\n", 2);
	/* A quarter of the rows has gone, seven of them. */
	assert_int_equal(cells[0], 0x0762);
	assert_int_equal(cells[(ROWS - 1 - 7) * COLUMNS], 0x0763);
	for (unsigned i = (ROWS - 7) * COLUMNS; i < COLUMNS * ROWS; i++)
		assert_int_equal(cells[i], 0x0720);
	free(cells);
	free(shadow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(geometry),
		cmocka_unit_test(unusable_screens_are_refused),
		cmocka_unit_test(small_shadow_costs_rows_only),
		cmocka_unit_test(control_characters),
		cmocka_unit_test(random_text),
		cmocka_unit_test(clear_repaints_everything),
		cmocka_unit_test(vga_cells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
