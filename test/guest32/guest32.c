// SPDX-License-Identifier: MIT
/*
 * A system for 32 bits that says on COM1 how it was entered and what it was told, then resets the machine: what the
 * system tests start by Multiboot (-DVERSION=1), Multiboot2 (2) and PVH (3). Link address: BASE of guest32.lds.
 */
#include <stdint.h>

#ifndef VERSION
#define VERSION 2
#endif

/* Multiboot2 header tags as words, with a comma at the end, and their bytes. */
#ifndef WISH
#define WISH
#define WISH_BYTES 0
#endif

#define PORT 0x3f8

void start(void);
void say_all(void);

#if VERSION == 1
__attribute__((section(".head"), used)) static const uint32_t header[] = { 0x1badb002, 3, -(0x1badb002 + 3) };
#elif VERSION == 2
__attribute__((section(".head"), used, aligned(8))) static const uint32_t header[] = {
	0xe85250d6, 0, 16 + WISH_BYTES + 8, -(0xe85250d6 + 16 + WISH_BYTES + 8),
	WISH 0, 8,
};
#else
__attribute__((section(".note.pvh"), used, aligned(4))) static const struct {
	uint32_t name_size, size, type;
	char name[4];
	void (*entry)(void);
} note = { 4, 4, 18, "Xen", start };
#endif

uint32_t found_eax, found_ebx, found_cr0, found_cr4, found_flags, found_cs, found_ds, found_tr;

__asm__(".section .text.start, \"ax\"\n"
	".globl start\n"
	"start:\n"
	"	movl	%eax, found_eax\n"
	"	movl	%ebx, found_ebx\n"
	"	movl	$stack + 8192, %esp\n"
	"	pushfl\n	popl	found_flags\n"
	"	movl	%cr0, %eax\n	movl	%eax, found_cr0\n"
	"	movl	%cr4, %eax\n	movl	%eax, found_cr4\n"
	"	movl	%cs, %eax\n	movl	%eax, found_cs\n	movl	%ds, %eax\n	movl	%eax, found_ds\n"
	"	str	%eax\n	movl	%eax, found_tr\n"
	"	call	say_all\n"
	".section .bss\n"
	".globl stack\nstack:	.skip 8192\n"
	".text\n");

static inline void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t in8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static void say(const char *text)
{
	for (; *text; text++) {
		while (!(in8(PORT + 5) & 0x20))
			;
		out8(PORT, (uint8_t)*text);
	}
}

static void say_hex(const char *name, uint64_t value)
{
	char digits[20] = "0x";
	unsigned n = 2;

	for (int shift = 60; shift >= 0; shift -= 4)
		if (value >> shift || !shift)
			digits[n++] = "0123456789abcdef"[value >> shift & 15];
	digits[n] = 0;
	say(" ");
	say(name);
	say("=");
	say(digits);
}

static void say_module(uint32_t start, uint32_t end, const char *words)
{
	uint32_t sum = 0;

	for (const uint8_t *p = (const uint8_t *)start; p < (const uint8_t *)end; p++)
		sum = sum * 31 + *p;
	say("guest32: event=module");
	say_hex("start", start);
	say_hex("size", end - start);
	say_hex("sum", sum);
	say(" words=\"");
	say(words);
	say("\"\r\n");
}

static void say_ram(uint64_t base, uint64_t size, uint32_t type)
{
	say("guest32: event=range");
	say_hex("base", base);
	say_hex("size", size);
	say_hex("type", type);
	say("\r\n");
}

static void say_text(const char *name, const char *text)
{
	say("guest32: event=");
	say(name);
	say(" text=\"");
	say(text);
	say("\"\r\n");
}

static const uint32_t *words_at(uint32_t address)
{
	return (const uint32_t *)address;
}

#if VERSION == 1
static void say_info(void)
{
	const uint32_t *info = words_at(found_ebx);

	say_text("cmdline", (const char *)info[4]);
	say_text("loader", (const char *)info[16]);
	for (uint32_t i = 0; i < info[5]; i++) {
		const uint32_t *m = words_at(info[6]) + 4 * i;

		say_module(m[0], m[1], (const char *)m[2]);
	}
	for (uint32_t at = info[12]; at < info[12] + info[11]; at += words_at(at)[0] + 4) {
		const uint32_t *e = words_at(at);

		say_ram(e[1] | (uint64_t)e[2] << 32, e[3] | (uint64_t)e[4] << 32, e[5]);
	}
}
#elif VERSION == 2
static void say_info(void)
{
	for (uint32_t at = found_ebx + 8; words_at(at)[0]; at += (words_at(at)[1] + 7) & ~7u) {
		const uint32_t *tag = words_at(at);

		say("guest32: event=tag");
		say_hex("type", tag[0]);
		say_hex("size", tag[1]);
		say_hex("first", tag[2]);
		say("\r\n");
		if (tag[0] == 1)
			say_text("cmdline", (const char *)&tag[2]);
		if (tag[0] == 2)
			say_text("loader", (const char *)&tag[2]);
		if (tag[0] == 3)
			say_module(tag[2], tag[3], (const char *)&tag[4]);
		for (uint32_t e = at + 16; tag[0] == 6 && e < at + tag[1]; e += tag[2])
			say_ram(words_at(e)[0] | (uint64_t)words_at(e)[1] << 32,
				words_at(e)[2] | (uint64_t)words_at(e)[3] << 32, words_at(e)[4]);
	}
}
#else
static void say_info(void)
{
	const uint32_t *info = words_at(found_ebx);

	say_text("cmdline", (const char *)info[6]);
	say_text("loader", info[0] == 0x336ec578 ? "pvh" : "no magic");
	for (uint32_t i = 0; i < info[3]; i++) {
		const uint32_t *m = words_at(info[4]) + 8 * i;

		say_module(m[0], m[0] + m[2], (const char *)m[4]);
	}
	for (uint32_t i = 0; i < info[12]; i++) {
		const uint32_t *e = words_at(info[10]) + 6 * i;

		say_ram(e[0] | (uint64_t)e[1] << 32, e[2] | (uint64_t)e[3] << 32, e[4]);
	}
}
#endif

void say_all(void)
{
	say("\r\nguest32: event=entry");
	say_hex("eax", found_eax);
	say_hex("ebx", found_ebx);
	say_hex("cr0", found_cr0);
	say_hex("cr4", found_cr4);
	say_hex("eflags", found_flags);
	say_hex("cs", found_cs);
	say_hex("ds", found_ds);
	say_hex("tr", found_tr);
	say_hex("self", (uint32_t)start);
	say("\r\n");
	say_info();
	say("guest32: event=end\r\n");
	for (;;)
		out8(0x64, 0xfe);
}
