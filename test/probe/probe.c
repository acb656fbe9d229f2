// SPDX-License-Identifier: MIT
/*
 * What the probe tells, one "probe: name=0x..." a line on COM1, then "probe: end" and HLT. What belongs to memory-mapped
 * devices is read through page tables of its own: the hand-over root maps none.
 */
#include <stddef.h>
#include <stdint.h>

#define COM1 0x3f8
#define PAGE_LARGE 0x80u
#define PAGE_UNCACHED 0x18u
#define CR4_LA57 0x1000u
#define CR4_OSXSAVE 0x40000u
#define LAPIC 0xfee00000u
#define IOAPIC 0xfec00000u
#define HPET 0xfed00000u
#define SETUP_NODES_MAX 16
#define UART_POLLS 1000000

/* Filled by entry.S in this order. */
struct saved {
	uint64_t general[16];
	uint64_t rflags, cr0, cr2, cr3, cr4, cr8, dr6, dr7;
	uint16_t cs, ds, es, fs, gs, ss, ldtr, tr;
	uint8_t pad0[6];
	uint16_t gdt_limit;
	uint64_t gdt_base;
	uint8_t pad1[6];
	uint16_t idt_limit;
	uint64_t idt_base;
	uint16_t fcw, fsw;
	uint32_t mxcsr;
};

_Static_assert(offsetof(struct saved, rflags) == 0x80, "entry.S");
_Static_assert(offsetof(struct saved, cs) == 0xc0, "entry.S");
_Static_assert(offsetof(struct saved, gdt_limit) == 0xd6, "entry.S");
_Static_assert(offsetof(struct saved, idt_limit) == 0xe6, "entry.S");
_Static_assert(offsetof(struct saved, fcw) == 0xf0, "entry.S");
_Static_assert(offsetof(struct saved, mxcsr) == 0xf4, "entry.S");

struct saved saved __attribute__((aligned(16)));
uint8_t stack[8192] __attribute__((aligned(16)));
__asm__(".globl stack_top\nstack_top = stack + 8192");

void probe_main(const struct saved *s);

static void outb(uint16_t port, uint8_t value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }

