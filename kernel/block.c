// SPDX-License-Identifier: MIT
#include "kernel/block.h"

#include "kernel/block_build.h"
#include "lib/crc32.h"
#include "lib/sha256.h"
#include "lib/string.h"
#include "purgatory/verify.h"
#include "x86/cpu.h"
#include "x86/entry/trampoline.h"
#include "x86/gdt.h"
#include "x86/regs.h"

#define HELPERS_VM	8u		/* VERIFY's helpers that pay under a hypervisor (rule 15) */
#define GATE_INTERRUPT	0x8e		/* present, 64-bit interrupt gate */

_Static_assert(sizeof(struct block_recall) == sizeof(struct trampoline_cpu), "the trampoline walks the recall list");

extern const uint8_t block_blob[], block_blob_end[];

static const struct blob_header *blob(void)
{
	return (const struct blob_header *)block_blob;
}

struct block_layout block_layout(unsigned cpu_count, unsigned table_pages)
{
	struct block_layout l;

	l.plan = sizeof(struct block_header);
	l.cpu_list = l.plan + sizeof(struct plan);
	l.ranges = (l.cpu_list + 4ull * cpu_count + 7) & ~7ull;
	l.fallback = l.ranges + sizeof(struct block_range) * BLOCK_RANGES;
	l.idt = mm_page_up(l.fallback + sizeof(struct plan));
	l.recall = l.idt + 2 * BLOCK_BOSS_IDT;		/* under digest, as everything from the IDTs to the code is */
	l.tables = mm_page_up(l.recall + sizeof(struct block_recall) * cpu_count);
	l.blob = l.tables + table_pages * MM_PAGE_BYTES;
	l.code = l.blob + blob()->code;
	l.data = l.blob + blob()->data;
	l.slots = l.blob + blob()->memory_size;
	l.end = mm_page_up(l.slots + (uint64_t)cpu_count * sizeof(struct slot));
	return l;
}

uint64_t block_size_needed(unsigned cpu_count, unsigned table_pages)
{
	return block_layout(cpu_count, table_pages).end;
}

/* What the range leaves for tables once everything else has its place; 0: nothing. */
static unsigned tables_that_fit(const struct block_config *c)
{
	uint64_t rest = block_layout(c->cpu_count, 0).end;

	return c->size > rest ? (unsigned)((c->size - rest) / MM_PAGE_BYTES) : 0;
}

static void fill_idt(uint8_t *idt, uint64_t stubs)
{
	unsigned vector;

	for (vector = 0; vector < BLOB_GATES; vector++) {
		uint64_t target = stubs + vector * BLOB_GATE_BYTES;
		uint8_t *gate = idt + 16 * vector;

		memset(gate, 0, 16);
		memcpy(gate, &target, 2);
		gate[2] = SEL_CODE;
		gate[4] = vector == VECTOR_NMI ? IST_NMI : vector == VECTOR_MC ? IST_MC : IST_DF;
		gate[5] = GATE_INTERRUPT;
		memcpy(gate + 6, (uint8_t *)&target + 2, 6);
	}
}

static void fill_pointer(uint8_t out[16], uint16_t limit, uint64_t base)
{
	memcpy(out, &limit, 2);
	memcpy(out + 2, &base, 8);
}

