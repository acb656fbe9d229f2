// SPDX-License-Identifier: MIT
#include "test/unit/boot/support.h"

#include <stdio.h>
#include <string.h>

#include "boot/survive.h"

#define SYSTAB	0x1000u
#define TABLES	0x2000u
#define TOP	0x40000u

/* The low memory of a machine; nothing else is readable. All of it is memory of boot services, as where EDK2 keeps such
 * tables: the map alone lets everything go. */
static uint8_t memory[TOP] __attribute__((aligned(8)));
static uint8_t buffer[40 * 8] __attribute__((aligned(8)));
static struct acpi_reader reader;
static struct efi_map map;
static struct survivors found;
static struct problem p;
static char lines[4096];

static const void *at(void *ctx, uint64_t phys, uint32_t length)
{
	(void)ctx;
	return phys > TOP || length > TOP - phys ? NULL : memory + phys;
}

static void put(uint64_t where, unsigned bytes, uint64_t value)
{
	kernel_put(memory, (unsigned)where, bytes, value);
}

static int fresh(void **state)
{
	(void)state;
	memset(memory, 0, sizeof(memory));
	memset(&found, 0, sizeof(found));
	reader = (struct acpi_reader){ at, NULL };
	map = (struct efi_map){ (uintptr_t)buffer, 0, sizeof(buffer), 40, 1 };
	p = (struct problem){ 0 };
	lines[0] = '\0';
	memcpy(memory + SYSTAB, "IBI SYST", 8);
	put(SYSTAB + 112, 8, TABLES);
	return 0;
}

static void give(const char *guid, uint64_t phys)
{
	uint64_t count = memory[SYSTAB + 104];

	memcpy(memory + TABLES + 24 * count, guid, 16);
	put(TABLES + 24 * count + 16, 8, phys);
	put(SYSTAB + 104, 8, count + 1);
}

static void collect(void *ctx, const struct problem *conflict)
{
	(void)ctx;
	strcat(strcat(lines, conflict->text), "\n");
}

/* All lines of an image that wants [base, base + size). */
static const char *conflicts(uint64_t base, uint64_t size)
{
	lines[0] = '\0';
	p = (struct problem){ 0 };
	if (survive_check(&found, &map, base, size, "/x", collect, NULL, &p))
		collect(NULL, &p);
	return lines;
}

#define ESRT_GUID	"\x63\xa2\x22\xb1\x61\x36\x68\x4f\x99\x29\x78\xf8\xb0\xd6\x21\x80"
#define MEMATTR_GUID	"\x1d\x91\xfa\xdc\xeb\x26\x9f\x46\xa2\x20\x38\xb7\xdc\x46\x12\x20"
#define TPM_GUID	"\xb0\x9c\x79\xb7\xa2\xec\x43\x49\x96\x67\x1f\xae\x07\xb7\x47\xfa"
#define FINAL_GUID	"\x96\xd0\x2e\x1e\xe2\x30\x54\x42\xbd\x89\x86\x3b\xbe\xf8\x23\x25"
#define SEED_GUID	"\xbc\xe5\xe1\x1c\xeb\x7c\xf2\x42\x81\xe5\x8a\xad\xf1\x80\xf5\x7b"
#define RESERVE_GUID	"\xc6\xb0\x8e\x88\xde\x8e\xf5\x4f\xa8\xf0\x9a\xee\x5c\xb9\x77\xc2"
#define MOK_GUID	"\x2b\xed\x51\xc4\x94\x96\xd3\x45\xba\xba\xed\x9f\x89\x88\xa3\x89"
#define RSDP_GUID	"\x71\xe8\x68\x88\xf1\xe4\xd3\x11\xbc\x22\x00\x80\xc7\x3c\x88\x81"
#define UNKNOWN_GUID	"0123456789abcdef"

/* A table for itself: the bytes before it and behind it may go, its first and last may not. */
static void table(const char *guid, uint64_t phys, uint64_t bytes, const char *what)
{
	char line[160];

	map_add(&map, EFI_TYPE_BOOT_DATA, 0, TOP / 4096, 0);
	give(guid, phys);
	survive_find_efi(&found, &reader, SYSTAB, 0);
	snprintf(line, sizeof(line), "/x: wants 0x%llx..0x%llx, but 0x%llx..0x%llx must survive: %s\n",
		 (unsigned long long)phys, (unsigned long long)phys + 1, (unsigned long long)phys,
		 (unsigned long long)(phys + bytes), what);
	assert_string_equal(conflicts(phys, 1), line);
	assert_non_null(strstr(conflicts(phys + bytes - 1, 1), what));
	assert_string_equal(conflicts(phys - 16, 16), "");
	assert_string_equal(conflicts(phys + bytes, 16), "");
}

