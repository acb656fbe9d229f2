// SPDX-License-Identifier: MIT
/* SHA-256: FIPS 180-4 examples, then both engines against libcrypto over random lengths and splits. */
#define OPENSSL_SUPPRESS_DEPRECATED	/* its states can be set, those of EVP cannot */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/sha.h>

#include "lib/digest.h"
#include "lib/crc32.h"
#include "lib/engine_fault.h"
#include "lib/sha256.h"
#include "lib/sha256_ni.h"
#include "lib/sha256_plain.h"
#include "x86/cpu.h"

/* ticks: of a round by plain C and by the instructions; broken: rounds of the latter that take a second more. */
static struct { bool no_sha, no_sse42, tcg; uint64_t tsc, ticks[2]; unsigned readings, broken; } machine;

/* The host's CPUID with features taken away. */
struct cpuid_regs twin_cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_regs r;

	__asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
	if (leaf == 7 && machine.no_sha)
		r.ebx &= ~(1u << 29);
	if (leaf == 1 && machine.no_sse42)
		r.ecx &= ~(1u << 20);
	if (leaf == 1 && machine.tcg)
		r.ecx |= 1u << 31;
	if (leaf == 0x40000000 && machine.tcg)
		r = (struct cpuid_regs){ 0, 0x54474354, 0x43544743, 0x47435447 };
	return r;
}

/* Each round reads it twice, plain C's and the instructions' in turns. */
uint64_t twin_cpu_rdtsc(void)
{
	unsigned ni = machine.readings % 4 / 2, round = machine.readings / 4;

	if (machine.readings++ % 2)
		machine.tsc += machine.ticks[ni] + (ni && round < 32 && machine.broken >> round & 1 ? 2000000000 : 0);
	return machine.tsc;
}

static enum sha256_engine select_anew(struct engines *e)
{
	*e = (struct engines){ 0 };
	return sha256_select(e);
}

/* Returns the engine; *rounds that were measured. */
static enum sha256_engine select_at(uint64_t plain, uint64_t ni, unsigned broken, unsigned *rounds)
{
	enum sha256_engine engine;

	machine.ticks[0] = plain;
	machine.ticks[1] = ni;
	machine.broken = broken;
	machine.readings = 0;
	engine = select_anew(&(struct engines){ 0 });
	*rounds = machine.readings / 4;
	return engine;
}

static bool host_has_sha(void)
{
	return __builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("ssse3") &&
	       (twin_cpu_cpuid(7, 0).ebx >> 29 & 1);
}

