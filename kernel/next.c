// SPDX-License-Identifier: MIT
#include "kernel/next.h"

#include "boot/params_out.h"
#include "boot/setup_data.h"
#include "boot/start_info.h"
#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/stop.h"
#include "lib/string.h"

#define E820_CAPACITY 1024

static struct e820_entry e820[E820_CAPACITY];

static uint64_t align8(uint64_t v)
{
	return (v + 7) & ~7ull;
}

/* lib/acpi.c has checked it when the machine was read. */
static uint32_t rsdp_bytes(const uint8_t *rsdp)
{
	return rsdp[15] >= 2 ? START_RSDP_BYTES : 20;
}

void next_size(const struct boot_info *info, unsigned cpus, unsigned pci_functions, bool loop, struct next *next)
{
	/* Every reservation still to come splits a descriptor into three at most. */
	unsigned e820_most = efimap_count(&info->efi_map) + 2 * MEMORY_RESERVED_MAX;

	next->report_bytes = report_size_needed(cpus, pci_functions, loop);
	next->e820_bytes = setup_data_e820_ext_bytes(e820_most);
	next->kept_bytes = setup_data_kept_bytes(info->found_setup_data, REPORT_SETUP_TYPE);
	next->params_bytes = PARAMS_BYTES;
	if (info->plan.protocol != NEXT_LINUX)
		next->params_bytes = align8(start_info_size(info->plan.module_count, e820_most,
							    info->efi_map.capacity));
	if (info->rsdp)
		memcpy(next->rsdp, (const void *)info->rsdp, rsdp_bytes((const uint8_t *)info->rsdp));
	next->fallback_bytes = info->fallback.segment_count ? PARAMS_BYTES + CMDLINE_MAX : 0;
	next->size = mm_page_up(next->params_bytes + CMDLINE_MAX + next->fallback_bytes +
				align8(sizeof(struct setup_data) + next->report_bytes) + align8(next->e820_bytes) +
				next->kept_bytes + align8(info->efi_runtime.size)) +
		     STOP_RECORD_BYTES;
}

enum status next_reserve_at(struct boot_info *info, uint64_t base, struct next *next, struct problem *problem)
{
	next->base = base;
	next->boot_params = next->base;
	next->cmdline = next->boot_params + next->params_bytes;
	next->fallback_params = next->cmdline + CMDLINE_MAX;
	next->fallback_cmdline = next->fallback_params + PARAMS_BYTES;
	next->report_node = next->fallback_params + next->fallback_bytes;
	next->e820_node = next->report_node + align8(sizeof(struct setup_data) + next->report_bytes);
	next->kept_nodes = next->e820_node + align8(next->e820_bytes);
	next->runtime_map = next->kept_nodes + next->kept_bytes;
	return memory_reserve_at(info, "next", base, next->size, problem);
}

void *next_report_place(const struct next *next)
{
	return (void *)(next->report_node + sizeof(struct setup_data));
}

void *next_hang_place(const struct next *next)
{
	return (void *)(next->base + next->size - STOP_RECORD_BYTES + sizeof(struct setup_data));
}

void next_open_report(struct next *next, unsigned cpus, unsigned pci_functions, bool loop)
{
	report_open(&next->report, next_report_place(next), cpus, pci_functions, loop);
}

/* backup: where the same bytes stay until the jump, 0: nowhere. */
static enum status add_segment(struct boot_plan *plan, enum segment_kind kind, uint64_t base, uint64_t size,
			       uint64_t backup, struct problem *problem)
{
	struct boot_segment *segment = &plan->segments[plan->segment_count];
	uint64_t chunks = (size + CHUNK_BYTES - 1) / CHUNK_BYTES;

	if (plan->segment_count == SEGMENT_MAX || plan->digest_capacity - plan->digest_count < chunks)
		return problem_set(problem, E_NO_MEMORY, "digest table: no room for segment %u", (unsigned)kind);
	memset(segment, 0, sizeof(*segment));
	segment->kind = kind;
	segment->dest = base;
	segment->size = segment->memory_size = segment->file_size = size;
	segment->reserved_size = mm_page_up(size);
	segment->backup = backup;
	segment->chunks = &plan->digest_table[plan->digest_count];
	plan->digest_count += chunks;
	for (uint64_t i = 0, at = 0; i < chunks; i++, at += CHUNK_BYTES)
		chunk_digest_compute(&segment->chunks[i], (const void *)(base + at),
				     (uint32_t)(size - at < CHUNK_BYTES ? size - at : CHUNK_BYTES));
	plan->segment_count++;
	return OK;
}

static const struct boot_segment *find_segment(const struct boot_plan *plan, enum segment_kind kind)
{
	for (unsigned i = 0; i < plan->segment_count; i++)
		if (plan->segments[i].kind == kind)
			return &plan->segments[i];
	return NULL;
}

