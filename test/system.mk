# SPDX-License-Identifier: MIT
# What CI runs, in parts.

PYTEST := $(PYTHON) -B -m pytest -p no:cacheprovider
# Emulators side by side; each has its own deadlines, which leave room for that.
JOBS   ?= 2

.PHONY: test test-quick test-system lint
# The packages first: what is compiled below needs them.
test: deps-test
	@$(MAKE) --no-print-directory lint test-unit coverage-parsers mutants mutants-known fuzz test-hostile test-system

# Everything that needs no emulator.
test-quick: deps-test
	@$(MAKE) --no-print-directory lint test-unit test-image

SYSTEM_NEEDS := $(O)/baton.efi faults $(DEBIAN)/vmlinuz $(RUN)/initrd.img $(CLOUD)/vmlinuz $(RUN)/initrd-cloud.img \
	$(O)/probe/probe.bin $(TABLES_EFI) $(KEXEC)/sbin/kexec $(PASS_IMG)

.PHONY: test-image
test-image: $(O)/baton.efi $(O)/tools/baton-report $(O)/tools/pattern-test | deps-test
	$(PYTEST) -q -m quick test/system $(PYTEST_ARGS)

test-system: $(SYSTEM_NEEDS) | deps-test
	$(PYTEST) -q -n $(JOBS) test/system $(PYTEST_ARGS)

# First that it can fail: the faults build believes one segment without a look.
CAMPAIGN := $(PYTHON) -B test/campaign/campaign.py
.PHONY: campaign
## campaign: flips bits of a guest between placing and the check (N=200 trials); each must be found and named, or not matter
campaign: $(O)/baton.efi faults | deps-test
	$(CAMPAIGN) --out $(O)/campaign --fault skip-verify:initrd --only initrd --trials 4 --expect-missed
	$(CAMPAIGN) --out $(O)/campaign --trials $(or $(N),200) $(CAMPAIGN_ARGS)

## misbehave: CPUs misbehave at random while Baton starts Baton (N=1000 generations, SEED=1), and each report must say so
.PHONY: misbehave
misbehave: faults
	$(PYTHON) -B test/campaign/misbehave.py --generations $(or $(N),1000) --seed $(or $(SEED),1) --out $(O)/misbehave

# Machines too large or too odd for every run: 300 CPUs take minutes.
.PHONY: test-reach
test-reach: $(SYSTEM_NEEDS) | deps-test deps-bench
	$(PYTEST) -q -m reach test/system $(PYTEST_ARGS)

lint: $(O)/baton.efi | deps-test
	$(PYTHON) test/lint/lint.py --self-test
	$(PYTHON) test/lint/lint.py --build $(O)
