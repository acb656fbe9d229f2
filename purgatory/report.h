// SPDX-License-Identifier: MIT
/*
 * Block to next kernel, tools and the next start of Baton: the handover report, payload of a setup_data node. Little
 * endian, every table by offset, count and entry size, so that an older tool reads a newer report. docs/report.md.
 */
#ifndef PURGATORY_REPORT_H
#define PURGATORY_REPORT_H

#include <stddef.h>
#include <stdint.h>

#define REPORT_MAGIC		0x54524f505052544eull	/* "NTRPPORT" */
#define REPORT_VERSION		1
#define REPORT_SETUP_TYPE	0x42544f4eu		/* setup_data type "NOTB": > 0x10000, < 0x80000000 */

/* capacity >= count: kernel/ makes room, the block appends its own phases. */
struct report_table { uint32_t offset, count, entry_size, capacity; };

/* failure_text of E67, which is written beforehand: %s is the last phase that ended. */
#define REPORT_FAILURE_BYTES	128
#define REPORT_HUNG_TEXT	"no sign of life after phase %s: the watchdog or somebody reset the machine"

enum report_state { REPORT_PREPARED = 1, REPORT_HANDED_OVER, REPORT_FAILED };

enum report_verdict { VERDICT_NONE, VERDICT_ONLINE, VERDICT_NO_ANSWER, VERDICT_UNREACHABLE, VERDICT_DISABLED,
		      VERDICT_IS_BSP, VERDICT_PARKED, VERDICT_HALTED, VERDICT_INIT_RECALLED, VERDICT_INIT_HELD,
		      VERDICT_LOST };

struct report_cpu {
	uint32_t apic_id;
	uint32_t verdict;		/* the last one: HALTED in a good handover; boss: ONLINE */
	uint32_t park_mode;		/* enum slot_mode, 0: not parked */
	uint32_t online_us;		/* from the start of bring-up to ONLINE */
	uint32_t kick_us;		/* from HALT to its acknowledgement */
	uint32_t nmis_sent, nmis_seen, mcs_seen;
	uint32_t flags;			/* REPORT_CPU_... */
	uint32_t reserved;
	uint32_t verify_kib, verify_us;	/* its share of VERIFY, and how long that took; 0: had none */
};

#define REPORT_CPU_MTRR_DIFFER		1u	/* from the boss's, after the replay */
#define REPORT_CPU_MTRR_REPLAYED	2u	/* differed before the replay (TCG's INIT clears them) */

struct report_phase { char name[16]; uint64_t start_us; uint64_t duration_us; };	/* start: since the door */

enum report_expected { EXPECTED_FIRST_READ = 1, EXPECTED_ENTRY = 2 };

/* MENDED: differed, was copied from its source again and is good now. */
enum report_verified { VERIFIED_NOT_REACHED, VERIFIED_GOOD, VERIFIED_DIFFERS, VERIFIED_MENDED };

struct report_segment {
	char name[32];			/* kernel, initrd, boot_params, cmdline, setup_data, block */
	char path[96];
	uint64_t address, size, memory_size;
	uint32_t expected;		/* enum report_expected */
	uint32_t verified;		/* enum report_verified */
	uint32_t chunk_count;
	uint32_t bad_chunk;		/* ~0: none */
	uint64_t bad_page;		/* physical address of the first page whose CRC32C differs, 0: none */
	uint8_t sha256[32];		/* whole file if known, else SHA-256 over the chunk digests */
};

struct report_pci {
	uint32_t segment_bdf;
	uint16_t vendor, device;
	uint32_t class_code;
	uint32_t flags;
	uint32_t iommu;			/* enum report_iommu, of the unit that the function is behind */
};

enum report_iommu { REPORT_IOMMU_UNKNOWN, REPORT_IOMMU_NONE, REPORT_IOMMU_OFF, REPORT_IOMMU_ON };

#define REPORT_PCI_BUS_MASTER	1u
#define REPORT_PCI_BRIDGE	2u
#define REPORT_PCI_TURNED_OFF	4u	/* bus mastering was on and Baton turned it off */

struct report_reserved { uint64_t base, size; char what[16]; };

/* One phase over all generations of a loop. buckets[i]: shorter than 2^i us and in no bucket before; the last one: all
 * that is longer. */