static void esrt(void **state)
{
	(void)state;
	put(0x10010, 4, 3);
	table(ESRT_GUID, 0x10010, 16 + 3 * 40, "ESRT");
}

static void memory_attributes(void **state)
{
	(void)state;
	put(0x10014, 4, 5);
	put(0x10018, 4, 48);
	table(MEMATTR_GUID, 0x10010, 16 + 5 * 48, "memory attributes table");
}

static void tpm_log(void **state)
{
	(void)state;
	put(0x10010, 4, 0x2345);
	table(TPM_GUID, 0x10010, 9 + 0x2345, "TPM event log");
}

static void tpm_final_events(void **state)
{
	(void)state;
	table(FINAL_GUID, 0x10010, 0xff0, "TPM final events");
}

static void seed(void **state)
{
	(void)state;
	put(0x10010, 4, 64);
	table(SEED_GUID, 0x10010, 68, "RNG seed");
}

static void mok_variables(void **state)
{
	(void)state;
	memory[0x10010] = 'a';
	put(0x10010 + 256, 8, 1000);
	table(MOK_GUID, 0x10010, 264 + 1000 + 264, "MOK variables");
}

static void acpi_root(void **state)
{
	(void)state;
	table(RSDP_GUID, 0x10010, 0xff0, "ACPI RSDP");
}

/* The map in words. */
static const char *kept_free(void)
{
	lines[0] = '\0';
	for (unsigned i = 0; i < efimap_count(&map); i++) {
		const struct efi_descriptor *d = efimap_at(&map, i);

		sprintf(lines + strlen(lines), "%llx..%llx %s, ", (unsigned long long)d->phys,
			(unsigned long long)(d->phys + d->pages * 4096), d->type == EFI_TYPE_RESERVED ? "reserved" :
			d->type == EFI_TYPE_CONVENTIONAL ? "free" : d->type == EFI_TYPE_BOOT_DATA ? "boot" : "other");
	}
	return lines;
}

/* Two tables in a chain, three ranges, one of them beyond what the second table holds. */
static void ranges_of_memreserve(void **state)
{
	(void)state;
	put(0x10010, 4, 2);
	put(0x10014, 4, 2);
	put(0x10018, 8, 0x11000);
	put(0x10020, 8, 0x20000);
	put(0x10028, 8, 0x1000);
	put(0x10030, 8, 0x22000);
	put(0x10038, 8, 0x2000);
	put(0x11000, 4, 1);
	put(0x11004, 4, 9);
	put(0x11010, 8, 0x28000);
	put(0x11018, 8, 0x800);
	put(0x11020, 8, 0x30000);
	put(0x11028, 8, 0x800);
	table(RESERVE_GUID, 0x10010, 16 + 2 * 16, "MEMRESERVE table");
	assert_string_equal(conflicts(0x21000, 0x1000), "");
	assert_string_equal(conflicts(0x20000, 0x10000),
		"/x: wants 0x20000..0x30000, but 0x20000..0x21000 must survive: range of MEMRESERVE\n"
		"/x: wants 0x20000..0x30000, but 0x22000..0x24000 must survive: range of MEMRESERVE\n"
		"/x: wants 0x20000..0x30000, but 0x28000..0x28800 must survive: range of MEMRESERVE\n");
	assert_string_equal(conflicts(0x30000, 0x800), "");
	for (unsigned i = 0; i < found.count; i++)
		assert_true(found.list[i].promised == !strcmp(found.list[i].what, "range of MEMRESERVE"));
	/* What of them the map calls free is reserved, by whole pages, and nothing else. */
	map.size = 0;
	map_add(&map, EFI_TYPE_BOOT_DATA, 0, 0x21, 0);
	map_add(&map, EFI_TYPE_CONVENTIONAL, 0x21000, 0x1f, 0);
	assert_problem(&p, survive_keep_promised(&found, &map, &p), OK, "");
	assert_string_equal(kept_free(), "0..21000 boot, 21000..22000 free, 22000..24000 reserved, 24000..28000 free, "
			    "28000..29000 reserved, 29000..40000 free, ");
	/* A chain in a circle ends. */
	put(0x11008, 8, 0x10010);
	found.count = 0;
	survive_find_efi(&found, &reader, SYSTAB, 0);
	assert_true(found.full);
	assert_non_null(strstr(conflicts(0x31000, 0x1000), "is not known to be free: too many tables must survive"));
}

