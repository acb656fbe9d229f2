// SPDX-License-Identifier: MIT
#include "x86/mce.h"

#include "x86/cpu.h"
#include "x86/regs.h"

#define CPUID_MCE	(1u << 7)
#define CPUID_MCA	(1u << 14)
#define STATUS_VALID	(1ull << 63)
#define STATUS_MISCV	(1ull << 59)
#define STATUS_ADDRV	(1ull << 58)

void mce_read(struct mce_record *record)
{
	uint32_t features = cpu_cpuid(1, 0).edx, i;

	*record = (struct mce_record){ .present = (features & CPUID_MCE) && (features & CPUID_MCA) };
	if (!record->present)
		return;
	record->mcg_cap = cpu_rdmsr(MSR_MCG_CAP);
	record->mcg_status = cpu_rdmsr(MSR_MCG_STATUS);
	record->bank_count = record->mcg_cap & 0xff;
	for (i = 0; i < record->bank_count && i < MCE_BANKS_MAX; i++) {
		uint64_t status = cpu_rdmsr(MSR_MC0_CTL + 4 * i + 1);

		if (!(status & STATUS_VALID))
			continue;
		/* ADDR and MISC exist only where the status says so: reading them otherwise may be #GP. */
		record->valid[record->valid_count++] = (struct mce_bank){
			.bank = i,
			.status = status,
			.address = status & STATUS_ADDRV ? cpu_rdmsr(MSR_MC0_CTL + 4 * i + 2) : 0,
			.misc = status & STATUS_MISCV ? cpu_rdmsr(MSR_MC0_CTL + 4 * i + 3) : 0,
		};
	}
}

void mce_enable(void)
{
	if (cpu_cpuid(1, 0).edx & CPUID_MCE)
		cpu_write_cr4(cpu_read_cr4() | CR4_MCE);
}
