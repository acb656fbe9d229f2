// SPDX-License-Identifier: MIT
/* Any bytes as an image in sections: what is found lies inside the file, texts end inside their buffers. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "boot/uki.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void want(bool so)
{
	if (!so)
		__builtin_trap();
}

static void check_texts(const uint8_t *data, const struct uki *uki)
{
	const struct uki_range *cmdline = &uki->parts[UKI_CMDLINE], *osrel = &uki->parts[UKI_OSREL];
	static struct entry entry;
	struct problem p = { 0 };
	char to[CMDLINE_MAX];

	if (!uki_cmdline(to, "x", (const char *)data + cmdline->offset, cmdline->size, &p)) {
		want(strnlen(to, sizeof(to)) < sizeof(to));
		for (const char *c = to; *c; c++)
			want((unsigned char)*c >= ' ' && *c != 0x7f);
	}
	memset(&entry, 0, sizeof(entry));
	uki_describe(&entry, (const char *)data + osrel->offset, osrel->size);
	want(strnlen(entry.title, sizeof(entry.title)) < sizeof(entry.title));
	want(strnlen(entry.version, sizeof(entry.version)) < sizeof(entry.version));
	want(strnlen(entry.sort_key, sizeof(entry.sort_key)) < sizeof(entry.sort_key));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pe pe;
	struct problem p = { 0 };

	if (pe_parse(&pe, "x", data, size, &p)) {
		want(p.code && p.text[0]);
		return 0;
	}
	want(pe.section_count && pe.section_count <= PE_SECTION_MAX);
	for (unsigned i = 0; i < pe.section_count; i++) {
		want((uint64_t)pe.sections[i].offset + pe.sections[i].size <= size);
		for (unsigned k = 0; k < i; k++)
			want(!pe.sections[i].size || !pe.sections[k].size ||
			     pe.sections[i].offset >= pe.sections[k].offset + pe.sections[k].size ||
			     pe.sections[k].offset >= pe.sections[i].offset + pe.sections[i].size);
	}
	want(pe.relocations_size <= PE_RELOCATIONS_MAX && (uint64_t)pe.relocations_offset + pe.relocations_size <= size);
	if (pe_check_relocations(&pe, "x", data + pe.relocations_offset, &p))
		want(p.code && p.text[0]);
	for (unsigned profile = 0; profile < 3; profile++) {
		struct uki uki;

		p = (struct problem){ 0 };
		if (uki_find(&uki, "x", &pe, profile, &p)) {
			want(p.code && p.text[0]);
			continue;
		}
		want(uki.parts[UKI_LINUX].size);
		for (unsigned i = 0; i < UKI_PARTS; i++)
			want(uki.parts[i].offset + uki.parts[i].size <= size);
		check_texts(data, &uki);
	}
	return 0;
}
