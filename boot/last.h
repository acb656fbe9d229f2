// SPDX-License-Identifier: MIT
/*
 * What became of the last start: the report that it left in memory (protocol rule 16), the variable that remembers a
 * refusal over power-offs, and what both mean for this start's menu. Pure over (pointer, length); any context.
 */
#ifndef BOOT_LAST_H
#define BOOT_LAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/status.h"
#include "purgatory/report.h"

#define LAST_RECORD_MAX		(1u << 20)	/* bytes; a report of 4096 CPUs is far below */
#define LAST_REACH		(16u << 20)	/* from the ends of free memory; blocks of 1000 CPUs: below 4 MiB */
#define LAST_PAGE_OFFSET	16u		/* of a report in its page: behind the setup_data header */
#define LAST_STORY_BYTES	256

enum last_kind { LAST_NOTHING, LAST_GOOD, LAST_REFUSED, LAST_DAMAGED };

/*
 * Judges length bytes of free memory at a physical address. Nothing there is trusted: firmware may have used it since.
 * LAST_REFUSED: *refusal has its story, count and hold still 0. LAST_GOOD: a sealed report of a handover that took
 * place. LAST_DAMAGED: a refusal that is not whole any more or of a newer version; E85 names the field. A damaged
 * report of anything else is LAST_NOTHING.
 */
enum last_kind last_judge(const void *data, uint64_t length, uint64_t address, struct report_refusal *refusal,
			  struct problem *problem);

/* Takes the variable's bytes. False: they are not a sound one, E85 names the field; *refusal is all zero. */
bool last_open(const void *data, uint64_t length, struct report_refusal *refusal, struct problem *problem);

/* Fills magic, version, sizes and CRC. */
void last_seal(struct report_refusal *refusal);

enum last_action { LAST_KEEP, LAST_WRITE, LAST_DELETE };

/*
 * What the variable becomes. stored: as it is (magic 0: there is none), and out: as it is to be. A refusal found raises
 * the count and holds the menu, but for on-failure reboot, which is one more try: there the second refusal in a row
 * holds. A good handover found ends all that.
 */
enum last_action last_merge(struct report_refusal *stored, enum last_kind found, const struct report_refusal *fresh);

/* One line for people about stored. fresh: it happened at the last start. now: firmware's clock, 0: unknown. */
void last_story(const struct report_refusal *stored, bool fresh, uint64_t now, char text[LAST_STORY_BYTES]);

#endif
