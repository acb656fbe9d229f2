// SPDX-License-Identifier: MIT
#include <stddef.h>

#include "boot/load.h"

enum status load_text(const struct source *source, const char *path, char *buffer, uint32_t size, uint32_t *length,
		      struct problem *problem)
{
	uint32_t done = 0;
	uint64_t bytes;
	void *file;
	enum status status = source->open(source->ctx, path, &file, &bytes, problem);

	*length = 0;
	if (status)
		return problem_set(problem, status, "%s: %s", path, status_text(status));
	if (bytes >= size)
		status = problem_set(problem, E_FILE_SIZE, "%s: %llu bytes, at most %u", path,
				     (unsigned long long)bytes, size - 1);
	while (!status && done < bytes) {
		uint32_t part = bytes - done > SOURCE_READ_MAX ? SOURCE_READ_MAX : (uint32_t)(bytes - done);

		status = source->read(source->ctx, file, done, buffer + done, part, problem);
		done += part;
	}
	source->close(source->ctx, file);
	if (status)
		return problem_set(problem, status, "%s: %s", path, status_text(status));
	buffer[done] = '\0';
	*length = done;
	return OK;
}