static uint8_t inb(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static void say_char(char c)
{
	for (unsigned i = 0; i < UART_POLLS && !(inb(COM1 + 5) & 0x20); i++)
		;
	outb(COM1, (uint8_t)c);
}

static void say(const char *text)
{
	for (; *text; text++)
		say_char(*text);
}

static void say_hex(uint64_t value, unsigned digits)
{
	while (digits--)
		say_char("0123456789abcdef"[value >> (4 * digits) & 15]);
}

static void tell(const char *name, uint64_t value)
{
	say("probe: ");
	say(name);
	say("=0x");
	say_hex(value, 16);
	say("\r\n");
}

static uint64_t rdmsr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

static void tell_registers(const struct saved *s)
{
	static const char names[16][4] = { "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp",
					   "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15" };

	for (unsigned i = 0; i < 16; i++)
		tell(names[i], s->general[i]);
	tell("rflags", s->rflags);
	tell("cr0", s->cr0);
	tell("cr2", s->cr2);
	tell("cr3", s->cr3);
	tell("cr4", s->cr4);
	tell("cr8", s->cr8);
	tell("dr6", s->dr6);
	tell("dr7", s->dr7);
	tell("cs", s->cs);
	tell("ds", s->ds);
	tell("es", s->es);
	tell("fs", s->fs);
	tell("gs", s->gs);
	tell("ss", s->ss);
	tell("ldtr", s->ldtr);
	tell("tr", s->tr);
	tell("gdt_base", s->gdt_base);
	tell("gdt_limit", s->gdt_limit);
	tell("gdt_code", *(const uint64_t *)(s->gdt_base + 0x10));
	tell("gdt_data", *(const uint64_t *)(s->gdt_base + 0x18));
	tell("idt_base", s->idt_base);
	tell("idt_limit", s->idt_limit);
	tell("fcw", s->fcw);
	tell("fsw", s->fsw);
	tell("mxcsr", s->mxcsr);
}

static void tell_msrs(void)
{
	tell("efer", rdmsr(0xc0000080));
	tell("fs_base", rdmsr(0xc0000100));
	tell("gs_base", rdmsr(0xc0000101));
	tell("kernel_gs_base", rdmsr(0xc0000102));
	tell("apic_base", rdmsr(0x1b));
	tell("misc_enable", rdmsr(0x1a0));
	tell("debugctl", rdmsr(0x1d9));
	tell("pat", rdmsr(0x277));
	tell("mtrr_def_type", rdmsr(0x2ff));
	tell("tsc_deadline", rdmsr(0x6e0));
	tell("mcg_status", rdmsr(0x17a));
	tell("perf_global_ctrl", rdmsr(0x38f));	/* this and the next: QEMU's TCG gives 0 where there is none */
	tell("spec_ctrl", rdmsr(0x48));
}

static void tell_numbered(const char *name, unsigned number, uint64_t value)
{
	char text[24];
	unsigned at = 0;

	for (; name[at]; at++)
		text[at] = name[at];
	text[at++] = (char)('0' + number / 10);
	text[at++] = (char)('0' + number % 10);
	text[at] = 0;
	tell(text, value);
}

/* Variable ranges as MTRRCAP counts them, and the eleven fixed ones (SDM 3A 12.11). */
static void tell_mtrrs(void)
{
	static const uint32_t fixed[] = { 0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f };
	unsigned count = rdmsr(0xfe) & 0xff;

	for (unsigned i = 0; i < count; i++) {
		tell_numbered("mtrr_base", i, rdmsr(0x200 + 2 * i));
		tell_numbered("mtrr_mask", i, rdmsr(0x201 + 2 * i));
	}
	for (unsigned i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		tell_numbered("mtrr_fixed", i, rdmsr(fixed[i]));
}

static void tell_breakpoints(void)
{
	uint64_t address[4];

	__asm__("movq %%dr0, %0" : "=r"(address[0]));
	__asm__("movq %%dr1, %0" : "=r"(address[1]));
	__asm__("movq %%dr2, %0" : "=r"(address[2]));
	__asm__("movq %%dr3, %0" : "=r"(address[3]));
	for (unsigned i = 0; i < 4; i++)
		tell_numbered("dr", i, address[i]);
}

/* XCR0, 0 where there is no XSAVE. */
static void tell_xcr0(uint64_t cr4)
{
	uint32_t low = 0, high = 0, eax = 1, ebx, ecx = 0, edx;

	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	if (ecx >> 26 & 1) {
		__asm__ volatile("movq %0, %%cr4" : : "r"(cr4 | CR4_OSXSAVE));
		__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	}
	tell("xcr0", (uint64_t)high << 32 | low);
}

static uint64_t tables[7][512] __attribute__((aligned(4096)));

/* Identity for the first 4 GiB, the last of them uncached. */
static void map_devices(uint64_t cr4)
{
	uint64_t *top = tables[5], *directory_pointers = tables[4];

	for (uint64_t i = 0; i < 4 * 512; i++)
		tables[i / 512][i % 512] = i << 21 | PAGE_LARGE | 3 | (i >= 3 * 512 ? PAGE_UNCACHED : 0);
	for (unsigned i = 0; i < 4; i++)
		directory_pointers[i] = (uint64_t)tables[i] | 3;
	top[0] = (uint64_t)directory_pointers | 3;
	if (cr4 & CR4_LA57) {
		tables[6][0] = (uint64_t)top | 3;
		top = tables[6];
	}
	__asm__ volatile("movq %0, %%cr3" : : "r"(top) : "memory");
}

static uint32_t read32(uint64_t address) { return *(const volatile uint32_t *)address; }

static void tell_lapic(void)
{
	static const struct { char name[20]; uint32_t at; } registers[] = {
		{ "lapic_id", 0x20 }, { "lapic_version", 0x30 }, { "lapic_tpr", 0x80 }, { "lapic_svr", 0xf0 },
		{ "lapic_esr", 0x280 }, { "lapic_timer", 0x320 }, { "lapic_thermal", 0x330 }, { "lapic_pmc", 0x340 },
		{ "lapic_lint0", 0x350 }, { "lapic_lint1", 0x360 }, { "lapic_error", 0x370 },
		{ "lapic_timer_initial", 0x380 }, { "lapic_timer_current", 0x390 },
	};
	uint32_t in_service = 0, requested = 0;

	for (unsigned i = 0; i < sizeof(registers) / sizeof(registers[0]); i++)
		tell(registers[i].name, read32(LAPIC + registers[i].at));
	for (unsigned i = 0; i < 8; i++) {
		in_service |= read32(LAPIC + 0x100 + 16 * i);
		requested |= read32(LAPIC + 0x200 + 16 * i);
	}
	tell("lapic_in_service", in_service);
	tell("lapic_requested", requested);
}

static uint32_t ioapic_read(uint32_t index)
{
	*(volatile uint32_t *)(uintptr_t)IOAPIC = index;
	return read32(IOAPIC + 0x10);
}

static void tell_ioapic(void)
{
	uint32_t last = ioapic_read(1) >> 16 & 0xff, open = 0;

	for (uint32_t i = 0; i <= last; i++)
		open += !(ioapic_read(0x10 + 2 * i) & 1 << 16);
	tell("ioapic_entries", last + 1);
	tell("ioapic_unmasked", open);
}

static void tell_timers(void)
{
	tell("pic_master_mask", inb(0x21));
	tell("pic_slave_mask", inb(0xa1));
	outb(0x20, 0x0b);		/* OCW3: read ISR */
	tell("pic_master_in_service", inb(0x20));
	outb(0xa0, 0x0b);
	tell("pic_slave_in_service", inb(0xa0));
	tell("hpet_config", read32(HPET + 0x10));
	tell("hpet_timer0", read32(HPET + 0x100));
	tell("hpet_timer1", read32(HPET + 0x120));
	tell("hpet_timer2", read32(HPET + 0x140));
	outb(0x43, 0xe2);		/* read-back: status of channel 0 */
	tell("pit_status", inb(0x40));
}

static void tell_boot_params(const uint8_t *params)
{
	uint64_t node = *(const uint64_t *)(params + 0x250);

	for (unsigned at = 0; at < 4096; at += 64) {
		say("probe: boot_params ");
		say_hex(at, 3);
		say_char(' ');
		for (unsigned i = 0; i < 64; i++)
			say_hex(params[at + i], 2);
		say("\r\n");
	}
	for (unsigned i = 0; node && i < SETUP_NODES_MAX; i++) {
		tell("setup_data_at", node);
		tell("setup_data_type", *(const uint32_t *)(node + 8));
		tell("setup_data_len", *(const uint32_t *)(node + 12));
		node = *(const uint64_t *)node;
	}
	say("probe: cmdline ");
	say((const char *)(uint64_t)*(const uint32_t *)(params + 0x228));
	say("\r\n");
}

static int asked_for(const char *text, const char *word)
{
	for (; *text; text++) {
		unsigned i = 0;

		while (word[i] && text[i] == word[i])
			i++;
		if (!word[i])
			return 1;
	}
	return 0;
}

/* Once more from firmware on, if the command line says so. */
static void again(const uint8_t *params)
{
	if (!asked_for((const char *)(uint64_t)*(const uint32_t *)(params + 0x228), "probe.again"))
		return;
	outb(0xcf9, 2);
	outb(0xcf9, 6);
}

void probe_main(const struct saved *s)
{
	say("\r\nprobe: begin\r\n");
	tell_registers(s);
	tell_breakpoints();
	tell_msrs();
	tell_mtrrs();
	tell_xcr0(s->cr4);
	tell_boot_params((const uint8_t *)s->general[4]);
	map_devices(s->cr4);
	tell_lapic();
	tell_ioapic();
	tell_timers();
	say("probe: end\r\n");
	again((const uint8_t *)s->general[4]);
	for (;;)
		__asm__ volatile("cli; hlt");
}
