// SPDX-License-Identifier: MIT
#include "test/hostile/scenario/scenario.h"

extern const struct scenario
	unmap_leaf_scenario, unmap_tables_scenario, table_reuse_scenario, two_changers_scenario, load_scenario,
	switch_scenario, both_load_scenario, lazy_scenario, lazy_free_scenario, destroy_scenario, protect_scenario,
	retype_scenario, split_scenario, map_scenario, lost_unmap_scenario, lost_retype_scenario,
	lost_split_scenario, write_back_scenario, alone_scenario, mixed_scenario, walkers_scenario,
	nmi_walker_scenario, two_gathers_scenario, batch_page_scenario, lam_scenario, lost_lam_scenario,
	merge_scenario, lost_merge_scenario, rewrite_scenario, rewrite_refused_scenario,
	rewrite_past_caches_scenario, walker_past_caches_scenario, mc_walker_scenario, mc_dies_scenario, x2apic_scenario,
	refuse_scenario, kernel_scenario, lost_protect_scenario, lazy_mwait_scenario;

extern const struct scenario
	park_hlt_scenario, park_mwait_scenario, kick_hlt_scenario, kick_mwait_scenario, leave_scenario,
	handover_hlt_scenario, handover_mwait_scenario, recall_scenario, dead_refused_scenario, dead_goes_on_scenario,
	held_scenario, lost_stays_scenario, bring_up_scenario, never_comes_scenario, out_of_reach_scenario,
	differs_scenario, disabled_scenario, call_flush_scenario, call_lost_scenario,
	calls_scenario, damaged_first_scenario, damaged_second_scenario, damaged_tail_scenario,
	damaged_plan_scenario, damaged_header_scenario, damaged_table_scenario, fallback_scenario,
	fallback_damaged_scenario, recall_xapic_scenario, there_and_back_scenario, comes_later_scenario, no_bsp_scenario,
	next_kernel_scenario, next_kernel_alone_scenario, no_next_kernel_scenario, halt_late_scenario,
	verify_late_scenario, recall_late_scenario, second_sipi_scenario, deaf_bsp_scenario,
	kick_on_time_scenario, kick_without_wakes_scenario, kick_exact_scenario,
	not_there_scenario, icr_sticks_scenario, mailbox_scenario, no_page_0_scenario, no_recall_page_scenario, halt_again_scenario;

const struct scenario *const scenarios[] = {
	&unmap_leaf_scenario, &unmap_tables_scenario, &table_reuse_scenario, &two_changers_scenario, &load_scenario,
	&switch_scenario, &both_load_scenario, &lazy_scenario, &lazy_free_scenario, &destroy_scenario,
	&protect_scenario, &retype_scenario, &split_scenario, &map_scenario, &lost_unmap_scenario,
	&lost_retype_scenario, &lost_split_scenario, &write_back_scenario, &alone_scenario, &mixed_scenario,
	&walkers_scenario, &nmi_walker_scenario, &two_gathers_scenario, &batch_page_scenario, &lam_scenario,
	&lost_lam_scenario, &merge_scenario, &lost_merge_scenario, &rewrite_scenario, &rewrite_refused_scenario,
	&rewrite_past_caches_scenario, &walker_past_caches_scenario, &mc_walker_scenario, &mc_dies_scenario,
	&x2apic_scenario, &refuse_scenario, &kernel_scenario, &lost_protect_scenario,
	&lazy_mwait_scenario,
	&park_hlt_scenario, &park_mwait_scenario, &kick_hlt_scenario, &kick_mwait_scenario, &leave_scenario,
	&handover_hlt_scenario, &handover_mwait_scenario, &recall_scenario, &dead_refused_scenario, &dead_goes_on_scenario,
	&held_scenario, &lost_stays_scenario, &bring_up_scenario, &never_comes_scenario, &out_of_reach_scenario,
	&differs_scenario, &disabled_scenario, &call_flush_scenario, &call_lost_scenario,
	&calls_scenario, &damaged_first_scenario, &damaged_second_scenario, &damaged_tail_scenario,
	&damaged_plan_scenario, &damaged_header_scenario, &damaged_table_scenario, &fallback_scenario,
	&fallback_damaged_scenario, &recall_xapic_scenario, &there_and_back_scenario, &comes_later_scenario, &no_bsp_scenario,
	&next_kernel_scenario, &next_kernel_alone_scenario, &no_next_kernel_scenario, &halt_late_scenario,
	&verify_late_scenario, &recall_late_scenario, &second_sipi_scenario, &deaf_bsp_scenario,
	&kick_on_time_scenario, &kick_without_wakes_scenario, &kick_exact_scenario,
	&not_there_scenario, &icr_sticks_scenario, &mailbox_scenario, &no_page_0_scenario,
	&no_recall_page_scenario, &halt_again_scenario,
	NULL
};

extern const struct scenario self_wait_scenario, self_twice_scenario, self_mapped_scenario, self_leak_scenario,
	self_buffer_scenario, self_fence_scenario;

const struct scenario *const self_scenarios[] = {
	&self_wait_scenario, &self_twice_scenario, &self_mapped_scenario, &self_leak_scenario, &self_buffer_scenario,
	&self_fence_scenario,
	NULL
};