static void fill_slot(const struct block *b, const struct block_layout *l, const struct block_config *c, uint32_t i)
{
	struct slot *slot = &b->slots[i];
	uint64_t at = (uint64_t)(uintptr_t)slot, code = b->base + l->blob;
	bool boss = i == c->boss;

	slot->apic_id = c->cpus[i].apic_id;
	slot->mode = c->cpus[i].mode;
	slot->no_init = c->cpus[i].no_init;
	slot->fault = c->cpus[i].fault;
	slot->plan = (uint64_t)(uintptr_t)b->plan;
	slot->park_root = space_cr3(boss ? &b->verify : &b->park);
	shared_store_relaxed_u64(&slot->control.command, slot_word(0, COMMAND_WAIT));
	shared_store_relaxed_u32(&slot->bad_chunk, VERIFY_NONE);
	shared_store_relaxed_u32(&slot->mc_chunk, VERIFY_NONE);
	gdt_build(slot->gdt, (struct tss *)slot->tss,
		  boss ? code + blob()->boss_ist_df : at + SLOT_IST_DF_TOP,
		  boss ? code + blob()->boss_ist_nmi : at + SLOT_IST_NMI_TOP,
		  boss ? code + blob()->boss_ist_mc : at + SLOT_IST_MC_TOP);
	fill_pointer(slot->gdtr, GDT_ENTRIES * 8 - 1, at + SLOT_GDT);
	fill_pointer(slot->idtr, BLOB_GATES * 16 - 1, b->base + l->idt + (boss ? BLOCK_BOSS_IDT : 0));
}

static const char *segment_name(enum segment_kind kind)
{
	static const char *const names[] = {
		[SEGMENT_KERNEL] = "kernel", [SEGMENT_INITRD] = "initrd", [SEGMENT_BOOT_PARAMS] = "boot_params",
		[SEGMENT_CMDLINE] = "cmdline", [SEGMENT_SETUP_DATA] = "setup_data", [SEGMENT_BLOCK] = "block",
		[SEGMENT_OTHER] = "other",
	};

	return kind >= SEGMENT_KERNEL && kind <= SEGMENT_OTHER ? names[kind] : "other";
}

/* Appends one segment and its digests; chunks NULL: computed here. prefix: of its name. */
static enum status add_segment(struct plan *plan, uint64_t table_bytes, const char *prefix,
			       const struct boot_segment *s, struct problem *problem)
{
	struct chunk_digest *table = cpu_phys_pointer(plan->digest_table);
	uint32_t chunks = (uint32_t)((s->size + CHUNK_BYTES - 1) / CHUNK_BYTES), i;
	struct plan_segment *out = &plan->segments[plan->segment_count];
	const char *name = segment_name(s->kind);

	if (plan->segment_count == PLAN_SEGMENTS)
		return problem_set(problem, E_NOT_SUPPORTED, "plan: more than %u segments", PLAN_SEGMENTS);
	if ((uint64_t)(plan->digest_count + chunks) * sizeof(*table) > table_bytes)
		return problem_set(problem, E_NO_MEMORY, "digest table: %llu bytes do not hold segment %s",
				   (unsigned long long)table_bytes, name);
	out->kind = s->kind;
	out->first_chunk = plan->digest_count;
	out->dest = s->dest;
	out->source = s->source;
	out->size = s->size;
	out->memory_size = s->memory_size > s->size ? s->memory_size : s->size;
	if (s->backup && s->backup + s->size <= 4 * MM_1G_BYTES)	/* the hand-over root maps memory below it */
		out->backup = s->backup;
	memcpy(out->name, prefix, strlen(prefix));
	memcpy(out->name + strlen(prefix), name, strlen(name));
	for (i = 0; i < chunks; i++) {
		uint64_t at = (uint64_t)i * CHUNK_BYTES;

		if (s->chunks)
			table[plan->digest_count + i] = s->chunks[i];
		else
			chunk_digest_compute(&table[plan->digest_count + i], cpu_phys_pointer(s->dest + at),
					     s->size - at < CHUNK_BYTES ? (uint32_t)(s->size - at) : CHUNK_BYTES);
	}
	plan->digest_count += chunks;
	plan->bytes += s->size;
	plan->segment_count++;
	return OK;
}

