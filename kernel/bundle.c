// SPDX-License-Identifier: MIT
/*
 * The bundle: the loader's initrd, a cpio archive with the tree of an EFI system partition. The transport of door 2
 * (boot/source.h), and what door 1's menu does without a person: settings, entries, the default.
 */
#include "boot/cpio.h"
#include "boot/load.h"
#include "boot/loop.h"
#include "boot/place.h"
#include "boot/select.h"
#include "kernel/door2.h"
#include "kernel/hasher.h"
#include "kernel/image.h"
#include "kernel/kernel.h"
#include "kernel/log.h"
#include "kernel/loop_end.h"
#include "kernel/previous.h"
#include "lib/fmt.h"
#include "lib/random.h"
#include "lib/string.h"
#include "x86/cpu.h"

#define OPEN_MAX	(2 * (ENTRY_INITRD_MAX + 2))	/* of two entries, side by side */
#define FREE_MAX	512u

struct open_file {
	bool used;
	struct cpio_entry file;
};

struct bundle {
	struct cpio archive;
	struct source source;
	struct efi_map *map;
	const struct config *config;
	struct open_file files[OPEN_MAX];
};

static struct bundle bundle;
static struct load_work work, fallback_work;
static struct entry entries[3];		/* the chosen one, the fallback, and the one that is read */
static char text[CONFIG_FILE_BYTES + 1];

static enum status bundle_list(void *ctx, const char *directory, source_list_fn *each, void *arg,
			       struct problem *problem)
{
	struct bundle *b = ctx;

	return cpio_list(&b->archive, directory, each, arg, problem);
}

static enum status bundle_open(void *ctx, const char *path, void **file, uint64_t *size, struct problem *problem)
{
	struct bundle *b = ctx;

	for (unsigned i = 0; i < OPEN_MAX; i++) {
		struct open_file *slot = &b->files[i];
		enum status s;

		if (slot->used)
			continue;
		if (strcmp(path, LOOP_BUNDLE) == 0) {
			slot->file = (struct cpio_entry){ .path = LOOP_BUNDLE, .size = b->archive.size };
			s = OK;
		} else {
			s = cpio_find(&b->archive, path, &slot->file, problem);
		}
		if (s != OK)
			return s;
		slot->used = true;
		*file = slot;
		*size = slot->file.size;
		return OK;
	}
	return problem_set(problem, E_FILE_READ, "%s: more than %u files open", path, OPEN_MAX);
}

static enum status bundle_read(void *ctx, void *file, uint64_t offset, void *to, uint32_t length,
			       struct problem *problem)
{
	struct bundle *b = ctx;
	const struct open_file *slot = file;
	const uint8_t *from = b->archive.data + slot->file.offset + offset;

	if (offset > slot->file.size || length > slot->file.size - offset)
		return problem_set(problem, E_FILE_READ, "%.100s: read past its end", slot->file.path);
	if (to != from)
		memcpy(to, from, length);
	return OK;
}

static uint64_t bundle_in_place(void *ctx, void *file, const struct place_request *request)
{
	struct bundle *b = ctx;
	const struct open_file *slot = file;
	uint64_t at = (uint64_t)b->archive.data + slot->file.offset;

	return at % request->align ? 0 : at;
}

static uint64_t bundle_resident(void *ctx, void *file)
{
	struct bundle *b = ctx;

	return (uint64_t)b->archive.data + ((const struct open_file *)file)->file.offset;
}

static void bundle_close(void *ctx, void *file)
{
	(void)ctx;
	((struct open_file *)file)->used = false;
}

/* A place beside something reserved, so that the next kernel's map has the same entries every time. Not beside the old
 * block, which will be gone by then. False: none. */
static bool find_reserved(const struct bundle *b, const struct place_request *want, uint64_t *phys)
{
	struct problem unheard = { .code = OK };
	struct place_range avoid[BLOCK_RANGES];
	uint64_t margin = mm_page_up(want->size) + MM_PAGE_BYTES;
	unsigned count = 0;

	for (; previous.found && count < previous.block.range_count; count++) {
		const struct block_range *r = &previous.block.ranges[count];
		uint64_t base = r->base > margin ? r->base - margin : 0;

		avoid[count] = (struct place_range){ base, r->base + r->size + margin - base };
	}
	return efimap_find_hole(b->map, want->size, want->align, want->max, avoid, count, phys,
				&unheard) == OK;
}

static enum status bundle_place(void *ctx, const struct place_request *request, uint64_t *phys,
				struct problem *problem)
{
	static struct place_range free[FREE_MAX];
	struct bundle *b = ctx;
	struct place_request want = *request;
	unsigned count;
	enum status s = efimap_list_free(b->map, false, free, FREE_MAX, &count, problem);