#define REPORT_BUCKETS 24
struct report_stat {
	char name[16];
	uint64_t count, sum_us;
	uint32_t min_us, max_us;
	uint32_t buckets[REPORT_BUCKETS];
};

/* What must not grow from generation to generation. */
struct report_census {
	uint64_t free_pages;		/* given to the page allocator */
	uint64_t reserved_bytes;	/* type 0 of the EFI map, Baton's own among it */
	uint32_t e820_entries, map_entries;
};

#define REPORT_WINDOWS 256
#define REPORT_LOOP_VERDICTS 16

/* A loop of generations so far: sums over the handovers before this one. */
struct report_loop {
	uint64_t seed;
	uint64_t left;			/* generations still to come */
	uint64_t handovers;		/* summed up here */
	uint64_t kicks, kick_answers, nmis_sent, nmis_seen, mcs_seen, inits;
	uint64_t verdicts[REPORT_LOOP_VERDICTS];	/* by enum report_verdict */
	uint64_t pattern_filled, pattern_checked, pattern_changed;	/* bytes */
	uint32_t windows, windows_done;	/* parts of free memory; of them filled and checked at least once */
	uint64_t window_bits[REPORT_WINDOWS / 64];
	uint32_t window, window_whole;	/* filled by this generation; 1: all free pages of it */
	struct report_census census;	/* of this generation */
	struct report_census first[2];	/* of the third and fourth, which all later ones must equal by turns */
	uint64_t door_tsc;		/* raw, of this generation */
	uint64_t image_base, image_size;	/* where this generation ran */
	uint64_t failed_generation;	/* first failure; 0: none */
	uint32_t failure, flags;	/* its E number; REPORT_LOOP_... */
	char failure_text[128];
	uint64_t started_tsc;		/* raw, of the first generation's door */
	uint64_t passes, pass_at;	/* starts of the entry's kernel in between; handovers at the last */
	uint64_t shown_tsc, shown_handovers;	/* the status line was drawn last; 0: not since a pass */
	uint32_t stop, reserved;	/* enum report_stop */
	char event[32];			/* the last one worth a word */
	uint64_t offline;		/* CPUs that went into the lot before the others, over all generations */
};
#define REPORT_LOOP_ALL	1u		/* all free memory is filled, not a window */
#define REPORT_LOOP_PASS 2u		/* this handover starts the entry's kernel, and the loop is to go on after it */
enum report_stop { REPORT_STOP_NONE, REPORT_STOP_HOURS, REPORT_STOP_BUTTON };

/* Free memory that this generation has filled for the next one to check. */
struct report_pattern { uint64_t base, size; char owner[16]; };

/* Offline and online again, by `selftest smp`: one entry a way to sleep in the lot. Means. */
struct report_cycles {
	uint32_t park_mode;		/* enum slot_mode */
	uint32_t cpus;			/* one after the other, the rest idle */
	uint64_t offline_ns;		/* of one: from ONLINE to PARKED */
	uint64_t kick_ns;		/* from HALT to its acknowledgement */
	uint64_t online_ns;		/* from HALTED to ONLINE */
	uint32_t cycles, together;	/* of all at once: how many, and CPUs in each */
	uint64_t together_offline_ns, together_online_ns;	/* of one cycle: until the last CPU was there */
};
#define REPORT_CYCLES_MAX 2