static void fill_plan(const struct block *b, const struct block_config *c)
{
	struct plan *p = b->plan;

	p->size = sizeof(*p);
	p->cpu_count = c->cpu_count;
	p->slots = (uint64_t)(uintptr_t)b->slots;
	p->boss_slot = c->boss;
	p->lapic_x2apic = c->x2apic;
	p->lapic_base = c->lapic_base;
	p->lapic_svr = c->lapic_svr;
	p->lapic_lint0 = c->lapic_lint0;
	p->tsc_khz = c->tsc_khz;
	p->tsc_at_door = c->tsc_at_door;
	p->park_root = space_cr3(&b->park);
	p->verify_root = space_cr3(&b->verify);
	p->handover_root = space_cr3(&b->handover);
	p->handover_cr4 = CR4_PAE | (c->levels == 5 ? CR4_LA57 : 0);
	p->entry = c->entry;
	p->boot_params = c->boot_params;
	p->protected_mode = c->protected_mode;
	p->magic = c->magic;
	p->report = c->report;
	p->digest_table = c->digest_table;
	p->recall_page = c->low_page;
	p->kick_deadline_us = boss_kick_deadline_us(c->cpu_count, c->hypervisor);
	p->nmi_after_us = BOSS_NMI_AFTER_US;
	p->nmi_repeat_us = BOSS_NMI_REPEAT_US;
	p->helper_limit = c->hypervisor ? HELPERS_VM : UINT32_MAX;
	p->on_failure = c->on_failure;
	p->lost_cpu = c->lost_cpu;
	p->init_policy = c->init_policy;
	p->reset_after_s = c->reset_after_s;
	p->quiet = c->quiet;
	p->uart = c->uart;
	p->framebuffer = c->framebuffer;
	p->reset = c->reset;
	p->watchdog = c->watchdog;
	memcpy(p->entry_id, c->segments->entry_id, sizeof(p->entry_id) - 1);
}

/* The segments, the block's own read-only part last, when nothing in it changes any more. */
static enum status add_segments(struct plan *p, const struct boot_plan *from, const char *prefix,
				const struct boot_segment *own, struct problem *problem)
{
	uint64_t table_bytes = (uint64_t)from->digest_capacity * sizeof(struct chunk_digest);
	enum status status = OK;
	unsigned i;

	for (i = 0; !status && i < from->segment_count; i++)
		if (from->segments[i].size)
			status = add_segment(p, table_bytes, prefix, &from->segments[i], problem);
	if (!status)
		status = add_segment(p, table_bytes, prefix, own, problem);
	if (!status)
		sha256_compute(p->digest_table_sha256, cpu_phys_pointer(p->digest_table),
			       (uint64_t)p->digest_count * sizeof(struct chunk_digest));
	return status;
}

/* The same handover with another entry at its end. By the boss alone: the helpers' slots name the first plan. */
static enum status add_fallback(const struct block *b, const struct block_layout *l, const struct block_config *c,
				const struct plan *empty, const struct boot_segment *own, struct problem *problem)
{
	struct plan *p = cpu_phys_pointer(b->base + l->fallback);
	enum status status;

	*p = *empty;
	p->entry = c->fallback->kernel_entry;
	p->boot_params = c->fallback_params;
	p->protected_mode = p->magic = 0;
	p->digest_table = (uintptr_t)c->fallback->digest_table;
	p->helper_limit = 0;
	memset(p->entry_id, 0, sizeof(p->entry_id));
	memcpy(p->entry_id, c->fallback->entry_id, sizeof(p->entry_id) - 1);
	status = add_segments(p, c->fallback, PLAN_FALLBACK_PREFIX, own, problem);
	b->plan->fallback = b->base + l->fallback;
	sha256_compute(b->plan->fallback_sha256, p, sizeof(*p));
	return status;
}

/* The digests that vouch for each other, inside out. */
static enum status seal(const struct block *b, const struct block_layout *l, const struct block_config *c,
			struct problem *problem)
{
	struct boot_segment own = { .kind = SEGMENT_BLOCK, .dest = b->base + l->idt, .size = l->data - l->idt };
	struct block_header *h = b->header;
	enum status status = OK;

