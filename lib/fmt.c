// SPDX-License-Identifier: MIT
#include "lib/fmt.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/string.h"

struct output {
	char *to;
	size_t size, length;	/* length counts what did not fit, too */
};

struct directive {
	bool left, zero;
	int width;
	int precision;		/* -1: none */
	int size_bytes;		/* of an integer argument */
};

static void put(struct output *o, char c)
{
	if (o->length + 1 < o->size)
		o->to[o->length] = c;
	o->length++;
}

static void put_repeated(struct output *o, char c, int count)
{
	for (; count > 0; count--)
		put(o, c);
}

static void put_text(struct output *o, const struct directive *d, const char *text, size_t length)
{
	int pad = length < (size_t)d->width ? d->width - (int)length : 0;

	if (!d->left)
		put_repeated(o, ' ', pad);
	for (size_t i = 0; i < length; i++)
		put(o, text[i]);
	if (d->left)
		put_repeated(o, ' ', pad);
}

static void put_number(struct output *o, const struct directive *d, uint64_t value, unsigned base, bool negative,
		       const char *prefix, const char *digits)
{
	char reversed[20];
	int count = 0, pad;

	do {
		reversed[count++] = digits[value % base];
		value /= base;
	} while (value);
	pad = d->width - count - negative - (int)strlen(prefix);
	if (!d->left && !d->zero)
		put_repeated(o, ' ', pad);
	if (negative)
		put(o, '-');
	while (*prefix)
		put(o, *prefix++);
	if (d->zero && !d->left)
		put_repeated(o, '0', pad);
	while (count)
		put(o, reversed[--count]);
	if (d->left)
		put_repeated(o, ' ', pad);
}

static const char *parse_int(const char *f, int *value)
{
	for (*value = 0; *f >= '0' && *f <= '9'; f++)
		*value = *value > 9999 ? 9999 : *value * 10 + (*f - '0');
	return f;
}

/* Everything between '%' and the conversion letter. */
static const char *parse_directive(const char *f, struct directive *d, va_list *arguments)
{
	*d = (struct directive){ .precision = -1, .size_bytes = sizeof(int) };
	for (; *f == '-' || *f == '0'; f++) {
		if (*f == '-')
			d->left = true;
		else
			d->zero = true;
	}
	if (*f == '*') {
		d->width = va_arg(*arguments, int);
		f++;
		if (d->width < 0) {
			d->left = true;
			d->width = d->width < -9999 ? 9999 : -d->width;
		}
	} else {
		f = parse_int(f, &d->width);
	}
	if (*f == '.' && f[1] == '*') {
		d->precision = va_arg(*arguments, int);
		f += 2;
	} else if (*f == '.') {
		f = parse_int(f + 1, &d->precision);
	}
	for (; *f == 'l' || *f == 'z' || *f == 'h'; f++)
		d->size_bytes = *f != 'h' ? 8 : d->size_bytes == 2 ? 1 : 2;
	return f;
}

static uint64_t take_unsigned(const struct directive *d, va_list *arguments)
{
	if (d->size_bytes == 8)
		return va_arg(*arguments, uint64_t);
	if (d->size_bytes == 4)
		return va_arg(*arguments, unsigned int);
	return va_arg(*arguments, unsigned int) & ((1u << 8 * d->size_bytes) - 1);
}

static int64_t take_signed(const struct directive *d, va_list *arguments)
{
	switch (d->size_bytes) {
	case 8: return va_arg(*arguments, int64_t);
	case 4: return va_arg(*arguments, int);
	case 2: return (int16_t)va_arg(*arguments, int);
	default: return (int8_t)va_arg(*arguments, int);
	}
}

/* False: not a conversion of the subset. */
static bool convert(struct output *o, const struct directive *d, char letter, va_list *arguments)
{
	static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
	const char *text;
	int64_t v;
	char c;

	switch (letter) {
	case '%':
		put(o, '%');
		return true;
	case 'c':
		c = (char)va_arg(*arguments, int);
		put_text(o, d, &c, 1);
		return true;
	case 's':
		text = va_arg(*arguments, const char *);
		if (!text)
			text = "(null)";
		put_text(o, d, text, strnlen(text, d->precision < 0 ? INT_MAX : (size_t)d->precision));
		return true;
	case 'd':
	case 'i':
		v = take_signed(d, arguments);
		put_number(o, d, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10, v < 0, "", lower);
		return true;
	case 'u':
		put_number(o, d, take_unsigned(d, arguments), 10, false, "", lower);
		return true;
	case 'x':
		put_number(o, d, take_unsigned(d, arguments), 16, false, "", lower);
		return true;
	case 'X':
		put_number(o, d, take_unsigned(d, arguments), 16, false, "", upper);
		return true;
	case 'p':
		put_number(o, d, (uintptr_t)va_arg(*arguments, void *), 16, false, "0x", lower);
		return true;
	default:
		return false;
	}
}

int fmt_vsnprint(char *to, size_t size, const char *format, va_list arguments)
{
	struct output o = { .to = to, .size = size };
	struct directive d;
	va_list rest;

	va_copy(rest, arguments);
	while (*format) {
		const char *start = format;

		if (*format != '%') {
			put(&o, *format++);
			continue;
		}
		format = parse_directive(format + 1, &d, &rest);
		if (*format && convert(&o, &d, *format, &rest)) {
			format++;
			continue;
		}
		while (start < format)
			put(&o, *start++);
	}
	va_end(rest);
	if (size)
		to[o.length < size ? o.length : size - 1] = '\0';
	return (int)o.length;
}

int fmt_snprint(char *to, size_t size, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = fmt_vsnprint(to, size, format, arguments);
	va_end(arguments);
	return length;
}
