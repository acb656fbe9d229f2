// SPDX-License-Identifier: MIT
/*
 * Door 2, as a story: a loader that speaks Linux's boot protocol (kexec, QEMU, syslinux, Baton) starts the file as a
 * kernel with the bundle as its initrd. Baton copies what boot_params says into the same struct boot_info that door 1
 * fills, and goes the same way from there. Nobody can be asked, so the default entry is what starts.
 */
#include "kernel/door2.h"

#include "kernel/kernel.h"
#include "lib/engine_fault.h"
#include "lib/string.h"
#include "x86/cpu.h"
#include "x86/fpu.h"

_Noreturn void door2_main(const uint8_t *boot_params, enum door door);

/* x86/entry/entry.S says which door it was. */
_Static_assert(DOOR_LINUX64 == 2 && DOOR_LINUX32 == 3 && DOOR_LINUX16 == 4, "entry.S");

static struct boot_info info;
static struct door2 door2;
static uint8_t page[PARAMS_BYTES] __attribute__((aligned(8)));

void door2_note(struct boot_info *to, const struct problem *problem)
{
	if (problem->code && to->note_count < BOOT_NOTES_MAX)
		to->notes[to->note_count++] = *problem;
}

static void meet_the_machine(enum door door)
{
	info.tsc_at_door = cpu_rdtsc();
	info.door = door;
	info.devices_unmapped = true;
	fpu_enable();
	config_init(&info.config);
}

/* Baton's own words, before anything else can fail: they name the console. */
static enum status take_cmdline(struct door2 *d, struct problem *problem)
{
	struct problem word = { .code = OK };
	uint64_t at = d->in.cmdline;

	for (unsigned i = 0; at; i++) {
		if (i == DOOR2_CMDLINE_MAX || !door2_readable(d, at + i, 1)) {
			d->cmdline[0] = 0;
			return problem_set(problem, E_BOOT_PARAMS,
					   "boot_params: cmd_line_ptr 0x%lx: no text of at most %u bytes",
					   (unsigned long)at, DOOR2_CMDLINE_MAX - 1);
		}
		d->cmdline[i] = ((const char *)at)[i];
		if (!d->cmdline[i])
			break;
	}
	if (config_parse_cmdline(&info.config, d->cmdline, faults_built_in, &word))
		door2_note(&info, &word);
	return OK;
}

/* Firmware vouches for what it loads itself, kexec for this file; for what the bundle holds nobody does. */
static enum status check_secure_boot(const struct door2 *d, struct problem *problem)
{
	info.secure_boot = d->in.secure_boot;
	if (info.secure_boot != 3)
		return OK;
	return problem_set(problem, E_SECURE_BOOT,
			   "Secure Boot is on, and behind this entry nothing can verify a kernel: start Baton by UEFI");
}

static enum status choose_engines(struct problem *problem)
{
	enum status s;

	engine_fault_words(info.config.fault);
	s = engines_select(&info.engines);
	return s == OK ? OK : problem_set(problem, s, ENGINES_NONE_LEFT,
					  engine_name(engines_refused(&info.engines, 0)));
}

static enum status come_in(struct door2 *d, struct problem *problem)
{
	enum status s = params_parse(page, &d->in, problem);

	if (s == OK)
		s = door2_find_readable(d, problem);
	if (s == OK)
		s = take_cmdline(d, problem);
	if (s == OK)
		s = choose_engines(problem);
	if (s == OK)
		s = door2_build_map(d, problem);
	if (s != OK)
		return s;
	info.framebuffer = d->in.framebuffer;
	door2_find_tables(d);
	s = check_secure_boot(d, problem);
	return s == OK ? door2_open_bundle(d, problem) : s;
}

/* Called by x86/entry/entry.S with .bss zeroed: boot_params as the loader gave it, interrupts off, on the stack in
 * .bss. */
_Noreturn void door2_main(const uint8_t *boot_params, enum door door)
{
	meet_the_machine(door);
	memcpy(page, boot_params, sizeof(page));
	info.found_params = page;
	door2.info = &info;
	come_in(&door2, &info.refused);
	info.tsc_at_exit = cpu_rdtsc();
	kernel_main(&info);
}
