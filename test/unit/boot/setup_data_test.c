// SPDX-License-Identifier: MIT
#include "test/unit/boot/support.h"

#include <stdlib.h>
#include <string.h>

#include "boot/setup_data.h"

static uint8_t ram_bytes[65536] __attribute__((aligned(4096)));
static struct place_range ram;
static struct problem p;
static unsigned calls;
static uint32_t last_type;

static int fresh(void **state)
{
	(void)state;
	memset(ram_bytes, 0, sizeof(ram_bytes));
	ram = (struct place_range){ (uintptr_t)ram_bytes, sizeof(ram_bytes) };
	p = (struct problem){ 0 };
	calls = 0;
	return 0;
}

static struct setup_data *at(unsigned offset)
{
	return (struct setup_data *)(ram_bytes + offset);
}

static enum status each(void *arg, const struct setup_data *node, const void *data, struct problem *problem)
{
	(void)problem;
	assert_ptr_equal(data, node + 1);
	assert_ptr_equal(arg, &calls);
	calls++;
	last_type = node->type;
	return node->type == 0x4d54524b ? problem_set(problem, E_NOT_SUPPORTED, "stop here") : OK;
}

static enum status walk(const void *head)
{
	return setup_data_walk((uintptr_t)head, &ram, 1, each, &calls, &p);
}

static void build_and_walk(void **state)
{
	uint64_t head = 0;

	(void)state;
	assert_int_equal(walk(NULL), OK);
	assert_int_equal(calls, 0);
	setup_data_append(&head, at(0), SETUP_DATA_RNG_SEED, 32);
	setup_data_append(&head, at(64), 0x42544f4e, 1000);
	setup_data_append(&head, at(4096), SETUP_DATA_EFI, 0);
	assert_int_equal(head, (uintptr_t)ram_bytes);
	assert_int_equal(at(0)->next, (uintptr_t)at(64));
	assert_int_equal(at(4096)->next, 0);
	assert_problem(&p, walk(at(0)), OK, "");
	assert_int_equal(calls, 3);
	assert_int_equal(last_type, SETUP_DATA_EFI);
	assert_int_equal(setup_data_walk(head, &ram, 1, NULL, NULL, &p), OK);
	at(64)->type = 0x4d54524b;
	calls = 0;
	assert_problem(&p, walk(at(0)), E_NOT_SUPPORTED, "stop here");
	assert_int_equal(calls, 2);
}

static void e820_extension(void **state)
{
	struct e820_entry e820[200];
	uint64_t head = 0;

	(void)state;
	for (unsigned i = 0; i < 200; i++)
		e820[i] = (struct e820_entry){ i * 0x10000ull, 0x1000, 1 };
	assert_int_equal(setup_data_e820_ext_bytes(0), 0);
	assert_int_equal(setup_data_e820_ext_bytes(128), 0);
	assert_int_equal(setup_data_e820_ext_bytes(129), 36);
	assert_int_equal(setup_data_e820_ext_bytes(200), 16 + 72 * 20);
	setup_data_append_e820_ext(&head, at(0), e820, 200);
	assert_int_equal(at(0)->type, SETUP_DATA_E820_EXT);
	assert_int_equal(at(0)->len, 72 * 20);
	assert_memory_equal(at(0) + 1, &e820[128], 72 * 20);
	assert_problem(&p, walk(at(0)), OK, "");
}

static void put_indirect(unsigned offset, uint32_t type, uint64_t len, uint64_t addr)
{
	uint64_t target[3] = { type, len, addr };

	*at(offset) = (struct setup_data){ 0, SETUP_DATA_INDIRECT, sizeof(target) };
	memcpy(at(offset) + 1, target, sizeof(target));
}

static void indirect_nodes(void **state)
{
	(void)state;
	put_indirect(0, 0x80000001, 4096, (uintptr_t)ram_bytes + 4096);
	assert_problem(&p, walk(at(0)), OK, "");
	put_indirect(0, SETUP_DATA_INDIRECT, 4096, (uintptr_t)ram_bytes + 4096);
	assert_problem(&p, walk(at(0)), E_SETUP_DATA, "INDIRECT points to INDIRECT");
	fresh(NULL);
	put_indirect(0, 0x80000001, 4097, (uintptr_t)ram_bytes + sizeof(ram_bytes) - 4096);
	assert_problem(&p, walk(at(0)), E_SETUP_DATA, "target is not in RAM");
	fresh(NULL);
	put_indirect(0, 0x80000001, ~0ull, 4096);
	assert_problem(&p, walk(at(0)), E_SETUP_DATA, "INDIRECT length");
	fresh(NULL);
	put_indirect(0, 0x80000001, 16, ~0ull - 7);
	assert_problem(&p, walk(at(0)), E_SETUP_DATA, "target is not in RAM");
	fresh(NULL);
	put_indirect(0, 0x80000001, 16, (uintptr_t)ram_bytes);
	at(0)->len = 23;
	assert_problem(&p, walk(at(0)), E_SETUP_DATA, "shorter than 24");
}

