// SPDX-License-Identifier: MIT
#include "efi/options.h"

#include "boot/params_in.h"
#include "efi/firmware.h"
#include "efi/print.h"
#include "lib/fmt.h"
#include "lib/string.h"

#define OPTIONS_UNITS 4096
#define BYTE_ORDER_MARK 0xfeff

static int is_control(unsigned short c)
{
	return (c < 0x20 && c != '\t') || (c >= 0x7f && c < 0xa0);
}

static int is_image_word(const char *word, unsigned length)
{
	const char *suffix = ".efi";
	unsigned i;

	if (length < 4)
		return 0;
	for (i = 0; i < 4; i++)
		if ((word[length - 4 + i] | 0x20) != (suffix[i] | 0x20))
			return 0;
	return 1;
}

static void options_to_text(char *to, unsigned size, const void *options, uint32_t bytes)
{
	const unsigned short *from = options;
	uint32_t units = bytes / 2, i;
	unsigned word;

	to[0] = 0;
	if (!options || bytes % 2 || (uintptr_t)options % 2 || units > OPTIONS_UNITS)
		return;
	if (units && from[0] == BYTE_ORDER_MARK)
		from++, units--;
	for (i = 0; i < units && from[i]; i++)
		if (is_control(from[i]))
			return;
	ucs2_to_utf8(to, size, from, i);
	for (word = 0; to[word] && to[word] != ' ' && to[word] != '\t'; word++)
		;
	if (is_image_word(to, word))
		memmove(to, to + word, strlen(to + word) + 1);
}

void options_read(char *to, unsigned size)
{
	struct problem unused = { .code = OK };
	struct params_in in;

	to[0] = 0;
	if (!firmware.params)
		options_to_text(to, size, firmware.loaded->LoadOptions, firmware.loaded->LoadOptionsSize);
	else if (params_parse(firmware.params, &in, &unused) == OK && in.cmdline)
		fmt_snprint(to, size, "%s", (const char *)in.cmdline);
}