/* What an earlier kernel lists as needed at run time and its e820 list calls free. */
static void runtime_ranges_are_kept(void **state)
{
	struct efi_descriptor list[3] = {
		{ .type = EFI_TYPE_BOOT_DATA, .phys = 0x23000, .pages = 2 },
		{ .type = EFI_TYPE_MMIO, .phys = 0, .pages = SURVIVE_RUNTIME_PAGES + 1 },
		{ .type = EFI_TYPE_RUNTIME_DATA, .phys = 0x3f000, .pages = 1 },
	};
	struct efi_map runtime = { (uintptr_t)list, sizeof(list), sizeof(list), sizeof(list[0]), 1 }, none = { 0 };

	(void)state;
	map_add(&map, EFI_TYPE_BOOT_DATA, 0, 0x21, 0);
	map_add(&map, EFI_TYPE_CONVENTIONAL, 0x21000, 0x1f, 0);
	assert_int_equal(survive_keep_runtime(&none, &map, &p), OK);
	none = (struct efi_map){ (uintptr_t)list, sizeof(list), sizeof(list), sizeof(list[0]) - 1, 1 };
	assert_int_equal(survive_keep_runtime(&none, &map, &p), OK);
	assert_string_equal(kept_free(), "0..21000 boot, 21000..40000 free, ");
	assert_problem(&p, survive_keep_runtime(&runtime, &map, &p), OK, "");
	assert_string_equal(kept_free(), "0..21000 boot, 21000..23000 free, 23000..25000 reserved, 25000..3f000 free, "
			    "3f000..40000 reserved, ");
	/* No room for one more: said, not dropped. */
	list[0].phys = 0x30000;
	map.capacity = map.size;
	assert_int_equal(survive_keep_runtime(&runtime, &map, NULL), E_NO_MEMORY);
}

static void the_list_itself(void **state)
{
	(void)state;
	map_add(&map, EFI_TYPE_BOOT_DATA, 0, TOP / 4096, 0);
	give(UNKNOWN_GUID, 0x10000);
	survive_find_efi(&found, &reader, SYSTAB, 0);
	assert_string_equal(conflicts(0x1000, 0x2000),
		"/x: wants 0x1000..0x3000, but 0x1000..0x1078 must survive: EFI system table\n"
		"/x: wants 0x1000..0x3000, but 0x2000..0x2018 must survive: EFI configuration tables\n");
	assert_string_equal(conflicts(0x10000, 0x1000), "");
	/* Behind kexec the system table's pointer is virtual. */
	found.count = 0;
	put(SYSTAB + 112, 8, 0xffffffff80000000);
	survive_find_efi(&found, &reader, SYSTAB, 0);
	assert_int_equal(found.count, 0);
	survive_find_efi(&found, &reader, SYSTAB, TABLES);
	assert_int_equal(found.count, 2);
	found.count = 0;
	memory[SYSTAB] = 0;
	survive_find_efi(&found, &reader, SYSTAB, TABLES);
	assert_int_equal(found.count, 0);
}

static void sum(uint64_t from, unsigned bytes, unsigned checksum)
{
	uint8_t value = 0;

	memory[from + checksum] = 0;
	for (unsigned i = 0; i < bytes; i++)
		value = (uint8_t)(value + memory[from + i]);
	memory[from + checksum] = (uint8_t)-value;
}

static void acpi_table(uint64_t phys, const char *signature, uint32_t bytes)
{
	memcpy(memory + phys, signature, 4);
	put(phys + 4, 4, bytes);
	sum(phys, bytes, 9);
}

