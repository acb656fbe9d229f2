// SPDX-License-Identifier: MIT
/* What the parts of the hostile machine share. Nothing here is seen by scenarios or by the code under test. */
#ifndef TEST_HOSTILE_INTERNAL_H
#define TEST_HOSTILE_INTERNAL_H

#include <stddef.h>

#include "test/hostile/machine.h"

#define ARENA		0x600000000000ull	/* what the machine uses: state, world, pages, stacks */
#define WINDOW		0x610000000000ull	/* where the code under test thinks pages are: PROT_NONE */
#define STACK_BYTES	0x10000u
#define BUFFER_DEPTH	8
#define ANSWERS		4
#define POINTERS	3			/* cached pointers to tables per address and level */
#define ROOTS		2
#define MAX_LEVELS	5
#define INTERRUPTS_MAX	2			/* NMIs and early IPIs in a run */
#define DEVICE_WORDS	4
#define STALE_MAX	16
#define NOWHERE		UINT32_MAX

/* A store that others may not see yet. at: byte offset in the arena. */
struct pending { uint32_t at; uint8_t bytes, cpu; uint64_t value; };

struct answer { uint64_t pte; uint64_t level; };	/* level 0: none */

/* Everything that walks from a root may have left behind. */
struct sets {
	uint64_t root;					/* CR3, mode bits included */
	uint64_t pages;					/* bit mask of the tables below */
	uint8_t table[HOSTILE_WATCH][MAX_LEVELS + 1][POINTERS];	/* page number + 1, by level */
	struct answer tlb[HOSTILE_WATCH][ANSWERS];
};

/* The last four with struct scenario's platform only. */
enum take { TAKE_NOTHING, TAKE_IPI, TAKE_NMI, TAKE_MC, TAKE_IRQ, TAKE_WAKE, TAKE_LATE };

enum place { IN_FIRMWARE, AWAITS_SIPI, IN_TRAMPOLINE, STOPPED_IN_PAGE, IN_KERNEL, IN_LOT, IN_BLOCK };

/* What platform.c and lot.c know of a CPU. */
struct seat {
	uint64_t cr4, kernel_cr3;
	uint64_t seen;				/* the last command that it read in its slot */
	uint32_t first, told;			/* VERIFY's stripe as it read it; mask of chunks, since that command */
	uint32_t apic_id;
	uint8_t place;				/* enum place */
	bool nmi, irq;				/* under way to it */
	bool mcip;				/* IA32_MCG_STATUS */
	bool parked, halted;			/* what it has published */
	bool deaf;				/* looks at nothing until INIT */
	bool dead;				/* nor at INIT */
	bool armed, triggered;			/* MONITOR */
	bool looked, flushing, flushed;		/* at its control line: loaded since the last fence; CLFLUSH under way; done */
	bool icr;				/* wrote the ICR's low half by MMIO */
	bool dirty;				/* did something that lasts, and nothing could come in since */
	bool in_gate;				/* of #MC: another one now is a shutdown on every CPU */
	void *percpu;
	uint64_t odd;				/* a register that differs from the boss's */
	bool ours;				/* PAT, XCR0 and the like are the kernel's; INIT keeps them */
	uint8_t misses;				/* SIPIs that do not reach it */
	bool lied;				/* its evidence is not true */
	uint8_t reading, digested;		/* chunk + 1 under its eyes; mask of chunks, since VERIFYING */
	uint64_t init_at;			/* clock at INIT, where its length matters */
};

struct vcpu {
	void *sp;
	void *other_sp;				/* the kernel's stack while the slot's is in use; NULL: it is not */
	struct seat seat;
	struct sets sets;
	uint64_t looked;			/* pages reached into since the last visible operation */
	uint64_t wc;				/* frames with streaming stores under way */
	bool (*ready)(const void *argument);	/* waits for this */
	const void *argument;
	void (*program)(void);
	bool done, waits, spins, irq_on, in_nmi, in_mc, using;	/* spins: until somebody else makes a step */
	bool fence_open;			/* an MFENCE is done for memory, not yet for WRMSR (x2apic.c) */
	bool sleeps;				/* MWAIT or HLT: until an interrupt */
	uint8_t take, chosen;
	uint8_t ipi;				/* from these CPUs */
	uint8_t unanswered;			/* my IPIs */
	const struct flush_request *request[HOSTILE_CPUS];	/* by sender */
};

enum page_state { PAGE_FREE, PAGE_OWNED };

