// SPDX-License-Identifier: MIT
/*
 * usage: hostile [-c CPUS] [-b BOUND] [-l LOWEST] [-f] [NAME...]   every schedule within the bound, of these scenarios or
 *                                                                   all of mm/; -f: ends at the first broken one; -x: states
 *                                                                   seen before are not cut
 *        hostile -t SECONDS [-s SEED] [NAME...]                     random schedules, no bound
 *        hostile -r SCHEDULE                                        one schedule, step by step
 *        hostile -n                                                 names
 * Exit status 0: nothing was broken. 1: a promise was broken, named, with the schedule. 3: the code under test crashed.
 * 4: it hangs without a visible operation.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "test/hostile/internal.h"

#define RUNS_A_ROUND 200			/* random schedules of one scenario with one set of parameters */
#define HANG_S 20				/* of processor time, for all scenarios at one bound with -f */

static unsigned cpus = 2, bound = 3, lowest = UINT32_MAX;
static bool first_only;

static void on_hang(int signal)
{
	(void)signal;
	_exit(4);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A plain access to what only the seam may touch is a broken promise; any other fault is a crash. */
static void on_fault(int signal, siginfo_t *info, void *context)
{
	uint64_t at = (uint64_t)info->si_addr;
	sigset_t all;

	if (signal == SIGSEGV && at - WINDOW < HOSTILE_PAGES * 4096ull) {
		sigemptyset(&all);
		sigprocmask(SIG_SETMASK, &all, NULL);
		broken("plain-access", "CPU %u reaches page %u past the seam", M->current, (unsigned)((at - WINDOW) / 4096));
	}
	if (signal == SIGSEGV && !at && !((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP]) {
		sigemptyset(&all);
		sigprocmask(SIG_SETMASK, &all, NULL);
		broken("null-call", "CPU %u calls a function that is not there", M->current);
	}
	dprintf(2, "hostile: crash, signal %d at 0x%llx\n", signal, (unsigned long long)at);
	_exit(3);
}

static void catch_faults(void)
{
	static uint8_t stack[64 << 10];
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };
	stack_t other = { .ss_sp = stack, .ss_size = sizeof(stack) };

	sigaltstack(&other, NULL);
	action.sa_flags |= SA_ONSTACK;
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGILL, &action, NULL);
	sigaction(SIGFPE, &action, NULL);
}

/* NAME:cpus:capacity:first+failing:mwait:bound:shared words:picks */
static void print_schedule(const struct scenario *scenario, const struct parameters *with, unsigned limit)
{
	uint32_t words[4096];
	unsigned i, count = memory_shared(words, 4096);

	printf("  schedule %s:%u:%u:%u+%u:%u:%u:", scenario->name, with->cpus, with->capacity, with->fail_from,
	       with->fail_count, with->mwait, limit);
	for (i = 0; i < count; i++)
		printf("%s%x", i ? "." : "", words[i]);
	printf(":%s\n", search_picks());
}

static const struct scenario *find(const char *name, size_t length)
{
	const struct scenario *const *s;

	for (s = scenarios; *s; s++)
		if (strlen((*s)->name) == length && !memcmp((*s)->name, name, length))
			return *s;
	for (s = self_scenarios; *s; s++)
		if (strlen((*s)->name) == length && !memcmp((*s)->name, name, length))
			return *s;
	fprintf(stderr, "hostile: no scenario %.*s\n", (int)length, name);
	exit(2);
}

static void report_broken(const struct scenario *scenario, const struct parameters *with, unsigned limit)
{
	printf("BROKEN %s: %s: %s\n", scenario->name, broken_check, broken_text);
	printf("  with %u CPUs, capacity %u, failing allocations %u+%u, bound %u\n", with->cpus, with->capacity,
	       with->fail_from, with->fail_count, limit);
	print_schedule(scenario, with, limit);
}

