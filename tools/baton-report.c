// SPDX-License-Identifier: MIT
/*
 * baton-report [--json | --check] [FILE]: shows the handover report that Baton left for this kernel.
 * Without FILE it looks through /sys/kernel/boot_params/setup_data/. FILE may also be the variable of a refused
 * handover in efivarfs. Linked statically: it has to run in any initramfs. Exit status: 0 good, 1 findings, a refusal
 * or damage, 2 no report (3: usage).
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/report_view.h"

#define SETUP_DATA	"/sys/kernel/boot_params/setup_data"
#define REPORT_LIMIT	(16u << 20)	/* bytes; a report of 4096 CPUs is far below 1 MiB */

enum exit_status { EXIT_GOOD, EXIT_FINDINGS, EXIT_NO_REPORT, EXIT_USAGE };

/* Whole file into fresh memory, owned by the caller; NULL with errno set. */
static void *file_read(const char *path, size_t *length)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	size_t size = 0, got;

	if (!f)
		return NULL;
	do {
		uint8_t *bigger = realloc(data, size + 65536);

		if (!bigger || size > REPORT_LIMIT) {
			free(bigger ? bigger : data);
			fclose(f);
			errno = EFBIG;
			return NULL;
		}
		data = bigger;
		got = fread(data + size, 1, 65536, f);
		size += got;
	} while (got);
	if (ferror(f)) {
		free(data);
		data = NULL;
	}
	fclose(f);
	*length = size;
	return data;
}

/* Finds the node of our type; with several (a kexec chain may keep old ones) the first in list order. */
static void *sysfs_find(size_t *length)
{
	for (unsigned i = 0; i < 256; i++) {
		char path[96];
		unsigned type;
		FILE *f;
		int fields;

		snprintf(path, sizeof(path), SETUP_DATA "/%u/type", i);
		f = fopen(path, "r");
		if (!f)
			return NULL;
		fields = fscanf(f, "%x", &type);
		fclose(f);
		/* An INDIRECT node shows its target's type with bit 31 set. */
		if (fields != 1 || (type & 0x7fffffff) != REPORT_SETUP_TYPE)
			continue;
		snprintf(path, sizeof(path), SETUP_DATA "/%u/data", i);
		return file_read(path, length);
	}
	return NULL;
}

static void print_line(void *context, bool finding, const char *line)
{
	(void)context;
	printf("%s: ", finding ? "finding" : "note");
	for (; *line; line++)
		putchar(*line >= ' ' && *line <= '~' ? *line : '?');
	putchar('\n');
}

/* A refusal is a finding whatever it says. */
static int show_refusal(const void *data, size_t length, bool json, bool check)
{
	struct report_refusal refusal;
	char why[REPORT_WHY_BYTES];

	if (!refusal_open(&refusal, data, length, why)) {
		printf("finding: refusal is damaged: %s\n", why);
		return EXIT_FINDINGS;
	}
	if (json)
		refusal_print_json(&refusal);
	else if (!check)
		refusal_print_table(&refusal);
	else
		printf("finding: handover refused, E%02u: %s\n", refusal.failure,
		       report_clean(refusal.text, sizeof(refusal.text)));
	return EXIT_FINDINGS;
}

static int usage(void)
{
	fprintf(stderr, "usage: baton-report [--json | --check] [FILE]\n");
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	const char *path = NULL;
	bool json = false, check = false;
	char why[REPORT_WHY_BYTES];
	struct report_view view;
	unsigned findings;
	size_t length = 0;
	void *data;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--json"))
			json = true;
		else if (!strcmp(argv[i], "--check"))
			check = true;
		else if (argv[i][0] == '-' || path)
			return usage();
		else
			path = argv[i];
	}
	data = path ? file_read(path, &length) : sysfs_find(&length);
	if (!data || !length) {
		fprintf(stderr, "baton-report: no report in %s\n", path ? path : SETUP_DATA);
		free(data);
		return EXIT_NO_REPORT;
	}
	if (refusal_is(data, length)) {
		int status = show_refusal(data, length, json, check);

		free(data);
		return status;
	}
	if (!report_open(&view, data, length, why)) {
		printf("finding: report is damaged: %s\n", why);
		free(data);
		return EXIT_FINDINGS;
	}
	if (json) {
		report_print_json(&view);
		findings = report_judge(&view, NULL, NULL);
	} else {
		if (!check)
			report_print_table(&view);
		findings = report_judge(&view, print_line, NULL);
		printf("%s\n", findings ? "handover: NOT GOOD" : "handover: good");
	}
	free(data);
	return findings ? EXIT_FINDINGS : EXIT_GOOD;
}
