// SPDX-License-Identifier: MIT
/* Lines on the serial port and on the screen. */
#include "test/unit/purgatory/block.h"

#define WIDTH	64u			/* 8 characters */
#define HEIGHT	32u			/* 2 */
#define STRIDE	70u

static uint32_t pixels[STRIDE * HEIGHT];
static struct panel panel = { .lines = { "first fact", "second fact" }, .count = 2 };

static void pixel_screen(uint32_t bytes_per_pixel)
{
	plan->framebuffer = (struct plan_framebuffer){ .base = (uintptr_t)pixels, .size = sizeof(pixels), .width = WIDTH,
		.height = HEIGHT, .stride = STRIDE, .bytes_per_pixel = bytes_per_pixel };
	memset(pixels, 0xee, sizeof(pixels));
	say_init(plan);
}

/* How many of them have this value. */
static unsigned count(uint32_t value)
{
	unsigned i, found = 0;

	for (i = 0; i < STRIDE * HEIGHT; i++)
		found += pixels[i] == value;
	return found;
}

/* The first case of all, since the screen stays on: it is left alone until something is wrong, then cleared, once, and
 * everything is said on both. */
static void test_screen_from_the_first_problem_on(void **state)
{
	unsigned i;

	(void)state;
	pixel_screen(3);			/* a kind of pixels that nobody draws: there is no screen yet */
	say_facts(&panel);
	assert_int_equal(count(0xeeeeeeee), STRIDE * HEIGHT);
	good_block(state);
	fill_screen(0xdb);
	say("hello %u", 7);
	assert_true(screen_untouched());
	say_on_screen();
	for (i = 0; i < ROWS; i++)
		assert_string_equal(row(i), "");
	say("second");
	say_serial("third");
	say_on_screen();
	say("fourth");
	assert_string_equal(row(0), "second");
	assert_string_equal(row(1), "fourth");
	assert_string_equal(row(2), "");
	expect("hello 7\nsecond\nthird\nfourth\n");
}

static void test_pixels(void **state)
{
	static struct panel eights = { .lines = { "8888" }, .count = 1 };
	unsigned i;

	(void)state;
	pixel_screen(4);
	say_facts(&eights);
	assert_in_range(count(0xc0c0c0), 20, 32 * 16);
	assert_in_range(count(0), 200, WIDTH * HEIGHT);
	for (i = WIDTH; i < STRIDE * HEIGHT; i += i % STRIDE == STRIDE - 1 ? WIDTH + 1 : 1)
		assert_int_equal(pixels[i], 0xeeeeeeee);
	expect("");
}

static void test_no_screen(void **state)
{
	(void)state;
	fill_screen(0xdb);
	plan->framebuffer.base = 0;
	say_init(plan);
	say_on_screen();
	say("line");
	say_facts(&panel);
	assert_true(screen_untouched());
	expect("line\n");
}

static void test_arguments(void **state)
{
	(void)state;
	say_on_screen();
	dirty_stack();
	say("%s %u", "say", 1);
	dirty_stack();
	say_serial("%s %u", "serial", 2);
	dirty_stack();
	say_next("%s %u", "next", 3);
	expect("say 1\nserial 2\n");
	assert_memory_equal(row(1), "next 3", 7);
}

static void test_long_lines_are_cut(void **state)
{
	static const unsigned lengths[] = { 239, 240, 241, 242, 243, 1000 };
	char text[1001], expected[250];
	unsigned i;

	(void)state;
	memset(text, 'x', sizeof(text));
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		say_serial("%.*s", (int)lengths[i], text);
		snprintf(expected, sizeof(expected), "%.*s\n", lengths[i] < 240 ? (int)lengths[i] : 240, text);
		expect(expected);
	}
}

/* The facts stay, the line below them is drawn over again and again. */
static void test_facts_and_what_comes_next(void **state)
{
	char wide[201];

	(void)state;
	memset(wide, 'w', sizeof(wide) - 1);
	wide[sizeof(wide) - 1] = 0;
	say_facts(&panel);
	say_next("%s", wide);
	assert_int_equal(strlen(row(2)), PANEL_COLUMNS);
	say_next("Restart in %u s.", 10);
	assert_string_equal(row(2), "Restart in 10 s.");
	say_next("Restart in %u s.", 9);
	assert_string_equal(row(0), "first fact");
	assert_string_equal(row(1), "second fact");
	assert_string_equal(row(2), "Restart in 9 s.");
	assert_string_equal(row(3), "");
	expect("");
}

static void test_port_in_memory(void **state)
{
	static uint32_t registers[8];

	(void)state;
	registers[5] = 0x20;
	plan->uart = (struct plan_uart){ .base = (uintptr_t)registers, .mmio = 1, .stride = 4 };
	say_init(plan);
	say("x");
	assert_int_equal(registers[0], '\n');
	expect("");
}

/* Nobody is there, or it takes nothing: the block goes on. */
static void test_dead_port(void **state)
{
	(void)state;
	line_status = 0xff;
	say("lost");
	line_status = 0;
	say("lost");
	line_status = 0x20;
	say("heard");
	expect("heard\n");
}

#define T(f) cmocka_unit_test_setup(f, good_block)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_screen_from_the_first_problem_on), T(test_pixels), T(test_no_screen), T(test_arguments),
		T(test_long_lines_are_cut), T(test_facts_and_what_comes_next), T(test_port_in_memory), T(test_dead_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
