// SPDX-License-Identifier: MIT
#include <string.h>
#include <zlib.h>

#include "test/unit/tools/report_make.h"

#define TABLE(member) { offsetof(struct made_report, member), sizeof(r->member) / sizeof(r->member[0]) - 1,	\
			sizeof(r->member[0]), sizeof(r->member) / sizeof(r->member[0]) }

void report_seal(struct made_report *r)
{
	r->header.crc32 = 0;
	r->header.crc32 = (uint32_t)crc32(0, (const uint8_t *)r, sizeof(*r));
}

void report_make(struct made_report *r)
{
	struct report_header *h = &r->header;

	memset(r, 0, sizeof(*r));
	*h = (struct report_header){
		.magic = REPORT_MAGIC, .version = REPORT_VERSION, .header_size = sizeof(*h),
		.total_size = sizeof(*r), .state = REPORT_HANDED_OVER,
		.baton_version = "0.1", .commit = "0123456789ab", .build = "release", .platform = "tcg", .door = "efi",
		.vendor = "QEMU", .product = "Standard PC", .bios = "0.0.0", .cpu_model = "a CPU",
		.ram_bytes = 2ull << 30, .tsc_khz = 2000000, .paging_levels = 4, .mca_banks = 10,
		.kick_deadline_us = 5000, .kicks = 2, .kick_answers = 2, .kick_us = 40, .verify_bytes = 12345678,
		.verify_us = 1000, .verify_cpus = 3, .generation = 1,
		.engines_allowed = 0x17, .engines_right = 0x17, .engines_chosen = 0x15, .engine_ticks = { 120, 130 },
		.cpus = TABLE(cpus), .phases = TABLE(phases), .segments = TABLE(segments), .pci = TABLE(pci),
		.reserved = TABLE(reserved), .cycles = TABLE(cycles),
	};
	r->cpus[0] = (struct report_cpu){ .apic_id = 0, .verdict = VERDICT_ONLINE };
	r->cpus[1] = (struct report_cpu){ .apic_id = 1, .verdict = VERDICT_HALTED, .park_mode = 1 };
	r->cpus[2] = (struct report_cpu){ .apic_id = 2, .verdict = VERDICT_HALTED, .park_mode = 2 };
	r->phases[0] = (struct report_phase){ .name = "placed", .start_us = 10, .duration_us = 20 };
	r->phases[1] = (struct report_phase){ .name = "verify", .start_us = 30, .duration_us = 40 };
	r->segments[0] = (struct report_segment){ .name = "kernel", .path = "/debian/vmlinuz", .address = 0x1000000,
		.size = 8000000, .memory_size = 60000000, .expected = EXPECTED_ENTRY, .verified = 1, .chunk_count = 8,
		.bad_chunk = ~0u };
	r->segments[1] = (struct report_segment){ .name = "initrd", .path = "/debian/initrd.img", .address = 0x7000000,
		.size = 3000000, .memory_size = 3000000, .expected = EXPECTED_FIRST_READ, .verified = 1,
		.chunk_count = 3, .bad_chunk = ~0u };
	r->pci[0] = (struct report_pci){ .segment_bdf = 3 << 3, .vendor = 0x1af4, .device = 0x1001,
		.class_code = 0x010000, .flags = REPORT_PCI_TURNED_OFF, .iommu = REPORT_IOMMU_OFF };
	r->reserved[0] = (struct report_reserved){ .base = 0x2000000, .size = 0x30000, .what = "block" };
	for (uint32_t i = 0; i < 2; i++)
		r->cycles[i] = (struct report_cycles){ .park_mode = 1 + i, .cpus = 2, .offline_ns = 30000,
			.kick_ns = 20000, .online_ns = 70000, .cycles = 5, .together = 2,
			.together_offline_ns = 150000, .together_online_ns = 100000 };
	report_seal(r);
}
