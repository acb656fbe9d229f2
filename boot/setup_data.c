// SPDX-License-Identifier: MIT
#include "boot/setup_data.h"

#include <stdbool.h>
#include <stddef.h>

#include "lib/string.h"

#define E820_INLINE	128u		/* what boot_params itself holds */

static struct setup_data *node_at(uint64_t phys)
{
	return (struct setup_data *)(uintptr_t)phys;
}

void setup_data_append(uint64_t *head, struct setup_data *node, uint32_t type, uint32_t len)
{
	uint64_t at = *head;

	*node = (struct setup_data){ .type = type, .len = len };
	if (!at) {
		*head = (uintptr_t)node;
		return;
	}
	while (node_at(at)->next)
		at = node_at(at)->next;
	node_at(at)->next = (uintptr_t)node;
}

uint32_t setup_data_e820_ext_bytes(unsigned e820_count)
{
	if (e820_count <= E820_INLINE)
		return 0;
	return (uint32_t)(sizeof(struct setup_data) + (e820_count - E820_INLINE) * sizeof(struct e820_entry));
}

void setup_data_append_e820_ext(uint64_t *head, struct setup_data *node, const struct e820_entry *e820,
				unsigned e820_count)
{
	uint32_t len = setup_data_e820_ext_bytes(e820_count) - (uint32_t)sizeof(*node);

	setup_data_append(head, node, SETUP_DATA_E820_EXT, len);
	memcpy(node + 1, e820 + E820_INLINE, len);
}

static bool in_ram(const struct place_range *ram, unsigned ram_count, uint64_t base, uint64_t size)
{
	for (unsigned i = 0; i < ram_count; i++)
		if (base >= ram[i].base && size <= ram[i].size && base - ram[i].base <= ram[i].size - size)
			return true;
	return false;
}

static enum status refuse(struct problem *problem, unsigned number, uint64_t phys, const char *reason)
{
	return problem_set(problem, E_SETUP_DATA, "setup_data node %u at 0x%llx: %s", number, (unsigned long long)phys,
			   reason);
}

/* data = { u32 type, u32 0, u64 len, u64 addr } */
static const char *check_indirect(const struct setup_data *node, const struct place_range *ram, unsigned ram_count)
{
	uint64_t target[3];

	if (node->len < sizeof(target))
		return "INDIRECT is shorter than 24 bytes";
	memcpy(target, node + 1, sizeof(target));
	if ((uint32_t)target[0] == SETUP_DATA_INDIRECT)
		return "INDIRECT points to INDIRECT";
	if (target[1] > SETUP_DATA_BYTES_MAX)
		return "INDIRECT length is more than 64 MiB";
	if (target[1] && !in_ram(ram, ram_count, target[2], target[1]))
		return "INDIRECT target is not in RAM";
	return NULL;
}

static const char *check_node(uint64_t phys, const struct place_range *ram, unsigned ram_count)
{
	const struct setup_data *node = node_at(phys);

	if (phys & 7)
		return "address is not a multiple of 8";
	if (!in_ram(ram, ram_count, phys, sizeof(*node)))
		return "header is not in RAM";
	if (node->len > SETUP_DATA_BYTES_MAX)
		return "len is more than 64 MiB";
	if (!in_ram(ram, ram_count, phys, sizeof(*node) + node->len))
		return "data is not in RAM";
	if (node->type == SETUP_DATA_E820_EXT && node->len % sizeof(struct e820_entry))
		return "E820_EXT len is no multiple of 20";
	if (node->type == SETUP_DATA_INDIRECT)
		return check_indirect(node, ram, ram_count);
	return NULL;
}

/* phys is one of the first count nodes of the list, all of them checked. */
static bool seen_before(uint64_t head, uint64_t phys, unsigned count)
{
	for (uint64_t at = head; count; at = node_at(at)->next, count--)
		if (at == phys)
			return true;
	return false;
}

enum status setup_data_walk(uint64_t head, const struct place_range *ram, unsigned ram_count, setup_data_fn *each,
			    void *arg, struct problem *problem)
{
	uint64_t at = head;

	for (unsigned number = 0; at; number++) {
		const char *bad;
		enum status status;

		if (number == SETUP_DATA_NODES_MAX)
			return refuse(problem, number, at, "more than 256 nodes");
		if (seen_before(head, at, number))
			return refuse(problem, number, at, "the list goes in a circle");
		bad = check_node(at, ram, ram_count);
		if (bad)
			return refuse(problem, number, at, bad);
		status = each ? each(arg, node_at(at), node_at(at) + 1, problem) : OK;
		if (status)
			return status;
		at = node_at(at)->next;
	}
	return OK;
}

static bool is_kept(const struct setup_data *node, uint32_t own_type)
{
	return node->type != SETUP_DATA_E820_EXT && node->type != SETUP_DATA_KEXEC_KHO && node->type != own_type;
}

static uint64_t room_of(const struct setup_data *node)
{
	return (sizeof(*node) + node->len + 7) & ~7ull;
}

uint64_t setup_data_kept_bytes(uint64_t head, uint32_t own_type)
{
	uint64_t bytes = 0;

	for (uint64_t at = head; at; at = node_at(at)->next)
		bytes += is_kept(node_at(at), own_type) ? room_of(node_at(at)) : 0;
	return bytes;
}

void setup_data_copy_kept(uint64_t head, uint32_t own_type, void *to, uint64_t *list)
{
	uint8_t *out = to;

	for (uint64_t at = head; at; at = node_at(at)->next) {
		const struct setup_data *node = node_at(at);

		if (!is_kept(node, own_type))
			continue;
		memset(out, 0, room_of(node));
		memcpy(out + sizeof(*node), node + 1, node->len);
		setup_data_append(list, (struct setup_data *)out, node->type, node->len);
		out += room_of(node);
	}
}
