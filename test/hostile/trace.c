// SPDX-License-Identifier: MIT
/* What a replay prints: one line an operation, one column a CPU, with the line of the code that did it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test/hostile/internal.h"

#define EVENTS_MAX	4000
#define FRAMES		10
#define COLUMN		58

struct event { unsigned cpu, frames; void *frame[FRAMES]; char text[120]; };

bool tracing;
static struct event *events;
static unsigned event_count;

void trace_begin(void)
{
	tracing = true;
	event_count = 0;
	if (!events)
		events = calloc(EVENTS_MAX, sizeof(*events));
}

/* Return addresses up the chain of frames, as far as the CPU's own stack goes. */
static unsigned frames_of(void **to)
{
	uint64_t *frame = __builtin_frame_address(0);
	uint64_t low = ARENA + STACKS_AT, bytes = HOSTILE_CPUS * STACKS * STACK_BYTES;
	unsigned count = 0;

	while (count < FRAMES && (uint64_t)frame - low < bytes - 16 && frame[1]) {
		to[count++] = (void *)(frame[1] - 1);
		frame = (uint64_t *)frame[0];
	}
	return count;
}

void trace_event(const char *format, ...)
{
	struct event *e;
	va_list arguments;

	if (!tracing || !M->running || !events || event_count == EVENTS_MAX)
		return;
	e = &events[event_count++];
	e->cpu = M->current;
	e->frames = frames_of(e->frame);
	va_start(arguments, format);
	vsnprintf(e->text, sizeof(e->text), format, arguments);
	va_end(arguments);
}

static char *slot(void)
{
	static char text[8][64];
	static unsigned next;

	return text[next++ % 8];
}

const char *trace_phys(uint64_t phys)
{
	char *to = slot();

	if (in_memory(phys))
		snprintf(to, 64, "page %u", page_of(phys));
	else
		snprintf(to, 64, "0x%llx", (unsigned long long)phys);
	return to;
}

#define NAMED(base, member, name)						\
	if (at - (base) == (uint32_t)offsetof(struct space, member)) {		\
		snprintf(to, 64, "space %u's " name, which);			\
		return true;							\
	}

static bool space_word(char *to, unsigned which, uint32_t base, uint32_t at)
{
	NAMED(base, generation, "generation")
	NAMED(base, cpus, "mask of CPUs")
	NAMED(base, walkers, "walkers")
	NAMED(base, mode, "mode")
	snprintf(to, 64, "space %u's byte 0x%x", which, at - base);
	return true;
}

const char *trace_word(uint32_t at)
{
	uint32_t space = STATE_BYTES + (uint32_t)offsetof(struct world, space);
	uint32_t cpu = STATE_BYTES + (uint32_t)offsetof(struct world, cpu);
	uint32_t flag = STATE_BYTES + (uint32_t)offsetof(struct world, flag);
	char *to = slot();

	if (in_pages(at))
		snprintf(to, 64, "page %u[%u]", page_of_at(at), at % 4096 / 8);
	else if (at - space < sizeof(world->space))
		space_word(to, (at - space) / (uint32_t)sizeof(world->space[0]),
			   space + (at - space) / (uint32_t)sizeof(world->space[0]) * (uint32_t)sizeof(world->space[0]), at);
	else if (at - cpu < sizeof(world->cpu))
		snprintf(to, 64, "CPU %u's %s", (at - cpu) / (uint32_t)sizeof(world->cpu[0]),
			 (at - cpu) % sizeof(world->cpu[0]) == offsetof(struct mm_cpu, lazy) ? "lazy word" : "words");
	else if (at - flag < sizeof(world->flag))
		snprintf(to, 64, "flag %u", (at - flag) / 4);
	else if (at == STATE_BYTES + offsetof(struct world, lock))
		snprintf(to, 64, "the lock");
	else
		snprintf(to, 64, "arena 0x%x", at);
	return to;
}

/* --- source lines ---------------------------------------------------------------------------------------------------------- */

/* Where the path of a file under test, or of a scenario, begins. */
static char *first_of(char *line)
{
	static const char *const rooms[] = { "mm/", "test/hostile/scenario/", "smp/", "purgatory/", "x86/apic" };
	char *name = NULL;
	unsigned i;

	for (i = 0; i < 5 && !name; i++)
		name = strstr(line, rooms[i]);
	return name;
}

/* Of one frame: the first line in a .c file outside the machine itself; "" if there is none. */
static void source_line(FILE *from, char *to, size_t room)
{
	char line[512], *name, *end;

	to[0] = 0;
	while (fgets(line, sizeof(line), from) && strcmp(line, "end\n")) {
		name = first_of(line);
		if (!name || to[0])
			continue;
		if (!strncmp(name, "test/hostile/", 13))
			name += 13;
		end = strpbrk(name, " \n");
		if (end)
			*end = 0;
		if (strstr(name, ".c:"))
			snprintf(to, room, "%s", name);
	}
}

static void print_event(unsigned number, const struct event *e, const char *source)
{
	char cell[200];
	unsigned cpu;

	snprintf(cell, sizeof(cell), "%s%s%s", source, source[0] ? " " : "", e->text);
	printf("%4u ", number);
	for (cpu = 0; cpu < e->cpu; cpu++)
		printf("| %-*s", COLUMN, "");
	printf("| %s\n", cell);
}

void trace_show(void)
{
	char command[300], script[] = "/tmp/hostile-XXXXXX", source[120], one[120];
	unsigned i, k;
	FILE *pipe, *list;
	int file = mkstemp(script);

	if (file < 0 || !(list = fdopen(file, "w")))
		return;
	for (i = 0; i < event_count; i++)
		for (k = 0; k < events[i].frames; k++)
			fprintf(list, "%p\n", events[i].frame[k]);
	fclose(list);
	snprintf(command, sizeof(command),
		 "cat %s | addr2line -a -i -e /proc/%d/exe | sed 's/^0x.*/end/; s/ (disc.*//'; echo end",
		 script, (int)getpid());
	pipe = popen(command, "r");
	if (pipe && fgets(one, sizeof(one), pipe))
		for (i = 0; i < event_count; i++) {
			source[0] = 0;
			for (k = 0; k < events[i].frames; k++) {
				source_line(pipe, one, sizeof(one));
				if (!source[0])
					memcpy(source, one, sizeof(one));
			}
			print_event(i + 1, &events[i], source);
		}
	if (pipe)
		pclose(pipe);
	remove(script);
}
