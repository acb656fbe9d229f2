// SPDX-License-Identifier: MIT
/* Faults build: engines that answer wrong, each linked image its own. */
#ifndef LIB_ENGINE_FAULT_H
#define LIB_ENGINE_FAULT_H

#include "lib/engine.h"
#include "lib/string.h"

#define ENGINE_FAULT_DOOR "door-engine:"	/* and an engine's name: in the image; without "door-": in the block */

/* Bit per engine. Weak: each file that includes this has it. */
__attribute__((weak)) uint32_t engine_fault_mask;

static inline uint32_t engine_fault(enum engine engine)
{
	return engine_fault_mask >> engine & 1;
}

static inline enum engine engine_fault_named(const char *word, size_t length)
{
	enum engine engine = 0;

	while (engine < ENGINES && (strlen(engine_name(engine)) != length ||
				    strncmp(word, engine_name(engine), length) != 0))
		engine++;
	return engine;
}

/* Bit of the block's engine that the word names, 0: one of the image's, -1: none. */
static inline int engine_fault_word(const char *word)
{
	bool door = strncmp(word, ENGINE_FAULT_DOOR, strlen(ENGINE_FAULT_DOOR)) == 0;
	const char *name = word + strlen(ENGINE_FAULT_DOOR) - (door ? 0 : strlen("door-"));
	enum engine engine = ENGINES;

	if (door || strncmp(word, "engine:", strlen("engine:")) == 0)
		engine = engine_fault_named(name, strlen(name));
	return engine == ENGINES ? -1 : door ? 0 : 1 << engine;
}

/* What is not understood is told later, by faults_configure(). */
static inline void engine_fault_words(const char *words)
{
	const size_t door = strlen(ENGINE_FAULT_DOOR);

	while (words) {
		const char *comma = strchr(words, ',');
		size_t length = comma ? (size_t)(comma - words) : strlen(words);

		if (length > door && strncmp(words, ENGINE_FAULT_DOOR, door) == 0)
			engine_fault_mask |= 1u << engine_fault_named(words + door, length - door);
		words = comma ? comma + 1 : NULL;
	}
}

#endif
