// SPDX-License-Identifier: MIT
/* An entry's text (and the file name it could have): what parses is well formed, and sorts. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "boot/entry.h"
#include "boot/select.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void want(bool so)
{
	if (!so)
		__builtin_trap();
}

static void check_path(const char *path)
{
	want(strnlen(path, ENTRY_PATH_MAX) < ENTRY_PATH_MAX);
	if (!*path)
		return;
	want(path[0] == '/' && !strstr(path, "//") && !strstr(path, "/../") && !strchr(path, '\\'));
	want(strlen(path) < 3 || strcmp(path + strlen(path) - 3, "/.."));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct entry entry, other;
	struct problem p = { 0 };
	struct config config;
	char name[ENTRY_NAME_MAX];
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
	size_t first = end ? (size_t)(end - data) : 0;

	/* The first line is the file's name. */
	if (first >= sizeof(name))
		return 0;
	memcpy(name, data, first);
	name[first] = '\0';
	if (entry_parse(&entry, name, (const char *)data + first, size - first, &p)) {
		want(p.code == E_ENTRY_INVALID && p.text[0]);
		return 0;
	}
	check_path(entry.linux_path);
	check_path(entry.efi_path);
	want(entry.initrd_count <= ENTRY_INITRD_MAX && entry.digest_count <= ENTRY_DIGEST_MAX);
	for (unsigned i = 0; i < entry.initrd_count; i++)
		check_path(entry.initrd[i]);
	for (unsigned i = 0; i < entry.digest_count; i++)
		want(entry_find_digest(&entry, entry.digests[i].path) == entry.digests[i].sha256);
	want(strnlen(entry.options, CMDLINE_MAX) < CMDLINE_MAX);
	config_init(&config);
	entry_apply_policy(&entry, &config);
	(void)entry_check_startable(&entry, NULL);
	want(entry_compare(&entry, &entry) == 0);
	want(!entry_parse(&other, "other+1.conf", "linux /k\nsort-key a\nversion 1.0~2\n", 34, NULL));
	want((entry_compare(&entry, &other) < 0) == (entry_compare(&other, &entry) > 0));
	want(!strpbrk(entry.id, "*?[\\") && select_entry_matches(&entry, entry.id));
	(void)select_entry_matches(&other, entry.options);
	return 0;
}
