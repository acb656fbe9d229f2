// SPDX-License-Identifier: MIT
#include "kernel/platform.h"

#include "lib/string.h"
#include "purgatory/slot.h"
#include "x86/cpu.h"

#define MSR_MICROCODE_REVISION	0x8b
#define BOCHS_DEBUG_PORT	0xe9

static void vendor_string(char out[13], uint32_t a, uint32_t b, uint32_t c)
{
	memcpy(out, &a, 4);
	memcpy(out + 4, &b, 4);
	memcpy(out + 8, &c, 4);
	out[12] = 0;
}

static uint8_t port_read(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static const char *hypervisor_name(void)
{
	struct cpuid_regs r = cpu_cpuid(0x40000000, 0);
	char vendor[13];

	vendor_string(vendor, r.ebx, r.ecx, r.edx);
	if (strcmp(vendor, "TCGTCGTCGTCG") == 0)
		return "tcg";
	if (strncmp(vendor, "KVMKVMKVM", 9) == 0)
		return "kvm";
	return "other";
}

static void read_brand(char out[64])
{
	char raw[49];
	const char *start = raw;

	if (cpu_cpuid(0x80000000, 0).eax < 0x80000004) {
		out[0] = 0;
		return;
	}
	for (uint32_t i = 0; i < 3; i++) {
		struct cpuid_regs r = cpu_cpuid(0x80000002 + i, 0);

		memcpy(raw + 16 * i, &r, 16);
	}
	raw[48] = 0;
	while (*start == ' ')
		start++;
	memcpy(out, start, strlen(start) + 1);
}

/* SDM vol. 3A 9.11.7: write 0, execute CPUID, read; only Intel defines it, AMD's MSR reads directly. */
static uint64_t read_microcode(const struct platform *p)
{
	if (p->intel) {
		cpu_wrmsr(MSR_MICROCODE_REVISION, 0);
		cpu_cpuid(1, 0);
		return cpu_rdmsr(MSR_MICROCODE_REVISION) >> 32;
	}
	return p->amd ? (uint32_t)cpu_rdmsr(MSR_MICROCODE_REVISION) : 0;
}

void platform_read(struct platform *p)
{
	struct cpuid_regs zero = cpu_cpuid(0, 0), one = cpu_cpuid(1, 0);
	char vendor[13];

	memset(p, 0, sizeof(*p));
	vendor_string(vendor, zero.ebx, zero.edx, zero.ecx);
	p->intel = strcmp(vendor, "GenuineIntel") == 0;
	p->amd = strcmp(vendor, "AuthenticAMD") == 0 || strcmp(vendor, "HygonGenuine") == 0;
	p->family = one.eax >> 8 & 0xf;
	p->model = one.eax >> 4 & 0xf;
	if (p->family == 6 || p->family == 0xf)
		p->model |= one.eax >> 12 & 0xf0;
	if (p->family == 0xf)
		p->family += one.eax >> 20 & 0xff;
	p->hypervisor = one.ecx >> 31;
	p->monitor = one.ecx >> 3 & 1;
	if (p->monitor && zero.eax >= 5)
		p->monitor_line = cpu_cpuid(5, 0).ebx & 0xffff;
	/* Bochs has no hypervisor leaf; its debug port answers with its own number. */
	if (p->hypervisor)
		p->name = hypervisor_name();
	else
		p->name = port_read(BOCHS_DEBUG_PORT) == BOCHS_DEBUG_PORT ? "bochs" : "bare";
	read_brand(p->cpu_model);
	p->microcode = read_microcode(p);
}

/* Intel family 6 models whose MONITOR misses wake-ups: Goldmont (0x5c), Lunar Lake (0xbd). */
static bool loses_wakeups(const struct platform *p)
{
	return p->intel && p->family == 6 && (p->model == 0x5c || p->model == 0xbd);
}

bool platform_mwait_usable(const struct platform *p)
{
	if (!p->monitor || p->monitor_line > MONITOR_LINE_BYTES || loses_wakeups(p))
		return false;
	/* Linux never MWAIT-parks AMD or Hygon; TCG's `-cpu max` claims to be AMD and its MWAIT is harmless. */
	return !p->amd || p->hypervisor;
}
