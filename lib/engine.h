// SPDX-License-Identifier: MIT
/*
 * The code that digests and checksums are computed by: in plain C always, by instructions where CPUID has them. None is
 * believed before it has answered a question whose answer is known, and of two that have, the faster one here is used.
 */
#ifndef LIB_ENGINE_H
#define LIB_ENGINE_H

#include <stdint.h>

#include "lib/status.h"

/* Of one hash: plain C before instructions. The report has bits with these numbers. */
enum engine { ENGINE_SHA256_C, ENGINE_SHA256_NI, ENGINE_CRC32C_C, ENGINE_CRC32C_SSE42, ENGINE_CRC32_C, ENGINES };

struct engines {
	uint32_t allowed, right, chosen;	/* bit per engine: by CPUID; and answered right; and in use */
	uint32_t ticks[ENGINES];		/* best measured round, of the TSC; 0: there was nothing to choose */
};

#define ENGINES_TEXT_BYTES 216	/* all names, the largest numbers: nothing is cut */

/* Tests, measures and chooses every engine of this linked image. E71: nothing that computes one of the hashes answers
 * right. Context: one CPU, CR4.OSFXSR set and CR0.TS, CR0.EM clear, no CPU hashing. */
enum status MUST_CHECK engines_select(struct engines *engines);

/* E71 as above. For the line: ENGINES_NONE_LEFT and the name of the first one that was refused. */
enum status MUST_CHECK engines_check(const struct engines *engines);
#define ENGINES_NONE_LEFT "no engine is left for a hash: %s answers wrong"

/* An allowed engine that answers wrong, the i-th of them; ENGINES: there are not so many. */
enum engine engines_refused(const struct engines *engines, unsigned i);

static inline const char *engine_name(enum engine engine)
{
	switch (engine) {
	case ENGINE_SHA256_C: return "sha256-c";
	case ENGINE_SHA256_NI: return "sha256-ni";
	case ENGINE_CRC32C_C: return "crc32c-c";
	case ENGINE_CRC32C_SSE42: return "crc32c-sse42";
	case ENGINE_CRC32_C: return "crc32-c";
	default: return "?";
	}
}

/* As logfmt: what was allowed, right, chosen, and the ticks of those that were measured. */
void engines_text(const struct engines *engines, char out[ENGINES_TEXT_BYTES]);

/* For engines' own files: takes the answers to the known questions and the ticks of the two engines of one hash from
 * plain on, and chooses; returns the choice. right 0: plain, which is not right then. */
enum engine engine_choose(struct engines *engines, enum engine plain);

#endif
