# SPDX-License-Identifier: MIT
# Worlds: image (baton.efi), block (purgatory, its own link), host (tools, tests). Each has its flags below.
# `make help` lists the targets.

O        ?= build
# make has defaults of its own for these, which ?= leaves as they are.
ifeq ($(origin CC),default)
CC       := gcc
endif
ifeq ($(origin LD),default)
LD       := ld
endif
OBJCOPY  ?= objcopy
HOSTCC   ?= gcc
PYTHON   ?= /usr/bin/python3

VERSION  := 0.1
COMMIT   := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)$(shell git diff --quiet HEAD 2>/dev/null || echo +)

.DEFAULT_GOAL := $(O)/baton.efi
.DELETE_ON_ERROR:
.SUFFIXES:

WARN := -Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes
# One tree, three files: the shipped one; `make faults`, the only one with fault injection; `make nohash`, for the
# loader race in the bench. test/faults/ and test/nohash/ hold what differs.
VARIANT  ?= release
VARIANT_PATH := $(if $(filter release,$(VARIANT)),,-Itest/$(VARIANT))

# Freestanding code: no red zone (firmware's interrupts run on our stack), no vector registers (CPUs start
# without them), no protector (its guard needs FS), position independent with nothing but RELATIVE relocations.
FREESTANDING := -std=gnu11 -O2 -g -ffreestanding -fpie -fvisibility=hidden -mno-red-zone -mgeneral-regs-only \
	-fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables -fno-strict-aliasing \
	-fno-omit-frame-pointer -fno-jump-tables -fshort-wchar -ffile-prefix-map=$(CURDIR)=. -MMD -MP $(WARN) $(VARIANT_PATH) -I. -I$(O)
CFLAGS_IMAGE := $(FREESTANDING) -DGNU_EFI_USE_MS_ABI -isystem /usr/include/efi -isystem /usr/include/efi/x86_64
CFLAGS_BLOCK := $(FREESTANDING) -fstack-usage
# The SHA instructions live in one file; its callers ask CPUID and enable SSE first.
CFLAGS_SHANI := -msse4.1 -msha
CFLAGS_STRING := -fno-builtin $(if $(findstring clang,$(CC)),,-fno-tree-loop-distribute-patterns)

IMAGE_ROOMS := efi boot kernel smp mm x86 x86/entry x86/pc lib
# Linked into the image and into the block from one source.
SHARED_ALL  := $(wildcard purgatory/boss.c purgatory/verify.c purgatory/seal.c lib/sha256.c lib/sha256_ni.c lib/sha256_plain.c lib/sha256_translated.c lib/crc32.c lib/engine.c lib/fmt.c lib/string.c \
	lib/digest.c lib/fbtext.c lib/panel.c x86/pc/uart.c x86/pc/watchdog_stop.c x86/entry/ivt.c)
# Chosen by the link: one of each pair.
FAULTS_ONLY := kernel/faults.c kernel/fault_words.c kernel/misbehave.c kernel/prober.c kernel/old_park.c
LEFT_OUT    := x86/entry/header.S $(if $(filter faults,$(VARIANT)),kernel/faults_none.c,$(FAULTS_ONLY)) \
	$(if $(filter nohash,$(VARIANT)),lib/sha256.c lib/sha256_ni.c lib/sha256_plain.c lib/sha256_translated.c lib/digest.c)
