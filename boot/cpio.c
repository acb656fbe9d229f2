// SPDX-License-Identifier: MIT
#include "boot/cpio.h"

#include <stddef.h>

#include "boot/text.h"
#include "lib/string.h"

#define HEADER_BYTES	110u
#define MAGIC_BYTES	6u
#define FIELD_DIGITS	8u
#define TRAILER		"TRAILER!!!"
#define MODE_TYPE	0170000u
#define MODE_FILE	0100000u
#define MODE_DIRECTORY	0040000u

/* The header's fields behind the magic, in order. */
enum field { INO, MODE, UID, GID, NLINK, MTIME, FILESIZE, DEVMAJOR, DEVMINOR, RDEVMAJOR, RDEVMINOR, NAMESIZE, CHECK,
	     FIELDS };

static const char *const field_name[FIELDS] = {
	"ino", "mode", "uid", "gid", "nlink", "mtime", "filesize", "devmajor", "devminor", "rdevmajor", "rdevminor",
	"namesize", "check",
};

static uint64_t align4(uint64_t value)
{
	return (value + 3) & ~3ull;
}

static bool parse_hex(const uint8_t *digits, uint32_t *value)
{
	*value = 0;
	for (unsigned i = 0; i < FIELD_DIGITS; i++) {
		char c = text_lower((char)digits[i]);

		if (c >= '0' && c <= '9')
			*value = *value << 4 | (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*value = *value << 4 | (uint32_t)(c - 'a' + 10);
		else
			return false;
	}
	return true;
}

static enum status refuse(struct problem *problem, uint64_t offset, const char *what)
{
	return problem_set(problem, E_BUNDLE, "bundle: header at byte %llu: %s", (unsigned long long)offset, what);
}

static enum status refuse_file(struct problem *problem, const char *path, const char *field, uint32_t value,
			       const char *what)
{
	return problem_set(problem, E_BUNDLE, "bundle: %.100s: %s 0x%x: %s", path, field, value, what);
}

static enum status read_header(const struct cpio *archive, uint64_t offset, uint32_t fields[FIELDS],
			       struct problem *problem)
{
	const uint8_t *header = archive->data + offset;

	if (archive->size - offset < HEADER_BYTES)
		return refuse(problem, offset, "the archive ends inside of it");
	if (memcmp(header, "070701", MAGIC_BYTES))
		return refuse(problem, offset, "magic is not 070701 (newc)");
	for (unsigned i = 0; i < FIELDS; i++)
		if (!parse_hex(header + MAGIC_BYTES + i * FIELD_DIGITS, &fields[i]))
			return problem_set(problem, E_BUNDLE, "bundle: header at byte %llu: %s is not 8 hex digits",
					   (unsigned long long)offset, field_name[i]);
	return OK;
}

static const char *strip_front(const char *name)
{
	for (;;) {
		if (name[0] == '/')
			name++;
		else if (name[0] == '.' && (name[1] == '/' || !name[1]))
			name++;
		else
			return name;
	}
}

/* The name's field: text, nothing but NULs behind the first. GRUB's newc: counts none at all. */
static enum status read_name(const struct cpio *archive, uint64_t offset, uint32_t bytes, char name[CPIO_PATH_MAX],
			     struct problem *problem)
{
	const char *text = (const char *)archive->data + offset + HEADER_BYTES;
	uint32_t length;
	bool control;

	if (!bytes || bytes > CPIO_NAME_MAX)
		return refuse(problem, offset, "namesize is 0 or more than 8192");
	if (archive->size - offset - HEADER_BYTES < bytes)
		return refuse(problem, offset, "namesize leads beyond the end of the archive");
	length = (uint32_t)strnlen(text, bytes);
	for (uint32_t i = length; i < bytes; i++)
		if (text[i])
			return refuse(problem, offset, "namesize covers bytes behind the name");
	if (length >= CPIO_PATH_MAX)
		return refuse(problem, offset, "namesize: a name of 512 bytes or more");
	if (text_flaw(text, length, &control) < length)
		return refuse(problem, offset, control ? "control byte in the name" : "the name is not UTF-8");
	memcpy(name, text, length);
	name[length] = '\0';
	memmove(name, strip_front(name), strlen(strip_front(name)) + 1);
	return OK;
}

static bool has_dotdot(const char *path)
{
	for (;;) {
		if (path[0] == '.' && path[1] == '.' && (path[2] == '/' || !path[2]))
			return true;
		path = strchr(path, '/');
		if (!path)
			return false;
		path++;
	}
}

/* ino, uid, gid, mtime and the device numbers mean nothing here; all others are held to their meaning. */
static enum status check_fields(const uint32_t fields[FIELDS], const char *path, struct problem *problem)
{
	uint32_t type = fields[MODE] & MODE_TYPE;

	if (has_dotdot(path))
		return problem_set(problem, E_BUNDLE, "bundle: %.100s: .. in a path", path);
	if (type != MODE_FILE && type != MODE_DIRECTORY)
		return refuse_file(problem, path, "mode", fields[MODE], "neither a file nor a directory");
	if (type == MODE_FILE && fields[NLINK] != 1)
		return refuse_file(problem, path, "nlink", fields[NLINK], "hard links are not supported");
	if (type == MODE_DIRECTORY && fields[FILESIZE])
		return refuse_file(problem, path, "filesize", fields[FILESIZE], "of a directory");
	if (fields[CHECK])
		return refuse_file(problem, path, "check", fields[CHECK], "must be 0 in this format");
	return OK;
}

static void skip_zeros(const struct cpio *archive, struct cpio_walk *walk)
{
	while (walk->offset < archive->size && !archive->data[walk->offset])
		walk->offset++;
}

enum status cpio_next(const struct cpio *archive, struct cpio_walk *walk, struct cpio_entry *entry, bool *more,
		      struct problem *problem)
{
	for (;;) {
		uint32_t fields[FIELDS];
		uint64_t at = walk->offset, data;
		enum status status;

		*more = false;
		if (walk->count && at >= archive->size)
			return refuse(problem, at, "the archive ends without a trailer");
		status = read_header(archive, at, fields, problem);
		if (!status)
			status = read_name(archive, at, fields[NAMESIZE], entry->path, problem);
		if (status)
			return status;
		data = align4(at + HEADER_BYTES + fields[NAMESIZE]);
		if (data > archive->size || archive->size - data < fields[FILESIZE])
			return refuse_file(problem, entry->path, "filesize", fields[FILESIZE],
					   "beyond the end of the archive");
		walk->offset = align4(data + fields[FILESIZE]);
		if (!strcmp(entry->path, TRAILER)) {
			if (fields[FILESIZE])
				return refuse_file(problem, TRAILER, "filesize", fields[FILESIZE], "must be 0");
			skip_zeros(archive, walk);
			if (walk->offset >= archive->size)
				return OK;
			continue;
		}
		entry->directory = (fields[MODE] & MODE_TYPE) == MODE_DIRECTORY;
		entry->offset = data;
		entry->size = fields[FILESIZE];
		status = check_fields(fields, entry->path, problem);
		if (!status && ++walk->count > CPIO_ENTRIES_MAX)
			status = refuse(problem, at, "more than 4096 entries");
		*more = !status;
		return status;
	}
}

enum status cpio_check(const struct cpio *archive, struct problem *problem)
{
	struct cpio_walk walk = { 0 };
	struct cpio_entry entry;
	unsigned files = 0;
	bool more = true;

	while (more) {
		enum status status = cpio_next(archive, &walk, &entry, &more, problem);

		if (status)
			return status;
		files += more && !entry.directory;
	}
	return files ? OK : problem_set(problem, E_BUNDLE, "bundle: no file in it");
}

enum status cpio_find(const struct cpio *archive, const char *path, struct cpio_entry *entry, struct problem *problem)
{
	struct cpio_walk walk = { 0 };
	struct cpio_entry at;
	bool found = false, more = true;

	for (;;) {
		enum status status = cpio_next(archive, &walk, &at, &more, problem);

		if (status)
			return status;
		if (!more)
			break;
		if (at.directory || !text_equal_nocase(at.path, strip_front(path)))
			continue;
		if (found)
			return problem_set(problem, E_BUNDLE, "bundle: %.100s: there twice", at.path);
		*entry = at;
		found = true;
	}
	return found ? OK : problem_set(problem, E_FILE_MISSING, "%.100s: not in the bundle", path);
}

const char *cpio_name_in(const struct cpio_entry *entry, const char *directory)
{
	const char *want = strip_front(directory), *path = entry->path;

	if (entry->directory)
		return NULL;
	for (; *want; want++, path++)
		if (text_lower(*want) != text_lower(*path))
			return NULL;
	return *path == '/' && path[1] && !strchr(path + 1, '/') ? path + 1 : NULL;
}

enum status cpio_list(const struct cpio *archive, const char *directory, source_list_fn *each, void *arg,
		      struct problem *problem)
{
	struct cpio_walk walk = { 0 };
	struct cpio_entry entry;
	bool more, any = false;

	for (;;) {
		enum status s = cpio_next(archive, &walk, &entry, &more, problem);
		const char *name;

		if (s != OK)
			return s;
		if (!more)
			break;
		name = cpio_name_in(&entry, directory);
		if (name)
			each(arg, name, entry.size);
		any |= name != NULL;
	}
	return any ? OK : problem_set(problem, E_FILE_MISSING, "%s: nothing in the bundle", directory);
}
