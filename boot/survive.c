// SPDX-License-Identifier: MIT
#include "boot/survive.h"

#include <stddef.h>

#include "boot/firmware_find.h"
#include "lib/smbios.h"
#include "lib/string.h"

#define ESRT_HEADER	16u		/* count, most, version */
#define ESRT_ROW	40u
#define MEMATTR_HEADER	16u		/* version, count, descriptor size, flags */
#define TPM_LOG_HEADER	9u		/* size, size of the final events so far, version */
#define SEED_HEADER	4u
#define RESERVE_HEADER	16u		/* size, count, next */
#define RESERVE_ROW	16u
#define RESERVE_CHAIN_MAX 256u
#define MOK_NAME	256u
#define MOK_HEADER	264u		/* name, size */
#define MOK_MAX		256u
#define TPM2_LOG	68u		/* length, then address (TCG ACPI specification 1.3, 8.3) */
#define TCPA_LOG	38u
#define MADT_ENTRIES	44u
#define MADT_MAILBOX	0x10u		/* ACPI 6.5, 5.2.12.19 */
#define MAILBOX_BYTES	4096u
#define BGRT_IMAGE	40u		/* its address (ACPI 6.5, 5.2.23); a BMP file, which says its own size */
#define BMP_HEADER	6u		/* "BM", size of the file */
#define PAGE_SHIFT	12

/* One search on its way. */
struct search {
	struct survivors *found;
	const struct acpi_reader *reader;
};

static const uint8_t *show(const struct acpi_reader *reader, uint64_t phys, uint32_t bytes)
{
	return phys && phys + bytes > phys ? reader->at(reader->ctx, phys, bytes) : NULL;
}

void survive_add(struct survivors *s, const char *what, uint64_t base, uint64_t size)
{
	if (!size || base + (size - 1) < base)
		return;
	if (s->count == SURVIVORS_MAX) {
		s->full = true;
		return;
	}
	s->list[s->count++] = (struct survivor){ what, base, size, false };
}

/* A header and count rows; a size that makes no sense is a header's. */
static void add_rows(struct survivors *s, const char *what, uint64_t phys, uint32_t header, uint64_t count,
		     uint64_t row)
{
	uint64_t rows = count <= SURVIVE_BYTES_MAX && row <= SURVIVE_BYTES_MAX ? count * row : 0;

	survive_add(s, what, phys, header + (rows <= SURVIVE_BYTES_MAX ? rows : 0));
}

static void add_esrt(struct search *search, const char *what, uint64_t phys)
{
	const uint8_t *p = show(search->reader, phys, ESRT_HEADER);

	if (p)
		add_rows(search->found, what, phys, ESRT_HEADER, acpi_u32(p, 0), ESRT_ROW);
}

static void add_attributes(struct search *search, const char *what, uint64_t phys)
{
	const uint8_t *p = show(search->reader, phys, MEMATTR_HEADER);

	if (p)
		add_rows(search->found, what, phys, MEMATTR_HEADER, acpi_u32(p, 4), acpi_u32(p, 8));
}

static void add_tpm_log(struct search *search, const char *what, uint64_t phys)
{
	const uint8_t *p = show(search->reader, phys, TPM_LOG_HEADER);

	if (p)
		add_rows(search->found, what, phys, TPM_LOG_HEADER, acpi_u32(p, 0), 1);
}

static void add_seed(struct search *search, const char *what, uint64_t phys)
{
	const uint8_t *p = show(search->reader, phys, SEED_HEADER);

	if (p)
		add_rows(search->found, what, phys, SEED_HEADER, acpi_u32(p, 0), 1);
}

/* A chain of tables: { u32 room, u32 count, u64 next, { u64 base, u64 size } of each }. */
static void add_reserve(struct search *search, const char *what, uint64_t phys)
{
	struct survivors *s = search->found;

	for (unsigned links = 0; phys && links < RESERVE_CHAIN_MAX; links++) {
		const uint8_t *p = show(search->reader, phys, RESERVE_HEADER);
		uint64_t room = p ? acpi_u32(p, 0) : 0, count = p ? acpi_u32(p, 4) : 0;

		if (!p || room > SURVIVE_BYTES_MAX / RESERVE_ROW)
			return;
		survive_add(s, what, phys, RESERVE_HEADER + room * RESERVE_ROW);
		count = count < room ? count : room;
		p = show(search->reader, phys, (uint32_t)(RESERVE_HEADER + room * RESERVE_ROW));
		for (uint64_t i = 0; p && i < count; i++) {
			const uint8_t *row = p + RESERVE_HEADER + i * RESERVE_ROW;
			unsigned before = s->count;

			survive_add(s, "range of MEMRESERVE", acpi_u64(row, 0), acpi_u64(row, 8));
			if (s->count > before)
				s->list[before].promised = true;
		}
		phys = p ? acpi_u64(p, 8) : 0;
	}
}

