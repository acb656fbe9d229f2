// SPDX-License-Identifier: MIT
#include "boot/loop.h"

#include <stddef.h>

#include "lib/fmt.h"
#include "lib/random.h"
#include "lib/string.h"

#define LOOP_MARGIN	(8ull << 20)
#define LOOP_PLACE_END	(1ull << 32)	/* hand-over tables map RAM below it */

/* Words that each generation says anew. */
static bool is_ours(const char *word, size_t length)
{
	static const char *const words[] = { "baton.loop=", "baton.seed=", "baton.gen=", "baton.default=" };

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (length >= strlen(words[i]) && !strncmp(word, words[i], strlen(words[i])))
			return true;
	return false;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Adds a blank and length bytes; false: no room. */
static bool add(char *to, size_t *used, const char *word, size_t length)
{
	if (length + 2 > CMDLINE_MAX - *used)
		return false;
	if (*used)
		to[(*used)++] = ' ';
	memcpy(to + *used, word, length);
	*used += length;
	to[*used] = '\0';
	return true;
}

/* The words of the command line that stay as they are; *tail: where " -- " begins, "" without. */
static bool keep_words(char *to, size_t *used, const char *cmdline, const char **tail)
{
	for (;;) {
		size_t length = 0;

		while (is_space(*cmdline))
			cmdline++;
		while (cmdline[length] && !is_space(cmdline[length]))
			length++;
		*tail = cmdline;
		if (!length || (length == 2 && !memcmp(cmdline, "--", 2)))
			return true;
		if (!is_ours(cmdline, length) && !add(to, used, cmdline, length))
			return false;
		cmdline += length;
	}
}

enum status loop_entry(struct entry *out, const struct entry *entry, const struct config *config, const char *cmdline,
		       struct problem *problem)
{
	char word[ENTRY_NAME_MAX + 32];
	const char *tail;
	size_t used = 0;
	bool fits;
	int length;

	memset(out, 0, sizeof(*out));
	memcpy(out->id, entry->id, sizeof(out->id));
	memcpy(out->file, entry->file, sizeof(out->file));
	memcpy(out->title, entry->title, sizeof(out->title));
	memcpy(out->linux_path, LOOP_BATON, sizeof(LOOP_BATON));
	memcpy(out->initrd[0], LOOP_BUNDLE, sizeof(LOOP_BUNDLE));
	out->initrd_count = 1;
	fits = keep_words(out->options, &used, cmdline, &tail);
	length = fmt_snprint(word, sizeof(word), "baton.loop=%llu", (unsigned long long)config->loop - 1);
	fits = fits && add(out->options, &used, word, (size_t)length);
	length = fmt_snprint(word, sizeof(word), "baton.seed=%llu", (unsigned long long)config->seed);
	fits = fits && add(out->options, &used, word, (size_t)length);
	length = fmt_snprint(word, sizeof(word), "baton.default=%s", entry->id);
	fits = fits && add(out->options, &used, word, (size_t)length);
	if (*tail)
		fits = fits && add(out->options, &used, tail, strlen(tail));
	return fits ? OK : problem_set(problem, E_CMDLINE_LENGTH, "baton.loop: command line of the next generation is "
				       "longer than %u bytes", CMDLINE_MAX - 1);
}

uint64_t loop_place(const struct place_range *free, unsigned count, const struct place_request *request, uint64_t seed,
		    uint64_t turn)
{
	uint64_t state = seed ^ turn * 0xff51afd7ed558ccdull, places = 0, pick;

	for (unsigned pass = 0; pass < 2; pass++) {
		uint64_t seen = 0;

		pick = places ? random_splitmix64(&state) % places : 0;
		for (unsigned i = 0; i < count; i++) {
			/* Both ends of a run are left to reservations. */
			uint64_t from = free[i].base + LOOP_MARGIN, here;
			uint64_t end = free[i].base + free[i].size - LOOP_MARGIN;

			if (free[i].size <= 2 * LOOP_MARGIN + request->size)
				continue;
			from = from > request->min ? from : request->min;
			from = (from + request->align - 1) & ~(request->align - 1);
			end = end < request->max ? end : request->max;
			end = end < LOOP_PLACE_END ? end : LOOP_PLACE_END;
			if (end < request->size || from > end - request->size)
				continue;
			here = (end - request->size - from) / request->align + 1;
			if (pass && pick >= seen && pick - seen < here)
				return from + (pick - seen) * request->align;
			seen += here;
		}
		places = seen;
	}
	return 0;
}
