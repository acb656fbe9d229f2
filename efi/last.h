// SPDX-License-Identifier: MIT
/*
 * The last start's record, looked for in free memory, and the variable that keeps it. Best effort in both: memory may
 * have lost it, firmware may refuse to store it, and neither ends a start. Before ExitBootServices only.
 */
#ifndef EFI_LAST_H
#define EFI_LAST_H

#include "boot/last.h"

struct last_told {
	bool hold;			/* the menu waits for a person */
	char story[LAST_STORY_BYTES];	/* "": nothing to tell */
	struct problem refusal;		/* what went wrong then, with its own number */
	struct problem problem;		/* what went wrong with the record or the variable now */
};

/* Finds and consumes the record (it is cleared in memory), brings the variable up to date and words what the menu has
 * to say. Early: before anything large is loaded over free memory. */
void last_read(struct last_told *told);

/* A person has chosen an entry: the next start need not wait again for this refusal. */
void last_chosen(void);

#endif