static void add_smbios(struct search *search, const char *what, uint64_t phys)
{
	const uint8_t *p = show(search->reader, phys, SMBIOS_ENTRY_BYTES);
	uint64_t table;
	uint32_t bytes;

	if (!p || smbios_parse_entry(p, &table, &bytes))
		return;
	survive_add(search->found, what, phys, SMBIOS_ENTRY_BYTES);
	survive_add(search->found, what, table, bytes);
}

/* Variables one behind the other: a name, a size, so many bytes. The one without a name is the last. */
static void add_mok(struct search *search, const char *what, uint64_t phys)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < MOK_MAX && bytes < SURVIVE_BYTES_MAX; i++) {
		const uint8_t *p = show(search->reader, phys + bytes, MOK_HEADER);

		if (!p || acpi_u64(p, MOK_NAME) > SURVIVE_BYTES_MAX)
			break;
		bytes += MOK_HEADER + acpi_u64(p, MOK_NAME);
		if (!*p)
			break;
	}
	survive_add(search->found, what, phys, bytes);
}

/* No size is known: to the end of its page. */
static void add_page(struct search *search, const char *what, uint64_t phys)
{
	survive_add(search->found, what, phys, PLACE_PAGE - phys % PLACE_PAGE);
}

static const struct {
	uint8_t guid[16];		/* as bytes in memory: the first three fields are little-endian */
	const char *what;
	void (*add)(struct search *search, const char *what, uint64_t phys);
} known[] = {
	{ { 0x63, 0xa2, 0x22, 0xb1, 0x61, 0x36, 0x68, 0x4f, 0x99, 0x29, 0x78, 0xf8, 0xb0, 0xd6, 0x21, 0x80 },
	  "ESRT", add_esrt },
	{ { 0x1d, 0x91, 0xfa, 0xdc, 0xeb, 0x26, 0x9f, 0x46, 0xa2, 0x20, 0x38, 0xb7, 0xdc, 0x46, 0x12, 0x20 },
	  "memory attributes table", add_attributes },
	{ { 0xb0, 0x9c, 0x79, 0xb7, 0xa2, 0xec, 0x43, 0x49, 0x96, 0x67, 0x1f, 0xae, 0x07, 0xb7, 0x47, 0xfa },
	  "TPM event log", add_tpm_log },
	{ { 0x96, 0xd0, 0x2e, 0x1e, 0xe2, 0x30, 0x54, 0x42, 0xbd, 0x89, 0x86, 0x3b, 0xbe, 0xf8, 0x23, 0x25 },
	  "TPM final events", add_page },
	{ { 0xbc, 0xe5, 0xe1, 0x1c, 0xeb, 0x7c, 0xf2, 0x42, 0x81, 0xe5, 0x8a, 0xad, 0xf1, 0x80, 0xf5, 0x7b },
	  "RNG seed", add_seed },
	{ { 0xc6, 0xb0, 0x8e, 0x88, 0xde, 0x8e, 0xf5, 0x4f, 0xa8, 0xf0, 0x9a, 0xee, 0x5c, 0xb9, 0x77, 0xc2 },
	  "MEMRESERVE table", add_reserve },
	{ { 0x44, 0x15, 0xfd, 0xf2, 0x94, 0x97, 0x2c, 0x4a, 0x99, 0x2e, 0xe5, 0xbb, 0xcf, 0x20, 0xe3, 0x94 },
	  "SMBIOS tables", add_smbios },
	{ { 0x31, 0x2d, 0x9d, 0xeb, 0x88, 0x2d, 0xd3, 0x11, 0x9a, 0x16, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d },
	  "SMBIOS tables", add_smbios },
	{ { 0x71, 0xe8, 0x68, 0x88, 0xf1, 0xe4, 0xd3, 0x11, 0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81 },
	  "ACPI RSDP", add_page },
	{ { 0x30, 0x2d, 0x9d, 0xeb, 0x88, 0x2d, 0xd3, 0x11, 0x9a, 0x16, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d },
	  "ACPI RSDP", add_page },
	{ { 0x2b, 0xed, 0x51, 0xc4, 0x94, 0x96, 0xd3, 0x45, 0xba, 0xba, 0xed, 0x9f, 0x89, 0x88, 0xa3, 0x89 },
	  "MOK variables", add_mok },
	{ { 0x8a, 0x91, 0x66, 0xeb, 0xef, 0x7e, 0x2a, 0x40, 0x84, 0x2e, 0x93, 0x1d, 0x21, 0xc3, 0x8a, 0xe9 },
	  "runtime properties table", add_page },
};

