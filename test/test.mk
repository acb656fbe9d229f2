# SPDX-License-Identifier: MIT
# Host tests. Every pure room is compiled unchanged with the seam's host twin (test/twin before the top
# folder in the include path), once with gcc and once with clang, both under ASan and UBSan.
#
# test/unit/<room>/<name>_test.c is one cmocka program; other .c files beside it are linked into each
# program of that room. Extra libraries of a room: UNIT_LIBS_<room>.

UNIT_CC   := gcc clang
UNIT_ROOM := $(wildcard boot/*.c lib/*.c mm/*.c smp/*.c x86/pc/uart.c purgatory/*.c x86/entry/ivt.c x86/apic.c \
	x86/tsc.c tools/report_*.c x86/state_compare.c x86/pc/reset_usable.c x86/pc/watchdog.c x86/pc/watchdog_stop.c \
	kernel/block_map.c kernel/block_ram.c kernel/choice.c kernel/hasher.c kernel/old_block.c \
	kernel/old_refusal.c kernel/old_report.c kernel/pattern.c kernel/platform.c)
# The host has its own memcpy and its kin.
UNIT_POOL := $(filter-out lib/string.c,$(UNIT_ROOM)) $(wildcard test/twin/*.c)
UNIT_TEST := $(sort $(wildcard test/unit/$(or $(ROOM),*)/*_test.c))
UNIT_HELP := $(filter-out %_test.c,$(wildcard test/unit/*/*.c))
UNIT_LIBS_lib := -lcrypto
UNIT_LIBS_tools := -lz

CFLAGS_UNIT := -std=gnu11 -g -O1 -fno-omit-frame-pointer -fno-strict-aliasing -fsanitize=address,undefined \
	-fno-sanitize-recover=all -MMD -MP $(WARN) -Itest/twin -I.

unit_room = $(notdir $(patsubst %/,%,$(dir $(1))))
unit_bin  = $(patsubst test/unit/%.c,$(O)/unit/$(1)/bin/%,$(UNIT_TEST))

# $(1): compiler. One library, one program per test file.
define UNIT_RULES
$(O)/unit/$(1)/lib/sha256_ni.c.o: CFLAGS_UNIT += $(CFLAGS_SHANI)

# It prints directives at random.
$(O)/unit/$(1)/test/unit/lib/fmt_test.c.o: CFLAGS_UNIT += -Wno-format

$(O)/unit/$(1)/%.c.o: %.c test/test.mk
	@mkdir -p $$(@D)
	@$(1) $$(CFLAGS_UNIT) -c -o $$@ $$<

$(O)/unit/$(1)/gen/font.c.o: $(O)/gen/font.c
	@mkdir -p $$(@D)
	@$(1) $$(CFLAGS_UNIT) -c -o $$@ $$<

$(O)/unit/$(1)/libbaton.a: $(patsubst %,$(O)/unit/$(1)/%.o,$(UNIT_POOL) gen/font.c)
	@rm -f $$@
	@ar rcs $$@ $$^

$(foreach t,$(UNIT_TEST),$(call UNIT_PROGRAM,$(1),$(t),$(call unit_room,$(t))))
endef

# $(1): compiler, $(2): test file, $(3): its room.
define UNIT_PROGRAM
$(patsubst test/unit/%.c,$(O)/unit/$(1)/bin/%,$(2)): $(O)/unit/$(1)/$(2).o \
		$(patsubst %,$(O)/unit/$(1)/%.o,$(filter test/unit/$(3)/%,$(UNIT_HELP))) $(O)/unit/$(1)/libbaton.a
	@mkdir -p $$(@D)
	@$(1) -fsanitize=address,undefined -o $$@ $$^ -lcmocka $(UNIT_LIBS_$(3))

endef

$(foreach c,$(UNIT_CC),$(eval $(call UNIT_RULES,$(c))))

.SECONDARY: $(foreach c,$(UNIT_CC),$(patsubst %,$(O)/unit/$(c)/%.o,$(UNIT_TEST) $(UNIT_HELP)))

.PHONY: test-unit
## test-unit: unit tests of all pure rooms, gcc and clang, ASan and UBSan (ROOM=lib: only that room's)
test-unit: $(foreach c,$(UNIT_CC),$(call unit_bin,$(c)))
	@$(PYTHON) test/unit/run.py $^

-include $(foreach c,$(UNIT_CC),$(patsubst %,$(O)/unit/$(c)/%.d,$(UNIT_POOL) $(UNIT_TEST) $(UNIT_HELP)))

# The image's own objects, on the host.
$(O)/bench/sha256_bench: test/bench/sha256_bench.c $(patsubst %,$(O)/image/lib/%.c.o,sha256 sha256_ni \
		sha256_plain sha256_translated crc32 digest engine fmt) \
		$(O)/bench/sha256_linux.o $(O)/bench/sha256_kexec_tools.o
	@mkdir -p $(@D)
	$(HOSTCC) -std=gnu11 -O2 -g -no-pie -MMD -MP $(WARN) -I. -o $@ $^

# The C to compare with, as kexec's purgatories are compiled.
KEXEC_FLAGS := -O2 -mcmodel=large -march=x86-64 -mno-mmx -mno-sse -mno-sse2 -mno-avx -fno-builtin -ffreestanding \
	-fno-PIC -fno-PIE -fno-stack-protector -fno-tree-vectorize
$(O)/bench/sha256_linux.o: KEXEC_SHAPE := -DSHA256_KEXEC=sha256_linux
$(O)/bench/sha256_kexec_tools.o: KEXEC_SHAPE := -DSHA256_KEXEC=sha256_kexec_tools -DUNROLLED
$(O)/bench/sha256_linux.o $(O)/bench/sha256_kexec_tools.o: test/bench/sha256_kexec.c test/bench/sha256_kexec.h
	@mkdir -p $(@D)
	$(HOSTCC) -std=gnu11 $(KEXEC_FLAGS) $(KEXEC_SHAPE) $(WARN) -I. -c -o $@ $<

.PHONY: bench-sha256
## bench-sha256: hash rates of plain C and SHA instructions beside openssl speed, one core
bench-sha256: $(O)/bench/sha256_bench
	@$<

# Compiled as the image's code is, but for what only a processor can do (test/bench/seam).
MM_BENCH_SRC := test/bench/mm_bench.c $(wildcard mm/*.c) lib/status.c lib/fmt.c
$(O)/bench/mm_bench: $(MM_BENCH_SRC) $(wildcard mm/*.h) test/bench/seam/x86/cpu.h
	@mkdir -p $(@D)
	$(HOSTCC) -std=gnu11 -O2 -g -fno-strict-aliasing -fno-omit-frame-pointer $(WARN) -Itest/bench/seam -I. -o $@ $(MM_BENCH_SRC)

.PHONY: bench-mm
## bench-mm: instructions, rounds and IPIs a page for map, protect and unmap of 1 GiB, by callgrind
bench-mm: $(O)/bench/mm_bench | deps-bench
	@$(PYTHON) -B test/bench/mm_bench.py $< $(O)/bench

.PHONY: bench-flush
## bench-flush: one INVLPG beside a load of CR3 with its refills, in QEMU: what the threshold between them is judged by
bench-flush: $(O)/baton.efi | deps-bench
	@$(PYTHON) -B test/bench/flush_cost.py --out $(O)/bench

-include $(O)/bench/sha256_bench.d
