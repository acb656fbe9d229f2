// SPDX-License-Identifier: MIT
/*
 * Fault injection. Two implementations, chosen by the link: faults.c in the faults build (`make faults`),
 * faults_none.c in every other, where baton.fault= is refused at the door and nothing here does anything.
 *
 * baton.fault= takes words separated by commas:
 *   flip:SEGMENT        one bit of that segment (kernel, initrd, boot_params, cmdline, setup_data, block) after its
 *                       digest was taken; SEGMENT-backup: of what it would be copied from again; digests: of the digest
 *                       table; fallback-SEGMENT, fallback-digests, fallback-plan: of what on-failure fallback starts
 *   canary              one byte of the sample of free memory, after roll call
 *   flush:N             every Nth flush of the other CPUs is not sent, and counts as acknowledged
 *   deaf:APICID         no SIPI reaches that CPU
 *   late:APICID         that CPU's INIT and SIPI are held back until everybody is given up
 *   slow:APICID         that CPU passes the trampoline's gate and arrives after it was given up
 *   twice:APICID        that CPU acknowledges HALT twice
 *   listed-twice:APICID the MADT has one entry more with that APIC ID
 *   listed-off:APICID   the MADT has one entry more with that APIC ID, disabled
 *   unlisted:APICID     the MADT has no entry of that CPU, and it gets INIT and SIPI all the same
 *   random:CPUS         in each generation what kernel/misbehave.h draws for the CPUs with APIC IDs 1 to CPUS; the
 *                       next one tells the verdicts of the report instead of judging them
 *   no-park:APICID      that CPU takes the order to park and never reaches the lot
 *   ignore-kick:APICID:spin|nmi|counter|dead
 *                       that parked CPU ignores its next command: spinning with IF=0 but taking NMIs; stuck inside the
 *                       NMI handler; never returning from it with its slot counter running; the same, and after INIT
 *                       and recall too
 *   old-park:APICID     that CPU says PARKED and stays in the kernel's own code, on its stack and tables, in MWAIT on a
 *                       line there; the boss gives it no order and counts it as halted (kernel/old_park.h)
 *   lost-store:APICID   that CPU, parked in MWAIT, misses every store to its line
 *   x2apic              the boss is put into x2APIC mode before anybody asks, as some firmware leaves it
 *   iommu-on            every VT-d unit translates, with an empty root table, before its state is read
 *   crash               an invalid instruction in the kernel, when the segments are protected
 *   triple              the same with an empty IDT: a triple fault, of which nobody in the machine can tell
 *   hang                nothing more in the kernel, when the segments are protected
 *   hang-block          nothing more in the block, after its own check
 *   stray-write[:APICID] instead of that a store into the kernel's segment, by that CPU or else the boss
 *   crash-block:once|twice|double
 *                       an invalid instruction in the block, after its own check; twice: one more in its handler;
 *                       double: a page fault that cannot be delivered
 *   engine:ENGINE       that engine of the block answers wrong (names: lib/engine.c), from its known question on
 *   door-engine:ENGINE  the same in the image, behind the door
 *   skip-verify:SEGMENT that segment is taken for good without a look (names as for flip)
 *   skip-kick:APICID    the boss does not wake that CPU, parked in HLT, when it orders all into HLT for good
 *   exchange            kernel and initrd lie in each other's place until the block copies them
 *   requests            the boss has three interrupts requested and not taken when it is about to leave the kernel
 *   stray               one word is written into the pattern that is left for the next generation
 *   bundle              a byte of the bundle, of no use to anybody, changes before it is read
 *   leak                one page more stays reserved in each generation
 *   prober[:N]          before it takes the CPUs that the Baton before it parked, Baton attacks them
 *                       (kernel/prober.h) and awaits N machine checks from outside, summed over them
 *   left:APICID@N       that CPU acknowledges HALT in generation N - 1 and runs on; generation N sends it no INIT
 *
 * WORD@N: in generation N of a loop only.
 */