static int replay(const char *text)
{
	struct parameters with = { 0 };
	unsigned mwait, limit;
	const char *rest = strchr(text, ':');
	const struct scenario *scenario;
	int used = 0;
	char *end;

	if (!rest || sscanf(rest, ":%u:%u:%u+%u:%u:%u:%n", &with.cpus, &with.capacity, &with.fail_from, &with.fail_count,
			    &mwait, &limit, &used) != 6 || !used || with.cpus < 1 || with.cpus > HOSTILE_CPUS) {
		fprintf(stderr, "hostile: not a schedule: %s\n", text);
		return 2;
	}
	scenario = find(text, (size_t)(rest - text));
	with.mwait = mwait <= MWAIT_EXACT ? (enum mwait)mwait : MWAIT_RETURNS;
	memory_forget();
	for (rest += used; *rest && *rest != ':'; rest = end + (*end == '.')) {
		memory_share((uint32_t)strtoul(rest, &end, 16));
		if (end == rest)
			return 2;
	}
	trace_begin();
	if (search_replay(scenario, &with, limit, *rest ? rest + 1 : rest)) {
		trace_show();
		printf("nothing was broken\n");
		return 0;
	}
	trace_show();
	printf("BROKEN %s: %s: %s\n", scenario->name, broken_check ? broken_check : "?", broken_text);
	return 1;
}

struct total { struct counts counts; unsigned variants, capacity; };

static bool one(const struct scenario *scenario, const struct parameters *with, unsigned limit, struct total *total)
{
	struct counts counts = { 0 };
	bool good = search(scenario, with, limit, &counts);

	total->variants++;
	total->counts.states += counts.states;
	total->counts.schedules += counts.schedules;
	total->counts.cuts += counts.cuts;
	total->counts.events += counts.events;
	total->counts.restarts += counts.restarts;
	total->counts.allocations = counts.allocations;
	if (counts.depth > total->counts.depth)
		total->counts.depth = counts.depth;
	if (counts.shared > total->counts.shared)
		total->counts.shared = counts.shared;
	if (with->capacity > total->capacity)
		total->capacity = with->capacity;
	if (!good)
		report_broken(scenario, with, limit);
	return good;
}

/* All capacities; for each no allocation failing, then the k-th, then all from the k-th. */
static bool all_variants(const struct scenario *scenario, unsigned limit, struct total *total)
{
	unsigned i, k, allocations;
	struct parameters with = { .cpus = cpus };

	if (!scenario->all_mwaits)
		with.mwait = scenario->mwait;
	else if (!scenario->platform)
		with.mwait = MWAIT_DEAF;	/* the other two are the same there */
	for (; scenario->all_mwaits && with.mwait < MWAIT_EXACT; with.mwait++)
		if (!one(scenario, &with, limit, total))
			return false;
	for (i = 0; !i || (i < 3 && scenario->capacities[i]); i++) {
		with.capacity = scenario->capacities[i];
		with.fail_from = with.fail_count = 0;
		if (!one(scenario, &with, limit, total))
			return false;
		allocations = scenario->allocates ? total->counts.allocations : 0;
		for (k = 1; k <= allocations; k++) {
			with.fail_from = k;
			with.fail_count = 1;
			if (!one(scenario, &with, limit, total))
				return false;
			with.fail_count = UINT32_MAX;
			if (k < allocations && !one(scenario, &with, limit, total))
				return false;
		}
	}
	return true;
}

static bool exhaust(const struct scenario *scenario)
{
	double start = seconds();
	struct total total;
	unsigned limit;
	bool good = true;

	for (limit = lowest < bound ? lowest : bound; good && limit <= bound; limit++) {
		memset(&total, 0, sizeof(total));
		good = all_variants(scenario, limit, &total);
	}
	printf("%-22s cpus %u bound %u variants %2u events %9llu depth %3u shared %3u capacity %u states %8llu schedules %8llu "
	       "cuts %8llu restarts %3u seconds %.1f %s\n",
	       scenario->name, cpus, limit - 1, total.variants, (unsigned long long)total.counts.events, total.counts.depth,
	       total.counts.shared, total.capacity, (unsigned long long)total.counts.states,
	       (unsigned long long)total.counts.schedules, (unsigned long long)total.counts.cuts, total.counts.restarts,
	       seconds() - start, good ? "good" : "BROKEN");
	fflush(stdout);
	return good;
}