static void assert_digest(const uint8_t *digest, const char *hex)
{
	char text[65];

	for (int i = 0; i < 32; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	assert_string_equal(text, hex);
}

static void fips_examples(void **state)
{
	static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	struct sha256_ctx ctx;
	char thousand[1000];
	uint8_t digest[32];

	(void)state;
	sha256_compute(digest, "", 0);
	assert_digest(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	sha256_compute(digest, "abc", 3);
	assert_digest(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256_compute(digest, two_blocks, strlen(two_blocks));
	assert_digest(digest, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	memset(thousand, 'a', sizeof(thousand));
	sha256_init(&ctx);
	for (int i = 0; i < 1000; i++)
		sha256_update(&ctx, thousand, sizeof(thousand));
	sha256_final(&ctx, digest);
	assert_digest(digest, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* The length field beyond 32 bits of bits: compared by state, without hashing 600 MB. */
static void length_above_512_mib(void **state)
{
	struct sha256_ctx ours;
	uint8_t digest[32], expected[32];
	SHA256_CTX theirs;

	(void)state;
	SHA256_Init(&theirs);
	sha256_init(&ours);
	ours.bytes = 0x123456780ull * 64;
	theirs.Nl = (uint32_t)(ours.bytes << 3);
	theirs.Nh = (uint32_t)(ours.bytes >> 29);
	sha256_update(&ours, "xyz", 3);
	sha256_final(&ours, digest);
	SHA256_Update(&theirs, "xyz", 3);
	SHA256_Final(expected, &theirs);
	assert_memory_equal(digest, expected, 32);
}

static void every_short_length(void **state)
{
	(void)state;
	for (size_t n = 0; n < 300; n++) {
		uint8_t *data = malloc(n), digest[32], expected[32];

		for (size_t i = 0; i < n; i++)
			data[i] = (uint8_t)(n * 7 + i * 13);
		SHA256(data, n, expected);
		sha256_compute(digest, data, n);
		assert_memory_equal(digest, expected, 32);
		free(data);
	}
}

static void random_splits(void **state)
{
	unsigned seed = 3;

	(void)state;
	for (int round = 0; round < 300; round++) {
		size_t n = rand_r(&seed) % 5000, at = 0;
		uint8_t *data = malloc(n), digest[32], expected[32];
		struct sha256_ctx ctx, fork;

		for (size_t i = 0; i < n; i++)
			data[i] = (uint8_t)rand_r(&seed);
		SHA256(data, n, expected);
		sha256_init(&ctx);
		while (at < n) {
			size_t take = rand_r(&seed) % (rand_r(&seed) % 2 ? 200 : 2000);

			take = take < n - at ? take : n - at;
			sha256_update(&ctx, data + at, take);
			at += take;
		}
		fork = ctx;
		sha256_final(&ctx, digest);
		assert_memory_equal(digest, expected, 32);
		sha256_final(&fork, digest);
		assert_memory_equal(digest, expected, 32);
		free(data);
	}
}

static void engines_agree(void **state)
{
	unsigned seed = 4;

	(void)state;
	for (int round = 0; round < 500; round++) {
		size_t blocks = rand_r(&seed) % 9;
		uint8_t *data = malloc(blocks * 64 + 1);
		uint32_t plain[8], translated[8], ni[8];

		for (size_t i = 0; i <= blocks * 64; i++)
			data[i] = (uint8_t)rand_r(&seed);
		for (int i = 0; i < 8; i++)
			plain[i] = translated[i] = ni[i] = (uint32_t)rand_r(&seed) * 3u;
		sha256_blocks_plain(plain, data + 1, blocks);		/* unaligned on purpose */
		sha256_blocks_translated(translated, data + 1, blocks);
		assert_memory_equal(plain, translated, sizeof(plain));
		if (host_has_sha()) {
			sha256_blocks_ni(ni, data + 1, blocks);
			assert_memory_equal(plain, ni, sizeof(plain));
		}
		free(data);
	}
}

static void selection(void **state)
{
	struct engines e;
	unsigned rounds;

	(void)state;
	assert_int_equal(sha256_engine(), SHA256_PLAIN);
	machine.no_sha = true;
	assert_int_equal(select_anew(&e), SHA256_PLAIN);
	assert_int_equal(e.allowed, 1u << ENGINE_SHA256_C);
	assert_true(e.right == e.allowed && e.chosen == e.allowed && !e.ticks[ENGINE_SHA256_C]);
	machine.no_sha = false;
	if (!host_has_sha())
		skip();
	/* An emulator: 60 us and 400 us at 2 GHz. A processor: 27 us and 5 us, a millisecond in all. A stopped clock. */
	assert_int_equal(select_at(120000, 800000, 0, &rounds), SHA256_PLAIN);
	assert_int_equal(rounds, 3);
	assert_int_equal(select_at(54000, 10000, 0, &rounds), SHA256_NI);
	assert_int_equal(rounds, 32);
	assert_int_equal(select_at(0, 0, 0, &rounds), SHA256_PLAIN);
	assert_int_equal(rounds, 100);
	/* Something came in between in the first round, in the last. */
	assert_int_equal(select_at(54000, 10000, 1, &rounds), SHA256_NI);
	assert_int_equal(select_at(54000, 10000, 4, &rounds), SHA256_NI);
	assert_int_equal(sha256_engine(), SHA256_NI);
}

/* Engines that answer wrong are not chosen, however fast; with none left the choice says so. */
static void wrong_answers(void **state)
{
	const uint32_t plain = 1u << ENGINE_SHA256_C, ni = 1u << ENGINE_SHA256_NI;
	uint32_t allowed = host_has_sha() ? plain | ni : plain;
	struct engines e;

	(void)state;
	machine.ticks[0] = 120000;
	machine.ticks[1] = 1000;
	machine.readings = machine.broken = 0;
	engine_fault_mask = ni;
	assert_int_equal(select_anew(&e), SHA256_PLAIN);
	assert_true(e.allowed == allowed && e.right == plain && e.chosen == plain);
	engine_fault_mask = plain;
	assert_int_equal(select_anew(&e), host_has_sha() ? SHA256_NI : SHA256_PLAIN);
	assert_true(e.allowed == allowed && e.right == (allowed & ni) && e.chosen == (allowed & ni));
	engine_fault_mask = plain | ni;
	assert_int_equal(select_anew(&e), SHA256_PLAIN);
	assert_true(e.allowed == allowed && !e.right && !e.chosen);
	engine_fault_mask = 0;
	machine.readings = 0;
	assert_int_equal(select_anew(&e), host_has_sha() ? SHA256_NI : SHA256_PLAIN);
	assert_true(!host_has_sha() || (e.ticks[ENGINE_SHA256_C] == 120000 && e.ticks[ENGINE_SHA256_NI] == 1000));
}

static void chunk_digests(void **state)
{
	static const uint32_t lengths[] = { 1, 63, 64, 65, 4095, 4096, 4097, 8191, 12288, 100001, CHUNK_BYTES - 1,
					    CHUNK_BYTES };
	struct chunk_digest *d = malloc(sizeof(*d));

	(void)state;
	for (size_t k = 0; k < sizeof(lengths) / sizeof(lengths[0]); k++) {
		uint32_t n = lengths[k], pages = (n + PAGE_BYTES - 1) / PAGE_BYTES;
		uint8_t *data = malloc(n), expected[32];

		for (uint32_t i = 0; i < n; i++)
			data[i] = (uint8_t)(i * 31 + i / 4096 + k);
		memset(d, 0xee, sizeof(*d));
		chunk_digest_compute(d, data, n);
		SHA256(data, n, expected);
		assert_memory_equal(d->sha256, expected, 32);
		for (uint32_t p = 0; p < CHUNK_BYTES / PAGE_BYTES; p++) {
			uint32_t bytes = p + 1 < pages ? PAGE_BYTES : n - p * PAGE_BYTES;

			assert_int_equal(d->page_crc32c[p],
					 p < pages ? crc32c_table(0, data + p * PAGE_BYTES, bytes) : 0);
		}
		free(data);
	}
	free(d);
}

/* Plain C as an emulator gets it. */
static void translated_shape(void **state)
{
	struct engines e;

	machine.tcg = machine.no_sha = true;
	assert_int_equal(select_anew(&e), SHA256_PLAIN);
	assert_int_equal(e.chosen, 1u << ENGINE_SHA256_C);
	fips_examples(state);
	every_short_length(state);
	random_splits(state);
	machine.tcg = machine.no_sha = false;
	select_anew(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fips_examples),
		cmocka_unit_test(length_above_512_mib),
		cmocka_unit_test(every_short_length),
		cmocka_unit_test(random_splits),
		cmocka_unit_test(chunk_digests),
		cmocka_unit_test(engines_agree),
		cmocka_unit_test(selection),
		cmocka_unit_test(wrong_answers),
		cmocka_unit_test(translated_shape),
		/* again, now by the engine that was selected */
		cmocka_unit_test(fips_examples),
		cmocka_unit_test(every_short_length),
		cmocka_unit_test(random_splits),
		cmocka_unit_test(chunk_digests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