static enum status build_start_info(struct boot_info *info, struct next *next, unsigned e820_count,
				    struct problem *problem)
{
	const struct boot_segment *modules = find_segment(&info->plan, SEGMENT_INITRD);
	struct start_info in = {
		.protocol = info->plan.protocol, .cmdline = info->plan.cmdline,
		.load_base = find_segment(&info->plan, SEGMENT_KERNEL)->dest,
		.modules_base = modules ? modules->dest : 0,
		.modules = info->plan.modules, .module_count = info->plan.module_count,
		.e820 = e820, .e820_count = e820_count,
		.efi_map = info->efi == EFI_PHYSICAL ? &info->efi_map : NULL, .efi_systab = info->efi_systab,
		.framebuffer = &info->framebuffer,
		.rsdp = info->rsdp, .rsdp_copy = next->rsdp, .rsdp_bytes = rsdp_bytes(next->rsdp),
	};

	return start_info_build((void *)next->boot_params, next->boot_params, next->params_bytes, &in, problem);
}

/* Where one of the two finds what is told to it alone. */
struct texts { uint64_t boot_params, params_bytes, cmdline; };

static enum status build_params(struct boot_info *info, const struct boot_plan *plan, const struct next *next,
				const struct texts *at, unsigned e820_count, uint64_t setup_data,
				struct problem *problem)
{
	const struct boot_segment *kernel = find_segment(plan, SEGMENT_KERNEL);
	const struct boot_segment *initrd = find_segment(plan, SEGMENT_INITRD);
	struct efi_map runtime = info->efi_runtime;
	struct params_out out = {
		.setup_header = plan->setup_header,
		.setup_header_length = plan->setup_header_length,
		.e820 = e820, .e820_count = e820_count,
		.efi_map = info->efi == EFI_PHYSICAL ? &info->efi_map : info->efi == EFI_VIRTUAL ? &runtime : NULL,
		.efi_systab = info->efi_systab,
		.framebuffer = &info->framebuffer,
		.rsdp = info->rsdp,
		.ramdisk = initrd ? initrd->dest : 0, .ramdisk_size = initrd ? initrd->size : 0,
		.cmdline = at->cmdline,
		.setup_data = setup_data,
		.load_address = kernel->dest,
		.secure_boot = info->secure_boot,
		.found = info->found_params,
	};
	enum status s;

	if (runtime.size)
		memcpy((void *)next->runtime_map, (const void *)runtime.base, runtime.size);
	runtime.base = next->runtime_map;
	s = params_build((uint8_t *)at->boot_params, &out, problem);

	/* A screen that Linux's record of it cannot describe is no reason to refuse: Linux finds others by itself. */
	if (s == E_CONFIG_VALUE) {
		log_problem(problem);
		log_text("the next kernel gets no framebuffer");
		out.framebuffer = NULL;
		s = params_build((uint8_t *)at->boot_params, &out, problem);
	}
	return s;
}

/* What is told to one of the two, and the nodes, which are the same for both. */
static enum status build_for(struct boot_info *info, struct boot_plan *plan, struct next *next, const struct texts *at,
			     uint64_t setup_data, struct problem *problem)
{
	unsigned count = next->e820_count;
	enum status s;

	memcpy((void *)at->cmdline, plan->cmdline, CMDLINE_MAX);
	s = plan->protocol == NEXT_LINUX ? build_params(info, plan, next, at, count, setup_data, problem) :
					   build_start_info(info, next, count, problem);
	if (s == OK)
		s = add_segment(plan, SEGMENT_BOOT_PARAMS, at->boot_params, at->params_bytes, 0, problem);
	if (s == OK)
		s = add_segment(plan, SEGMENT_CMDLINE, at->cmdline, CMDLINE_MAX, (uintptr_t)plan->cmdline, problem);
	if (s == OK)
		s = add_segment(plan, SEGMENT_SETUP_DATA, next->report_node, sizeof(struct setup_data), 0, problem);
	if (s == OK && count > PARAMS_E820_MAX)
		s = add_segment(plan, SEGMENT_SETUP_DATA, next->e820_node, setup_data_e820_ext_bytes(count), 0,
				problem);
	if (s == OK && next->kept_bytes + info->efi_runtime.size)
		s = add_segment(plan, SEGMENT_SETUP_DATA, next->kept_nodes,
				next->kept_bytes + info->efi_runtime.size, 0, problem);
	return s;
}

enum status next_build(struct boot_info *info, struct next *next, struct problem *problem)
{
	const struct texts first = { next->boot_params, next->params_bytes, next->cmdline };
	const struct texts other = { next->fallback_params, PARAMS_BYTES, next->fallback_cmdline };
	uint64_t setup_data = 0;
	unsigned e820_count;
	enum status s = efimap_to_e820(&info->efi_map, e820, E820_CAPACITY, &e820_count, problem);

	if (s != OK)
		return s;
	next->e820_count = e820_count;
	setup_data_append(&setup_data, (struct setup_data *)next->report_node, REPORT_SETUP_TYPE, next->report_bytes);
	if (e820_count > PARAMS_E820_MAX)
		setup_data_append_e820_ext(&setup_data, (struct setup_data *)next->e820_node, e820, e820_count);
	setup_data_copy_kept(info->found_setup_data, REPORT_SETUP_TYPE, (void *)next->kept_nodes, &setup_data);
	s = build_for(info, &info->plan, next, &first, setup_data, problem);
	if (s == OK && info->fallback.segment_count)
		s = build_for(info, &info->fallback, next, &other, setup_data, problem);
	return s;
}