	if (s == OK && want.kind == PLACE_KERNEL && b->config->loop)
		want.preferred = loop_place(free, count, request, b->config->seed, b->config->loop);
	if (s == OK && !(want.kind == PLACE_RESERVED && find_reserved(b, &want, phys)))
		s = place_find(free, count, NULL, 0, &want, phys, problem);
	return s == OK ? efimap_carve(b->map, *phys, mm_page_up(request->size),
				      request->kind == PLACE_RESERVED ? EFI_TYPE_RESERVED : EFI_TYPE_LOADER_DATA,
				      problem) : s;
}

/* A load that fails behind this door is the end of the start. */
static void bundle_release(void *ctx, uint64_t phys, uint64_t size)
{
	(void)ctx;
	(void)phys;
	(void)size;
}

typedef enum status parse_fn(struct config *config, const char *name, const char *text, uint64_t length,
			     struct problem *problem);

/* A file that is missing is an empty one. */
static void read_settings(struct boot_info *info, const char *path, parse_fn *parse)
{
	struct problem problem = { .code = OK };
	uint32_t length;
	enum status s = load_text(&bundle.source, path, text, sizeof(text), &length, &problem);

	if (s == OK)
		s = parse(&info->config, path, text, length, &problem);
	if (s != OK && s != E_FILE_MISSING)
		door2_note(info, &problem);
}

/* What the command line says goes over all files; its problems were noted when it was read first. */
static void apply_cmdline(struct door2 *d)
{
	struct problem seen_before = { .code = OK };

	(void)config_parse_cmdline(&d->info->config, d->cmdline, faults_built_in, &seen_before);
}

struct selection {
	struct boot_info *info;
	const char *directory;		/* that is listed */
	const char *pattern;		/* NULL: the default is sought; else the first of that name besides it */
	struct entry *best;		/* of those that were good */
	unsigned good;			/* entries that parse, and match */
};

static enum status read_entry(const char *name, struct entry *entry, struct problem *problem)
{
	char path[sizeof(ENTRY_DIRECTORY) + ENTRY_NAME_MAX];
	uint32_t length = 0;
	enum status s;

	fmt_snprint(path, sizeof(path), "%s/%s", ENTRY_DIRECTORY, name);
	s = load_text(&bundle.source, path, text, sizeof(text), &length, problem);
	return s == OK ? entry_parse(entry, name, text, length, problem) : s;
}

/* Which of the two stays. */
static unsigned better(const struct selection *selection, struct entry *list[2])
{
	unsigned best = 0;

	entry_sort(list, 2);
	if (selection->pattern || select_default(&selection->info->config, list, 2, NULL, NULL, &best, NULL) == OK)
		return best;
	return list[0] == selection->best ? 0 : 1;
}

/* Of two entries the better one stays, so that their number needs no memory. */
static void consider(void *arg, const char *name, uint64_t size)
{
	struct selection *selection = arg;
	struct problem problem = { .code = OK };
	struct entry *best = selection->best, *entry = &entries[2], *list[2] = { best, entry };
	bool conf = strcmp(selection->directory, ENTRY_DIRECTORY) == 0;
	char file[ENTRY_NAME_MAX];

	(void)size;
	if (conf ? !entry_name_valid(name) : !entry_uki_name_valid(name))
		return;
	fmt_snprint(file, sizeof(file), "%s", name);
	if (conf ? read_entry(file, entry, &problem) :
		   load_uki_entry(&bundle.source, entry, file, &work, &problem)) {
		if (!selection->pattern)	/* else that was said before */
			door2_note(selection->info, &problem);
		return;
	}
	if (selection->pattern && (strcmp(entry->id, entries[0].id) == 0 ||
				   !select_entry_matches(entry, selection->pattern)))
		return;
	if (!selection->good++ || list[better(selection, list)] == entry)
		memcpy(best, entry, sizeof(*best));
}

/* E20: neither directory is there, else what is wrong with the archive. */
static enum status look_through(struct selection *selection, struct problem *problem)
{
	static const char *const directories[] = { ENTRY_DIRECTORY, UKI_DIRECTORY };

	for (unsigned i = 0; i < 2; i++) {
		struct problem missing = { .code = OK };
		enum status s;

		selection->directory = directories[i];
		s = bundle_list(&bundle, directories[i], consider, selection, &missing);
		if (s != OK && s != E_FILE_MISSING)
			return problem_set(problem, s, "%s", missing.text);
	}
	return OK;
}

static enum status choose_entry(struct door2 *d, struct problem *problem)
{
	struct selection selection = { .info = d->info, .best = &entries[0] };
	struct entry *list[1] = { &entries[0] };
	struct problem missing = { .code = OK };
	unsigned index;
	enum status s = look_through(&selection, problem);

