// SPDX-License-Identifier: MIT
#include "efi/last.h"

#include "efi/firmware.h"
#include "efi/memory.h"
#include "efi/protocols.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "x86/cpu.h"

#define PAGE		4096ull
#define ACCESS		(EFI_VARIABLE_NON_VOLATILE | EFI_VARIABLE_BOOTSERVICE_ACCESS | EFI_VARIABLE_RUNTIME_ACCESS)
#define VARIABLE_BYTES	1024		/* what a newer Baton may have stored; longer ones are not ours */

struct search {
	enum last_kind found;
	struct report_refusal refusal;
	struct problem *problem;
};

static const CHAR16 variable[] = L"" REFUSAL_VARIABLE;
static struct report_refusal stored;	/* magic 0: there is no variable */

/* Told once: whatever it was, it is gone, and stays gone over a reset. */
static void consume(void *record)
{
	memset(record, 0, sizeof(uint64_t));
	/* order: the store before its write-back. pairs with: memory after a reset. else: it is told twice */
	cpu_mfence();
	cpu_clflush(record);
	/* order: the write-back before the reset. pairs with: as above. else: as above */
	cpu_mfence();
}

static void search_run(void *ctx, uint64_t base, uint64_t end)
{
	struct search *search = ctx;
	uint64_t at;

	for (at = base; at + PAGE <= end; at += PAGE) {
		uint64_t address = at + LAST_PAGE_OFFSET;
		struct report_refusal refusal;
		enum last_kind kind;

		if (*(const uint64_t *)address != REPORT_MAGIC)
			continue;
		kind = last_judge((const void *)address, end - address, address, &refusal, search->problem);
		if (kind == LAST_REFUSED)
			search->refusal = refusal;
		/* Several are left when other memory was free then. A refusal is worth more than a success. */
		if (kind == LAST_REFUSED || search->found == LAST_NOTHING ||
		    (kind == LAST_GOOD && search->found == LAST_DAMAGED))
			search->found = kind;
		consume((void *)address);
	}
}

static void read_variable(struct problem *problem)
{
	uint8_t data[VARIABLE_BYTES];
	UINTN bytes = sizeof data;
	EFI_STATUS status = firmware.runtime->GetVariable((CHAR16 *)variable, &guid_refusal, NULL, &bytes, data);

	memset(&stored, 0, sizeof stored);
	if (status == EFI_SUCCESS)
		last_open(data, bytes, &stored, problem);
	else if (status != EFI_NOT_FOUND)
		problem_set(problem, E_FIRMWARE, "variable %s: reading: %s", REFUSAL_VARIABLE,
			    firmware_status_text(status));
}

static void write_variable(struct problem *problem)
{
	UINTN bytes = stored.magic ? sizeof stored : 0;
	EFI_STATUS status = firmware.runtime->SetVariable((CHAR16 *)variable, &guid_refusal, ACCESS, bytes, &stored);

	if (status && !(status == EFI_NOT_FOUND && !bytes))
		problem_set(problem, E_FIRMWARE, "variable %s: writing: %s; told this once", REFUSAL_VARIABLE,
			    firmware_status_text(status));
}

void last_read(struct last_told *told)
{
	struct search search = { .found = LAST_NOTHING, .problem = &told->problem };

	memset(told, 0, sizeof *told);
	read_variable(&told->problem);
	memory_walk_borders(LAST_REACH, search_run, &search, &told->problem);
	if (last_merge(&stored, search.found, &search.refusal) != LAST_KEEP)
		write_variable(&told->problem);
	told->hold = stored.magic && stored.hold;
	if (!told->hold && search.found != LAST_REFUSED)
		return;
	last_story(&stored, search.found == LAST_REFUSED, firmware.clock, told->story);
	problem_set(&told->refusal, stored.failure ? stored.failure : E_HANDOVER_REFUSED, "%s", stored.text);
}

void last_chosen(void)
{
	struct problem unheard = { .code = OK };

	if (!stored.magic || !stored.hold)
		return;
	stored.hold = 0;
	last_seal(&stored);
	write_variable(&unheard);
}
