// SPDX-License-Identifier: MIT
/* Kernels that cannot be moved, and what an entry says that its kernel has no use for. */
#include "test/unit/boot/support.h"
#include "test/unit/boot/fake_source.h"

#include <string.h>

#include "boot/load.h"

static uint8_t kernel[KERNEL_BYTES];
static const uint8_t data[5];
static struct fake fake;
static struct entry entry;
static struct config config;
static struct load_work work;
static struct boot_plan plan;
static struct problem p;

static int fresh(void **state)
{
	(void)state;
	fake_start_linux(&fake, kernel, &entry, &config);
	p = (struct problem){ 0 };
	return 0;
}

static void add_initrd(const char *path)
{
	fake_add(&fake, path, data, sizeof(data));
	strcpy(entry.initrd[entry.initrd_count++], path);
}

static enum status load(void)
{
	return load_entry(&fake.source, NULL, &entry, &config, &work, &plan, &p);
}

/* A kernel that cannot be moved gets its address, and an initrd stays below what it can reach. */
static void fixed_kernel(void **state)
{
	(void)state;
	kernel_put(kernel, 0x234, 1, 0);
	kernel_put(kernel, 0x236, 2, 1);
	kernel_put(kernel, 0x258, 8, FAKE_BASE + 0x1000);
	kernel_put(kernel, 0x22c, 4, FAKE_BASE + 0x7fffff);
	add_initrd("/i0");
	assert_problem(&p, load(), OK, "");
	assert_int_equal(plan.segments[0].dest, FAKE_BASE + 0x1000);
	assert_int_equal(plan.segments[1].dest, FAKE_BASE + 0x7ff000);
	load_release(&fake.source, &plan);
	assert_int_equal(fake.placed_count, 0);
}

static enum status keeps_all(void *ctx, uint64_t base, uint64_t size, const char *what, struct problem *problem)
{
	(void)ctx;
	return problem_set(problem, E_PLACEMENT, "%s: wants 0x%llx..0x%llx, but all must survive: the firmware", what,
			   (unsigned long long)base, (unsigned long long)(base + size));
}

/* If its address is taken until firmware ends, it waits elsewhere; if for longer, the line says by whom. */
static void fixed_kernel_where_others_are(void **state)
{
	const struct boot_segment *s = &plan.segments[0];

	(void)state;
	kernel_put(kernel, 0x234, 1, 0);
	kernel_put(kernel, 0x258, 8, FAKE_BASE + 0x1000);
	fake.placed[fake.placed_count++] = (struct place_range){ FAKE_BASE + 0x2000, 4096 };
	assert_problem(&p, load(), OK, "");
	assert_int_equal(s->dest, FAKE_BASE + 0x1000);
	assert_true(s->source >= s->dest + s->reserved_size);
	assert_memory_equal((const void *)(uintptr_t)s->source, kernel + KERNEL_SETUP_BYTES, KERNEL_PM_BYTES);
	assert_int_equal(plan.kernel_entry, s->dest + 0x200);
	load_release(&fake.source, &plan);
	fake.source.may_overwrite = keeps_all;
	assert_problem(&p, load(), E_PLACEMENT,
		       "/vmlinuz: wants 0x20001000..0x20201000, but all must survive: the firmware");
	assert_int_equal(fake.placed_count, 1);
	assert_int_equal(fake_open_files(&fake), 0);
}

/* A Linux kernel gets no words with an initrd, so they were meant for something else. */
static void words_that_nobody_reads(void **state)
{
	(void)state;
	add_initrd("/i0");
	add_initrd("/i1");
	strcpy(entry.module_words[1], "console=hvc0");
	assert_problem(&p, load(), E_ENTRY_INVALID,
		       "x.conf: baton-module /i1 has words, and a Linux kernel takes none");
	assert_true(!fake_open_files(&fake) && !fake.placed_count && !plan.segment_count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(fixed_kernel, fresh),
		cmocka_unit_test_setup(fixed_kernel_where_others_are, fresh),
		cmocka_unit_test_setup(words_that_nobody_reads, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
