# SPDX-License-Identifier: MIT
# The hostile machine (docs/hostile.md): the code of mm/ unchanged, with the seam's third twin in front.

HOSTILE_DIR   := $(O)/hostile
# -mno-red-zone and frame pointers: a stack is saved from its pointer upwards, a trace walks the frames.
HOSTILE_FLAGS := -std=gnu11 -g $(WARN) -fno-omit-frame-pointer -fno-strict-aliasing -fno-stack-protector -mno-red-zone \
	-fno-pie -Itest/hostile/seam -Itest/twin -I.
HOSTILE_CODE  := $(patsubst %,$(HOSTILE_DIR)/%.o,$(wildcard mm/*.c))
# Code that runs on the platform: every plain access and every call is told to the machine (test/hostile/plain.c). The
# block's and the kernel's code and variables are kept apart by section names.
HOSTILE_SMP   := $(patsubst %,$(HOSTILE_DIR)/%.o,smp/ap.c smp/call.c smp/cpu.c smp/hold.c smp/layout.c smp/online.c smp/park.c \
	smp/table.c x86/apic.c)
HOSTILE_BLOCK := $(patsubst %,$(HOSTILE_DIR)/%.o,purgatory/boss.c purgatory/check.c purgatory/lapic.c purgatory/lot.c \
	purgatory/main.c purgatory/recall.c purgatory/verify.c)
HOSTILE_TOLD  := -O0 -fsanitize=thread -fdata-sections
HOSTILE_REST  := $(patsubst %,$(HOSTILE_DIR)/%.o,$(wildcard test/hostile/*.c test/hostile/scenario/*.c) lib/status.c lib/fmt.c \
	purgatory/copy.c x86/state_compare.c test/twin/twin.c)
# Assembly that runs as it stands, but for its privileged instructions.
HOSTILE_ASM   := $(patsubst %,$(HOSTILE_DIR)/%.o,purgatory/gates.S test/hostile/gate.S)
HOSTILE_GATES := -include test/hostile/seam/privileged.h

$(HOSTILE_CODE): $(HOSTILE_DIR)/%.c.o: %.c
	@mkdir -p $(@D)
	@gcc -O0 --coverage $(HOSTILE_FLAGS) -MMD -MP -c -o $@ $<

# $(1): kernel or block
hostile_state = --rename-section \1=$(1)_state,alloc,load,data,contents
hostile_sections = objcopy --rename-section .text=$(1)_text --redefine-sym memcmp=hostile_memcmp \
	$$(objdump -h $@ | sed -n 's/^ *[0-9]* \(\.bss\.[A-Za-z][^ ]*\) .*/$(call hostile_state,$(1))/p') $@

$(HOSTILE_SMP): $(HOSTILE_DIR)/%.c.o: %.c
	@mkdir -p $(@D)
	@gcc $(HOSTILE_TOLD) --coverage $(HOSTILE_FLAGS) -MMD -MP -c -o $@ $<
	@$(call hostile_sections,kernel)

$(HOSTILE_BLOCK): $(HOSTILE_DIR)/%.c.o: %.c
	@mkdir -p $(@D)
	@gcc $(HOSTILE_TOLD) --coverage $(HOSTILE_FLAGS) -MMD -MP -c -o $@ $<
	@$(call hostile_sections,block)

$(HOSTILE_REST): $(HOSTILE_DIR)/%.c.o: %.c
	@mkdir -p $(@D)
	@gcc -O2 $(HOSTILE_FLAGS) -MMD -MP -c -o $@ $<

$(HOSTILE_DIR)/purgatory/gates.S.o: HOSTILE_AS := $(HOSTILE_GATES)
$(HOSTILE_ASM): $(HOSTILE_DIR)/%.S.o: %.S
	@mkdir -p $(@D)
	@gcc $(HOSTILE_FLAGS) $(HOSTILE_AS) -MMD -MP -c -o $@ $<

$(HOSTILE_DIR)/hostile: $(HOSTILE_CODE) $(HOSTILE_SMP) $(HOSTILE_BLOCK) $(HOSTILE_REST) $(HOSTILE_ASM)
	@gcc -no-pie --coverage -o $@ $^

# Without coverage, for mutants: all objects but the mutated one.
HOSTILE_PLAIN := $(patsubst $(HOSTILE_DIR)/%,$(HOSTILE_DIR)/plain/%,$(HOSTILE_CODE) $(HOSTILE_SMP) $(HOSTILE_BLOCK) \
	$(HOSTILE_REST) $(HOSTILE_ASM))

$(HOSTILE_DIR)/plain/mm/%.c.o: mm/%.c
	@mkdir -p $(@D)
	@gcc -O0 $(HOSTILE_FLAGS) -MMD -MP -c -o $@ $<

$(HOSTILE_DIR)/plain/%.o: $(HOSTILE_DIR)/%.o
	@mkdir -p $(@D)
	@ln -f $< $@

-include $(HOSTILE_PLAIN:.o=.d)
-include $(HOSTILE_CODE:.o=.d) $(HOSTILE_SMP:.o=.d) $(HOSTILE_BLOCK:.o=.d) $(HOSTILE_REST:.o=.d) $(HOSTILE_ASM:.o=.d)

.PHONY: test-hostile hostile
## test-hostile: every schedule of all scenarios within the bound, and bugs in smp/ and the lot; HOSTILE_REPLAY=schedule: that one
test-hostile: $(HOSTILE_DIR)/hostile
	@$(PYTHON) -B test/hostile/run.py $(HOSTILE_DIR) $(if $(HOSTILE_REPLAY),--replay '$(HOSTILE_REPLAY)') $(SCENARIO)
	@$(if $(HOSTILE_REPLAY)$(SCENARIO),,$(PYTHON) -B test/hostile/bugs.py $(HOSTILE_DIR) \
		'$(HOSTILE_TOLD) --coverage $(HOSTILE_FLAGS)' '$(HOSTILE_GATES)')

T ?= 60
## hostile: random schedules without a bound for T=60 seconds (SEED=number)
hostile: $(HOSTILE_DIR)/hostile
	@$(PYTHON) -B test/hostile/run.py $(HOSTILE_DIR) --random $(T) --seed $(or $(SEED),0)

# Rooms whose every mutant is known by make test.
MUTANT_ROOMS := mm smp purgatory
# $(1): rooms, $(2): known, search or new, $(3): text in a mutant's name
hostile_mutants = @$(MAKE) --no-print-directory -s -j2 $(HOSTILE_PLAIN) $(MUTANT_DIR)/libbaton.a $(MUTANT_TEST) && \
	HOSTILE_FLAGS='$(HOSTILE_FLAGS)' HOSTILE_TOLD='$(HOSTILE_TOLD)' HOSTILE_TOLD_CODE='$(HOSTILE_SMP) $(HOSTILE_BLOCK)' \
	MUTANT_POOL='$(MUTANT_POOL)' $(PYTHON) -B test/hostile/mutants.py $(HOSTILE_DIR) $(MUTANT_DIR) '$(MUTANT_FLAGS)' \
	'$(MUTANT_LIBS)' '$(1)' $(2) $(if $(3),'$(3)')

.PHONY: mutants-hostile mutants-smp mutants-known
## mutants-hostile: what notices each mutant of mm/: one per fence, locked operation, flush, free, state test (MUTANT=text or new)
mutants-hostile:
	$(call hostile_mutants,mm,$(if $(filter new,$(MUTANT)),new,search),$(filter-out new,$(MUTANT)))

## mutants-smp: the same for smp/ and purgatory/, and each of their calls dropped; of those that are not known (MUTANT=text)
mutants-smp:
	$(call hostile_mutants,smp purgatory,new,$(MUTANT))

## mutants-known: the same mutants, each against what noticed it before (test/hostile/kills*.txt)
mutants-known:
	$(call hostile_mutants,$(MUTANT_ROOMS),known)
