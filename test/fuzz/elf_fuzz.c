// SPDX-License-Identifier: MIT
/* Any bytes as an ELF file and its notes: what passes lies inside the file. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "boot/elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void want(bool so)
{
	if (!so)
		__builtin_trap();
}

static void check_elf(const uint8_t *data, size_t size)
{
	static struct elf elf;
	struct problem p = { 0 };
	bool entered = false;

	if (elf_check(&elf, "x", data, size, &p)) {
		want(p.code && p.text[0]);
		return;
	}
	for (unsigned i = 0; i < elf.load_count; i++) {
		const struct elf_segment *s = &elf.loads[i];

		want(s->file_size <= size && s->offset <= size - s->file_size && s->file_size <= s->memory_size);
		want(s->address >= 1u << 20 && s->address >= elf.start && s->address + s->memory_size <= elf.end);
		want(!i || s->address >= elf.loads[i - 1].address + elf.loads[i - 1].memory_size);
		entered |= elf.entry >= s->address && elf.entry - s->address < s->file_size;
	}
	want(entered == !elf_check_entry(&elf, "x", "e_entry", elf.entry, &p) && elf.end - elf.start <= ELF_SPAN_MAX);
	for (unsigned i = 0; i < elf.note_count; i++) {
		const struct elf_segment *s = &elf.notes[i];

		want(s->file_size <= size && s->offset <= size - s->file_size);
		(void)elf_check_notes(&elf, "x", s, data + s->offset, &p);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_elf(data, size);
	return 0;
}
