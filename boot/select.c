// SPDX-License-Identifier: MIT
#include "boot/select.h"

#include <stddef.h>

#include "boot/text.h"
#include "lib/string.h"

/* [...] at pattern (behind the bracket) against c. Returns the pattern behind it, NULL if it has no end. */
static const char *match_set(const char *pattern, char c, bool *matches)
{
	bool invert = *pattern == '!' || *pattern == '^', first = true;

	*matches = false;
	if (invert)
		pattern++;
	for (; *pattern && (first || *pattern != ']'); first = false) {
		char low = text_lower(*pattern++), high = low;

		if (pattern[0] == '-' && pattern[1] && pattern[1] != ']') {
			high = text_lower(pattern[1]);
			pattern += 2;
		}
		if (c >= low && c <= high)
			*matches = true;
	}
	if (!*pattern)
		return NULL;
	if (invert)
		*matches = !*matches;
	return pattern + 1;
}

/* One element of the pattern (not a star) against c; *next is the pattern behind it. */
static bool match_one(const char *pattern, char c, const char **next)
{
	bool matches;

	c = text_lower(c);
	*next = pattern + 1;
	if (*pattern == '?')
		return true;
	if (*pattern == '[') {
		const char *behind = match_set(pattern + 1, c, &matches);

		if (behind) {
			*next = behind;
			return matches;
		}
	}
	if (*pattern == '\\' && pattern[1]) {
		pattern++;
		*next = pattern + 1;
	}
	return text_lower(*pattern) == c;
}

bool select_glob_match(const char *pattern, const char *text)
{
	const char *star = NULL, *restart = NULL, *next;

	/* Only the last star is ever tried again, so there is no recursion and no explosion. */
	while (*text) {
		if (*pattern == '*') {
			star = ++pattern;
			restart = text;
		} else if (*pattern && match_one(pattern, *text, &next)) {
			pattern = next;
			text++;
		} else if (star) {
			pattern = star;
			text = ++restart;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

bool select_entry_matches(const struct entry *entry, const char *pattern)
{
	char stem[ENTRY_NAME_MAX];
	size_t length = entry_stem(entry->id);

	if (select_glob_match(pattern, entry->id))
		return true;
	memcpy(stem, entry->id, length);
	stem[length] = '\0';
	return select_glob_match(pattern, stem);
}

/* A name asks for that entry even if it cannot be started, and is told why; a pattern asks for one that works. */
static bool is_name(const char *pattern)
{
	for (; *pattern; pattern++)
		if (*pattern == '*' || *pattern == '?' || *pattern == '[')
			return false;
	return true;
}

/* The list's first match of an id or pattern. E14: none. */
static enum status select_find(struct entry *const *list, unsigned count, const char *pattern, unsigned *index,
			       struct problem *problem)
{
	for (unsigned i = 0; i < count; i++) {
		if (select_entry_matches(list[i], pattern) && (!list[i]->unusable || is_name(pattern))) {
			*index = i;
			return OK;
		}
	}
	return problem_set(problem, E_NO_SUCH_ENTRY, "no entry matches %.100s", pattern);
}

enum status select_default(const struct config *config, struct entry *const *list, unsigned count,
			   const char *oneshot, const char *saved, unsigned *index, struct problem *problem)
{
	const char *wanted = config->default_pattern;

	*index = 0;
	if (!count)
		return problem_set(problem, E_NO_ENTRIES, "no boot entries in %s", ENTRY_DIRECTORY);
	if (oneshot && *oneshot && !select_find(list, count, oneshot, index, problem))
		return OK;
	if (!strcmp(wanted, "@saved"))
		wanted = saved;
	if (wanted && *wanted && !select_find(list, count, wanted, index, problem))
		return OK;
	/* Sorted: bad ones are last, so the first is good if any is. */
	*index = 0;
	return OK;
}

void menu_timer_start(struct menu_timer *timer, const struct config *config, bool held, uint64_t door_ms,
		      uint64_t now_ms)
{
	bool hidden = config->menu == MENU_HIDDEN || (config->menu == MENU_TIMEOUT && !config->timeout_s);

	if (held || config->menu == MENU_FORCE)
		*timer = (struct menu_timer){ .visible = true };
	else if (config->menu == MENU_DISABLED)
		*timer = (struct menu_timer){ .counting = true };
	else if (hidden)
		*timer = (struct menu_timer){ .counting = true, .deadline_ms = door_ms + SELECT_PROBE_MS };
	else
		*timer = (struct menu_timer){ .visible = true, .counting = true,
					      .deadline_ms = now_ms + config->timeout_s * 1000ull };
}

void menu_timer_key(struct menu_timer *timer)
{
	timer->visible = true;
	timer->counting = false;
}

enum menu_verdict menu_timer_poll(const struct menu_timer *timer, uint64_t now_ms)
{
	return timer->counting && now_ms >= timer->deadline_ms ? MENU_BOOT : MENU_WAIT;
}

uint32_t menu_timer_seconds(const struct menu_timer *timer, uint64_t now_ms)
{
	if (!timer->counting || now_ms >= timer->deadline_ms)
		return 0;
	return (uint32_t)((timer->deadline_ms - now_ms + 999) / 1000);
}
