// SPDX-License-Identifier: MIT
/*
 * The hostile machine: runs real code on up to HOSTILE_CPUS processors, chooses who runs next at every visible
 * operation, and keeps for each processor everything that it may have cached. docs/hostile.md is the definition.
 *
 * This header is what scenarios see. All state that a scenario changes lies in the arena (struct world, the pages, the
 * stacks), so that a snapshot holds it.
 */
#ifndef TEST_HOSTILE_MACHINE_H
#define TEST_HOSTILE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mm/flush.h"
#include "mm/load.h"
#include "mm/phys.h"
#include "mm/source.h"
#include "mm/space.h"

#define HOSTILE_CPUS	3
#define HOSTILE_PAGES	60			/* of "physical" memory */
#define HOSTILE_BASE	0x10000000ull		/* physical address of the first */
#define HOSTILE_WATCH	6			/* virtual addresses watched */
#define HOSTILE_PARK	0x7000ull		/* a root that maps none of them */

/* What a scenario may change besides pages and its CPUs' stacks. Lies in the arena. */
struct world {
	struct space space[2];
	struct mm_cpu cpu[HOSTILE_CPUS];
	struct page_source tables, data;
	shared_u32 flag[4];			/* for the scenario's own use */
	shared_u32 lock;
	uint64_t note[8];			/* the same, plain: one CPU's or set up before */
	struct phys phys;
};

extern struct world *const world;

/* MWAIT never sleeps; a store never wakes it; a store to the monitored line wakes it. */
enum mwait { MWAIT_RETURNS, MWAIT_DEAF, MWAIT_EXACT };

/* What may differ between runs of one scenario. */
struct parameters {
	unsigned cpus;
	unsigned capacity;			/* of a gather; 0: as space_init() sets it */
	unsigned fail_from, fail_count;		/* allocations, counted from the end of setup; 0: none */
	enum mwait mwait;
};

struct scenario {
	const char *name, *what;
	void (*setup)(void);			/* runs alone, before the CPUs start */
	void (*program[HOSTILE_CPUS])(void);
	void (*end)(void);			/* all programs have ended, nothing is under way */
	unsigned deaf;				/* bit mask: these CPUs never answer an IPI */
	bool nmi;				/* NMIs arrive; on_nmi is their handler */
	void (*on_nmi)(void);
	void (*on_mc)(void);			/* machine checks arrive, in an NMI's handler too; this is theirs */
	void (*on_ipi)(unsigned sender);	/* IPIs are apic_send()'s in x2APIC mode, and this takes them; NULL: flushes */
	bool past_caches;			/* page walkers see memory, not what this CPU's caches hold */
	bool allocates;				/* the outer loop over failing allocations makes sense */
	unsigned capacities[3];			/* of a gather, 0 ends the list; none: one run with 0 */
	bool platform;				/* of smp/ and the lot: time, IPIs and sleep are platform.c's (platform.h) */
	unsigned strays;			/* with platform: enum stray */
	bool guest;				/* likewise: CPUID says hypervisor */
	bool old_processor;			/* likewise: family 5 */
	bool trusting;				/* likewise: nobody's place or right is checked but by the next kernel's stores */
	enum mwait mwait;			/* of a platform scenario without all_mwaits */
	bool all_mwaits;			/* once with each enum mwait; without platform the last is as the first */
};

extern const struct scenario *const scenarios[];	/* NULL at the end */
extern const struct scenario *const self_scenarios[];	/* the machine's own test: "self:" and the check that must notice */
extern struct parameters parameters;

/* --- set-up ------------------------------------------------------------------------------------------------ */

/* Memory, sources and the hook; count of pages that phys gets. */
void world_start(unsigned pages);
/* space_init() of world->space[which], watched by the machine from then on. */
void world_space(unsigned which, unsigned levels);
/* An address whose translations are followed. Each table that a scenario links must lie on the way to one. Returns its
 * number. */
unsigned watch(uint64_t va);
/* A page from phys for data; its physical address. */
uint64_t data_page(void);

/* --- what programs do besides calling mm/ --------------------------------------------------------------------- */

/* The CPU uses the space from the return of load() or busy() to the call of lazy() or leave(). All four call mm/, with
 * interrupts on. */
void cpu_load(unsigned space);
void cpu_leave(void);
void cpu_lazy(void);
void cpu_busy(void);
/* The same for a CPU that is parked: mm/ learns of it from somebody else (space_left()). */
void cpu_parks(void);

/* In set-up: the CPU runs the space when its program starts. */
void starts_in(unsigned cpu, unsigned space);

/* A load, and a streaming store, to a watched address; a fault is fine. */
void touch(unsigned watched);
void stream(unsigned watched);

/* Around a change that this CPU makes: the watched addresses that change, as a mask. After it no CPU that uses the
 * space may have another translation than the tables. everywhere: lazy CPUs neither (something was freed). */
#define CHANGE_MODE (1u << 31)			/* in a mask: the space's mode (mm/lam.h) */
void change_begin(unsigned mask);
void change_end(unsigned mask, bool everywhere);
/* It ended with a CPU lost: only what others have is checked. */
void change_end_lost(unsigned mask);

/* Spins, one CPU at a time. */
void lock_take(void);
void lock_give(void);

/* In on_mc: this CPU stops for good, with its walker on and its interrupts off. */
_Noreturn void cpu_dies(void);
bool cpu_is_dead(unsigned cpu);

/* Waits until the flag has the value. Interrupts are served meanwhile if they are on. */
void flag_wait(shared_u32 *flag, uint32_t value);

/* Set-up: the 8-byte word is also read past the caches. */
void device_word(uint64_t phys);
/* Reads the word as a device does, past the caches: whatever was there since the last completed write-back. */
void read_past_caches(uint64_t phys, uint64_t expected);

/* The lines of the page at a watched address were all written back since change_begin(). */
void expect_written_back(unsigned watched);
/* So were the lines of all tables that the space links, since they were last stored to. */
void expect_tables_written_back(unsigned space);

void run_on_start(void (*fn)(void));	/* lot_restart(): the CPU drops its stack and goes on with fn; does not return */

/* Fails the run: check is the name of the broken promise, as docs/hostile.md lists it. */
_Noreturn void broken(const char *check, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define EXPECT(condition) ((condition) ? (void)0 : broken("wrong-answer", "%s:%d: %s", __FILE__, __LINE__, #condition))

#endif
