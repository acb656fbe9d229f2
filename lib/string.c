// SPDX-License-Identifier: MIT
#include "lib/string.h"

#include <stdint.h>

/* Moves 8 bytes a step: an emulator does one step of REP at a time, hardware does not mind. */
void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
	void *d = to;
	size_t words = bytes / 8;

	bytes %= 8;
	__asm__ volatile("rep movsq" : "+D"(d), "+S"(from), "+c"(words) : : "memory");
	__asm__ volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(bytes) : : "memory");
	return to;
}

/* Overlapping upwards: from the end, each word loaded whole before it is stored. No REP with the direction flag
 * set: it is slow, and an interrupt would find the flag set. */
static void copy_backwards(uint8_t *to, const uint8_t *from, size_t bytes)
{
	uint64_t word;

	while (bytes >= sizeof(word)) {
		bytes -= sizeof(word);
		__builtin_memcpy(&word, from + bytes, sizeof(word));
		__builtin_memcpy(to + bytes, &word, sizeof(word));
	}
	while (bytes--)
		to[bytes] = from[bytes];
}

void *memmove(void *to, const void *from, size_t bytes)
{
	if ((uintptr_t)to - (uintptr_t)from >= bytes)		/* to is below from or beyond its end */
		return memcpy(to, from, bytes);
	copy_backwards(to, from, bytes);
	return to;
}

void *memset(void *to, int byte, size_t bytes)
{
	void *d = to;
	size_t words = bytes / 8;
	uint64_t pattern = (uint8_t)byte * 0x0101010101010101ull;

	bytes %= 8;
	__asm__ volatile("rep stosq" : "+D"(d), "+c"(words) : "a"(pattern) : "memory");
	__asm__ volatile("rep stosb" : "+D"(d), "+c"(bytes) : "a"(pattern) : "memory");
	return to;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
	const uint8_t *x = a, *y = b;

	for (; bytes; bytes--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

size_t strlen(const char *s)
{
	const char *end = s;

	while (*end)
		end++;
	return end - s;
}

size_t strnlen(const char *s, size_t limit)
{
	size_t n = 0;

	while (n < limit && s[n])
		n++;
	return n;
}

int strncmp(const char *a, const char *b, size_t limit)
{
	for (; limit; limit--, a++, b++)
		if (*a != *b || !*a)
			return (uint8_t)*a - (uint8_t)*b;
	return 0;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}

char *strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)s;
		if (!*s)
			return NULL;
	}
}