/* What memory may still hold where an entry has been changed since the line's last completed write-back. */
struct stale { uint32_t at; uint32_t started; uint64_t value; };
/* Memory of platform.c's, reached directly: a kind for each right that a root gives. */
#define APIC_AT 0xfee00000ull
enum region_kind { REGION_NONE, REGION_KERNEL, REGION_PLAN, REGION_SLOTS, REGION_SEGMENT, REGION_TABLE, REGION_LOW, REGION_APIC,
		   REGION_NOTES };
#define REGIONS 12
struct region { uint64_t phys, bytes; uint32_t at, kind; };
enum page_entry { ENTRY_AP, ENTRY_RECALL };

struct device_word { uint32_t at; uint64_t started, done; bool dirty; };

struct state {
	struct vcpu cpu[HOSTILE_CPUS];
	unsigned current, levels, watches, roots, devices;
	bool started;				/* a CPU has run */
	bool running;				/* the CPUs have started; false in set-up and at the end */
	unsigned atomic;			/* inside alloc and free: one visible step */
	uint64_t watch[HOSTILE_WATCH];
	struct sets home[ROOTS + 1];		/* what can be reached from each root right now; the last: scratch */
	unsigned pending_count;
	struct pending pending[HOSTILE_CPUS * BUFFER_DEPTH];	/* in the order of issue */
	uint64_t in_flight;			/* mask of watched addresses under change */
	uint64_t lost;				/* CPUs that a change gave up on */
	uint64_t dead;				/* CPUs whose machine check was their end */
	uint64_t old_type[HOSTILE_WATCH];
	uint8_t frame[HOSTILE_WATCH];		/* page number + 1 behind a watched address at change_begin() */
	const void *page_source[HOSTILE_PAGES];	/* where it was allocated */
	uint8_t page_state[HOSTILE_PAGES], page_owner[HOSTILE_PAGES];
	uint64_t was_linked;			/* mask of pages that walkers could reach since their allocation */
	uint64_t clean_started[HOSTILE_PAGES], clean_done[HOSTILE_PAGES];	/* lines written back */
	struct device_word device[DEVICE_WORDS];
	unsigned stale_count;
	struct stale stale[STALE_MAX];
	struct region region[REGIONS];
	unsigned region_count;
	uint8_t page_kind[HOSTILE_PAGES];	/* enum region_kind */
	uint32_t slots_at;
	uint64_t clock;				/* us, of platform scenarios */
	uint32_t ivt;
	uint32_t page_gate, page_entry;	/* the trampoline page: open, enum page_entry */
	uint32_t page_entered;			/* a bit for each APIC ID below 32 */
	uint64_t page_table, page_cr3;
	uint32_t page_count;
	uint32_t failed;			/* enum status that fail() ended with */
	uint32_t failed_chunk;
	bool failed_by_mc;
	bool page_freed, committed, jumped, xapic, no_page_0, no_bsp;
	bool liars, icr_sticks;
	unsigned times_late;			/* SMIs of the boss */
	uint8_t bsp, icr_left;			/* IPIs until the boss's ICR stays busy */
	uint8_t answered, called;		/* CPUs whose answers were in memory when the boss last read the clock */
	uint8_t digested[HOSTILE_CPUS];		/* chunks: by the boss, and said to be VERIFIED by the others */
	uint8_t believed, struck;		/* CPUs: the boss has read VERIFIED; a machine check came while it read a chunk */
	uint64_t taken;				/* pages that the next kernel has stored to */
	uint8_t stacks_taken;			/* likewise kernel stacks, by CPU */
	bool code_taken;			/* likewise the kernel's code and variables */
	bool counting;				/* the boss's steps, since it gave a command */
	uint32_t steps;
	uint64_t time;				/* from here on not part of the state that is compared */
	uint64_t accesses;			/* through the seam, this run */
	unsigned stuck;
	unsigned bound_left, interrupts_left;
};

#define STATE_BYTES	0x4000u
#define WORLD_BYTES	0x4000u
#define PAGES_AT	(STATE_BYTES + WORLD_BYTES)
#define STACKS_AT	(PAGES_AT + HOSTILE_PAGES * 4096u)
/* Two for each CPU: the kernel's and the slot's. */
#define STACKS		2
#define ARENA_BYTES	(STACKS_AT + HOSTILE_CPUS * STACKS * STACK_BYTES)

#define M ((struct state *)ARENA)

