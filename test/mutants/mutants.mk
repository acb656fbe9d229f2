# SPDX-License-Identifier: MIT
# Checks of the checks: mutants of the pure rooms, and line coverage.

# The unit tests once more, as fast as they compile: gcc, no optimisation, no sanitizers (test-unit has those). A mutant
# recompiles what it changed and links its one program with the rest of this.
MUTANT_DIR   := $(O)/mutants/base
MUTANT_FLAGS := -std=gnu11 -O0 -g0 -w -fno-strict-aliasing $(CFLAGS_SHANI) -Itest/twin -I.
MUTANT_LIBS  := -lcmocka -lcrypto -lz
MUTANT_POOL  := $(patsubst %,$(MUTANT_DIR)/%.o,$(UNIT_POOL) gen/font.c)
# Of ROOM= too the tests of all rooms: a mutant names its test.
MUTANT_TEST  := $(patsubst %,$(MUTANT_DIR)/%.o,$(wildcard test/unit/*/*.c) test/mutants/only.c)

$(MUTANT_DIR)/gen/font.c.o: $(O)/gen/font.c
	@mkdir -p $(@D)
	@gcc $(MUTANT_FLAGS) -MMD -MP -c -o $@ $<

$(MUTANT_DIR)/%.c.o: %.c
	@mkdir -p $(@D)
	@gcc $(MUTANT_FLAGS) -MMD -MP -c -o $@ $<

$(MUTANT_DIR)/libbaton.a: $(MUTANT_POOL)
	@rm -f $@
	@ar rcs $@ $^

-include $(MUTANT_POOL:.o=.d) $(MUTANT_TEST:.o=.d)

.PHONY: mutants coverage-mm coverage-parsers
## mutants: each file of test/mutants/ changed one thing that a named unit test must notice (MUTANT=mm/name: only that)
mutants:
	@$(MAKE) --no-print-directory -s -j2 $(MUTANT_DIR)/libbaton.a $(MUTANT_TEST)
	@$(PYTHON) -B test/mutants/run.py $(MUTANT_DIR) '$(MUTANT_FLAGS)' '$(MUTANT_LIBS)' $(MUTANT)

COVERAGE_FLAGS := -std=gnu11 -O0 -fno-strict-aliasing --coverage $(WARN) -Itest/twin -I.
## coverage-mm: lines of mm/ that its unit tests run; fails below 100%
coverage-mm:
	@rm -rf $(O)/coverage-mm
	@mkdir -p $(O)/coverage-mm
	@for f in mm/*.c lib/status.c lib/fmt.c test/twin/twin.c test/unit/mm/machine.c; do \
		gcc $(COVERAGE_FLAGS) -c -o $(O)/coverage-mm/$$(echo $$f | tr / -).o $$f || exit 1; done
	@for f in test/unit/mm/*_test.c; do p=$(O)/coverage-mm/$$(basename $$f .c); \
		gcc $(COVERAGE_FLAGS) -o $$p $$f $(O)/coverage-mm/*.c.o -lcmocka && $$p >$$p.log 2>&1 || \
		{ cat $$p.log; exit 1; }; done
	@$(PYTHON) test/mutants/coverage.py $(O)/coverage-mm mm

# Parsers of what comes from files, loaders and firmware, and the loop that plans a load with them.
PARSERS := $(patsubst %,boot/%.c,bzimage pe uki elf multiboot cpio text config entry efimap setup_data params_in e820 place \
	start_info survive firmware_find tpm_log) $(wildcard boot/load*.c) lib/acpi.c smp/madt.c
PARSER_TESTS := $(wildcard test/unit/boot/*_test.c) test/unit/lib/acpi_test.c test/unit/smp/madt_test.c
## coverage-parsers: lines of the parsers that their unit tests run; fails if one is below 95%
coverage-parsers: $(O)/gen/font.c
	@rm -rf $(O)/coverage-parsers
	@mkdir -p $(O)/coverage-parsers
	@for f in boot/*.c $(filter-out lib/string.c lib/fbtext.c,$(wildcard lib/*.c)) smp/madt.c test/twin/twin.c \
		$(filter-out %_test.c,$(wildcard test/unit/boot/*.c)); do \
		gcc $(COVERAGE_FLAGS) $(CFLAGS_SHANI) -c -o $(O)/coverage-parsers/$$(echo $$f | tr / -).o $$f || exit 1; done
	@for f in $(PARSER_TESTS); do p=$(O)/coverage-parsers/$$(basename $$f .c); \
		gcc $(COVERAGE_FLAGS) -o $$p $$f $(O)/coverage-parsers/*.c.o -lcmocka && $$p >$$p.log 2>&1 || \
		{ cat $$p.log; exit 1; }; done
	@$(PYTHON) test/mutants/coverage.py $(O)/coverage-parsers $(PARSERS)
