// SPDX-License-Identifier: MIT
/*
 * Half of the seam (the other half: atomic.h): every privileged or machine-specific instruction that
 * mm/, smp/ and the lot and boss of purgatory/ use. One instruction a function, no policy. The host twin
 * lives in test/twin/x86/cpu.h and is chosen by include path.
 */
#ifndef X86_CPU_H
#define X86_CPU_H

#include <stdbool.h>
#include <stdint.h>

struct cpuid_regs { uint32_t eax, ebx, ecx, edx; };

static inline struct cpuid_regs cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_regs r;

	__asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
	return r;
}

static inline uint64_t cpu_rdmsr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

static inline void cpu_wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

static inline uint64_t cpu_rdtsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

#define CPU_CONTROL_REGISTER(name)									\
static inline uint64_t cpu_read_##name(void)								\
{ uint64_t v; __asm__ volatile("mov %%" #name ", %0" : "=r"(v) : : "memory"); return v; }		\
static inline void cpu_write_##name(uint64_t v)								\
{ __asm__ volatile("mov %0, %%" #name : : "r"(v) : "memory"); }

CPU_CONTROL_REGISTER(cr0)
CPU_CONTROL_REGISTER(cr2)
CPU_CONTROL_REGISTER(cr3)
CPU_CONTROL_REGISTER(cr4)

static inline void cpu_invlpg(uint64_t va) { __asm__ volatile("invlpg (%0)" : : "r"(va) : "memory"); }
static inline void cpu_clflush(const void *p) { __asm__ volatile("clflush (%0)" : : "r"(p) : "memory"); }
static inline void cpu_mfence(void) { __asm__ volatile("mfence" : : : "memory"); }
static inline void cpu_lfence(void) { __asm__ volatile("lfence" : : : "memory"); }
static inline void cpu_sfence(void) { __asm__ volatile("sfence" : : : "memory"); }
static inline void cpu_relax(void) { __asm__ volatile("pause" : : : "memory"); }
static inline void cpu_hlt(void) { __asm__ volatile("hlt" : : : "memory"); }

/* Without a table there is no gate for INT3, nor for the fault: shutdown, at which chipsets reset the machine. */
static inline void cpu_triple_fault(void)
{
	static const struct { uint16_t limit; uint8_t base[8]; } no_idt;

	__asm__ volatile("lidt %0; int3" : : "m"(no_idt));
}

static inline void cpu_irq_off(void) { __asm__ volatile("cli" : : : "memory"); }
static inline void cpu_irq_on(void) { __asm__ volatile("sti" : : : "memory"); }

#define CPU_FLAGS_IF 0x200u

/* Interrupts off; true if they were on. cpu_irq_restore() with the answer undoes it: pairs may lie inside each
 * other. */
static inline bool cpu_irq_save(void)
{
	uint64_t flags;

	__asm__ volatile("pushfq; popq %0; cli" : "=r"(flags) : : "memory");
	return flags & CPU_FLAGS_IF;
}

static inline void cpu_irq_restore(bool on)
{
	if (on)
		cpu_irq_on();
}

/* The one place where a physical address becomes a pointer: Baton runs identity mapped. The host twin maps an
 * arena here. */
static inline void *cpu_phys_pointer(uint64_t phys) { return (void *)(uintptr_t)phys; }

/* Sleep until an interrupt has been handled; interrupts off before and after. STI holds interrupts back for one
 * instruction, so that nothing comes between the caller's last look and HLT (SDM 2B, STI). */
static inline void cpu_wait_irq(void) { __asm__ volatile("sti; hlt; cli" : : : "memory"); }

/* Let pending interrupts in; off before and after. The NOP ends STI's shadow. */
static inline void cpu_poll_irq(void) { __asm__ volatile("sti; nop; cli" : : : "memory"); }

/* Number of the calling CPU in smp/cpu.h's table, 0..SMP_CPUS_MAX-1, the boss included. Valid once percpu_load()
 * ran on this CPU; offset asserted in x86/percpu.h. */
static inline uint32_t cpu_index(void)
{
	uint32_t index;

	__asm__ volatile("movl %%gs:8, %0" : "=r"(index));
	return index;
}

#define CPU_PORT(bits, letter)										\
static inline uint##bits##_t cpu_in##bits(uint16_t port)						\
{ uint##bits##_t v; __asm__ volatile("in" #letter " %1, %0" : "=a"(v) : "Nd"(port) : "memory"); return v; } \
static inline void cpu_out##bits(uint16_t port, uint##bits##_t v)					\
{ __asm__ volatile("out" #letter " %0, %1" : : "a"(v), "Nd"(port) : "memory"); }

CPU_PORT(8, b)
CPU_PORT(16, w)
CPU_PORT(32, l)

/* EAX=0, ECX=0 in both (protocol rule 8): C1, and no break on a masked interrupt. */
static inline void cpu_monitor(const void *p)
{
	__asm__ volatile("monitor" : : "a"(p), "c"(0), "d"(0) : "memory");
}

static inline void cpu_mwait(void)
{
	__asm__ volatile("mwait" : : "a"(0), "c"(0) : "memory");
}

#endif
