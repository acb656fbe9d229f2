// SPDX-License-Identifier: MIT
#include "efi/entries.h"

#include "boot/load.h"
#include "efi/memory.h"
#include "efi/vars.h"
#include "lib/fmt.h"
#include "lib/string.h"

/* Names first, files later: a directory handle and file handles of one directory open at a time is more than some
 * firmware's FAT driver has been tested with. */
struct collect {
	struct entries *entries;
	struct volume *volume;
	const char *directory;
	struct problem *problem;
};

static void collect_name(void *arg, const char *name, uint64_t size)
{
	struct collect *collect = arg;
	struct entries *entries = collect->entries;
	bool text = strcmp(collect->directory, ENTRY_DIRECTORY) == 0;
	void *listed;

	(void)size;
	if (text ? !entry_name_valid(name) : !entry_uki_name_valid(name))
		return;
	if (entries->count == ENTRIES_MAX) {
		problem_set(collect->problem, E_ENTRY_INVALID, "%s/%s: more than %u entries, left out",
			    collect->directory, name, ENTRIES_MAX);
		return;
	}
	if (memory_new(sizeof(struct listed_entry), &listed, collect->problem))
		return;
	((struct listed_entry *)listed)->volume = collect->volume;
	((struct listed_entry *)listed)->directory = collect->directory;
	entries->list[entries->count++] = listed;
	fmt_snprint(((struct listed_entry *)listed)->entry.file, ENTRY_NAME_MAX, "%s", name);
}

/* Type #2: an image that describes itself. */
static void read_image(struct listed_entry *listed)
{
	static struct load_work work;
	char file[ENTRY_NAME_MAX];

	fmt_snprint(file, sizeof file, "%s", listed->entry.file);
	if (load_uki_entry(&listed->volume->source, &listed->entry, file, &work, &listed->problem) == OK)
		listed->problem.code = OK;
}

/* Type #1. */
static void read_text(struct listed_entry *listed)
{
	static char text[ENTRY_FILE_BYTES + 1];
	char path[sizeof ENTRY_DIRECTORY + ENTRY_NAME_MAX], file[ENTRY_NAME_MAX];
	uint32_t length = 0;
	struct problem unread = { .code = OK };

	fmt_snprint(file, sizeof file, "%s", listed->entry.file);
	fmt_snprint(path, sizeof path, "%s/%s", ENTRY_DIRECTORY, file);
	if (load_text(&listed->volume->source, path, text, sizeof text, &length, &unread))
		length = 0;
	/* The parser names the entry even if the text is empty. */
	if (entry_parse(&listed->entry, file, text, length, &listed->problem) == OK)
		listed->problem.code = OK;
	if (unread.code)
		listed->problem = unread;
}

/* An entry for another architecture parses well and yet cannot be started here. */
static void judge(struct listed_entry *listed)
{
	struct problem other = { .code = OK };

	if (!listed->problem.code && entry_check_startable(&listed->entry, &other))
		listed->problem = other;
	listed->entry.unusable = listed->problem.code;
}

static enum status read_directory(struct entries *entries, struct volume *volume, const char *directory,
				  struct problem *problem)
{
	struct problem missing = { .code = OK }, first = { .code = OK };
	struct collect collect = { entries, volume, directory, &first };
	unsigned i = entries->count;
	enum status error = volume->source.list(volume, directory, collect_name, &collect, &missing);

	if (error && error != E_FILE_MISSING)
		return problem_set(problem, missing.code, "%s", missing.text);
	for (; i < entries->count; i++) {
		if (strcmp(directory, ENTRY_DIRECTORY) == 0)
			read_text(entries_listed(entries, i));
		else
			read_image(entries_listed(entries, i));
		judge(entries_listed(entries, i));
	}
	return first.code ? problem_set(problem, first.code, "%s", first.text) : OK;
}

enum status entries_read(struct entries *entries, struct volume *volume, struct problem *problem)
{
	enum status error = read_directory(entries, volume, ENTRY_DIRECTORY, problem);
	enum status image_error = read_directory(entries, volume, UKI_DIRECTORY, problem);

	return error ? error : image_error;
}

void entries_finish(struct entries *entries)
{
	unsigned i;

	entry_sort(entries->list, entries->count);
	for (i = 0; i < entries->count; i++)
		vars_add_entry(entries->list[i]->id);
	vars_publish_entries();
}

enum status entries_count_try(struct listed_entry *listed, struct problem *problem)
{
	struct entry *entry = &listed->entry;
	char name[ENTRY_NAME_MAX], path[sizeof ENTRY_DIRECTORY + ENTRY_NAME_MAX];
	bool image = strcmp(listed->directory, UKI_DIRECTORY) == 0;
	enum status error;
	unsigned i;

	/* A bundle is the loader's copy: what is renamed there, nobody finds again. */
	if (listed->volume->archive.data || !entry_name_after_try(entry, name, sizeof name))
		return OK;
	fmt_snprint(path, sizeof path, "%s/%s", listed->directory, entry->file);
	error = file_rename(listed->volume, path, name, problem);
	if (error)
		return error;
	fmt_snprint(entry->file, sizeof entry->file, "%s", name);
	if (image)
		fmt_snprint(entry->uki_path, sizeof entry->uki_path, "%s/%s", UKI_DIRECTORY, name);
	entry->tries_left--;
	entry->tries_done++;
	fmt_snprint(path, sizeof path, "%s/%s", listed->directory, name);
	for (i = 0; path[i]; i++)
		if (path[i] == '/')
			path[i] = '\\';
	vars_set_text(L"LoaderBootCountPath", path, false);
	return OK;
}
