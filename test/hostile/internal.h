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

enum take { TAKE_NOTHING, TAKE_IPI, TAKE_NMI, TAKE_MC };

struct vcpu {
	void *sp;
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
	uint64_t time;				/* from here on not part of the state that is compared */
	uint64_t accesses;			/* through the seam, this run */
	unsigned stuck;
	unsigned bound_left, interrupts_left;
};

#define STATE_BYTES	0x4000u
#define WORLD_BYTES	0x4000u
#define PAGES_AT	(STATE_BYTES + WORLD_BYTES)
#define STACKS_AT	(PAGES_AT + HOSTILE_PAGES * 4096u)
#define ARENA_BYTES	(STACKS_AT + HOSTILE_CPUS * STACK_BYTES)

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
uint32_t arena_offset(const void *p);		/* of a pointer that the code under test holds */

/* memory.c: store buffers, who touched what. */
uint64_t memory_view(uint32_t at, unsigned view);	/* a word as the first view pending stores leave it */
uint64_t memory_newest(uint32_t at, unsigned bytes);	/* as it will be once everything is visible */
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
enum stop { STOP_OPERATION, STOP_WAIT, STOP_CHOOSE, STOP_END, STOP_BROKEN, STOP_SHARED };
extern enum stop stop;				/* why the last CPU stopped */
extern unsigned stop_choices;			/* STOP_CHOOSE: how many */
void cpu_start(unsigned cpu, void (*program)(void));
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