/* TPM2 and TCPA name a log, the MADT a mailbox. */
static void what_acpi_points_to(void **state)
{
	(void)state;
	map_add(&map, EFI_TYPE_BOOT_DATA, 0, TOP / 4096, 0);
	memcpy(memory + 0x3000, "RSD PTR ", 8);
	memory[0x3000 + 15] = 2;
	put(0x3000 + 20, 4, 36);
	put(0x3000 + 24, 8, 0x3100);
	sum(0x3000, 20, 8);
	sum(0x3000, 36, 32);
	put(0x3100 + 36, 8, 0x3200);
	put(0x3100 + 44, 8, 0x3300);
	put(0x3100 + 52, 8, 0x3400);
	put(0x3100 + 60, 8, 0x3500);
	acpi_table(0x3100, "XSDT", 68);
	put(0x3500 + 40, 8, 0x26000);
	acpi_table(0x3500, "BGRT", 56);
	memcpy(memory + 0x26000, "BM", 2);
	put(0x26002, 4, 0x1800);
	put(0x3200 + 68, 4, 0x1000);
	put(0x3200 + 72, 8, 0x20000);
	acpi_table(0x3200, "TPM2", 80);
	put(0x3300 + 38, 4, 0x800);
	put(0x3300 + 42, 8, 0x22000);
	acpi_table(0x3300, "TCPA", 50);
	memory[0x3400 + 44] = 0;
	memory[0x3400 + 45] = 8;
	memory[0x3400 + 52] = 0x10;
	memory[0x3400 + 53] = 16;
	put(0x3400 + 60, 8, 0x24000);
	acpi_table(0x3400, "APIC", 68);
	survive_find_acpi(&found, &reader, 0x3000);
	assert_string_equal(conflicts(0x20000, 0x8000),
		"/x: wants 0x20000..0x28000, but 0x20000..0x21000 must survive: TPM event log\n"
		"/x: wants 0x20000..0x28000, but 0x22000..0x22800 must survive: TPM event log\n"
		"/x: wants 0x20000..0x28000, but 0x24000..0x25000 must survive: mailbox of the CPUs\n"
		"/x: wants 0x20000..0x28000, but 0x26000..0x27800 must survive: picture of the BGRT\n");
	/* Shorter than the fields, an entry of length 0, no root: nothing, and it ends. */
	found.count = 0;
	acpi_table(0x3200, "TPM2", 79);
	acpi_table(0x3300, "TCPA", 49);
	memory[0x3400 + 45] = 0;
	acpi_table(0x3400, "APIC", 68);
	acpi_table(0x3500, "BGRT", 47);
	survive_find_acpi(&found, &reader, 0x3000);
	acpi_table(0x3500, "BGRT", 56);
	memory[0x26000] = 'b';
	survive_find_acpi(&found, &reader, 0x3000);
	survive_find_acpi(&found, &reader, 0);
	survive_find_acpi(&found, &reader, 0x5000);
	assert_int_equal(found.count, 0);
}

/* What the map keeps: each type by its name, neighbours of one kind once, holes. */
static void each_type_by_name(void **state)
{
	static const char *const names[16] = {
		[EFI_TYPE_RESERVED] = "must survive: reserved memory",
		[EFI_TYPE_RUNTIME_CODE] = "must survive: firmware's runtime code",
		[EFI_TYPE_RUNTIME_DATA] = "must survive: firmware's runtime data",
		[EFI_TYPE_UNUSABLE] = "is not usable: memory errors", [EFI_TYPE_ACPI_RECLAIM] = "must survive: ACPI tables",
		[EFI_TYPE_ACPI_NVS] = "must survive: ACPI NVS", [EFI_TYPE_MMIO] = "is no memory: device registers",
		[EFI_TYPE_MMIO_PORT] = "is no memory: I/O ports", [EFI_TYPE_PAL] = "must survive: PAL code",
		[EFI_TYPE_PERSISTENT] = "must survive: persistent memory",
		[EFI_TYPE_UNACCEPTED] = "is not usable: not accepted yet",
	};
	char line[160];

	(void)state;
	for (uint32_t type = 0; type < 18; type++) {
		const char *name = type < 16 ? names[type] : "must survive: memory of an unknown type";

		fresh(NULL);
		map_add(&map, EFI_TYPE_CONVENTIONAL, 0x100000, 16, 0);
		map_add(&map, type, 0x110000, 1, 0);
		map_add(&map, type, 0x111000, 1, 0xf);
		map_add(&map, EFI_TYPE_BOOT_DATA, 0x112000, 14, 0);
		line[0] = '\0';
		if (name)
			snprintf(line, sizeof(line), "/x: wants 0x100000..0x120000, but 0x110000..0x112000 %s\n", name);
		assert_string_equal(conflicts(0x100000, 0x20000), line);
		assert_string_equal(conflicts(0x100000, 0x10000), "");
		assert_string_equal(conflicts(0x112000, 0xe000), "");
		assert_string_equal(conflicts(0x113000, 0xe000),
				    "/x: wants 0x113000..0x121000, but 0x120000..0x121000 is no memory\n");
		assert_string_equal(conflicts(0xff000, 0x2000),
				    "/x: wants 0xff000..0x101000, but 0xff000..0x100000 is no memory\n");
	}
	fresh(NULL);
	map_add(&map, EFI_TYPE_CONVENTIONAL, 0x100000, 16, EFI_ATTRIBUTE_SP);
	assert_non_null(strstr(conflicts(0x100000, 0x1000), "must survive: memory for a specific purpose"));
	assert_int_equal(survive_check(&found, &map, 0x100000, 0x1000, "/x", NULL, NULL, NULL), E_PLACEMENT);
}