#ifndef KERNEL_FAULTS_H
#define KERNEL_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/kernel.h"
#include "lib/acpi.h"
#include "lib/status.h"
#include "mm/flush.h"
#include "purgatory/report.h"

enum fault_kick { FAULT_KICK_NONE, FAULT_KICK_SPIN, FAULT_KICK_NMI, FAULT_KICK_COUNTER, FAULT_KICK_DEAD,
		  FAULT_KICK_SKIPPED = 6, FAULT_KICK_RUNS_ON, FAULT_KICK_LOST_STORE,
		  FAULT_KICK_OLD_PARK, FAULT_KICK_TWICE };	/* slot_fault has a 5 */

/* Of the boss's slot, beyond what a parked CPU's fault field may hold. */
enum fault_boss { FAULT_BOSS_NONE, FAULT_BOSS_CRASH = 16, FAULT_BOSS_CRASH_TWICE, FAULT_BOSS_HANG,
		  FAULT_BOSS_DOUBLE,
		  FAULT_BOSS_SKIPS = 32 /* + enum segment_kind */,
		  FAULT_BOSS_ENGINES = 64 /* + bits by enum engine */ };

/* Takes the words; E12 for one that is not understood. Context: boss, before anything is injected. */
enum status MUST_CHECK faults_configure(const char *words, uint64_t seed, uint64_t generation, struct problem *problem);

/* True if the report of the generation before is of CPUs that misbehaved at random: then it says what the report has of
 * them, and it is not to be judged. Context: boss, after faults_configure(). */
bool faults_tell(const struct report_header *report);

/* The MADT with what is listed in addition; table may be left as it is. Context: boss, before it is parsed. */
void faults_madt(struct acpi_table *table);

/* INIT and that SIPI, once, to whom the MADT does not list. Context: boss, the trampoline page open. */
void faults_start_unlisted(uint32_t sipi);

/* INIT and SIPI to the late. Context: boss, right after the trampoline page was closed. */
void faults_page_closed(uint64_t page);

/* Flips a bit in the middle of [base, base + size) if the segment of that name is to be damaged. Writes through
 * read-only mappings. Context: boss, after digests and mappings are final. */
void faults_damage(const char *segment, uint64_t base, uint64_t size);

/* The hook for mm/: real, or one that leaves some flushes out. */
mm_flush_others_fn faults_flush_others(mm_flush_others_fn real);

/* Loaded kernel and initrd change places if that was asked for and there is room. Writes through read-only mappings.
 * Context: boss, segments protected, before the handover is prepared. */
void faults_exchange(struct boot_plan *plan);

bool faults_canary(void);

/* x2APIC mode on this CPU, if that was asked for and exists. Context: boss, before apic_init(). */
void faults_apic(void);

/* Leaves interrupts requested on this CPU, if that was asked for. Context: boss, APIC enabled, interrupts off. */
void faults_request(void);

/* Turns a VT-d unit on, with an empty root table, if that was asked for. registers: mapped uncached. Context: boss, on
 * our tables. */
void faults_iommu(uint64_t registers);

/* Does not return if a crash was asked for. segment: an address of a protected one. Context: boss, segments final. */
void faults_trip(uint64_t segment);

/* How the boss is to misbehave in the block, for its slot's fault field. */
enum fault_boss faults_boss(void);
bool faults_deaf(uint32_t apic_id);
bool faults_no_park(uint32_t apic_id);
bool faults_late(uint32_t apic_id);
bool faults_slow(uint32_t apic_id);
bool faults_left(uint32_t apic_id);
bool faults_leak(void);

/* Whether the parked CPUs are to be attacked, and how many machine checks are awaited. */
bool faults_prober(uint32_t *machine_checks);

/* Writes one word at address, if that is asked for. */
void faults_stray(uint64_t address);
enum fault_kick faults_ignore_kick(uint32_t apic_id);

/* Changes a byte of the bundle at that address, if that is asked for. Context: boss, before anything of it is read. */
void faults_bundle(uint64_t address);

#endif
