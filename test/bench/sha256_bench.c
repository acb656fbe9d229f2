// SPDX-License-Identifier: MIT
/*
 * Hash rates of the objects that are in the image, beside OpenSSL's on the same core: 16 KiB messages, a second of
 * CPU time each, in turns, medians of 5 rounds. "chunk" is what reading and VERIFY do: 1 MiB, SHA-256 and CRC32C
 * per page, by the engines chosen; "as Linux", "as kexec-tools": plain C of their purgatories' kind (sha256_kexec.h);
 * "plain, translated": what Baton uses under an emulator (sha256_plain.h), here without one. usage: sha256_bench
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/digest.h"
#include "lib/sha256.h"
#include "lib/sha256_ni.h"
#include "lib/sha256_plain.h"
#include "test/bench/sha256_kexec.h"

#define ROUNDS		5
#define MESSAGE_BYTES	16384u
#define SECONDS		1.0

enum candidate { LINUX, KEXEC_TOOLS, PLAIN, TRANSLATED, NI, CHUNK, OPENSSL, CANDIDATES };

static const char *const names[CANDIDATES] = {
	"as Linux", "as kexec-tools", "plain", "plain, translated", "sha instructions",
	"chunk", "openssl",
};

static uint8_t data[CHUNK_BYTES] __attribute__((aligned(4096)));

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static void hash_plain(void)
{
	uint32_t state[8];

	sha256_start(state);
	sha256_blocks_plain(state, data, MESSAGE_BYTES / SHA256_BLOCK);
}

static void hash_ni(void)
{
	uint32_t state[8];

	sha256_start(state);
	sha256_blocks_ni(state, data, MESSAGE_BYTES / SHA256_BLOCK);
}

static void hash_linux(void)
{
	uint8_t digest[SHA256_BYTES];

	sha256_linux(digest, data, MESSAGE_BYTES);
}

static void hash_kexec_tools(void)
{
	uint8_t digest[SHA256_BYTES];

	sha256_kexec_tools(digest, data, MESSAGE_BYTES);
}

static void hash_translated(void)
{
	uint32_t state[8];

	sha256_start(state);
	sha256_blocks_translated(state, data, MESSAGE_BYTES / SHA256_BLOCK);
}

static void hash_chunk(void)
{
	static struct chunk_digest digest;

	chunk_digest_compute(&digest, data, CHUNK_BYTES);
}

/* MB/s (10^6) of work, which does bytes a call. */
static double rate(void (*work)(void), double bytes)
{
	double start = cpu_seconds(), now = start, calls = 0;

	while (now - start < SECONDS) {
		for (int i = 0; i < 16; i++)
			work();
		calls += 16;
		now = cpu_seconds();
	}
	return calls * bytes / (now - start) / 1e6;
}

static double rate_openssl(void)
{
	FILE *f = popen("openssl speed -mr -evp sha256 -bytes 16384 -seconds 1 2>/dev/null", "r");
	double result = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		const char *last = strrchr(line, ':');

		if (!strncmp(line, "+F:", 3) && last)
			result = atof(last + 1) / 1e6;
	}
	if (f)
		pclose(f);
	return result;
}

static double measure(enum candidate c, const struct engines *engines)
{
	switch (c) {
	case LINUX:
		return rate(hash_linux, MESSAGE_BYTES);
	case KEXEC_TOOLS:
		return rate(hash_kexec_tools, MESSAGE_BYTES);
	case PLAIN:
		return rate(hash_plain, MESSAGE_BYTES);
	case TRANSLATED:
		return rate(hash_translated, MESSAGE_BYTES);
	case NI:
		return engines->right >> ENGINE_SHA256_NI & 1 ? rate(hash_ni, MESSAGE_BYTES) : 0;
	case CHUNK:
		return rate(hash_chunk, CHUNK_BYTES);
	default:
		return rate_openssl();
	}
}

/* Slow is no comparison if it is wrong. */
static bool kexec_is_right(void)
{
	static const size_t sizes[] = { 0, 3, 55, 56, 63, 64, 4096, 12345 };
	uint8_t a[SHA256_BYTES], b[SHA256_BYTES], c[SHA256_BYTES];

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		sha256_compute(a, data, sizes[i]);
		sha256_linux(b, data, sizes[i]);
		sha256_kexec_tools(c, data, sizes[i]);
		if (memcmp(a, b, sizeof(a)) || memcmp(a, c, sizeof(a)))
			return false;
	}
	return true;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(void)
{
	char text[ENGINES_TEXT_BYTES];
	struct engines engines;
	double rates[CANDIDATES][ROUNDS], faster;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	for (uint32_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 2654435761u >> 24);
	if (!kexec_is_right()) {
		fprintf(stderr, "sha256_bench: the C to compare with hashes wrongly\n");
		return 1;
	}
	if (engines_select(&engines)) {
		fprintf(stderr, "sha256_bench: an engine hashes wrongly\n");
		return 1;
	}
	engines_text(&engines, text);
	printf("%s\n", text);
	for (int round = 0; round < ROUNDS; round++)
		for (int c = 0; c < CANDIDATES; c++)
			rates[c][round] = measure((enum candidate)c, &engines);
	for (int c = 0; c < CANDIDATES; c++)
		qsort(rates[c], ROUNDS, sizeof(double), compare);
	printf("%-18s %8s %8s %8s %10s %13s\n", "MB/s", "median", "lowest", "highest", "of openssl",
	       "of the faster");
	faster = rates[rates[LINUX][ROUNDS / 2] > rates[KEXEC_TOOLS][ROUNDS / 2] ? LINUX : KEXEC_TOOLS][ROUNDS / 2];
	for (int c = 0; c < CANDIDATES; c++)
		printf("%-18s %8.0f %8.0f %8.0f %10.2f %13.2f\n", names[c], rates[c][ROUNDS / 2], rates[c][0],
		       rates[c][ROUNDS - 1], rates[c][ROUNDS / 2] / rates[OPENSSL][ROUNDS / 2],
		       rates[c][ROUNDS / 2] / faster);
	return 0;
}
