// SPDX-License-Identifier: MIT
/*
 * Every check of c5.def has a malformed sample, and each sample is refused with its number and its whole line, through the
 * load loop where it is a file. hostile_test --write DIRECTORY writes those that are files there, and DIRECTORY/index with
 * "NAME IMAGE NUMBER LINE": the tests with firmware start them.
 */
#include "test/unit/boot/support.h"
#include "test/unit/boot/fake_source.h"
#include "test/unit/boot/hostile_samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boot/e820.h"
#include "boot/efimap.h"
#include "boot/load.h"
#include "boot/setup_data.h"

#define PATH "/sample"

static uint8_t file[SAMPLE_ROOM];
static struct fake fake;
static struct entry entry;
static struct config config;
static struct load_work work;
static struct boot_plan plan;

static enum status load(enum image image, uint64_t size, struct problem *p)
{
	static uint8_t kernel[SAMPLE_ROOM];
	enum status status;

	fake_start(&fake);
	fake.any_order = true;
	fake_add(&fake, PATH, file, size);
	config_init(&config);
	memset(&entry, 0, sizeof(entry));
	strcpy(entry.id, "x.conf");
	strcpy(entry.file, "x.conf");
	strcpy(entry.options, "root=x");
	strcpy(image == UKI ? entry.uki_path : entry.linux_path, image == INITRD ? "/vmlinuz" : PATH);
	if (image == INITRD) {
		fake_add(&fake, "/vmlinuz", kernel, sample_sound(BZIMAGE, kernel));
		strcpy(entry.initrd[entry.initrd_count++], PATH);
	}
	status = load_entry(&fake.source, NULL, &entry, &config, &work, &plan, p);
	assert_int_equal(fake_open_files(&fake), 0);
	/* Nothing of it is left, so nothing of it can be started. */
	if (status)
		assert_true(!fake.placed_count && !plan.segment_count);
	return status;
}

static enum status walk_setup_data(uint64_t head, struct problem *p)
{
	struct place_range ram = { SAMPLE_RAM, SAMPLE_RAM_BYTES };

	fake_start(&fake);
	memcpy((void *)SAMPLE_RAM, file, SAMPLE_RAM_BYTES);
	return setup_data_walk(head, &ram, 1, NULL, NULL, p);
}

static enum status read_map(uint64_t size, uint32_t descriptor_size, struct problem *p)
{
	static uint8_t bytes[4096] __attribute__((aligned(8)));
	struct efi_map map = { (uintptr_t)bytes, (uint32_t)size, sizeof(bytes), descriptor_size, 1 };

	memcpy(bytes, file, sizeof(bytes));
	return efimap_prepare(&map, p);
}

static enum status read_e820(uint64_t size, struct problem *p)
{
	static uint8_t bytes[4096] __attribute__((aligned(8)));
	struct efi_map map = { .base = (uintptr_t)bytes, .capacity = sizeof(bytes) };
	struct e820_entry list[2];

	memcpy(list, file, sizeof(list));
	return e820_to_map(list, (unsigned)(size / sizeof(list[0])), &map, p);
}

static enum status judge(enum image image, uint64_t size, const struct sample *sample, struct problem *p)
{
	switch (image) {
	case SETUP_LIST: return walk_setup_data(sample && sample->size ? sample->size : SAMPLE_RAM, p);
	case EFI_MAP: return read_map(size, sample && sample->check == MAP_DESCRIPTOR ? 39 : 40, p);
	case E820_LIST: return read_e820(size, p);
	case ENTRY_TEXT: return entry_parse(&entry, "x.conf", (const char *)file, size, p);
	default: return load(image, size, p);
	}
}

/* Before anything is changed nothing is refused, or the samples would prove nothing. */
static void sound_images_are_taken(void **state)
{
	(void)state;
	for (unsigned image = 0; image < IMAGE_COUNT; image++) {
		struct problem p = { 0 };

		assert_problem(&p, judge(image, sample_sound(image, file), NULL, &p), OK, "");
	}
}

/* The first check that has no sample in the list without those of one, C5_COUNT: all have. */
static unsigned without_sample(unsigned left_out)
{
	unsigned found[C5_COUNT] = { 0 }, check = 0;

	for (unsigned i = 0; i < sample_count; i++)
		found[samples[i].check] += samples[i].check != left_out;
	while (check < C5_COUNT && found[check])
		check++;
	return check;
}

/* And a list that lacks the samples of any one check would be noticed. */
static void every_check_has_a_sample(void **state)
{
	unsigned missing = without_sample(C5_COUNT);

	(void)state;
	if (missing < C5_COUNT)
		fail_msg("%s: no sample", c5_name(missing));
	for (unsigned i = 0; i < C5_COUNT; i++)
		assert_int_equal(without_sample(i), i);
	printf("%u checks, %u samples\n", C5_COUNT, sample_count);
}

static void every_sample_is_refused(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sample_count; i++) {
		const struct sample *s = &samples[i];
		struct problem p = { 0 };
		uint64_t size = sample_make(s, file);
		enum status status = judge(c5_image(s->check), size, s, &p);

		if (status != s->code || p.code != s->code || strcmp(p.text, s->text))
			fail_msg("%s: E%02u \"%s\", expected E%02u \"%s\"", c5_name(s->check), status, p.text, s->code,
				 s->text);
	}
}

static void write_file(const char *directory, const char *name, uint64_t size)
{
	char path[1024];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	out = fopen(path, "wb");
	if (!out || fwrite(file, 1, size, out) != size || fclose(out))
		exit(1);
}

static int write_samples(const char *directory)
{
	static const char *const images[] = { "bzImage", "UKI", "ELF", "Multiboot2" };
	char path[1024], name[64];
	FILE *index;

	snprintf(path, sizeof(path), "%s/index", directory);
	index = fopen(path, "w");
	if (!index)
		return 1;
	for (unsigned i = 0; i < sample_count; i++) {
		enum image image = c5_image(samples[i].check);

		if (image >= FIRST_NO_FILE)
			continue;
		snprintf(name, sizeof(name), "%s-%u", c5_name(samples[i].check), i);
		write_file(directory, name, sample_make(&samples[i], file));
		fprintf(index, "%s %s %u %s\n", name, images[image], samples[i].code, samples[i].text);
	}
	return fclose(index) ? 1 : 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound_images_are_taken), cmocka_unit_test(every_check_has_a_sample),
		cmocka_unit_test(every_sample_is_refused),
	};

	if (argc == 3 && !strcmp(argv[1], "--write"))
		return write_samples(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