static void take_table(void *ctx, const uint8_t *guid, uint64_t phys)
{
	struct search *search = ctx;

	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!memcmp(guid, known[i].guid, sizeof(known[i].guid)))
			known[i].add(search, known[i].what, phys);
}

void survive_find_efi(struct survivors *s, const struct acpi_reader *reader, uint64_t systab, uint64_t tables)
{
	struct search search = { s, reader };
	uint64_t list, bytes;

	if (!firmware_each_table(reader, systab, tables, take_table, &search, &list, &bytes))
		return;
	survive_add(s, "EFI system table", systab, FIRMWARE_SYSTAB_BYTES);
	survive_add(s, "EFI configuration tables", list, bytes);
}

static void add_mailbox(struct survivors *s, const struct acpi_table *madt)
{
	for (uint32_t at = MADT_ENTRIES, length; madt->length >= 2 && at <= madt->length - 2; at += length) {
		length = madt->data[at + 1];
		if (length < 2 || length > madt->length - at)
			return;
		if (madt->data[at] == MADT_MAILBOX && length >= 16)
			survive_add(s, "mailbox of the CPUs", acpi_u64(madt->data, at + 8), MAILBOX_BYTES);
	}
}

/* The picture that firmware showed, which the next system may show again. */
static void add_picture(struct survivors *s, const struct acpi_reader *reader, const struct acpi_table *bgrt)
{
	uint64_t phys = bgrt->length >= BGRT_IMAGE + 8 ? acpi_u64(bgrt->data, BGRT_IMAGE) : 0;
	const uint8_t *p = show(reader, phys, BMP_HEADER);

	if (p && p[0] == 'B' && p[1] == 'M' && acpi_u32(p, 2) <= SURVIVE_BYTES_MAX)
		survive_add(s, "picture of the BGRT", phys, acpi_u32(p, 2));
}

void survive_find_acpi(struct survivors *s, const struct acpi_reader *reader, uint64_t rsdp)
{
	static const struct { const char *signature; uint32_t length, address, end; } logs[] = {
		{ "TPM2", TPM2_LOG, TPM2_LOG + 4, TPM2_LOG + 12 }, { "TCPA", TCPA_LOG, TCPA_LOG + 4, TCPA_LOG + 12 },
	};
	struct problem unused = { .code = OK };
	struct acpi_table table;
	struct acpi acpi;

	if (!rsdp || acpi_open(&acpi, *reader, rsdp, &unused))
		return;
	for (unsigned i = 0; i < 2; i++)
		if (!acpi_find(&acpi, logs[i].signature, 0, &table, &unused) && table.data &&
		    table.length >= logs[i].end)
			survive_add(s, "TPM event log", acpi_u64(table.data, logs[i].address),
				    acpi_u32(table.data, logs[i].length));
	if (!acpi_find(&acpi, "APIC", 0, &table, &unused) && table.data)
		add_mailbox(s, &table);
	if (!acpi_find(&acpi, "BGRT", 0, &table, &unused) && table.data)
		add_picture(s, reader, &table);
}

enum status survive_keep_promised(const struct survivors *s, struct efi_map *map, struct problem *problem)
{
	enum status status = OK;

	for (unsigned i = 0; status == OK && i < s->count; i++)
		if (s->list[i].promised)
			status = efimap_keep(map, s->list[i].base, s->list[i].size, problem);
	return status;
}

enum status survive_keep_runtime(const struct efi_map *runtime, struct efi_map *map, struct problem *problem)
{
	enum status status = OK;

