// SPDX-License-Identifier: MIT
#include "lib/engine.h"

#include <stdbool.h>

#include "lib/crc32.h"
#include "lib/fmt.h"
#include "lib/sha256.h"
#include "lib/string.h"

enum engine engine_choose(struct engines *e, enum engine plain)
{
	enum engine fast = plain + 1, chosen = plain;
	bool plain_right = e->right >> plain & 1, fast_right = e->right >> fast & 1;

	if (fast_right && (!plain_right || e->ticks[fast] < e->ticks[plain]))
		chosen = fast;
	e->chosen |= 1u << chosen & e->right;
	return chosen;
}

enum status engines_check(const struct engines *e)
{
	static const uint32_t hashes[] = {
		1u << ENGINE_SHA256_C | 1u << ENGINE_SHA256_NI, 1u << ENGINE_CRC32C_C | 1u << ENGINE_CRC32C_SSE42,
		1u << ENGINE_CRC32_C,
	};

	for (unsigned i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++)
		if (!(e->chosen & hashes[i]))
			return E_ENGINE;
	return OK;
}

enum status engines_select(struct engines *e)
{
	memset(e, 0, sizeof(*e));
	sha256_select(e);
	crc32c_select(e);
	crc32_test(e);
	return engines_check(e);
}

enum engine engines_refused(const struct engines *e, unsigned i)
{
	for (enum engine engine = 0; engine < ENGINES; engine++)
		if ((e->allowed & ~e->right) >> engine & 1 && i-- == 0)
			return engine;
	return ENGINES;
}

static void add(char out[ENGINES_TEXT_BYTES], const char *separator, const char *text)
{
	size_t n = strlen(out);

	fmt_snprint(out + n, ENGINES_TEXT_BYTES - n, "%s%s", separator, text);
}

static void add_names(char out[ENGINES_TEXT_BYTES], const char *key, uint32_t set)
{
	const char *separator = "";

	add(out, "", key);
	for (enum engine engine = 0; engine < ENGINES; engine++)
		if (set >> engine & 1) {
			add(out, separator, engine_name(engine));
			separator = ",";
		}
}

void engines_text(const struct engines *e, char out[ENGINES_TEXT_BYTES])
{
	char number[12];

	out[0] = 0;
	add_names(out, "allowed=", e->allowed);
	add_names(out, " right=", e->right);
	add_names(out, " chosen=", e->chosen);
	add(out, "", " ticks=");
	for (enum engine engine = 0; engine < ENGINES; engine++) {
		fmt_snprint(number, sizeof(number), "%u", e->ticks[engine]);
		add(out, engine ? "," : "", number);
	}
}
