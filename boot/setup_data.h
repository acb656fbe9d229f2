// SPDX-License-Identifier: MIT
/*
 * boot_params' setup_data list: built for the next kernel, and walked with care when somebody else built it.
 * Documentation/arch/x86/boot.rst. Pure over identity-mapped memory; any context.
 */
#ifndef BOOT_SETUP_DATA_H
#define BOOT_SETUP_DATA_H

#include <stdint.h>

#include "boot/efimap.h"
#include "boot/place.h"
#include "lib/status.h"

#define SETUP_DATA_NODES_MAX	256
#define SETUP_DATA_BYTES_MAX	(64u << 20)

enum setup_data_type {
	SETUP_DATA_E820_EXT = 1, SETUP_DATA_DTB, SETUP_DATA_PCI, SETUP_DATA_EFI, SETUP_DATA_APPLE,
	SETUP_DATA_JAILHOUSE, SETUP_DATA_CC_BLOB, SETUP_DATA_IMA, SETUP_DATA_RNG_SEED, SETUP_DATA_KEXEC_KHO,
};
#define SETUP_DATA_INDIRECT	0x80000000u

/* Header of a node; len bytes of data follow. Never inside [kernel, kernel + init_size). */
struct setup_data {
	uint64_t next;			/* physical, 0: last */
	uint32_t type;
	uint32_t len;
};

_Static_assert(sizeof(struct setup_data) == 16, "boot protocol ABI");

/* Writes the header of a node at node (8-byte aligned) and puts it at the end of the list at *head. The list is ours:
 * well formed. */
void setup_data_append(uint64_t *head, struct setup_data *node, uint32_t type, uint32_t len);

/* Bytes of a SETUP_E820_EXT node for what does not fit into boot_params' 128 entries; 0: not needed. */
uint32_t setup_data_e820_ext_bytes(unsigned e820_count);

/* Builds that node at node (e820_ext_bytes(count) bytes) and appends it. */
void setup_data_append_e820_ext(uint64_t *head, struct setup_data *node, const struct e820_entry *e820,
				unsigned e820_count);

typedef enum status setup_data_fn(void *arg, const struct setup_data *node, const void *data, struct problem *problem);

/* Walks an incoming list: node 8-byte aligned and wholly inside one of the RAM ranges, no node twice, counts and
 * lengths capped, arrays of whole entries, INDIRECT targets in RAM and not INDIRECT. Calls each() (may be NULL) for
 * every node that passed, in order; a status other than OK from it ends the walk. E41 names node and field. */
enum status setup_data_walk(uint64_t head, const struct place_range *ram, unsigned ram_count, setup_data_fn *each,
			    void *arg, struct problem *problem) MUST_CHECK;

/* Bytes that setup_data_copy_kept() will write, a multiple of 8. head: an incoming list that passed
 * setup_data_walk(). */
uint64_t setup_data_kept_bytes(uint64_t head, uint32_t own_type);

/* Copies the nodes that the next kernel is to get (all but E820_EXT and KEXEC_KHO, which describe a machine that is no
 * more, and own_type) to `to` (8-byte aligned), in order, and appends the copies to *list. INDIRECT targets stay where
 * they are. */
void setup_data_copy_kept(uint64_t head, uint32_t own_type, void *to, uint64_t *list);

#endif