	if (c->fallback)
		status = add_fallback(b, l, c, b->plan, &own, problem);
	if (!status)
		status = add_segments(b->plan, c->segments, "", &own, problem);
	if (status)
		return status;
	sha256_compute(h->plan_sha256, b->plan, sizeof(*b->plan));
	h->crc32 = 0;
	h->crc32 = crc32(crc32(0, h, sizeof(*h)), (uint8_t *)h + h->cpu_list_offset, 4ull * h->cpu_count);
	h->crc32 = crc32(h->crc32, (uint8_t *)h + h->range_offset, sizeof(struct block_range) * h->range_count);
	return OK;
}

static void fill_header(const struct block *b, const struct block_layout *l, const struct block_config *c)
{
	uint32_t *list = cpu_phys_pointer(b->base + l->cpu_list);
	struct block_recall *recall = cpu_phys_pointer(b->base + l->recall);
	uint32_t i;

	*b->header = (struct block_header){
		.magic = BLOCK_MAGIC, .version = BLOCK_VERSION, .header_size = sizeof(*b->header),
		.block_base = b->base, .block_size = c->size,
		.cpu_count = c->cpu_count, .cpu_list_offset = (uint32_t)l->cpu_list,
		.plan_offset = (uint32_t)l->plan, .plan_size = sizeof(struct plan),
		.generation = c->generation,
		.report = c->report,
		.range_count = c->range_count, .range_offset = (uint32_t)l->ranges,
	};
	memcpy(cpu_phys_pointer(b->base + l->ranges), c->ranges, sizeof(c->ranges[0]) * c->range_count);
	for (i = 0; i < c->cpu_count; i++) {
		uint64_t slot = (uint64_t)(uintptr_t)&b->slots[i];

		list[i] = c->cpus[i].apic_id;
		recall[i] = (struct block_recall){ c->cpus[i].apic_id, 0, slot + SLOT_STACK_TOP, slot };
	}
}

static void fill_place(struct block *b, const struct block_layout *l, const struct block_config *c)
{
	uint64_t at = b->base + l->blob;

	b->place = (struct boss_place){
		.code = b->base + l->code, .code_end = b->base + l->data,
		.park_root = space_cr3(&b->park), .lot_idt = b->base + l->idt,
		.cr4_must = CR4_PAE | CR4_MCE | (c->levels == 5 ? CR4_LA57 : 0),
		.cr4_must_not = CR4_PGE | (c->levels == 5 ? 0 : CR4_LA57),
	};
	b->lot_enter = at + blob()->lot_enter;
	b->lot_recall = at + blob()->lot_recall;
	b->boss_entry = at + blob()->boss_entry;
	b->scratch_top = at + blob()->trampoline_scratch;
	b->table_bytes = b->pool.peak * MM_PAGE_BYTES;
	b->plain_bytes = l->end - (l->blob - l->tables) - (uint64_t)c->cpu_count * sizeof(struct slot);
}

enum status block_build(struct block *b, const struct block_config *c, struct problem *problem)
{
	unsigned pages = tables_that_fit(c);
	struct block_layout l = block_layout(c->cpu_count, pages);
	uint8_t *at = cpu_phys_pointer(c->base);
	enum status status;
	uint32_t i;