	if (s != OK)
		return s;
	if (!selection.good)
		return problem_set(problem, E_NO_ENTRIES,
				   "no boot entries: the bundle has no usable .conf file in %s, no .efi file in %s",
				   ENTRY_DIRECTORY, UKI_DIRECTORY);
	s = select_default(&d->info->config, list, 1, NULL, NULL, &index, &missing);
	door2_note(d->info, &missing);
	return s;
}

static enum status open_archive(struct door2 *d, struct problem *problem)
{
	uint64_t base = d->in.initrd, size = d->in.initrd_size;

	if (!size)
		return problem_set(problem, E_NO_BUNDLE, "no bundle: the loader gave no initrd");
	if (!door2_readable(d, base, size) || place_overlap(base, size, image_loaded().base, image_loaded().size))
		return problem_set(problem, E_BOOT_PARAMS,
				   "boot_params: ramdisk: 0x%lx bytes at 0x%lx are not memory of its own",
				   (unsigned long)size, (unsigned long)base);
	bundle.archive = (struct cpio){ (const uint8_t *)base, size };
	bundle.map = &d->info->efi_map;
	bundle.config = &d->info->config;
	bundle.source = (struct source){
		.ctx = &bundle, .efi = d->info->efi != EFI_NONE, .list = bundle_list, .open = bundle_open,
		.read = bundle_read, .in_place = bundle_in_place, .resident = bundle_resident, .close = bundle_close,
		.place = bundle_place, .release = bundle_release,
	};
	return cpio_check(&bundle.archive, problem);
}

/* on-failure fallback: what stands in its way is said, and the start goes on without. */
static void refuse_fallback(const struct boot_info *info, struct problem *note, enum status s, const char *why)
{
	problem_set(note, s, "on-failure fallback %.64s: %.160s; goes on without", info->config.fallback_id, why);
}

static enum status place_fallback(struct boot_info *info, struct problem *why)
{
	struct selection selection = { .info = info, .pattern = info->config.fallback_id, .best = &entries[1] };
	enum status s = look_through(&selection, why);

	if (s != OK)
		return s;
	if (!selection.good)
		return problem_set(why, E_NO_SUCH_ENTRY, "no other entry has that name");
	if (info->config.loop || info->loop_left || !plan_stays(&info->plan))
		return problem_set(why, E_NOT_SUPPORTED, "not beside a loop, nor beside what is copied to its place");
	s = load_place(&bundle.source, &entries[1], &info->config, &fallback_work, &info->fallback, why);
	if (s == OK && (info->fallback.protocol != NEXT_LINUX || !plan_stays(&info->fallback))) {
		memset(&info->fallback, 0, sizeof(info->fallback));
		s = problem_set(why, E_NOT_SUPPORTED, "it is no kernel that can wait in its final place");
	}
	return s;
}

static void seek_fallback(struct boot_info *info)
{
	struct problem note = { .code = OK }, why = { .code = OK };
	enum status s;

	if (info->config.on_failure != ON_FAILURE_FALLBACK)
		return;
	s = place_fallback(info, &why);
	if (s == OK)
		return;
	refuse_fallback(info, &note, s, why.text);
	door2_note(info, &note);
}

static enum status finish_load(struct boot_info *info, struct problem *problem)
{
	struct problem note = { .code = OK }, why = { .code = OK };
	enum status s = load_read(&hasher_calls, &work, &info->plan, problem);

	if (s != OK || !info->fallback.segment_count)
		return s;
	s = load_read(&hasher_calls, &fallback_work, &info->fallback, &why);
	if (s == OK)
		return OK;
	refuse_fallback(info, &note, s, why.text);
	log_problem(&note);
	return OK;
}

enum status door2_open_bundle(struct door2 *d, struct problem *problem)
{
	struct boot_info *info = d->info;
	const struct entry *entry = &entries[0];
	enum status s = open_archive(d, problem);

	if (s != OK)
		return s;
	read_settings(info, CONFIG_LOADER_CONF, config_parse_loader);
	read_settings(info, CONFIG_BATON_CONF, config_parse_baton);
	apply_cmdline(d);
	s = choose_entry(d, problem);
	if (s != OK)
		return s;
	entry_apply_policy(&entries[0], &info->config);
	apply_cmdline(d);
	config_settle_loop(&info->config);
	loop_end_decide(info);
	if (info->config.loop && !info->config.seed) {
		uint64_t entropy = cpu_rdtsc();

		info->config.seed = random_splitmix64(&entropy) >> 32;
	}
	if (info->config.loop) {
		s = loop_entry(&entries[1], &entries[0], &info->config, d->cmdline, problem);
		entry = &entries[1];
		info->config.append[0] = 0;
	}
	if (s == OK)
		s = load_place(&bundle.source, entry, &info->config, &work, &info->plan, problem);
	if (s == OK)
		seek_fallback(info);
	info->finish_load = finish_load;
	return s;
}
