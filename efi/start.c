// SPDX-License-Identifier: MIT
#include "efi/start.h"

#include "boot/load.h"
#include "boot/loop.h"
#include "efi/bundle.h"
#include "efi/exit.h"
#include "efi/fallback.h"
#include "efi/firmware.h"
#include "efi/input.h"
#include "efi/mp.h"
#include "efi/print.h"
#include "efi/program.h"
#include "efi/progress.h"
#include "efi/tables.h"
#include "efi/tpm.h"
#include "efi/vars.h"
#include "lib/fmt.h"
#include "lib/random.h"
#include "lib/string.h"
#include "x86/cpu.h"

/* What kernel_main() gets: it must outlive firmware and every stack frame here. */
static struct boot_info info;

static struct load_work work;

/* The first generation of a loop: Baton itself, with a bundle of everything that the later ones need. */
static enum status load_loop(struct listed_entry *listed, const char *cmdline, struct problem *problem)
{
	static struct bundle bundle;
	static struct entry next;
	uint64_t entropy = cpu_rdtsc();
	enum status error = bundle_make(&bundle, listed, problem);

	if (error)
		return error;
	if (!info.config.seed)
		info.config.seed = random_splitmix64(&entropy) >> 32;
	info.config.append[0] = 0;
	error = loop_entry(&next, &listed->entry, &info.config, cmdline, problem);
	if (!error)
		error = load_entry(&bundle.source, mp_hasher(), &next, &info.config, &work, &info.plan, problem);
	if (error)
		bundle_drop(&bundle);
	return error;
}

static enum status load(struct listed_entry *listed, const char *cmdline, struct problem *problem)
{
	struct volume *volume = listed->volume;
	enum status error, join_error;

	if (engines_check(&firmware.engines))
		return problem_set(problem, E_ENGINE, ENGINES_NONE_LEFT,
				   engine_name(engines_refused(&firmware.engines, 0)));
	error = file_approve(volume, entry_image(&listed->entry), problem);

	config_settle_loop(&info.config);
	if (!error && info.config.loop)
		error = load_loop(listed, cmdline, problem);
	else if (!error)
		error = load_entry(&volume->source, mp_hasher(), &listed->entry, &info.config, &work, &info.plan,
				   problem);
	/* What was loaded is not given back if this fails: that CPU may still write a digest there. */
	join_error = mp_join(problem);
	if (!error)
		error = join_error;
	progress_end();
	file_forget_approved(volume);
	if (!error)
		print("Linux %s\n", work.version);
	return error;
}

/* Nothing here may stop a start: a read-only medium has no tries to count. */
static void tell_next_system(struct listed_entry *listed, const struct settings *settings)
{
	struct problem problem = { .code = OK };

	if (entries_count_try(listed, &problem))
		print_problem(&problem);
	vars_set_text(L"LoaderEntrySelected", listed->entry.id, false);
	if (strcmp(settings->config.default_pattern, "@saved") == 0)
		vars_set_text(L"LoaderEntryLastBooted", listed->entry.id, true);
	tables_install_seed();
	tpm_install_log();
	vars_set_time(L"LoaderTimeExecUSec");
}

/* Unlike a kernel, an EFI program may come back, and then all is as it was. */
static enum status start_program(struct listed_entry *listed, const struct settings *settings, struct problem *problem)
{
	struct program program;
	enum status error = load_refuse_profile(&listed->entry, problem);

	if (!error)
		error = program_load(listed->volume, &listed->entry, info.config.append, &program, problem);
	if (error)
		return error;
	tell_next_system(listed, settings);
	return program_start(&program, problem);
}

static bool is_program(const struct listed_entry *listed)
{
	return listed->entry.efi_path[0] && !load_is_uki(&listed->volume->source, listed->entry.efi_path, &work);
}

/* The person who held a key while the hidden menu's time ran and the files were read. */
static bool key_came(uint64_t until_ms)
{
	uint64_t now = firmware_now_ms();
	struct key key;

	return input_wait(&key, until_ms > now ? (uint32_t)(until_ms - now) : 0);
}

enum status start_entry(const struct entries *entries, struct listed_entry *listed, const struct settings *settings,
			const char *options, uint64_t watch_until_ms, struct problem *problem)
{
	struct entry *entry = &listed->entry;
	static char as_written[CMDLINE_MAX];
	enum status error;
	bool program;

	memset(&info, 0, sizeof info);
	settings_for_entry(settings, entry, &info.config);
	memcpy(as_written, entry->options, sizeof as_written);
	if (options)
		fmt_snprint(entry->options, sizeof entry->options, "%s", options);
	print("Starting %s\n", entry->title[0] ? entry->title : entry->id);
	error = listed->problem.code;
	if (error)
		problem_set(problem, error, "%s", listed->problem.text);
	else
		error = entry_check_startable(entry, problem);
	program = !error && is_program(listed);
	if (program) {
		error = start_program(listed, settings, problem);
	} else if (!error) {
		error = load(listed, settings->cmdline, problem);
	}
	memcpy(entry->options, as_written, sizeof as_written);
	if (error || program)
		return error;
	fallback_load(entries, listed, &work, &info);
	if (watch_until_ms && key_came(watch_until_ms)) {
		fallback_release(&info);
		load_release(&listed->volume->source, &info.plan);
		return OK;
	}
	tables_collect(&info);
	tell_next_system(listed, settings);
	error = exit_to_kernel(&info, problem);
	fallback_release(&info);
	load_release(&listed->volume->source, &info.plan);
	return error;
}