static inline struct vcpu *self(void) { return &M->cpu[M->current]; }
static inline uint32_t page_at(unsigned page) { return PAGES_AT + page * 4096u; }
static inline bool in_pages(uint32_t at) { return at - PAGES_AT < HOSTILE_PAGES * 4096u; }
static inline unsigned page_of_at(uint32_t at) { return (at - PAGES_AT) / 4096u; }
static inline bool in_memory(uint64_t phys) { return phys - HOSTILE_BASE < HOSTILE_PAGES * 4096ull; }
static inline unsigned page_of(uint64_t phys) { return (unsigned)((phys - HOSTILE_BASE) / 4096u); }

/* arena.c: memory, and copies of all of it. */
struct snapshot;
void arena_start(void);
struct snapshot *snapshot_take(void);
void snapshot_restore(const struct snapshot *snapshot);
void snapshot_free(struct snapshot *snapshot);
uint64_t arena_hash(void);
uint64_t arena_read(uint32_t at, unsigned bytes);
void arena_write(uint32_t at, uint64_t value, unsigned bytes);
void arena_changes(unsigned page);		/* somebody writes to it past arena_write() */
void arena_writes(const void *p, size_t bytes);		/* the same for all pages of a range; before a store past arena_write() */
uint32_t arena_offset(const void *p);		/* of a pointer that the code under test holds */

/* memory.c: store buffers, who touched what. */
uint64_t memory_view(uint32_t at, unsigned view);	/* a word as the first view pending stores leave it */
uint64_t memory_newest(uint32_t at, unsigned bytes);	/* as it will be once everything is visible */
void memory_ask_visible(uint32_t at);		/* which of the others' stores to it are, is chosen */
void memory_drain(unsigned cpu);
void memory_drain_page(unsigned cpu, unsigned page);
void memory_drain_all(void);
void memory_forget(void);			/* a new search: nothing is known to be shared */
void memory_freed(unsigned page);
unsigned memory_shared_count(void);
unsigned memory_shared(uint32_t *words, unsigned room);
void memory_share(uint32_t word);		/* for a replay */

/* stale.c: memory behind the caches, where the scenario's walkers look there. */
void stale_stored(uint32_t at, uint64_t old, uint64_t new);
void stale_flush_line(uint32_t at);		/* CLFLUSH: it leaves, and has left after the next MFENCE */
void stale_complete(void);
unsigned stale_values(uint32_t at, uint64_t values[STALE_MAX]);

/* x2apic.c: MFENCE, LFENCE, and the WRMSR that waits for neither by itself. */
void fence_settle(void);			/* before any other operation of this CPU */

/* tlb.c: the sets. */
void tlb_load(unsigned cpu, uint64_t cr3);
void tlb_invalidate(unsigned cpu, uint64_t va);
bool tlb_walkable(unsigned page);		/* could any walker be at this table? */
void tlb_stored(void);				/* the newest pending store is in a table that walkers read */
void tlb_check_free(unsigned page);
void tlb_check_fresh(unsigned cpu, uint64_t mask);
unsigned tlb_frames(unsigned cpu, unsigned watched, unsigned *pages, bool write);
void tlb_home_refresh(void);
bool tlb_may_refill(unsigned page);
uint64_t tlb_type(const struct answer *answer);
bool tlb_current(uint64_t root, unsigned watched, struct answer *answer);

/* cpu.c: coroutines and interrupts. */
enum stop { STOP_OPERATION, STOP_WAIT, STOP_CHOOSE, STOP_END, STOP_BROKEN, STOP_SHARED, STOP_PRIVATE, STOP_CLOCK };
extern enum stop stop;				/* why the last CPU stopped */
extern unsigned stop_choices;			/* STOP_CHOOSE: how many */
void cpu_start(unsigned cpu, void (*program)(void));
void cpu_start_on(unsigned cpu, unsigned stack, void (*program)(void));	/* stack: 0 or 1 */
_Noreturn void cpu_goes_on(void);		/* the current CPU, where it was started */
_Noreturn void cpu_ends(void);
void cpu_sleep(void);				/* until an interrupt */
void cpu_stop_private(void);			/* only interrupts may come in between */
void cpu_stop_clock(void);			/* the boss is about to read the clock: only an SMI may come in between */
void hostile_switch(void **from, void *to);
void cpu_run(unsigned cpu);			/* until it stops */
bool cpu_runnable(unsigned cpu);
void visible(void);				/* the running CPU is about to do a visible operation */
void looks(void);				/* the same, one that changes nothing */
_Noreturn void cpu_stop_for_good(void);		/* with stop set */
bool hostile_flush_others(const struct flush_request *request);
unsigned choose(unsigned choices);		/* the search decides; 0 .. choices - 1 */
_Noreturn void restart_search(void);
void cpu_wait_for(bool (*ready)(const void *argument), const void *argument);
void cpu_interrupt(void);

