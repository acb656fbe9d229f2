// SPDX-License-Identifier: MIT
#include "boot/entry.h"

#include <stddef.h>

#include "boot/pe.h"
#include "boot/text.h"
#include "lib/fmt.h"
#include "lib/string.h"

_Static_assert(ENTRY_LINE_BYTES == TEXT_LINE_BYTES, "a line fills the options at most");

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool name_valid(const char *file_name, const char *suffix)
{
	size_t length = strnlen(file_name, ENTRY_NAME_MAX), end = strlen(suffix);

	if (length >= ENTRY_NAME_MAX || length <= end || !text_equal_nocase(file_name + length - end, suffix))
		return false;
	for (size_t i = 0; i < length; i++) {
		char c = file_name[i];

		if (!is_digit(c) && !(text_lower(c) >= 'a' && text_lower(c) <= 'z') && !strchr("+_.-", c))
			return false;
	}
	return true;
}

bool entry_name_valid(const char *file_name)
{
	return name_valid(file_name, ".conf");
}

bool entry_uki_name_valid(const char *file_name)
{
	return name_valid(file_name, ".efi");
}

/* Digits at *at as a number of at most 9 digits; moves *at behind them. */
static bool take_count(const char **at, const char *end, uint32_t *count)
{
	const char *start = *at;

	*count = 0;
	while (*at < end && is_digit(**at) && *at - start < 9)
		*count = *count * 10 + (uint32_t)(*(*at)++ - '0');
	return *at != start;
}

size_t entry_stem(const char *name)
{
	size_t stem = strlen(name);

	while (stem && name[stem - 1] != '.')
		stem--;
	return stem ? stem - 1 : 0;
}

/* Splits NAME+LEFT[-DONE].conf (or .efi). A plus sign with anything else behind it belongs to the name. */
static void parse_name(struct entry *entry, const char *file_name)
{
	size_t stem = entry_stem(file_name), suffix = strlen(file_name) - stem + 1;
	const char *end = file_name + stem, *at;
	uint32_t left, done = 0;
	size_t plus = stem;

	memcpy(entry->file, file_name, stem + suffix);
	memcpy(entry->id, file_name, stem + suffix);
	while (plus && file_name[plus - 1] != '+')
		plus--;
	if (plus < 2)
		return;
	at = file_name + plus;
	if (!take_count(&at, end, &left))
		return;
	if (at < end && *at == '-') {
		at++;
		if (!take_count(&at, end, &done))
			return;
	}
	if (at != end)
		return;
	entry->counted = true;
	entry->tries_left = left;
	entry->tries_done = done;
	memcpy(entry->id + plus - 1, end, suffix);
}

/* A path of the entry's file system as "/a/b"; returns NULL or what is wrong. */
static const char *set_path(char *to, const char *value)
{
	size_t length = 0;

	if (!*value)
		return "path is empty";
	while (*value) {
		const char *part = value;
		size_t bytes;

		while (*value && *value != '/' && *value != '\\')
			value++;
		bytes = (size_t)(value - part);
		if (*value)
			value++;
		if (!bytes || (bytes == 1 && part[0] == '.'))
			continue;
		if (bytes == 2 && part[0] == '.' && part[1] == '.')
			return "path contains ..";
		if (length + 1 + bytes >= ENTRY_PATH_MAX)
			return "path is longer than 255 bytes";
		to[length++] = '/';
		memcpy(to + length, part, bytes);
		length += bytes;
	}
	to[length] = '\0';
	return length ? NULL : "path names no file";
}

static const char *set_once(char *to, const char *value)
{
	return *to ? "key is given twice" : set_path(to, value);
}

static const char *set_profile(struct entry *entry, const char *value)
{
	uint64_t number;

	if (!text_to_number(value, PE_SECTION_MAX, &number))
		return "profile wants a number up to 96";
	entry->profile = (uint32_t)number;
	return NULL;
}

static const char *add_initrd(struct entry *entry, const char *value)
{
	if (entry->initrd_count == ENTRY_INITRD_MAX)
		return "more than 8 initrds";
	return set_path(entry->initrd[entry->initrd_count++], value);
}