/* Our own, an earlier block, the framebuffer: whoever knows them adds them. */
static void what_is_added(void **state)
{
	(void)state;
	map_add(&map, EFI_TYPE_CONVENTIONAL, 0x100000, 256, 0);
	survive_add(&found, "framebuffer", 0x110000, 0x1000);
	survive_add(&found, "block", 0x120000, 0x1000);
	survive_add(&found, "nothing", 0x130000, 0);
	survive_add(&found, "wraps", ~0ull - 1, 3);
	assert_string_equal(conflicts(0x100000, 0x80000),
		"/x: wants 0x100000..0x180000, but 0x110000..0x111000 must survive: framebuffer\n"
		"/x: wants 0x100000..0x180000, but 0x120000..0x121000 must survive: block\n");
	for (unsigned i = 0; i < SURVIVORS_MAX; i++)
		survive_add(&found, "many", 0x190000, 1);
	assert_true(found.full && found.count == SURVIVORS_MAX);
}

/* Sizes that make no sense, addresses that nothing shows. */
static void hostile_tables(void **state)
{
	(void)state;
	map_add(&map, EFI_TYPE_BOOT_DATA, 0, TOP / 4096, 0);
	give(ESRT_GUID, 0x10000);
	give(MEMATTR_GUID, 0x11000);
	give(RESERVE_GUID, 0x12000);
	give(MOK_GUID, 0x13000);
	give(TPM_GUID, ~0ull - 3);
	give(SEED_GUID, 0);
	put(0x10000, 4, 0xffffffff);
	put(0x11004, 4, 0xffff);
	put(0x11008, 4, 0xffff);
	put(0x12000, 4, 0xffffffff);
	put(0x12004, 4, 0xffffffff);
	put(0x13000, 8, ~0ull);
	put(0x13100, 8, ~0ull);
	survive_find_efi(&found, &reader, SYSTAB, 0);
	assert_string_equal(conflicts(0x10000, 0x10000),
		"/x: wants 0x10000..0x20000, but 0x10000..0x10010 must survive: ESRT\n"
		"/x: wants 0x10000..0x20000, but 0x11000..0x11010 must survive: memory attributes table\n");
	put(SYSTAB + 104, 8, 1025);
	found.count = 0;
	survive_find_efi(&found, &reader, SYSTAB, 0);
	assert_int_equal(found.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(esrt, fresh), cmocka_unit_test_setup(memory_attributes, fresh),
		cmocka_unit_test_setup(tpm_log, fresh), cmocka_unit_test_setup(tpm_final_events, fresh),
		cmocka_unit_test_setup(seed, fresh), cmocka_unit_test_setup(mok_variables, fresh),
		cmocka_unit_test_setup(acpi_root, fresh), cmocka_unit_test_setup(ranges_of_memreserve, fresh),
		cmocka_unit_test_setup(runtime_ranges_are_kept, fresh),
		cmocka_unit_test_setup(the_list_itself, fresh), cmocka_unit_test_setup(what_acpi_points_to, fresh),
		cmocka_unit_test_setup(each_type_by_name, fresh), cmocka_unit_test_setup(what_is_added, fresh),
		cmocka_unit_test_setup(hostile_tables, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