static void malformed_lists(void **state)
{
	(void)state;
	assert_problem(&p, walk(ram_bytes + 4), E_SETUP_DATA, "node 0 at");
	fresh(NULL);
	assert_problem(&p, walk(ram_bytes + sizeof(ram_bytes)), E_SETUP_DATA, "header is not in RAM");
	fresh(NULL);
	assert_problem(&p, walk(ram_bytes + sizeof(ram_bytes) - 8), E_SETUP_DATA, "header is not in RAM");
	fresh(NULL);
	assert_problem(&p, setup_data_walk(~0ull - 7, &ram, 1, NULL, NULL, &p), E_SETUP_DATA, "header is not in RAM");
	fresh(NULL);
	at(0)->next = (uintptr_t)at(128);
	at(128)->len = sizeof(ram_bytes) - 128 - 16 + 1;
	assert_problem(&p, walk(at(0)), E_SETUP_DATA, "node 1 at");
	assert_non_null(strstr(p.text, "data is not in RAM"));
	assert_int_equal(calls, 1);
	at(128)->len--;
	assert_int_equal(walk(at(0)), OK);
	fresh(NULL);
	at(0)->len = ~0u;
	assert_problem(&p, walk(at(0)), E_SETUP_DATA, "64 MiB");
	fresh(NULL);
	at(0)->type = SETUP_DATA_E820_EXT;
	at(0)->len = 41;
	assert_problem(&p, walk(at(0)), E_SETUP_DATA, "multiple of 20");
}

static void circles(void **state)
{
	(void)state;
	at(0)->next = (uintptr_t)at(0);
	assert_problem(&p, walk(at(0)), E_SETUP_DATA, "circle");
	assert_int_equal(calls, 1);
	fresh(NULL);
	at(0)->next = (uintptr_t)at(16);
	at(16)->next = (uintptr_t)at(32);
	at(32)->next = (uintptr_t)at(16);
	assert_problem(&p, walk(at(0)), E_SETUP_DATA, "circle");
	assert_int_equal(calls, 3);
}

static void long_lists(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SETUP_DATA_NODES_MAX; i++)
		at(i * 16)->next = i + 1 < SETUP_DATA_NODES_MAX ? (uintptr_t)at(i * 16 + 16) : 0;
	assert_problem(&p, walk(at(0)), OK, "");
	assert_int_equal(calls, SETUP_DATA_NODES_MAX);
	at((SETUP_DATA_NODES_MAX - 1) * 16)->next = (uintptr_t)at(SETUP_DATA_NODES_MAX * 16);
	assert_problem(&p, walk(at(0)), E_SETUP_DATA, "more than 256");
}

/* RAM full of noise: the walk ends, and each node that it lets through lies inside. */
static enum status inside(void *arg, const struct setup_data *node, const void *data, struct problem *problem)
{
	(void)problem;
	(*(unsigned *)arg)++;
	assert_true((const uint8_t *)node >= ram_bytes &&
		    (const uint8_t *)data + node->len <= ram_bytes + sizeof(ram_bytes));
	return OK;
}

static void random_ram(void **state)
{
	struct rng rng = { 0x73657475 };
	unsigned seen = 0, good = 0, bad = 0;

	(void)state;
	for (unsigned round = 0; round < 5000; round++) {
		fresh(NULL);
		for (unsigned i = 0; i < 16; i++) {
			struct setup_data *node = at((unsigned)rng_below(&rng, 24) * 16);
			unsigned next = (unsigned)rng_below(&rng, 24) * 16 + (rng_below(&rng, 20) ? 0 : 4);

			node->next = rng_below(&rng, 5) ? (uintptr_t)at(next) : 0;
			node->type = (uint32_t)(rng_below(&rng, 4) ? rng_below(&rng, 12) : SETUP_DATA_INDIRECT);
			node->len = (uint32_t)rng_below(&rng, rng_below(&rng, 3) ? 200 : 80000);
		}
		if (setup_data_walk((uintptr_t)at((unsigned)rng_below(&rng, 24) * 16), &ram, 1, inside, &seen, NULL))
			bad++;
		else
			good++;
	}
	assert_true(seen > 1000 && good > 500 && bad > 500);
}

static void kept_nodes(void **state)
{
	static uint8_t out[4096] __attribute__((aligned(8)));
	uint64_t head = 0, list = 0;
	const struct setup_data *node;

	(void)state;
	setup_data_append(&head, at(0), 0x42544f4e, 100);		/* an older report */
	setup_data_append(&head, at(256), SETUP_DATA_RNG_SEED, 3);
	setup_data_append(&head, at(512), SETUP_DATA_E820_EXT, 20);
	setup_data_append(&head, at(1024), SETUP_DATA_KEXEC_KHO, 32);
	setup_data_append(&head, at(2048), 0x4d54524b, 40);
	memcpy(at(256) + 1, "abc", 3);
	memset(at(2048) + 1, 0x5a, 40);
	assert_int_equal(setup_data_kept_bytes(0, 0x42544f4e), 0);
	assert_int_equal(setup_data_kept_bytes(head, 0x42544f4e), 24 + 56);
	memset(out, 0xee, sizeof(out));
	setup_data_copy_kept(head, 0x42544f4e, out, &list);
	node = (const struct setup_data *)list;
	assert_ptr_equal(node, out);
	assert_true(node->type == SETUP_DATA_RNG_SEED && node->len == 3 && !memcmp(node + 1, "abc\0\0\0\0\0", 8));
	node = (const struct setup_data *)node->next;
	assert_ptr_equal(node, out + 24);
	assert_true(node->type == 0x4d54524b && node->len == 40 && !node->next && ((const uint8_t *)node)[55] == 0x5a);
	assert_int_equal(out[80], 0xee);
	/* Behind what is there already; the incoming list stays as it was. */
	head = 0;
	setup_data_append(&head, at(256), SETUP_DATA_EFI, 0);
	setup_data_copy_kept(head, 0, out + 80, &list);
	assert_ptr_equal(node->next, out + 80);
	assert_int_equal(at(256)->next, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(build_and_walk, fresh), cmocka_unit_test_setup(e820_extension, fresh),
		cmocka_unit_test_setup(indirect_nodes, fresh), cmocka_unit_test_setup(malformed_lists, fresh),
		cmocka_unit_test_setup(circles, fresh), cmocka_unit_test_setup(long_lists, fresh),
		cmocka_unit_test(random_ram), cmocka_unit_test_setup(kept_nodes, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
