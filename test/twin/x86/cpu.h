// SPDX-License-Identifier: MIT
/*
 * Host twin of x86/cpu.h: each function calls the hook twin_<same name>. The defaults in test/twin/twin.c are
 * weak: a test program replaces any of them by defining it. They keep one CPU's registers in struct
 * twin_state, which tests may set and look at.
 */
#ifndef X86_CPU_H
#define X86_CPU_H

#include <stdbool.h>
#include <stdint.h>

struct cpuid_regs { uint32_t eax, ebx, ecx, edx; };

struct twin_msr { uint32_t number; uint64_t value; };

struct twin_state {
	uint64_t cr0, cr2, cr3, cr4;
	bool irq_on;
	struct twin_msr msr[64];	/* an MSR that is not listed: rdmsr fails the program, wrmsr adds it */
	unsigned msr_count;
	uint32_t index;			/* cpu_index() */
	/* calls so far */
	unsigned invlpgs, clflushes, mfences, lfences, sfences, relaxes, hlts, triple_faults, monitors, mwaits;
};

extern struct twin_state twin;

/* Sets MSR number in twin.msr, adding it if needed. */
void twin_msr_set(uint32_t number, uint64_t value);

/* The hooks. Default: the host's own CPUID and TSC, registers in twin, counters for the rest. */
struct cpuid_regs twin_cpu_cpuid(uint32_t leaf, uint32_t subleaf);
uint64_t twin_cpu_rdmsr(uint32_t msr);
void twin_cpu_wrmsr(uint32_t msr, uint64_t value);
uint64_t twin_cpu_rdtsc(void);
uint64_t twin_cpu_read_cr0(void);
uint64_t twin_cpu_read_cr2(void);
uint64_t twin_cpu_read_cr3(void);
uint64_t twin_cpu_read_cr4(void);
void twin_cpu_write_cr0(uint64_t v);
void twin_cpu_write_cr2(uint64_t v);
void twin_cpu_write_cr3(uint64_t v);
void twin_cpu_write_cr4(uint64_t v);
void twin_cpu_invlpg(uint64_t va);
void twin_cpu_clflush(const void *p);
void twin_cpu_mfence(void);
void twin_cpu_sfence(void);
void twin_cpu_relax(void);
void twin_cpu_hlt(void);
void twin_cpu_triple_fault(void);
void twin_cpu_irq_off(void);
void twin_cpu_irq_on(void);
bool twin_cpu_irq_save(void);
void twin_cpu_monitor(const void *p);
void twin_cpu_mwait(void);
void twin_cpu_lfence(void);
void twin_cpu_wait_irq(void);
void twin_cpu_poll_irq(void);
uint32_t twin_cpu_index(void);
/* Where the test keeps "physical" memory; default: the address is a host pointer. */
void *twin_cpu_phys_pointer(uint64_t phys);
uint32_t twin_cpu_in(uint16_t port, unsigned bits);	/* all ones: nothing there */
void twin_cpu_out(uint16_t port, unsigned bits, uint32_t value);

static inline struct cpuid_regs cpu_cpuid(uint32_t leaf, uint32_t subleaf) { return twin_cpu_cpuid(leaf, subleaf); }
static inline uint64_t cpu_rdmsr(uint32_t msr) { return twin_cpu_rdmsr(msr); }
static inline void cpu_wrmsr(uint32_t msr, uint64_t value) { twin_cpu_wrmsr(msr, value); }
static inline uint64_t cpu_rdtsc(void) { return twin_cpu_rdtsc(); }
static inline uint64_t cpu_read_cr0(void) { return twin_cpu_read_cr0(); }
static inline uint64_t cpu_read_cr2(void) { return twin_cpu_read_cr2(); }
static inline uint64_t cpu_read_cr3(void) { return twin_cpu_read_cr3(); }
static inline uint64_t cpu_read_cr4(void) { return twin_cpu_read_cr4(); }
static inline void cpu_write_cr0(uint64_t v) { twin_cpu_write_cr0(v); }
static inline void cpu_write_cr2(uint64_t v) { twin_cpu_write_cr2(v); }
static inline void cpu_write_cr3(uint64_t v) { twin_cpu_write_cr3(v); }
static inline void cpu_write_cr4(uint64_t v) { twin_cpu_write_cr4(v); }
static inline void cpu_invlpg(uint64_t va) { twin_cpu_invlpg(va); }
static inline void cpu_clflush(const void *p) { twin_cpu_clflush(p); }
static inline void cpu_mfence(void) { twin_cpu_mfence(); }
static inline void cpu_sfence(void) { twin_cpu_sfence(); }
static inline void cpu_relax(void) { twin_cpu_relax(); }
static inline void cpu_hlt(void) { twin_cpu_hlt(); }
static inline void cpu_triple_fault(void) { twin_cpu_triple_fault(); }
static inline void cpu_irq_off(void) { twin_cpu_irq_off(); }
static inline void cpu_irq_on(void) { twin_cpu_irq_on(); }
static inline bool cpu_irq_save(void) { return twin_cpu_irq_save(); }
static inline void cpu_irq_restore(bool on) { if (on) twin_cpu_irq_on(); }
static inline void cpu_monitor(const void *p) { twin_cpu_monitor(p); }
static inline void cpu_mwait(void) { twin_cpu_mwait(); }
static inline void cpu_lfence(void) { twin_cpu_lfence(); }
static inline void cpu_wait_irq(void) { twin_cpu_wait_irq(); }
static inline void cpu_poll_irq(void) { twin_cpu_poll_irq(); }
static inline uint32_t cpu_index(void) { return twin_cpu_index(); }
static inline void *cpu_phys_pointer(uint64_t phys) { return twin_cpu_phys_pointer(phys); }
static inline uint8_t cpu_in8(uint16_t port) { return (uint8_t)twin_cpu_in(port, 8); }
static inline uint16_t cpu_in16(uint16_t port) { return (uint16_t)twin_cpu_in(port, 16); }
static inline uint32_t cpu_in32(uint16_t port) { return twin_cpu_in(port, 32); }
static inline void cpu_out8(uint16_t port, uint8_t v) { twin_cpu_out(port, 8, v); }
static inline void cpu_out16(uint16_t port, uint16_t v) { twin_cpu_out(port, 16, v); }
static inline void cpu_out32(uint16_t port, uint32_t v) { twin_cpu_out(port, 32, v); }

#endif
