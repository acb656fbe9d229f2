// SPDX-License-Identifier: MIT
#include "efi/fallback.h"

#include "boot/select.h"
#include "efi/print.h"
#include "efi/progress.h"
#include "lib/string.h"

static const struct source *used;	/* of what is loaded */

static struct listed_entry *find(const struct entries *entries, const struct listed_entry *first, const char *id)
{
	for (unsigned i = 0; i < entries->count; i++)
		if (entries->list[i] != &first->entry && select_entry_matches(entries->list[i], id))
			return entries_listed(entries, i);
	return NULL;
}

static enum status load(struct listed_entry *listed, const struct config *config, struct load_work *work,
			struct boot_plan *plan, struct problem *problem)
{
	struct volume *volume = listed->volume;
	enum status s;

	if (listed->problem.code)
		return problem_set(problem, listed->problem.code, "%s", listed->problem.text);
	if (listed->entry.efi_path[0] && !load_is_uki(&volume->source, listed->entry.efi_path, work))
		return problem_set(problem, E_NOT_SUPPORTED, "it is an EFI program, which needs firmware");
	used = &volume->source;
	s = file_approve(volume, entry_image(&listed->entry), problem);
	if (s == OK)
		s = load_entry(used, &hasher_inline, &listed->entry, config, work, plan, problem);
	progress_end();
	file_forget_approved(volume);
	if (s == OK && (plan->protocol != NEXT_LINUX || !plan_stays(plan))) {
		load_release(used, plan);
		return problem_set(problem, E_NOT_SUPPORTED, "it is no kernel that can wait in its final place");
	}
	return s;
}

void fallback_load(const struct entries *entries, const struct listed_entry *first, struct load_work *work,
		   struct boot_info *info)
{
	const struct config *config = &info->config;
	struct problem problem = { .code = OK }, why = { .code = OK };
	struct listed_entry *listed;
	enum status s;

	if (config->on_failure != ON_FAILURE_FALLBACK)
		return;
	listed = find(entries, first, config->fallback_id);
	if (!listed)
		s = problem_set(&why, E_NO_SUCH_ENTRY, "no other entry has that name");
	else if (config->loop || !plan_stays(&info->plan))
		s = problem_set(&why, E_NOT_SUPPORTED, "not beside a loop, nor beside what is copied to its place");
	else
		s = load(listed, config, work, &info->fallback, &why);
	if (s == OK) {
		print("Loaded %s to fall back on\n", listed->entry.id);
		return;
	}
	memset(&info->fallback, 0, sizeof(info->fallback));
	problem_set(&problem, s, "on-failure fallback %.64s: %.160s; goes on without", config->fallback_id, why.text);
	print_problem(&problem);
}

void fallback_release(struct boot_info *info)
{
	if (info->fallback.segment_count)
		load_release(used, &info->fallback);
}