	if (runtime->descriptor_size < sizeof(struct efi_descriptor))
		return OK;
	for (unsigned i = 0; status == OK && i < efimap_count(runtime); i++) {
		const struct efi_descriptor *d = efimap_at(runtime, i);

		if (d->pages <= SURVIVE_RUNTIME_PAGES)
			status = efimap_keep(map, d->phys, d->pages << PAGE_SHIFT, problem);
	}
	return status;
}

/* Conflicts as they are found: the last one is kept back. */
struct report {
	const char *what;
	uint64_t base, size;
	survive_fn *each;
	void *ctx;
	struct problem *problem;
	bool any;
};

/* reason and, behind it, a name. */
static void conflict(struct report *r, uint64_t base, uint64_t end, const char *reason, const char *name)
{
	if (r->any && r->each)
		r->each(r->ctx, r->problem);
	r->any = true;
	r->problem->code = OK;
	(void)problem_set(r->problem, E_PLACEMENT, "%s: wants 0x%llx..0x%llx, but 0x%llx..0x%llx %s%s", r->what,
			  (unsigned long long)r->base, (unsigned long long)(r->base + r->size),
			  (unsigned long long)base, (unsigned long long)end, reason, name);
}

/* Of each type of memory, NULL: its users give it up. */
static const char *const kept[] = {
	[EFI_TYPE_RESERVED] = "must survive: reserved memory",
	[EFI_TYPE_RUNTIME_CODE] = "must survive: firmware's runtime code",
	[EFI_TYPE_RUNTIME_DATA] = "must survive: firmware's runtime data",
	[EFI_TYPE_UNUSABLE] = "is not usable: memory errors",
	[EFI_TYPE_ACPI_RECLAIM] = "must survive: ACPI tables",
	[EFI_TYPE_ACPI_NVS] = "must survive: ACPI NVS",
	[EFI_TYPE_MMIO] = "is no memory: device registers",
	[EFI_TYPE_MMIO_PORT] = "is no memory: I/O ports",
	[EFI_TYPE_PAL] = "must survive: PAL code",
	[EFI_TYPE_PERSISTENT] = "must survive: persistent memory",
	[EFI_TYPE_UNACCEPTED] = "is not usable: not accepted yet",
};

static const char *reason_of(const struct efi_descriptor *d)
{
	if (d->type >= sizeof(kept) / sizeof(kept[0]))
		return "must survive: memory of an unknown type";
	if (!kept[d->type] && (d->attribute & EFI_ATTRIBUTE_SP))
		return "must survive: memory for a specific purpose";
	return kept[d->type];
}

static void check_map(struct report *r, const struct efi_map *map)
{
	uint64_t at = r->base, end = r->base + r->size;

	for (unsigned i = 0; i < efimap_count(map) && at < end; i++) {
		const struct efi_descriptor *d = efimap_at(map, i);
		uint64_t base = d->phys, behind = base + (d->pages << PAGE_SHIFT);
		const char *reason = reason_of(d);

		if (behind <= at)
			continue;
		if (base >= end)
			break;
		if (base > at)
			conflict(r, at, base, "is no memory", "");
		/* Neighbours of one kind are one conflict. */
		for (; reason && i + 1 < efimap_count(map); i++) {
			const struct efi_descriptor *next = efimap_at(map, i + 1);

			if (next->phys != behind || reason_of(next) != reason)
				break;
			behind += next->pages << PAGE_SHIFT;
		}
		if (reason)
			conflict(r, base, behind, reason, "");
		at = behind;
	}
	if (at < end)
		conflict(r, at, end, "is no memory", "");
}

enum status survive_check(const struct survivors *s, const struct efi_map *map, uint64_t base, uint64_t size,
			  const char *what, survive_fn *each, void *ctx, struct problem *problem)
{
	struct problem none;
	struct report r = { what, base, size, each, ctx, problem ? problem : &none, false };

	check_map(&r, map);
	for (unsigned i = 0; i < s->count; i++) {
		const struct survivor *at = &s->list[i];

		if (place_overlap(at->base, at->size, base, size))
			conflict(&r, at->base, at->base + at->size, "must survive: ", at->what);
	}
	if (s->full)
		conflict(&r, base, base + size, "is not known to be free: too many tables must survive", "");
	return r.any ? E_PLACEMENT : OK;
}