struct report_header {
	uint64_t magic;
	uint32_t version;
	uint32_t header_size;
	uint32_t total_size;
	uint32_t crc32;			/* of total_size bytes with this field 0; written last */
	uint32_t state;			/* enum report_state */
	uint32_t failure;		/* E number, 0: none */
	char baton_version[32], commit[32], build[16];
	char platform[16];		/* bare, tcg, kvm, bochs, other */
	char door[16];
	char vendor[64], product[64], bios[64];
	char cpu_model[64];
	uint64_t microcode;
	uint64_t ram_bytes;
	uint64_t tsc_khz;
	uint32_t paging_levels;
	uint32_t x2apic;
	uint32_t boss_apic_id;
	uint32_t secure_boot;
	uint32_t iommu;			/* bit 0: DMAR table present, 1: IVRS, 2: a unit translates */
	uint32_t mca_banks, mca_logged;	/* banks read; of them with a valid error */
	uint32_t kick_deadline_us;
	uint32_t kicks, kick_answers, nmis, inits;
	uint64_t kick_us;		/* HALT to the last acknowledgement */
	uint64_t verify_us, verify_bytes;
	uint32_t verify_cpus;
	uint32_t sha256_ni;		/* 1: SHA instructions were used in the block */
	uint64_t handover_tsc;		/* raw TSC right before the jump */
	uint64_t generation;
	uint32_t policy_park, policy_on_failure, policy_lost_cpu, policy_init, policy_busmaster, policy_reset_after;
	char failure_text[REPORT_FAILURE_BYTES];
	struct report_table cpus, phases, segments, pci, reserved;
	uint64_t self;			/* physical address of this header: a copy elsewhere is no record */
	uint64_t started;		/* firmware's clock at the door, seconds since 1970-01-01 00:00, 0: unknown */
	uint64_t failure_us;		/* failed: since the door */
	char entry[64];			/* id of the boot entry, cut */
	struct report_table loop, stats, pattern;	/* loop: one entry or none */
	uint64_t seed;			/* of a loop, 0: none */
	/* on-failure fallback: what the chosen entry failed with before the one named above was started; 0: nothing */
	uint32_t fell_back, fell_back_reserved;
	char fell_back_entry[64];	/* the chosen one */
	char fell_back_text[REPORT_FAILURE_BYTES];
	/* The block's hash engines, bits and indices by lib/engine.h's enum engine: by CPUID; of them those that gave
	 * known answers; of them those in use. ticks: best measured round, 0: not measured */
	uint32_t engines_allowed, engines_right, engines_chosen, engines_reserved;
	uint32_t engine_ticks[8];
	struct report_table cycles;
};

/*
 * What the next start of Baton keeps of a refused handover, in the EFI variable REFUSAL_VARIABLE under REFUSAL_GUID:
 * non-volatile, boot service and runtime access. The fields up to crc32 lie as in the report.
 */
#define REFUSAL_MAGIC		0x4c41535546455242ull	/* "BREFUSAL" */
#define REFUSAL_VERSION		1
#define REFUSAL_VARIABLE	"BatonLastRefusal"
#define REFUSAL_GUID		"d8f0c5a1-2f6e-4b57-9c0d-71b6a3e49f28"

struct report_refusal {
	uint64_t magic;
	uint32_t version;
	uint32_t header_size;		/* this struct; later fields are added at its end */
	uint32_t total_size;		/* the same */
	uint32_t crc32;			/* of total_size bytes with this field 0 */
	uint32_t failure;		/* E number */
	uint32_t count;			/* refusals since the last handover that is known to have been good */
	uint32_t hold;			/* 1: the menu waits, since nobody has chosen an entry yet */
	uint32_t policy_on_failure;	/* boot/config.h's enum on_failure_policy, of the refused start */
	uint64_t when;			/* firmware's clock at the refusal, as header.started, 0: unknown */
	uint64_t failure_us;		/* from the door to the refusal */
	char baton_version[32], commit[32];
	char entry[64];
	char text[128];
	uint64_t generation, seed;	/* as in the report; 0 in a variable of REFUSAL_BYTES_FIRST */
};
#define REFUSAL_BYTES_FIRST	offsetof(struct report_refusal, generation)

/* Older and newer tools read it; a table may grow at its end, which its entry_size says. */
_Static_assert(sizeof(struct report_table) == 16, "report ABI");
_Static_assert(sizeof(struct report_cpu) == 48, "report ABI");
_Static_assert(sizeof(struct report_phase) == 32, "report ABI");
_Static_assert(sizeof(struct report_segment) == 208, "report ABI");
_Static_assert(sizeof(struct report_pci) == 20, "report ABI");
_Static_assert(sizeof(struct report_reserved) == 32, "report ABI");
_Static_assert(sizeof(struct report_header) == 1160, "report ABI");
_Static_assert(sizeof(struct report_stat) == 136, "report ABI");
_Static_assert(sizeof(struct report_census) == 24, "report ABI");
_Static_assert(sizeof(struct report_loop) == 600, "report ABI");
_Static_assert(sizeof(struct report_pattern) == 32, "report ABI");
_Static_assert(sizeof(struct report_cycles) == 56, "report ABI");
_Static_assert(offsetof(struct report_header, crc32) == 20, "report ABI");
_Static_assert(offsetof(struct report_refusal, crc32) == 20, "as in the report: one reader checks both");
_Static_assert(sizeof(struct report_refusal) == 328, "variable ABI; firmware may refuse more than 1 KiB");

#endif