/* "PATH WORDS...": one more of the initrds, with a command line of its own. */
static const char *add_module(struct entry *entry, const char *value)
{
	char path[ENTRY_PATH_MAX];
	size_t length = 0;

	while (value[length] && value[length] != ' ' && value[length] != '\t')
		length++;
	if (length >= sizeof(path))
		return "path is longer than 255 bytes";
	if (entry->initrd_count == ENTRY_INITRD_MAX)
		return "more than 8 initrds";
	memcpy(path, value, length);
	path[length] = '\0';
	while (value[length] == ' ' || value[length] == '\t')
		length++;
	if (!text_copy(entry->module_words[entry->initrd_count], MODULE_WORDS_MAX, value + length))
		return "a module's words are longer than 511 bytes";
	return add_initrd(entry, path);
}

static const char *add_options(struct entry *entry, const char *value)
{
	size_t used = strlen(entry->options), more = strlen(value);

	if (!more)
		return NULL;
	if (used + (used ? 1 : 0) + more >= sizeof(entry->options))
		return "options are longer than 4095 bytes";
	if (used)
		entry->options[used++] = ' ';
	memcpy(entry->options + used, value, more + 1);
	return NULL;
}

static int hex_digit(char c)
{
	c = text_lower(c);
	return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "HEX  PATH" or "HEX *PATH", as sha256sum prints it. */
static const char *add_digest(struct entry *entry, const char *value)
{
	struct entry_digest *digest = &entry->digests[entry->digest_count];
	const char *bad;

	if (entry->digest_count == ENTRY_DIGEST_MAX)
		return "more baton-sha256 lines than files";
	for (unsigned i = 0; i < 32; i++) {
		int high = hex_digit(*value), low = high < 0 ? -1 : hex_digit(value[1]);

		if (low < 0)
			return "baton-sha256 wants 64 hexadecimal digits and a path";
		digest->sha256[i] = (uint8_t)(high << 4 | low);
		value += 2;
	}
	if (*value != ' ' && *value != '\t')
		return "baton-sha256 wants 64 hexadecimal digits and a path";
	while (*value == ' ' || *value == '\t')
		value++;
	if (*value == '*')
		value++;
	bad = set_path(digest->path, value);
	if (bad)
		return bad;
	if (entry_find_digest(entry, digest->path))
		return "a second baton-sha256 for this path";
	entry->digest_count++;
	return NULL;
}

/* Checks a baton-KEY line and keeps it as a line of baton.conf; the settings below the entry are not known here. */
static const char *add_policy(struct entry *entry, const char *key, const char *value, struct problem *problem)
{
	size_t used = strlen(entry->policy);
	struct config scratch;
	int length;

	config_init(&scratch);
	if (config_set_policy(&scratch, key, value, problem))
		return problem->text;
	length = fmt_snprint(entry->policy + used, sizeof(entry->policy) - used, "%s %s\n", key, value);
	if ((size_t)length >= sizeof(entry->policy) - used) {
		entry->policy[used] = '\0';
		return "too many baton- lines";
	}
	return NULL;
}

struct text_key { const char *name; size_t offset, size; };

#define TEXT_KEY(name, field) { name, offsetof(struct entry, field), sizeof(((struct entry *)0)->field) }

static const struct text_key text_keys[] = {
	TEXT_KEY("title", title), TEXT_KEY("version", version), TEXT_KEY("machine-id", machine_id),
	TEXT_KEY("sort-key", sort_key), TEXT_KEY("architecture", architecture),
};

/* One line; NULL or what is wrong with it. Keys that are not listed are the specification's or somebody else's. */
static const char *set_key(struct entry *entry, const char *key, const char *value, struct problem *scratch)
{
	for (unsigned i = 0; i < sizeof(text_keys) / sizeof(text_keys[0]); i++)
		if (!strcmp(key, text_keys[i].name))
			return text_copy((char *)entry + text_keys[i].offset, text_keys[i].size, value) ?
			       NULL : "value is too long";
	if (!strcmp(key, "linux"))
		return set_once(entry->linux_path, value);
	if (!strcmp(key, "efi"))
		return set_once(entry->efi_path, value);
	if (!strcmp(key, "uki"))
		return set_once(entry->uki_path, value);
	if (!strcmp(key, "profile"))
		return set_profile(entry, value);
	if (!strcmp(key, "initrd"))
		return add_initrd(entry, value);
	if (!strcmp(key, "options"))
		return add_options(entry, value);
	if (!strcmp(key, "baton-module"))
		return add_module(entry, value);
	if (!strcmp(key, "baton-sha256"))
		return add_digest(entry, value);
	if (!strncmp(key, "baton-", 6))
		return add_policy(entry, key + 6, value, scratch);
	return NULL;
}

static bool has_file(const struct entry *entry, const char *path)
{
	if (!strcmp(entry_image(entry), path))
		return true;
	for (unsigned i = 0; i < entry->initrd_count; i++)
		if (!strcmp(entry->initrd[i], path))
			return true;
	return false;
}

/* What only the whole entry shows. */
static enum status check_whole(const struct entry *entry, struct problem *problem)
{
	unsigned images = !!entry->linux_path[0] + !!entry->efi_path[0] + !!entry->uki_path[0];

	if (!images)
		return problem_set(problem, E_ENTRY_INVALID, "%s: neither linux nor uki nor efi is given", entry->file);
	if (images > 1)
		return problem_set(problem, E_ENTRY_INVALID, "%s: more than one of linux, uki and efi is given",
				   entry->file);
	/* A digest that checks nothing is a typing error that would be taken for a check. */
	for (unsigned i = 0; i < entry->digest_count; i++)
		if (!has_file(entry, entry->digests[i].path))
			return problem_set(problem, E_ENTRY_INVALID,
					   "%s: baton-sha256 for %s, which the entry does not load", entry->file,
					   entry->digests[i].path);
	return OK;
}

enum status entry_parse(struct entry *entry, const char *file_name, const char *from, uint64_t length,
			struct problem *problem)
{
	struct text text;

	memset(entry, 0, sizeof(*entry));
	if (!entry_name_valid(file_name))
		return problem_set(problem, E_ENTRY_INVALID, "%.100s: not a name for an entry", file_name);
	parse_name(entry, file_name);
	if (length > ENTRY_FILE_BYTES)
		return problem_set(problem, E_ENTRY_INVALID, "%s: file is longer than 64 KiB", file_name);
	text_begin(&text, from, length);
	while (text_next(&text)) {
		struct problem scratch = { 0 };
		const char *bad = text.bad ? text.bad : set_key(entry, text.key, text.value, &scratch);

		if (bad)
			return problem_set(problem, E_ENTRY_INVALID, "%s:%u: %s", file_name, text.number, bad);
	}
	return check_whole(entry, problem);
}

bool entry_begin_uki(struct entry *entry, const char *directory, const char *file_name)
{
	memset(entry, 0, sizeof(*entry));
	if (!entry_uki_name_valid(file_name))
		return false;
	parse_name(entry, file_name);
	return fmt_snprint(entry->uki_path, sizeof(entry->uki_path), "%s/%s", directory, file_name) < ENTRY_PATH_MAX;
}

const char *entry_image(const struct entry *entry)
{
	return entry->linux_path[0] ? entry->linux_path : entry->uki_path[0] ? entry->uki_path : entry->efi_path;
}

enum status entry_check_startable(const struct entry *entry, struct problem *problem)
{
	if (entry->architecture[0] && !text_equal_nocase(entry->architecture, "x64"))
		return problem_set(problem, E_ENTRY_INVALID, "%s: architecture is %s, this is x64", entry->file,
				   entry->architecture);
	if (!entry_image(entry)[0])
		return problem_set(problem, E_ENTRY_INVALID, "%s: no kernel is given", entry->file);
	return OK;
}

void entry_apply_policy(const struct entry *entry, struct config *config)
{
	/* Each line passed entry_parse(), so there is nothing to report. */
	(void)config_parse_baton(config, entry->file, entry->policy, strlen(entry->policy), NULL);
}

const uint8_t *entry_find_digest(const struct entry *entry, const char *path)
{
	for (unsigned i = 0; i < entry->digest_count; i++)
		if (!strcmp(entry->digests[i].path, path))
			return entry->digests[i].sha256;
	return NULL;
}

bool entry_name_after_try(const struct entry *entry, char *to, unsigned size)
{
	size_t stem = entry_stem(entry->id);
	int length;

	if (!entry->counted || !entry->tries_left)
		return false;
	length = fmt_snprint(to, size, "%.*s+%u-%u%s", (int)stem, entry->id, entry->tries_left - 1,
			     entry->tries_done + 1, entry->id + stem);
	return length > 0 && (unsigned)length < size;
}
