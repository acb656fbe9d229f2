// SPDX-License-Identifier: MIT
#include "lib/smbios.h"

#include "lib/string.h"

enum { SMBIOS_BIOS = 0, SMBIOS_SYSTEM = 1, SMBIOS_END = 127, HEADER_BYTES = 4 };

static uint8_t sum_bytes(const uint8_t *at, uint32_t bytes)
{
	uint8_t sum = 0;

	while (bytes--)
		sum = (uint8_t)(sum + *at++);
	return sum;
}

int smbios_parse_entry(const void *entry, uint64_t *table, uint32_t *bytes)
{
	const uint8_t *at = entry;
	uint32_t address, length;
	uint16_t short_length;

	if (memcmp(at, "_SM3_", 5) == 0) {
		if (at[6] < 0x18 || at[6] > SMBIOS_ENTRY_BYTES || sum_bytes(at, at[6]))
			return -1;
		memcpy(&length, at + 0x0c, sizeof length);
		memcpy(table, at + 0x10, sizeof *table);
	} else if (memcmp(at, "_SM_", 4) == 0) {
		/* 2.1 wrote length 0x1e for a 0x1f bytes long entry point. */
		if (at[5] < 0x1e || at[5] > SMBIOS_ENTRY_BYTES || sum_bytes(at, at[5]))
			return -1;
		memcpy(&short_length, at + 0x16, sizeof short_length);
		memcpy(&address, at + 0x18, sizeof address);
		length = short_length;
		*table = address;
	} else {
		return -1;
	}
	*bytes = length < SMBIOS_TABLE_BYTES_MAX ? length : SMBIOS_TABLE_BYTES_MAX;
	return *table && *bytes ? 0 : -1;
}

/* Copies string number wanted (from 1, 0: none) of the set at [at, end); blanks at the end are dropped. */
static void copy_string(char *to, const char *at, const char *end, unsigned wanted)
{
	unsigned number = 1, n = 0;

	if (!wanted)
		return;
	while (at < end && *at && number < wanted) {
		at += strnlen(at, (size_t)(end - at));
		if (at < end)
			at++;
		number++;
	}
	for (; at < end && *at && n < SMBIOS_NAME_BYTES - 1; at++)
		to[n++] = *at >= 0x20 && *at < 0x7f ? *at : '?';
	while (n && to[n - 1] == ' ')
		n--;
	to[n] = 0;
}

/* The byte behind a string set: two NULs end it. */
static const char *skip_strings(const char *at, const char *end)
{
	while (end - at >= 2 && (at[0] || at[1]))
		at++;
	return end - at >= 2 ? at + 2 : end;
}

void smbios_read_names(const void *table, uint32_t bytes, struct smbios_names *names)
{
	const char *at = table, *end = at + bytes;

	memset(names, 0, sizeof *names);
	while (end - at >= HEADER_BYTES) {
		const uint8_t *header = (const uint8_t *)at;
		const char *strings;

		if (header[0] == SMBIOS_END || header[1] < HEADER_BYTES || header[1] > end - at)
			return;
		strings = at + header[1];
		if (header[0] == SMBIOS_BIOS && header[1] > 5 && !names->bios[0])
			copy_string(names->bios, strings, end, header[5]);
		if (header[0] == SMBIOS_SYSTEM && header[1] > 5 && !names->vendor[0]) {
			copy_string(names->vendor, strings, end, header[4]);
			copy_string(names->product, strings, end, header[5]);
		}
		at = skip_strings(strings, end);
	}
}
