// SPDX-License-Identifier: MIT
#include "mm/share.h"

#include "mm/table.h"

/* exec_here: the tables cover the address that stays executable. */
static void share(struct page_table *view, const struct page_table *base, unsigned level, uint64_t exec, bool exec_here,
		  uint64_t nx)
{
	for (unsigned i = 0; i < PTE_COUNT; i++) {
		uint64_t from = pte_load(base, i), to = pte_load(view, i);
		bool here = exec_here && i == pte_index(exec, level);

		if (!(from & PTE_PRESENT))
			continue;
		if (!(to & PTE_PRESENT))
			pte_store(view, i, (from & ~(uint64_t)PTE_WRITE) | (here ? 0 : nx));
		else if (pte_is_table(from, level) && pte_is_table(to, level))
			share(table_at(to & PTE_ADDRESS), table_at(from & PTE_ADDRESS), level - 1, exec, here, nx);
	}
}

void space_share_read_only(struct space *view, const struct space *base, uint64_t exec)
{
	share(table_at(view->root), table_at(base->root), view->levels, exec, exec != 0,
	      view->features.nx ? PTE_NX : 0);
}