	if (c->range_count > BLOCK_RANGES)
		return problem_set(problem, E_NO_MEMORY, "block: %u reserved ranges, at most %u", c->range_count,
				   BLOCK_RANGES);
	if (!pages || c->base % MM_PAGE_BYTES || c->base + c->size > 4 * MM_1G_BYTES)
		return problem_set(problem, E_NO_MEMORY, "block 0x%llx+0x%llx: too small or misplaced for %u CPUs",
				   (unsigned long long)c->base, (unsigned long long)c->size, c->cpu_count);
	*b = (struct block){ .base = c->base, .size = l.end, .cpu_count = c->cpu_count, .boss = c->boss };
	b->header = (struct block_header *)at;
	b->plan = (struct plan *)(at + l.plan);
	b->slots = (struct slot *)(at + l.slots);
	b->low_page = c->low_page;
	memset(at, 0, c->size);
	memcpy(at + l.blob, block_blob, blob()->file_size);
	page_pool_init(&b->pool, c->base + l.tables, pages);
	b->tables = page_source_pool(&b->pool);
	status = block_build_roots(b, &l, c, problem);
	if (status)
		return status;
	fill_idt(at + l.idt, c->base + l.blob + blob()->lot_gates);
	fill_idt(at + l.idt + BLOCK_BOSS_IDT, c->base + l.blob + blob()->boss_gates);
	fill_header(b, &l, c);
	for (i = 0; i < c->cpu_count; i++)
		fill_slot(b, &l, c, i);
	fill_plan(b, c);
	fill_place(b, &l, c);
	return seal(b, &l, c, problem);
}

enum status block_protect(const struct block *b, struct space *kernel, struct problem *problem)
{
	uint64_t code = b->place.code, data = b->place.code_end;
	enum status status = space_protect(kernel, b->base, code - b->base, MM_READ, problem);

	if (!status)
		status = space_protect(kernel, code, data - code, MM_READ | MM_EXEC, problem);
	return status;
}

enum status block_arm_recall(const struct block *b, struct problem *problem)
{
	struct trampoline_config config = {
		.page = b->low_page,
		.cr3 = space_cr3(&b->verify),	/* the park root maps neither the page nor the local APIC */
		.cr4 = CR4_PAE | (b->place.cr4_must & CR4_LA57),
		.scratch_top = b->scratch_top,
		.entry = b->lot_recall,
		.table = b->base + block_layout(b->cpu_count, 0).recall,
		.count = b->cpu_count,
		.x2apic = b->plan->lapic_x2apic,
	};

	return b->low_page ? trampoline_install(&config, problem) : OK;
}

/* What the boss will have to believe once it is in the block, by this side's own code. */
static enum status check_own(const struct block *b, struct problem *problem)
{
	const struct plan *plan = b->plan;
	uint8_t actual[32];

	if (!verify_plan(b->header))
		return problem_set(problem, E_BLOCK_DAMAGED, "block: header or plan differs, page 0x%llx",
				   (unsigned long long)b->base);
	if (!verify_table(plan))
		return problem_set(problem, E_BLOCK_DAMAGED, "digest table at 0x%llx differs",
				   (unsigned long long)plan->digest_table);
	for (uint32_t i = plan->segments[plan->segment_count - 1].first_chunk; i < plan->digest_count; i++)
		if (!verify_chunk(plan, i, actual))
			return problem_set(problem, E_BLOCK_DAMAGED,
					   "block: tables, rodata or code differ, page 0x%llx",
					   (unsigned long long)verify_bad_page(plan, i));
	return OK;
}

enum status block_roll_call(const struct block *b, const bool *must_park, struct problem *problem)
{
	uint64_t found;
	uint32_t i;

	for (i = 0; i < b->cpu_count; i++) {
		const struct slot *slot = &b->slots[i];
		const char *wrong;

		if (!must_park[i] || i == b->boss)
			continue;
		if (!boss_answered(slot, STATUS_PARKED))
			return problem_set(problem, E_ROLL_CALL, "APIC ID %u: not in the lot", slot->apic_id);
		wrong = boss_check_evidence(&b->place, slot, &found);
		if (wrong)
			return problem_set(problem, E_ROLL_CALL, "CPU with APIC ID %u: %s is 0x%llx, not in the block",
					   slot->apic_id, wrong, (unsigned long long)found);
	}
	return check_own(b, problem);
}

_Noreturn void block_commit(const struct block *b)
{
	void (*enter)(struct plan *, struct slot *) = cpu_phys_pointer(b->boss_entry);

	cpu_irq_off();
	enter(b->plan, &b->slots[b->boss]);
	__builtin_unreachable();
}