/* world.c: a run's beginning and end, on the search's own stack. */
void world_prepare(const struct scenario *scenario, const struct parameters *with);
void world_end(void);
extern const struct scenario *current_scenario;

/* search.c */
struct counts {
	uint64_t states, schedules, cuts, events;	/* schedules: run to their end; cuts: state seen before */
	unsigned depth;					/* most visible operations of one CPU in one run */
	unsigned shared, restarts;			/* words found to be shared; searches begun again for it */
	unsigned allocations;				/* of the last run */
};
/* All return false if a promise was broken: broken_check, broken_text, search_schedule. */
bool search(const struct scenario *scenario, const struct parameters *with, unsigned bound, struct counts *counts);
bool search_random(const struct scenario *scenario, const struct parameters *with, uint64_t seed, uint64_t runs,
		   struct counts *counts);
bool search_replay(const struct scenario *scenario, const struct parameters *with, unsigned bound, const char *picks);
void search_stopped(void) __attribute__((noreturn));	/* broken() on the search's own stack */
const char *search_picks(void);				/* of the last failed run */
extern bool search_keeps_all;				/* states seen are not cut: to compare */
extern unsigned run_depth[HOSTILE_CPUS];		/* visible operations so far, this run */

/* gate.c: purgatory/gates.S runs. ist_top, counter: offsets in the slot. True: it wrote 0 to IA32_MCG_STATUS. */
bool gate_run(unsigned vector, uint32_t ist_top, uint32_t counter);

/* platform.c, lot.c: what scenarios with platform ask for. */
struct offer { enum take take; unsigned cost, interrupt; };
unsigned platform_offers(unsigned cpu, struct offer *offers);	/* at most 4 */
void platform_interrupt(enum take take);	/* the current CPU takes it */
bool platform_ended(unsigned cpu);		/* nothing will happen to it any more */
void platform_time_passes(unsigned stuck);	/* nobody can go on */
void platform_prepare(void);
void platform_access(uint32_t at, bool write);	/* may it, on the root that it runs on? */
void platform_stored(uint32_t at);		/* a store to it has reached memory */
void platform_icr_written(void);
void platform_icr_busy(void);			/* is it now? */
void platform_wrmsr(uint32_t msr, uint64_t value);
void platform_check_ivt(void);
void platform_ipi(uint32_t id, uint32_t icr);
void platform_loads(uint32_t at, uint64_t value);
void platform_stores(uint32_t at, uint64_t value);
void *platform_pointer(uint64_t phys);		/* NULL: none of its memory */
bool lot_on_slot_stack(void);
void lot_status_stored(unsigned slot, uint64_t word);
_Noreturn void lot_goes_on(void);		/* the loop again, from the top of the slot's stack */
void lot_recalled(void);
void lot_monitor(const void *p);
void lot_mwait(void);
void lot_clflush(const void *p);
void lot_fence(void);
bool memory_plain(uint32_t at, unsigned bytes, bool write);

/* promise.c: what each control word has led to. */
void promise_clock_read(void);			/* by the boss */
void promise_moves(uint32_t at, uint64_t from, uint64_t to);	/* a compare and exchange is done */
void promise_status(uint64_t word);		/* the current CPU, in the lot, stores it to its own slot */
void promise_loads(unsigned slot, uint32_t offset, uint64_t value);	/* the boss */
void promise_begins(uint32_t chunk);		/* the current CPU notes it in its slot */
void promise_digested(const void *data);		/* its digest is computed */
void promise_struck(void);			/* a machine check */
void promise_jump(void);

/* next.c: the next kernel. */
void next_access(uint32_t at, bool write);	/* by the current CPU */
void next_fetch(void);				/* it runs the kernel's code */

/* trace.c */
extern bool tracing;
void trace_begin(void);
void trace_event(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *trace_word(uint32_t at);
const char *trace_phys(uint64_t phys);
void trace_show(void);				/* what was collected, in columns */

extern const char *broken_check;		/* of the last failed run */
extern char broken_text[400];

#endif
