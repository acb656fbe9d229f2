// SPDX-License-Identifier: MIT
/* Structure and checksum of a report: the part that has to survive hostile input. */
#include <stdio.h>
#include <string.h>

#include "tools/report_view.h"

/* Everything up to and including the failure number: the least that any version carries. */
#define HEADER_LEAST offsetof(struct report_header, baton_version)
#define TABLES 9

static const char *const table_names[TABLES] = { "cpus", "phases", "segments", "pci", "reserved", "loop", "stats",
						  "pattern", "cycles" };
static const size_t table_least[TABLES] = {
	offsetof(struct report_cpu, online_us), sizeof(struct report_phase), offsetof(struct report_segment, sha256),
	offsetof(struct report_pci, iommu), sizeof(struct report_reserved), sizeof(struct report_loop),
	sizeof(struct report_stat), sizeof(struct report_pattern), sizeof(struct report_cycles),
};

/* Bitwise on purpose: a second opinion, independent of the code that wrote the report. */
uint32_t report_crc32(const uint8_t *data, size_t length)
{
	const size_t field = offsetof(struct report_header, crc32);
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < length; i++) {
		crc ^= i >= field && i < field + 4 ? 0 : data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static const struct report_table *table_at(const struct report_header *header, int index)
{
	const struct report_table *tables[TABLES] = { &header->cpus, &header->phases, &header->segments, &header->pci,
						      &header->reserved, &header->loop, &header->stats,
						      &header->pattern, &header->cycles };

	return tables[index];
}

static bool table_check(const struct report_header *header, int index, char *why)
{
	const struct report_table *t = table_at(header, index);
	const char *name = table_names[index];
	uint64_t end = t->offset + (uint64_t)t->capacity * t->entry_size;

	if (!t->capacity && !t->count)
		return true;
	if (t->count > t->capacity)
		snprintf(why, REPORT_WHY_BYTES, "%s.count %u exceeds its capacity %u", name, t->count, t->capacity);
	else if (t->entry_size < table_least[index])
		snprintf(why, REPORT_WHY_BYTES, "%s.entry_size %u is less than %zu", name, t->entry_size,
			 table_least[index]);
	else if (t->offset < header->header_size)
		snprintf(why, REPORT_WHY_BYTES, "%s.offset %u lies in the header", name, t->offset);
	else if (end > header->total_size)
		snprintf(why, REPORT_WHY_BYTES, "%s ends at %llu, beyond total_size %u", name,
			 (unsigned long long)end, header->total_size);
	else
		return true;
	return false;
}

static bool tables_overlap(const struct report_header *header, char *why)
{
	for (int i = 0; i < TABLES; i++) {
		for (int j = 0; j < i; j++) {
			const struct report_table *a = table_at(header, i), *b = table_at(header, j);

			if (!a->capacity || !b->capacity)
				continue;
			if (a->offset < b->offset + b->capacity * b->entry_size &&
			    b->offset < a->offset + a->capacity * a->entry_size) {
				snprintf(why, REPORT_WHY_BYTES, "%s overlaps %s", table_names[i], table_names[j]);
				return true;
			}
		}
	}
	return false;
}

static bool header_check(const struct report_header *h, size_t length, char *why)
{
	if (h->magic != REPORT_MAGIC)
		snprintf(why, REPORT_WHY_BYTES, "magic is %016llx, not a report", (unsigned long long)h->magic);
	else if (h->version == 0)
		snprintf(why, REPORT_WHY_BYTES, "version is 0");
	else if (h->total_size > length)
		snprintf(why, REPORT_WHY_BYTES, "total_size %u exceeds the %zu bytes at hand", h->total_size, length);
	else if (h->header_size < HEADER_LEAST || h->header_size > h->total_size)
		snprintf(why, REPORT_WHY_BYTES, "header_size %u is not in %zu..%u", h->header_size,
			 (size_t)HEADER_LEAST, h->total_size);
	else
		return true;
	return false;
}

bool report_open(struct report_view *view, const void *data, size_t length, char why[REPORT_WHY_BYTES])
{
	struct report_header *h = &view->header;
	uint32_t crc;

	memset(view, 0, sizeof(*view));
	if (length < HEADER_LEAST) {
		snprintf(why, REPORT_WHY_BYTES, "%zu bytes are too short for a report", length);
		return false;
	}
	memcpy(h, data, HEADER_LEAST);
	if (!header_check(h, length, why))
		return false;
	crc = report_crc32(data, h->total_size);
	if (crc != h->crc32) {
		snprintf(why, REPORT_WHY_BYTES, "crc32 is %08x, computed %08x", h->crc32, crc);
		return false;
	}
	memcpy(h, data, h->header_size < sizeof(*h) ? h->header_size : sizeof(*h));
	for (int i = 0; i < TABLES; i++) {
		if (!table_check(h, i, why))
			return false;
	}
	if (tables_overlap(h, why))
		return false;
	view->data = data;
	view->length = h->total_size;
	return true;
}

void report_entry(const struct report_view *view, const struct report_table *table, uint32_t index, void *out,
		  size_t size)
{
	memset(out, 0, size);
	memcpy(out, view->data + table->offset + (size_t)index * table->entry_size,
	       table->entry_size < size ? table->entry_size : size);
}
