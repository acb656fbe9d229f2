// SPDX-License-Identifier: MIT
/* The Boot Loader Specification's order of entries and the Version Format Specification's of versions. */
#include <stddef.h>

#include "boot/entry.h"
#include "boot/text.h"
#include "lib/string.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
	return text_lower(c) >= 'a' && text_lower(c) <= 'z';
}

static const char *skip_others(const char *s)
{
	while (*s && !is_digit(*s) && !is_alpha(*s) && !strchr("-.~^", *s))
		s++;
	return s;
}

/* A run of digits as a number of any length; empty is lower than zero. Both strings move behind theirs. */
static int compare_digits(const char **a, const char **b)
{
	const char *start_a, *start_b;
	size_t length_a, length_b;
	int empty = (int)is_digit(**a) - (int)is_digit(**b);

	if (empty)
		return empty;
	while (**a == '0')
		(*a)++;
	while (**b == '0')
		(*b)++;
	start_a = *a;
	start_b = *b;
	while (is_digit(**a))
		(*a)++;
	while (is_digit(**b))
		(*b)++;
	length_a = (size_t)(*a - start_a);
	length_b = (size_t)(*b - start_b);
	if (length_a != length_b)
		return length_a < length_b ? -1 : 1;
	return memcmp(start_a, start_b, length_a);
}

/* A run of letters in ASCII order, a shorter one that matches so far is lower. */
static int compare_letters(const char **a, const char **b)
{
	while (is_alpha(**a) && is_alpha(**b)) {
		if (**a != **b)
			return **a < **b ? -1 : 1;
		(*a)++;
		(*b)++;
	}
	return (int)is_alpha(**a) - (int)is_alpha(**b);
}

int entry_version_compare(const char *a, const char *b)
{
	/* ~ is before the end of the string, these are after it and before digits and letters, in this order. */
	static const char marks[] = "-^.";

	for (;;) {
		bool again = false;
		int order;

		a = skip_others(a);
		b = skip_others(b);
		if (*a == '~' || *b == '~') {
			if (*a != *b)
				return *a == '~' ? -1 : 1;
			a++;
			b++;
			continue;
		}
		if (!*a || !*b)
			return (int)(*a != 0) - (int)(*b != 0);
		for (unsigned i = 0; i < 3 && !again; i++) {
			if (*a != marks[i] && *b != marks[i])
				continue;
			if (*a != *b)
				return *a == marks[i] ? -1 : 1;
			a++;
			b++;
			again = true;
		}
		if (again)
			continue;
		order = is_digit(*a) || is_digit(*b) ? compare_digits(&a, &b) : compare_letters(&a, &b);
		if (order)
			return order;
	}
}

/* File names without the suffix. */
static int compare_ids(const struct entry *a, const struct entry *b)
{
	char stem_a[ENTRY_NAME_MAX], stem_b[ENTRY_NAME_MAX];

	memcpy(stem_a, a->id, sizeof(stem_a));
	memcpy(stem_b, b->id, sizeof(stem_b));
	stem_a[entry_stem(stem_a)] = '\0';
	stem_b[entry_stem(stem_b)] = '\0';
	return entry_version_compare(stem_b, stem_a);
}

static bool is_bad(const struct entry *entry)
{
	return entry->unusable || (entry->counted && !entry->tries_left);
}

int entry_compare(const struct entry *a, const struct entry *b)
{
	int order = (int)is_bad(a) - (int)is_bad(b);

	if (!order)
		order = (int)!a->sort_key[0] - (int)!b->sort_key[0];
	if (!order && a->sort_key[0]) {
		order = strcmp(a->sort_key, b->sort_key);
		if (!order)
			order = strcmp(a->machine_id, b->machine_id);
		if (!order)
			order = entry_version_compare(b->version, a->version);
	}
	if (!order)
		order = compare_ids(a, b);
	if (!order && a->tries_left != b->tries_left)
		order = a->tries_left > b->tries_left ? -1 : 1;
	if (!order && a->tries_done != b->tries_done)
		order = a->tries_done < b->tries_done ? -1 : 1;
	return order ? order : strcmp(a->file, b->file);
}

void entry_sort(struct entry **list, unsigned count)
{
	for (unsigned i = 1; i < count; i++) {
		struct entry *moving = list[i];
		unsigned at = i;

		for (; at && entry_compare(moving, list[at - 1]) < 0; at--)
			list[at] = list[at - 1];
		list[at] = moving;
	}
}
