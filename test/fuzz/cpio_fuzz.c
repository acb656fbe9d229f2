// SPDX-License-Identifier: MIT
/* Any bytes as a bundle: every file that is found lies inside, and the walk ends. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "boot/cpio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void want(bool so)
{
	if (!so)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpio archive = { data, size };
	struct cpio_walk walk = { 0 };
	struct cpio_entry entry, found;
	struct problem p = { 0 };
	bool more = true;
	unsigned seen = 0;
	enum status status = OK;

	while (!status && more) {
		uint64_t before = walk.offset;

		status = cpio_next(&archive, &walk, &entry, &more, &p);
		if (status || !more)
			break;
		seen++;
		want(walk.offset > before && entry.offset <= size && entry.size <= size - entry.offset);
		want(strnlen(entry.path, size) < size);
		(void)cpio_name_in(&entry, "/loader/entries");
		if (!entry.directory && !cpio_find(&archive, entry.path, &found, NULL))
			want(found.offset == entry.offset);
	}
	want(seen <= CPIO_ENTRIES_MAX);
	want(status == OK || (status == E_BUNDLE && p.text[0]));
	p = (struct problem){ 0 };
	want((cpio_check(&archive, &p) != OK) >= (status != OK));
	return 0;
}
