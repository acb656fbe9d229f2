// SPDX-License-Identifier: MIT
#include "boot/cpio_out.h"

#include <stddef.h>

#include "lib/fmt.h"
#include "lib/string.h"

#define HEADER_BYTES	110u
#define PAGE		4096ull
#define MODE_FILE	0100644u
#define TRAILER		"TRAILER!!!"

static void zero_to(struct cpio_out *out, uint64_t end)
{
	if (out->data)
		memset(out->data + out->used, 0, end - out->used);
	out->used = end;
}

/* name_bytes: of the name's field, its NUL and what follows it included. */
static void put_header(struct cpio_out *out, const char *name, uint32_t mode, uint32_t size, uint32_t name_bytes)
{
	char header[HEADER_BYTES + 1];

	if (out->data) {
		/* ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check */
		fmt_snprint(header, sizeof(header), "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
			    0, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name_bytes, 0);
		memcpy(out->data + out->used, header, HEADER_BYTES);
		memcpy(out->data + out->used + HEADER_BYTES, name, strlen(name));
	}
	out->used += HEADER_BYTES + strlen(name);
}

void *cpio_out_file(struct cpio_out *out, const char *path, uint32_t size)
{
	const char *name = path[0] == '/' ? path + 1 : path;
	uint64_t start = (out->used + 3) & ~3ull, data;
	void *at;

	zero_to(out, start);
	data = (start + HEADER_BYTES + strlen(name) + 1 + PAGE - 1) & ~(PAGE - 1);
	put_header(out, name, MODE_FILE, size, (uint32_t)(data - start - HEADER_BYTES));
	zero_to(out, data);
	at = out->data ? out->data + data : NULL;
	out->used = data + size;
	return at;
}

void cpio_out_end(struct cpio_out *out)
{
	zero_to(out, (out->used + 3) & ~3ull);
	put_header(out, TRAILER, 0, 0, sizeof(TRAILER));
	zero_to(out, (out->used + PAGE) & ~(PAGE - 1));
}
