// SPDX-License-Identifier: MIT
#include "boot/text.h"

#include <stddef.h>

#include "lib/string.h"
#include "lib/utf8.h"

void text_begin(struct text *text, const char *from, uint64_t length)
{
	text->next = from;
	text->end = from + length;
	text->number = 0;
	text->key = text->value = text->line;
	text->bad = NULL;
	if (length >= 3 && !memcmp(from, "\xef\xbb\xbf", 3))
		text->next += 3;
}

size_t text_flaw(const char *text, size_t length, bool *control)
{
	size_t at = 0;

	for (unsigned bytes; at < length; at += bytes) {
		bytes = utf8_sequence(text + at, length - at);
		*control = bytes && utf8_is_control(text + at);
		if (!bytes || *control)
			break;
	}
	return at;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The next raw line without its end; false at the end of the text. */
static bool take_line(struct text *text, const char **start, size_t *length)
{
	const char *at = text->next;

	if (at == text->end)
		return false;
	while (at < text->end && *at != '\n')
		at++;
	*start = text->next;
	*length = (size_t)(at - text->next);
	text->next = at < text->end ? at + 1 : at;
	text->number++;
	if (*length && (*start)[*length - 1] == '\r')
		(*length)--;
	while (*length && is_blank(**start)) {
		(*start)++;
		(*length)--;
	}
	while (*length && is_blank((*start)[*length - 1]))
		(*length)--;
	return true;
}

static void split(struct text *text, const char *start, size_t length)
{
	char *at = text->line;
	size_t good = 0;
	bool control;

	text->key = text->value = text->line;
	text->line[0] = '\0';
	text->bad = NULL;
	if (length >= sizeof(text->line)) {
		text->bad = "line is too long";
		return;
	}
	while ((good += text_flaw(start + good, length - good, &control)) < length && start[good] == '\t')
		good++;
	if (good < length) {
		text->bad = control ? "control byte in line" : "line is not UTF-8";
		return;
	}
	memcpy(text->line, start, length);
	text->line[length] = '\0';
	while (*at && !is_blank(*at))
		at++;
	text->value = at;
	if (*at) {
		*at++ = '\0';
		while (is_blank(*at))
			at++;
		text->value = at;
	}
}

bool text_next(struct text *text)
{
	const char *start;
	size_t length;

	while (take_line(text, &start, &length)) {
		if (!length || *start == '#')
			continue;
		split(text, start, length);
		return true;
	}
	return false;
}

bool text_to_number(const char *value, uint64_t max, uint64_t *number)
{
	unsigned base = 10;
	uint64_t sum = 0;

	if (value[0] == '0' && text_lower(value[1]) == 'x') {
		base = 16;
		value += 2;
	}
	if (!*value)
		return false;
	for (; *value; value++) {
		char c = text_lower(*value);
		unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0') :
				 c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : 16;

		if (digit >= base || sum > (max - digit) / base || digit > max)
			return false;
		sum = sum * base + digit;
	}
	*number = sum;
	return true;
}

bool text_copy(char *to, uint64_t size, const char *from)
{
	size_t length = strlen(from);

	if (length >= size)
		return false;
	memcpy(to, from, length + 1);
	return true;
}

char text_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool text_equal_nocase(const char *a, const char *b)
{
	while (*a && text_lower(*a) == text_lower(*b)) {
		a++;
		b++;
	}
	return text_lower(*a) == text_lower(*b);
}
