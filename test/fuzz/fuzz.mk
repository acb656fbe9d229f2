# SPDX-License-Identifier: MIT
# libFuzzer programs, one per parser: test/fuzz/<name>_fuzz.c with boot/ and lib/ as they are.

FUZZ_TEST := $(sort $(wildcard test/fuzz/*_fuzz.c))
FUZZ_POOL := $(wildcard boot/*.c) lib/fmt.c lib/status.c lib/console_spec.c lib/crc32.c lib/date.c lib/acpi.c lib/iommu.c \
	lib/smbios.c lib/random.c lib/digest.c $(wildcard lib/sha256*.c) lib/engine.c test/twin/twin.c smp/madt.c \
	kernel/old_block.c kernel/old_report.c
FUZZ_BIN  := $(patsubst test/fuzz/%.c,$(O)/fuzz/%,$(FUZZ_TEST))
FUZZ_OBJ  := $(patsubst %,$(O)/fuzz/%.o,$(FUZZ_POOL))

CFLAGS_FUZZ := -std=gnu11 -g -O1 -fno-omit-frame-pointer -fno-strict-aliasing -MMD -MP $(WARN) -Itest/twin -I. \
	-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all

$(O)/fuzz/lib/sha256_ni.c.o: CFLAGS_FUZZ += $(CFLAGS_SHANI)

$(O)/fuzz/%.c.o: %.c
	@mkdir -p $(@D)
	@clang $(CFLAGS_FUZZ) -c -o $@ $<

$(O)/fuzz/%_fuzz: $(O)/fuzz/test/fuzz/%_fuzz.c.o $(FUZZ_OBJ)
	@clang -fsanitize=fuzzer,address,undefined -o $@ $^

.SECONDARY: $(FUZZ_OBJ) $(patsubst %,$(O)/fuzz/%.o,$(FUZZ_TEST))

.PHONY: fuzz
## fuzz: the parsers under libFuzzer, T=20 seconds in total; last line: summary of counts
fuzz: $(FUZZ_BIN)
	@$(PYTHON) test/fuzz/run.py $(or $(T),20) $(O)/fuzz $^

-include $(FUZZ_OBJ:.o=.d) $(patsubst %,$(O)/fuzz/%.d,$(FUZZ_TEST))
