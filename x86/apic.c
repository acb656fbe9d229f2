// SPDX-License-Identifier: MIT
#include "x86/apic.h"

#include "x86/cpu.h"
#include "x86/tsc.h"

#define APIC_BASE_MASK	0x000ffffffffff000ull
#define LVT_MAX_SHIFT	16		/* version register: highest LVT entry in bits 23:16 */
#define LVT_MODE_NMI	0x400
#define LVT_MODE_MASK	0x700
#define TPR_EXCEPTIONS	0x10		/* holds back vectors 16 to 31 */
#define REQUESTS_MAX	256		/* one for each vector */

static enum apic_mode mode;
static uint64_t base;
static struct apic_found found;

static uint32_t apic_read(uint32_t reg)
{
	if (mode == APIC_MODE_X2APIC)
		return (uint32_t)cpu_rdmsr(MSR_X2APIC + reg / 16);
	return *(volatile uint32_t *)cpu_phys_pointer(base + reg);
}

static void apic_write(uint32_t reg, uint32_t value)
{
	if (mode == APIC_MODE_X2APIC)
		cpu_wrmsr(MSR_X2APIC + reg / 16, value);
	else
		*(volatile uint32_t *)cpu_phys_pointer(base + reg) = value;
}

enum status apic_init(struct problem *p)
{
	uint64_t value = cpu_rdmsr(MSR_APIC_BASE);

	base = value & APIC_BASE_MASK;
	if (!(value & APIC_BASE_EN)) {
		mode = APIC_MODE_OFF;
		return problem_set(p, E_NO_APIC, "local APIC: disabled in IA32_APIC_BASE (%llx)",
				   (unsigned long long)value);
	}
	mode = value & APIC_BASE_EXTD ? APIC_MODE_X2APIC : APIC_MODE_XAPIC;
	if (mode == APIC_MODE_XAPIC && base >= 1ull << 32)
		return problem_set(p, E_NO_APIC, "local APIC: base %llx is not below 4 GiB", (unsigned long long)base);
	return OK;
}

void apic_save_found(void)
{
	found = (struct apic_found){ .svr = apic_read(APIC_SVR), .lint0 = apic_read(APIC_LVT_LINT0) };
}

struct apic_found apic_found(void) { return found; }
enum apic_mode apic_mode(void) { return mode; }
uint64_t apic_base(void) { return base; }

uint32_t apic_id(void)
{
	uint32_t id = apic_read(APIC_ID);

	return mode == APIC_MODE_X2APIC ? id : id >> 24;
}

bool apic_is_bsp(void)
{
	return cpu_rdmsr(MSR_APIC_BASE) & APIC_BASE_BSP;
}

bool apic_can_reach(uint32_t id)
{
	return mode == APIC_MODE_X2APIC ? id != UINT32_MAX : id <= APIC_XAPIC_ID_MAX;
}

void apic_eoi(void)
{
	apic_write(APIC_EOI, 0);
}

bool apic_in_service(uint8_t vector)
{
	return apic_read(APIC_ISR + vector / 32 * 0x10) >> vector % 32 & 1;
}

bool apic_wait_idle(void)
{
	uint64_t deadline;

	if (mode == APIC_MODE_X2APIC)		/* no delivery-status bit there */
		return true;
	if (!(apic_read(APIC_ICR_LOW) & ICR_BUSY))
		return true;
	deadline = tsc_deadline(APIC_ICR_BUSY_US);
	while (apic_read(APIC_ICR_LOW) & ICR_BUSY) {
		if (tsc_passed(deadline))
			return false;
		cpu_relax();
	}
	return true;
}

bool apic_send(uint32_t id, uint32_t icr_low)
{
	if (mode == APIC_MODE_OFF || !apic_can_reach(id) || !apic_wait_idle())
		return false;
	if (mode == APIC_MODE_X2APIC) {
		/* order: all earlier stores before the ICR write, which unlike MMIO is not ordered after them.
		 * pairs with: the target's loads after the interrupt. else: it wakes and finds the old mailbox. */
		cpu_mfence();
		cpu_lfence();
		cpu_wrmsr(MSR_X2APIC_ICR, (uint64_t)id << 32 | icr_low);
		return true;
	}
	apic_write(APIC_ICR_HIGH, id << 24);
	apic_write(APIC_ICR_LOW, icr_low);
	return true;
}

uint32_t apic_errors(void)
{
	apic_write(APIC_ESR, 0);
	return apic_read(APIC_ESR) & 0xef;
}

static uint32_t lvt_highest(void)
{
	return apic_read(APIC_VERSION) >> LVT_MAX_SHIFT & 0xff;
}

/* All but LINT1. LVTERR first and with a vector: masking others may raise an error, and 0 is an illegal vector. */
static void mask_lvts_but_lint1(void)
{
	uint32_t highest = lvt_highest();

	if (highest >= 3)
		apic_write(APIC_LVT_ERROR, APIC_LVT_MASKED | VECTOR_ERROR);
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
	apic_write(APIC_TIMER_INITIAL, 0);
	apic_write(APIC_LVT_LINT0, APIC_LVT_MASKED);
	if (highest >= 4)
		apic_write(APIC_LVT_PMC, APIC_LVT_MASKED);
	if (highest >= 5)
		apic_write(APIC_LVT_THERMAL, APIC_LVT_MASKED);
	if (highest >= 6)
		apic_write(APIC_LVT_CMCI, APIC_LVT_MASKED);
}

void apic_enable(void)
{
	uint32_t lint1 = apic_read(APIC_LVT_LINT1);

	mask_lvts_but_lint1();
	if ((lint1 & LVT_MODE_MASK) != LVT_MODE_NMI)
		apic_write(APIC_LVT_LINT1, APIC_LVT_MASKED);
	apic_write(APIC_SVR, APIC_SVR_ENABLE | VECTOR_SPURIOUS);
	(void)apic_errors();
}

void apic_enable_after_init(void)
{
	apic_write(APIC_SVR, APIC_SVR_ENABLE | VECTOR_SPURIOUS);
}

void apic_mask_lvts(void)
{
	struct cpuid_regs features = cpu_cpuid(1, 0);

	mask_lvts_but_lint1();
	apic_write(APIC_LVT_LINT1, APIC_LVT_MASKED);
	if (features.ecx & 1u << 24)
		cpu_wrmsr(MSR_TSC_DEADLINE, 0);
	(void)apic_errors();
}

void apic_drain(void)
{
	unsigned word, tries;

	/* At most one EOI for each vector that can be in service. */
	for (word = 0; word < 8; word++)
		for (tries = 0; tries < 32 && apic_read(APIC_ISR + word * 0x10); tries++)
			apic_eoi();
}

static bool requested(void)
{
	uint32_t all = 0;

	for (unsigned word = 0; word < 8; word++)
		all |= apic_read(APIC_IRR + word * 0x10);
	return all;
}

void apic_accept_requests(void)
{
	uint32_t priority = apic_read(APIC_TPR);

	apic_drain();
	apic_write(APIC_TPR, TPR_EXCEPTIONS);
	for (unsigned tries = 0; tries < REQUESTS_MAX && requested(); tries++)
		cpu_poll_irq();
	apic_write(APIC_TPR, priority);
}

void apic_disable(void)
{
	apic_write(APIC_SVR, VECTOR_SPURIOUS);
}