SHARED_SRC  := $(filter-out $(LEFT_OUT),$(SHARED_ALL)) $(if $(filter nohash,$(VARIANT)),$(wildcard test/nohash/*.c))
IMAGE_SRC   := $(sort $(filter-out $(LEFT_OUT),$(foreach r,$(IMAGE_ROOMS),$(wildcard $(r)/*.c $(r)/*.S))) $(SHARED_SRC))
BLOCK_SRC   := $(sort $(wildcard purgatory/*.c purgatory/*.S) $(SHARED_SRC))

IMAGE_OBJ   := $(patsubst %,$(O)/image/%.o,$(IMAGE_SRC))
BLOCK_OBJ   := $(patsubst %,$(O)/block/%.o,$(BLOCK_SRC))

# The console font, from the Debian package xfonts-terminus.
FONT_PCF ?= /usr/share/fonts/X11/misc/ter-u16n_iso-8859-1.pcf.gz
IMAGE_OBJ += $(O)/image/gen/font.c.o
BLOCK_OBJ += $(O)/block/gen/font.c.o

$(O)/gen/font.c: tools/font.py $(wildcard $(FONT_PCF))
	@mkdir -p $(@D)
	@test -e $(FONT_PCF) || { echo "no $(FONT_PCF): run make deps (Debian package xfonts-terminus)" >&2; exit 1; }
	$(PYTHON) tools/font.py $(FONT_PCF) > $@

$(O)/image/gen/font.c.o: $(O)/gen/font.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_IMAGE) -c -o $@ $<

$(O)/block/gen/font.c.o: $(O)/gen/font.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_BLOCK) -c -o $@ $<

# Its loops must not be turned into calls of themselves.
$(O)/image/lib/string.c.o: CFLAGS_IMAGE += $(CFLAGS_STRING)
$(O)/block/lib/string.c.o: CFLAGS_BLOCK += $(CFLAGS_STRING)

# The block's size has a budget (protocol rule 19): what only writes text is small rather than fast.
BLOCK_SMALL := lib/fmt lib/fbtext lib/panel purgatory/mismatch purgatory/record purgatory/fail
$(BLOCK_SMALL:%=$(O)/block/%.c.o): CFLAGS_BLOCK += -Os

# Without a frame pointer all eight working variables of a round stay in registers.
$(foreach f,sha256 sha256_plain sha256_translated,$(O)/image/lib/$(f).c.o): CFLAGS_IMAGE += -fomit-frame-pointer
$(foreach f,sha256 sha256_plain sha256_translated,$(O)/block/lib/$(f).c.o): CFLAGS_BLOCK += -fomit-frame-pointer

$(O)/image/lib/sha256_ni.c.o: CFLAGS_IMAGE := $(filter-out -mgeneral-regs-only,$(CFLAGS_IMAGE)) $(CFLAGS_SHANI)
$(O)/block/lib/sha256_ni.c.o: CFLAGS_BLOCK := $(filter-out -mgeneral-regs-only,$(CFLAGS_BLOCK)) $(CFLAGS_SHANI)

# Identity of the build, rewritten only when it changes.
IDENTITY := \#define BATON_VERSION "$(VERSION)"\n\#define BATON_COMMIT "$(COMMIT)"\n\#define BATON_BUILD "$(VARIANT)"\n
$(O)/gen/identity.h: FORCE
	@mkdir -p $(@D)
	@printf '$(IDENTITY)' | cmp -s - $@ || printf '$(IDENTITY)' > $@

.PHONY: FORCE
FORCE:

# Flags are part of what an object is made of.
$(O)/gen/compiler: FORCE
	@mkdir -p $(@D)
	@echo '$(CC)' | cmp -s - $@ || echo '$(CC)' > $@

BUILT_BY := Makefile $(O)/gen/compiler

$(O)/image/%.c.o: %.c $(BUILT_BY) | $(O)/gen/identity.h
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_IMAGE) -c -o $@ $<

$(O)/image/%.S.o: %.S $(BUILT_BY) | $(O)/gen/identity.h
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_IMAGE) -c -o $@ $<

$(O)/block/%.c.o: %.c $(BUILT_BY)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_BLOCK) -c -o $@ $<

$(O)/block/%.S.o: %.S $(BUILT_BY)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_BLOCK) -c -o $@ $<

LDFLAGS_PIE := -pie --no-dynamic-linker -z text -z noexecstack -z max-page-size=4096 --no-warn-rwx-segments --build-id=none

# The block: position independent without any relocation and without undefined symbols (the link proves closure),
# so that a copy runs wherever it lies. Its lot paths must fit a slot's stack.
$(O)/block.elf: $(BLOCK_OBJ) purgatory/block.lds test/lint/stack.py
	$(LD) $(LDFLAGS_PIE) -z defs -T purgatory/block.lds -Map $(O)/block.map -o $@ $(BLOCK_OBJ)
	@! readelf -rW $@ | grep R_X86_64
	@$(PYTHON) test/lint/stack.py $@ $(BLOCK_OBJ:.o=.su)

$(O)/block.bin: $(O)/block.elf
	$(OBJCOPY) -O binary -j .rodata -j .text -j .data $< $@

$(O)/image/kernel/blob.S.o: $(O)/block.bin
$(O)/image/kernel/blob.S.o: CFLAGS_IMAGE += -DBLOCK_BIN='"$(O)/block.bin"'

# -z text and the check below: no relocation outside .data, none but R_X86_64_RELATIVE.
$(O)/baton.elf: $(IMAGE_OBJ) x86/entry/image.lds
	$(LD) $(LDFLAGS_PIE) -T x86/entry/image.lds -Map $(O)/baton.map -o $@ $(IMAGE_OBJ)
	@! readelf -rW $@ | grep R_X86_64 | grep -v R_X86_64_RELATIVE

$(O)/header.elf: $(O)/image/x86/entry/header.S.o x86/entry/header.lds $(O)/baton.elf
	$(LD) -static --build-id=none -R $(O)/baton.elf -T x86/entry/header.lds -o $@ $<

$(O)/baton.efi: $(O)/header.elf $(O)/baton.elf
	$(OBJCOPY) -O binary -j .header $(O)/header.elf $(O)/header.bin
	$(OBJCOPY) -O binary $(O)/baton.elf $(O)/body.bin
	cat $(O)/header.bin $(O)/body.bin > $@

.PHONY: faults nohash
faults:
	+$(MAKE) --no-print-directory O=$(O)/faults VARIANT=faults $(O)/faults/baton.efi
	cp $(O)/faults/baton.efi $(O)/baton-faults.efi

nohash:
	+$(MAKE) --no-print-directory O=$(O)/nohash VARIANT=nohash $(O)/nohash/baton.efi
	cp $(O)/nohash/baton.efi $(O)/baton-nohash.efi

.PHONY: clean
clean:
	rm -rf $(O)

-include $(IMAGE_OBJ:.o=.d) $(BLOCK_OBJ:.o=.d) $(O)/image/x86/entry/header.S.d

include $(wildcard test/test.mk) tools/tools.mk test/probe/probe.mk test/tables/tables.mk test/system.mk test/fuzz/fuzz.mk test/mutants/mutants.mk test/hostile/hostile.mk
