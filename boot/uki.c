// SPDX-License-Identifier: MIT
#include "boot/uki.h"

#include <stddef.h>

#include "boot/text.h"
#include "lib/string.h"

/* Compared over all eight bytes of a section's name: .cmdline and .profile have no NUL there. */
static const char names[UKI_PARTS][PE_NAME_BYTES + 1] = {
	".linux", ".initrd", ".cmdline", ".ucode", ".osrel", ".uname", ".profile",
};

const char *uki_part_name(enum uki_part part)
{
	return names[part];
}

bool uki_claimed(const void *first, uint64_t file_size)
{
	return pe_claims_section(first, file_size, names[UKI_LINUX]);
}

/* UKI_PARTS: none of those. */
static enum uki_part part_of(const struct pe_section *section)
{
	unsigned part = 0;

	while (part < UKI_PARTS && memcmp(section->name, names[part], PE_NAME_BYTES))
		part++;
	return (enum uki_part)part;
}

static bool is_text(enum uki_part part)
{
	return part != UKI_LINUX && part != UKI_INITRD && part != UKI_UCODE;
}

enum status uki_find(struct uki *uki, const char *name, const struct pe *pe, unsigned profile, struct problem *problem)
{
	bool seen[UKI_PARTS] = { false };

	memset(uki, 0, sizeof(*uki));
	for (unsigned i = 0; i < pe->section_count; i++) {
		const struct pe_section *section = &pe->sections[i];
		enum uki_part part = part_of(section);

		if (part == UKI_PARTS)
			continue;
		if (part == UKI_PROFILE) {
			memset(seen, 0, sizeof(seen));
			uki->profile_count++;
		} else if (seen[part]) {
			return problem_set(problem, E_KERNEL_HEADER, "%s: section %u: a second %s in one profile", name,
					   i, names[part]);
		}
		seen[part] = true;
		if (is_text(part) && section->size > UKI_TEXT_BYTES)
			return problem_set(problem, E_KERNEL_HEADER, "%s: section %u: %s has %u bytes, at most %u",
					   name, i, names[part], section->size, UKI_TEXT_BYTES);
		if (!uki->profile_count || uki->profile_count == profile + 1)
			uki->parts[part] = (struct uki_range){ section->offset, section->size };
	}
	if (!uki->parts[UKI_LINUX].size)
		return problem_set(problem, E_NOT_A_KERNEL, "%s: no .linux section: no unified kernel image", name);
	if (profile && profile >= uki->profile_count)
		return problem_set(problem, E_ENTRY_INVALID, "%s: there is no profile %u, %u are there", name, profile,
				   uki->profile_count);
	return OK;
}

static bool is_white(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || !c;
}

enum status uki_cmdline(char *to, const char *name, const char *from, uint64_t length, struct problem *problem)
{
	size_t at = 0;
	bool control;

	while (length && is_white(*from)) {
		from++;
		length--;
	}
	while (length && is_white(from[length - 1]))
		length--;
	if (length >= CMDLINE_MAX)
		return problem_set(problem, E_KERNEL_HEADER, "%s: .cmdline has %llu bytes, at most %u", name,
				   (unsigned long long)length, CMDLINE_MAX - 1);
	for (size_t good; at < length; at += good) {
		good = text_flaw(from + at, length - at, &control);
		memcpy(to + at, from + at, good);
		if (good)
			continue;
		if (!from[at] || !is_white(from[at]))
			return problem_set(problem, E_KERNEL_HEADER, "%s: .cmdline has byte 0x%02x at %llu%s", name,
					   (unsigned char)from[at], (unsigned long long)at,
					   control ? "" : ", not UTF-8");
		to[at] = ' ';
		good = 1;
	}
	to[at] = '\0';
	return OK;
}

/* KEY=value, 'value' or "value" with \ before a character; false: another key, or it does not fit. */
static bool take_value(char *to, size_t size, const char *key, const char *line, size_t length)
{
	size_t bytes = strlen(key), used = 0;
	bool control;
	char quote = '\0';

	if (length <= bytes || memcmp(line, key, bytes) || line[bytes] != '=')
		return false;
	line += bytes + 1;
	length -= bytes + 1;
	if (length && (*line == '"' || *line == '\'')) {
		quote = *line++;
		length--;
	}
	for (; length && (!quote || *line != quote); line++, length--) {
		if (quote != '\'' && *line == '\\' && length > 1) {
			line++;
			length--;
		}
		if (used + 1 >= size)
			return false;
		to[used++] = *line;
	}
	to[used] = '\0';
	return used && text_flaw(to, used, &control) == used;
}

/* The first key of the list that the text has. */
static void take_first(char *to, size_t size, const char *const *keys, const char *text, uint64_t length)
{
	for (; *keys; keys++) {
		for (uint64_t at = 0, end; at < length; at = end + 1) {
			char value[sizeof(((struct entry *)0)->title)];

			for (end = at; end < length && text[end] != '\n'; end++)
				;
			if (!take_value(value, size < sizeof(value) ? size : sizeof(value), *keys, text + at, end - at))
				continue;
			memcpy(to, value, strlen(value) + 1);
			return;
		}
	}
}

void uki_describe(struct entry *entry, const char *osrel, uint64_t length)
{
	/* In the order in which systemd-boot looks for them. */
	static const char *const titles[] = { "PRETTY_NAME", "NAME", "ID", NULL };
	static const char *const versions[] = { "IMAGE_VERSION", "VERSION", "VERSION_ID", "BUILD_ID", NULL };
	static const char *const sort_keys[] = { "IMAGE_ID", "ID", NULL };

	take_first(entry->title, sizeof(entry->title), titles, osrel, length);
	take_first(entry->version, sizeof(entry->version), versions, osrel, length);
	take_first(entry->sort_key, sizeof(entry->sort_key), sort_keys, osrel, length);
}
