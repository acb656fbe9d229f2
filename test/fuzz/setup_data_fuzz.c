// SPDX-License-Identifier: MIT
/* Any bytes as memory with a setup_data list: every node that passes lies in it, the walk ends, the copy fits. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "boot/setup_data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t memory[4096] __attribute__((aligned(4096)));
static size_t used;

static void want(bool so)
{
	if (!so)
		__builtin_trap();
}

static enum status each(void *arg, const struct setup_data *node, const void *data, struct problem *problem)
{
	uint64_t at = (const uint8_t *)node - memory;

	(void)problem;
	want(data == node + 1 && ++*(unsigned *)arg <= SETUP_DATA_NODES_MAX);
	want(at <= used - sizeof(*node) && node->len <= used - sizeof(*node) - at);
	return OK;
}

/* Small numbers are offsets: no fuzzer guesses where the memory is. */
static void make_addresses(void)
{
	for (size_t at = 0; at + 8 <= used; at += 8) {
		uint64_t word;

		memcpy(&word, memory + at, 8);
		if (word && word < used)
			word += (uintptr_t)memory;
		memcpy(memory + at, &word, 8);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct place_range ram = { (uintptr_t)memory, size };
	uint64_t head = (uintptr_t)memory, list = 0, bytes;
	struct problem p = { 0 };
	unsigned calls = 0;
	uint8_t *copy;

	if (size < 16 || size > sizeof(memory))
		return 0;
	used = size;
	memcpy(memory, data, size);
	make_addresses();
	if (setup_data_walk(head, &ram, 1, each, &calls, &p)) {
		want(p.code == E_SETUP_DATA && p.text[0]);
		return 0;
	}
	want(calls);
	bytes = setup_data_kept_bytes(head, 0x42544f4e);
	copy = malloc(bytes + 1);
	setup_data_copy_kept(head, 0x42544f4e, copy, &list);
	for (uint64_t at = list; at; at = ((const struct setup_data *)at)->next)
		want(at >= (uintptr_t)copy && at < (uintptr_t)copy + bytes);
	free(copy);
	return 0;
}