static uint64_t mixed(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static int random_runs(const struct scenario **list, unsigned count, double time, uint64_t seed)
{
	struct counts counts = { 0 };
	double end = seconds() + time;
	uint64_t round;
	unsigned bad = 0;

	for (round = 0; seconds() < end && !bad; round++) {
		uint64_t r = mixed(seed + round * 0x9e3779b97f4a7c15ull);
		const struct scenario *scenario = list[r % count];
		struct parameters with = { .cpus = 2 + (r >> 16) % (HOSTILE_CPUS - 1) };
		unsigned capacities = 1;

		while (capacities < 3 && scenario->capacities[capacities])
			capacities++;
		/* One in four with the real capacity. */
		with.capacity = (r >> 40) % 4 ? scenario->capacities[(r >> 24) % capacities] : 0;
		if (scenario->allocates && (r >> 32) % 2) {
			with.fail_from = 1 + (r >> 33) % 6;
			with.fail_count = (r >> 36) % 2 ? 1 : UINT32_MAX;
		}
		memory_forget();
		if (!search_random(scenario, &with, r, RUNS_A_ROUND, &counts)) {
			report_broken(scenario, &with, UINT32_MAX / 2);
			bad++;
		}
	}
	printf("hostile: %u scenarios, %llu random schedules, %llu events, %llu rounds, seed %llu, %.0f s: %s\n", count,
	       (unsigned long long)counts.schedules, (unsigned long long)counts.events, (unsigned long long)round,
	       (unsigned long long)seed, seconds() - (end - time), bad ? "BROKEN" : "nothing was broken");
	return bad ? 1 : 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: hostile [-c CPUS] [-b BOUND] [-l LOWEST] [-f] [-x] [NAME...] | -t SECONDS [-s SEED] [NAME...] | "
			"-r SCHEDULE | -n\n");
	return 2;
}

int main(int argc, char **argv)
{
	const struct scenario *list[128];
	unsigned count = 0, i, good = 0;
	uint64_t seed = 1;
	double time = 0;
	bool all;
	int option;

	catch_faults();
	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((option = getopt(argc, argv, "c:b:l:t:s:r:nfx")) != -1) {
		switch (option) {
		case 'c': cpus = (unsigned)atoi(optarg); break;
		case 'b': bound = (unsigned)atoi(optarg); break;
		case 'l': lowest = (unsigned)atoi(optarg); break;
		case 't': time = atof(optarg); break;
		case 's': seed = strtoull(optarg, NULL, 0); break;
		case 'r': return replay(optarg);
		case 'f':
			first_only = true;
			signal(SIGPROF, on_hang);
			setitimer(ITIMER_PROF, &(struct itimerval){ .it_value.tv_sec = HANG_S }, NULL);
			break;
		case 'x': search_keeps_all = true; break;
		case 'n':
			for (i = 0; scenarios[i]; i++)
				printf("%s%s\n", scenarios[i]->platform ? "smp:" : "", scenarios[i]->name);
			for (i = 0; self_scenarios[i]; i++)
				printf("%s\n", self_scenarios[i]->name);
			return 0;
		default: return usage();
		}
	}
	if (cpus < 1 || cpus > HOSTILE_CPUS || bound > 6)
		return usage();
	for (i = (unsigned)optind; argv[i] && count < 128; i++)
		list[count++] = find(argv[i], strlen(argv[i]));
	all = !count;
	for (i = 0; all && scenarios[i] && count < 128; i++)
		if (!scenarios[i]->platform)
			list[count++] = scenarios[i];
	if (time > 0)
		return random_runs(list, count, time, seed);
	for (i = 0; i < count && !(first_only && good < i); i++)
		good += exhaust(list[i]);
	current_scenario = NULL;	/* what exit() runs is nobody's program */
	return good == count ? 0 : 1;
}
