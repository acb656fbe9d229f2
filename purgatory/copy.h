// SPDX-License-Identifier: MIT
/* What could not be read to its final place is moved there after commit. */
#ifndef PURGATORY_COPY_H
#define PURGATORY_COPY_H

#include "purgatory/plan.h"

/* True if some segment has a source. */
bool copy_needed(const struct plan *plan);

/* Copies each such segment, in an order in which no page is overwritten before it is copied, circles included, then
 * zeroes the tails. Sources and destinations start on a page, no two sources share one, no two destinations, and no
 * destination one with a segment that is in place. Context: boss, hand-over root. */
void copy_segments(const struct plan *plan);

/* Chunk index of the digest table from its segment's backup once more. False: there is none. Context: as above. */
bool copy_chunk(const struct plan *plan, uint32_t index);

#endif
