// SPDX-License-Identifier: MIT
#include "lib/console_spec.h"

#include <stdbool.h>
#include <stddef.h>

#include "lib/string.h"

#define WORDS_MAX	5	/* uart8250 , mmio32 , address , options , one too many */
#define BAUD_MIN	50u
#define BAUD_MAX	4000000u

struct word { const char *text; size_t length; };

static bool word_is(struct word w, const char *text)
{
	return w.length == strlen(text) && !memcmp(w.text, text, w.length);
}

/* Splits at commas; returns the number of words, WORDS_MAX + 1 if there are more. */
static unsigned split(const char *text, struct word words[WORDS_MAX])
{
	for (unsigned n = 0; n < WORDS_MAX; n++) {
		const char *comma = strchr(text, ',');

		words[n] = (struct word){ text, comma ? (size_t)(comma - text) : strlen(text) };
		if (!comma)
			return n + 1;
		text = comma + 1;
	}
	return WORDS_MAX + 1;
}

static unsigned digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10u : 16;
}

/* All of w as a number, 0x for hexadecimal. */
static bool parse_number(struct word w, uint64_t *value)
{
	unsigned base = 10;

	if (w.length > 2 && w.text[0] == '0' && (w.text[1] | 0x20) == 'x') {
		base = 16;
		w.text += 2;
		w.length -= 2;
	}
	if (!w.length)
		return false;
	for (*value = 0; w.length; w.text++, w.length--) {
		unsigned digit = digit_value(*w.text);

		if (digit >= base || *value > (UINT64_MAX - digit) / base)
			return false;
		*value = *value * base + digit;
	}
	return true;
}

static enum status bad(struct problem *problem, const char *text, struct word w, const char *why)
{
	return problem_set(problem, E_CONFIG_VALUE, "console=%.80s: '%.*s': %s", text,
			   (int)(w.length < 40 ? w.length : 40), w.text, why);
}

/* BAUD[n[8]] */
static enum status parse_options(const char *text, struct word w, struct console_spec *spec, struct problem *problem)
{
	struct word number = { w.text, 0 };
	uint64_t baud;

	while (number.length < w.length && digit_value(w.text[number.length]) < 10)
		number.length++;
	if (!parse_number(number, &baud) || baud < BAUD_MIN || baud > BAUD_MAX)
		return bad(problem, text, w, "the baud rate must be 50 to 4000000");
	w.text += number.length;
	w.length -= number.length;
	if (w.length && !word_is(w, "n") && !word_is(w, "n8"))
		return bad(problem, text, w, "only n8 is supported: no parity, 8 bits, no flow control");
	spec->baud = (uint32_t)baud;
	return OK;
}

static enum status parse_tty(const char *text, struct word w, struct console_spec *spec, struct problem *problem)
{
	static const uint16_t ports[] = { 0x3f8, 0x2f8, 0x3e8, 0x2e8 };
	char number;

	if (w.length != 5)
		return bad(problem, text, w, "not ttyS0 to ttyS3");
	number = w.text[4];
	if (number < '0' || number > '3')
		return bad(problem, text, w, "not ttyS0 to ttyS3");
	*spec = (struct console_spec){ .base = ports[number - '0'], .stride = 1 };
	return OK;
}

static enum status parse_uart(const char *text, struct word kind, struct word address, struct console_spec *spec,
			      struct problem *problem)
{
	uint64_t last;

	*spec = (struct console_spec){ .stride = 1 };
	if (word_is(kind, "mmio") || word_is(kind, "mmio32"))
		spec->mmio = 1;
	else if (!word_is(kind, "io"))
		return bad(problem, text, kind, "not io, mmio or mmio32");
	if (word_is(kind, "mmio32"))
		spec->stride = 4;
	if (!parse_number(address, &spec->base))
		return bad(problem, text, address, "not an address");
	last = spec->mmio ? UINT64_MAX >> 12 : 0xffff;		/* 52 bits of physical address */
	if (!spec->base || spec->base > last - 8 * spec->stride || spec->base % spec->stride)
		return bad(problem, text, address, "the address is zero, too high or not aligned");
	return OK;
}

enum status console_spec_parse(const char *text, struct console_spec *out, struct problem *problem)
{
	struct word words[WORDS_MAX];
	unsigned count = split(text, words), used;
	struct console_spec spec;
	enum status s;

	if (word_is(words[0], "uart8250") || word_is(words[0], "uart")) {
		if (count < 3)
			return bad(problem, text, words[0], "must be followed by ,io|mmio|mmio32,ADDRESS");
		s = parse_uart(text, words[1], words[2], &spec, problem);
		used = 3;
	} else if (words[0].length >= 4 && !memcmp(words[0].text, "ttyS", 4)) {
		s = parse_tty(text, words[0], &spec, problem);
		used = 1;
	} else {
		return bad(problem, text, words[0], "not ttyS0 to ttyS3 or uart8250");
	}
	if (s == OK && count > used + 1)
		return bad(problem, text, words[used + 1], "too many words");
	if (s == OK && count == used + 1)
		s = parse_options(text, words[used], &spec, problem);
	if (s == OK)
		*out = spec;
	return s;
}
