// SPDX-License-Identifier: MIT
/* The command lines that the load loop hands on: the system's, and its modules'. */
#include <stddef.h>

#include "boot/load_open.h"
#include "lib/fmt.h"

/* Multiboot's command lines begin with the file's name, unless the loader is GRUB 2: Xen drops the first word. */
static bool starts_with_name(enum next_protocol protocol)
{
	return protocol == NEXT_MULTIBOOT1 || protocol == NEXT_MULTIBOOT2;
}

enum status load_build_cmdline(struct load *load, const struct entry *entry, const struct config *config)
{
	struct boot_plan *plan = load->plan;
	const char *own = load->work->cmdline;
	uint32_t max = load->work->image.cmdline_max;
	/* What firmware verified as part of the image is not to be replaced by what nobody verified. */
	bool fixed = load->source->verified && own[0];
	const char *options = entry->options[0] && !fixed ? entry->options : own, *append = fixed ? "" : config->append;
	bool named = starts_with_name(plan->protocol);
	int length = fmt_snprint(plan->cmdline, sizeof(plan->cmdline), "%s%s%s%s%s", named ? entry_image(entry) : "",
				 named && options[0] ? " " : "", options,
				 (named || options[0]) && append[0] ? " " : "", append);

	if (length >= CMDLINE_MAX)
		return problem_set(load->problem, E_CMDLINE_LENGTH, "%s: command line of %d bytes, at most %d",
				   entry->file, length, CMDLINE_MAX - 1);
	if ((uint32_t)length > max)
		return problem_set(load->problem, E_CMDLINE_LENGTH, "%s: command line of %d bytes, the kernel takes %u",
				   entry->file, length, max);
	return OK;
}

void load_describe_module(struct load *load, const struct entry *entry, unsigned index, uint64_t offset)
{
	struct boot_module *module = &load->plan->modules[index];
	bool named = starts_with_name(load->plan->protocol);

	module->offset = offset;
	module->size = load->work->files[index + 1].size;
	fmt_snprint(module->words, sizeof(module->words), "%s%s%s", named ? entry->initrd[index] : "",
		    named && entry->module_words[index][0] ? " " : "", entry->module_words[index]);
	load->plan->module_count = index + 1;
}
