// SPDX-License-Identifier: MIT
/* One space as a read-only view of another, by pointing at its tables: rights are those of every level together
 * (SDM 3A 4.6), so a link without W makes all below it read-only, one with NX not executable. */
#ifndef MM_SHARE_H
#define MM_SHARE_H

#include "mm/space.h"

/* Where view maps nothing and base does, view shows base's mapping: read-only, and not executable but in the entry
 * that covers exec (0: nowhere). A 4 KiB hole of view under a large page of base stays one. base's tables are
 * shared: neither space may be changed, destroyed or queried by space_query() from then on. Loaded nowhere. */
void space_share_read_only(struct space *view, const struct space *base, uint64_t exec);

#endif
